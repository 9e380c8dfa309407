//! What a restore means for revisions. Those given out after the backup was made are lost; none of
//! them is ever given out again, and whoever has read so far is told to begin anew.

use std::path::Path;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{Store, backup::Manifest, error::DbError, from_json, json_text};
use crate::model::Millis;

/// The fact that holds every [`Restored`] of a store.
const FACT: &str = "restored";
/// Revisions left out by a restore where the clock says nothing: more than any newsroom gives out
/// between two backups.
const GAP: i64 = 1_000_000_000;

/// One restore of this store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// The newest revision of the backup.
    pub after: i64,
    /// Revisions greater than `after` and less than this one are lost; the next one is greater.
    pub until: i64,
    /// The moment that the backup shows, RFC 3339.
    pub made_at: String,
    /// When it was restored, RFC 3339.
    pub restored_at: String,
}

/// Notes a restore in a database that nobody else has open.
pub(super) fn note(path: &Path, manifest: &Manifest, now: Millis) -> Result<(), DbError> {
    let mut conn = Connection::open(path)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    let tx = conn.transaction()?;
    let after: i64 = tx.query_row("SELECT n FROM store_revision", [], |row| row.get(0))?;
    // Milliseconds pass faster than revisions are given out, so one backup may be restored twice: the
    // second time the gap is larger by the time between.
    let made_at = Millis::from_rfc3339(&manifest.made_at).map_or(0, |at| at.0);
    let age = now.0.saturating_sub(made_at).max(0);
    let until = after.saturating_add(GAP).saturating_add(age).max(now.0);
    let mut all = read(&tx)?;
    let (made_at, restored_at) = (manifest.made_at.clone(), now.to_rfc3339());
    all.push(Restored { after, until, made_at, restored_at });
    tx.execute("UPDATE store_revision SET n = ?1", [until])?;
    tx.execute(
        "INSERT INTO facts (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [FACT, &json_text(&all)],
    )?;
    tx.commit()?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    conn.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn read(conn: &Connection) -> Result<Vec<Restored>, DbError> {
    let mut facts = conn.prepare("SELECT value FROM facts WHERE name = ?1")?;
    let mut texts = facts.query_map([FACT], |row| row.get::<_, String>(0))?;
    texts.next().transpose()?.map_or(Ok(Vec::new()), |text| from_json(&text))
}

impl Store {
    /// The restore that took this revision away, if one did: a reader that is this far must begin
    /// anew.
    pub async fn lost(&self, revision: i64) -> Result<Option<Restored>, DbError> {
        let Some(text) = self.fact(FACT).await? else { return Ok(None) };
        let all: Vec<Restored> = from_json(&text)?;
        Ok(all.into_iter().find(|r| revision > r.after && revision < r.until))
    }
}
