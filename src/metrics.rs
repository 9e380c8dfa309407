//! THE STRUCT OF METRICS, and the guard that keeps labels few. `prometheus` is spoken to only here.
//!
//! This module knows no feature. What lives elsewhere (durable counts, queue depth, the process) is
//! registered in `daemon.rs` as a closure that returns samples. The crate hashes label values
//! without a separator, so of two labels at most one is free and the other's words are no suffixes
//! of each other (a test holds that).

mod asked;
mod build;
mod families;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Error, Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

pub use self::families::{ByAgent, FeedMetrics, PurgeMetrics, RouteMetrics};
use self::{
    asked::Asked,
    build::{counter, counters, gauge, histogram, seconds},
    families::{FAST, FeedFamilies, JobFamilies, RouteFamilies, SLOW},
};

/// Labels that stand for what has no label of its own.
pub const AUTO: &str = "auto";
/// See [`AUTO`].
pub const OTHER: &str = "other";

/// What became of a request for a feed document.
pub const FEED_OUTCOMES: [&str; 4] = ["full", "unchanged", "head", "error"];
/// What became of a generation.
pub const GENERATION_RESULTS: [&str; 3] = ["success", "failure", "same"];
/// What became of a job's run.
pub const JOB_RESULTS: [&str; 5] = ["success", "failure", "panic", "timeout", "skipped"];
/// What was asked for at an old address of WordPress.
pub const OLD_KINDS: [&str; 7] =
    ["main", "category", "tag", "author", "comments", "search", "unknown"];
/// Kinds of programs that ask for feeds at old addresses.
pub const AGENTS: [&str; 3] = ["feed_reader", "bot", "other"];
/// Every status that jarshy answers with.
pub const CODES: [&str; 25] = [
    "200", "201", "202", "204", "301", "302", "304", "400", "401", "403", "404", "405", "406",
    "408", "409", "410", "412", "413", "414", "415", "422", "431", "500", "503", "507",
];

/// All metrics, shared by reference.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    feeds: FeedFamilies,
    routes: RouteFamilies,
    jobs: JobFamilies,
    takeover: IntCounterVec,
    feed_moved: IntCounterVec,
    label_overflow: IntCounterVec,
    limit_hits: IntCounterVec,
    feed_labels: Mutex<HashSet<String>>,
    feeds_max: usize,
    /// Time to make one feed's documents.
    pub feed_generation_duration: Histogram,
    /// Entries that were left out of documents that would have been too big.
    pub feed_entries_cut: IntCounter,
    /// From the store's commit to the document swapped.
    pub publish_to_ready: Histogram,
    /// Time to commit a batch of hits.
    pub view_commit_duration: Histogram,
    /// Errors of the article database.
    pub store_errors: IntCounter,
    /// 1 when the last reload took the new settings.
    pub config_last_reload_successful: IntGauge,
    /// When settings were last taken.
    pub config_last_reload_success: Gauge,
    /// Room left on the data folder's disk.
    pub data_free_bytes: IntGauge,
    /// Open connections of both listeners.
    pub connections: IntGauge,
    /// Calls to the cache in front.
    pub purges: PurgeMetrics,
}

/// One number of a metric that lives in a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Label values, in the order of the metric's labels.
    pub labels: Vec<String>,
    /// The number; exact up to 2⁵³.
    pub value: f64,
}

impl Metrics {
    /// All metrics at zero. At most `feeds_max` feeds get series of their own.
    pub fn new(feeds_max: usize) -> Result<Metrics, Error> {
        let r = &Registry::new();
        let metrics = Metrics {
            feeds: FeedFamilies::new(r)?,
            routes: RouteFamilies::new(r)?,
            jobs: JobFamilies::new(r)?,
            takeover: counters(r, "takeover_requests_total", TAKEOVER, &["kind", "agent"])?,
            feed_moved: counters(r, "feed_moved_requests_total", MOVED, &["feed", "agent"])?,
            label_overflow: counters(r, "label_overflow_total", LABEL_OVERFLOW, &["label"])?,
            limit_hits: counters(r, "limit_hits_total", LIMIT_HITS, &["limit"])?,
            feed_labels: Mutex::default(),
            feeds_max,
            feed_generation_duration: histogram(
                r,
                "feed_generation_duration_seconds",
                GENERATION,
                SLOW,
            )?,
            feed_entries_cut: counter(r, "feed_entries_cut_total", ENTRIES_CUT)?,
            publish_to_ready: histogram(r, "publish_to_ready_seconds", TO_READY, SLOW)?,
            view_commit_duration: histogram(r, "view_commit_duration_seconds", COMMIT, FAST)?,
            store_errors: counter(r, "store_errors_total", "Errors of the article database.")?,
            config_last_reload_successful: gauge(r, "config_last_reload_successful", RELOADED)?,
            config_last_reload_success: seconds(
                r,
                "config_last_reload_success_timestamp_seconds",
                "When settings were last taken.",
            )?,
            data_free_bytes: gauge(r, "data_free_bytes", "Room left on the data folder's disk.")?,
            connections: gauge(r, "http_connections", "Open connections of both listeners.")?,
            purges: PurgeMetrics::new(r)?,
            registry: r.clone(),
        };
        metrics.begin_at_zero();
        metrics.register_process()?;
        Ok(metrics)
    }

