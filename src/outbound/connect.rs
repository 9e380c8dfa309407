//! From a host's name to a connection with one address that the filter has seen.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::net::{TcpStream, lookup_host};
use tower::Service;

use super::{Failure, address::may_reach};
use crate::config;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

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
        let mut failed = Failure::Forbidden { host: host.clone(), address: first.ip() };
        let may_reach = |address: &SocketAddr| may_reach(address.ip(), &self.allowed);
        for address in resolved.into_iter().filter(may_reach).take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Only speed: a request is one small write.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(e) => failed = Failure::Connect { host: host.clone(), why: e.to_string() },
            }
        }
        Err(failed)
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
