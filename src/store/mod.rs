//! The article database: articles with their revisions, feed entries, documents, jobs, tokens, sources.
//!
//! SQL stands only in here. [`Store`] is `jarshy.db`; `views.db` is opened by [`views`]. Callers see
//! facts of [`crate::model`] and never rows. The store calls nobody: who wants to know of a change
//! watches [`Store::revisions`] and asks [`Store::changes_since`].

mod articles;
mod audit;
pub mod backup;
mod copy;
mod db;
mod documents;
mod entries;
mod error;
mod facts;
mod held;
mod identity;
mod jobs;
mod migrate;
mod old_names;
mod restored;
mod room;
mod salvage;
mod sections;
mod sources;
mod tokens;
mod value;
pub mod views;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use articles::{
    ArticleFilter, Change, ChangeKind, Marks, Put, PutError, Slim, Stored, Withdrawal,
};
pub use audit::{AuditAction, AuditEntry, AuditNote};
pub use db::{Batch, Db, Returned, Step, Writer};
pub use documents::{DocumentFacts, KeptDocument};
pub use entries::{Entry, EntryChanges, FeedState};
pub use error::{DbError, OpenError};
pub use held::Held;
pub use jobs::JobRun;
pub use restored::Restored;
pub use room::{Room, RoomLevel};
pub use salvage::{Salvaged, damaged_files, salvage_views, undo_half_salvage};
pub use sections::sections_in;
pub use sources::SourceState;
pub use tokens::{NewToken, Scope, Token, split_token};
pub use value::{Row, Value};

use crate::config;

const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_articles.sql"),
    include_str!("migrations/0002_audit.sql"),
    include_str!("migrations/0003_old_names.sql"),
    include_str!("migrations/0004_sources.sql"),
    include_str!("migrations/0005_article_types.sql"),
    include_str!("migrations/0006_rhythm.sql"),
];

/// The article database, shared by cloning.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    room: Room,
    newest: watch::Sender<i64>,
    /// Grows with each change of `old_names`.
    names: watch::Sender<i64>,
    /// When the oldest revision was announced that nobody has taken note of yet.
    waiting_since: Arc<Mutex<Option<Instant>>>,
}

impl Store {
    /// Opens `jarshy.db` in the data folder, making both where they are missing.
    pub async fn open(settings: &config::Store) -> Result<Store, OpenError> {
        let path = database_path(&settings.data);
        fs::create_dir_all(&settings.data)
            .map_err(|e| OpenError::Failed { path: settings.data.clone(), why: e.to_string() })?;
        if backup::is_unfinished(&settings.data) {
            let why =
                "a restore into its folder was not finished: empty the folder and restore again";
            return Err(OpenError::Failed { path, why: why.into() });
        }
        let writer = Writer::open(&path, settings.busy_timeout, MIGRATIONS)?;
        let db = Db::start(&path, writer, settings.readers, settings.write_queue_max)?;
        let (newest, names) = (watch::Sender::new(0), watch::Sender::new(0));
        let room = Room::new(settings);
        let store = Store { db, room, newest, names, waiting_since: Arc::default() };
        let failed = |e: DbError| OpenError::Failed { path, why: e.to_string() };
        store.look_for_changes().await.map_err(failed)?;
        Ok(store)
    }

    /// The room left for it.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The newest revision, now and whenever it grows.
    pub fn revisions(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Reads the newest revision from the file, so that what another process wrote is noticed too.
    pub async fn look_for_changes(&self) -> Result<i64, DbError> {
        const SQL: &str =
            "SELECT n, (SELECT COALESCE(MAX(version), 0) FROM old_names) FROM store_revision";
        let mut rows = self.db.read(SQL, vec![]).await?;
        let Some(row) = rows.first_mut() else { return Ok(0) };
        let (newest, names) = (row.int()?, row.int()?);
        self.announce(newest);
        self.names.send_if_modified(|known| std::mem::replace(known, names) != names);
        Ok(newest)
    }

    /// Why articles are refused at present; `None` when they are taken.
    pub fn write_fault(&self) -> Option<DbError> {
        self.db.write_fault()
    }

    /// Finds out whether a store that refused a write takes them again.
    pub async fn probe_after_fault(&self) {
        if self.write_fault().is_some() {
            self.db.probe().await;
        }
    }

    /// Tells the watchers of a revision that is on disk.
    fn announce(&self, revision: i64) {
        self.newest.send_if_modified(|newest| {
            let grew = revision > *newest;
            if grew {
                self.waiting_since().get_or_insert_with(Instant::now);
            }
            *newest = revision.max(*newest);
            grew
        });
    }
}

impl Store {
    /// When the oldest revision was announced that no earlier call has taken: what «commit to
    /// ready» is measured from.
    pub fn take_waiting_since(&self) -> Option<Instant> {
        self.waiting_since().take()
    }

    fn waiting_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waiting_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the article database of a data folder is.
pub fn database_path(data: &Path) -> PathBuf {
    data.join("jarshy.db")
}

/// A row that jarshy did not write, or no longer understands.
fn broken(why: impl std::fmt::Display) -> DbError {
    DbError::Failed(format!("a row of the store is damaged: {why}"))
}

fn json_text(value: &(impl Serialize + ?Sized)) -> String {
    // Strings, numbers and lists of them: serde_json cannot fail on these.
    serde_json::to_string(value).unwrap_or_default()
}

fn json(value: &(impl Serialize + ?Sized)) -> Value {
    Value::Text(json_text(value))
}

fn from_json<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(broken)
}

/// What `PRAGMA quick_check` finds wrong in the databases of a data folder; slow, and beside the
/// daemon's own connections.
pub fn faults(data: &Path) -> Result<Vec<String>, DbError> {
    let mut faults = Vec::new();
    for path in [database_path(data), views::database_path(data)] {
        let found = faults_in(&path)?;
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    Ok(faults)
}

/// What is wrong with one database file; none where there is no such file.
pub fn faults_in(path: &Path) -> Result<Vec<String>, DbError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    match faults_of(path) {
        Err(DbError::Damaged(why)) => Ok(vec![why]),
        found => found,
    }
}

fn faults_of(path: &Path) -> Result<Vec<String>, DbError> {
    let conn = db::open_reader(path)?;
    let mut faults = copy::faults_of(&conn)?;
    if faults.is_empty() && path.ends_with("views.db") {
        // One moment, while the daemon folds.
        copy::hold_moment(&conn)?;
        match salvage::disagreement(&conn) {
            // Of another schema, or of none yet: whoever opens it says so.
            Err(DbError::Failed(_)) => {}
            found => faults.extend(found?),
        }
    }
    Ok(faults)
}
