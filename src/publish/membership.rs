//! Keeping `feed_entries` in step with the articles: what should stand there against what does.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::lineup::possible_feeds;
use crate::{
    config::{FeedConfig, FeedsAuto},
    feed::{auto::AutoFeed, select},
    model::{Article, ArticleId, FeedSlug, Guid, Millis},
    store::Entry,
};

/// An article's place in a feed before and after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The feed.
    pub feed: FeedSlug,
    /// Set when the feed makes itself.
    pub auto: Option<AutoFeed>,
    /// The article.
    pub article: ArticleId,
    /// What readers know it by.
    pub guid: Guid,
    /// Where it stood.
    pub before: Option<Entry>,
    /// Where it stands now.
    pub after: Option<Entry>,
}

impl Move {
    /// True when the row in `feed_entries` must be written.
    pub fn changes_entry(&self) -> bool {
        self.before != self.after
    }

    /// True when the entry is to be taken out.
    pub fn leaves(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }

    /// True when nobody may see the entry at `now`: it is none, or its time is yet to come or over.
    pub fn is_hidden(&self, now: Millis) -> bool {
        let shown =
            |e: &Entry| e.visible_from <= now && e.visible_until.is_none_or(|until| until > now);
        !self.after.as_ref().is_some_and(shown)
    }

    /// The places at which a reader may see a difference at `now`.
    pub fn visible_places(&self, now: Millis) -> impl Iterator<Item = Millis> {
        let shown = |entry: &&Entry| entry.visible_from <= now;
        let places = [self.before.as_ref(), self.after.as_ref()];
        places
            .into_iter()
            .flatten()
            .filter(shown)
            .map(|e| e.published)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// The feeds an article is looked at for.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Declared feeds.
    pub declared: Vec<Arc<FeedConfig>>,
    /// Automatic ones.
    pub auto: FeedsAuto,
}

/// What these articles' change means for each feed they stood in or stand in now. `existing` are
/// their entries so far.
pub fn moves(scope: &Scope, articles: &[Article], existing: Vec<Entry>) -> Vec<Move> {
    let mut before: HashMap<(FeedSlug, ArticleId), Entry> =
        existing.into_iter().map(|e| ((e.feed.clone(), e.article.clone()), e)).collect();
    let mut moves = Vec::new();
    for article in articles {
        let mut seen = HashSet::new();
        for (config, auto) in possible_feeds(&scope.declared, &scope.auto, article) {
            let key = (config.slug.clone(), article.id.clone());
            let after = entry(&config, article);
            if !seen.insert(key.clone()) || (after.is_none() && !before.contains_key(&key)) {
                continue;
            }
            let (before, guid) = (before.remove(&key), article.guid.clone());
            moves.push(Move { feed: key.0, auto, article: key.1, guid, before, after });
        }
    }
    let guids: HashMap<&ArticleId, &Guid> = articles.iter().map(|a| (&a.id, &a.guid)).collect();
    let gone = before.into_iter().filter_map(|((feed, article), entry)| {
        let guid = (*guids.get(&article)?).clone();
        Some(Move { feed, auto: None, article, guid, before: Some(entry), after: None })
    });
    moves.extend(gone);
    moves
}

fn entry(config: &FeedConfig, article: &Article) -> Option<Entry> {
    let membership = select::membership(config, article)?;
    Some(Entry {
        feed: config.slug.clone(),
        article: article.id.clone(),
        published: article.published_at?,
        visible_from: membership.visible_from,
        visible_until: membership.visible_until,
    })
}
