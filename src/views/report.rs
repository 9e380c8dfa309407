//! Exact numbers out of `views.db`, with what is not folded yet.

use std::time::Duration;

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::tally::{day, hour};
use crate::{
    model::{Channel, Millis, Verdict},
    store::{DbError, views::ViewReader},
};

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// How a report is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Hours of UTC.
    Hour,
    /// Days of a time zone; an hour belongs to the day in which it begins.
    Day,
}

/// Views of one hour or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it begins.
    pub start: Millis,
    /// Views by channel, in the order of [`Channel::ALL`].
    pub channels: [u64; Channel::ALL.len()],
}

impl Bucket {
    /// Views by all channels.
    pub fn counted(&self) -> u64 {
        self.channels.iter().sum()
    }
}

/// What became of the hits on one article.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Hours or days with views, in order; those without are left out.
    pub buckets: Vec<Bucket>,
    /// Hits that were no views, by verdict, of all days (UTC) that the time touches.
    pub refused: Vec<(Verdict, u64)>,
}

/// The most viewed articles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// The hour from which on views are counted; `None` is all time.
    pub since: Option<Millis>,
    /// Article and views, the most viewed first.
    pub articles: Vec<(String, u64)>,
}

/// Views of one article in the hours that begin within `from <= time < to`.
pub(super) fn report(
    reader: &ViewReader,
    article: &str,
    (from, to): (Millis, Millis),
    by: By,
    zone: Tz,
) -> Result<Report, DbError> {
    let ceil = |at: Millis, unit| at.0.div_euclid(unit) + i64::from(at.0.rem_euclid(unit) != 0);
    let hours = reader.hours(article, ceil(from, HOUR_MILLIS), ceil(to, HOUR_MILLIS))?;
    let refused = reader.refused(article, day(from), ceil(to, DAY_MILLIS))?;
    let mut buckets: Vec<Bucket> = Vec::new();
    for (hour, channel, n) in hours {
        let at = Millis(hour.saturating_mul(HOUR_MILLIS));
        let start = if by == By::Day { day_start(at, zone) } else { at };
        if buckets.last().is_none_or(|bucket| bucket.start != start) {
            buckets.push(Bucket { start, channels: Default::default() });
        }
        if let Some(bucket) = buckets.last_mut() {
            bucket.channels[channel as usize] += n;
        }
    }
    Ok(Report { buckets, refused })
}

/// The first moment of the local day.
fn day_start(at: Millis, zone: Tz) -> Millis {
    let date = at.utc().with_timezone(&zone).date_naive();
    // Where midnight is skipped the day begins at the next hour that exists.
    let hours = (0..24).filter_map(|hour| NaiveTime::from_hms_opt(hour, 0, 0));
    let mut starts =
        hours.filter_map(|time| zone.from_local_datetime(&date.and_time(time)).earliest());
    starts.next().map_or(at, |start| Millis(start.timestamp_millis()))
}

/// The `limit` most viewed articles of the last `window`, which begins with a whole hour.
pub(super) fn top(
    reader: &ViewReader,
    now: Millis,
    window: Option<Duration>,
    limit: usize,
) -> Result<Top, DbError> {
    let since = window.map(|window| {
        let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        hour(now.plus(millis.saturating_neg()))
    });
    let articles = reader.top(since, limit)?;
    Ok(Top { since: since.map(|hour| Millis(hour.saturating_mul(HOUR_MILLIS))), articles })
}
