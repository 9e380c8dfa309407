//! One kept connection of the load generator: send, read the head, drop the body.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};

/// Room for the head of an answer and a little of its body.
const HEAD_BYTES_MAX: usize = 2048;
/// How much of a body is dropped at once.
const DROP_BYTES_MAX: usize = 1 << 20;
/// What a hit that was counted says.
const MARK: &[u8] = b"jarshy-view: counted";

/// What all connections share.
pub struct Scratch {
    /// Never written: the kernel only looks at its length.
    dropped: Vec<u8>,
    /// The head that was read last, and what it said: most heads are equal.
    known: Head,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch { dropped: vec![0; DROP_BYTES_MAX], known: Head::default() }
    }
}

#[derive(Default)]
struct Head {
    bytes: Vec<u8>,
    status: u16,
    body: usize,
    marked: bool,
}

/// Where an answer is.
pub enum Progress {
    /// More is to come.
    Partial,
    /// The answer was read to its end.
    Whole {
        /// The status code.
        status: u16,
        /// Head and body.
        bytes: usize,
        /// True when a hit was counted.
        marked: bool,
    },
}

/// A connection with at most one request under way.
pub struct Connection {
    stream: TcpStream,
    sent: Instant,
    head: [u8; HEAD_BYTES_MAX],
    filled: usize,
    /// What the head said, and how much of the body is still to come.
    answer: Option<(u16, usize, bool)>,
    left: usize,
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection {
    /// Connects.
    pub fn to(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let head = [0; HEAD_BYTES_MAX];
        Ok(Connection { stream, sent: Instant::now(), head, filled: 0, answer: None, left: 0 })
    }

    /// Sends a request.
    pub fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.sent = Instant::now();
        if send(&self.stream, request, SendFlags::NOSIGNAL)? != request.len() {
            bail!("a request did not fit into the socket");
        }
        (self.filled, self.answer, self.left) = (0, None, 0);
        Ok(())
    }

    /// How long ago the request was sent.
    pub fn waited(&self) -> Duration {
        self.sent.elapsed()
    }

    /// Reads what is there.
    pub fn read(&mut self, scratch: &mut Scratch) -> anyhow::Result<Progress> {
        if self.answer.is_none() && !self.read_head(scratch)? {
            return Ok(Progress::Partial);
        }
        while self.left > 0 {
            let room = self.left.min(DROP_BYTES_MAX);
            match came(recv(&self.stream, &mut scratch.dropped[..room], RecvFlags::TRUNC))? {
                0 => return Ok(Progress::Partial),
                bytes => self.left -= bytes.min(self.left),
            }
        }
        let (status, bytes, marked) = self.answer.unwrap_or_default();
        Ok(Progress::Whole { status, bytes, marked })
    }

    /// True when the head is there.
    fn read_head(&mut self, scratch: &mut Scratch) -> anyhow::Result<bool> {
        let room = &mut self.head[self.filled..];
        self.filled += came(recv(&self.stream, room, RecvFlags::empty()))?;
        let filled = &self.head[..self.filled];
        if scratch.known.bytes.is_empty() || !filled.starts_with(&scratch.known.bytes) {
            let Some(end) = filled.windows(4).position(|four| four == b"\r\n\r\n") else {
                return match self.filled {
                    HEAD_BYTES_MAX => bail!("the head of an answer is too long"),
                    _ => Ok(false),
                };
            };
            scratch.known = Head::parse(&filled[..end + 4])?;
        }
        let known = &scratch.known;
        let bytes = known.bytes.len() + known.body;
        self.answer = Some((known.status, bytes, known.marked));
        self.left = bytes.saturating_sub(self.filled);
        Ok(true)
    }
}

/// Bytes read, 0 when none are there yet.
fn came(read: Result<(usize, usize), Errno>) -> io::Result<usize> {
    match read {
        Ok((_, 0)) => Err(ErrorKind::UnexpectedEof.into()),
        Ok((_, bytes)) => Ok(bytes),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> anyhow::Result<Head> {
        let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.context("an answer without a status")?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = match status {
            204 | 304 => 0,
            _ => length.and_then(|l| l.parse().ok()).context("an answer without a length")?,
        };
        let marked = text.as_bytes().windows(MARK.len()).any(|part| part == MARK);
        Ok(Head { bytes: bytes.to_vec(), status, body, marked })
    }
}
