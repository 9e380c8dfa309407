//! Reading requests: path, query, body and preconditions, each refused by name when it is wrong.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};

use super::{Api, Problem};
use crate::{config::Limits, model::ArticleId};

/// The `{id}` of the address.
pub(super) struct PathId(pub(super) ArticleId);

impl FromRequestParts<Arc<Api>> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<PathId, Problem> {
        let text = Path::<String>::from_request_parts(parts, api).await;
        let text = text.map_err(|e| Problem::new(StatusCode::BAD_REQUEST, e.body_text()))?;
        let bad = |e| Problem::new(StatusCode::BAD_REQUEST, format!("`id` is wrong: {e}"));
        ArticleId::parse(&text.0).map(PathId).map_err(|e| bad(e).about("id"))
    }
}

/// A route that takes no query parameters.
#[derive(Debug)]
pub struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<NoQuery, Problem> {
        Query::parse(parts.uri.query(), &[]).map(|_| NoQuery)
    }
}

/// The query parameters of an address, each known and given once.
#[derive(Debug)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Refuses parameters that are not in `known`, by name.
    pub fn parse(query: Option<&str>, known: &[&str]) -> Result<Query, Problem> {
        let mut values = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(Problem::parameter(&name, unknown(known)));
            }
            if values.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Problem::parameter(&name, "is given twice"));
            }
        }
        Ok(Query(values))
    }

    /// The parameter, where it is given and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The parameter as a whole number between `min` and `max`.
    pub fn number(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|n| (min..=max).contains(n));
        let why = || format!("must be a whole number from {min} to {max}");
        number.map(Some).ok_or_else(|| Problem::parameter(name, why()))
    }

    /// The parameter `limit`: rows of the answer, `usual` where it is missing.
    pub fn limit(&self, usual: usize, max: usize) -> Result<usize, Problem> {
        let max = i64::try_from(max).unwrap_or(i64::MAX).max(1);
        let limit = self.number("limit", 1, max)?.unwrap_or(max.min(usual as i64));
        Ok(limit as usize)
    }
}

fn unknown(known: &[&str]) -> String {
    match known {
        [] => "is not known here; this address takes none".to_owned(),
        known => format!("is not known here; known are {}", known.join(", ")),
    }
}

/// Values in one JSON body: each costs far more memory than the byte that it may be written with.
const JSON_VALUES_MAX: usize = 1_000_000;

/// The whole body, bounded in size, time and number of values. `kinds` are the media types that are taken; a request
/// without `Content-Type` is taken at its word.
pub async fn read_body(
    request: Request,
    limits: &Limits,
    kinds: &[&str],
) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    check_kind(&parts.headers, kinds)?;
    let announced = parts.headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limits.body_bytes_max as u64) {
        return Err(too_large(limits));
    }
    let whole = read_all(body, limits.body_bytes_max);
    match tokio::time::timeout(limits.body_timeout, whole).await {
        Ok(Ok(bytes)) if values_in(&bytes) > JSON_VALUES_MAX => Err(too_many_values()),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(Cut::TooLarge)) => Err(too_large(limits)),
        Ok(Err(Cut::Broken)) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "the body was cut off or is badly framed"))
        }
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not arrive within {:?}", limits.body_timeout),
        )
        .for_limit("body_time")),
    }
}

/// How many values a JSON text has, about: one for each comma and bracket outside of strings.
fn values_in(json: &[u8]) -> usize {
    let (mut values, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}

fn too_many_values() -> Problem {
    let detail = format!("the body has more than {JSON_VALUES_MAX} values: send fewer at a time");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).for_limit("body")
}

enum Cut {
    TooLarge,
    Broken,
}

async fn read_all(body: Body, bytes_max: usize) -> Result<Bytes, Cut> {
    axum::body::to_bytes(body, bytes_max).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        match source.is_some_and(|s| s.is::<http_body_util::LengthLimitError>()) {
            true => Cut::TooLarge,
            false => Cut::Broken,
        }
    })
}

fn too_large(limits: &Limits) -> Problem {
    let detail = format!(
        "the body is larger than {} bytes (limits.body_bytes_max): send fewer articles at a time",
        limits.body_bytes_max
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).for_limit("body")
}

fn check_kind(headers: &HeaderMap, kinds: &[&str]) -> Result<(), Problem> {
    let wrong = |what: &str| {
        let detail = format!("{what} is not taken here: send {}", kinds.join(" or "));
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    };
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return wrong("a compressed body");
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = String::from_utf8_lossy(kind.as_bytes());
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kinds.contains(&kind.as_str()) {
        return Ok(());
    }
    let kind: String = kind.chars().take(60).collect();
    wrong(&format!("the content type `{kind}`"))
}

/// What `If-Match` and `If-None-Match` ask of an article before it is changed (RFC 9110 §13.1).
#[derive(Clone, Debug)]
pub(super) struct Preconditions {
    if_match: Option<Tags>,
    absent: bool,
}

#[derive(Clone, Debug)]
enum Tags {
    Any,
    /// Revisions; what is no strong tag of ours matches nothing.
    These(Vec<i64>),
}

impl Preconditions {
    /// Reads the headers.
    pub(super) fn of(headers: &HeaderMap) -> Preconditions {
        let absent = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == b"*");
        Preconditions { if_match: tags(headers, &header::IF_MATCH), absent }
    }

    /// The revision on which the change may be decided, by the one that stands: `None` is any,
    /// `Some(0)` is no article yet.
    pub(super) fn expect(&self, standing: Option<i64>) -> Result<Option<i64>, Problem> {
        let failed = |detail: String| Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
        if self.absent {
            return match standing {
                None => Ok(Some(0)),
                Some(_) => failed("If-None-Match: there is such an article already".into()),
            };
        }
        match (&self.if_match, standing) {
            (None, _) | (Some(Tags::Any), Some(_)) => Ok(None),
            (Some(Tags::These(revisions)), Some(standing)) if revisions.contains(&standing) => {
                Ok(Some(standing))
            }
            (_, None) => failed("If-Match: there is no such article".into()),
            (_, Some(standing)) => {
                failed(format!("If-Match: the article's ETag is {} now", etag(standing)))
            }
        }
    }

    /// True when nothing is asked, so that the store need not be read.
    pub(super) fn are_none(&self) -> bool {
        self.if_match.is_none() && !self.absent
    }
}

/// True when the client has this revision already (`If-None-Match`, weak comparison).
pub(super) fn is_fresh(headers: &HeaderMap, revision: i64) -> bool {
    match tags(headers, &header::IF_NONE_MATCH) {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::These(revisions)) => revisions.contains(&revision),
    }
}

/// The strong ETag of an article: its revision.
pub(super) fn etag(revision: i64) -> String {
    format!("\"r{revision}\"")
}

fn tags(headers: &HeaderMap, name: &header::HeaderName) -> Option<Tags> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut revisions = Vec::new();
    for value in values {
        let Ok(text) = value.to_str() else { continue };
        // Our tags hold no comma, so a comma in a foreign one only makes two that match nothing.
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Some(Tags::Any);
            }
            // `If-Match` compares strongly, but a weak form of our tag is a proxy's doing only
            // on the way back, where `If-None-Match` takes it.
            let weak = *name == header::IF_NONE_MATCH;
            let tag = tag.strip_prefix("W/").filter(|_| weak).unwrap_or(tag);
            let number = tag.strip_prefix("\"r").and_then(|t| t.strip_suffix('"'));
            revisions.extend(number.and_then(|n| n.parse::<i64>().ok()));
        }
    }
    Some(Tags::These(revisions))
}
