//! What a salvage leaves behind, in the file that is put aside: batches and rows that no start would
//! take, and numbers that nobody counted. Refuses to mend any of them.

use rusqlite::Connection;

use crate::{
    model::{Channel, Verdict},
    store::{
        error::DbError,
        views::{self, COUNT_MAX},
    },
};

/// Tables with a number of views or hits.
const COUNTS: [&str; 6] =
    ["views", "article_counts", "section_counts", "verdict_counts", "verdict_days", "parked"];

/// Takes away what the next start would stumble over: it would salvage again and again.
pub(super) fn drop_foreign(conn: &Connection) -> Result<(), DbError> {
    drop_batches(conn)?;
    drop_words(conn)?;
    drop_numbers(conn)
}

/// A number that nobody counted, where there is one; sums of the others fit.
pub(super) fn absurd_number(conn: &Connection) -> Result<Option<String>, DbError> {
    for table in COUNTS {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE n NOT BETWEEN 0 AND ?1");
        let count: i64 = conn.query_row(&sql, [COUNT_MAX], |row| row.get(0))?;
        if count > 0 {
            return Ok(Some(format!("{count} numbers of {table} were counted by nobody")));
        }
    }
    Ok(None)
}

/// Batches that nobody can fold count nothing.
fn drop_batches(conn: &Connection) -> Result<(), DbError> {
    let mut batches = conn.prepare("SELECT seq, hits FROM batches")?;
    let rows =
        batches.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (seq, hits) = row?;
        if !views::sums::is_ours(&hits) {
            conn.execute("DELETE FROM batches WHERE seq = ?1", [seq])?;
        }
    }
    Ok(())
}

/// Rows with a channel, a verdict or a hash that is none.
fn drop_words(conn: &Connection) -> Result<(), DbError> {
    type Known = fn(&str) -> bool;
    let is_channel: Known = |word| Channel::from_word(word).is_some();
    let is_verdict: Known = |word| Verdict::from_word(word).is_some();
    let is_hash: Known = |word| views::hash(word).is_ok();
    for (table, column, is_known) in [
        ("views", "channel", is_channel),
        ("section_counts", "channel", is_channel),
        ("parked", "channel", is_channel),
        ("verdict_counts", "verdict", is_verdict),
        ("verdict_days", "verdict", is_verdict),
        ("idempotency_keys", "verdict", is_verdict),
        ("idempotency_keys", "hash", is_hash),
    ] {
        let mut words = conn.prepare(&format!("SELECT DISTINCT {column} FROM {table}"))?;
        let words = words.query_map([], |row| row.get::<_, String>(0))?;
        for word in words.collect::<Result<Vec<_>, _>>()? {
            if !is_known(&word) {
                conn.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), [word])?;
            }
        }
    }
    Ok(())
}

fn drop_numbers(conn: &Connection) -> Result<(), DbError> {
    for table in COUNTS {
        let sql = format!("DELETE FROM {table} WHERE n NOT BETWEEN 0 AND ?1");
        conn.execute(&sql, [COUNT_MAX])?;
    }
    Ok(())
}
