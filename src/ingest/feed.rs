//! Reading RSS, Atom and JSON feeds of others: an entry becomes a [`Candidate`], or is refused with a
//! reason. Refuses what is cut short or nested without end before the feed is looked at, and invents
//! nothing: an entry that has neither guid nor link is nobody's, one without an address is no page.

mod entry;
mod scan;

use std::{collections::HashSet, time::Duration};

use url::Url;

use super::Candidate;
use crate::model::Language;

/// Entries of one feed.
const ENTRIES_MAX: usize = 10_000;
/// Minutes that a feed may ask to be left alone; more are no wish but a mistake.
const TTL_MINUTES_MAX: u32 = 24 * 60;

/// How a feed's entries become articles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedOptions {
    /// Articles become `PREFIX-<hash of the guid>`; one for each feed.
    pub prefix: String,
    /// The one section of the articles, their categories being tags then; without it the categories
    /// are the sections.
    pub section: Option<String>,
    /// The articles' language, whatever the feed says.
    pub language: Option<Language>,
    /// Where the feed is; relative addresses are resolved against it.
    pub url: Option<Url>,
}

/// What stands in a feed.
#[derive(Debug)]
pub(super) struct FeedRead {
    /// In the order of the feed. An article without a date has no `published_at`.
    pub(super) entries: Vec<Entry>,
    /// How long the feed wants not to be asked (RSS `ttl`).
    pub(super) ttl: Option<Duration>,
}

/// An entry of a feed.
#[derive(Debug)]
pub(super) enum Entry {
    /// An article.
    Article(Box<Candidate>),
    /// One that is not taken.
    Refused {
        /// Its guid, address or place.
        name: String,
        /// Why.
        why: String,
    },
}

/// Reads a whole feed; slow for large ones. The error is one sentence.
pub(super) fn read(bytes: &[u8], options: &FeedOptions) -> Result<FeedRead, String> {
    let mut enclosures = scan::check(bytes)?;
    // Links of entries are seen by everybody, so they are made without what may be a key.
    let url = options.url.clone().map(|mut url| {
        url.set_query(None);
        url.set_fragment(None);
        url
    });
    let options = &FeedOptions { url, ..options.clone() };
    let parser = feed_rs::parser::Builder::new()
        .base_uri(options.url.as_ref().map(Url::as_str))
        // A made-up id would be another one each time.
        .id_generator(|_, _, _| String::new())
        .build();
    let feed = parser.parse(bytes).map_err(|e| format!("it is no RSS, Atom or JSON feed: {e}"))?;
    if feed.entries.len() > ENTRIES_MAX {
        return Err(format!("it has more than {ENTRIES_MAX} entries"));
    }
    // Where the parser sees other items than the look before, nobody knows whose they are.
    if enclosures.len() != feed.entries.len() {
        enclosures.clear();
    }
    let mut enclosures = enclosures.into_iter();
    let about = entry::About::of(&feed, options);
    let mut seen = HashSet::new();
    let entries = feed.entries.into_iter().enumerate().map(|(at, entry)| {
        let name = about.name(&entry, at);
        let enclosures = enclosures.next().unwrap_or_default();
        match about.candidate(entry, &enclosures) {
            Ok(candidate) if !seen.insert(candidate.id.clone()) => {
                let why = "another entry of the feed has the same guid".into();
                Entry::Refused { name, why }
            }
            Ok(candidate) => Entry::Article(Box::new(candidate)),
            Err(why) => Entry::Refused { name, why },
        }
    });
    let entries = entries.collect();
    let minutes = feed.ttl.map(|minutes| minutes.min(TTL_MINUTES_MAX));
    Ok(FeedRead { entries, ttl: minutes.map(|m| Duration::from_secs(u64::from(m) * 60)) })
}
