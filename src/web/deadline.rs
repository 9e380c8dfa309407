//! One deadline for a connection: silent, dripping and slow peers are cut, busy ones cost nothing.
//!
//! hyper's own header timeout boxes a timer for every request. Here a connection has one timer that
//! is moved only when it rings, and the request path only writes a phase. What a deadline means
//! depends on the phase: waiting for a request, reading its head, answering it, or waiting for the
//! peer to take the answer. An answer that the kernel takes whole is never watched here: the kernel
//! ends that connection by itself when the peer stays away (`TCP_USER_TIMEOUT`).

use std::{
    borrow::Cow,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use super::phase::{Doing, Phase};
use crate::{config::Limits, metrics::Metrics};

/// Up to here head and body are copied together and sent at once.
const TOGETHER_BYTES_MAX: usize = 8 << 10;

/// What the kernel takes before it is sent: 200 slow readers would else cost 500 MB of buffers.
const UNSENT_BYTES_MAX: u32 = 256 << 10;

const MALFORMED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n\r\n\
    The request is malformed\n";
const LONG_URI: &[u8] = b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 25\r\n\r\n\
    The address is too long.\n";
const LARGE_HEAD: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\n\
    Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 39\r\n\r\n\
    The headers are too many or too large.\n";

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The head of a request took too long.
    Head,
    /// No request came.
    Idle,
    /// The peer did not take its answer.
    Write,
}

/// A connection that is cut when its time is over.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    phase: Phase,
    times: Times,
    /// When the phase that reads are judged by began; asked for no sooner than somebody waits, since
    /// most heads come whole.
    since: Option<Instant>,
    /// What the peer leaves lying; `None` as long as it takes everything at once.
    debt: Option<Debt>,
    /// After this moment the next answer is the last.
    old_at: Instant,
    bell: Pin<Box<Sleep>>,
    /// True once the connection's task waits for the bell.
    armed: bool,
    metrics: Arc<Metrics>,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    head: Duration,
    idle: Duration,
    write: Duration,
    write_bytes_per_second: f64,
}

/// How a peer takes an answer that it did not take at once.
#[derive(Clone, Copy, Debug)]
struct Debt {
    since: Instant,
    bytes_taken: usize,
    /// Since when it has taken nothing.
    stuck_since: Option<Instant>,
}

impl Debt {
    /// When the peer is cut if it takes nothing more: it may stand still for a while, and on the whole
    /// be that much behind the slowest rate.
    fn deadline(&self, times: &Times) -> Instant {
        let due = Duration::from_secs_f64(self.bytes_taken as f64 / times.write_bytes_per_second);
        let behind = self.since + times.write + due;
        self.stuck_since.map_or(behind, |since| behind.min(since + times.write))
    }
}

