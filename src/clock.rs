//! The only place that asks what time it is.
//!
//! The daemon gets a [`Clock`] once. Tests turn a manual one; whoever sleeps until a time wakes
//! when it is turned past that time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

use crate::model::Millis;

/// A cheap handle to the time.
#[derive(Clone, Debug)]
pub struct Clock(Inner);

#[derive(Clone, Debug)]
enum Inner {
    System,
    Manual(Arc<watch::Sender<Millis>>),
}

/// Wall clocks jump; a sleeper looks again at least this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Clock {
        Clock(Inner::System)
    }

    /// A clock that stands at `start` until it is turned.
    pub fn manual(start: Millis) -> Clock {
        Clock(Inner::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The time now.
    pub fn now(&self) -> Millis {
        match &self.0 {
            Inner::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Millis(since.as_millis() as i64)
            }
            Inner::Manual(time) => *time.borrow(),
        }
    }

    /// True for a clock that only tests turn.
    pub fn is_manual(&self) -> bool {
        matches!(self.0, Inner::Manual(_))
    }

    /// Turns a manual clock forward; a system clock stays as it is.
    pub fn turn(&self, by: Duration) {
        if let Inner::Manual(time) = &self.0 {
            time.send_modify(|t| *t = t.plus(by.as_millis() as i64));
        }
    }

    /// Returns once the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Millis) {
        match &self.0 {
            Inner::System => {
                while let Some(left) = at.0.checked_sub(self.now().0).filter(|left| *left > 0) {
                    tokio::time::sleep(Duration::from_millis(left as u64).min(LOOK_AGAIN)).await;
                }
            }
            Inner::Manual(time) => {
                let mut seen = time.subscribe();
                // The sender lives in `self`, so waiting cannot fail while we wait.
                let _ = seen.wait_for(|now| *now >= at).await;
            }
        }
    }
}
