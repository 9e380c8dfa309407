//! Hits: `POST /v/{id}`, `POST /v?url=`, `GET /v/{id}.gif`, and what browsers ask before (CORS).
//!
//! Only pages of the site's own origins may read the answers; what a foreign page sends is judged
//! `foreign`, whether it may read that or not.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};

use super::answer::{self, Answer};
use crate::{
    config::Limits,
    metrics::Metrics,
    model::Channel,
    views::{BadKey, Hit, HitHeaders, IdempotencyKey, Target, Views},
};

/// What the path of a hit names.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// An article's id.
    Id(&'a str),
    /// The query with the page's address in `url`.
    Query(&'a str),
}

/// The smallest transparent GIF: 43 bytes.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\
    \x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const VERDICT: HeaderName = HeaderName::from_static("jarshy-view");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// How long a browser need not ask again.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("86400");
const BROKEN_BODY: &str = "The body of the hit was cut off or broken; it was not counted.\n";
const LARGE_BODY: &str = "The body of a hit may not be this large.\n";
const SLOW_BODY: &str = "The body of the hit took too long; it was not counted.\n";
const NOT_KEPT: &str = "The hit could not be kept; it may be sent again.\n";
const BAD_KEY: &str = "An Idempotency-Key is one header of 1 to 64 visible characters of ASCII, in \
    double quotes or without; the hit was not counted.\n";
const FOREIGN: &str =
    "Pages of this origin may not count views here; site.origins says whose may.\n";

/// A hit. Its verdict is on disk before the answer says so; broken framing never counts.
pub async fn hit(
    views: &Views,
    (limits, metrics): (&Limits, &Metrics),
    (named, channel): (Named<'_>, Channel),
    parts: &Parts,
    body: Incoming,
    peer: IpAddr,
) -> Answer {
    let (method, allow) = match channel {
        Channel::Script => (Method::POST, "POST"),
        Channel::Pixel => (Method::GET, "GET"),
    };
    let own_origin = own_origin(views, &parts.headers);
    let finished = |answer| no_store(answer, own_origin.clone());
    if is_preflight(parts) {
        return finished(preflight(own_origin.is_some(), allow));
    }
    if parts.method != method {
        return finished(answer::method_not_allowed(allow));
    }
    if let Err(refusal) = read_body(body, limits, metrics).await {
        return finished(refusal);
    }
    let Ok(key) = idempotency_key(&parts.headers) else {
        return finished(answer::text(StatusCode::BAD_REQUEST, BAD_KEY));
    };
    match judge(views, (named, channel, key), &parts.headers, peer).await {
        Some(verdict) => finished(acknowledged(channel, verdict)),
        None => finished(not_kept()),
    }
}

/// A browser that asks whether a page may send what it is about to send (Fetch §3.2.2).
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(is_own: bool, method: &'static str) -> Answer {
    if !is_own {
        return answer::text(StatusCode::FORBIDDEN, FOREIGN);
    }
    let mut headers = HeaderMap::with_capacity(8);
    let allowed = HeaderValue::from_static("Content-Type, Idempotency-Key");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(method));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    answer::ready(StatusCode::NO_CONTENT, headers, Bytes::new())
}

/// The origin of the page, where it is one of the site's.
fn own_origin(views: &Views, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    views.is_own_origin(origin.as_bytes()).then(|| origin.clone())
}

/// The key of the hit, where it has one.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, BadKey> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(BadKey);
    }
    IdempotencyKey::parse(value.as_bytes()).map(Some)
}

/// Reads the body to its end, so that a cut one is found out; nothing in it matters.
async fn read_body(body: Incoming, limits: &Limits, metrics: &Metrics) -> Result<(), Answer> {
    if body.is_end_stream() {
        return Ok(());
    }
    let too_large = || {
        metrics.limit_hit("body");
        answer::text(StatusCode::PAYLOAD_TOO_LARGE, LARGE_BODY)
    };
    // What is announced as too large need not be waited for.
    if body.size_hint().lower() > limits.hit_body_bytes_max as u64 {
        return Err(too_large());
    }
    // Few hits have a body; the others need not carry the room for it.
    let whole = Limited::new(body, limits.hit_body_bytes_max).collect();
    match Box::pin(tokio::time::timeout(limits.body_timeout, whole)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(answer::text(StatusCode::BAD_REQUEST, BROKEN_BODY)),
        Err(_) => {
            metrics.limit_hit("body_time");
            Err(answer::text(StatusCode::REQUEST_TIMEOUT, SLOW_BODY))
        }
    }
}

/// The verdict's word, once it is on disk.
fn judge(
    views: &Views,
    (named, channel, idempotency_key): (Named<'_>, Channel, Option<IdempotencyKey>),
    headers: &HeaderMap,
    peer: IpAddr,
) -> impl Future<Output = Option<&'static str>> + Send + use<> {
    let url;
    let target = match named {
        Named::Id(id) => Target::Id(id),
        Named::Query(query) => {
            url = url_in(query);
            Target::Url(&url)
        }
    };
    let hit = Hit {
        target,
        channel,
        peer,
        headers: HitHeaders::read(|name| headers.get(name).map(HeaderValue::as_bytes)),
        x_forwarded_for: &lines(headers, &X_FORWARDED_FOR),
        forwarded: &lines(headers, &header::FORWARDED),
        idempotency_key,
    };
    let kept = views.hit(hit);
    async { kept.await.ok().map(|verdict| verdict.as_str()) }
}

fn lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

/// The value of `url`, decoded; empty when there is none.
fn url_in(query: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "url").map_or_else(String::new, |(_, url)| url.into_owned())
}

fn acknowledged(channel: Channel, verdict: &'static str) -> Answer {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(VERDICT, HeaderValue::from_static(verdict));
    match channel {
        Channel::Script => answer::ready(StatusCode::NO_CONTENT, headers, Bytes::new()),
        Channel::Pixel => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
            answer::ready(StatusCode::OK, headers, Bytes::from_static(PIXEL))
        }
    }
}

fn not_kept() -> Answer {
    let mut answer = answer::text(StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// No cache keeps it, and only a page of ours reads it.
fn no_store(mut answer: Answer, own_origin: Option<HeaderValue>) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if let Some(origin) = own_origin {
        let readable = HeaderValue::from_static("Jarshy-View");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    answer
}
