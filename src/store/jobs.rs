//! The last run of each job, so that a missed one is caught up after a restart.

use super::{Store, db::Step, error::DbError, value::Row};
use crate::model::Millis;

/// The last run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// The job's name.
    pub job: String,
    /// When it began.
    pub started_at: Millis,
    /// When it ended; `None` while it runs, or when the process died under it.
    pub ended_at: Option<Millis>,
    /// How it ended, as in the metric.
    pub result: Option<String>,
    /// One line about it.
    pub note: Option<String>,
    /// When it last ended well.
    pub last_success_at: Option<Millis>,
}

const STARTED: &str = "\
    INSERT INTO job_runs (job, started_at) VALUES ($1, $2) \
    ON CONFLICT (job) DO UPDATE SET \
    started_at = excluded.started_at, ended_at = NULL, result = NULL, note = NULL";
const ENDED: &str = "\
    UPDATE job_runs SET ended_at = $2, result = $3, note = $4, \
    last_success_at = COALESCE($5, last_success_at) WHERE job = $1";
const RUNS: &str = "\
    SELECT job, started_at, ended_at, result, note, last_success_at FROM job_runs ORDER BY job";
const FORGET: &str = "DELETE FROM job_runs WHERE job = $1";

impl Store {
    /// Notes that a run began.
    pub async fn job_started(&self, job: &str, at: Millis) -> Result<(), DbError> {
        let step = Step::new(STARTED, vec![job.into(), at.into()]);
        self.db.write(vec![step]).await.map(drop)
    }

    /// Notes how the run that began last has ended; `success` moves the time of the last success.
    pub async fn job_ended(
        &self,
        job: &str,
        at: Millis,
        result: &str,
        note: &str,
        success: bool,
    ) -> Result<(), DbError> {
        let succeeded_at = success.then_some(at);
        let row = vec![job.into(), at.into(), result.into(), note.into(), succeeded_at.into()];
        self.db.write(vec![Step::new(ENDED, row)]).await.map(drop)
    }

    /// The last run of every job, by name.
    pub async fn job_runs(&self) -> Result<Vec<JobRun>, DbError> {
        self.db.read(RUNS, vec![]).await?.into_iter().map(job_run).collect()
    }

    /// Forgets jobs that are no longer.
    pub async fn forget_jobs(&self, jobs: &[String]) -> Result<(), DbError> {
        let rows = jobs.iter().map(|job| vec![job.as_str().into()]).collect();
        self.db.write(vec![Step::each(FORGET, rows)]).await.map(drop)
    }
}

fn job_run(mut row: Row) -> Result<JobRun, DbError> {
    Ok(JobRun {
        job: row.text()?,
        started_at: row.time()?,
        ended_at: row.opt_time()?,
        result: row.opt_text()?,
        note: row.opt_text()?,
        last_success_at: row.opt_time()?,
    })
}
