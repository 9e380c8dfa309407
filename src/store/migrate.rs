//! Brings a file's schema up to date: first a copy of it, then all steps in one transaction. A file
//! of a newer jarshy is refused; one that cannot be moved stays as it was.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{
    copy::{beside, copy},
    db::open_reader,
    error::{DbError, OpenError},
};
use crate::{clock::Clock, model::Millis};

/// Copies of older schemas kept beside a file; the oldest go.
const COPIES_MAX: usize = 3;

/// Runs the migrations that the file has not seen.
pub(super) fn migrate(
    conn: &Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), OpenError> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT",
    )
    .map_err(|e| OpenError::of(path, e))?;
    let known = migrations.len() as i64;
    let seen = version_of(conn).map_err(|e| OpenError::of(path, e))?;
    if seen > known {
        return Err(OpenError::Newer { path: path.to_owned(), found: seen, known });
    }
    if seen == known {
        return Ok(());
    }
    // Only one process at a time may copy and move it.
    conn.execute_batch("BEGIN IMMEDIATE").map_err(|e| not_moved(path, seen, known, &e))?;
    let moved = move_held(conn, path, migrations);
    if moved.is_err() {
        // An error may have rolled back by itself.
        let _ = conn.execute_batch("ROLLBACK");
    }
    moved
}

/// All steps or none, within the transaction that is open.
fn move_held(conn: &Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let known = migrations.len() as i64;
    // Another process may have been faster.
    let seen = version_of(conn).map_err(|e| OpenError::of(path, e))?;
    let kept = match seen {
        1.. if seen < known => Some(keep_copy(path, seen)?),
        _ => None,
    };
    run_missing(conn, migrations, seen)
        .and_then(|()| conn.execute_batch("COMMIT"))
        .map_err(|e| not_moved(path, seen, known, &e))?;
    if let Some(copy) = kept {
        let (file, copy) = (path.display(), copy.display());
        tracing::info!("{file} was moved from schema {seen} to {known}; {copy} is what it was");
    }
    Ok(())
}

/// The schema of a file that has one.
pub(super) fn version_of(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT COALESCE(MAX(version), 0) FROM schema_version", [], |r| r.get(0))
}

fn not_moved(path: &Path, seen: i64, known: i64, error: &rusqlite::Error) -> OpenError {
    let why = match DbError::from_sqlite(error) {
        DbError::Busy => "another jarshy moves or writes it; stop that one and start again".into(),
        other => format!("it stays at schema {seen}, it was not moved to {known}: {other}"),
    };
    OpenError::Failed { path: path.to_owned(), why }
}

fn run_missing(conn: &Connection, migrations: &[&str], seen: i64) -> rusqlite::Result<()> {
    for (number, text) in (1..).zip(migrations).skip(seen.max(0) as usize) {
        conn.execute_batch(&sqlite_schema(text))?;
        conn.execute("INSERT INTO schema_version VALUES (?1)", [number])?;
    }
    Ok(())
}

/// `jarshy.db` as `jarshy.db.v1-20261124T120000Z`: the way back.
fn keep_copy(path: &Path, seen: i64) -> Result<PathBuf, OpenError> {
    let at = stamp(Clock::system().now());
    let to = beside(path, &format!(".v{seen}-{at}"));
    // Another connection: SQLite does not copy from one that is about to write.
    let reader = open_reader(path).map_err(|e| OpenError::of(path, e))?;
    copy(&reader, &to, &mut |_, _| ()).map_err(|e| {
        let why = format!(
            "it has the older schema {seen}, and no copy of it can be kept ({e}); make room for one and start again"
        );
        OpenError::Failed { path: path.to_owned(), why }
    })?;
    if let Err(error) = forget_old_copies(path) {
        tracing::warn!("old copies of {} were not taken away: {error}", path.display());
    }
    Ok(to)
}

/// A time as it stands in names of files: `20261124T120000Z`.
pub(super) fn stamp(at: Millis) -> String {
    at.utc().format("%Y%m%dT%H%M%SZ").to_string()
}

fn forget_old_copies(path: &Path) -> io::Result<()> {
    let mut copies = copies_of(path)?;
    copies.sort_by(|a, b| stamp_in(b).cmp(stamp_in(a)));
    copies.iter().skip(COPIES_MAX).try_for_each(fs::remove_file)
}

/// Files that [`keep_copy`] made of this one.
fn copies_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let start = format!("{}.v", path.file_name().unwrap_or_default().to_string_lossy());
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_copy = |rest: &str| {
            rest.split_once('-').is_some_and(|(version, at)| {
                version.parse::<u32>().is_ok() && at.len() == 16 && at.ends_with('Z')
            })
        };
        if name.strip_prefix(&start).is_some_and(is_copy) {
            copies.push(path);
        }
    }
    Ok(copies)
}

fn stamp_in(copy: &Path) -> &str {
    let name = copy.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.rsplit_once('-').map_or("", |(_, at)| at)
}

/// The types of PostgreSQL in SQLite's words.
fn sqlite_schema(text: &str) -> String {
    text.replace("BIGINT", "INTEGER")
        .replace("BYTEA", "BLOB")
        .replace("DOUBLE PRECISION", "REAL")
        .replace("@STRICT", "STRICT")
        .replace("@KEYED", "STRICT, WITHOUT ROWID")
}
