//! HTTP that jarshy starts: pulling from sources, and later whatever leaves.
//!
//! Every request has a whole time limit and a bound on the answer's bytes, also after unpacking. Only
//! public addresses are connected to, and private ones that `outbound.networks_allowed` names: the
//! filter sees each resolved address, and the connection goes to just that one, so neither a literal
//! in the URL nor a name that answers differently the second time gets around it. Redirects are
//! followed by hand, and each hop is filtered again. Refuses to retry, to follow environment proxies,
//! to keep cookies, and to send credentials on to another origin.

mod address;
mod answer;
mod connect;
mod failure;
mod redirect;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::ring};
use url::Url;

pub use address::is_public;
pub use failure::{Failure, SetupError};

use self::{connect::Connector, redirect::Hop};
use crate::config;

/// Servers close idle connections after five seconds at the soonest (Apache's default): ours are
/// closed before, so that no request meets one that is just going.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept for one host.
const IDLE_PER_HOST_MAX: usize = 2;
/// Header bytes of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Redirects that [`Ask::get`] follows.
const REDIRECTS: u8 = 5;

/// The way out, shared by cloning.
#[derive(Clone)]
pub struct Outbound {
    now: Arc<ArcSwap<Door>>,
    tls: Arc<Tls>,
}

/// What a request needs, made anew by each change of the settings.
struct Door {
    settings: config::Outbound,
    /// Made by the first request: a daemon that asks nobody reads no certificates.
    client: OnceLock<HttpClient>,
}

type HttpClient = Client<HttpsConnector<Connector>, Full<Bytes>>;

/// TLS with the system's certificates, which are read once, at first use.
struct Tls {
    empty: ConfigBuilder<ClientConfig, WantsVerifier>,
    ready: OnceLock<ClientConfig>,
}

/// One request.
#[derive(Clone)]
pub struct Ask {
    /// GET, POST …
    pub method: Method,
    /// `http` or `https`, without a user name.
    pub url: Url,
    /// Besides Host, User-Agent and Accept-Encoding, which are set where they are missing.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
    /// Bytes of the answer's body, also after unpacking; 0 is `outbound.body_bytes_max`.
    pub body_bytes_max: usize,
    /// From the name's resolution to the answer's last byte, redirects included; zero is
    /// `outbound.timeout`.
    pub timeout: Duration,
    /// Redirects followed; with 0 a redirect is handed back as any other answer.
    pub redirects_max: u8,
}

impl Ask {
    /// A GET with the limits of the settings, which follows a few redirects.
    pub fn get(url: Url) -> Ask {
        Ask {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_bytes_max: 0,
            timeout: Duration::ZERO,
            redirects_max: REDIRECTS,
        }
    }

    fn host(&self) -> String {
        failure::host(&self.url)
    }
}

/// Headers may hold credentials, and queries keys: neither is shown.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.url.origin().ascii_serialization(), self.url.path())
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status of the last answer.
    pub status: StatusCode,
    /// Its headers; those of the content coding are gone when the body was unpacked.
    pub headers: HeaderMap,
    /// The whole body, unpacked.
    pub body: Bytes,
    /// Where it came from in the end.
    pub url: Url,
    /// True when redirects led there and all of them were permanent (301, 308).
    pub moved_permanently: bool,
}

impl Outbound {
    /// A way out. Opens nothing yet.
    pub fn new(settings: &config::Outbound) -> Result<Outbound, SetupError> {
        let provider = Arc::new(ring::default_provider());
        let empty = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| SetupError(e.to_string()))?;
        let tls = Arc::new(Tls { empty, ready: OnceLock::new() });
        Ok(Outbound { now: Arc::new(ArcSwap::from_pointee(Door::new(settings))), tls })
    }

    /// Follows other settings from the next request on; connections that stand are not used again.
    pub fn reconfigure(&self, settings: &config::Outbound) {
        self.now.store(Arc::new(Door::new(settings)));
    }

    /// Sends one request and reads the whole answer. Never retries.
    pub async fn send(&self, mut ask: Ask) -> Result<Reply, Failure> {
        let door = self.now.load_full();
        let settings = &door.settings;
        if ask.timeout.is_zero() {
            ask.timeout = settings.timeout;
        }
        if ask.body_bytes_max == 0 {
            ask.body_bytes_max = settings.body_bytes_max;
        }
        let (host, after) = (ask.host(), ask.timeout);
        let client = door.client.get_or_init(|| self.client(settings));
        tokio::time::timeout(after, follow(client, &settings.user_agent, ask))
            .await
            .unwrap_or(Err(Failure::TimedOut { host, after }))
    }

    fn client(&self, settings: &config::Outbound) -> HttpClient {
        let tls = self.tls.ready.get_or_init(|| with_roots(&self.tls.empty)).clone();
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let connector = https.enable_http1().wrap_connector(Connector::new(settings));
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector)
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").finish_non_exhaustive()
    }
}

impl Door {
    fn new(settings: &config::Outbound) -> Door {
        Door { settings: settings.clone(), client: OnceLock::new() }
    }
}

/// The system's certificates, or none with a warning: then `https` is refused, and `http` goes on.
fn with_roots(empty: &ConfigBuilder<ClientConfig, WantsVerifier>) -> ClientConfig {
    match empty.clone().with_native_roots() {
        Ok(config) => config.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "no certificates of authorities are found, so that no https source can be read; install the package ca-certificates, or name a file in SSL_CERT_FILE");
            empty.clone().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    }
}

/// Asks, and asks again where a redirect points.
async fn follow(client: &HttpClient, user_agent: &str, mut ask: Ask) -> Result<Reply, Failure> {
    redirect::check(&ask.url)?;
    let (mut hops, mut permanently) = (0, true);
    loop {
        let host = ask.host();
        let request = request(&ask, user_agent)?;
        let answer = client.request(request).await.map_err(|e| failure::of_client(&host, &e))?;
        let (head, body) = answer.into_parts();
        if ask.redirects_max > 0
            && let Some(hop) = Hop::of(head.status, &head.headers, &ask.url)?
        {
            if hops == ask.redirects_max {
                return Err(Failure::Redirects { host, why: format!("more than {hops} of them") });
            }
            hops += 1;
            permanently &= hop.is_permanent;
            ask = hop.follow(ask);
            continue;
        }
        let bounds = (host.as_str(), ask.body_bytes_max);
        let (headers, body) = answer::read(head.headers, body, bounds).await?;
        let moved_permanently = hops > 0 && permanently;
        return Ok(Reply { status: head.status, headers, body, url: ask.url, moved_permanently });
    }
}

fn request(ask: &Ask, user_agent: &str) -> Result<http::Request<Full<Bytes>>, Failure> {
    let malformed = |why: &dyn fmt::Display| Failure::Malformed {
        host: ask.host(),
        why: format!("the request cannot be written: {why}"),
    };
    let mut url = ask.url.clone();
    url.set_fragment(None);
    let mut headers = ask.headers.clone();
    // hyper writes it from the URL.
    headers.remove(header::HOST);
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_str(user_agent).map_err(|e| malformed(&e))?);
    headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
    let request = http::Request::builder().method(ask.method.clone()).uri(url.as_str());
    let mut request = request.body(Full::new(ask.body.clone())).map_err(|e| malformed(&e))?;
    *request.headers_mut() = headers;
    Ok(request)
}
