//! `views.db`: batches of hits as they were acknowledged, and the counts they are folded into.
//!
//! A batch is one row of JSON. What is not folded is read through the views `unfolded_…` of the
//! schema, so that every reader sees exact numbers, in whatever process. Only one [`ViewLog`] may
//! exist for a data folder; readers stand beside it. No address and no User-Agent comes in here.

mod lines;
pub(super) mod sums;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;

pub use self::lines::{Hits, KeyLine, ParkedLine, VerdictLine, ViewLine};
use self::sums::Sums;
use super::{
    db::{Batch, Step, Writer, open_reader, query},
    error::{DbError, OpenError},
    identity::Identity,
    value::Row,
};
use crate::model::{Channel, Millis, Verdict};

pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("migrations/views_0001.sql"), include_str!("migrations/views_0002.sql")];
/// Batches folded in one transaction at most.
const FOLD_BATCHES_MAX: usize = 20_000;

/// More than anybody counts in one row, and little enough that sums of many fit: a larger number is
/// damage.
pub(super) const COUNT_MAX: i64 = 1 << 40;

/// Views in all, what is not folded too.
pub(super) const COUNTED: &str = "SELECT COALESCE(SUM(n), 0) FROM (
     SELECT n FROM article_counts UNION ALL SELECT n FROM unfolded_views)";

/// Where the view database of a data folder is.
pub fn database_path(data: &Path) -> PathBuf {
    data.join("views.db")
}

/// All counts, as they are when the daemon starts.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Views by article; one article may come twice, the numbers are added.
    pub articles: Vec<(String, u64)>,
    /// Views by section and channel, to be added as well.
    pub sections: Vec<(String, Channel, u64)>,
    /// Hits by verdict, to be added as well.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Sections in the order in which their first views were folded.
    pub labels: Vec<String>,
    /// Parked hits by article, hour and channel.
    pub parked: Vec<(String, i64, Channel, u64)>,
    /// Keys in the order of their numbers.
    pub keys: Vec<KeptKey>,
}

/// A key of an earlier hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptKey {
    /// Grows with each of them.
    pub number: i64,
    /// Of the key and what the hit named.
    pub hash: u128,
    /// The first verdict.
    pub verdict: Verdict,
    /// When it was given.
    pub at: Millis,
}

/// The only writing connection of `views.db`.
#[derive(Debug)]
pub struct ViewLog {
    path: PathBuf,
    busy_timeout: Duration,
    /// `None` after a failure that could not be recovered from yet.
    writer: Option<Writer>,
    identity: Identity,
}

impl ViewLog {
    /// Opens `views.db` in the data folder, making it where it is missing.
    pub fn open(data: &Path, busy_timeout: Duration) -> Result<ViewLog, OpenError> {
        let path = database_path(data);
        let writer = Writer::open(&path, busy_timeout, MIGRATIONS)?;
        let identity = writer.identity().clone();
        Ok(ViewLog { path, busy_timeout, writer: Some(writer), identity })
    }

    /// Keeps one batch; on disk when this returns `Ok`. After an error it may or may not be there,
    /// until [`ViewLog::recover`] took it away.
    pub fn append(&mut self, seq: i64, hits: String) -> Result<(), DbError> {
        const SQL: &str = "INSERT INTO batches (seq, hits) VALUES ($1, $2)";
        self.commit(vec![Step::new(SQL, vec![seq.into(), hits.into()]).want(1)])
    }

