//! THE STRUCT OF METRICS, and the guard that keeps labels few. `prometheus` is spoken to only here.
//!
//! This module knows no feature. What lives elsewhere (durable counts, queue depth, the process) is
//! registered in `daemon.rs` as a closure that returns samples. The crate hashes label values
//! without a separator, so of two labels at most one is free and the other's words are no suffixes
//! of each other (a test holds that).

mod asked;
mod families;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use self::{asked::Asked, families::Families};

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
/// Every status that jarshy answers with.
pub const CODES: [&str; 24] = [
    "200", "201", "202", "204", "302", "304", "400", "401", "403", "404", "405", "406", "408",
    "409", "410", "412", "413", "414", "415", "422", "431", "500", "503", "507",
];

const FAST: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
const SLOW: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const JOB: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// All metrics, shared by reference.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    feeds: FeedFamilies,
    routes: RouteFamilies,
    jobs: JobFamilies,
    label_overflow: IntCounterVec,
    limit_hits: IntCounterVec,
    feed_labels: Mutex<HashMap<String, ()>>,
    feeds_max: usize,
    /// Time to make one feed's documents.
    pub feed_generation_duration: Histogram,
    /// From the store's commit to the document swapped.
    pub publish_to_ready: Histogram,
    /// Time to commit a batch of hits.
    pub view_commit_duration: Histogram,
    /// Errors of the article database.
    pub store_errors: IntCounter,
    /// Entries that were left out of documents that would have been too big.
    pub feed_entries_cut: IntCounter,
    /// 1 when the last reload took the new settings.
    pub config_last_reload_successful: IntGauge,
    /// When settings were last taken.
    pub config_last_reload_success: Gauge,
    /// Room left on the data folder's disk.
    pub data_free_bytes: IntGauge,
    /// Open connections of both listeners.
    pub connections: IntGauge,
}

/// Handles of one feed, kept beside its ready documents.
#[derive(Clone, Debug)]
pub struct FeedMetrics {
    /// 200 with a body.
    pub full: IntCounter,
    /// 304.
    pub unchanged: IntCounter,
    /// HEAD.
    pub head: IntCounter,
    /// Anything else.
    pub error: IntCounter,
    /// Body bytes of answers.
    pub bytes: IntCounter,
    /// Documents changed.
    pub success: IntCounter,
    /// The last good documents stay.
    pub failure: IntCounter,
    /// The bytes were what they had been.
    pub same: IntCounter,
    /// Seconds since the epoch.
    pub last_success: Gauge,
    /// Seconds since the epoch; 0 without a schedule.
    pub due: Gauge,
    /// Entries of the document.
    pub entries: Gauge,
    /// Seconds since the epoch; 0 for an empty feed.
    pub newest_entry: Gauge,
}

/// Handles of one route.
#[derive(Clone, Debug)]
pub struct RouteMetrics {
    codes: Vec<(u16, IntCounter)>,
    /// From the request's headers read to the answer handed over.
    pub duration: Histogram,
}

