//! How far a source is, as the JSON text that the caller keeps. A text that is not understood (of an
//! older jarshy, damaged) begins anew: nothing is lost by walking once more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::Millis;

/// Posts remembered that the store cannot tell are done: refused ones, and those saved without a
/// change.
const HANDLED_MAX: usize = 1000;

/// A walk looks this many seconds behind what was seen: commits may come late.
const OVERLAP_SECONDS: i64 = 60;
/// And now and then this many: the hour that autumn repeats, and as many as always.
const OVERLAP_FAR_SECONDS: i64 = 3600 + OVERLAP_SECONDS;
/// Twice within that hour.
const LOOK_BACK_MILLIS: i64 = 30 * 60_000;
/// After this long nothing new can seem older than what was seen last.
const SETTLED_MILLIS: i64 = 2 * 3_600_000;

/// Where a source stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cursor {
    /// The REST API's root: `https://news.example/wp-json/` or `https://news.example/?rest_route=/`.
    pub root: String,
    /// The site that the prefix was claimed for.
    pub home: String,
    /// By post type.
    pub marks: BTreeMap<String, Mark>,
    /// When the last poll was, in milliseconds.
    pub polled_at: i64,
    /// Milliseconds from one poll to the next, as they use to be; 0 until that is known.
    pub gap: i64,
    /// True when the next poll asks for the newest instead of the last changed.
    pub newest_next: bool,
    /// When the last reconciliation ended, in milliseconds.
    pub reconciled_at: i64,
    /// The one that is going on.
    pub reconcile: Option<Reconcile>,
    /// Posts that the last reconciliation missed, where they were too many to be believed; one that
    /// misses few others withdraws them.
    pub refused: BTreeSet<u64>,
    /// Articles of types that are pulled no longer, as the last reconciliation counted them.
    pub left: u64,
    /// Post id to the second of its change.
    handled: BTreeMap<u64, i64>,
}

/// How far a post type is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mark {
    /// All that was changed before this second is done; `None` until the first walk has ended.
    pub high: Option<i64>,
    /// A walk that is going on.
    pub walk: Option<Walk>,
    /// When `high` grew last, in milliseconds.
    pub grew_at: i64,
    /// When a walk began that looked far behind `high`, in milliseconds.
    pub looked_back_at: i64,
}

impl Mark {
    /// Begins a walk from where the last one came to, or a little before; `now` is ours.
    pub fn begin(&mut self, now: Millis) -> Walk {
        let mut overlap = OVERLAP_SECONDS;
        if self.high.is_none() || self.must_look_back(now) {
            self.looked_back_at = now.0;
            overlap = OVERLAP_FAR_SECONDS;
        }
        let after = self.high.map(|high| high - overlap);
        Walk { at: Position { after, ..Position::default() }, ..Walk::default() }
    }

    /// WordPress compares times of its local clock, so in the hour that autumn repeats what is changed
    /// now seems older than `high`. Nothing that is changed much later can.
    fn must_look_back(&self, now: Millis) -> bool {
        let since = now.0.saturating_sub(self.looked_back_at);
        let settled = self.looked_back_at.saturating_sub(self.grew_at) >= SETTLED_MILLIS;
        since >= LOOK_BACK_MILLIS && !settled
    }

    /// A walk has ended that came to `high`.
    pub fn end(&mut self, high: i64, now: Millis) {
        if self.high.is_none_or(|known| known < high) {
            self.high = Some(high);
            self.grew_at = now.0;
        }
    }
}

/// A walk over a list in the order of changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Walk {
    pub at: Position,
    /// The newest change seen, in seconds.
    pub top: i64,
    /// Posts seen.
    pub seen: u64,
    /// The server's own time in seconds when it began; `None` in what an older jarshy kept.
    pub began: Option<i64>,
}

/// Where in a list a walk stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    /// Changed after this second of UTC: where a poll begins.
    pub after: Option<i64>,
    /// Changed after this second of the site's own clock: where a walk goes on.
    pub local: Option<i64>,
    /// Pages of that question already seen; 0 nearly always.
    pub pages: u32,
    /// Within one second that holds more posts than a page.
    pub second: Option<Second>,
    /// The post that must come again: the last one of the page before.
    pub last: Option<u64>,
}

/// Where within one second a walk stands: in the order of ids, each page beginning with the last
/// post of the one before, so that a shift is noticed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Second {
    /// By the site's own clock.
    pub at: i64,
    /// Seconds before it that are walked with it; nearly always none.
    pub before: i64,
    pub seen: u64,
    pub last: u64,
    pub restarts: u8,
}

/// A reconciliation that is going on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Reconcile {
    /// Our articles when it began.
    pub held: u64,
    /// Articles looked at, in the order of their ids.
    pub checked: u64,
    /// Of these, articles of types that are pulled no longer: they are not judged.
    pub left: u64,
    /// The last article that was looked at.
    pub after: String,
    /// True once all of ours were looked at.
    pub all_checked: bool,
    /// Posts of ours that no list shows as public, to be asked for one by one.
    pub missing: Vec<u64>,
    /// Post types still to be walked from their beginning.
    pub walks: BTreeMap<String, Walk>,
}

impl Cursor {
    /// Reads what [`Cursor::to_text`] wrote.
    pub fn read(text: &str) -> Cursor {
        if text.trim().is_empty() {
            return Cursor::default();
        }
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "a WordPress source's state is not understood: it is walked anew");
            Cursor::default()
        })
    }

    /// The text that the caller keeps.
    pub fn to_text(&self) -> String {
        // Strings, numbers, maps and lists: serde_json cannot fail on these.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Remembers a post that is done as of `modified`.
    pub fn handle(&mut self, post: u64, modified: i64) {
        self.handled.insert(post, modified);
        while self.handled.len() > HANDLED_MAX {
            let oldest = self.handled.iter().min_by_key(|(_, at)| **at).map(|(id, _)| *id);
            oldest.map(|id| self.handled.remove(&id));
        }
    }

    /// True for a post that is done as of `modified`.
    pub fn is_handled(&self, post: u64, modified: i64) -> bool {
        self.handled.get(&post) == Some(&modified)
    }

    /// What was refused is tried again.
    pub fn forget_handled(&mut self) {
        self.handled.clear();
    }

    /// Milliseconds since the last poll.
    pub fn since_poll(&self, now: Millis) -> i64 {
        now.0.saturating_sub(self.polled_at)
    }

    /// Notes that a poll begins. True when it comes much sooner than usual: somebody knows of news.
    pub fn begin_poll(&mut self, now: Millis) -> bool {
        if self.polled_at == 0 {
            return false;
        }
        let since = self.since_poll(now).max(1);
        let is_early = since.saturating_mul(2) < self.gap;
        let usual = if self.gap == 0 { since } else { since.min(self.gap.saturating_mul(2)) };
        self.gap = if is_early { self.gap / 2 } else { usual };
        is_early
    }
}