    /// Refuses counts that nobody counted, before anything is added to them: sums of them need not fit.
    pub fn check(&self) -> Result<(), DbError> {
        const ABSURD: &str = "SELECT COUNT(*) FROM (
               SELECT n FROM article_counts UNION ALL SELECT n FROM section_counts
               UNION ALL SELECT n FROM verdict_counts UNION ALL SELECT n FROM parked)
             WHERE n NOT BETWEEN 0 AND $1";
        let mut rows = self.writer()?.read(ABSURD, &[COUNT_MAX.into()])?;
        match rows.first_mut().map_or(Ok(0), Row::int)? {
            0 => Ok(()),
            count => Err(DbError::Damaged(format!("{count} numbers were counted by nobody"))),
        }
    }

    /// Adds the batches to the counts and deletes them, in one transaction; keys with numbers below
    /// `keys_from` are forgotten with it. True when some batches are left.
    pub fn fold(&mut self, keys_from: i64) -> Result<bool, DbError> {
        const SQL: &str = "SELECT seq, hits FROM batches ORDER BY seq LIMIT $1";
        let rows = self.writer()?.read(SQL, &[FOLD_BATCHES_MAX.into()])?;
        let batches = each(rows, |mut row| Ok((row.int()?, row.text()?)))?;
        let full = batches.len() == FOLD_BATCHES_MAX;
        if let Some((last, _)) = batches.last() {
            let mut sums = Sums::default();
            batches.iter().try_for_each(|(_, hits)| sums.add(hits))?;
            let mut steps = sums.steps(*last);
            const FORGET: &str = "DELETE FROM idempotency_keys WHERE number < $1";
            steps.push(Step::new(FORGET, vec![keys_from.into()]));
            self.commit(steps)?;
        }
        Ok(full)
    }

    /// Closes and opens the file anew after an I/O error and takes away what was refused: every batch
    /// after `acknowledged`. Only when this returns `Ok` may a batch be acknowledged again.
    pub fn recover(&mut self, acknowledged: i64) -> Result<(), DbError> {
        // Opening would make a fresh file where there is none, and count on in it.
        self.identity.check_file()?;
        self.writer = None;
        let open = Writer::open(&self.path, self.busy_timeout, MIGRATIONS);
        let writer = open.map_err(|e| DbError::Failed(e.to_string()))?;
        writer.checkpoint()?;
        self.writer = Some(writer);
        const SQL: &str = "DELETE FROM batches WHERE seq > $1";
        let deleted = self.commit(vec![Step::new(SQL, vec![acknowledged.into()])]);
        if deleted.is_err() {
            self.writer = None;
        }
        deleted
    }

    /// Moves the write-ahead log home.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        self.writer()?.checkpoint()
    }

    /// The number of the last batch that is not folded, 0 when there is none.
    pub fn last_batch(&self) -> Result<i64, DbError> {
        let mut rows = self.writer()?.read("SELECT COALESCE(MAX(seq), 0) FROM batches", &[])?;
        rows.first_mut().map_or(Ok(0), Row::int)
    }

    /// All counts, with what is not folded.
    pub fn load(&self) -> Result<Loaded, DbError> {
        const ARTICLES: &str = "SELECT article, n FROM article_counts
             UNION ALL SELECT article, n FROM unfolded_views";
        const SECTIONS: &str = "SELECT section, channel, n FROM section_counts
             UNION ALL SELECT section, channel, n FROM unfolded_views";
        const LABELS: &str = "SELECT section FROM section_labels ORDER BY place";
        const PARKED: &str = "SELECT article, hour, channel, SUM(n) FROM (
               SELECT article, hour, channel, n FROM parked
               UNION ALL SELECT article, hour, channel, n FROM unfolded_parked)
             GROUP BY article, hour, channel HAVING SUM(n) > 0";
        const KEYS: &str = "SELECT number, hash, verdict, at FROM idempotency_keys
             UNION ALL SELECT number, hash, verdict, at FROM unfolded_keys ORDER BY 1";
        let writer = self.writer()?;
        let article = |mut row: Row| Ok((row.text()?, row.int()? as u64));
        let section = |mut row: Row| Ok((row.text()?, channel(&row.text()?)?, row.int()? as u64));
        let label = |mut row: Row| row.text();
        let parked =
            |mut row: Row| Ok((row.text()?, row.int()?, channel(&row.text()?)?, row.int()? as u64));
        Ok(Loaded {
            articles: each(writer.read(ARTICLES, &[])?, article)?,
            sections: each(writer.read(SECTIONS, &[])?, section)?,
            verdicts: each(writer.read(VERDICTS, &[])?, verdict_count)?,
            labels: each(writer.read(LABELS, &[])?, label)?,
            parked: each(writer.read(PARKED, &[])?, parked)?,
            keys: each(writer.read(KEYS, &[])?, kept_key)?,
        })
    }

    fn writer(&self) -> Result<&Writer, DbError> {
        self.writer.as_ref().ok_or_else(|| DbError::Failed("views.db is closed".into()))
    }

    fn commit(&mut self, batch: Batch) -> Result<(), DbError> {
        let writer = self.writer.as_mut();
        let writer = writer.ok_or_else(|| DbError::Failed("views.db is closed".into()))?;
        let results = writer.commit(&[batch])?;
        results.into_iter().try_for_each(|result| result.map(drop))
    }
}

/// Hits by verdict, counted ones too.
const VERDICTS: &str = "SELECT verdict, SUM(n) FROM (
       SELECT verdict, n FROM verdict_counts
       UNION ALL SELECT verdict, n FROM unfolded_verdicts
       UNION ALL SELECT 'counted', n FROM unfolded_views)
     GROUP BY verdict";

fn each<T>(rows: Vec<Row>, read: impl Fn(Row) -> Result<T, DbError>) -> Result<Vec<T>, DbError> {
    rows.into_iter().map(read).collect()
}

/// Of an idempotency key, as it is written.
pub(super) fn hash(digits: &str) -> Result<u128, DbError> {
    let broken = |_| DbError::Damaged(format!("`{digits}` is not a hash"));
    u128::from_str_radix(digits, 16).map_err(broken)
}

