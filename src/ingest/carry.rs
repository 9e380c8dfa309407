//! Numbers of the old system out of a file of them: the table of Post Views Counter, or any list of
//! ids and views. They become the carried-over numbers of articles that are here, with their date and
//! source; nothing else of an article changes, and an id that no article has is only told.
//!
//! Repeatable: the same numbers of the same source change nothing.

mod rows;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use serde::Serialize;

use self::rows::Rows;
use super::import::{ImportError, Input, Source};
use crate::{
    model::{Article, ArticleId, CarriedOver, Millis},
    store::{Put, PutError, Store, Stored},
};

/// A larger file is split by whoever has it.
const FILE_BYTES_MAX: usize = 256 << 20;
/// Articles of one commit.
const BATCH: usize = 100;
/// How often an article that changes meanwhile is read anew.
const TRIES_MAX: usize = 5;
/// Rows that are named in the report; the rest is counted.
const NAMED_MAX: usize = 200;

/// What the numbers are, and how they are taken.
#[derive(Clone, Debug)]
pub struct CarryOptions {
    /// Ids that are numbers become `PREFIX-<number>`.
    pub prefix: String,
    /// What counted them, for the record.
    pub source: String,
    /// When the old system had them; `None` is now, and keeps an earlier date of the same number.
    pub as_of: Option<Millis>,
    /// Say what would happen, write nothing.
    pub dry_run: bool,
}

/// What became of the numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CarryReport {
    /// True when nothing was written.
    pub dry_run: bool,
    /// Articles that got a number, or another one.
    pub changed: usize,
    /// Articles that had just this one.
    pub unchanged: usize,
    /// Of the changed ones, those whose number was larger before.
    pub lowered: usize,
    /// Ids that no article has.
    pub unknown: usize,
    /// The first of them.
    pub unknown_named: Vec<String>,
    /// Rows that are of a day, week, month or year.
    pub periods: usize,
    /// How many rows were skipped for which reason.
    pub skipped: BTreeMap<String, usize>,
}

/// Carries numbers over into one store.
pub async fn carry_over(
    store: &Store,
    inputs: &[Input],
    options: &CarryOptions,
    now: Millis,
) -> Result<CarryReport, ImportError> {
    let mut report = CarryReport { dry_run: options.dry_run, ..CarryReport::default() };
    let mut numbers = BTreeMap::new();
    for input in inputs {
        let (input, prefix) = (input.clone(), options.prefix.clone());
        let read = tokio::task::spawn_blocking(move || read(&input, &prefix)).await;
        let rows = read.map_err(|e| ImportError::Failed(e.to_string()))??;
        report.take(&rows);
        for (id, views) in rows.numbers {
            let largest = numbers.entry(id).or_insert(views);
            *largest = views.max(*largest);
        }
    }
    let numbers: Vec<_> = numbers.into_iter().collect();
    for chunk in numbers.chunks(BATCH) {
        take(store, chunk.to_vec(), options, now, &mut report).await?;
    }
    Ok(report)
}

fn read(input: &Input, prefix: &str) -> Result<Rows, ImportError> {
    let name = input.name();
    let wrong = |why: String| ImportError::Input(format!("{name}: {why}"));
    let source = Source::prepare(input).map_err(|e| wrong(e.to_string()))?;
    let read = Arc::new(AtomicU64::new(0));
    let bytes = source.read_whole(FILE_BYTES_MAX, &read).map_err(|e| wrong(e.to_string()))?;
    Rows::read(&bytes, prefix).map_err(wrong)
}

type Number = (ArticleId, u64);

