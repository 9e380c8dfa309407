//! Stands before every swap: a document that is not what it should be is not published, the last
//! good one stays.
//!
//! It trusts neither the writers nor their own readers (those accept what strict parsers refuse)
//! and repairs nothing.

use std::collections::HashSet;

use crate::model::Format;

use super::{Snapshot, entry_id, entry_ids};

mod contents;
mod skeleton;

pub use contents::{Contents, contents};

/// What no document may exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Size of a document.
    pub bytes_max: usize,
    /// Share of the previous entries that may be missing without a reason, 0 to 1.
    pub shrink_max: f64,
}

/// What the last good document showed.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a> {
    /// The guids of its entries, newest first; guids of articles or ids out of a document.
    pub guids: &'a [String],
    /// The addresses of the same entries in the same order; empty where they are not known, and
    /// then nobody notices an entry that comes back under another guid.
    pub links: &'a [String],
    /// How many of them have left for a known reason: withdrawn, too old, pushed out.
    pub left: usize,
}

/// Why a document is not published.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GuardFault {
    /// Bigger than the bound.
    #[error("the document has {bytes} bytes, more than publish.document_bytes_max ({bytes_max})")]
    TooBig {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Something stands before the first element.
    #[error("the document does not begin with `{expected}`")]
    Beginning {
        /// What it should begin with.
        expected: &'static str,
    },
    /// A strict parser refuses it.
    #[error("the document is not well-formed: {0}")]
    IllFormed(String),
    /// The root element is another format's.
    #[error("the document is not a feed of the expected format")]
    WrongRoot,
    /// Two articles claim one guid.
    #[error("two entries have the guid `{guid}`; the second is article `{article}`")]
    Duplicate {
        /// The guid.
        guid: String,
        /// The id of the second article.
        article: String,
    },
    /// The entries are not those of the snapshot.
    #[error("entry {place} should be article `{article}` (`{expected}`) but is `{found}`")]
    Entries {
        /// Counted from 1.
        place: usize,
        /// The id of the article that should stand there; empty after the last.
        article: String,
        /// The id it should have.
        expected: String,
        /// The id it has; empty where there is none.
        found: String,
    },
    /// An entry that stays got another guid, which readers take for a new article.
    #[error("the entry at {link} was `{before}` and would become `{now}`; a guid is for good")]
    Churn {
        /// The entry's address.
        link: String,
        /// Its guid in the last good document.
        before: String,
        /// Its guid now.
        now: String,
    },
    /// Too many entries vanished without a reason.
    #[error(
        "{missing} of {before} entries would vanish without a reason, more than \
         publish.shrink_max ({shrink_max}) allows"
    )]
    Shrunk {
        /// How many are missing beyond those that are known to have left.
        missing: usize,
        /// How many there were.
        before: usize,
        /// The bound.
        shrink_max: f64,
    },
}

/// Checks a document against the snapshot it was made of and what readers saw before: size, strict
/// well-formedness (XML 1.0 with namespaces, no DOCTYPE, depth at most 64; RFC 8259), every entry
/// exactly once and in order, no guid twice, no guid changed, and no sudden loss of entries.
pub fn check(
    format: Format,
    bytes: &[u8],
    snapshot: &Snapshot,
    bounds: &Bounds,
    previous: Option<&Previous<'_>>,
) -> Result<(), GuardFault> {
    if bytes.len() > bounds.bytes_max {
        return Err(GuardFault::TooBig { bytes: bytes.len(), bytes_max: bounds.bytes_max });
    }
    let contents = contents(format, bytes)?;
    check_entries(format, &contents, snapshot)?;
    previous.map_or(Ok(()), |previous| check_previous(format, &contents, previous, bounds))
}

fn check_entries(
    format: Format,
    contents: &Contents,
    snapshot: &Snapshot,
) -> Result<(), GuardFault> {
    let entries = entry_ids(format, snapshot);
    let mut seen = HashSet::with_capacity(entries.len());
    let places = contents.ids.len().max(entries.len());
    for place in 0..places {
        let (article, expected) = entries.get(place).cloned().unzip();
        let expected = expected.unwrap_or_default();
        let id = || article.map(|a| a.id.to_string()).unwrap_or_default();
        let found = contents.ids.get(place).map_or("", String::as_str);
        if article.is_none() || found != expected {
            return Err(GuardFault::Entries {
                place: place + 1,
                article: id(),
                expected: expected.into_owned(),
                found: found.to_owned(),
            });
        }
        if !seen.insert(found) {
            return Err(GuardFault::Duplicate { guid: found.to_owned(), article: id() });
        }
    }
    Ok(())
}

fn check_previous(
    format: Format,
    contents: &Contents,
    previous: &Previous<'_>,
    bounds: &Bounds,
) -> Result<(), GuardFault> {
    // RSS 1.0 has the same entries as its siblings and names them by what may change.
    if format == Format::Rdf {
        return Ok(());
    }
    let now: HashSet<&str> = contents.ids.iter().map(String::as_str).collect();
    let lost = |guid: &String| !now.contains(&*entry_id(format, guid));
    let missing = previous.guids.iter().filter(|guid| lost(guid)).count();
    let missing = missing.saturating_sub(previous.left);
    if missing == 0 {
        return Ok(());
    }
    let before = previous.guids.iter().zip(previous.links).filter(|(guid, _)| lost(guid));
    for (guid, link) in before {
        if let Some(place) = contents.links.iter().position(|now| now == link) {
            let (before, now) = (guid.clone(), contents.ids[place].clone());
            return Err(GuardFault::Churn { link: link.clone(), before, now });
        }
    }
    let before = previous.guids.len();
    if missing as f64 > bounds.shrink_max * before as f64 {
        let shrink_max = bounds.shrink_max;
        return Err(GuardFault::Shrunk { missing, before, shrink_max });
    }
    Ok(())
}
