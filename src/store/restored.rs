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
    let until = next_beginning(after, now);
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

/// Microseconds pass faster than revisions are given out, so whatever is restored how often, each restore
/// begins above all that was given out before it. They stay below 2^53, which JSON's readers hold
/// exactly, until the year 2255. Where the clock stands before the backup, a gap must do.
fn next_beginning(after: i64, now: Millis) -> i64 {
    let clock = now.0.saturating_mul(1000);
    if clock > after { clock } else { after.saturating_add(GAP) }
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
