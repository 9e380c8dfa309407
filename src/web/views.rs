//! Hits and counts: `POST /v/{id}`, `POST /v?url=`, `GET /v/{id}.gif`, `GET /count/{id}.json`.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use serde_json::json;

use super::{
    answer::{self, Answer},
    conditional,
};
use crate::{
    config::Limits,
    metrics::Metrics,
    model::Channel,
    views::{self, Hit, Views},
};

/// What a hit is for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An article's id, as it stands in the path.
    Id(&'a str),
    /// The query with the page's address in `url`.
    Query(&'a str),
}

/// The smallest transparent GIF: 43 bytes.
const PIXEL: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\
    \x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

const VERDICT: HeaderName = HeaderName::from_static("jarshy-view");
const BROKEN_BODY: &str = "The body of the hit was cut off or broken; it was not counted.\n";
const LARGE_BODY: &str = "The body of a hit may not be this large.\n";
const SLOW_BODY: &str = "The body of the hit took too long; it was not counted.\n";
const NOT_KEPT: &str = "The hit could not be kept; it may be sent again.\n";
const NO_COUNT: &str = "No public article has this id.\n";

/// A hit. Its verdict is on disk before the answer says so; broken framing never counts.
#[expect(clippy::too_many_arguments, reason = "a request in its parts, and what judges it")]
pub async fn hit(
    views: &Views,
    metrics: &Metrics,
    limits: &Limits,
    target: Target<'_>,
    channel: Channel,
    parts: &Parts,
    body: Incoming,
    peer: SocketAddr,
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
    let url = match target {
        Target::Query(query) => url_in(query),
        Target::Id(_) => String::new(),
    };
    let target = match target {
        Target::Id(id) => views::Target::Id(id),
        Target::Query(_) => views::Target::Url(&url),
    };
    match views.hit(facts(target, channel, &parts.headers, peer)).await {
        Ok(verdict) => acknowledged(channel, verdict.as_str()),
        Err(_) => not_kept(),
    }
}

/// Reads the body to its end, so that a cut one is found out; nothing in it matters.
async fn read_body(body: Incoming, limits: &Limits, metrics: &Metrics) -> Result<(), Answer> {
    if body.is_end_stream() {
        return Ok(());
    }
    let whole = Limited::new(body, limits.hit_body_bytes_max).collect();
    match tokio::time::timeout(limits.body_timeout, whole).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            metrics.limit_hit("body");
            Err(answer::text(StatusCode::PAYLOAD_TOO_LARGE, LARGE_BODY))
        }
        Ok(Err(_)) => Err(answer::text(StatusCode::BAD_REQUEST, BROKEN_BODY)),
        Err(_) => {
            metrics.limit_hit("body_time");
            Err(answer::text(StatusCode::REQUEST_TIMEOUT, SLOW_BODY))
        }
    }
}

fn facts<'a>(
    target: views::Target<'a>,
    channel: Channel,
    headers: &'a HeaderMap,
    peer: SocketAddr,
) -> Hit<'a> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    Hit {
        target,
        channel,
        peer: peer.ip(),
        user_agent: headers.get(header::USER_AGENT).map(|v| v.as_bytes()),
        origin: text("origin"),
        referer: text("referer"),
        purpose: ["sec-purpose", "purpose", "x-moz", "x-purpose"].into_iter().find_map(text),
        forwarded_for: headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect(),
        forwarded: headers.get_all(header::FORWARDED).iter().filter_map(|v| v.to_str().ok()).collect(),
        opted_out: text("dnt") == Some("1") || text("sec-gpc") == Some("1"),
    }
}

/// The value of `url`, decoded; empty when there is none.
fn url_in(query: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == "url").map_or_else(String::new, |(_, url)| url.into_owned())
}

fn acknowledged(channel: Channel, verdict: &'static str) -> Answer {
    let mut answer = match channel {
        Channel::Script => answer::ready(StatusCode::NO_CONTENT, HeaderMap::new(), Bytes::new()),
        Channel::Pixel => {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
            answer::ready(StatusCode::OK, headers, Bytes::from_static(PIXEL))
        }
    };
    answer.headers_mut().insert(VERDICT, HeaderValue::from_static(verdict));
    no_store(answer)
}

fn not_kept() -> Answer {
    let mut answer = answer::text(StatusCode::SERVICE_UNAVAILABLE, NOT_KEPT);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    no_store(answer)
}

fn no_store(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Jarshy-View"));
    answer
}

/// `/count/{id}.json`: the number under the headline. Strict: a hit acknowledged before the request
/// is in it.
pub fn count(views: &Views, method: &Method, headers: &HeaderMap, rest: &str) -> Answer {
    let counted = rest.strip_suffix(".json").and_then(|id| Some((id, views.count(id)?)));
    let Some((id, count)) = counted else {
        return answer::text(StatusCode::NOT_FOUND, NO_COUNT);
    };
    if method != Method::GET && method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    let etag = format!("\"{}-{}-{}\"", count.carried_over, count.counted, count.adjusted);
    let mut answer = if conditional::etag_matches(headers, &etag) {
        answer::ready(StatusCode::NOT_MODIFIED, HeaderMap::new(), Bytes::new())
    } else {
        let body = json!({
            "article": id,
            "total": count.total(),
            "carried_over": count.carried_over,
            "counted": count.counted,
            "adjusted": count.adjusted,
            "as_of": count.as_of.to_rfc3339(),
        });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer::ready(StatusCode::OK, headers, Bytes::from(body.to_string()))
    };
    let headers = answer.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=30"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}
