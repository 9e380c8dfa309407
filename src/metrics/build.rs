//! Making and registering metrics, each in a line.

use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, Opts, Registry, core::Collector,
};

pub(super) fn full_name(name: &str) -> String {
    format!("jarshy_{name}")
}

pub(super) fn registered<C: Collector + Clone + 'static>(r: &Registry, c: C) -> Result<C, Error> {
    r.register(Box::new(c.clone()))?;
    Ok(c)
}

pub(super) fn counter(r: &Registry, name: &str, text: &str) -> Result<IntCounter, Error> {
    registered(r, IntCounter::new(full_name(name), text)?)
}

pub(super) fn gauge(r: &Registry, name: &str, text: &str) -> Result<IntGauge, Error> {
    registered(r, IntGauge::new(full_name(name), text)?)
}

pub(super) fn seconds(r: &Registry, name: &str, text: &str) -> Result<Gauge, Error> {
    registered(r, Gauge::new(full_name(name), text)?)
}

pub(super) fn counters(
    r: &Registry,
    name: &str,
    text: &str,
    labels: &[&str],
) -> Result<IntCounterVec, Error> {
    registered(r, IntCounterVec::new(Opts::new(full_name(name), text), labels)?)
}

pub(super) fn gauges(
    r: &Registry,
    name: &str,
    text: &str,
    labels: &[&str],
) -> Result<GaugeVec, Error> {
    registered(r, GaugeVec::new(Opts::new(full_name(name), text), labels)?)
}

pub(super) fn histogram(
    r: &Registry,
    name: &str,
    text: &str,
    buckets: &[f64],
) -> Result<Histogram, Error> {
    let opts = HistogramOpts::new(full_name(name), text).buckets(buckets.to_vec());
    registered(r, Histogram::with_opts(opts)?)
}

pub(super) fn histograms(
    r: &Registry,
    name: &str,
    text: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, Error> {
    let opts = HistogramOpts::new(full_name(name), text).buckets(buckets.to_vec());
    registered(r, HistogramVec::new(opts, labels)?)
}
