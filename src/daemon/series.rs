//! Metrics whose numbers live in a feature: registered as closures that ask it at each scrape.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    config::Config,
    jobs::{self, JobOutcome, Jobs},
    metrics::{Metrics, Sample},
    model::{Millis, Status},
    store::{DbError, OpenError, RoomLevel, Store, damaged_files},
    views::{Views, WriterNumbers},
    web::Api,
};

/// Opens the view log; each commit is observed.
pub fn open_views(
    config: &Config,
    metrics: &Arc<Metrics>,
    clock: Clock,
) -> Result<Views, OpenError> {
    let observed = metrics.clone();
    let on_commit = Box::new(move |took: Duration| {
        observed.view_commit_duration.observe(took.as_secs_f64());
    });
    Views::open(
        &config.store.data,
        &config.views,
        &config.site.origins,
        config.public.trusted_proxies.clone(),
        config.store.busy_timeout,
        clock,
        on_commit,
    )
}

/// Starts the jobs; every outcome is counted.
pub async fn start_jobs(
    parts: &jobs::Parts,
    store: &Store,
    config: &Config,
    clock: Clock,
) -> anyhow::Result<Jobs> {
    let metrics = parts.metrics.clone();
    for label in jobs::LABELS {
        metrics.job(label);
    }
    let observe = move |o: &JobOutcome| {
        let took = Duration::from_secs_f64(o.seconds.max(0.0));
        metrics.job_ended(o.label, o.result.as_str(), took, o.ended_at.0 as f64 / 1000.0);
    };
    let table = jobs::table(parts, &config.feeds)?;
    let (zone, time_limit) = (config.site.time_zone, config.jobs.time_limit);
    Ok(Jobs::start(table, store.clone(), clock, zone, time_limit, observe).await?)
}

/// Registers every such metric.
pub fn register(parts: &Api, config: &Config) -> anyhow::Result<()> {
    register_views(parts, config.metrics.sections_max)?;
    let metrics = &parts.metrics;
    let revisions = parts.store.revisions();
    metrics.register_gauge(
        "store_revision",
        "The newest revision of the article database.",
        &[],
        move || vec![sample(&[], *revisions.borrow() as f64)],
    )?;
    let room = parts.store.room().clone();
    metrics.register_gauge(
        "read_only",
        "1 while articles are refused because the disk has less room than store.free_bytes_min.",
        &[],
        move || vec![sample(&[], f64::from(u8::from(room.level() >= RoomLevel::ReadOnly)))],
    )?;
    let data = config.store.data.clone();
    metrics.register_gauge(
        "damaged_files",
        "Damaged databases that were put aside in the data folder and are still there.",
        &[],
        move || vec![sample(&[], damaged_files(&data).len() as f64)],
    )?;
    reloaded(metrics, true, parts.clock.now());
    Ok(())
}

fn register_views(parts: &Api, sections_max: usize) -> anyhow::Result<()> {
    let metrics = &parts.metrics;
    let views = parts.views.clone();
    let overflow = metrics.section_overflow();
    metrics.register_counter(
        "article_views_total",
        "Views counted, by the article's section and how the hit came.",
        &["section", "channel"],
        move || {
            overflow(views.sections_without_label(sections_max));
            let counts = views.section_counts(sections_max).into_iter();
            counts.map(|(section, c, n)| sample(&[&section, c.as_str()], n as f64)).collect()
        },
    )?;
    let views = parts.views.clone();
    metrics.register_counter(
        "hit_verdicts_total",
        "Hits by what became of them.",
        &["verdict"],
        move || {
            let counts = views.verdict_counts().into_iter();
            counts.map(|(verdict, n)| sample(&[verdict.as_str()], n as f64)).collect()
        },
    )?;
    let views = parts.views.clone();
    metrics.register_counter(
        "view_commit_errors_total",
        "Commits of hits that failed; their hits were answered 503.",
        &[],
        move || vec![sample(&[], views.commit_errors() as f64)],
    )?;
    let views = parts.views.clone();
    metrics.register_counter(
        "visitor_keys_forgotten_total",
        "Visitor keys forgotten before their window ended, because of views.repeat_keys_max.",
        &[],
        move || vec![sample(&[], views.keys_forgotten_early() as f64)],
    )?;
    register_view_writer(parts)
}

/// What the writer of views says of itself.
fn register_view_writer(parts: &Api) -> anyhow::Result<()> {
    let metrics = &parts.metrics;
    let asked = |number: fn(WriterNumbers) -> u64| {
        let views = parts.views.clone();
        move || vec![sample(&[], number(views.writer_numbers()) as f64)]
    };
    metrics.register_counter(
        "hit_replays_total",
        "Hits sent again with their Idempotency-Key; they got their first verdict and count nowhere else.",
        &[],
        asked(|n| n.replays),
    )?;
    metrics.register_counter(
        "idempotency_keys_forgotten_total",
        "Idempotency-Keys forgotten within their day, because of views.idempotency_keys_max.",
        &[],
        asked(|n| n.keys_forgotten),
    )?;
    metrics.register_gauge(
        "parked_views",
        "Views whose article has not arrived yet; their hits were answered unknown.",
        &[],
        asked(|n| n.parked),
    )?;
    let views = parts.views.clone();
    metrics.register_counter(
        "parked_views_total",
        "What became of views whose article had not arrived: counted when it did, expired after a day, or refused because of views.parked_max.",
        &["outcome"],
        move || {
            let n = views.writer_numbers();
            let outcomes = [
                ("counted", n.parked_counted),
                ("expired", n.parked_expired),
                ("refused", n.parked_refused),
            ];
            outcomes.map(|(outcome, n)| sample(&[outcome], n as f64)).to_vec()
        },
    )?;
    Ok(())
}

/// `store_articles{status}`, kept by [`super::watch`] because a scrape cannot wait for the disk.
#[derive(Debug, Default)]
pub struct ArticleCounts([AtomicI64; Status::ALL.len()]);

impl ArticleCounts {
    /// Registers the metric.
    pub fn register(metrics: &Metrics) -> anyhow::Result<Arc<ArticleCounts>> {
        let counts: Arc<ArticleCounts> = Arc::default();
        let shown = counts.clone();
        metrics.register_gauge(
            "store_articles",
            "Articles in the database by status.",
            &["status"],
            move || {
                let pairs = Status::ALL.iter().zip(&shown.0);
                pairs
                    .map(|(s, n)| sample(&[s.as_str()], n.load(Ordering::Relaxed) as f64))
                    .collect()
            },
        )?;
        Ok(counts)
    }

    /// Counts anew.
    pub async fn refresh(&self, store: &Store) -> Result<(), DbError> {
        let counted = store.count_by_status().await?;
        for (status, shown) in Status::ALL.iter().zip(&self.0) {
            let count = counted.iter().find(|(s, _)| s == status).map_or(0, |(_, n)| *n);
            shown.store(count as i64, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Notes how a reload, or the start, went.
pub fn reloaded(metrics: &Metrics, successful: bool, now: Millis) {
    metrics.config_last_reload_successful.set(successful.into());
    if successful {
        metrics.config_last_reload_success.set(now.0 as f64 / 1000.0);
    }
}

fn sample(labels: &[&str], value: f64) -> Sample {
    Sample { labels: labels.iter().map(|l| (*l).to_owned()).collect(), value }
}
