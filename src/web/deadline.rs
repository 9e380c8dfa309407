//! One deadline for a connection: silent, dripping and slow peers are cut, busy ones cost nothing.
//!
//! hyper's own header timeout boxes a timer for every request. Here a connection has one timer that
//! is moved only when it rings, and the request path only writes a phase. What a deadline means
//! depends on the phase: waiting for a request, reading its head, or answering it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};

use crate::config::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Between two requests.
    Waiting = 0,
    /// A request's head has begun to arrive, or the connection is new.
    Reading = 1,
    /// A request is with its handler or its answer is on the way.
    Answering = 2,
}

/// Where the request path says what a connection is doing.
#[derive(Clone, Debug)]
pub struct Phase(Arc<AtomicU8>);

impl Phase {
    fn new() -> Phase {
        Phase(Arc::new(AtomicU8::new(Doing::Reading as u8)))
    }

    /// A request's head is complete.
    pub fn answering(&self) {
        self.0.store(Doing::Answering as u8, Relaxed);
    }

    /// The answer is handed over.
    pub fn waiting(&self) {
        self.0.store(Doing::Waiting as u8, Relaxed);
    }

    fn reading(&self) {
        self.0.store(Doing::Reading as u8, Relaxed);
    }

    fn get(&self) -> Doing {
        match self.0.load(Relaxed) {
            0 => Doing::Waiting,
            1 => Doing::Reading,
            _ => Doing::Answering,
        }
    }
}

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
    /// When the phase that reads are judged by began.
    since: Instant,
    /// Since when a write has made no progress.
    stuck_since: Option<Instant>,
    bell: Pin<Box<Sleep>>,
    on_cut: fn(Cut),
}

#[derive(Clone, Copy, Debug)]
struct Times {
    head: Duration,
    idle: Duration,
    write: Duration,
}

impl Patient {
    /// Watches over `stream`; the phase is for the request path.
    pub fn new(stream: TcpStream, limits: &Limits) -> (Patient, Phase) {
        let phase = Phase::new();
        let times = Times {
            head: limits.header_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
        };
        let since = Instant::now();
        let bell = Box::pin(tokio::time::sleep_until(since + times.head));
        let patient = Patient {
            stream,
            phase: phase.clone(),
            times,
            since,
            stuck_since: None,
            bell,
            on_cut: |cut| tracing::debug!(?cut, "a connection was cut"),
        };
        (patient, phase)
    }

    fn read_deadline(&self) -> Option<(Instant, Cut)> {
        match self.phase.get() {
            Doing::Waiting => Some((self.since + self.times.idle, Cut::Idle)),
            Doing::Reading => Some((self.since + self.times.head, Cut::Head)),
            Doing::Answering => None,
        }
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
            ready!(self.bell.as_mut().poll(context));
            if Instant::now() >= deadline {
                (self.on_cut)(cut);
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.bell.as_mut().reset(deadline);
        }
    }

    /// What a write came to, with the time since the last progress kept.
    fn judge_write<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck_since = None;
            return written;
        }
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        let error = ready!(self.poll_bell(context, (since + self.times.write, Cut::Write)));
        // What the peer does not take must not stay in the kernel's buffers either.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        Poll::Ready(Err(error))
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
            self.since = Instant::now();
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.since_now_if_waiting();
        self.judge_write(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.since_now_if_waiting();
        self.judge_write(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge_write(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Patient {
    /// The wait for the next request begins when the answer is written.
    fn since_now_if_waiting(&mut self) {
        if self.phase.get() == Doing::Waiting {
            self.since = Instant::now();
        }
    }
}
