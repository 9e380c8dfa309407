//! THE TABLE OF JOBS: what runs by the clock, and when. The work itself is in the features. What must
//! happen at once when something changes is no job, and neither is publishing what is due: they wake
//! by themselves.

mod job;
mod run;
mod schedule;
mod slot;
mod ticks;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};

use crate::{config::FeedConfig, metrics::Metrics, publish::Publisher, store, store::Room};

pub use job::{
    Job, JobOutcome, JobResult, JobState, JobsError, Run, RunError, Ticked, UnknownJob, Work,
};
pub use run::Jobs;
pub use schedule::{is_missed, last_due, next_due};

/// The features that have jobs, shared by cloning.
#[derive(Clone)]
pub struct Parts {
    /// Regenerates feeds.
    pub publisher: Publisher,
    /// The folder of both databases.
    pub data: PathBuf,
    /// The room left for them.
    pub room: Room,
    /// Where it is told.
    pub metrics: Arc<Metrics>,
}

/// All jobs of a daemon with these declared feeds. Fails only when a line of the table is not a cron
/// expression.
pub fn table(parts: &Parts, feeds: &[FeedConfig]) -> Result<Vec<Job>, JobsError> {
    let Parts { publisher, data, room, metrics } = parts;
    let disk = &(room.clone(), metrics.clone());
    let mut jobs = vec![
        //  name (and label)   cron           missed?  part, work
        row("regenerate-auto", "*/15 * * * *", true, publisher, regenerate_auto)?,
        row("check-databases", "40 3 * * *", true, data, check_databases)?,
        row("measure-disk", "* * * * *", true, disk, measure_disk)?,
    ];
    for feed in feeds {
        let Some(schedule) = feed.schedule.clone() else { continue };
        let (publisher, slug) = (publisher.clone(), feed.slug.clone());
        jobs.push(Job {
            name: format!("regenerate-{slug}"),
            label: "regenerate",
            schedule,
            catch_up: true,
            run: Arc::new(move || Box::pin(regenerate(publisher.clone(), slug.to_string()))),
        });
    }
    Ok(jobs)
}

/// The labels of the table, so that metrics have each from the start.
pub const LABELS: [&str; 4] = ["regenerate-auto", "check-databases", "measure-disk", "regenerate"];

/// One line of the table; `part` is cloned for each run.
fn row<P, W>(
    name: &'static str,
    cron: &str,
    catch_up: bool,
    part: &P,
    work: fn(P) -> W,
) -> Result<Job, JobsError>
where
    P: Clone + Send + Sync + 'static,
    W: Future<Output = anyhow::Result<String>> + Send + 'static,
{
    let bad = |e: croner::errors::CronError| JobsError::Schedule(name.into(), e.to_string());
    let schedule = cron.parse().map_err(bad)?;
    let part = part.clone();
    let run: Run = Arc::new(move || Box::pin(work(part.clone())));
    Ok(Job { name: name.into(), label: name, schedule, catch_up, run })
}

async fn regenerate(publisher: Publisher, slug: String) -> anyhow::Result<String> {
    let status = publisher.regenerate(&slug).await?;
    Ok(format!("{} entries", status.entries))
}

/// Regenerates the feeds that are made by themselves, one after the other; a failed one does not
/// keep the others from it.
async fn regenerate_auto(publisher: Publisher) -> anyhow::Result<String> {
    let feeds = publisher.feeds();
    let (mut done, mut failed) = (0, None);
    for feed in feeds.iter().filter(|feed| feed.is_auto) {
        match publisher.regenerate(feed.slug.as_str()).await {
            Ok(_) => done += 1,
            Err(error) => failed = Some(anyhow::anyhow!("{}: {error}", feed.slug)),
        }
    }
    failed.map_or_else(|| Ok(format!("{done} feeds")), Err)
}

/// Looks for damage in both databases.
async fn check_databases(data: PathBuf) -> anyhow::Result<String> {
    let faults = tokio::task::spawn_blocking(move || store::faults(&data)).await??;
    if let Some(first) = faults.first() {
        bail!("{} faults, the first: {first}; restore a backup", faults.len());
    }
    Ok("no damage found".to_owned())
}

/// Keeps `data_free_bytes` true.
async fn measure_disk((room, metrics): (Room, Arc<Metrics>)) -> anyhow::Result<String> {
    let free = room.measure().context("the disk cannot be measured")?;
    metrics.data_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
    Ok(format!("{} MiB free", free >> 20))
}
