//! `views.db`: batches of hits as they were acknowledged, and the counts they are folded into.
//!
//! A batch is one row of JSON. What is not folded is read through the views `unfolded_…` of the
//! schema, so that every reader sees exact numbers, in whatever process. Only one [`ViewLog`] may
//! exist for a data folder; readers stand beside it. No address and no User-Agent comes in here.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    db::{Batch, Step, Writer, open_reader, query},
    error::{DbError, OpenError},
    value::{Row, Value},
};
use crate::model::{Channel, Verdict};

pub(super) const MIGRATIONS: &[&str] = &[include_str!("migrations/views_0001.sql")];
/// Batches folded in one transaction at most.
const FOLD_BATCHES_MAX: usize = 20_000;

/// Views in all, what is not folded too.
pub(super) const COUNTED: &str = "SELECT COALESCE(SUM(n), 0) FROM (
     SELECT n FROM article_counts UNION ALL SELECT n FROM unfolded_views)";

/// Where the view database of a data folder is.
pub fn database_path(data: &Path) -> PathBuf {
    data.join("views.db")
}

/// Views of one article, hour, section and channel that were committed together.
#[derive(Debug, Serialize, Deserialize)]
pub struct ViewLine<'a>(
    /// The article.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// Hours since the epoch.
    pub i64,
    /// The article's main section at the time of the hit; empty is none.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// [`Channel::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// How many.
    pub u64,
);

/// Hits of one article, day and verdict that were no views.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerdictLine<'a>(
    /// The article; empty where none was known.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// Days since the epoch.
    pub i64,
    /// [`Verdict::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// How many.
    pub u64,
);

/// What is committed together.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Hits<'a> {
    /// Views.
    #[serde(borrow)]
    pub views: Vec<ViewLine<'a>>,
    /// The other verdicts.
    #[serde(borrow)]
    pub verdicts: Vec<VerdictLine<'a>>,
}

impl Hits<'_> {
    /// As the `batches` table holds it.
    pub fn encode(&self) -> Result<String, DbError> {
        serde_json::to_string(self).map_err(|e| DbError::Failed(e.to_string()))
    }
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
}

/// The only writing connection of `views.db`.
#[derive(Debug)]
pub struct ViewLog {
    path: PathBuf,
    busy_timeout: Duration,
    /// `None` after a failure that could not be recovered from yet.
    writer: Option<Writer>,
}

impl ViewLog {
    /// Opens `views.db` in the data folder, making it where it is missing.
    pub fn open(data: &Path, busy_timeout: Duration) -> Result<ViewLog, OpenError> {
        let path = database_path(data);
        let writer = Writer::open(&path, busy_timeout, MIGRATIONS)?;
        Ok(ViewLog { path, busy_timeout, writer: Some(writer) })
    }

    /// Keeps one batch; on disk when this returns `Ok`. After an error it may or may not be there,
    /// until [`ViewLog::recover`] took it away.
    pub fn append(&mut self, seq: i64, hits: String) -> Result<(), DbError> {
        const SQL: &str = "INSERT INTO batches (seq, hits) VALUES ($1, $2)";
        self.commit(vec![Step::new(SQL, vec![seq.into(), hits.into()]).want(1)])
    }

    /// Adds the batches to the counts and deletes them, in one transaction. True when some are left.
    pub fn fold(&mut self) -> Result<bool, DbError> {
        const SQL: &str = "SELECT seq, hits FROM batches ORDER BY seq LIMIT $1";
        let rows = self.writer()?.read(SQL, &[FOLD_BATCHES_MAX.into()])?;
        let batches = each(rows, |mut row| Ok((row.int()?, row.text()?)))?;
        let full = batches.len() == FOLD_BATCHES_MAX;
        if let Some((last, _)) = batches.last() {
            let mut sums = Sums::default();
            batches.iter().try_for_each(|(_, hits)| sums.add(hits))?;
            let steps = sums.steps(*last);
            self.commit(steps)?;
        }
        Ok(full)
    }

