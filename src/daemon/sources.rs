//! Starting the sources, and their metrics: closures that ask the sources at each scrape.

use crate::{
    config::Config,
    ingest::source::{Parts, SourceStatus, Sources, Tally},
    metrics::{Metrics, OTHER, Sample},
    outbound::Outbound,
};

/// A family's name and its text.
type About = (&'static str, &'static str);
/// What the label is called.
const SOURCE: &str = "source";

/// Starts the sources that the settings declare.
pub async fn start(parts: Parts, config: &Config, metrics: &Metrics) -> anyhow::Result<Sources> {
    let sources = Sources::start(parts, &config.sources, &config.pull).await?;
    let told = Told { sources: sources.clone(), labels_max: config.metrics.sources_max };
    register(metrics, &told)?;
    Ok(sources)
}

/// The way out for everything that jarshy starts.
pub fn outbound(config: &Config) -> anyhow::Result<Outbound> {
    Ok(Outbound::new(&config.outbound)?)
}

/// The sources as metrics tell of them.
#[derive(Clone)]
struct Told {
    sources: Sources,
    labels_max: usize,
}

/// One label's numbers: a source's, or those of all that share `other`.
struct Row {
    label: String,
    tally: Tally,
    /// Seconds since the epoch, 0 for never.
    last_success: f64,
    last_attempt: f64,
    failures: u64,
    progress: f64,
}

impl Row {
    fn of(label: String, status: &SourceStatus) -> Row {
        let seconds = |at: Option<crate::model::Millis>| at.map_or(0.0, |at| at.0 as f64 / 1000.0);
        Row {
            label,
            tally: status.tally,
            last_success: seconds(status.state.last_success_at),
            last_attempt: seconds(status.state.last_attempt_at),
            failures: status.state.failures,
            progress: status.progress,
        }
    }

    /// The worst of both, so that an alert sees it.
    fn join(&mut self, other: &Row) {
        self.tally.join(&other.tally);
        self.last_success = self.last_success.min(other.last_success);
        self.last_attempt = self.last_attempt.min(other.last_attempt);
        self.failures = self.failures.max(other.failures);
        self.progress = self.progress.min(other.progress);
    }
}

impl Told {
    /// The first ones of the settings have a label of their own.
    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (at, status) in self.sources.list().iter().enumerate() {
            if at < self.labels_max {
                rows.push(Row::of(status.config.name.clone(), status));
                continue;
            }
            let row = Row::of(OTHER.to_owned(), status);
            match rows.last_mut().filter(|last| last.label == OTHER) {
                Some(other) => other.join(&row),
                None => rows.push(row),
            }
        }
        rows
    }

    /// Sources that share `other`.
    fn without_label(&self) -> usize {
        self.sources.list().len().saturating_sub(self.labels_max)
    }
}

fn register(metrics: &Metrics, told: &Told) -> anyhow::Result<()> {
    let (overflow, about) = (metrics.source_overflow(), told.clone());
    let pulls = ("source_pulls_total", "Pulls of a source by result.");
    counters(metrics, told, pulls, "result", move |row| {
        overflow(about.without_label());
        let Tally { success, failure, same, .. } = row.tally;
        vec![("success", success), ("failure", failure), ("same", same)]
    })?;
    let articles = ("source_articles_total", "Articles of a source by what became of them.");
    counters(metrics, told, articles, "outcome", |row| {
        let counts = row.tally.articles;
        vec![
            ("created", counts.created),
            ("changed", counts.changed),
            ("unchanged", counts.unchanged),
            ("withdrawn", counts.withdrawn),
            ("refused", counts.refused),
        ]
    })?;
    let asking = told.clone();
    metrics.register_counter(
        "source_requests_total",
        "HTTP requests made to a source.",
        &[SOURCE],
        move || {
            asking.rows().iter().map(|r| sample(&[&r.label], r.tally.requests as f64)).collect()
        },
    )?;
    let success =
        ("source_last_success_timestamp_seconds", "When a pull last ended well, 0 for never.");
    gauge(metrics, told, success, |row| row.last_success)?;
    let attempt = ("source_last_attempt_timestamp_seconds", "When a pull last began, 0 for never.");
    gauge(metrics, told, attempt, |row| row.last_attempt)?;
    let failures = ("source_failures_in_a_row", "Pulls that failed since the last success.");
    gauge(metrics, told, failures, |row| row.failures as f64)?;
    let progress =
        ("source_progress_ratio", "How far the pull is that runs, or the last one, 0 to 1.");
    gauge(metrics, told, progress, |row| row.progress)
}

fn counters(
    metrics: &Metrics,
    told: &Told,
    (name, text): About,
    label: &'static str,
    of: impl Fn(&Row) -> Vec<(&'static str, u64)> + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let told = told.clone();
    Ok(metrics.register_counter(name, text, &[SOURCE, label], move || {
        let rows = told.rows();
        let pairs = rows.iter().flat_map(|row| of(row).into_iter().map(move |(w, n)| (row, w, n)));
        pairs.map(|(row, word, n)| sample(&[&row.label, word], n as f64)).collect()
    })?)
}

fn gauge(
    metrics: &Metrics,
    told: &Told,
    (name, text): About,
    of: impl Fn(&Row) -> f64 + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let told = told.clone();
    Ok(metrics.register_gauge(name, text, &[SOURCE], move || {
        told.rows().iter().map(|row| sample(&[&row.label], of(row))).collect()
    })?)
}

fn sample(labels: &[&str], value: f64) -> Sample {
    Sample { labels: labels.iter().map(|l| (*l).to_owned()).collect(), value }
}
