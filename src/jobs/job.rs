//! What a job is, and what becomes of one.

use std::{future::Future, pin::Pin, sync::Arc};

use croner::Cron;

use crate::{
    model::Millis,
    store::{DbError, JobRun},
};

/// What a run does; its text is one line about what it did.
pub type Work = Pin<Box<dyn Future<Output = anyhow::Result<String>> + Send>>;
/// Begins a run.
pub type Run = Arc<dyn Fn() -> Work + Send + Sync>;

/// Something that runs by the clock.
#[derive(Clone)]
pub struct Job {
    /// Its name in the API and in the store.
    pub name: String,
    /// Its name in metrics: schedules of all feeds share one.
    pub label: &'static str,
    /// When, in the site's time zone.
    pub schedule: Cron,
    /// Whether one run that was missed while the daemon was away is made up for at its start.
    pub catch_up: bool,
    /// What it does.
    pub run: Run,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// Well.
    Success,
    /// With an error.
    Failure,
    /// With a bug.
    Panic,
    /// It ran longer than `jobs.time_limit`.
    Timeout,
    /// It did not begin, as a run waited already.
    Skipped,
}

impl JobResult {
    /// All of them.
    pub const ALL: [JobResult; 5] = [
        JobResult::Success,
        JobResult::Failure,
        JobResult::Panic,
        JobResult::Timeout,
        JobResult::Skipped,
    ];

    /// The word in metrics, API and store.
    pub fn as_str(self) -> &'static str {
        match self {
            JobResult::Success => "success",
            JobResult::Failure => "failure",
            JobResult::Panic => "panic",
            JobResult::Timeout => "timeout",
            JobResult::Skipped => "skipped",
        }
    }
}

/// What became of a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct JobOutcome {
    /// The job's name.
    pub name: String,
    /// Its name in metrics.
    pub label: &'static str,
    /// How it ended.
    pub result: JobResult,
    /// How long it ran.
    pub seconds: f64,
    /// When it ended.
    pub ended_at: Millis,
    /// One line about it: what it did, or why it failed.
    pub note: String,
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct JobState {
    /// Its name.
    pub name: String,
    /// Its name in metrics.
    pub label: &'static str,
    /// Its cron expression.
    pub schedule: String,
    /// When the schedule names it next.
    pub next_due: Option<Millis>,
    /// Since when it runs.
    pub running_since: Option<Millis>,
    /// Ticks that were dropped since the start, as a run waited already.
    pub dropped_ticks: u64,
    /// The last run that ended; after a restart perhaps one that was cut off.
    pub last: Option<JobRun>,
}

/// What a tick did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticked {
    /// The job begins.
    Posted,
    /// It runs, and will run once more.
    Remembered,
    /// A run waits already.
    Dropped,
}

/// There is no job of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no job `{0}`")]
pub struct UnknownJob(pub String);

/// Why a job was not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] UnknownJob),
    /// The daemon stops, or the job was taken out of the table.
    #[error("the job is being stopped")]
    Stopped,
    /// Too many already wait for it.
    #[error("too many requests wait for this job; ask again later")]
    Busy,
}

/// Why the jobs could not be started.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// Two jobs have one name.
    #[error("two jobs are called `{0}`; rename the feed")]
    Twice(String),
    /// A line of the table is wrong.
    #[error("the schedule of the job {0} is wrong: {1}")]
    Schedule(String, String),
    /// The scheduler did not take them.
    #[error("the scheduler failed: {0}")]
    Scheduler(String),
    /// The store did not say when they ran last.
    #[error(transparent)]
    Store(#[from] DbError),
}
