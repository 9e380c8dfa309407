//! The number under the headline: `GET /count/{id}.json`, `.txt`, `.svg`, `GET /count?ids=a,b,c`.
//!
//! Strict: a hit acknowledged before the request is in it. Any page may read it, and nothing here
//! counts anything.

use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    answer::{self, Answer},
    badge, conditional,
};
use crate::{
    metrics::Metrics,
    views::{Count, Views},
};

const NO_COUNT: &str = "No public article has this id.\n";
const NO_IDS: &str = "Name articles by id: /count?ids=wp-25,wp-33.\n";
const MANY_IDS: &str = "These are more articles than one question may name; ask in several.\n";

/// What an address under `/count` asks for.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// `/count/{rest}`: one article, the format at the end.
    One(&'a str),
    /// `/count?ids=`.
    Many,
}

/// The answer: 200, 304, or what is wrong.
pub fn answer(views: &Views, metrics: &Metrics, parts: &Parts, asked: Asked<'_>) -> Answer {
    let query = parts.uri.query().unwrap_or_default();
    let found = match (&parts.method, asked) {
        (&Method::OPTIONS, _) => return readable(preflight()),
        (method, _) if method != Method::GET && method != Method::HEAD => {
            return readable(answer::method_not_allowed("GET, HEAD, OPTIONS"));
        }
        (_, Asked::One(rest)) => one(views, rest, query),
        (_, Asked::Many) => many(views, metrics, query),
    };
    readable(match found {
        Ok(found) => found.answer(&parts.headers),
        Err((status, why)) => answer::text(status, why),
    })
}

/// Any page may read it.
fn readable(mut answer: Answer) -> Answer {
    let any = HeaderValue::from_static("*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    answer
}

/// What a browser asks before a request with headers of its own, such as If-None-Match.
fn preflight() -> Answer {
    let mut headers = HeaderMap::with_capacity(8);
    let values = [
        (header::ALLOW, "GET, HEAD, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    headers.extend(values.map(|(name, value)| (name, HeaderValue::from_static(value))));
    answer::ready(StatusCode::NO_CONTENT, headers, Bytes::new())
}

/// What is wrong, in a sentence.
type Refused = (StatusCode, &'static str);

/// A body that was found, with its tag.
struct Found {
    content_type: &'static str,
    body: Bytes,
    etag: String,
}

impl Found {
    /// Tagged by its bytes.
    fn new(content_type: &'static str, body: impl Into<Bytes>) -> Found {
        let body = body.into();
        let hash = Sha256::digest(&body);
        let hex: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Found { content_type, body, etag: format!("\"{hex}\"") }
    }

    fn answer(self, asked: &HeaderMap) -> Answer {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=30"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        if conditional::etag_matches(asked, &self.etag) {
            return answer::ready(StatusCode::NOT_MODIFIED, headers, Bytes::new());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        if self.content_type == badge::CONTENT_TYPE {
            headers
                .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(badge::POLICY));
        }
        answer::ready(StatusCode::OK, headers, self.body)
    }
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// One article in the format that the end of its address says.
fn one(views: &Views, rest: &str, query: &str) -> Result<Found, Refused> {
    let nothing = || (StatusCode::NOT_FOUND, NO_COUNT);
    let (id, format) = rest.rsplit_once('.').ok_or_else(nothing)?;
    let count = views.count(id).ok_or_else(nothing)?;
    match format {
        "json" => Ok(count_json(id, &count)),
        "txt" => Ok(Found::new("text/plain; charset=utf-8", count.total.to_string())),
        "svg" => {
            let looks = badge::Looks::of(query).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
            Ok(Found::new(badge::CONTENT_TYPE, badge::svg(count.total, &looks)))
        }
        _ => Err(nothing()),
    }
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

/// Tagged by the numbers alone: the time it was read makes no other answer.
fn count_json(article: &str, count: &Count) -> Found {
    let Count { total, carried_over, counted, adjusted, as_of } = *count;
    let as_of = as_of.to_rfc3339();
    let etag = format!("\"{carried_over}-{counted}-{adjusted}\"");
    let body = CountJson { article, total, carried_over, counted, adjusted, as_of };
    // Numbers and strings: serde_json cannot fail on these.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    Found { content_type: "application/json", body: body.into(), etag }
}

/// Totals of several articles: `{"wp-25":810,…}`, in the order of their ids, each once. Ids that no
/// public article has are left out, so that one wrong id spoils no list.
fn many(views: &Views, metrics: &Metrics, query: &str) -> Result<Found, Refused> {
    let bad = |why| (StatusCode::BAD_REQUEST, why);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let lists: Vec<_> = pairs.filter(|(name, _)| name == "ids").map(|(_, list)| list).collect();
    if lists.is_empty() {
        return Err(bad(NO_IDS));
    }
    let mut ids: Vec<&str> = lists.iter().flat_map(|list| list.split(',')).map(str::trim).collect();
    ids.retain(|id| !id.is_empty());
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > views.count_ids_max() {
        metrics.limit_hit("count_ids");
        return Err(bad(MANY_IDS));
    }
    let total = |id: &str| Some((id.to_owned(), views.count(id)?.total.into()));
    let totals: serde_json::Map<_, serde_json::Value> = ids.into_iter().filter_map(total).collect();
    Ok(Found::new("application/json", serde_json::to_vec(&totals).unwrap_or_default()))
}
