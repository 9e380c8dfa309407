//! One document without a daemon: the feed is filled from the articles themselves, whatever the
//! entries in the store say.

use std::sync::Arc;

use super::{
    Settings,
    lineup::{automatic_from, is_automatic},
    takeover::OldFeeds,
};
use crate::{
    config::FeedConfig,
    feed::{self, Snapshot, auto, select},
    model::{Article, ArticleId, FeedSlug, Format, Millis},
    store::{DbError, Store},
};

/// Articles looked at together.
const PAGE: usize = 1000;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// Neither declared nor made by an article.
    #[error("there is no feed `{0}`; `jarshy feeds` lists those there are")]
    Unknown(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] DbError),
    /// The document could not be written.
    #[error(transparent)]
    Render(#[from] feed::RenderError),
}

/// The document of a feed as it should be at `now`.
pub async fn render_once(
    store: &Store,
    settings: &Settings,
    slug: &str,
    format: Format,
    now: Millis,
) -> Result<Vec<u8>, OnceError> {
    let unknown = || OnceError::Unknown(slug.chars().take(100).collect());
    let slug = FeedSlug::parse(slug).map_err(|_| unknown())?;
    let old = OldFeeds::new(settings, &store.old_names().await?).feeds;
    let declared = settings.feeds.iter().chain(&old).find(|f| f.slug == slug);
    let mut config = declared.cloned().map(Arc::new);
    let mut newest: Vec<(Millis, ArticleId)> = Vec::new();
    let mut after = None;
    loop {
        let page = store.articles_to_select(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for article in &page {
            let declared = declared.cloned().map(Arc::new);
            if let Some(feed) = declared.or_else(|| automatic(settings, &slug, article)) {
                newest.extend(shown(&feed, article, now));
                config.get_or_insert(feed);
            }
        }
        let room = config.as_ref().map_or(0, |c| c.entries);
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(room);
    }
    let config = config.ok_or_else(unknown)?;
    let config = match declared {
        Some(_) => config,
        None => as_named(store, &slug).await?.unwrap_or(config),
    };
    let entries = in_order(store, &newest).await?;
    let snapshot = Snapshot::new(&config, &settings.site, &settings.public, entries, None);
    Ok(feed::render(format, &snapshot)?)
}

/// The automatic feed of this slug, if the article makes it.
fn automatic(settings: &Settings, slug: &FeedSlug, article: &Article) -> Option<Arc<FeedConfig>> {
    if !is_automatic(&settings.auto, slug) {
        return None;
    }
    let made = auto::candidates(&settings.auto, article).into_iter().find(|c| c.slug == *slug)?;
    automatic_from(slug, &made.name).map(|made| Arc::new(auto::declaration(&made)))
}

/// The automatic feed as the daemon calls it: by the first spelling that came to it.
async fn as_named(store: &Store, slug: &FeedSlug) -> Result<Option<Arc<FeedConfig>>, DbError> {
    let name = store.feed_state(slug).await?.and_then(|state| state.auto_name);
    let made = name.and_then(|name| automatic_from(slug, &name));
    Ok(made.map(|made| Arc::new(auto::declaration(&made))))
}

fn shown(feed: &FeedConfig, article: &Article, now: Millis) -> Option<(Millis, ArticleId)> {
    let membership = select::membership(feed, article)?;
    let ended = membership.visible_until.is_some_and(|until| until <= now);
    let shown = membership.visible_from <= now && !ended;
    shown.then(|| Some((article.published_at?, article.id.clone()))).flatten()
}

async fn in_order(store: &Store, order: &[(Millis, ArticleId)]) -> Result<Vec<Article>, DbError> {
    let ids: Vec<ArticleId> = order.iter().map(|(_, id)| id.clone()).collect();
    let mut articles: Vec<Article> =
        store.articles_by_id(&ids).await?.into_iter().map(|s| s.article).collect();
    articles.sort_by_key(|a| ids.iter().position(|id| *id == a.id));
    Ok(articles)
}
