//! Which articles exist for the public, in memory, so that a hit never asks the article store.
//!
//! It follows the store's log of revisions with a cursor of its own. An article that was public once
//! stays: its page may still be open somewhere, and its number is still asked for.

use std::{
    collections::HashMap,
    hash::RandomState,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{hit::Target, judge::Named, names::Names, page::page_key, queue::Queue, tally::Tally};
use crate::{
    model::ArticleId,
    store::{DbError, Slim, Store, views::Hits},
};

/// Changes read at once.
const CHANGES_PER_READ: usize = 1000;
/// How long to wait after the store failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// An article and its main section, as numbers of the roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listed {
    /// Which article.
    pub number: u32,
    /// Its main section.
    pub section: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Fact {
    carried_over: u64,
    /// The key of its page, to find it again when the page moves.
    page: Option<u64>,
    section: u32,
    /// False for an article that only the counts know.
    known: bool,
}

#[derive(Debug, Default)]
struct Inner {
    ids: Names,
    sections: Names,
    /// By the article's number.
    facts: Vec<Fact>,
    pages: HashMap<u64, u32>,
    /// All articles of a page that has more than one, the newest last.
    shared_pages: HashMap<u64, Vec<u32>>,
}

/// The roster, shared by cloning.
#[derive(Clone, Debug)]
pub struct Roster {
    inner: Arc<RwLock<Inner>>,
    page_hash: RandomState,
    /// The newest revision read; locked while reading, so that no older read overwrites a newer one.
    cursor: Arc<tokio::sync::Mutex<i64>>,
    /// Grows when articles came, after they can be found.
    news: Arc<AtomicU64>,
    /// Rung then.
    queue: Arc<Queue>,
}

impl Roster {
    pub(super) fn new(queue: Arc<Queue>) -> Roster {
        let mut inner = Inner::default();
        inner.sections.number("");
        Roster {
            inner: Arc::new(RwLock::new(inner)),
            page_hash: RandomState::new(),
            cursor: Arc::default(),
            news: Arc::default(),
            queue,
        }
    }

    /// Follows the store until the future is dropped.
    pub async fn follow(self, store: Store) {
        let mut revisions = store.revisions();
        loop {
            revisions.mark_unchanged();
            match self.catch_up(&store).await {
                Ok(()) if revisions.changed().await.is_err() => return,
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!("new articles cannot be viewed yet: {error}");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
    }

    /// Reads all that changed in the store since the last time.
    pub async fn catch_up(&self, store: &Store) -> Result<(), DbError> {
        while self.run_once(store).await? > 0 {}
        Ok(())
    }

    /// Reads some of what changed; answers how many changes it took.
    pub async fn run_once(&self, store: &Store) -> Result<usize, DbError> {
        let mut cursor = self.cursor.lock().await;
        let changes = store.slim_changes_since(*cursor, CHANGES_PER_READ).await?;
        let page = |slim: &Slim| page_key(&slim.url, &self.page_hash);
        let pages: Vec<_> = changes.iter().map(page).collect();
        let mut inner = self.write();
        for (slim, page) in changes.iter().zip(pages) {
            inner.take(slim, page);
            *cursor = slim.revision.max(*cursor);
        }
        drop(inner);
        if changes.iter().any(|slim| slim.was_public) {
            self.news.fetch_add(1, Ordering::Release);
            self.queue.ring();
        }
        Ok(changes.len())
    }

    /// Grows whenever articles came; those that came before it grew are found.
    pub(super) fn news(&self) -> u64 {
        self.news.load(Ordering::Acquire)
    }

    /// The article a hit names.
    pub(super) fn find(&self, target: Target<'_>) -> Named<Listed> {
        match target {
            Target::Id(id) if !ArticleId::is_valid(id) => Named::Invalid,
            Target::Id(id) => {
                let inner = self.read();
                inner.known(inner.ids.find(id))
            }
            Target::Url(address) => {
                let Some(page) = page_key(address, &self.page_hash) else {
                    return Named::Invalid;
                };
                let inner = self.read();
                inner.known(inner.pages.get(&page).copied())
            }
        }
    }

    /// True for the address of an article that the public could ever see.
    pub fn has_page(&self, address: &str) -> bool {
        matches!(self.find(Target::Url(address)), Named::Known(_))
    }

    /// The number of a known article and its carried-over views.
    pub(super) fn carried_over(&self, id: &str) -> Option<(u32, u64)> {
        let inner = self.read();
        let number = inner.ids.find(id)?;
        let fact = inner.facts.get(number as usize).filter(|fact| fact.known)?;
        Some((number, fact.carried_over))
    }

    /// Known articles.
    pub fn len(&self) -> usize {
        self.read().facts.iter().filter(|fact| fact.known).count()
    }

    /// True when no article is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A tally in the store's words.
    pub(super) fn encode(&self, tally: &Tally) -> Result<String, DbError> {
        let inner = self.read();
        let hits: Hits<'_> = tally.hits(|n| inner.ids.text(n), |n| inner.sections.text(n));
        hits.encode()
    }

    /// The number of an article, known or not.
    pub(super) fn article_number(&self, id: &str) -> u32 {
        self.write().article(id)
    }

    /// The id of a number.
    pub(super) fn article_id(&self, number: u32) -> String {
        self.read().ids.text(number).to_owned()
    }

    /// The number of a section.
    pub(super) fn section_number(&self, section: &str) -> u32 {
        self.write().sections.number(section)
    }

    /// The section of a number.
    pub(super) fn section_name(&self, number: u32) -> String {
        self.read().sections.text(number).to_owned()
    }

    /// The number of "no section".
    pub(super) fn no_section(&self) -> u32 {
        0
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn known(&self, number: Option<u32>) -> Named<Listed> {
        let fact = |number: u32| self.facts.get(number as usize).filter(|fact| fact.known);
        match number.and_then(|number| Some((number, fact(number)?))) {
            Some((number, fact)) => Named::Known(Listed { number, section: fact.section }),
            None => Named::Unknown,
        }
    }

    fn article(&mut self, id: &str) -> u32 {
        let number = self.ids.number(id);
        if number as usize >= self.facts.len() {
            self.facts.push(Fact::default());
        }
        number
    }

    fn take(&mut self, slim: &Slim, page: Option<u64>) {
        if !slim.was_public {
            return;
        }
        let number = self.article(slim.id.as_str());
        let section = self.sections.number(&slim.section);
        let old = self.facts[number as usize].page;
        if old != page {
            self.leave(number, old);
            self.arrive(number, page);
        }
        let carried_over = slim.carried_over;
        self.facts[number as usize] = Fact { carried_over, page, section, known: true };
    }

    fn arrive(&mut self, number: u32, page: Option<u64>) {
        let Some(page) = page else { return };
        if let Some(other) = self.pages.insert(page, number) {
            self.shared_pages.entry(page).or_insert_with(|| vec![other]).push(number);
        }
    }

    fn leave(&mut self, number: u32, page: Option<u64>) {
        let Some(page) = page else { return };
        let Some(sharing) = self.shared_pages.get_mut(&page) else {
            self.pages.remove(&page);
            return;
        };
        sharing.retain(|other| *other != number);
        if let Some(newest) = sharing.last() {
            self.pages.insert(page, *newest);
        }
        if sharing.len() < 2 {
            self.shared_pages.remove(&page);
        }
    }
}