    /// Closes and opens the file anew after an I/O error and takes away what was refused: every batch
    /// after `acknowledged`. Only when this returns `Ok` may a batch be acknowledged again.
    pub fn recover(&mut self, acknowledged: i64) -> Result<(), DbError> {
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
        let writer = self.writer()?;
        let article = |mut row: Row| Ok((row.text()?, row.int()? as u64));
        let section = |mut row: Row| Ok((row.text()?, channel(&row.text()?)?, row.int()? as u64));
        let label = |mut row: Row| row.text();
        Ok(Loaded {
            articles: each(writer.read(ARTICLES, &[])?, article)?,
            sections: each(writer.read(SECTIONS, &[])?, section)?,
            verdicts: each(writer.read(VERDICTS, &[])?, verdict_count)?,
            labels: each(writer.read(LABELS, &[])?, label)?,
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

type Text<'a> = Cow<'a, str>;

/// What several batches add to the counts.
#[derive(Default)]
struct Sums<'a> {
    /// By article, hour, section and channel.
    views: HashMap<(Text<'a>, i64, Text<'a>, Text<'a>), u64>,
    articles: HashMap<Text<'a>, u64>,
    sections: HashMap<(Text<'a>, Text<'a>), u64>,
    /// In the order of first appearance.
    labels: Vec<Text<'a>>,
    verdicts: HashMap<Text<'a>, u64>,
    days: HashMap<(Text<'a>, i64, Text<'a>), u64>,
}

impl<'a> Sums<'a> {
    fn add(&mut self, hits: &'a str) -> Result<(), DbError> {
        let broken = |e| DbError::Damaged(format!("a batch is not ours: {e}"));
        let hits: Hits<'a> = serde_json::from_str(hits).map_err(broken)?;
        hits.views.into_iter().for_each(|line| self.add_view(line));
        for VerdictLine(article, day, verdict, n) in hits.verdicts {
            *self.verdicts.entry(verdict.clone()).or_default() += n;
            if !article.is_empty() {
                *self.days.entry((article, day, verdict)).or_default() += n;
            }
        }
        Ok(())
    }

    fn add_view(&mut self, ViewLine(article, hour, section, channel, n): ViewLine<'a>) {
        *self.verdicts.entry(Verdict::Counted.as_str().into()).or_default() += n;
        *self.articles.entry(article.clone()).or_default() += n;
        let key = (section.clone(), channel.clone());
        let seen = section.is_empty() || self.sections.contains_key(&key);
        if !seen && !self.labels.contains(&section) {
            self.labels.push(section.clone());
        }
        *self.sections.entry(key).or_default() += n;
        *self.views.entry((article, hour, section, channel)).or_default() += n;
    }

    fn steps(self, last: i64) -> Batch {
        const LABEL: &str = "INSERT INTO section_labels (section, place)
             SELECT $1, COALESCE(MAX(place) + 1, 0) FROM section_labels WHERE TRUE
             ON CONFLICT (section) DO NOTHING";
        const VIEW: &str = "INSERT INTO views (article, hour, section, channel, n)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (article, hour, section, channel) DO UPDATE SET n = views.n + excluded.n";
        const ARTICLE: &str = "INSERT INTO article_counts (article, n) VALUES ($1, $2)
             ON CONFLICT (article) DO UPDATE SET n = article_counts.n + excluded.n";
        const SECTION: &str = "INSERT INTO section_counts (section, channel, n) VALUES ($1, $2, $3)
             ON CONFLICT (section, channel) DO UPDATE SET n = section_counts.n + excluded.n";
        const VERDICT: &str = "INSERT INTO verdict_counts (verdict, n) VALUES ($1, $2)
             ON CONFLICT (verdict) DO UPDATE SET n = verdict_counts.n + excluded.n";
        const DAY: &str = "INSERT INTO verdict_days (article, day, verdict, n)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (article, day, verdict) DO UPDATE SET n = verdict_days.n + excluded.n";
        const FOLDED: &str = "DELETE FROM batches WHERE seq <= $1";
        let labels = self.labels.into_iter().map(|section| vec![text(section)]).collect();
        vec![
            Step::each(LABEL, labels),
            Step::each(
                VIEW,
                in_order(self.views, |(a, h, s, c)| vec![text(a), h.into(), text(s), text(c)]),
            ),
            Step::each(ARTICLE, in_order(self.articles, |a| vec![text(a)])),
            Step::each(SECTION, in_order(self.sections, |(s, c)| vec![text(s), text(c)])),
            Step::each(VERDICT, in_order(self.verdicts, |v| vec![text(v)])),
            Step::each(DAY, in_order(self.days, |(a, d, v)| vec![text(a), d.into(), text(v)])),
            Step::new(FOLDED, vec![last.into()]),
        ]
    }
}

fn text(text: Cow<'_, str>) -> Value {
    Value::Text(text.into_owned())
}

/// Rows in the order of their keys, so that neighbours on a page are written one after the other.
fn in_order<K: Ord>(sums: HashMap<K, u64>, columns: impl Fn(K) -> Vec<Value>) -> Vec<Vec<Value>> {
    let mut sums: Vec<(K, u64)> = sums.into_iter().collect();
    sums.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let row = |(key, n): (K, u64)| {
        let mut row = columns(key);
        row.push(n.into());
        row
    };
    sums.into_iter().map(row).collect()
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
