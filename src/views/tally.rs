//! Hits of one group, summed up: what is committed and what is then added to the counts.

use std::collections::HashMap;

use super::{parked::Place, roster::Listed};
use crate::{
    model::{Channel, Millis, Verdict},
    store::views::{Hits, KeptKey, KeyLine, ParkedLine, VerdictLine, ViewLine},
};

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// Whole hours since the epoch.
pub fn hour(at: Millis) -> i64 {
    at.0.div_euclid(HOUR_MILLIS)
}

/// Whole days since the epoch, in UTC.
pub fn day(at: Millis) -> i64 {
    at.0.div_euclid(DAY_MILLIS)
}

/// A hit as far as it is judged before it waits.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The article, where one is known.
    pub article: Option<Listed>,
    /// How it came.
    pub channel: Channel,
    /// The verdict; `None` counts unless it is a repeat.
    pub verdict: Option<Verdict>,
}

/// Views that differ in nothing that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewKey {
    /// Which article, and its section at the time.
    pub article: Listed,
    /// [`hour`].
    pub hour: i64,
    /// How they came.
    pub channel: Channel,
}

/// Sums of a group.
#[derive(Debug, Default)]
pub struct Tally {
    /// Views.
    pub views: HashMap<ViewKey, u64>,
    /// The rest, by article, [`day`] and verdict.
    pub verdicts: HashMap<(Option<u32>, i64, Verdict), u64>,
    /// Parked views that come, or fewer than none where they leave.
    pub parked: HashMap<Place, i64>,
    /// First verdicts of hits that carried a key.
    pub keys: Vec<KeptKey>,
}

impl Tally {
    /// Adds one hit with its verdict.
    pub fn add(&mut self, hit: &Judged, at: Millis, verdict: Verdict) {
        match (verdict, hit.article) {
            (Verdict::Counted, Some(article)) => {
                let key = ViewKey { article, hour: hour(at), channel: hit.channel };
                *self.views.entry(key).or_default() += 1;
            }
            _ => {
                let key = (hit.article.map(|a| a.number), day(at), verdict);
                *self.verdicts.entry(key).or_default() += 1;
            }
        }
    }

    /// True when there is nothing to be kept.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty() && self.verdicts.is_empty() && self.parked.is_empty()
    }

    /// As the store keeps it; `id` and `section` give the texts of numbers.
    pub fn hits<'a>(
        &'a self,
        id: impl Fn(u32) -> &'a str,
        section: impl Fn(u32) -> &'a str,
    ) -> Hits<'a> {
        let view = |(key, n): (&ViewKey, &u64)| {
            let (article, channel) = (key.article, key.channel.as_str());
            let (id, section) = (id(article.number), section(article.section));
            ViewLine(id.into(), key.hour, section.into(), channel.into(), *n)
        };
        let verdict = |(key, n): (&(Option<u32>, i64, Verdict), &u64)| {
            let id = key.0.map_or("", &id);
            VerdictLine(id.into(), key.1, key.2.as_str().into(), *n)
        };
        let parked = |(place, n): (&'a Place, &i64)| {
            let (article, channel) = ((&*place.article).into(), place.channel.as_str().into());
            ParkedLine(article, place.hour, channel, *n)
        };
        let key = |key: &KeptKey| {
            let hash = format!("{:032x}", key.hash);
            KeyLine(key.number, hash.into(), key.verdict.as_str().into(), key.at.0)
        };
        Hits {
            views: self.views.iter().map(view).collect(),
            verdicts: self.verdicts.iter().map(verdict).collect(),
            parked: self.parked.iter().map(parked).collect(),
            keys: self.keys.iter().map(key).collect(),
        }
    }
}
