//! Addresses of before: those at which WordPress served feeds, and those that renamed feeds had.
//! Answered with ready documents or a way to them; nothing is rendered.
//!
//! What has no feed here any more is 410, so that whoever polls it stops: comments, searches. What is
//! only not here (a category that nobody imported, a second page) is 404.

use std::borrow::Cow;

use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{self, HeaderValue},
};
use percent_encoding::percent_decode_str;

use super::{
    answer::{self, Answer},
    feeds,
};
use crate::{
    clock::Clock,
    config::OldAddresses,
    metrics::{ByAgent, Metrics, OLD_KINDS},
    model::{FeedSlug, Format, OldAddress, OldFeed, OldKind},
    publish::{Aliases, Document, Shelf, document_path},
    views::Views,
};

const COMMENTS_GONE: &str =
    "There is no feed of comments here any more; /feeds.opml lists feeds.\n";
const SEARCH_GONE: &str = "There is no feed of searches here any more; /feeds.opml lists feeds.\n";
const NOT_HERE: &str = "There is no feed at this old address; /feeds.opml lists those there are.\n";
const BEYOND: &str = "This feed has one page; ask for it without `paged`.\n";
/// How long a redirect may be remembered without asking again.
const REMEMBER: &str = "public, max-age=3600";

/// Answers at addresses of before.
#[derive(Debug)]
pub(super) struct Takeover {
    asked: [(&'static str, ByAgent); OLD_KINDS.len()],
}

/// What a request says, as far as it matters here.
pub(super) struct Asked<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub clock: &'a Clock,
}

impl Takeover {
    /// With its series at zero.
    pub(super) fn new(metrics: &Metrics) -> Takeover {
        Takeover { asked: OLD_KINDS.map(|kind| (kind, metrics.takeover(kind))) }
    }

    /// The answer where the address is one of before.
    pub(super) fn answer(&self, asked: &Asked<'_>, shelf: &Shelf, views: &Views) -> Option<Answer> {
        let aliases = shelf.aliases();
        let aliases = aliases.as_ref()?;
        let (path, query) = (asked.uri.path(), asked.uri.query());
        let agent = || {
            let agent = asked.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
            views.agent_class(agent).as_str()
        };
        if let Some(moved) = aliases.moved(path) {
            moved.asked.inc(agent());
            return Some(moved_to(asked.method, &moved.location));
        }
        let off = aliases.addresses == OldAddresses::Off;
        if off || is_ours(path) || !OldAddress::is_likely(path, query) {
            return None;
        }
        let path = percent_decode_str(path).decode_utf8_lossy();
        let old = OldAddress::parse(&path, query, &aliases.bases)?;
        self.count(kind(&old.feed), agent());
        Some(old_address(asked, &old, aliases, shelf, views))
    }

    fn count(&self, kind: &str, agent: &str) {
        if let Some((_, asked)) = self.asked.iter().find(|(known, _)| *known == kind) {
            asked.inc(agent);
        }
    }
}

/// True for what is jarshy's own, whatever the query says.
fn is_ours(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    ["v", "count", "feeds", "feeds.opml", "views.js", "articles", "sitemaps"].contains(&first)
}

fn kind(feed: &OldFeed<'_>) -> &'static str {
    match feed {
        OldFeed::Main => "main",
        OldFeed::Named(kind, _) | OldFeed::Numbered(kind, _) => match kind {
            OldKind::Category => "category",
            OldKind::Tag => "tag",
            OldKind::Author => "author",
        },
        OldFeed::Comments => "comments",
        OldFeed::Search => "search",
        OldFeed::Under(_) => "unknown",
    }
}

fn old_address(
    asked: &Asked<'_>,
    old: &OldAddress<'_>,
    aliases: &Aliases,
    shelf: &Shelf,
    views: &Views,
) -> Answer {
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    let is_page = |path: &str| {
        !path.is_empty() && views.roster().has_page(&format!("{}/{path}", aliases.site))
    };
    match &old.feed {
        OldFeed::Comments => return answer::text(StatusCode::GONE, COMMENTS_GONE),
        OldFeed::Search => return answer::text(StatusCode::GONE, SEARCH_GONE),
        OldFeed::Under(path) if is_page(path) => {
            return answer::text(StatusCode::GONE, COMMENTS_GONE);
        }
        _ if old.is_beyond => return answer::text(StatusCode::NOT_FOUND, BEYOND),
        _ => {}
    }
    let not_here = || answer::text(StatusCode::NOT_FOUND, NOT_HERE);
    let Some(feed) = aliases.feed(&old.feed) else { return not_here() };
    let Some(document) = document(shelf, feed, old.format) else { return not_here() };
    // RSS 1.0 has no address of ours to be sent to.
    if aliases.addresses == OldAddresses::Serve || document.format == Format::Rdf {
        return feeds::document(asked.method, asked.headers, &document, asked.clock.now());
    }
    let place = format!("{}{}", aliases.public, document_path(feed, document.format));
    match HeaderValue::from_str(&place) {
        Ok(place) => moved_to(asked.method, &place),
        Err(_) => not_here(),
    }
}

/// The document in the format asked for, else in the one that readers get who do not say.
fn document(shelf: &Shelf, feed: &FeedSlug, format: Format) -> Option<std::sync::Arc<Document>> {
    let formats = [format, Format::Rss, Format::Atom, Format::Json];
    formats.into_iter().find_map(|format| shelf.document(feed, format))
}

/// 301 (RFC 9110 §15.4.2): readers take the new address over.
fn moved_to(method: &Method, location: &HeaderValue) -> Answer {
    if method != Method::GET && method != Method::HEAD {
        return answer::method_not_allowed("GET, HEAD");
    }
    let place: Cow<'_, str> = String::from_utf8_lossy(location.as_bytes());
    let line = format!("This feed has moved to {place}\n");
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::LOCATION, location.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REMEMBER));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer::ready(StatusCode::MOVED_PERMANENTLY, headers, line.into())
}
