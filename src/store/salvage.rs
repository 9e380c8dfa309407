//! A damaged `views.db`: put aside, and what can still be read of it is carried into a fresh one.
//! Views are counted in four ways at once: what two of them say is believed, else the larger number.

mod foreign;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    copy::{beside, put_in_place, sync_folder},
    db::{Writer, open_reader},
    error::{DbError, OpenError},
    migrate::stamp,
    views,
};
use crate::model::Millis;

/// What stands in the names of files that were put aside.
const ASIDE: &str = ".damaged-";
/// What the fresh database is called until it is whole.
const UNDER_WAY: &str = ".salvaging";
/// What SQLite has beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What became of a damaged `views.db`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// What it is called now.
    pub kept_as: PathBuf,
    /// Views that could be read.
    pub views: i64,
    /// Tables that could not be read to their end.
    pub torn: Vec<String>,
}

/// Makes a fresh `views.db` of what can be read and puts the damaged one aside. Nobody else may have it
/// open. The fresh one is whole and on disk before anything is renamed.
pub fn salvage_views(
    data: &Path,
    busy_timeout: Duration,
    now: Millis,
) -> Result<Salvaged, OpenError> {
    let path = views::database_path(data);
    let fresh = beside(&path, UNDER_WAY);
    let failed = |e: DbError| OpenError::of(&path, e);
    remove_all(&fresh).map_err(|e| failed(e.into()))?;
    // The fresh file has its schema from the writer, as at any first start.
    drop(Writer::open(&fresh, busy_timeout, views::MIGRATIONS)?);
    let (views, torn) = carry_over(&path, &fresh).map_err(failed)?;
    let kept_as = beside(&path, &format!("{ASIDE}{}", stamp(now)));
    exchange(&path, &fresh, &kept_as).map_err(|e| failed(e.into()))?;
    Ok(Salvaged { kept_as, views, torn })
}

/// A salvage that was cut off: what it made is thrown away, and a database that it had put aside
/// already is put back, so that it is looked at again.
pub fn undo_half_salvage(data: &Path) -> io::Result<()> {
    let path = views::database_path(data);
    let fresh = beside(&path, UNDER_WAY);
    if !fresh.exists() {
        return Ok(());
    }
    if !path.exists()
        && let Some(newest) = damaged_files(data).iter().rfind(|name| is_stamped(name))
    {
        // The log first: as long as the database is not back, the next start does this once more.
        let aside = data.join(newest);
        rename_each(&aside, &path, [BESIDE[0], BESIDE[1], ""])?;
    }
    remove_all(&fresh)
}

/// Files of this folder that were put aside because they were damaged, and are still there.
pub fn damaged_files(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_log = |name: &str| BESIDE.iter().any(|ending| name.ends_with(ending));
    let mut names: Vec<_> = names.filter(|n| n.contains(ASIDE) && !is_log(n)).collect();
    names.sort();
    names
}

/// The damaged one aside, the fresh one in its place. As long as the fresh one has its own name, a
/// start knows that this was not finished.
fn exchange(path: &Path, fresh: &Path, aside: &Path) -> io::Result<()> {
    rename_each(path, aside, ["", BESIDE[0], BESIDE[1]])?;
    put_in_place(fresh, path)
}

/// As [`salvage_views`] names them, and not what somebody made of one.
fn is_stamped(name: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let at = name.split_once(ASIDE).and_then(|(_, at)| at.strip_suffix('Z')?.split_once('T'));
    at.is_some_and(|(day, time)| (day.len(), time.len()) == (8, 6) && digits(day) && digits(time))
}

