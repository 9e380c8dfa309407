//! hyper: accept, limit, drain.
//!
//! One task accepts; each connection is a task that this one owns. Connections beyond the limit are
//! answered 503 at once; at the end, open ones may finish within the drain time.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    answer::Answer,
    deadline::{Patient, Phase},
};
use crate::{config::Limits, metrics::Metrics};

/// What a listener does with a request.
pub trait Door: Clone + Send + Sync + 'static {
    /// The answer where it is ready without waiting: the hot path.
    fn answer_now(&self, request: &Request<Incoming>) -> Option<Answer>;

    /// The answer to everything else; never fails.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Answer> + Send + 'static;
}

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(100);

/// What hyper allows by itself.
const HYPER_HEADERS_MAX: usize = 100;

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 45\r\n\r\n\
    Too many connections are open, try again soon";

/// A listener that is bound and not yet accepting.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Followed by connections accepted from now on.
    pub limits: Arc<ArcSwap<Limits>>,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
}

impl Listener {
    /// Accepts until `stop`, then drains.
    pub async fn run(self, door: impl Door, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    while connections.try_join_next().is_some() {}
                    if connections.len() < self.limits.load().connections_max {
                        connections.spawn(self.serve(stream, peer, &door, &graceful));
                    } else {
                        self.refuse(&stream);
                    }
                }
                Err(error) => rest(&error).await,
            }
        }
        drop(self.socket);
        let drain = self.limits.load().drain_timeout;
        if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections were still busy after the drain time and were cut");
        }
        connections.shutdown().await;
    }

    fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        door: &impl Door,
        graceful: &GracefulShutdown,
    ) -> impl Future<Output = ()> + Send + 'static {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let limits = self.limits.load();
        let (stream, phase) = Patient::new(stream, &limits, self.metrics.clone());
        let service = Answering { door: door.clone(), peer, phase };
        let connection = builder(&limits).serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        let open = Open::new(self.metrics.clone());
        async move {
            // A broken or cut connection is the peer's affair.
            let _ = watched.await;
            drop(open);
        }
    }

    fn refuse(&self, stream: &TcpStream) {
        self.metrics.limit_hit("connections");
        // A fresh socket has room for this; if not, closing says enough.
        let _ = stream.try_write(FULL);
        let _ = socket2::SockRef::from(stream).shutdown(Shutdown::Write);
        // What is left unread when a socket is closed makes the peer lose what it was told.
        let _ = stream.try_read(&mut [0; 4096]);
    }
}

/// Counts a connection as long as it is open, whatever ends it.
struct Open(Arc<Metrics>);

impl Open {
    fn new(metrics: Arc<Metrics>) -> Open {
        metrics.connections.inc();
        Open(metrics)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    if limits.headers_max != HYPER_HEADERS_MAX {
        // Said so, hyper clears its room for headers anew with every request.
        builder.max_headers(limits.headers_max);
    }
    builder
        .max_buf_size(limits.header_bytes_max.max(8192))
        .half_close(false)
        .keep_alive(true)
        .header_read_timeout(None);
    builder
}

async fn rest(error: &io::Error) {
    tracing::warn!(%error, "a connection was not accepted");
    tokio::time::sleep(REST).await;
}

/// A door for one connection; tells its deadline what is going on.
#[derive(Clone)]
struct Answering<D> {
    door: D,
    peer: SocketAddr,
    phase: Phase,
}

/// An answer now or later; the first needs no allocation.
enum Coming {
    Now(Option<Answer>),
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

impl Future for Coming {
    type Output = Result<Answer, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Coming::Now(answer) => answer.take().map_or(Poll::Pending, |a| Poll::Ready(Ok(a))),
            Coming::Later(answer) => answer.as_mut().poll(context).map(Ok),
        }
    }
}

impl<D: Door> Service<Request<Incoming>> for Answering<D> {
    type Response = Answer;
    type Error = Infallible;
    type Future = Coming;

    fn call(&self, request: Request<Incoming>) -> Coming {
        if let Some(answer) = self.door.answer_now(&request) {
            self.phase.waiting();
            return Coming::Now(Some(answer));
        }
        self.phase.answering();
        let phase = self.phase.clone();
        let answer = self.door.answer(request, self.peer);
        Coming::Later(Box::pin(async move {
            let answer = answer.await;
            phase.waiting();
            answer
        }))
    }
}
