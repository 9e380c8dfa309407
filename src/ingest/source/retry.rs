//! When a source that failed is asked again: later and later, never all at the same moment, and not
//! before it wants to be. Pure.

use std::time::Duration;

/// What a source may ask for at most, and what its answers may put off the next pull.
pub(super) const PATIENCE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long to wait after the `failures`th failure in a row: `min`, doubled by each further one up to
/// `max`, of which a random part of one half is taken away; `random` is any number.
pub(super) fn wait(failures: u64, (min, max): (Duration, Duration), random: u64) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(40);
    let most = min.saturating_mul(2_u32.saturating_pow(doublings.min(31))).clamp(min, max.max(min));
    let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis - random % (millis / 2 + 1))
}

/// A random number; 0 where the system has none, which only makes waits less scattered.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_bounds() {
        let seconds = Duration::from_secs;
        let bounds = (seconds(5), seconds(900));
        let most = |failures| wait(failures, bounds, 0);
        assert_eq!([1, 2, 3].map(most), [5, 10, 20].map(seconds));
        assert_eq!([8, 9, 100, u64::MAX].map(most), [640, 900, 900, 900].map(seconds));
        for random in [1, 2499, 2500, 2501, u64::MAX, u64::MAX - 7] {
            let wait = wait(1, bounds, random);
            assert!((Duration::from_millis(2500)..=seconds(5)).contains(&wait), "{wait:?}");
        }
        let long = (seconds(1), Duration::from_secs(3650 * 24 * 3600));
        assert!(wait(u64::MAX, long, 0) <= long.1);
    }
}
