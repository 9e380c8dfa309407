//! Is what the client has still what we would send? (RFC 9110 §13)

use std::time::{Duration, UNIX_EPOCH};

use hyper::{HeaderMap, header};

use crate::{
    model::Millis,
    publish::{Document, Variant},
};

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
    for value in headers.get_all(header::IF_NONE_MATCH) {
        let Ok(list) = value.to_str() else { continue };
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

/// The tag of a single representation, for answers that are no [`Document`].
pub fn etag_matches(headers: &HeaderMap, etag: &str) -> bool {
    let own = etag.trim_matches('"');
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|list| list.trim() == "*" || tags(list).any(|tag| tag == own))
}

/// The opaque parts of a list of tags, compared weakly (RFC 9110 §8.8.3.2) and freed from what
/// proxies add: `W/`, `-gzip`, `;gzip`, `--gzip`, `-br`.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|tag| {
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
