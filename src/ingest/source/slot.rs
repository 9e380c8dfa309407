//! One source: an owned task that waits until a pull is due or somebody asks for one. Never two pulls
//! at once; a panic or a hang harms no other source; what a failed pull found out is only that it
//! failed. What was asked for meanwhile is remembered once.

use std::{
    any::Any,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, task::JoinError};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    SourceStatus, Tally,
    pull::{Progress, PullError, Pulled},
    puller::Puller,
    retry,
    table::Shared,
};
use crate::{config::SourceConfig, model::Millis, store::SourceState};

/// Characters of a failure or a note that are kept.
const TEXT_CHARS_MAX: usize = 500;

/// One source and what became of it.
pub(super) struct Slot {
    config: SourceConfig,
    puller: Arc<Puller>,
    live: Mutex<Live>,
    progress: Progress,
    wake: Notify,
    retired: CancellationToken,
    ended: CancellationToken,
}

struct Live {
    kept: SourceState,
    /// Asked for by hand: at once.
    asked: bool,
    /// Asked for by a ping: as soon as pings may.
    pinged: bool,
    /// The source wants to be left alone until then.
    not_before: Option<Millis>,
    running_since: Option<Millis>,
    tally: Tally,
}

impl Slot {
    /// A source that goes on from `kept`.
    pub(super) fn new(
        config: SourceConfig,
        kept: SourceState,
        tally: Tally,
        shared: &Shared,
    ) -> Slot {
        let live = Live {
            kept,
            asked: false,
            pinged: false,
            not_before: None,
            running_since: None,
            tally,
        };
        Slot {
            puller: Arc::new(Puller::new(&config, &shared.parts)),
            config,
            live: Mutex::new(live),
            progress: Progress::default(),
            wake: Notify::new(),
            retired: shared.stop.child_token(),
            ended: CancellationToken::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn config(&self) -> &SourceConfig {
        &self.config
    }

    /// How far it is, and what was counted, for the one that comes after it.
    pub(super) fn left(&self) -> (SourceState, Tally) {
        let live = self.lock();
        (live.kept.clone(), live.tally)
    }

    /// The source as it stands.
    pub(super) fn shown(&self) -> SourceStatus {
        let live = self.lock();
        SourceStatus {
            config: self.config.clone(),
            state: live.kept.clone(),
            running_since: live.running_since,
            progress: self.progress.ratio(),
            tally: live.tally,
        }
    }

    /// A pull at once, whatever the source wants.
    pub(super) fn ask(&self) {
        self.lock().asked = true;
        self.wake.notify_one();
    }

    /// A pull as soon as pings may; one that waits already is enough.
    pub(super) fn ping(&self) {
        self.lock().pinged = true;
        self.wake.notify_one();
    }

    /// Looks again when the next pull is due.
    pub(super) fn look_again(&self) {
        self.wake.notify_one();
    }

    /// Ends the pull that is under way, and returns when nothing of it runs any more.
    pub(super) async fn retire(&self) {
        self.retired.cancel();
        self.ended.cancelled().await;
    }

    /// When the next pull begins; `None` for never, unless somebody asks.
    fn due(&self, shared: &Shared) -> Option<Millis> {
        let (now, pull) = (shared.parts.clock.now(), shared.pull.load());
        let live = self.lock();
        if live.asked {
            return Some(now);
        }
        let after_a_ping = || {
            // A source that fails is not asked faster because somebody sends pings.
            let interval = match live.kept.failures {
                0 => pull.ping_interval,
                _ => pull.ping_interval.max(pull.retry_min),
            };
            let last = live.kept.last_attempt_at.map(|last| later(last, interval));
            last.max(live.not_before).unwrap_or(now)
        };
        let due = live.kept.due_at?;
        Some(if live.pinged { due.min(after_a_ping()) } else { due })
    }

    fn begin(&self, now: Millis) -> String {
        let mut live = self.lock();
        live.asked = false;
        live.pinged = false;
        live.running_since = Some(now);
        live.kept.last_attempt_at = Some(now);
        live.kept.cursor.clone()
    }

    fn cut_off(&self) {
        self.lock().running_since = None;
    }

    /// Logs a pull that ended; a note that stands already is not said again.
    fn say(&self, pulled: &Result<Pulled, PullError>) {
        let source = self.config.name.as_str();
        match pulled {
            Ok(pulled) => {
                let outcome = &pulled.outcome;
                match outcome.is_change() || outcome.refused > 0 {
                    true => tracing::info!(source, ?outcome, "a source was pulled"),
                    false => tracing::debug!(source, ?outcome, "a source was pulled"),
                }
                let note = pulled.note.as_deref().map(one_line);
                if let Some(note) = note.filter(|note| self.lock().kept.note.as_ref() != Some(note))
                {
                    tracing::warn!(source, note, "a source wants attention");
                }
            }
            Err(error) => {
                let why = one_line(&error.to_string());
                tracing::warn!(
                    source,
                    why,
                    "a source could not be pulled; what is published stays"
                );
            }
        }
    }

    /// Takes note of a pull that ended; answers what is to be kept.
    fn note(&self, pulled: Result<Pulled, PullError>, shared: &Shared) -> SourceState {
        let (now, pull) = (shared.parts.clock.now(), shared.pull.load());
        let mut live = self.lock();
        live.running_since = None;
        live.not_before = None;
        match pulled {
            Ok(pulled) => {
                live.tally.pulled(&pulled);
                let wait = pulled.next.unwrap_or(self.config.every).min(retry::PATIENCE_MAX);
                let kept = &mut live.kept;
                kept.due_at = Some(if pulled.more { now } else { later(now, wait) });
                kept.last_success_at = Some(now);
                kept.failures = 0;
                kept.last_error = None;
                kept.is_gone = false;
                kept.note = pulled.note.as_deref().map(one_line);
                kept.cursor = pulled.cursor;
            }
            Err(error) => {
                live.tally.failed(&error);
                let asked_for = error.retry_after().map(|d| later(now, d.min(retry::PATIENCE_MAX)));
                let kept = &mut live.kept;
                kept.failures += 1;
                kept.last_error = Some(one_line(&error.to_string()));
                kept.is_gone = matches!(error, PullError::Gone(_));
                let bounds = (pull.retry_min, pull.retry_max);
                let again = later(now, retry::wait(kept.failures, bounds, retry::random()));
                let again = asked_for.map_or(again, |asked_for| asked_for.max(again));
                kept.due_at = (!kept.is_gone).then_some(again);
                live.not_before = asked_for;
            }
        }
        live.kept.clone()
    }
}

/// The task of one source: waits, pulls, begins again; ends when the source is retired.
pub(super) async fn own(slot: Arc<Slot>, shared: Arc<Shared>) {
    let _ended = slot.ended.clone().drop_guard();
    loop {
        let due = slot.due(&shared);
        let is_due = async {
            match due {
                Some(due) => shared.parts.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = slot.retired.cancelled() => return,
            () = is_due => run_once(&slot, &shared).await,
            () = slot.wake.notified() => {}
        }
    }
}

/// One pull, and what becomes of it.
async fn run_once(slot: &Slot, shared: &Shared) {
    let now = shared.parts.clock.now();
    let cursor = slot.begin(now);
    let Some(pulled) = pulled(slot, shared, cursor, now).await else { return slot.cut_off() };
    slot.say(&pulled);
    let kept = slot.note(pulled, shared);
    if let Err(error) = shared.parts.store.keep_source(&kept).await {
        // The next start does this pull once more, which changes nothing.
        tracing::warn!(source = kept.name, %error, "how far the source is could not be kept");
    }
}

/// The pull in a task of its own, so that its panic is contained; `None` when the source was retired
/// meanwhile.
async fn pulled(
    slot: &Slot,
    shared: &Shared,
    cursor: String,
    now: Millis,
) -> Option<Result<Pulled, PullError>> {
    let time_limit = shared.pull.load().time_limit;
    let (puller, progress) = (slot.puller.clone(), slot.progress.clone());
    let task = tokio::spawn(async move { puller.pull(&cursor, now, &progress).await });
    let mut task = AbortOnDropHandle::new(task);
    let ended = tokio::select! {
        ended = &mut task => ended.unwrap_or_else(|error| Err(broke_off(error))),
        () = tokio::time::sleep(time_limit) => Err(PullError::Ended(format!(
            "the pull ran longer than {time_limit:?} and was ended; raise pull.time_limit if it needs more"
        ))),
        () = slot.retired.cancelled() => {
            end(task).await;
            return None;
        }
    };
    end(task).await;
    Some(ended)
}

/// Returns when nothing of the task runs any more.
async fn end(mut task: AbortOnDropHandle<Result<Pulled, PullError>>) {
    if !task.is_finished() {
        task.abort();
        // However it ends, it has ended.
        let _ = (&mut task).await;
    }
}

fn broke_off(error: JoinError) -> PullError {
    let why = match error.try_into_panic() {
        Ok(panic) => panic_text(&panic),
        Err(error) => error.to_string(),
    };
    PullError::Ended(format!("the pull broke off, which is a fault of jarshy: {why}"))
}

fn panic_text(panic: &Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}

fn later(at: Millis, wait: Duration) -> Millis {
    at.plus(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(TEXT_CHARS_MAX).map(plain).collect()
}
