//! Why a request failed, each in one sentence that names the host and the remedy. Never shows a
//! path, a query or a header: they may hold keys.

use std::{error::Error, net::IpAddr, time::Duration};

use hyper_util::client::legacy;
use url::Url;

/// A request that got no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address is not public, and no setting allows it.
    #[error(
        "{host} has the address {address}, which is of no public network; add its network to outbound.networks_allowed if it may be reached"
    )]
    Forbidden {
        /// As the URL names it.
        host: String,
        /// The first address of that name.
        address: IpAddr,
    },
    /// The name has no address.
    #[error("the name {host} is not found ({why}); check the address and this machine's DNS")]
    Resolve {
        /// As the URL names it.
        host: String,
        /// What the system said.
        why: String,
    },
    /// Nobody answers there.
    #[error(
        "{host} cannot be connected to ({why}); check that it runs and can be reached from here"
    )]
    Connect {
        /// As the URL names it.
        host: String,
        /// What the system said.
        why: String,
    },
    /// TLS was not agreed upon.
    #[error("{host} cannot be spoken to by TLS ({why}); check its certificate and the address")]
    Tls {
        /// As the URL names it.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// A time limit passed.
    #[error("{host} did not answer within {} s; check that it is well, or raise the timeout", after.as_secs_f64())]
    TimedOut {
        /// As the URL names it.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The body is larger than asked for.
    #[error(
        "the answer of {host} is larger than {bytes_max} bytes; ask for less, or raise outbound.body_bytes_max"
    )]
    TooLarge {
        /// As the URL names it.
        host: String,
        /// The bound.
        bytes_max: usize,
    },
    /// Redirects lead nowhere.
    #[error(
        "{host} redirects, and that is not followed: {why}; set the address that it should lead to"
    )]
    Redirects {
        /// Who redirected.
        host: String,
        /// Why it is not followed.
        why: String,
    },
    /// What came is not HTTP, or broke off.
    #[error("{host} cannot be understood: {why}")]
    Malformed {
        /// As the URL names it.
        host: String,
        /// What is wrong.
        why: String,
    },
}

/// TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TLS for requests that jarshy starts cannot be set up: {0}")]
pub struct SetupError(pub(super) String);

/// The host of a URL for a message; a hostile one is cut.
pub(super) fn host(url: &Url) -> String {
    url.host_str().unwrap_or("an address without a host").chars().take(100).collect()
}

/// What hyper's client says, told apart.
pub(super) fn of_client(host: &str, error: &legacy::Error) -> Failure {
    let (host, mut why) = (host.to_owned(), error.to_string());
    let mut cause = error.source();
    while let Some(inner) = cause {
        // The connector's own words are the best ones.
        if let Some(failure) = inner.downcast_ref::<Failure>() {
            return failure.clone();
        }
        why = inner.to_string();
        cause = inner.source();
    }
    if error.is_connect() { Failure::Tls { host, why } } else { Failure::Malformed { host, why } }
}
