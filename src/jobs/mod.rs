//! THE TABLE OF JOBS: what runs by the clock, and when. The work itself is in the features; the
//! daemon hands it in as [`Parts`]. What must happen at once when something changes is no job, and
//! neither is publishing what is due: they sleep until their time.

mod job;
mod run;
mod schedule;
mod slot;
mod ticks;

use std::sync::Arc;

use croner::Cron;

pub use job::{
    Job, JobOutcome, JobResult, JobState, JobsError, Run, RunError, Ticked, UnknownJob, Work,
};
pub use run::Jobs;
pub use schedule::{is_missed, last_due, next_due};

use crate::model::FeedSlug;

/// What the jobs do, made by the daemon out of its parts.
#[derive(Clone)]
pub struct Parts {
    /// Declared feeds that have a schedule.
    pub feeds: Vec<(FeedSlug, Cron)>,
    /// Regenerates one declared feed.
    pub regenerate: Arc<dyn Fn(FeedSlug) -> Work + Send + Sync>,
    /// Regenerates the feeds that make themselves.
    pub regenerate_auto: Run,
    /// Looks for damage in both databases.
    pub check_databases: Run,
    /// Measures the room left on the disk.
    pub measure_disk: Run,
}

/// All jobs of a daemon. Fails only when a line of the table is not a cron expression.
pub fn table(parts: &Parts) -> Result<Vec<Job>, JobsError> {
    let Parts { feeds, regenerate, .. } = parts;
    let mut jobs = vec![
        //  name               cron          missed runs are caught up
        row("regenerate-auto", "*/15 * * * *", true, &parts.regenerate_auto)?,
        row("check-databases", "40 3 * * *", true, &parts.check_databases)?,
        row("measure-disk", "* * * * *", true, &parts.measure_disk)?,
    ];
    for (slug, schedule) in feeds {
        let (feed, regenerate) = (slug.clone(), regenerate.clone());
        jobs.push(Job {
            name: format!("regenerate-{slug}"),
            label: "regenerate",
            schedule: schedule.clone(),
            catch_up: true,
            run: Arc::new(move || regenerate(feed.clone())),
        });
    }
    Ok(jobs)
}

/// The labels of [`table`], so that metrics have each from the start.
pub const LABELS: [&str; 4] = ["regenerate-auto", "check-databases", "measure-disk", "regenerate"];

fn row(name: &'static str, cron: &str, catch_up: bool, run: &Run) -> Result<Job, JobsError> {
    let bad = |e: croner::errors::CronError| JobsError::Schedule(name.into(), e.to_string());
    let schedule = cron.parse().map_err(bad)?;
    Ok(Job { name: name.into(), label: name, schedule, catch_up, run: run.clone() })
}
