//! Which articles a feed holds, and what publish remembers of each feed.

use super::{
    Store,
    articles::{columns, stored},
    db::{Batch, Step},
    error::DbError,
    value::{Row, Value},
};
use crate::model::{Article, ArticleId, FeedSlug, Millis};

/// An article's place in a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The feed.
    pub feed: FeedSlug,
    /// The article.
    pub article: ArticleId,
    /// Its publication, which orders the feed.
    pub published: Millis,
    /// From when it is shown.
    pub visible_from: Millis,
    /// Until when it is shown.
    pub visible_until: Option<Millis>,
}

/// What publish remembers of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The feed.
    pub feed: FeedSlug,
    /// Set for feeds made by themselves: the section, tag, author or language.
    pub auto_name: Option<String>,
    /// The selection that its entries were filled by.
    pub selection: String,
    /// When an entry last left.
    pub removed_at: Option<Millis>,
    /// True until the documents of the latest change are kept.
    pub dirty: bool,
}

/// A change of memberships, written as a whole.
#[derive(Debug, Default)]
pub struct EntryChanges {
    /// Entries that are new or other than before.
    pub upserts: Vec<Entry>,
    /// Entries that are no more.
    pub removals: Vec<(FeedSlug, ArticleId)>,
    /// Automatic feeds that may be new, with the word each is made from; known ones keep theirs.
    pub fresh: Vec<(FeedSlug, String)>,
    /// States of the feeds concerned.
    pub states: Vec<FeedState>,
    /// Feeds that are no more: their entries, states and documents go.
    pub forgotten: Vec<FeedSlug>,
    /// A fact that holds with this change, as its name and value.
    pub fact: Option<(&'static str, String)>,
    /// How far the revision log has been read.
    pub cursor: Option<i64>,
}

const UPSERT: &str = "INSERT INTO feed_entries
     (feed, article, published, visible_from, visible_until, position)
     VALUES ($1, $2, $3, $4, $5,
       (SELECT COALESCE(MAX(position), 0) + 1 FROM feed_entries WHERE feed = $1))
     ON CONFLICT (feed, article) DO UPDATE SET published = excluded.published,
       visible_from = excluded.visible_from, visible_until = excluded.visible_until";

const REMOVE: &str = "DELETE FROM feed_entries WHERE feed = $1 AND article = $2";

const SAVE_STATE: &str = "INSERT INTO feed_states (feed, auto_name, selection, removed_at, dirty)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (feed) DO UPDATE SET auto_name = excluded.auto_name,
       selection = excluded.selection, removed_at = excluded.removed_at, dirty = excluded.dirty";

const ADD_STATE: &str = "INSERT INTO feed_states (feed, auto_name, selection, removed_at, dirty)
     VALUES ($1, $2, '', NULL, 0) ON CONFLICT (feed) DO NOTHING";

const FORGET: [&str; 3] = [
    "DELETE FROM feed_entries WHERE feed = $1",
    "DELETE FROM feed_states WHERE feed = $1",
    "DELETE FROM documents WHERE feed = $1",
];

const SAVE_CURSOR: &str = "INSERT INTO cursors (name, revision) VALUES ('publish', $1)
     ON CONFLICT (name) DO UPDATE SET revision = excluded.revision";

impl Store {
    /// Every feed that holds one of these articles.
    pub async fn entries_of(&self, articles: &[ArticleId]) -> Result<Vec<Entry>, DbError> {
        const SQL: &str = "SELECT feed, article, published, visible_from, visible_until
             FROM feed_entries WHERE article IN (SELECT value FROM json_each($1))";
        let ids: Vec<&str> = articles.iter().map(ArticleId::as_str).collect();
        let rows = self.db.read(SQL, vec![super::json(&ids)]).await?;
        rows.into_iter().map(entry).collect()
    }

    /// Writes a change of memberships.
    pub async fn change_entries(&self, changes: EntryChanges) -> Result<(), DbError> {
        let removals =
            changes.removals.iter().map(|(f, a)| vec![f.as_str().into(), a.as_str().into()]);
        let mut batch: Batch = vec![
            Step::each(REMOVE, removals.collect()),
            Step::each(UPSERT, changes.upserts.iter().map(entry_row).collect()),
            Step::each(ADD_STATE, changes.fresh.into_iter().map(fresh_row).collect()),
            Step::each(SAVE_STATE, changes.states.iter().map(state_row).collect()),
        ];
        let gone = || changes.forgotten.iter().map(|feed| vec![feed.as_str().into()]).collect();
        batch.extend(FORGET.map(|sql| Step::each(sql, gone())));
        batch.extend(changes.fact.map(|(name, value)| super::facts::set(name, &value)));
        if let Some(cursor) = changes.cursor {
            batch.push(Step::new(SAVE_CURSOR, vec![cursor.into()]));
        }
        self.db.write(batch).await.map(drop)
    }

