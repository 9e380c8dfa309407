//! The run of an import: inputs are read on a thread of their own, articles go to [`Intake`] a
//! hundred at a time, and everything that happened stands in the [`Report`].
//!
//! Repeatable: ids come from the source, so the same input again changes nothing.

mod input;
mod report;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;

pub use input::Input;
pub(super) use input::Source;
pub use report::{BrokenInput, Report, Skipped};

use super::{
    Candidate, Intake, Origin, RefusalKind, jsonl,
    page::{self, PageOptions},
    wxr::{self, Broken, WxrOptions},
};
use crate::{
    clock::Clock,
    config,
    store::{DbError, Store},
};

/// Articles of one commit.
const BATCH: usize = 100;
/// Articles that were read and wait.
const WAITING_MAX: usize = 200;
/// Inputs of one run.
const INPUTS_MAX: usize = 100_000;

/// What is imported, and how.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// What the inputs are.
    pub kind: Kind,
    /// Say what would happen, write nothing.
    pub dry_run: bool,
}

/// What inputs are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// WordPress exports.
    Wxr(WxrOptions),
    /// Saved pages, one article each.
    Page(PageOptions),
    /// A JSON article a line.
    Jsonl,
}

impl Kind {
    fn origin(&self) -> Origin {
        let name = match self {
            Kind::Wxr(options) => format!("wxr:{}", options.prefix),
            Kind::Page(_) => "page".into(),
            Kind::Jsonl => "jsonl".into(),
        };
        Origin::Source { name }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read so far, of all passes.
    pub bytes_read: u64,
    /// Bytes to read, of all passes.
    pub bytes_total: u64,
    /// Articles decided on.
    pub articles: usize,
}

/// Why an import could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input or the options are wrong; one plain sentence.
    #[error("{0}")]
    Input(String),
    /// The store failed; what was committed stands, and the import may be run again.
    #[error("the store failed: {0}; what was taken so far stands, run the import again")]
    Store(DbError),
    /// The reading thread failed.
    #[error("the import broke off: {0}")]
    Failed(String),
}

impl ImportError {
    /// 1 for wrong input, 3 for a failed system.
    pub fn exit_code(&self) -> u8 {
        match self {
            ImportError::Input(_) => 1,
            ImportError::Store(_) | ImportError::Failed(_) => 3,
        }
    }
}

/// What an importer finds in its input.
#[derive(Debug)]
pub(super) enum Found {
    /// An article.
    Article(Box<Candidate>),
    /// One that is not taken.
    Skipped { name: String, why: String },
    /// An item of a post type that was not asked for.
    OtherType(String),
    /// Something dropped or missing.
    Note { what: String, count: usize },
    /// The end of what can be read.
    Broken(Broken),
}

/// Imports into one store.
#[derive(Clone, Debug)]
pub struct Importer {
    store: Store,
    intake: Intake,
    site: config::Site,
    limits: config::Limits,
    clock: Clock,
}

impl Importer {
    /// An importer with the settings it needs.
    pub fn new(store: Store, site: config::Site, limits: config::Limits, clock: Clock) -> Importer {
        let intake = Intake::new(store.clone(), site.clone(), &limits, clock.clone());
        Importer { store, intake, site, limits, clock }
    }

    /// Reads the inputs and takes their articles. `progress` is called now and then.
    pub async fn import(
        &self,
        inputs: &[Input],
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, ImportError> {
        if inputs.len() > INPUTS_MAX {
            return Err(ImportError::Input(format!("at most {INPUTS_MAX} inputs at once")));
        }
        let mut run = Run {
            importer: self,
            options,
            progress,
            report: Report { dry_run: options.dry_run, ..Report::default() },
            read: Arc::default(),
            bytes_total: 0,
        };
        let passes = if matches!(options.kind, Kind::Wxr(_)) { 2 } else { 1 };
        for input in inputs {
            if let Some(source) = run.prepared(input) {
                run.bytes_total += source.bytes_total * passes;
                run.one(Arc::new(source)).await?;
            }
        }
        Ok(run.report)
    }
}

/// One run over all inputs.
struct Run<'a> {
    importer: &'a Importer,
    options: &'a ImportOptions,
    progress: &'a (dyn Fn(Progress) + Sync),
    report: Report,
    read: Arc<AtomicU64>,
    bytes_total: u64,
}

