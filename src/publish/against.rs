//! A feed that another system served against ours: what its subscribers would notice if they polled
//! ours from now on. Changes nothing.

use std::collections::HashMap;

use super::{OnceError, Settings, render_once, takeover};
use crate::{
    config::OldAddresses,
    feed::reading::{self, ReadEntry, ReadFeed},
    model::{FeedSlug, Format, Millis, OldAddress, OldFeed, Status},
    store::{DbError, Store},
};

/// What became of an entry of the old feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is known by the same, dated the same, at the same address.
    Same,
    /// It is here under another guid: readers show it once more.
    LooksNew {
        /// Its guid here.
        now: String,
    },
    /// It is dated otherwise: readers may move it.
    DateMoved {
        /// Its date here.
        now: Option<Millis>,
    },
    /// Its page has another address.
    LinkDiffers {
        /// Its address here.
        now: String,
    },
    /// It is kept back here on purpose.
    Hidden {
        /// Draft, scheduled or withdrawn.
        status: Status,
    },
    /// It is here, but this feed does not show it.
    NotShown,
    /// There is no such article here.
    NotHere,
}

impl Fate {
    /// True when a subscriber would notice; what is hidden on purpose only goes away.
    pub fn is_noticed(&self) -> bool {
        !matches!(self, Fate::Same | Fate::Hidden { .. })
    }

    /// The word in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Fate::Same => "same",
            Fate::LooksNew { .. } => "looks_new",
            Fate::DateMoved { .. } => "date_moved",
            Fate::LinkDiffers { .. } => "link_differs",
            Fate::Hidden { .. } => "hidden",
            Fate::NotShown => "not_shown",
            Fate::NotHere => "not_here",
        }
    }
}

/// An entry of the old feed and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// As the old feed has it.
    pub entry: ReadEntry,
    /// Here.
    pub fate: Fate,
}

/// An old feed against ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Our feed.
    pub feed: FeedSlug,
    /// The format that both have.
    pub format: Format,
    /// Every entry of the old feed, in its order.
    pub old: Vec<Compared>,
    /// Entries of ours within the old feed's time that it did not have: readers show them as new
    /// among what they know.
    pub between: Vec<ReadEntry>,
    /// Entries of ours that are older than the old feed's oldest: whoever never saw them may be shown
    /// them once.
    pub older: usize,
    /// Entries of ours that are newer than the old feed's newest.
    pub newer: usize,
}

impl Comparison {
    /// How many entries a subscriber would notice.
    pub fn noticed(&self) -> usize {
        let old = self.old.iter().filter(|one| one.fate.is_noticed());
        old.count() + self.between.len()
    }
}

/// What an old address stands for, whether old addresses are answered or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guess {
    /// This feed.
    Feed(FeedSlug),
    /// Comments, or the results of a search: it has none here.
    Gone,
    /// A feed of WordPress that has none here: a name that was not imported, a custom type.
    Missing,
    /// An address of which nothing can be told.
    Unknown,
}

/// The settings as if old addresses were answered.
pub fn as_taken_over(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if settings.takeover.addresses == OldAddresses::Off {
        settings.takeover.addresses = OldAddresses::Serve;
    }
    settings
}

/// The feed that takes the place of the one at this address; `settings` are [`as_taken_over`].
pub async fn guess(store: &Store, settings: &Settings, url: &str) -> Result<Guess, DbError> {
    let Ok(url) = url::Url::parse(url) else { return Ok(Guess::Unknown) };
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
    let names = store.old_names().await?;
    let old = takeover::OldFeeds::new(settings, &names);
    let table = takeover::Table::new(settings, &old);
    let Some(address) = OldAddress::parse(&path, url.query(), &table.bases) else {
        return Ok(Guess::Unknown);
    };
    Ok(match (table.feed(&address.feed), address.feed) {
        (Some(feed), _) => Guess::Feed(feed.clone()),
        (None, OldFeed::Comments | OldFeed::Search) => Guess::Gone,
        (None, _) => Guess::Missing,
    })
}

