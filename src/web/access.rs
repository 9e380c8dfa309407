//! The access log: a line for each request, where the settings ask for it. It tells the route, never
//! an address, a User-Agent, a query or whose article was asked for. Switched off it costs a look at
//! one flag.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{
    HeaderMap, Method,
    body::Body as _,
    header::{HeaderName, HeaderValue},
};

use super::answer::Answer;

/// The name by which proxies pass on what a request is called.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is not taken over.
const ID_BYTES_MAX: usize = 64;
/// Methods that are told by name.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// The access log and the names of requests; clones are the same.
#[derive(Clone, Debug)]
pub struct AccessLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    on: AtomicBool,
    /// Of this run, so that no two runs give the same name.
    run: String,
    requests: AtomicU64,
}

/// What a request was, as the log tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub listener: &'static str,
    pub method: &'a str,
    pub route: &'static str,
    /// The document's path, where one was asked for.
    pub document: Option<&'a str>,
}

impl AccessLog {
    /// Says nothing unless `on`.
    pub fn new(on: bool) -> AccessLog {
        let mut run = [0; 6];
        // Without randomness names repeat after a restart, and that is all.
        let _ = getrandom::fill(&mut run);
        let run = run.iter().fold(String::new(), |mut all, byte| {
            let _ = write!(all, "{byte:02x}");
            all
        });
        AccessLog(Arc::new(Inner { on: AtomicBool::new(on), run, requests: AtomicU64::new(0) }))
    }

    /// Follows the settings.
    pub fn set(&self, on: bool) {
        self.0.on.store(on, Relaxed);
    }

    /// True when every request is to be told.
    pub(super) fn is_on(&self) -> bool {
        self.0.on.load(Relaxed)
    }

    /// What the request is called: as the proxy says, where that is a sane name, else a new one.
    pub(super) fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(REQUEST_ID).filter(|id| is_sane(id.as_bytes()));
        given.cloned().unwrap_or_else(|| {
            let number = self.0.requests.fetch_add(1, Relaxed);
            let id = format!("{}-{number:x}", self.0.run);
            HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("-"))
        })
    }

    /// Writes the line.
    pub(super) fn write(
        &self,
        id: &HeaderValue,
        asked: Asked<'_>,
        answer: &Answer,
        took: Duration,
    ) {
        let Asked { listener, method, route, document } = asked;
        let bytes = answer.body().size_hint().exact();
        tracing::info!(
            target: "jarshy::access",
            request_id = id.to_str().unwrap_or("-"),
            listener,
            method,
            route,
            document,
            status = answer.status().as_u16(),
            bytes,
            seconds = (took.as_secs_f64() * 1e6).round() / 1e6,
            "request"
        );
    }
}

/// The method's name; a made-up one is not told.
pub(super) fn method_name(method: &Method) -> &'static str {
    METHODS.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

fn is_sane(id: &[u8]) -> bool {
    let sane = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.iter().all(sane)
}
