//! From a host's name to a connection with one address that the filter has seen. Addresses are tried
//! side by side, each a moment after the one before (RFC 8305), so that a silent one, such as IPv6
//! that leads nowhere, does not use up the time of the others.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
};
use tower::Service;

use super::{Failure, address::may_reach};
use crate::config;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// After this much silence of one address the next is tried beside it (RFC 8305 §5).
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// Resolves, filters, connects.
#[derive(Clone)]
pub(super) struct Connector {
    allowed: Arc<[IpNet]>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: &config::Outbound) -> Connector {
        let allowed = settings.networks_allowed.as_slice().into();
        Connector { allowed, timeout: settings.connect_timeout }
    }

    async fn connect(self, host: String, port: u16) -> Result<TcpStream, Failure> {
        let resolved = lookup_host((host.as_str(), port)).await;
        let why = |why: String| Failure::Resolve { host: host.clone(), why };
        let resolved: Vec<SocketAddr> = resolved.map_err(|e| why(e.to_string()))?.collect();
        let first = *resolved.first().ok_or_else(|| why("it has no address".into()))?;
        let reached = |address: &SocketAddr| may_reach(address.ip(), &self.allowed);
        let addresses: Vec<SocketAddr> = resolved.into_iter().filter(reached).collect();
        if addresses.is_empty() {
            return Err(Failure::Forbidden { host, address: first.ip() });
        }
        let connected = first_to_connect(by_turns(addresses)).await;
        let stream = connected.map_err(|e| Failure::Connect { host, why: e.to_string() })?;
        // Only speed: a request is one small write.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// IPv6 and IPv4 by turns, the family of the first one first (RFC 8305 §4): many addresses of a
/// family that is not reached do not keep the other out.
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let turns = std::iter::from_fn(|| {
        let turn = [first.next(), second.next()];
        turn.iter().any(Option::is_some).then_some(turn)
    });
    turns.flatten().flatten().take(ADDRESSES_MAX).collect()
}

/// The connection that stands first; the others are ended. The error is the last one's.
async fn first_to_connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut tries = JoinSet::new();
    let mut failed = io::Error::other("it has no address");
    loop {
        // One that fails makes room for the next at once.
        if let Some(address) = waiting.next() {
            tries.spawn(TcpStream::connect(address));
        }
        let ended = match waiting.len() {
            0 => tries.join_next().await,
            _ => match tokio::time::timeout(NEXT_AFTER, tries.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            },
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => failed = error,
            Some(Err(error)) => failed = error.into(),
            None => return Err(failed),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        // Brackets belong to the URL, not to the address.
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_tls = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Box::pin(async move {
            let after = connector.timeout;
            let connected = tokio::time::timeout(after, connector.connect(host.clone(), port));
            match connected.await {
                Ok(connected) => connected.map(TokioIo::new),
                Err(_) => Err(Failure::TimedOut { host, after }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that answers nothing: its queue of connections is full.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            held.push(stream.unwrap());
            assert!(held.len() < 20, "its queue is never full");
        }
        (address, listener, held)
    }

    #[tokio::test]
    async fn a_silent_address_leaves_time_for_the_next() {
        let (address, ..) = &silent().await;
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
        let spoken = good.local_addr().unwrap();
        let bound = Duration::from_secs(10);
        let connected = first_to_connect(vec![*address, closed, spoken]);
        let stream = tokio::time::timeout(bound, connected).await.expect("silence waits").unwrap();
        assert_eq!(stream.peer_addr().unwrap(), spoken);
        let refused = tokio::time::timeout(bound, first_to_connect(vec![closed])).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn many_addresses_of_one_family_leave_room_for_the_other() {
        let v6 = (1..=9).map(|n| format!("[2a00::{n}]:80").parse().unwrap());
        let v4: Vec<SocketAddr> =
            vec!["1.1.1.1:80".parse().unwrap(), "8.8.8.8:80".parse().unwrap()];
        let turns = by_turns(v6.chain(v4.clone()).collect());
        assert_eq!((turns.len(), turns[1], turns[3]), (ADDRESSES_MAX, v4[0], v4[1]));
        assert!(turns[0].is_ipv6() && turns[4..].iter().all(SocketAddr::is_ipv6));
        assert_eq!(by_turns(v4.clone()), v4);
    }
}
