//! Times that were written without a zone, read with the site's.

use chrono::{Duration, LocalResult, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use crate::model::Millis;

/// The moment a local time stands for. Of two (clocks went back) the first; a time that was skipped
/// (clocks went forward) is read an hour later, as clocks then showed.
pub(super) fn from_local(local: NaiveDateTime, zone: Tz) -> Millis {
    let found = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at),
        LocalResult::None => zone.from_local_datetime(&(local + Duration::hours(1))).earliest(),
    };
    found.map_or(Millis(local.and_utc().timestamp_millis()), |at| Millis(at.timestamp_millis()))
}
