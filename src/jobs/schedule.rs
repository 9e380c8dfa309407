//! When a job is due, in the publisher's time zone. Pure: `now` is an argument.
//!
//! A day may have 23 or 25 hours. A time of day that is left out runs once, as the clock jumps; one
//! that comes twice runs once; what runs every hour or minute runs in each of them.

use chrono::TimeZone;
use chrono_tz::Tz;
use croner::Cron;

use crate::{model::Millis, store::JobRun};

/// The first time after `after` that the schedule names.
pub fn next_due(schedule: &Cron, zone: Tz, after: Millis) -> Option<Millis> {
    let after = zone.from_utc_datetime(&after.utc().naive_utc());
    let due = schedule.find_next_occurrence(&after, false).ok()?;
    Some(Millis(due.timestamp_millis()))
}

/// The last time up to `now` that the schedule names.
pub fn last_due(schedule: &Cron, zone: Tz, now: Millis) -> Option<Millis> {
    let now = zone.from_utc_datetime(&now.utc().naive_utc());
    let due = schedule.find_previous_occurrence(&now, true).ok()?;
    Some(Millis(due.timestamp_millis()))
}

/// True when the schedule named a time since the last run began, or when that run was cut off. A job
/// that never ran has missed nothing.
pub fn is_missed(schedule: &Cron, zone: Tz, last: Option<&JobRun>, now: Millis) -> bool {
    let Some(last) = last else { return false };
    last.ended_at.is_none()
        || last_due(schedule, zone, now).is_some_and(|due| due > last.started_at)
}
