//! How often a feed gets a new entry, and what readers and caches are told because of it.
//!
//! Made of nothing but the entries' dates, in coarse steps, so that the same entries make the same
//! bytes and one more article rarely moves anything but itself.

use std::time::Duration;

use crate::model::{Article, Millis};

/// How many of the newest entries are looked at.
const LOOKED_AT: usize = 20;
/// What `Cache-Control` and `ttl` step through, in minutes.
const STEPS: [u64; 9] = [60, 30, 20, 15, 10, 5, 3, 2, 1];
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The usual time between two entries of a feed: the median over the newest ones, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    seconds: u64,
}

/// How often a feed is made anew, in the words of RSS 1.0's syndication module
/// (web.resource.org/rss/1.0/modules/syndication/): so many times in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Updates {
    /// `hourly`, `daily`, `weekly`, `monthly` or `yearly`.
    pub period: &'static str,
    /// How many times in it, 1 to 60.
    pub frequency: u64,
}

impl Rhythm {
    /// Of entries, newest first; `None` for fewer than three, which tell nothing.
    pub fn of(entries: &[Article]) -> Option<Rhythm> {
        let dates = entries.iter().take(LOOKED_AT).filter_map(|a| a.published_at);
        let dates: Vec<Millis> = dates.collect();
        let mut gaps: Vec<u64> = dates
            .windows(2)
            .map(|pair| pair[0].seconds().saturating_sub(pair[1].seconds()).unsigned_abs())
            .collect();
        gaps.sort_unstable();
        let seconds = *gaps.get(gaps.len() / 2).filter(|_| gaps.len() > 1)?;
        Some(Rhythm { seconds })
    }

    /// As it was kept.
    pub fn from_seconds(seconds: u64) -> Rhythm {
        Rhythm { seconds }
    }

    /// To be kept.
    pub fn seconds(self) -> u64 {
        self.seconds
    }

    /// How long nobody needs to ask again: a quarter of the usual time, in a step of whole minutes,
    /// within these bounds; `min` where they contradict each other.
    pub fn max_age(self, min: Duration, max: Duration) -> Duration {
        let quarter = self.seconds / 4;
        let step = STEPS.into_iter().map(|minutes| minutes * 60).find(|step| *step <= quarter);
        Duration::from_secs(step.unwrap_or(0)).min(max).max(min)
    }

    /// What readers are told: the largest of a few usual frequencies that it reaches.
    pub fn updates(self) -> Updates {
        let seconds = self.seconds.max(1);
        let within = |period, length: u64, steps: &[u64]| {
            let times = length / seconds;
            let frequency = steps.iter().copied().find(|step| *step <= times)?;
            Some(Updates { period, frequency })
        };
        within("hourly", HOUR, &[60, 30, 12, 6, 4, 2, 1])
            .or_else(|| within("daily", DAY, &[12, 6, 4, 2, 1]))
            .or_else(|| within("weekly", 7 * DAY, &[3, 1]))
            .or_else(|| within("monthly", 30 * DAY, &[2, 1]))
            .unwrap_or(Updates { period: "yearly", frequency: 1 })
    }
}
