//! Is what the client has still what we would send? (RFC 9110 §13)
//!
//! Dates have whole seconds, and a document may change twice in one. The rule that lets a client see
//! each change by dates alone:
//! - a document's time is the second of its change, or the next one where that second's date was
//!   already given out with other bytes (`publish::document::modified_at`);
//! - no answer carries a date later than its own: until the document's time has come, the answer says
//!   the second it is sent in (RFC 9110 §8.8.2.1);
//! - `If-Modified-Since` is compared with the document's time, not with the date that was sent.
//!
//! So whoever fetched in the second of the change asks with an earlier date and gets the document
//! once more, and everybody else has a 304.

use std::time::{Duration, UNIX_EPOCH};

use hyper::{HeaderMap, header, header::HeaderValue};

use crate::{
    model::Millis,
    publish::{self, Document, Variant},
};

/// The `Last-Modified` of an answer sent at `now`, where it is not the document's own.
pub fn last_modified_now(document: &Document, now: Millis) -> Option<HeaderValue> {
    let date = Some(now).filter(|now| document.modified_at > *now).map(publish::http_date)?;
    HeaderValue::from_str(&date).ok()
}

/// Tags that are looked at: readers send one, caches a handful, only an attacker thousands.
const TAGS_MAX: usize = 100;

/// The variant that the client already has, so that a 304 is the answer. `If-None-Match` wins over
/// `If-Modified-Since`; a tag of any of the document's encodings counts, since the client then has
/// these very contents.
pub fn unchanged<'a>(
    headers: &HeaderMap,
    document: &'a Document,
    selected: &'a Variant,
) -> Option<&'a Variant> {
    match headers.get(header::IF_NONE_MATCH) {
        // Nearly every reader sends just what it got.
        Some(tag) if tag.as_bytes() == selected.etag.as_bytes() => return Some(selected),
        Some(_) => return matching(headers, document, selected),
        None => {}
    }
    let since = headers.get(header::IF_MODIFIED_SINCE)?.to_str().ok()?;
    modified_since(since, document.modified_at).then_some(selected)
}

fn matching<'a>(
    headers: &HeaderMap,
    document: &'a Document,
    selected: &'a Variant,
) -> Option<&'a Variant> {
    for list in lists(headers) {
        if list.trim() == "*" {
            return Some(selected);
        }
        for tag in tags(list) {
            let has = |variant: &&Variant| variant.etag.trim_matches('"') == tag;
            if let Some(variant) = [selected].into_iter().chain(&document.variants).find(has) {
                return Some(variant);
            }
        }
    }
    None
}

/// The lines of `If-None-Match`.
fn lists(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).take(TAGS_MAX)
}

/// The tag of a single representation, for answers that are no [`Document`].
pub fn etag_matches(headers: &HeaderMap, etag: &str) -> bool {
    let own = etag.trim_matches('"');
    lists(headers).any(|list| list.trim() == "*" || tags(list).any(|tag| tag == own))
}

/// The opaque parts of a list of tags, compared weakly (RFC 9110 §8.8.3.2) and freed from what
/// proxies add: `W/`, `-gzip`, `;gzip`, `--gzip`, `-br`.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').take(TAGS_MAX).map(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
        let mut tag = tag.trim_matches('"');
        for suffix in ["--gzip", "-gzip", ";gzip", "--br", "-br", ";br", "-df"] {
            tag = tag.strip_suffix(suffix).unwrap_or(tag);
        }
        // Some proxies put theirs behind the quote.
        tag.trim_matches('"')
    })
}

/// True when nothing changed since the date; what is no date is ignored (RFC 9110 §13.1.3).
fn modified_since(date: &str, modified_at: Millis) -> bool {
    let modified = UNIX_EPOCH + Duration::from_millis(modified_at.0.max(0) as u64);
    httpdate::parse_http_date(date).is_ok_and(|since| modified <= since)
}