impl Patient {
    /// Watches over `stream`; the phase is for the request path. Cuts are counted.
    pub fn new(stream: TcpStream, limits: &Limits, metrics: Arc<Metrics>) -> (Patient, Phase) {
        let phase = Phase::new();
        let times = Times {
            head: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
            write_bytes_per_second: limits.write_bytes_per_second_min.max(1) as f64,
        };
        let patience = u32::try_from(times.write.as_millis()).unwrap_or(u32::MAX);
        // Where these cannot be set, the kernel keeps more for the peer, and for longer.
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, patience);
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
        let since = Instant::now();
        let bell = Box::pin(tokio::time::sleep_until(since + times.head));
        let patient = Patient {
            stream,
            phase: phase.clone(),
            times,
            since: Some(since),
            debt: None,
            old_at: since + limits.connection_age_max,
            bell,
            armed: false,
            metrics,
        };
        (patient, phase)
    }

    fn read_deadline(&mut self) -> Option<(Instant, Cut)> {
        let (time, cut) = match self.phase.get() {
            Doing::Waiting => (self.times.idle, Cut::Idle),
            Doing::Reading => (self.times.head, Cut::Head),
            Doing::Answering | Doing::Writing => return None,
        };
        Some((*self.since.get_or_insert_with(Instant::now) + time, cut))
    }

    /// Rings at `deadline` or earlier; an early ring only moves the bell.
    fn poll_bell(
        &mut self,
        context: &mut Context<'_>,
        (deadline, cut): (Instant, Cut),
    ) -> Poll<io::Error> {
        if self.bell.deadline() > deadline {
            self.bell.as_mut().reset(deadline);
        }
        loop {
            self.armed = true;
            ready!(self.bell.as_mut().poll(context));
            if Instant::now() >= deadline {
                self.count(cut);
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.bell.as_mut().reset(deadline);
        }
    }

    fn count(&self, cut: Cut) {
        tracing::debug!(?cut, "a connection was cut");
        match cut {
            Cut::Head => self.metrics.limit_hit("header_time"),
            Cut::Write => self.metrics.limit_hit("write_time"),
            // The usual end of a connection that is no longer needed.
            Cut::Idle => {}
        }
    }

    /// What a write came to, with the peer's debt kept.
    fn judge_write(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            if let (Some(debt), Ok(bytes)) = (&mut self.debt, &written) {
                debt.bytes_taken += bytes;
                debt.stuck_since = None;
            }
            return Poll::Ready(written);
        }
        let now = Instant::now();
        let debt = Debt { since: now, bytes_taken: 0, stuck_since: None };
        let debt = self.debt.get_or_insert(debt);
        debt.stuck_since.get_or_insert(now);
        let deadline = debt.deadline(&self.times);
        self.phase.writing();
        let error = ready!(self.poll_bell(context, (deadline, Cut::Write)));
        // What the peer does not take must not stay in the kernel's buffers either.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        Poll::Ready(Err(error))
    }

    /// Everything is written: the peer owes nothing.
    fn settle(&mut self, context: &mut Context<'_>) {
        if self.debt.take().is_some() {
            self.phase.written();
            self.begin_waiting(context);
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.phase.get() == Doing::Waiting && read.is_ready() {
            self.phase.reading();
            self.since = None;
        }
        if read.is_ready() {
            return read;
        }
        match self.read_deadline() {
            None => Poll::Pending,
            Some(deadline) => self.poll_bell(context, deadline).map(Err),
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(text) = self.own_words(bytes) {
            let spoken = Pin::new(&mut self.stream).poll_write(context, text);
            let spoken = ready!(self.judge_write(context, spoken));
            return Poll::Ready(spoken.map(|_| bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.begin_waiting(context);
        self.judge_write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.phase.get() == Doing::Reading {
            // Never an answer of ours; hyper writes its refusals in one piece.
            let first = slices.iter().find(|s| !s.is_empty());
            return self.poll_write(context, first.map_or(&[], |s| s));
        }
        let written = match small(slices) {
            Some(whole) => Pin::new(&mut self.stream).poll_write(context, &whole),
            None => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        };
        self.begin_waiting(context);
        self.judge_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when all is with the kernel, where nothing is left to be flushed.
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.settle(context);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Small answers in one piece: a plain send costs less than a gathering write and a copy.
fn small<'a>(slices: &'a [io::IoSlice<'a>]) -> Option<Cow<'a, [u8]>> {
    let length: usize = slices.iter().map(|slice| slice.len()).sum();
    match slices {
        [only] => Some(Cow::Borrowed(only)),
        _ if length <= TOGETHER_BYTES_MAX => {
            let mut whole = Vec::with_capacity(length);
            slices.iter().for_each(|slice| whole.extend_from_slice(slice));
            Some(Cow::Owned(whole))
        }
        _ => None,
    }
}

impl Patient {
    /// The wait for the next request begins when the answer is written. hyper does not read again
    /// before the peer sends something, so it is here that the bell must be set.
    fn begin_waiting(&mut self, context: &mut Context<'_>) {
        if self.phase.get() != Doing::Waiting {
            return;
        }
        let since = Instant::now();
        self.since = Some(since);
        if since >= self.old_at {
            self.phase.grow_old();
        }
        if self.armed && !self.bell.is_elapsed() {
            return;
        }
        self.bell.as_mut().reset(since + self.times.idle);
        self.armed = self.bell.as_mut().poll(context).is_pending();
    }

    /// What is sent in the place of a refusal that hyper writes by itself: it has no body, and a
    /// person deserves a sentence. Nobody else writes while a head is being read.
    fn own_words(&self, bytes: &[u8]) -> Option<&'static [u8]> {
        if self.phase.get() != Doing::Reading {
            return None;
        }
        match bytes.get(..12)? {
            b"HTTP/1.1 400" | b"HTTP/1.0 400" => Some(MALFORMED),
            b"HTTP/1.1 414" | b"HTTP/1.0 414" => {
                self.metrics.limit_hit("uri");
                Some(LONG_URI)
            }
            b"HTTP/1.1 431" | b"HTTP/1.0 431" => {
                self.metrics.limit_hit("headers");
                Some(LARGE_HEAD)
            }
            _ => None,
        }
    }
}
