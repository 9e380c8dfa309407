//! Filling feeds anew whose selection is new or changed, a page of articles a round.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::Rounds;
use crate::{
    config::{FeedConfig, FeedsAuto},
    model::{ArticleId, FeedSlug},
    publish::{
        lineup::{LiveFeed, is_automatic, selection_text},
        membership::Scope,
    },
    store::{DbError, EntryChanges},
};

/// Articles looked at by one round.
const PAGE: usize = 500;
/// The fact that says for which kinds of automatic feeds the store has entries.
pub(super) const AUTO_KINDS: &str = "publish.auto_kinds";

/// Feeds that are being filled.
#[derive(Debug)]
pub(super) struct Fill {
    scope: Scope,
    declared: HashSet<FeedSlug>,
    after: Option<ArticleId>,
}

impl Fill {
    /// Fills what the store has no entries for: these declared feeds, and the kinds of automatic
    /// feeds that are new; `None` when there are none of either.
    pub(super) fn new(scope: &Scope, declared: Vec<Arc<FeedConfig>>, known: &str) -> Option<Fill> {
        if declared.is_empty() && known == kinds_text(&scope.auto) {
            return None;
        }
        let auto = auto_of(&scope.auto, |kind| !has(known, kind));
        let slugs = declared.iter().map(|c| c.slug.clone()).collect();
        Some(Fill { scope: Scope { declared, auto }, declared: slugs, after: None })
    }

    /// True for a declared feed that is being filled.
    pub(super) fn holds(&self, feed: &FeedSlug) -> bool {
        self.declared.contains(feed)
    }

    fn concerns(&self, feed: &FeedSlug) -> bool {
        self.declared.contains(feed) || is_automatic(&self.scope.auto, feed)
    }
}

impl Rounds {
    /// Looks at the next page of articles for the feeds that are being filled.
    pub(super) async fn fill_one_page(&mut self) -> Result<(), DbError> {
        let Some(fill) = self.filling.take() else { return Ok(()) };
        let articles = match self.store.articles_to_select(fill.after.as_ref(), PAGE).await {
            Ok(articles) => articles,
            Err(error) => {
                self.filling = Some(fill);
                return Err(error);
            }
        };
        let scope = fill.scope.clone();
        let filled = self.move_articles(&scope, &articles, |feed| fill.concerns(feed), None).await;
        let after = articles.last().map(|a| a.id.clone());
        match (filled, after) {
            (Err(error), _) => {
                self.filling = Some(fill);
                Err(error)
            }
            (Ok(()), Some(after)) => {
                self.filling = Some(Fill { after: Some(after), ..fill });
                Ok(())
            }
            (Ok(()), None) => {
                let ended = self.end_filling(&fill).await;
                self.filling = ended.is_err().then_some(fill);
                ended
            }
        }
    }

    async fn end_filling(&mut self, fill: &Fill) -> Result<(), DbError> {
        let mut states = Vec::new();
        for config in &fill.scope.declared {
            if let Some(live) = self.feeds.get_mut(&config.slug) {
                live.state.selection = selection_text(config);
                live.state.dirty = true;
                states.push(live.state.clone());
                self.touched.insert(config.slug.clone());
            }
        }
        let fact = Some((AUTO_KINDS, kinds_text(&self.scope.auto)));
        self.store.change_entries(EntryChanges { states, fact, ..EntryChanges::default() }).await
    }

    /// Serves automatic feeds that have grown large enough.
    pub(super) async fn wake_small_feeds(
        &mut self,
        perhaps: BTreeSet<FeedSlug>,
    ) -> Result<(), DbError> {
        let min = self.settings.auto.articles_min;
        for feed in perhaps {
            let moved = self.has_moved(&feed);
            if moved || self.store.count_entries(&feed, min).await? < min {
                continue;
            }
            if self.automatic_count() >= self.settings.auto.feeds_max {
                self.metrics.limit_hit("auto_feeds");
                continue;
            }
            let state = self.store.feed_state(&feed).await?;
            if let Some(live) = state.and_then(|s| LiveFeed::automatic(s, &self.metrics)) {
                self.feeds.insert(feed.clone(), live);
                self.touched.insert(feed);
            }
        }
        Ok(())
    }

    pub(super) fn automatic_count(&self) -> usize {
        self.feeds.values().filter(|f| f.is_auto).count()
    }
}

/// Of the kinds that the store had entries for, those that still are on.
pub(super) fn kinds_left(auto: &FeedsAuto, known: &str) -> String {
    kinds_text(&auto_of(auto, |kind| has(known, kind)))
}

/// The kinds that are on, as a fact says them.
pub(super) fn kinds_text(auto: &FeedsAuto) -> String {
    let kinds = [
        (auto.sections, "section"),
        (auto.languages, "language"),
        (auto.tags, "tag"),
        (auto.authors, "author"),
    ];
    let on: Vec<&str> = kinds.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    on.join(" ")
}

fn has(known: &str, kind: &str) -> bool {
    known.split(' ').any(|k| k == kind)
}

/// The same settings with only those kinds on that are wanted.
fn auto_of(auto: &FeedsAuto, wanted: impl Fn(&str) -> bool) -> FeedsAuto {
    FeedsAuto {
        sections: auto.sections && wanted("section"),
        languages: auto.languages && wanted("language"),
        tags: auto.tags && wanted("tag"),
        authors: auto.authors && wanted("author"),
        ..auto.clone()
    }
}