    fn begin_at_zero(&self) {
        for label in ["feed", "section"] {
            self.label_overflow.with_label_values(&[label]);
        }
        for limit in LIMITS {
            self.limit_hits.with_label_values(&[limit]);
        }
        self.feed(AUTO);
        for kind in OLD_KINDS {
            self.takeover(kind);
        }
    }

    fn register_process(&self) -> Result<(), Error> {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(process))?;
        let labels = [("version", env!("CARGO_PKG_VERSION")), ("revision", REVISION)];
        let opts = labels.iter().fold(
            Opts::new("jarshy_build_info", "1, with the version that runs."),
            |opts, (name, value)| opts.const_label(*name, *value),
        );
        let info = IntGauge::with_opts(opts)?;
        info.set(1);
        self.registry.register(Box::new(info))
    }

    /// The label of a declared feed: its slug while there is room, else `other`.
    pub fn feed_label<'a>(&self, slug: &'a str) -> &'a str {
        let mut labels = self.feed_labels.lock().unwrap_or_else(PoisonError::into_inner);
        if labels.contains(slug) {
            return slug;
        }
        if labels.len() < self.feeds_max {
            labels.insert(slug.to_owned());
            return slug;
        }
        self.label_overflow.with_label_values(&["feed"]).inc();
        OTHER
    }

    /// Handles of a feed's series, at zero where they are new. `label` comes from
    /// [`Metrics::feed_label`] or is [`AUTO`].
    pub fn feed(&self, label: &str) -> FeedMetrics {
        self.feeds.of(label)
    }

    /// Handles of a route's series, all statuses at zero.
    pub fn route(&self, route: &'static str) -> RouteMetrics {
        self.routes.of(route)
    }

    /// Handles of the requests at WordPress's addresses for what `kind` of [`OLD_KINDS`] says.
    pub fn takeover(&self, kind: &'static str) -> ByAgent {
        ByAgent(AGENTS.map(|agent| (agent, self.takeover.with_label_values(&[kind, agent]))))
    }

    /// Handles of the requests at a feed's addresses of before. `label` is that of [`Metrics::feed`].
    pub fn feed_moved(&self, label: &str) -> ByAgent {
        ByAgent(AGENTS.map(|agent| (agent, self.feed_moved.with_label_values(&[label, agent]))))
    }

    /// All results of a job at zero.
    pub fn job(&self, job: &str) {
        self.jobs.begin(job);
    }

    /// Counts a run of a job that ended at `now` (seconds since the epoch).
    pub fn job_ended(&self, job: &str, result: &str, took: Duration, now: f64) {
        self.jobs.ended(job, result, took, now);
    }

    /// Counts that a limit was hit; only names of [`LIMITS`].
    pub fn limit_hit(&self, limit: &'static str) {
        self.limit_hits.with_label_values(&[limit]).inc();
    }

    /// Counts sections that share `other` because the label is full: called with their number, which
    /// only grows, whenever it is known.
    pub fn section_overflow(&self) -> impl Fn(usize) + Send + Sync + 'static {
        let counter = self.label_overflow.with_label_values(&["section"]);
        move |sections| counter.inc_by((sections as u64).saturating_sub(counter.get()))
    }

    /// A counter whose numbers live in a feature and are asked for at each scrape.
    pub fn register_counter(
        &self,
        name: &'static str,
        text: &'static str,
        labels: &[&'static str],
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let samples = Box::new(samples);
        self.registry.register(Box::new(Asked::new(name, text, labels, true, samples)?))
    }

    /// A gauge whose numbers live in a feature and are asked for at each scrape.
    pub fn register_gauge(
        &self,
        name: &'static str,
        text: &'static str,
        labels: &[&'static str],
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let samples = Box::new(samples);
        self.registry.register(Box::new(Asked::new(name, text, labels, false, samples)?))
    }

    /// The page for Prometheus, text format 0.0.4.
    pub fn render(&self) -> Result<String, Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Every limit that is counted when it is hit.
pub const LIMITS: [&str; 10] = [
    "connections",
    "headers",
    "uri",
    "body",
    "header_time",
    "body_time",
    "write_time",
    "auto_feeds",
    "takeover_feeds",
    "count_ids",
];

/// The commit jarshy was built from, where the build says.
const REVISION: &str = match option_env!("JARSHY_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

const TAKEOVER: &str = "Requests at WordPress's addresses by what was asked for and by whom.";
const MOVED: &str = "Requests at the addresses that a feed had before, by whom.";
const LABEL_OVERFLOW: &str = "Values that got no label of their own because the label is full.";
const LIMIT_HITS: &str = "Times a configured limit was hit.";
const GENERATION: &str = "Time to make a feed's documents.";
const ENTRIES_CUT: &str = "Entries left out of documents that would have been too big.";
const TO_READY: &str = "From the store's commit to the document swapped.";
const COMMIT: &str = "Time to commit a batch of hits to disk.";
const RELOADED: &str = "1 when the last reload took the new settings.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_label_words_are_no_suffixes_of_each_other() {
        for words in
            [&FEED_OUTCOMES[..], &GENERATION_RESULTS, &JOB_RESULTS, &CODES, &OLD_KINDS, &AGENTS]
        {
            for (at, word) in words.iter().enumerate() {
                let others = words.iter().enumerate().filter(|(other, _)| *other != at);
                for (_, other) in others {
                    assert!(!word.ends_with(other), "{word} ends with {other}");
                }
            }
        }
    }
}
