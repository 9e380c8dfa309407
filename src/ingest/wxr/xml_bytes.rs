//! Bytes of an export on their way to the XML reader: decoded to UTF-8, without the characters that
//! XML forbids (WordPress writes them out as they were pasted), with lines counted.

use std::io::{self, BufRead, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use crate::ingest::clean::without_forbidden;

const CHUNK_BYTES: usize = 64 << 10;

/// A reader that yields valid UTF-8 which XML can carry, and no XML declaration.
pub(super) struct XmlBytes<R> {
    inner: R,
    decoder: Option<Decoder>,
    chunk: Vec<u8>,
    ready: String,
    at: usize,
    line: u64,
    forbidden: usize,
    allowance: usize,
    ended: bool,
}

impl<R: Read> XmlBytes<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> XmlBytes<R> {
        XmlBytes {
            inner,
            decoder: None,
            chunk: vec![0; CHUNK_BYTES],
            ready: String::new(),
            at: 0,
            line: 1,
            forbidden: 0,
            allowance: usize::MAX,
            ended: false,
        }
    }

    /// The line that was read last, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Characters taken out so far.
    pub fn forbidden(&self) -> usize {
        self.forbidden
    }

    /// Counts characters that were taken out elsewhere.
    pub fn count_forbidden(&mut self, more: usize) {
        self.forbidden += more;
    }

    /// The next piece of XML may have so many bytes.
    pub fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
    }

    fn refill(&mut self) -> io::Result<()> {
        let is_first = self.decoder.is_none();
        let filled = if is_first { self.read_full()? } else { self.inner.read(&mut self.chunk)? };
        self.ended = filled == 0;
        let mut bytes = &self.chunk[..filled];
        let decoder = self.decoder.get_or_insert_with(|| declared(bytes).new_decoder());
        let mut text = String::new();
        loop {
            text.reserve(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(CHUNK_BYTES));
            let (result, used, _) = decoder.decode_to_string(bytes, &mut text, self.ended);
            bytes = &bytes[used..];
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if is_first {
            text = self.without_declaration(text);
        }
        let (kept, forbidden) = without_forbidden(&text);
        self.forbidden += forbidden;
        self.ready = kept.into_owned();
        self.at = 0;
        Ok(())
    }

    /// The declaration stands in the first bytes, so these are read in one go.
    fn read_full(&mut self) -> io::Result<usize> {
        let mut filled = 0;
        while filled < 1024 {
            match self.inner.read(&mut self.chunk[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    }

    /// Once decoded, the declared encoding is no longer true.
    fn without_declaration(&mut self, text: String) -> String {
        let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
        let (skipped, rest) = match trimmed.strip_prefix("<?xml").and_then(|t| t.split_once("?>")) {
            Some((_, rest)) => (&text[..text.len() - rest.len()], rest),
            None => (&text[..text.len() - trimmed.len()], trimmed),
        };
        self.line += lines(skipped.as_bytes());
        rest.to_owned()
    }
}

/// The encoding that the declaration names; a byte order mark is stronger and read by the decoder.
fn declared(start: &[u8]) -> &'static Encoding {
    let head = String::from_utf8_lossy(&start[..start.len().min(256)]);
    let label = head.split_once("encoding=").and_then(|(_, on)| {
        let quote = on.chars().next()?;
        on[1..].split(quote).next()
    });
    label.and_then(|label| Encoding::for_label(label.as_bytes())).unwrap_or(UTF_8)
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|b| **b == b'\n').count() as u64
}

impl<R: Read> BufRead for XmlBytes<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.allowance == 0 {
            return Err(io::Error::other("a single text or tag is longer than 32 MiB"));
        }
        while self.at >= self.ready.len() && !self.ended {
            self.refill()?;
        }
        let ready = &self.ready.as_bytes()[self.at..];
        Ok(&ready[..ready.len().min(self.allowance)])
    }

    fn consume(&mut self, n: usize) {
        self.line += lines(&self.ready.as_bytes()[self.at..self.at + n]);
        self.at += n;
        self.allowance -= n;
    }
}

impl<R: Read> Read for XmlBytes<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buf.len());
        buf[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}
