//! How far the pulls of each source are, so that a restart goes on where they were.

use super::{Store, db::Step, error::DbError, value::Row};
use crate::model::Millis;

/// How far the pulls of a source are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceState {
    /// The source's name in the settings.
    pub name: String,
    /// What the cursor belongs to.
    pub identity: String,
    /// Where the next pull goes on: the source's own text, empty at first.
    pub cursor: String,
    /// When a pull last began.
    pub last_attempt_at: Option<Millis>,
    /// When a pull last ended well.
    pub last_success_at: Option<Millis>,
    /// Pulls that failed since.
    pub failures: u64,
    /// Why the last one failed; `None` after a success.
    pub last_error: Option<String>,
    /// What the owner of the settings should know.
    pub note: Option<String>,
    /// When the next pull is due; `None` for a source that is not asked any more.
    pub due_at: Option<Millis>,
    /// True when the source said that it is gone for good.
    pub is_gone: bool,
}

const KEEP: &str = "\
    INSERT INTO sources (name, identity, cursor, last_attempt_at, last_success_at, failures, \
    last_error, note, due_at, is_gone) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
    ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, cursor = excluded.cursor, \
    last_attempt_at = excluded.last_attempt_at, last_success_at = excluded.last_success_at, \
    failures = excluded.failures, last_error = excluded.last_error, note = excluded.note, \
    due_at = excluded.due_at, is_gone = excluded.is_gone";
const ALL: &str = "\
    SELECT name, identity, cursor, last_attempt_at, last_success_at, failures, last_error, note, \
    due_at, is_gone FROM sources ORDER BY name";

impl Store {
    /// Keeps how far a source is, whatever was kept before.
    pub async fn keep_source(&self, state: &SourceState) -> Result<(), DbError> {
        let state = state.clone();
        let row = vec![
            state.name.into(),
            state.identity.into(),
            state.cursor.into(),
            state.last_attempt_at.into(),
            state.last_success_at.into(),
            state.failures.into(),
            state.last_error.into(),
            state.note.into(),
            state.due_at.into(),
            state.is_gone.into(),
        ];
        self.db.write(vec![Step::new(KEEP, row)]).await.map(drop)
    }

    /// Every source that was ever pulled, by name; also those that the settings no longer have.
    pub async fn source_states(&self) -> Result<Vec<SourceState>, DbError> {
        self.db.read(ALL, vec![]).await?.into_iter().map(source_state).collect()
    }
}

fn source_state(mut row: Row) -> Result<SourceState, DbError> {
    Ok(SourceState {
        name: row.text()?,
        identity: row.text()?,
        cursor: row.text()?,
        last_attempt_at: row.opt_time()?,
        last_success_at: row.opt_time()?,
        failures: row.int()?.unsigned_abs(),
        last_error: row.opt_text()?,
        note: row.opt_text()?,
        due_at: row.opt_time()?,
        is_gone: row.int()? != 0,
    })
}