/// Takes some numbers; an article that changes meanwhile is read anew.
async fn take(
    store: &Store,
    mut numbers: Vec<Number>,
    options: &CarryOptions,
    now: Millis,
    report: &mut CarryReport,
) -> Result<(), ImportError> {
    for _ in 0..TRIES_MAX {
        let ids: Vec<ArticleId> = numbers.iter().map(|(id, _)| id.clone()).collect();
        let stored = store.articles_by_id(&ids).await.map_err(ImportError::Store)?;
        let stored: BTreeMap<_, _> =
            stored.into_iter().map(|s| (s.article.id.clone(), s)).collect();
        let (mut puts, mut tried) = (Vec::new(), Vec::new());
        for (id, views) in numbers {
            let Some(stored) = stored.get(&id) else {
                report.add_unknown(&id);
                continue;
            };
            match changed(stored, views, options, now) {
                Some(put) => {
                    tried.push((id, views, stored.article.carried_over_views()));
                    puts.push(put);
                }
                None => report.unchanged += 1,
            }
        }
        numbers = write(store, puts, tried, options.dry_run, report).await?;
        if numbers.is_empty() {
            return Ok(());
        }
    }
    report.skip("the article kept changing: run the import again", numbers.len());
    Ok(())
}

/// Writes what changed; answers what has to be tried again.
async fn write(
    store: &Store,
    puts: Vec<Put>,
    tried: Vec<(ArticleId, u64, u64)>,
    dry_run: bool,
    report: &mut CarryReport,
) -> Result<Vec<Number>, ImportError> {
    let results =
        if dry_run { puts.iter().map(|_| Ok(0)).collect() } else { store.put_articles(puts).await };
    let mut again = Vec::new();
    for ((id, views, before), result) in tried.into_iter().zip(results) {
        match result {
            Ok(_) => {
                report.changed += 1;
                report.lowered += usize::from(views < before);
            }
            Err(PutError::Conflict) => again.push((id, views)),
            Err(PutError::Store(error)) => return Err(ImportError::Store(error)),
            // The guid is the one it has.
            Err(PutError::GuidTaken(_)) => report.skip("another article has its guid", 1),
        }
    }
    Ok(again)
}

/// The article with another number, unless it has this one.
fn changed(stored: &Stored, views: u64, options: &CarryOptions, now: Millis) -> Option<Put> {
    let at = options.as_of.unwrap_or(now);
    let same = stored.article.carried_over.as_ref().is_some_and(|old| {
        old.views == views
            && old.source == options.source
            && options.as_of.is_none_or(|as_of| as_of == old.at)
    });
    let carried_over = Some(CarriedOver { views, at, source: options.source.clone() });
    (!same).then(|| Put {
        article: Article { carried_over, ..stored.article.clone() },
        marks: stored.marks.clone(),
        expected: Some(stored.revision),
        note: None,
    })
}

impl CarryReport {
    fn take(&mut self, rows: &Rows) {
        self.periods += rows.periods;
        rows.skipped.iter().for_each(|(why, n)| self.skip(why, *n));
    }

    fn skip(&mut self, why: &str, n: usize) {
        *self.skipped.entry(why.to_owned()).or_default() += n;
    }

    fn add_unknown(&mut self, id: &ArticleId) {
        self.unknown += 1;
        if self.unknown_named.len() < NAMED_MAX {
            self.unknown_named.push(id.to_string());
        }
    }
}

impl fmt::Display for CarryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Dry run: nothing was written.")?;
        }
        writeln!(f, "changed    {:>8}", self.changed)?;
        if self.lowered > 0 {
            writeln!(f, "  of these {:>8}  had a larger number before", self.lowered)?;
        }
        writeln!(f, "unchanged  {:>8}", self.unchanged)?;
        writeln!(f, "unknown    {:>8}", self.unknown)?;
        if !self.unknown_named.is_empty() {
            let first: Vec<&str> = self.unknown_named.iter().take(20).map(String::as_str).collect();
            let more = if self.unknown > first.len() { " …" } else { "" };
            writeln!(f, "  no article: {}{more}", first.join(" "))?;
        }
        if self.periods > 0 {
            writeln!(
                f,
                "periods    {:>8}  (days, weeks, months, years: not totals)",
                self.periods
            )?;
        }
        for (why, n) in &self.skipped {
            writeln!(f, "skipped    {n:>8}  {why}")?;
        }
        Ok(())
    }
}