    /// The newest entries of a feed that are shown at `now`, with their whole articles.
    pub async fn window(
        &self,
        feed: &FeedSlug,
        now: Millis,
        limit: usize,
    ) -> Result<Vec<Article>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM feed_entries e JOIN articles a ON a.id = e.article
             WHERE e.feed = $1 AND e.visible_from <= $2
             AND (e.visible_until IS NULL OR e.visible_until > $2) AND a.is_public = 1
             ORDER BY e.published DESC, e.article DESC LIMIT $3"
        );
        let params = vec![feed.as_str().into(), now.into(), limit.into()];
        let rows = self.db.read(SQL, params).await?;
        rows.into_iter().map(|row| stored(row).map(|s| s.article)).collect()
    }

    /// How many public articles a feed holds, counted up to `limit`.
    pub async fn count_entries(&self, feed: &FeedSlug, limit: usize) -> Result<usize, DbError> {
        const SQL: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM feed_entries e
             JOIN articles a ON a.id = e.article
             WHERE e.feed = $1 AND a.is_public = 1 LIMIT $2) counted";
        let mut rows = self.db.read(SQL, vec![feed.as_str().into(), limit.into()]).await?;
        Ok(rows.first_mut().map_or(Ok(0), Row::int)?.max(0) as usize)
    }

    /// How many public articles each feed holds.
    pub async fn entry_counts(&self) -> Result<Vec<(FeedSlug, usize)>, DbError> {
        const SQL: &str = "SELECT e.feed, COUNT(*) FROM feed_entries e
             JOIN articles a ON a.id = e.article WHERE a.is_public = 1 GROUP BY e.feed";
        let pair = |mut row: Row| Ok((slug(&row.text()?)?, row.int()?.max(0) as usize));
        self.db.read(SQL, vec![]).await?.into_iter().map(pair).collect()
    }

    /// Feeds with an entry whose time ended after `since` and not after `now`, and the publication
    /// of the newest such entry.
    pub async fn expired(
        &self,
        since: Millis,
        now: Millis,
    ) -> Result<Vec<(FeedSlug, Millis)>, DbError> {
        const SQL: &str = "SELECT feed, MAX(published) FROM feed_entries
             WHERE visible_until > $1 AND visible_until <= $2 GROUP BY feed";
        let pair = |mut row: Row| Ok((slug(&row.text()?)?, row.time()?));
        self.db.read(SQL, vec![since.into(), now.into()]).await?.into_iter().map(pair).collect()
    }

    /// When the next entry's time ends after `now`.
    pub async fn next_expiry(&self, now: Millis) -> Result<Option<Millis>, DbError> {
        const SQL: &str = "SELECT MIN(visible_until) FROM feed_entries WHERE visible_until > $1";
        let mut rows = self.db.read(SQL, vec![now.into()]).await?;
        rows.first_mut().map_or(Ok(None), Row::opt_time)
    }

    /// What publish remembers of every feed, and how far it has read the revision log.
    pub async fn feed_states(&self) -> Result<(Vec<FeedState>, i64), DbError> {
        const STATES: &str =
            "SELECT feed, auto_name, selection, removed_at, dirty FROM feed_states";
        const CURSOR: &str = "SELECT revision FROM cursors WHERE name = 'publish'";
        let states =
            self.db.read(STATES, vec![]).await?.into_iter().map(state).collect::<Result<_, _>>()?;
        let mut cursor = self.db.read(CURSOR, vec![]).await?;
        Ok((states, cursor.first_mut().map_or(Ok(0), Row::int)?))
    }

    /// What publish remembers of one feed.
    pub async fn feed_state(&self, feed: &FeedSlug) -> Result<Option<FeedState>, DbError> {
        const SQL: &str = "SELECT feed, auto_name, selection, removed_at, dirty FROM feed_states
             WHERE feed = $1";
        let rows = self.db.read(SQL, vec![feed.as_str().into()]).await?;
        rows.into_iter().next().map(state).transpose()
    }

    /// Articles after `after` in the order of ids without body and summary, which no selection asks
    /// for; to fill feeds anew.
    pub async fn articles_to_select(
        &self,
        after: Option<&ArticleId>,
        limit: usize,
    ) -> Result<Vec<Article>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!("'' AS summary", "'' AS body_html"),
            " FROM articles a WHERE a.id > $1 ORDER BY a.id LIMIT $2"
        );
        let after = after.map_or("", ArticleId::as_str);
        let rows = self.db.read(SQL, vec![after.into(), limit.into()]).await?;
        rows.into_iter().map(|row| stored(row).map(|s| s.article)).collect()
    }

    /// Every section that an article has, in no order.
    pub async fn sections(&self) -> Result<Vec<String>, DbError> {
        const SQL: &str =
            "SELECT DISTINCT s.value FROM articles a, json_each(a.sections) s LIMIT 10000";
        self.db.read(SQL, vec![]).await?.into_iter().map(|mut row| row.text()).collect()
    }
}

fn entry_row(entry: &Entry) -> Vec<Value> {
    vec![
        entry.feed.as_str().into(),
        entry.article.as_str().into(),
        entry.published.into(),
        entry.visible_from.into(),
        entry.visible_until.into(),
    ]
}

fn entry(mut row: Row) -> Result<Entry, DbError> {
    Ok(Entry {
        feed: slug(&row.text()?)?,
        article: super::articles::id(&row.text()?)?,
        published: row.time()?,
        visible_from: row.time()?,
        visible_until: row.opt_time()?,
    })
}

fn fresh_row((feed, name): (FeedSlug, String)) -> Vec<Value> {
    vec![feed.as_str().into(), name.into()]
}

fn state_row(state: &FeedState) -> Vec<Value> {
    vec![
        state.feed.as_str().into(),
        state.auto_name.clone().into(),
        state.selection.as_str().into(),
        state.removed_at.into(),
        state.dirty.into(),
    ]
}

fn state(mut row: Row) -> Result<FeedState, DbError> {
    Ok(FeedState {
        feed: slug(&row.text()?)?,
        auto_name: row.opt_text()?,
        selection: row.text()?,
        removed_at: row.opt_time()?,
        dirty: row.int()? != 0,
    })
}

/// A feed's slug out of the store.
pub(super) fn slug(text: &str) -> Result<FeedSlug, DbError> {
    FeedSlug::parse(text).map_err(super::broken)
}
