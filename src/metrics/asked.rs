//! A metric whose numbers live in a feature, which is asked at each scrape.

use std::collections::HashMap;

use prometheus::{
    core::{Collector, Desc},
    proto,
};

use super::{Sample, build::full_name};

pub(super) type Samples = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// A metric that asks a closure at each scrape, so that it equals the feature's own state.
pub(super) struct Asked {
    desc: Desc,
    labels: Vec<&'static str>,
    is_counter: bool,
    samples: Samples,
}

impl Asked {
    pub(super) fn new(
        name: &str,
        text: &str,
        labels: &[&'static str],
        is_counter: bool,
        samples: Samples,
    ) -> Result<Asked, prometheus::Error> {
        let variable = labels.iter().map(|l| (*l).to_owned()).collect();
        let desc = Desc::new(full_name(name), text.to_owned(), variable, HashMap::new())?;
        Ok(Asked { desc, labels: labels.to_vec(), is_counter, samples })
    }

    fn metric(&self, sample: Sample) -> proto::Metric {
        let pair = |(name, value): (&&str, String)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value);
            pair
        };
        let mut metric = proto::Metric::default();
        metric.set_label(self.labels.iter().zip(sample.labels).map(pair).collect());
        if self.is_counter {
            let mut counter = proto::Counter::default();
            counter.set_value(sample.value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(sample.value);
            metric.set_gauge(gauge);
        }
        metric
    }
}

impl Collector for Asked {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let kind =
            if self.is_counter { proto::MetricType::COUNTER } else { proto::MetricType::GAUGE };
        let mut family = proto::MetricFamily::default();
        family.set_name(self.desc.fq_name.clone());
        family.set_help(self.desc.help.clone());
        family.set_field_type(kind);
        family.set_metric((self.samples)().into_iter().map(|s| self.metric(s)).collect());
        vec![family]
    }
}
