//! Making metrics and putting them into the registry, one call each.

use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, Opts, Registry, core::Collector,
};

/// A registry that names what it takes: `jarshy_` and the name.
#[derive(Debug)]
pub(super) struct Families(Registry);

impl Families {
    pub(super) fn new() -> Families {
        Families(Registry::new())
    }

    pub(super) fn into_registry(self) -> Registry {
        self.0
    }

    fn take<C: Collector + Clone + 'static>(&self, c: C) -> Result<C, Error> {
        self.0.register(Box::new(c.clone()))?;
        Ok(c)
    }

    pub(super) fn counter(&self, name: &str, text: &str) -> Result<IntCounter, Error> {
        self.take(IntCounter::new(full_name(name), text)?)
    }

    pub(super) fn gauge(&self, name: &str, text: &str) -> Result<IntGauge, Error> {
        self.take(IntGauge::new(full_name(name), text)?)
    }

    pub(super) fn seconds(&self, name: &str, text: &str) -> Result<Gauge, Error> {
        self.take(Gauge::new(full_name(name), text)?)
    }

    pub(super) fn counters(
        &self,
        name: &str,
        text: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.take(IntCounterVec::new(Opts::new(full_name(name), text), labels)?)
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        text: &str,
        labels: &[&str],
    ) -> Result<GaugeVec, Error> {
        self.take(GaugeVec::new(Opts::new(full_name(name), text), labels)?)
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        text: &str,
        buckets: &[f64],
    ) -> Result<Histogram, Error> {
        let opts = HistogramOpts::new(full_name(name), text).buckets(buckets.to_vec());
        self.take(Histogram::with_opts(opts)?)
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        text: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        let opts = HistogramOpts::new(full_name(name), text).buckets(buckets.to_vec());
        self.take(HistogramVec::new(opts, labels)?)
    }
}

/// With the prefix that all of ours share.
pub(super) fn full_name(name: &str) -> String {
    format!("jarshy_{name}")
}