/// The database and what belongs to it.
fn rename_each(from: &Path, to: &Path, endings: [&str; 3]) -> io::Result<()> {
    for ending in endings {
        match fs::rename(beside(from, ending), beside(to, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

fn remove_all(path: &Path) -> io::Result<()> {
    for ending in [BESIDE[0], BESIDE[1], ""] {
        match fs::remove_file(beside(path, ending)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Answers the views that could be read, and the tables that are not whole.
fn carry_over(from: &Path, to: &Path) -> Result<(i64, Vec<String>), DbError> {
    let mut fresh = Connection::open(to)?;
    fresh.pragma_update(None, "synchronous", "FULL")?;
    let tables = tables_of(&fresh)?;
    let tx = fresh.transaction()?;
    let mut torn = Vec::new();
    match open_reader(from) {
        Ok(old) => {
            for table in &tables {
                if !carry_table(&old, &tx, table)? {
                    torn.push(table.name.clone());
                }
            }
        }
        Err(_) => torn = tables.into_iter().map(|table| table.name).collect(),
    }
    foreign::drop_foreign(&tx)?;
    tx.execute_batch(which_to_believe(&tx)?)?;
    tx.execute_batch(AGREE)?;
    let views = tx.query_row(views::COUNTED, [], |row| row.get(0))?;
    tx.commit()?;
    fresh.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    fresh.close().map_err(|(_, error)| error)?;
    Ok((views, torn))
}

struct Table {
    name: String,
    columns: Vec<String>,
    /// By what its rows can be read from either end.
    order: Vec<String>,
}

fn tables_of(conn: &Connection) -> Result<Vec<Table>, DbError> {
    const NAMES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table'
         AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version' ORDER BY name";
    let mut names = conn.prepare(NAMES)?;
    let names = names.query_map([], |row| row.get::<_, String>(0))?;
    names.map(|name| table_of(conn, name?)).collect()
}

fn table_of(conn: &Connection, name: String) -> Result<Table, DbError> {
    let mut info = conn.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk, cid")?;
    let rows = info.query_map([&name], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let columns = rows.collect::<Result<Vec<(String, i64)>, _>>()?;
    let keys = columns.iter().filter(|(_, pk)| *pk > 0).map(|(name, _)| name.clone());
    let mut order: Vec<String> = keys.collect();
    if order.is_empty() {
        order.push("rowid".to_owned());
    }
    let columns = columns.into_iter().map(|(name, _)| name).collect();
    Ok(Table { name, columns, order })
}

/// Reads a table from its beginning and, where it is torn, from its end too. True when it is whole.
fn carry_table(old: &Connection, new: &Connection, table: &Table) -> Result<bool, DbError> {
    let whole = carry_rows(old, new, table, "ASC")?;
    if !whole {
        carry_rows(old, new, table, "DESC")?;
    }
    Ok(whole)
}

/// False when reading ended early; writing must not fail.
fn carry_rows(
    old: &Connection,
    new: &Connection,
    table: &Table,
    way: &str,
) -> Result<bool, DbError> {
    let columns = table.columns.join(", ");
    let order: Vec<String> = table.order.iter().map(|key| format!("{key} {way}")).collect();
    let order = order.join(", ");
    let marks = vec!["?"; table.columns.len()].join(", ");
    let name = &table.name;
    let read = old.prepare(&format!("SELECT {columns} FROM {name} ORDER BY {order}"));
    let Ok(mut read) = read else { return Ok(false) };
    let sql = format!("INSERT OR IGNORE INTO {name} ({columns}) VALUES ({marks})");
    let mut write = new.prepare(&sql)?;
    let Ok(mut rows) = read.query([]) else { return Ok(false) };
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let values = (0..table.columns.len()).map(|at| row.get::<_, Value>(at));
        let Ok(values) = values.collect::<Result<Vec<Value>, _>>() else { return Ok(false) };
        match write.execute(params_from_iter(values)) {
            Ok(_) => {}
            // A row of the wrong types is damage as well.
            Err(error) if matches!(DbError::from_sqlite(&error), DbError::Constraint(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Why counts of the same views do not agree; they always do in a file that is whole, as they are
/// added to in one transaction. SQLite has no checksums: this finds a number that was turned over.
pub(super) fn disagreement(conn: &Connection) -> Result<Option<String>, DbError> {
    const ARTICLES: &str = "SELECT COUNT(*) FROM
           (SELECT article, SUM(n) AS n FROM views GROUP BY article) v
         FULL JOIN article_counts c ON v.article = c.article WHERE v.n IS NOT c.n";
    const SECTIONS: &str = "SELECT COUNT(*) FROM
           (SELECT section, channel, SUM(n) AS n FROM views GROUP BY section, channel) v
         FULL JOIN section_counts c ON v.section = c.section AND v.channel = c.channel
         WHERE v.n IS NOT c.n";
    const ALL: &str = "SELECT (SELECT COALESCE(SUM(n), 0) FROM views) <>
         (SELECT COALESCE(SUM(n), 0) FROM verdict_counts WHERE verdict = 'counted')";
    // First: sums with such a number need not fit.
    if let Some(absurd) = foreign::absurd_number(conn)? {
        return Ok(Some(absurd));
    }
    for (sql, what) in [(ARTICLES, "articles"), (SECTIONS, "sections"), (ALL, "sums")] {
        let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
        if count > 0 {
            return Ok(Some(format!("two counts of the same views differ for {count} {what}")));
        }
    }
    Ok(None)
}

/// Views are counted by hour, by article, by section and by verdict: what two of them say is so.
fn which_to_believe(conn: &Connection) -> Result<&'static str, DbError> {
    const SUMS: &str = "SELECT (SELECT COALESCE(SUM(n), 0) FROM views),
         (SELECT COALESCE(SUM(n), 0) FROM article_counts),
         (SELECT COALESCE(SUM(n), 0) FROM section_counts),
         (SELECT COALESCE(SUM(n), 0) FROM verdict_counts WHERE verdict = 'counted')";
    let sums: [i64; 4] =
        conn.query_row(SUMS, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
    let [hours, articles, others @ ..] = sums;
    Ok(match (others.contains(&hours), others.contains(&articles)) {
        (true, false) => "DELETE FROM article_counts",
        (false, true) => ONLY_AS_MANY,
        _ => "",
    })
}

/// Hours of an article that say more than the article has are not known.
const ONLY_AS_MANY: &str = "
DELETE FROM views WHERE article IN (
  SELECT v.article FROM (SELECT article, SUM(n) AS n FROM views GROUP BY article) v
  LEFT JOIN article_counts c ON v.article = c.article WHERE v.n > COALESCE(c.n, 0))";

/// Counts of the same views agree again. Views whose hour is lost stand in the hour 0.
const AGREE: &str = "
INSERT INTO views (article, hour, section, channel, n)
  SELECT c.article, 0, '', 'script',
         c.n - (SELECT COALESCE(SUM(v.n), 0) FROM views v WHERE v.article = c.article)
  FROM article_counts c
  WHERE c.n > (SELECT COALESCE(SUM(v.n), 0) FROM views v WHERE v.article = c.article)
  ON CONFLICT (article, hour, section, channel) DO UPDATE SET n = views.n + excluded.n;
DELETE FROM article_counts;
INSERT INTO article_counts (article, n) SELECT article, SUM(n) FROM views GROUP BY article;
DELETE FROM section_counts;
INSERT INTO section_counts (section, channel, n)
  SELECT section, channel, SUM(n) FROM views GROUP BY section, channel;
INSERT INTO section_labels (section, place)
  SELECT s.section, (SELECT COALESCE(MAX(place), 0) FROM section_labels)
         + ROW_NUMBER() OVER (ORDER BY s.section)
  FROM (SELECT DISTINCT section FROM section_counts WHERE section <> '') s
  WHERE s.section NOT IN (SELECT section FROM section_labels);
DELETE FROM verdict_counts WHERE verdict = 'counted';
INSERT INTO verdict_counts (verdict, n)
  SELECT 'counted', SUM(n) FROM views HAVING COUNT(*) > 0;
INSERT INTO verdict_counts (verdict, n)
  SELECT verdict, SUM(n) FROM verdict_days WHERE verdict <> 'counted' GROUP BY verdict
  ON CONFLICT (verdict) DO UPDATE SET n = MAX(verdict_counts.n, excluded.n);
";
