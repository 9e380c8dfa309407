//! The ready documents. Requests read without a lock; publish swaps whole feeds.

use std::{collections::HashMap, sync::Arc};

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use super::{document::Document, takeover::Aliases};
use crate::model::{FeedSlug, Format, Millis};

/// Every ready document by the path it is served at; RSS 1.0 only by its feed.
#[derive(Debug, Default)]
pub struct Shelf {
    places: ArcSwap<Places>,
    aliases: ArcSwapOption<Aliases>,
}

#[derive(Clone, Debug, Default)]
struct Places {
    by_path: HashMap<Arc<str>, Arc<Document>>,
    by_feed: HashMap<FeedSlug, Arc<[Arc<Document>]>>,
}

impl Shelf {
    /// The document at this path, such as `/feeds/news.rss`.
    pub fn get(&self, path: &str) -> Option<Arc<Document>> {
        self.places.load().by_path.get(path).cloned()
    }

    /// A feed's documents, in the order of its formats.
    pub fn feed(&self, slug: &str) -> Option<Arc<[Arc<Document>]>> {
        let slug = FeedSlug::parse(slug).ok()?;
        self.places.load().by_feed.get(&slug).cloned()
    }

    /// A feed's document in this format, where it has one.
    pub fn document(&self, feed: &FeedSlug, format: Format) -> Option<Arc<Document>> {
        let places = self.places.load();
        places.by_feed.get(feed)?.iter().find(|d| d.format == format).cloned()
    }

    /// Which feeds stand at addresses of before.
    pub fn aliases(&self) -> Guard<Option<Arc<Aliases>>> {
        self.aliases.load()
    }

    /// Answers addresses of before by this table.
    pub(super) fn set_aliases(&self, aliases: Aliases) {
        self.aliases.store(Some(Arc::new(aliases)));
    }

    /// Feeds with a document that changed at `since` or later.
    pub fn changed_since(&self, since: Millis) -> Vec<FeedSlug> {
        let places = self.places.load();
        let changed =
            places.by_feed.iter().filter(|(_, d)| d.iter().any(|d| d.modified_at >= since));
        changed.map(|(feed, _)| feed.clone()).collect()
    }

    /// Puts a feed's documents in the place of its old ones.
    pub fn put(&self, feed: &FeedSlug, documents: Vec<Arc<Document>>) {
        self.change(|places| {
            places.remove(feed);
            for document in documents.iter().filter(|d| d.format.is_public()) {
                let path = document_path(feed, document.format);
                places.by_path.insert(path.into(), document.clone());
            }
            places.by_feed.insert(feed.clone(), documents.as_slice().into());
        });
    }

    /// Puts a document in the place of the feed's old one of its format; where there is none yet, the
    /// whole feed has to come first.
    pub fn replace(&self, feed: &FeedSlug, document: &Arc<Document>) {
        self.change(|places| {
            let Some(standing) = places.by_feed.get(feed) else { return };
            let Some(at) = standing.iter().position(|d| d.format == document.format) else {
                return;
            };
            let mut documents = standing.to_vec();
            documents[at] = document.clone();
            if document.format.is_public() {
                let path = document_path(feed, document.format);
                places.by_path.insert(path.into(), document.clone());
            }
            places.by_feed.insert(feed.clone(), documents.into());
        });
    }

    /// Puts a document that belongs to no feed at a path of its own.
    pub fn put_at(&self, path: &'static str, document: Arc<Document>) {
        self.change(|places| {
            places.by_path.insert(path.into(), document.clone());
        });
    }

    /// Takes a feed's documents away.
    pub fn remove(&self, feed: &FeedSlug) {
        self.change(|places| places.remove(feed));
    }

    fn change(&self, change: impl Fn(&mut Places)) {
        self.places.rcu(|places| {
            let mut places = Places::clone(places);
            change(&mut places);
            places
        });
    }
}

impl Places {
    fn remove(&mut self, feed: &FeedSlug) {
        if self.by_feed.remove(feed).is_some() {
            for format in Format::ALL {
                self.by_path.remove(document_path(feed, format).as_str());
            }
        }
    }
}

/// Where a feed's document is served.
pub fn document_path(feed: &FeedSlug, format: Format) -> String {
    format!("/feeds/{feed}.{}", format.as_str())
}

/// Every address at which a feed's documents are served.
pub fn feed_paths(feed: &FeedSlug) -> impl Iterator<Item = String> {
    let documents = Format::ALL.into_iter().map(|format| document_path(feed, format));
    documents.chain([format!("/feeds/{feed}")])
}