impl Run<'_> {
    fn prepared(&mut self, input: &Input) -> Option<Source> {
        match Source::prepare(input) {
            Ok(source) => Some(source),
            Err(error) => {
                self.broken(input.name(), None, unreadable(&error));
                None
            }
        }
    }

    fn broken(&mut self, input: String, line: Option<u64>, why: String) {
        self.report.broken.push(BrokenInput { input, line, why });
    }

    async fn one(&mut self, source: Arc<Source>) -> Result<(), ImportError> {
        let name = source.name.clone();
        let reading = match &self.options.kind {
            Kind::Wxr(options) => {
                let Some(export) = self.first_pass(&source).await? else { return Ok(()) };
                self.claim_prefix(&options.prefix, &export.site).await?;
                self.keep_old_names(&export).await?;
                self.read_wxr(source, export, options.clone())
            }
            Kind::Page(options) => self.read_page(source, options.clone()),
            Kind::Jsonl => self.read_jsonl(source),
        };
        self.take_all(name, reading).await
    }

    /// Ids of two sites would collide, so a prefix belongs to the first site that used it.
    async fn claim_prefix(&self, prefix: &str, site: &str) -> Result<(), ImportError> {
        let fact = format!("wxr_site:{prefix}");
        let store = &self.importer.store;
        let owner = if self.options.dry_run {
            store.fact(&fact).await.map(|owner| owner.unwrap_or_else(|| site.to_owned()))
        } else {
            store.claim_fact(&fact, site).await
        };
        let owner = owner.map_err(ImportError::Store)?;
        if owner.trim_end_matches('/') == site.trim_end_matches('/') {
            return Ok(());
        }
        Err(ImportError::Input(format!(
            "the prefix `{prefix}` belongs to {owner}, this export is of {site}: give it another --prefix"
        )))
    }

    /// Before the articles, so that their feeds are at the old addresses as soon as they are.
    async fn keep_old_names(&self, export: &wxr::Export) -> Result<(), ImportError> {
        if self.options.dry_run {
            return Ok(());
        }
        let names = export.old_names();
        self.importer.store.keep_old_names(&names).await.map_err(ImportError::Store)
    }

    async fn first_pass(
        &mut self,
        source: &Arc<Source>,
    ) -> Result<Option<wxr::Export>, ImportError> {
        let (opened, read) = (source.clone(), self.read.clone());
        let field_bytes_max = self.importer.limits.article_bytes_max;
        let pass = move || {
            let input = opened.open(&read).map_err(|e| Broken { line: 1, why: unreadable(&e) })?;
            wxr::first_pass(input, field_bytes_max)
        };
        let passed = tokio::task::spawn_blocking(pass).await;
        match passed.map_err(|e| ImportError::Failed(e.to_string()))? {
            Ok(export) => Ok(Some(export)),
            Err(broken) => {
                self.broken(source.name.clone(), Some(broken.line), broken.why);
                Ok(None)
            }
        }
    }

    fn read_wxr(&self, source: Arc<Source>, export: wxr::Export, options: WxrOptions) -> Reading {
        let read = self.read.clone();
        let facts = (
            self.importer.site.time_zone,
            self.importer.clock.now(),
            self.importer.limits.article_bytes_max,
        );
        reading(move |found| match source.open(&read) {
            Ok(input) => wxr::second_pass(input, &export, &options, facts, found),
            Err(error) => {
                found(Found::Broken(Broken { line: 1, why: unreadable(&error) }));
            }
        })
    }

    fn read_page(&self, source: Arc<Source>, options: PageOptions) -> Reading {
        let (read, zone, now) =
            (self.read.clone(), self.importer.site.time_zone, self.importer.clock.now());
        let limits = self.intake_limits();
        reading(move |found| {
            let name = source.name.clone();
            let candidate = source
                .read_whole(limits.bytes_max, &read)
                .map_err(|e| unreadable(&e))
                .and_then(|bytes| page::candidate(&bytes, &options, zone, now, &limits));
            found(match candidate {
                Ok(candidate) => Found::Article(Box::new(candidate)),
                Err(why) => Found::Broken(Broken { line: 0, why: format!("{name}: {why}") }),
            });
        })
    }

    fn read_jsonl(&self, source: Arc<Source>) -> Reading {
        let (read, line_bytes_max) = (self.read.clone(), self.importer.limits.body_bytes_max);
        reading(move |found| match source.open(&read) {
            Ok(input) => jsonl::read(input, line_bytes_max, found),
            Err(error) => {
                found(Found::Broken(Broken { line: 1, why: unreadable(&error) }));
            }
        })
    }

    fn intake_limits(&self) -> super::clean::CleanLimits {
        let limits = &self.importer.limits;
        super::clean::CleanLimits {
            bytes_max: limits.article_bytes_max,
            depth_max: limits.html_depth_max,
        }
    }

    /// Takes what is found until the input ends.
    async fn take_all(&mut self, name: String, mut reading: Reading) -> Result<(), ImportError> {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(found) = reading.found.recv().await {
            match found {
                Found::Article(candidate) => batch.push(*candidate),
                Found::Skipped { name, why } => self.report.add_skipped(name, why),
                Found::OtherType(kind) => self.report.add_other_type(&kind),
                Found::Note { what, count } => self.report.add_note(&what, count),
                Found::Broken(b) => {
                    self.broken(name.clone(), Some(b.line).filter(|line| *line > 0), b.why);
                }
            }
            if batch.len() == BATCH {
                self.take(std::mem::take(&mut batch)).await?;
            }
        }
        self.take(batch).await?;
        reading.thread.await.map_err(|e| ImportError::Failed(e.to_string()))
    }

    async fn take(&mut self, batch: Vec<Candidate>) -> Result<(), ImportError> {
        let ids: Vec<String> = batch.iter().map(|c| c.id.to_string()).collect();
        let origin = self.options.kind.origin();
        let intake = &self.importer.intake;
        let results = if self.options.dry_run {
            intake.preview_many(batch, &origin).await
        } else {
            intake.take_many(batch, &origin).await
        };
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(taken) => self.report.add_taken(&taken),
                Err(refusal) => match &refusal.kind {
                    RefusalKind::Store(error) => return Err(ImportError::Store(error.clone())),
                    _ => self.report.add_skipped(id, refusal.to_string()),
                },
            }
        }
        self.tell();
        Ok(())
    }

    fn tell(&self) {
        let report = &self.report;
        let decided = report.taken + report.changed + report.unchanged + report.withheld;
        (self.progress)(Progress {
            bytes_read: self.read.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            articles: decided + report.skipped,
        });
    }
}

/// A thread that reads, and what it finds.
struct Reading {
    found: mpsc::Receiver<Found>,
    thread: tokio::task::JoinHandle<()>,
}

fn reading(read: impl FnOnce(&mut dyn FnMut(Found) -> bool) + Send + 'static) -> Reading {
    let (send, found) = mpsc::channel(WAITING_MAX);
    // A closed channel means that nobody wants more.
    let thread = tokio::task::spawn_blocking(move || {
        read(&mut |one| send.blocking_send(one).is_ok());
    });
    Reading { found, thread }
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "it may not be read".into(),
        io::ErrorKind::UnexpectedEof => "the archive is cut short".into(),
        _ => format!("it cannot be read: {error}"),
    }
}