impl RouteMetrics {
    /// Counts an answer; a status outside [`CODES`] counts as 500.
    pub fn answered(&self, code: u16, took: Duration) {
        let counter = self.codes.iter().find(|(known, _)| *known == code);
        if let Some((_, counter)) = counter.or_else(|| self.codes.iter().find(|(c, _)| *c == 500)) {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// What every feed has.
#[derive(Debug)]
struct FeedFamilies {
    requests: IntCounterVec,
    response_bytes: IntCounterVec,
    generations: IntCounterVec,
    last_success: GaugeVec,
    due: GaugeVec,
    entries: GaugeVec,
    newest_entry: GaugeVec,
}

impl FeedFamilies {
    fn new(r: &Families) -> Result<FeedFamilies, prometheus::Error> {
        Ok(FeedFamilies {
            requests: r.counters(
                "feed_requests_total",
                "Requests for a feed's documents by outcome.",
                &["feed", "outcome"],
            )?,
            response_bytes: r.counters(
                "feed_response_bytes_total",
                "Body bytes of answers with a feed's documents.",
                &["feed"],
            )?,
            generations: r.counters(
                "feed_generations_total",
                "Generations of a feed by result.",
                &["feed", "result"],
            )?,
            last_success: r.gauges(
                "feed_last_success_timestamp_seconds",
                "When a feed was last generated without failure.",
                &["feed"],
            )?,
            due: r.gauges(
                "feed_due_timestamp_seconds",
                "When a feed is next regenerated by its schedule, 0 without one.",
                &["feed"],
            )?,
            entries: r.gauges("feed_entries", "Entries in a feed's documents.", &["feed"])?,
            newest_entry: r.gauges(
                "feed_newest_entry_timestamp_seconds",
                "Publication of a feed's newest entry, 0 for an empty feed.",
                &["feed"],
            )?,
        })
    }

    fn handles(&self, label: &str) -> FeedMetrics {
        let requests = |outcome| self.requests.with_label_values(&[label, outcome]);
        let generations = |result| self.generations.with_label_values(&[label, result]);
        FeedMetrics {
            full: requests("full"),
            unchanged: requests("unchanged"),
            head: requests("head"),
            error: requests("error"),
            bytes: self.response_bytes.with_label_values(&[label]),
            success: generations("success"),
            failure: generations("failure"),
            same: generations("same"),
            last_success: self.last_success.with_label_values(&[label]),
            due: self.due.with_label_values(&[label]),
            entries: self.entries.with_label_values(&[label]),
            newest_entry: self.newest_entry.with_label_values(&[label]),
        }
    }
}

/// What every route has.
#[derive(Debug)]
struct RouteFamilies {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl RouteFamilies {
    fn new(r: &Families) -> Result<RouteFamilies, prometheus::Error> {
        Ok(RouteFamilies {
            requests: r.counters(
                "http_requests_total",
                "Requests answered by route and status.",
                &["route", "code"],
            )?,
            duration: r.histograms(
                "http_request_duration_seconds",
                "Time to answer a request.",
                &["route"],
                FAST,
            )?,
        })
    }

    fn handles(&self, route: &'static str) -> RouteMetrics {
        let code = |code: &str| {
            let number = code.parse().unwrap_or_default();
            (number, self.requests.with_label_values(&[route, code]))
        };
        RouteMetrics {
            codes: CODES.iter().map(|c| code(c)).collect(),
            duration: self.duration.with_label_values(&[route]),
        }
    }
}

/// What every job has.
#[derive(Debug)]
struct JobFamilies {
    runs: IntCounterVec,
    last_success: GaugeVec,
    duration: HistogramVec,
}

impl JobFamilies {
    fn new(r: &Families) -> Result<JobFamilies, prometheus::Error> {
        Ok(JobFamilies {
            runs: r.counters("job_runs_total", "Runs of a job by result.", &["job", "result"])?,
            last_success: r.gauges(
                "job_last_success_timestamp_seconds",
                "When a job last ended well.",
                &["job"],
            )?,
            duration: r.histograms(
                "job_duration_seconds",
                "Time a job's run took.",
                &["job"],
                JOB,
            )?,
        })
    }
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
    pub fn new(feeds_max: usize) -> Result<Metrics, prometheus::Error> {
        let r = Families::new();
        let metrics = Metrics {
            feeds: FeedFamilies::new(&r)?,
            routes: RouteFamilies::new(&r)?,
            jobs: JobFamilies::new(&r)?,
            feed_labels: Mutex::default(),
            feeds_max,
            label_overflow: r.counters(
                "label_overflow_total",
                "Values that got no label of their own because the label is full.",
                &["label"],
            )?,
            limit_hits: r.counters(
                "limit_hits_total",
                "Times a configured limit was hit.",
                &["limit"],
            )?,
            feed_generation_duration: r.histogram(
                "feed_generation_duration_seconds",
                "Time to make a feed's documents.",
                SLOW,
            )?,
            publish_to_ready: r.histogram(
                "publish_to_ready_seconds",
                "From the store's commit to the document swapped.",
                SLOW,
            )?,
            view_commit_duration: r.histogram(
                "view_commit_duration_seconds",
                "Time to commit a batch of hits to disk.",
                FAST,
            )?,
            store_errors: r.counter("store_errors_total", "Errors of the article database.")?,
            feed_entries_cut: r.counter(
                "feed_entries_cut_total",
                "Entries left out of documents that would have been too big.",
            )?,
            config_last_reload_successful: r.gauge(
                "config_last_reload_successful",
                "1 when the last reload took the new settings.",
            )?,
            config_last_reload_success: r.seconds(
                "config_last_reload_success_timestamp_seconds",
                "When settings were last taken.",
            )?,
            data_free_bytes: r
                .gauge("data_free_bytes", "Room left on the disk of the data folder.")?,
            connections: r.gauge("http_connections", "Open connections of both listeners.")?,
            registry: r.into_registry(),
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
    }

    fn register_process(&self) -> Result<(), prometheus::Error> {
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
        if labels.contains_key(slug) {
            return slug;
        }
        if labels.len() < self.feeds_max {
            labels.insert(slug.to_owned(), ());
            return slug;
        }
        self.label_overflow.with_label_values(&["feed"]).inc();
        OTHER
    }

    /// Handles of a feed's series, at zero where they are new. `label` comes from
    /// [`Metrics::feed_label`] or is [`AUTO`].
    pub fn feed(&self, label: &str) -> FeedMetrics {
        self.feeds.handles(label)
    }

    /// Handles of a route's series, all statuses at zero.
    pub fn route(&self, route: &'static str) -> RouteMetrics {
        self.routes.handles(route)
    }

    /// All results of a job at zero.
    pub fn job(&self, job: &str) {
        for result in JOB_RESULTS {
            self.jobs.runs.with_label_values(&[job, result]);
        }
        self.jobs.last_success.with_label_values(&[job]);
        self.jobs.duration.with_label_values(&[job]);
    }

    /// Counts a run of a job that ended at `now` (seconds since the epoch).
    pub fn job_ended(&self, job: &str, result: &str, took: Duration, now: f64) {
        self.jobs.runs.with_label_values(&[job, result]).inc();
        self.jobs.duration.with_label_values(&[job]).observe(took.as_secs_f64());
        if result == "success" {
            self.jobs.last_success.with_label_values(&[job]).set(now);
        }
    }

    /// Counts that a limit was hit; only names of [`LIMITS`].
    pub fn limit_hit(&self, limit: &'static str) {
        self.limit_hits.with_label_values(&[limit]).inc();
    }

    /// Sections that share `other` because the label is full.
    pub fn section_overflow(&self) {
        self.label_overflow.with_label_values(&["section"]).inc();
    }

    /// A counter whose numbers live in a feature and are asked for at each scrape.
    pub fn register_counter(
        &self,
        name: &'static str,
        text: &'static str,
        labels: &[&'static str],
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Result<(), prometheus::Error> {
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
    ) -> Result<(), prometheus::Error> {
        let samples = Box::new(samples);
        self.registry.register(Box::new(Asked::new(name, text, labels, false, samples)?))
    }

    /// The page for Prometheus, text format 0.0.4.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Every limit that is counted when it is hit.
pub const LIMITS: [&str; 9] = [
    "connections",
    "headers",
    "uri",
    "body",
    "header_time",
    "body_time",
    "write_time",
    "repeat_keys",
    "auto_feeds",
];

/// The commit jarshy was built from, where the build says.
const REVISION: &str = match option_env!("JARSHY_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_label_words_are_no_suffixes_of_each_other() {
        for words in [&FEED_OUTCOMES[..], &GENERATION_RESULTS, &JOB_RESULTS, &CODES] {
            for (at, word) in words.iter().enumerate() {
                let others = words.iter().enumerate().filter(|(other, _)| *other != at);
                for (_, other) in others {
                    assert!(!word.ends_with(other), "{word} ends with {other}");
                }
            }
        }
    }
}
