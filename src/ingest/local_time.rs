//! Times that were written without a zone, read with the site's.

use chrono::{Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::model::Millis;

/// A date, which is the beginning of that day in the zone, or a time of RFC 3339; one plain sentence
/// where it is neither.
pub fn date_or_time(text: &str, zone: Tz) -> Result<Millis, String> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(from_local(day.and_time(NaiveTime::MIN), zone));
    }
    Millis::from_rfc3339(text)
        .map_err(|_| format!("`{text}` is no date such as 2026-11-24 or 2026-11-24T12:00:00Z"))
}

/// The moment a local time stands for. Of two (clocks went back) the first; a time that was skipped
/// (clocks went forward) is read an hour later, as clocks then showed.
pub(super) fn from_local(local: NaiveDateTime, zone: Tz) -> Millis {
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
        LocalResult::None => zone.from_local_datetime(&(local + Duration::hours(1))).earliest(),
    };
    found.map_or(Millis(local.and_utc().timestamp_millis()), |at| Millis(at.timestamp_millis()))
}
