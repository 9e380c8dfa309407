//! hyper: accept, limit, drain.
//!
//! One task accepts; each connection is a task that this one owns. Connections for which there is no
//! seat are answered 503 at once; at the end, open ones may finish within the drain time.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{Shutdown, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use hyper::{
    Request,
    body::Incoming,
    header::{self, HeaderValue},
    server::conn::http1,
    service::Service,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use ipnet::IpNet;
use rustix::io::Errno;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    admission::{Place, Seats},
    answer::Answer,
    deadline::Patient,
    phase::Phase,
};
use crate::{config::Limits, metrics::Metrics};

/// How long accepting rests when the system has no descriptor left and none can be freed.
const REST: Duration = Duration::from_millis(100);
/// How long a connection that gives way needs to free its descriptor.
const SHORT_REST: Duration = Duration::from_millis(5);

/// What hyper allows by itself.
const HYPER_HEADERS_MAX: usize = 100;

/// How often it is logged that accepting fails.
const SAY_EVERY: Duration = Duration::from_secs(10);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 45\r\n\r\n\
    Too many connections are open, try again soon";

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

/// A listener that is bound and not yet accepting.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Followed by connections accepted from now on.
    pub limits: Arc<ArcSwap<Limits>>,
    /// Networks of proxies, which bring the connections of many.
    pub trusted_proxies: Arc<ArcSwap<Vec<IpNet>>>,
    /// Of the open files that the system allows connections, from 0 to 1: all listeners draw on them.
    pub descriptors_share: f64,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
}

impl Listener {
    /// Accepts until `stop`, then drains.
    pub async fn run(self, door: impl Door, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let (limits, trusted) = (self.limits.clone(), self.trusted_proxies.clone());
        let (share, mut said) = (self.descriptors_share, None);
        let mut seats = Seats::new(limits, trusted, self.metrics.clone(), share);
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    while connections.try_join_next().is_some() {}
                    let Some(place) = seats.admit(peer.ip(), connections.len()) else {
                        refuse(&stream);
                        continue;
                    };
                    let (connection, phase) = self.serve((stream, peer), place, &door, &graceful);
                    seats.seated(phase, connections.spawn(connection));
                }
                Err(error) => rest(&error, &mut seats, &mut said).await,
            }
        }
        drop(self.socket);
        let drain = self.limits.load().drain_timeout;
        if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections were still busy after the drain time and were cut");
        }
        connections.shutdown().await;
    }

    fn serve<D: Door>(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        place: Place,
        door: &D,
        graceful: &GracefulShutdown,
    ) -> (impl Future<Output = ()> + Send + use<D>, Phase) {
        // Answers are written whole; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let limits = self.limits.load();
        let (stream, phase) = Patient::new(stream, &limits, self.metrics.clone());
        let service = Answering { door: door.clone(), peer, phase: phase.clone() };
        let connection = builder(&limits).serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        let open = Open::new(self.metrics.clone());
        let connection = async move {
            // A broken or cut connection is the peer's affair.
            let _ = watched.await;
            drop((open, place));
        };
        (connection, phase)
    }
}

fn refuse(stream: &TcpStream) {
    // A fresh socket has room for this; if not, closing says enough.
    let _ = stream.try_write(FULL);
    let _ = socket2::SockRef::from(stream).shutdown(Shutdown::Write);
    // What is left unread when a socket is closed makes the peer lose what it was told.
    let _ = stream.try_read(&mut [0; 4096]);
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

/// Waits until accepting may succeed again; without a descriptor left, an idle connection gives way.
async fn rest(error: &io::Error, seats: &mut Seats, said: &mut Option<Instant>) {
    if said.is_none_or(|said| said.elapsed() > SAY_EVERY) {
        tracing::warn!(%error, "a connection was not accepted; this is said every ten seconds at most");
        *said = Some(Instant::now());
    }
    let none_left = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
    let frees_one = none_left.contains(&error.raw_os_error()) && seats.give_way();
    tokio::time::sleep(if frees_one { SHORT_REST } else { REST }).await;
}

/// A door for one connection; tells its deadline what is going on.
#[derive(Clone)]
struct Answering<D> {
    door: D,
    peer: SocketAddr,
    phase: Phase,
}

impl<D> Answering<D> {
    /// The last answer of an old connection says so.
    fn last(phase: &Phase, mut answer: Answer) -> Answer {
        if phase.is_old() {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
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
            return Coming::Now(Some(Self::last(&self.phase, answer)));
        }
        self.phase.answering();
        let phase = self.phase.clone();
        let answer = self.door.answer(request, self.peer);
        Coming::Later(Box::pin(async move {
            let answer = answer.await;
            phase.waiting();
            Self::last(&phase, answer)
        }))
    }
}
