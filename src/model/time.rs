//! One kind of time: UTC milliseconds, with the three ways the world writes it down.

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

/// A text that is not a time of RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time of RFC 3339 such as 2026-11-24T12:00:00Z")]
pub struct BadTime(pub String);

/// The years that RFC 3339 and RFC 822 can both write with four digits.
const YEAR_MIN: i64 = -62_135_596_800_000;
const YEAR_MAX: i64 = 253_402_300_799_999;

impl Millis {
    /// Parses RFC 3339 §5.6; a zone is required.
    pub fn from_rfc3339(text: &str) -> Result<Millis, BadTime> {
        let bad = || BadTime(text.chars().take(60).collect());
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| bad())?;
        Some(Millis(time.timestamp_millis()))
            .filter(|t| (YEAR_MIN..=YEAR_MAX).contains(&t.0))
            .ok_or_else(bad)
    }

    /// `2026-11-24T12:00:00Z`, with milliseconds only where there are some (RFC 3339).
    pub fn to_rfc3339(self) -> String {
        let format = if self.0 % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        self.utc().to_rfc3339_opts(format, true)
    }

    /// `Wed, 19 Aug 2020 06:01:00 +0000`, the date of RSS 2.0 (RFC 822 with a four-digit year).
    pub fn to_rfc822(self) -> String {
        self.utc().format("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// Whole seconds, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time, `millis` later.
    pub fn plus(self, millis: i64) -> Millis {
        Millis(self.0.saturating_add(millis))
    }

    /// As chrono's type; times outside its range become its nearest end.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.clamp(YEAR_MIN, YEAR_MAX)).unwrap_or_default()
    }
}
