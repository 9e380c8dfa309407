//! What the table of jobs runs, made out of the daemon's parts.

use std::{future::Future, sync::Arc};

use anyhow::{Context, bail};

use crate::{
    clock::Clock,
    config::Config,
    jobs::{self, Job, JobOutcome, Jobs, Run, Work},
    metrics::Metrics,
    model::FeedSlug,
    publish::Publisher,
    store::{self, Store},
};

/// The parts that jobs work on.
#[derive(Clone, Copy)]
pub struct Chores<'a> {
    /// Documents.
    pub publisher: &'a Publisher,
    /// The article database.
    pub store: &'a Store,
    /// Numbers for Prometheus.
    pub metrics: &'a Arc<Metrics>,
}

/// Starts the jobs; every outcome is counted.
pub async fn start(chores: &Chores<'_>, config: &Config, clock: Clock) -> anyhow::Result<Jobs> {
    let metrics = chores.metrics.clone();
    for label in jobs::LABELS {
        metrics.job(label);
    }
    let observe = move |o: &JobOutcome| {
        let took = std::time::Duration::from_secs_f64(o.seconds.max(0.0));
        metrics.job_ended(o.label, o.result.as_str(), took, o.ended_at.0 as f64 / 1000.0);
    };
    let table = table(chores, config)?;
    let (zone, time_limit) = (config.site.time_zone, config.jobs.time_limit);
    Ok(Jobs::start(table, chores.store.clone(), clock, zone, time_limit, observe).await?)
}

/// The jobs for these settings.
pub fn table(chores: &Chores<'_>, config: &Config) -> anyhow::Result<Vec<Job>> {
    let scheduled = config.feeds.iter().filter_map(|f| Some((f.slug.clone(), f.schedule.clone()?)));
    let publisher = chores.publisher.clone();
    let parts = jobs::Parts {
        feeds: scheduled.collect(),
        regenerate: Arc::new(move |feed| Box::pin(regenerate(publisher.clone(), feed)) as Work),
        regenerate_auto: regenerate_auto(chores.publisher.clone()),
        check_databases: check_databases(config.store.data.clone()),
        measure_disk: measure_disk(config.store.data.clone(), chores.metrics.clone()),
    };
    Ok(jobs::table(&parts)?)
}

fn run<F>(work: impl Fn() -> F + Send + Sync + 'static) -> Run
where
    F: Future<Output = anyhow::Result<String>> + Send + 'static,
{
    Arc::new(move || Box::pin(work()))
}

async fn regenerate(publisher: Publisher, feed: FeedSlug) -> anyhow::Result<String> {
    let status = publisher.regenerate(feed.as_str()).await?;
    Ok(format!("{} entries", status.entries))
}

fn regenerate_auto(publisher: Publisher) -> Run {
    run(move || {
        let publisher = publisher.clone();
        async move {
            let feeds = publisher.feeds();
            let automatic = feeds.iter().filter(|feed| feed.is_auto);
            let mut count = 0;
            for feed in automatic {
                publisher.regenerate(feed.slug.as_str()).await?;
                count += 1;
            }
            Ok(format!("{count} feeds"))
        }
    })
}

fn check_databases(data: std::path::PathBuf) -> Run {
    run(move || {
        let data = data.clone();
        async move {
            let faults = tokio::task::spawn_blocking(move || store::faults(&data)).await??;
            if let Some(first) = faults.first() {
                bail!("{} faults, the first: {first}; restore a backup", faults.len());
            }
            Ok("no damage found".to_owned())
        }
    })
}

fn measure_disk(data: std::path::PathBuf, metrics: Arc<Metrics>) -> Run {
    run(move || {
        let (data, metrics) = (data.clone(), metrics.clone());
        async move {
            let disk = rustix::fs::statvfs(&data)
                .with_context(|| format!("{} cannot be measured", data.display()))?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            metrics.data_free_bytes.set(free as i64);
            Ok(format!("{} MiB free", free >> 20))
        }
    })
}
