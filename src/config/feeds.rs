//! `[[feeds]]` and `[feeds_auto]`: what a feed is.

use std::time::Duration;

use chrono_tz::Tz;
use croner::Cron;

use crate::model::{FeedSlug, Format, Language, Millis};

/// A declared feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedConfig {
    /// Its place in addresses.
    pub slug: FeedSlug,
    /// As readers see it.
    pub title: String,
    /// One language, or mixed said so.
    pub language: FeedLanguage,
    /// Which documents are made.
    pub formats: Vec<Format>,
    /// How much of an article an entry carries.
    pub content: Content,
    /// How many entries are visible.
    pub entries: usize,
    /// When it is regenerated besides every change; a cron expression of five fields.
    pub schedule: Option<Cron>,
    /// Which articles it holds.
    pub select: Select,
    /// Slugs it had before; their addresses lead to it.
    pub moved_from: Vec<FeedSlug>,
}

impl FeedConfig {
    /// When the schedule next comes due after `now`, read in `zone`; `None` without a schedule.
    pub fn due_after(&self, now: Millis, zone: Tz) -> Option<Millis> {
        let local = now.utc().with_timezone(&zone);
        let next = self.schedule.as_ref()?.find_next_occurrence(&local, false).ok()?;
        Some(Millis(next.timestamp_millis()))
    }
}

/// The language of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedLanguage {
    /// Every entry is in this language.
    One(Language),
    /// Entries may differ; each says its own where the format can.
    Mixed,
}

/// How much of an article an entry carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The whole body.
    Full,
    /// The summary, or the first words.
    Summary,
}

/// A predicate over one article; an empty list is no condition, words are compared as they are
/// written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Any of these sections.
    pub sections: Vec<String>,
    /// Any of these tags.
    pub tags: Vec<String>,
    /// Any author of one of these names.
    pub authors: Vec<String>,
    /// Any of these languages.
    pub languages: Vec<Language>,
    /// Not older than this.
    pub max_age: Option<Duration>,
}

/// Feeds made by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedsAuto {
    /// `section-SLUG` for each section.
    pub sections: bool,
    /// `language-CODE` for each language.
    pub languages: bool,
    /// `tag-SLUG` for each tag.
    pub tags: bool,
    /// `author-SLUG` for each author.
    pub authors: bool,
    /// Fewer articles make no feed.
    pub articles_min: usize,
    /// More are left out, the largest first.
    pub feeds_max: usize,
}
