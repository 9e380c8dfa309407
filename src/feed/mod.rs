//! From articles to bytes: which feeds hold an article, what a feed shows, how each format says it.
//!
//! Pure: no clock, no file, no socket; `now` is an argument and the same input gives the same
//! bytes. Rendering is total: whatever an [`Article`] can hold becomes a
//! valid entry. Nothing is published from here: [`guard::check`] stands between these bytes and
//! the world.

pub mod auto;
pub mod guard;
pub mod opml;
pub mod reading;
pub mod rhythm;
pub mod select;
pub mod snapshot;

mod atom;
mod entry;
mod excerpt;
mod json;
mod media;
mod rdf;
mod rss;
mod text;

pub use entry::entry_id;
pub use snapshot::Snapshot;

use std::borrow::Cow;

use crate::model::{Article, FeedSlug, Format};

/// What made us, as documents say it; without a version, so that an upgrade changes no bytes.
const GENERATOR: &str = "jarshy";

/// A document that could not be written. No article can cause it (strings are filtered before they
/// reach a writer), so it names the feed.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of feed `{feed}` could not be written: {why}; keep the last good one")]
pub struct RenderError {
    what: &'static str,
    feed: String,
    why: String,
}

impl RenderError {
    fn new(what: &'static str, feed: &FeedSlug, why: impl ToString) -> RenderError {
        RenderError { what, feed: feed.to_string(), why: why.to_string() }
    }
}

/// The document of a snapshot in one format: RSS 2.0, Atom 1.0 (RFC 4287), JSON Feed 1.1, RSS 1.0.
pub fn render(format: Format, snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    match format {
        Format::Rss => rss::render(snapshot),
        Format::Atom => atom::render(snapshot),
        Format::Json => json::render(snapshot),
        Format::Rdf => rdf::render(snapshot),
    }
}

/// What readers of a format know each of a document's entries by, in its order.
pub fn entry_ids(format: Format, snapshot: &Snapshot) -> Vec<(&Article, Cow<'_, str>)> {
    match format {
        Format::Rdf => rdf::shown(snapshot).into_iter().map(|a| (a, text::uri(&a.url))).collect(),
        _ => snapshot.entries.iter().map(|a| (a, entry_id(format, a.guid.as_str()))).collect(),
    }
}
