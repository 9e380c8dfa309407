//! Following the revision log and the time: entries move, and feeds are touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::Rounds;
use crate::{
    feed::auto::AutoFeed,
    model::{Article, ArticleId, FeedSlug, Millis},
    publish::membership::{self, Move, Scope},
    store::{DbError, Entry, EntryChanges, FeedState},
};

/// Changes read at once.
const PAGE: usize = 500;
/// How long one round reads: a long import neither keeps its first articles from being published nor
/// has every feed made anew for each few of them.
const READING_MAX: Duration = Duration::from_secs(2);

/// What a change of entries means for one feed.
#[derive(Debug, Default)]
struct Effect {
    touches: bool,
    /// An entry of the last good documents must not be seen any more.
    removes: bool,
    auto: Option<AutoFeed>,
}

impl Rounds {
    /// Reads what changed and moves entries accordingly.
    pub(super) async fn follow_changes(&mut self) -> Result<(), DbError> {
        let began = Instant::now();
        while began.elapsed() < READING_MAX {
            let newest = *self.revisions.borrow();
            let changed = self.store.changes_since(self.cursor, PAGE).await?;
            let Some(last) = changed.last() else {
                // A restore leaves revisions out that no article has.
                self.cursor = self.cursor.max(newest);
                return Ok(());
            };
            let (cursor, count) = (last.revision, changed.len());
            let articles: Vec<Article> = changed.into_iter().map(|s| s.article).collect();
            let scope = self.scope.clone();
            self.move_articles(&scope, &articles, |_| true, Some(cursor)).await?;
            self.cursor = cursor;
            if count < PAGE {
                self.cursor = cursor.max(newest);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Touches the feeds of entries whose time has ended.
    pub(super) async fn follow_time(&mut self) -> Result<(), DbError> {
        let now = self.clock.now();
        let mut states = Vec::new();
        for (feed, newest) in self.store.expired(self.expired_until, now).await? {
            let live = self.feeds.get(&feed).filter(|live| live.reaches(newest));
            states.extend(live.map(|live| FeedState {
                removed_at: live.state.removed_at.max(Some(now)),
                dirty: true,
                ..live.state.clone()
            }));
        }
        if !states.is_empty() {
            let changes = EntryChanges { states: states.clone(), ..EntryChanges::default() };
            self.store.change_entries(changes).await?;
        }
        for state in states {
            self.touched.insert(state.feed.clone());
            if let Some(live) = self.feeds.get_mut(&state.feed) {
                live.state = state;
            }
        }
        self.expired_until = now;
        self.next_expiry = self.store.next_expiry(now).await?;
        Ok(())
    }

    /// Brings the entries of these articles in step, in the feeds of `scope`; `concerns` says which
    /// of their present entries belong to it.
    pub(super) async fn move_articles(
        &mut self,
        scope: &Scope,
        articles: &[Article],
        concerns: impl Fn(&FeedSlug) -> bool,
        cursor: Option<i64>,
    ) -> Result<(), DbError> {
        let ids: Vec<ArticleId> = articles.iter().map(|a| a.id.clone()).collect();
        let mut existing = self.store.entries_of(&ids).await?;
        existing.retain(|entry| concerns(&entry.feed));
        let moves = membership::moves(scope, articles, existing);
        let now = self.clock.now();
        let effects = self.effects(&moves, now);
        let changes = self.entry_changes(&moves, &effects, now, cursor);
        self.store.change_entries(changes).await?;
        self.take_effect(effects, now).await
    }

    fn effects(&self, moves: &[Move], now: Millis) -> BTreeMap<FeedSlug, Effect> {
        let mut effects: BTreeMap<FeedSlug, Effect> = BTreeMap::new();
        for change in moves {
            let effect = effects.entry(change.feed.clone()).or_default();
            if let Some(live) = self.feeds.get(&change.feed) {
                let seen = |place| live.shows(place, &change.article);
                // What the documents hold may already be of a later state than its entry, and stand
                // at another place.
                let held = live.held(&change.guid);
                effect.removes |= held && change.is_hidden(now);
                effect.touches |= held || change.visible_places(now).any(seen);
            }
            effect.auto = effect.auto.take().or_else(|| change.auto.clone());
        }
        effects
    }

    fn entry_changes(
        &self,
        moves: &[Move],
        effects: &BTreeMap<FeedSlug, Effect>,
        now: Millis,
        cursor: Option<i64>,
    ) -> EntryChanges {
        let changed = || moves.iter().filter(|m| m.changes_entry());
        let upserts: Vec<Entry> = changed().filter_map(|m| m.after.clone()).collect();
        let gone = changed().filter(|m| m.leaves());
        EntryChanges {
            upserts,
            removals: gone.map(|m| (m.feed.clone(), m.article.clone())).collect(),
            fresh: effects.iter().filter_map(|(f, e)| self.perhaps_new(f, e)).collect(),
            states: effects.iter().filter_map(|(f, e)| self.state_after(f, e, now)).collect(),
            cursor,
            ..EntryChanges::default()
        }
    }

    /// An automatic feed that is not served, and the word it is made from.
    fn perhaps_new(&self, feed: &FeedSlug, effect: &Effect) -> Option<(FeedSlug, String)> {
        let auto = effect.auto.as_ref().filter(|_| !self.feeds.contains_key(feed))?;
        Some((feed.clone(), auto.name.clone()))
    }

    /// The state to be written for a feed: touched ones stay dirty until their documents are kept.
    fn state_after(&self, feed: &FeedSlug, effect: &Effect, now: Millis) -> Option<FeedState> {
        let state = &self.feeds.get(feed).filter(|_| effect.touches)?.state;
        let removed_at = state.removed_at.max(effect.removes.then_some(now));
        Some(FeedState { removed_at, dirty: true, ..state.clone() })
    }

    /// What was written holds from here on.
    async fn take_effect(
        &mut self,
        effects: BTreeMap<FeedSlug, Effect>,
        now: Millis,
    ) -> Result<(), DbError> {
        let mut perhaps = BTreeSet::new();
        for (feed, effect) in effects {
            let state = self.state_after(&feed, &effect, now);
            match (self.feeds.get_mut(&feed), state) {
                (Some(live), Some(state)) => {
                    live.state = state;
                    self.touched.insert(feed);
                }
                (None, _) if effect.auto.is_some() => drop(perhaps.insert(feed)),
                _ => {}
            }
        }
        self.wake_small_feeds(perhaps).await
    }
}