/// Compares entry by entry at `now`.
pub async fn compare(
    store: &Store,
    settings: &Settings,
    slug: &str,
    old: &ReadFeed,
    now: Millis,
) -> Result<Comparison, OnceError> {
    // RSS 0.92 has no guids: its address is answered with RSS 1.0, where links are the names.
    let by_link = !old.entries.is_empty() && old.entries.iter().all(|e| e.guid.is_empty());
    let format = if by_link { Format::Rdf } else { old.format };
    let document = render_once(store, settings, slug, format, now).await?;
    let ours = reading::read(&document).map(|feed| feed.entries).unwrap_or_default();
    let by_key: HashMap<&str, &ReadEntry> = ours.iter().map(|e| (e.key(), e)).collect();
    let mut compared = Vec::with_capacity(old.entries.len());
    for entry in &old.entries {
        let fate = match by_key.get(entry.key()) {
            Some(ours) => known(entry, ours),
            None => missing(store, entry, &ours).await?,
        };
        compared.push(Compared { entry: entry.clone(), fate });
    }
    let slug = FeedSlug::parse(slug).map_err(|_| OnceError::Unknown(slug.to_owned()))?;
    let comparison =
        Comparison { feed: slug, format, old: compared, between: vec![], older: 0, newer: 0 };
    Ok(with_others(comparison, &ours))
}

/// An entry that both have.
fn known(old: &ReadEntry, ours: &ReadEntry) -> Fate {
    if old.published.is_some() && old.published != ours.published {
        Fate::DateMoved { now: ours.published }
    } else if !old.link.is_empty() && old.link != ours.link {
        Fate::LinkDiffers { now: ours.link.clone() }
    } else {
        Fate::Same
    }
}

/// An entry that our document does not have by that name.
async fn missing(store: &Store, old: &ReadEntry, ours: &[ReadEntry]) -> Result<Fate, DbError> {
    let same_page = |e: &&ReadEntry| !old.link.is_empty() && e.link == old.link;
    if let Some(twin) = ours.iter().find(same_page) {
        return Ok(Fate::LooksNew { now: twin.key().to_owned() });
    }
    let mut articles = store.articles_by_guid(&[old.key()]).await?;
    let is_named = !articles.is_empty();
    if articles.is_empty()
        && let Some(id) = store.article_at(&old.link).await?
    {
        articles = store.articles_by_id(&[id]).await?;
    }
    Ok(match articles.first().map(|stored| &stored.article) {
        None => Fate::NotHere,
        Some(a) if a.status != Status::Published => Fate::Hidden { status: a.status },
        Some(a) if !is_named && !old.guid.is_empty() => {
            Fate::LooksNew { now: a.guid.as_str().to_owned() }
        }
        Some(_) => Fate::NotShown,
    })
}

/// Counts the entries of ours that the old feed did not have.
fn with_others(mut comparison: Comparison, ours: &[ReadEntry]) -> Comparison {
    let old = || comparison.old.iter().map(|one| &one.entry);
    let dates = || old().filter_map(|entry| entry.published);
    let (first, last) = (dates().min(), dates().max());
    let is_known = |e: &&ReadEntry| old().any(|o| o.key() == e.key() || o.link == e.link);
    let (mut between, mut older, mut newer) = (Vec::new(), 0, 0);
    for entry in ours.iter().filter(|entry| !is_known(entry)) {
        match (first, last) {
            (Some(first), Some(_)) if entry.published < Some(first) => older += 1,
            (Some(_), Some(last)) if entry.published > Some(last) => newer += 1,
            (Some(_), Some(_)) => between.push(entry.clone()),
            _ => older += 1,
        }
    }
    comparison.between = between;
    Comparison { older, newer, ..comparison }
}
