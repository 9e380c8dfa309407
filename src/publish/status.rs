//! What publishing says of each feed.

use crate::model::{FeedSlug, Format, Millis};

/// The state of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedStatus {
    /// The feed.
    pub slug: FeedSlug,
    /// As readers see it.
    pub title: String,
    /// True for a feed that made itself.
    pub is_auto: bool,
    /// Its declared language; `None` is mixed.
    pub language: Option<String>,
    /// Entries in its documents.
    pub entries: usize,
    /// Publication of the newest entry.
    pub newest_at: Option<Millis>,
    /// When its documents were last made, or found to be the same.
    pub last_success_at: Option<Millis>,
    /// When and why the last generation failed; `None` when it did not.
    pub failure: Option<(Millis, String)>,
    /// When its schedule next comes due.
    pub due_at: Option<Millis>,
    /// Its documents.
    pub documents: Vec<DocumentStatus>,
}

/// The state of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentStatus {
    /// Its format.
    pub format: Format,
    /// Bytes as they are, in gzip, and in brotli where that is ready.
    pub bytes: (usize, usize, Option<usize>),
    /// The tag of the bytes as they are.
    pub etag: String,
    /// When the bytes last changed.
    pub modified_at: Millis,
}
