//! What is imported: a file, standard input, or bytes; packed by gzip or not.
//!
//! Everything can be read twice (an export is), so standard input goes to a temporary file first.
//! Refuses archives that unpack to far more than they hold.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

/// Standard input is spooled up to this size.
const STDIN_BYTES_MAX: u64 = 64 << 30;
/// An archive may unpack to this many times its size …
const UNPACK_RATIO_MAX: u64 = 100;
/// … once it is larger than this.
const UNPACK_BYTES_FREE: u64 = 1 << 20;

/// Something to import.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
    /// Bytes in memory, with a name for messages.
    Bytes {
        /// The name.
        name: String,
        /// The bytes.
        bytes: &'static [u8],
    },
}

impl Input {
    /// The input an argument names: a path, or `-` for standard input.
    pub fn from_argument(argument: &str) -> Input {
        if argument == "-" { Input::Stdin } else { Input::File(argument.into()) }
    }

    /// As messages call it.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Stdin => "standard input".into(),
            Input::Bytes { name, .. } => name.clone(),
        }
    }
}

/// An input that can be read again and again.
#[derive(Debug)]
pub(in crate::ingest) struct Source {
    /// As messages call it.
    pub name: String,
    /// Bytes as stored, before unpacking.
    pub bytes_total: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(File),
    Bytes(&'static [u8]),
}

impl Source {
    /// Opens a file, or reads standard input to its end.
    pub fn prepare(input: &Input) -> io::Result<Source> {
        let name = input.name();
        let content = match input {
            Input::File(path) => Content::File(open_file(path)?),
            Input::Stdin => Content::File(spooled(io::stdin().lock())?),
            Input::Bytes { bytes, .. } => Content::Bytes(bytes),
        };
        let bytes_total = match &content {
            Content::File(file) => file.metadata()?.len(),
            Content::Bytes(bytes) => bytes.len() as u64,
        };
        Ok(Source { name, bytes_total, content })
    }

    /// From the beginning, unpacked; `read` counts the stored bytes that were read.
    pub fn open(&self, read: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        match &self.content {
            Content::File(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(0))?;
                unpacked(Counted { inner: file, read: read.clone() })
            }
            Content::Bytes(bytes) => {
                unpacked(Counted { inner: Cursor::new(*bytes), read: read.clone() })
            }
        }
    }

    /// All of it, at most `bytes_max`.
    pub fn read_whole(&self, bytes_max: usize, read: &Arc<AtomicU64>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(read)?.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            return Err(io::Error::other(format!("it is larger than {bytes_max} bytes")));
        }
        Ok(bytes)
    }
}

fn open_file(path: &PathBuf) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder: name the files in it"));
    }
    if file.metadata()?.is_file() { Ok(file) } else { spooled(file) }
}

/// A temporary file without a name, gone when it is closed.
fn spooled(from: impl Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut from.take(STDIN_BYTES_MAX + 1), &mut file)?;
    if copied > STDIN_BYTES_MAX {
        return Err(io::Error::other("it is larger than 64 GiB"));
    }
    Ok(file)
}

fn unpacked(counted: Counted<impl Read + Send + 'static>) -> io::Result<Box<dyn Read + Send>> {
    let (read, before) = (counted.read.clone(), counted.read.load(Ordering::Relaxed));
    let mut stored = BufReader::with_capacity(64 << 10, counted);
    let start = io::BufRead::fill_buf(&mut stored)?;
    // By content, not by name (RFC 1952 §2.3.1).
    if !start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(stored));
    }
    Ok(Box::new(Unpacked { inner: MultiGzDecoder::new(stored), read, before, out: 0 }))
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// An archive that may not be a bomb.
struct Unpacked<R> {
    inner: R,
    read: Arc<AtomicU64>,
    before: u64,
    out: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.out += n as u64;
        let stored = self.read.load(Ordering::Relaxed).saturating_sub(self.before);
        if self.out > UNPACK_BYTES_FREE && self.out / UNPACK_RATIO_MAX > stored {
            return Err(io::Error::other(format!(
                "it unpacks to more than {UNPACK_RATIO_MAX} times its size: unpack it yourself if you trust it"
            )));
        }
        Ok(n)
    }
}
