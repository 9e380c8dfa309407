//! Hits and counts: `POST /v/{id}`, `POST /v?url=`, `GET /v/{id}.gif`, `GET /count/{id}.json`.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use serde::Serialize;

use super::{
    answer::{self, Answer},
    conditional,
};
use crate::{
    config::Limits,
    metrics::Metrics,
    model::Channel,
    views::{Count, Hit, HitHeaders, Target, Views},
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
const BROKEN_BODY: &str = "The body of the hit was cut off or broken; it was not counted.\n";
const LARGE_BODY: &str = "The body of a hit may not be this large.\n";
const SLOW_BODY: &str = "The body of the hit took too long; it was not counted.\n";
const NOT_KEPT: &str = "The hit could not be kept; it may be sent again.\n";
const NO_COUNT: &str = "No public article has this id.\n";

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
    if parts.method != method {
        return no_store(answer::method_not_allowed(allow));
    }
    if let Err(refusal) = read_body(body, limits, metrics).await {
        return no_store(refusal);
    }
    match judge(views, named, channel, &parts.headers, peer).await {
        Some(verdict) => no_store(acknowledged(channel, verdict)),
        None => no_store(not_kept()),
    }
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
    named: Named<'_>,
    channel: Channel,
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

fn no_store(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Jarshy-View"));
    cors(answer)
}

/// Pages of any origin may read the answer.
fn cors(mut answer: Answer) -> Answer {
    let any = HeaderValue::from_static("*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    answer
}

/// `/count/{id}.json`: the number under the headline. Strict: a hit acknowledged before the request
/// is in it.
pub fn count(views: &Views, method: &Method, headers: &HeaderMap, rest: &str) -> Answer {
    let counted = rest.strip_suffix(".json").and_then(|id| Some((id, views.count(id)?)));
    let Some((id, count)) = counted else {
        return cors(answer::text(StatusCode::NOT_FOUND, NO_COUNT));
    };
    if method != Method::GET && method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    let etag = format!("\"{}-{}-{}\"", count.carried_over, count.counted, count.adjusted);
    let mut answer = if conditional::etag_matches(headers, &etag) {
        answer::ready(StatusCode::NOT_MODIFIED, HeaderMap::new(), Bytes::new())
    } else {
        count_json(id, &count)
    };
    let headers = answer.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=30"));
    cors(answer)
}

/// The number as JSON, in the order that the documentation shows.
#[derive(Serialize)]
struct CountJson<'a> {
    article: &'a str,
    total: u64,
    carried_over: u64,
    counted: u64,
    adjusted: i64,
    as_of: String,
}

fn count_json(article: &str, count: &Count) -> Answer {
    let Count { total, carried_over, counted, adjusted, as_of } = *count;
    let as_of = as_of.to_rfc3339();
    let body = CountJson { article, total, carried_over, counted, adjusted, as_of };
    // Numbers and strings: serde_json cannot fail on these.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer::ready(StatusCode::OK, headers, Bytes::from(body))
}
