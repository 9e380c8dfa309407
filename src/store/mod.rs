//! The article database: articles with their revisions, feed entries, documents, jobs, tokens.
//!
//! SQL stands only in here. [`Store`] is `jarshy.db`; `views.db` is opened by [`views`]. Callers see
//! facts of [`crate::model`] and never rows. The store calls nobody: who wants to know of a change
//! watches [`Store::revisions`] and asks [`Store::changes_since`].

mod articles;
mod db;
mod facts;
mod tokens;
mod value;

use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::sync::watch;

pub use articles::{
    ArticleFilter, Change, ChangeKind, Marks, Put, PutError, Slim, Stored, Withdrawal,
};
pub use db::{Batch, Db, DbError, OpenError, Returned, Step, Writer};
pub use tokens::{NewToken, Scope, Token, split_token};
pub use value::{Row, Value};

use crate::config;

const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_articles.sql")];

/// The article database, shared by cloning.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    newest: watch::Sender<i64>,
}

impl Store {
    /// Opens `jarshy.db` in the data folder, making both where they are missing.
    pub async fn open(settings: &config::Store) -> Result<Store, OpenError> {
        let path = database_path(&settings.data);
        fs::create_dir_all(&settings.data)
            .map_err(|e| OpenError::Failed { path: settings.data.clone(), why: e.to_string() })?;
        let writer = Writer::open(&path, settings.busy_timeout, MIGRATIONS)?;
        let db = Db::start(&path, writer, settings.readers, settings.write_queue_max)?;
        let store = Store { db, newest: watch::Sender::new(0) };
        let failed = |e: DbError| OpenError::Failed { path, why: e.to_string() };
        store.look_for_changes().await.map_err(failed)?;
        Ok(store)
    }

    /// The newest revision, now and whenever it grows.
    pub fn revisions(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Reads the newest revision from the file, so that what another process wrote is noticed too.
    pub async fn look_for_changes(&self) -> Result<i64, DbError> {
        let mut rows = self.db.read("SELECT n FROM store_revision", vec![]).await?;
        let newest = rows.first_mut().map_or(Ok(0), Row::int)?;
        self.announce(newest);
        Ok(newest)
    }

    /// Tells the watchers of a revision that is on disk.
    fn announce(&self, revision: i64) {
        self.newest.send_if_modified(|newest| {
            let grew = revision > *newest;
            *newest = revision.max(*newest);
            grew
        });
    }
}

/// Where the article database of a data folder is.
pub fn database_path(data: &Path) -> PathBuf {
    data.join("jarshy.db")
}
