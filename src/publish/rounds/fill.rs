//! Filling feeds anew whose selection is new or changed, a page of articles a round.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::Rounds;
use crate::{
    config::{FeedConfig, FeedsAuto},
    feed::auto,
    model::{ArticleId, FeedSlug},
    publish::{
        lineup::{LiveFeed, automatic_from, is_automatic, selection_text},
        membership::Scope,
    },
    store::{DbError, EntryChanges},
};

/// Articles looked at by one round.
const PAGE: usize = 500;
/// The fact that says for which kinds of automatic feeds the store has entries.
const AUTO_KINDS: &str = "publish.auto_kinds";

/// Feeds that are being filled.
#[derive(Debug)]
pub(super) struct Fill {
    scope: Scope,
    declared: HashSet<FeedSlug>,
    after: Option<ArticleId>,
}

impl Fill {
    fn concerns(&self, feed: &FeedSlug) -> bool {
        self.declared.contains(feed) || is_automatic(&self.scope.auto, feed)
    }
}

impl Rounds {
    /// Begins to fill what the store has no entries for: these declared feeds, and the kinds of
    /// automatic feeds that are new.
    pub(super) async fn begin_filling(
        &mut self,
        declared: Vec<Arc<FeedConfig>>,
    ) -> Result<(), DbError> {
        let known = self.store.fact(AUTO_KINDS).await?.unwrap_or_default();
        let wanted = kinds_text(&self.scope.auto);
        let auto = only_new_kinds(&self.scope.auto, &known);
        if self.cursor == 0 {
            // An empty log: every article will come by as a change.
            return self.store.set_fact(AUTO_KINDS, &wanted).await;
        }
        if declared.is_empty() && known == wanted {
            return Ok(());
        }
        let slugs = declared.iter().map(|c| c.slug.clone()).collect();
        let scope = Scope { declared, auto };
        self.filling = Some(Fill { scope, declared: slugs, after: None });
        Ok(())
    }

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
        self.store.change_entries(EntryChanges { states, ..EntryChanges::default() }).await?;
        self.store.set_fact(AUTO_KINDS, &kinds_text(&self.scope.auto)).await
    }

    /// Serves automatic feeds that have grown large enough.
    pub(super) async fn wake_small_feeds(
        &mut self,
        perhaps: BTreeSet<FeedSlug>,
    ) -> Result<(), DbError> {
        let min = self.settings.auto.articles_min;
        for feed in perhaps {
            if !self.small.contains_key(&feed) || self.store.count_entries(&feed, min).await? < min
            {
                continue;
            }
            if self.automatic_count() >= self.settings.auto.feeds_max {
                self.metrics.limit_hit("auto_feeds");
                continue;
            }
            self.wake(&feed);
        }
        Ok(())
    }

    pub(super) fn automatic_count(&self) -> usize {
        self.feeds.values().filter(|f| f.is_auto).count()
    }

    /// Serves a small feed from now on.
    pub(super) fn wake(&mut self, feed: &FeedSlug) {
        let Some(state) = self.small.remove(feed) else { return };
        let name = state.auto_name.clone().unwrap_or_default();
        let Some(made) = automatic_from(feed, &name) else { return };
        let live = LiveFeed::automatic(auto::declaration(&made), state, &self.metrics);
        self.feeds.insert(feed.clone(), live);
        self.touched.insert(feed.clone());
    }
}

fn kinds_text(auto: &FeedsAuto) -> String {
    let kinds = [
        (auto.sections, "section"),
        (auto.languages, "language"),
        (auto.tags, "tag"),
        (auto.authors, "author"),
    ];
    let on: Vec<&str> = kinds.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    on.join(" ")
}

/// The kinds that are on and that the store has no entries for.
fn only_new_kinds(auto: &FeedsAuto, known: &str) -> FeedsAuto {
    let is_new = |kind: &str| !known.split(' ').any(|k| k == kind);
    FeedsAuto {
        sections: auto.sections && is_new("section"),
        languages: auto.languages && is_new("language"),
        tags: auto.tags && is_new("tag"),
        authors: auto.authors && is_new("author"),
        ..auto.clone()
    }
}