fn channel(word: &str) -> Result<Channel, DbError> {
    let broken = || DbError::Damaged(format!("`{word}` is not a channel"));
    Channel::from_word(word).ok_or_else(broken)
}

fn verdict(word: &str) -> Result<Verdict, DbError> {
    let broken = || DbError::Damaged(format!("`{word}` is not a verdict"));
    Verdict::from_word(word).ok_or_else(broken)
}

fn verdict_count(mut row: Row) -> Result<(Verdict, u64), DbError> {
    Ok((verdict(&row.text()?)?, row.int()? as u64))
}

fn kept_key(mut row: Row) -> Result<KeptKey, DbError> {
    let (number, hash) = (row.int()?, hash(&row.text()?)?);
    Ok(KeptKey { number, hash, verdict: verdict(&row.text()?)?, at: Millis(row.int()?) })
}

/// A reading connection of `views.db`; one answer is of one moment.
#[derive(Debug)]
pub struct ViewReader {
    conn: Connection,
}

/// `views.db` at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewSummary {
    /// All views.
    pub counted: u64,
    /// Hits by verdict.
    pub verdicts: Vec<(Verdict, u64)>,
    /// The most viewed articles.
    pub top: Vec<(String, u64)>,
}

impl ViewReader {
    /// Opens `views.db` of a data folder beside the daemon that writes it.
    pub fn open(data: &Path) -> Result<ViewReader, OpenError> {
        let path = database_path(data);
        let conn =
            open_reader(&path).map_err(|e| OpenError::Failed { path, why: e.to_string() })?;
        Ok(ViewReader { conn })
    }

    /// All views, all verdicts and the `top` most viewed articles.
    pub fn summary(&self, top: usize) -> Result<ViewSummary, DbError> {
        // One transaction, so that the three agree.
        let moment = self.conn.unchecked_transaction()?;
        let verdicts = each(query(&moment, VERDICTS, &[])?, verdict_count)?;
        let of = |wanted| verdicts.iter().find(|(v, _)| *v == wanted).map_or(0, |(_, n)| *n);
        let counted = of(Verdict::Counted);
        Ok(ViewSummary { counted, top: top_since(&moment, None, top)?, verdicts })
    }

    /// The `limit` most viewed articles of the hours from `hour` on, or of all time.
    pub fn top(&self, hour: Option<i64>, limit: usize) -> Result<Vec<(String, u64)>, DbError> {
        top_since(&self.conn, hour, limit)
    }

    /// Views of one article by hour and channel, for `from <= hour < to`.
    pub fn hours(
        &self,
        article: &str,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, Channel, u64)>, DbError> {
        const SQL: &str = "SELECT hour, channel, SUM(n) FROM (
               SELECT hour, channel, n FROM views
               WHERE article = $1 AND hour >= $2 AND hour < $3
               UNION ALL SELECT hour, channel, n FROM unfolded_views
               WHERE article = $1 AND hour >= $2 AND hour < $3)
             GROUP BY hour, channel ORDER BY hour, channel";
        let rows = query(&self.conn, SQL, &[article.into(), from.into(), to.into()])?;
        each(rows, |mut row| Ok((row.int()?, channel(&row.text()?)?, row.int()? as u64)))
    }

    /// Hits on one article that were no views, for `from <= day < to`.
    pub fn refused(
        &self,
        article: &str,
        from: i64,
        to: i64,
    ) -> Result<Vec<(Verdict, u64)>, DbError> {
        const SQL: &str = "SELECT verdict, SUM(n) FROM (
               SELECT verdict, n FROM verdict_days
               WHERE article = $1 AND day >= $2 AND day < $3
               UNION ALL SELECT verdict, n FROM unfolded_verdicts
               WHERE article = $1 AND day >= $2 AND day < $3)
             GROUP BY verdict ORDER BY verdict";
        let rows = query(&self.conn, SQL, &[article.into(), from.into(), to.into()])?;
        each(rows, verdict_count)
    }
}

fn top_since(
    conn: &Connection,
    hour: Option<i64>,
    limit: usize,
) -> Result<Vec<(String, u64)>, DbError> {
    const SINCE: &str = "SELECT article, SUM(n) FROM (
           SELECT article, n FROM views WHERE hour >= $2
           UNION ALL SELECT article, n FROM unfolded_views WHERE hour >= $2)
         GROUP BY article ORDER BY 2 DESC, 1 LIMIT $1";
    const EVER: &str = "SELECT article, SUM(n) FROM (
           SELECT article, n FROM article_counts UNION ALL SELECT article, n FROM unfolded_views)
         GROUP BY article ORDER BY 2 DESC, 1 LIMIT $1";
    let rows = match hour {
        Some(hour) => query(conn, SINCE, &[limit.into(), hour.into()])?,
        None => query(conn, EVER, &[limit.into()])?,
    };
    each(rows, |mut row| Ok((row.text()?, row.int()? as u64)))
}
