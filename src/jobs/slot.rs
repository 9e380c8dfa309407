//! One job: an owned task that waits for ticks. It never runs beside itself; its panic or hang harms
//! no other; how a run ended is kept in the store. A tick that comes while it runs is remembered
//! once, further ones are dropped and counted.

use std::{
    any::Any,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono_tz::Tz;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Job, JobOutcome, JobResult, JobState, RunError, Ticked, run::Shared, schedule::next_due,
};
use crate::{
    model::Millis,
    store::{DbError, JobRun},
};

/// Requests that wait for the next run of one job.
const WAITERS_MAX: usize = 64;
/// Characters of a note.
const NOTE_CHARS_MAX: usize = 300;

/// One job and what became of it.
pub(super) struct Slot {
    state: Mutex<State>,
    wake: Notify,
    retired: CancellationToken,
}

struct State {
    job: Job,
    /// A run that is to begin, and who waits for its outcome.
    pending: Option<Vec<oneshot::Sender<JobOutcome>>>,
    running_since: Option<Millis>,
    dropped: u64,
    last: Option<JobRun>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job that waits for its first tick, until `retired`.
    pub(super) fn new(job: Job, last: Option<JobRun>, retired: CancellationToken) -> Slot {
        let state = State { job, pending: None, running_since: None, dropped: 0, last };
        Slot { state: Mutex::new(state), wake: Notify::new(), retired }
    }

    /// What the next run does.
    pub(super) fn set_job(&self, job: Job) {
        self.lock().job = job;
    }

    /// Lets a run that is under way end, and begins no other.
    pub(super) fn retire(&self) {
        self.retired.cancel();
    }

    /// The job as it stands.
    pub(super) fn shown(&self, zone: Tz, now: Millis) -> JobState {
        let state = self.lock();
        JobState {
            name: state.job.name.clone(),
            label: state.job.label,
            schedule: state.job.schedule.as_str().to_owned(),
            next_due: next_due(&state.job.schedule, zone, now),
            running_since: state.running_since,
            dropped_ticks: state.dropped,
            last: state.last.clone(),
        }
    }

    /// Lets a run begin; one that waits already is enough.
    pub(super) fn tick(&self, shared: &Shared) -> Ticked {
        let mut state = self.lock();
        if state.pending.is_some() {
            state.dropped += 1;
            let outcome = JobOutcome {
                name: state.job.name.clone(),
                label: state.job.label,
                result: JobResult::Skipped,
                seconds: 0.0,
                ended_at: shared.clock.now(),
                note: "a run waits already".into(),
            };
            drop(state);
            (shared.observe)(&outcome);
            return Ticked::Dropped;
        }
        state.pending = Some(Vec::new());
        let ticked =
            if state.running_since.is_some() { Ticked::Remembered } else { Ticked::Posted };
        drop(state);
        self.wake.notify_one();
        ticked
    }

    /// Joins the run that waits, or lets one wait.
    pub(super) fn ask(&self) -> Result<oneshot::Receiver<JobOutcome>, RunError> {
        let (answer, outcome) = oneshot::channel();
        let mut state = self.lock();
        // Asked under the lock: the task clears what waits after it was retired.
        if self.retired.is_cancelled() {
            return Err(RunError::Stopped);
        }
        let waiters = state.pending.get_or_insert_default();
        if waiters.len() >= WAITERS_MAX {
            return Err(RunError::Busy);
        }
        waiters.push(answer);
        drop(state);
        self.wake.notify_one();
        Ok(outcome)
    }

    /// Takes the run that waits.
    fn begin(&self, now: Millis) -> Option<(Job, Vec<oneshot::Sender<JobOutcome>>)> {
        let mut state = self.lock();
        let waiters = state.pending.take()?;
        state.running_since = Some(now);
        Some((state.job.clone(), waiters))
    }

    /// Remembers how a run ended.
    fn note_end(&self, started_at: Millis, outcome: &JobOutcome) {
        let mut state = self.lock();
        let success = outcome.result == JobResult::Success;
        if outcome.result != JobResult::Timeout {
            state.running_since = None;
        }
        let before = state.last.take().and_then(|run| run.last_success_at);
        state.last = Some(JobRun {
            job: outcome.name.clone(),
            started_at,
            ended_at: Some(outcome.ended_at),
            result: Some(outcome.result.as_str().to_owned()),
            note: Some(outcome.note.clone()),
            last_success_at: success.then_some(outcome.ended_at).or(before),
        });
    }
}

/// The task of one job: waits for a tick, runs, begins again; ends when the job is retired.
pub(super) async fn own(slot: Arc<Slot>, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            biased;
            () = slot.retired.cancelled() => break,
            () = slot.wake.notified() => {}
        }
        while !slot.retired.is_cancelled()
            && let Some((job, waiters)) = slot.begin(shared.clock.now())
        {
            run_once(&slot, &shared, job, waiters).await;
            slot.lock().running_since = None;
        }
    }
    // Whoever still waits is told that there will be no run.
    slot.lock().pending = None;
}

async fn run_once(
    slot: &Slot,
    shared: &Shared,
    job: Job,
    waiters: Vec<oneshot::Sender<JobOutcome>>,
) {
    let started_at = shared.clock.now();
    warn_of(&job.name, shared.store.job_started(&job.name, started_at).await);
    let (began, time_limit) = (Instant::now(), shared.time_limit());
    let work = job.run.clone();
    let mut task = tokio::spawn(async move { work().await });
    let (result, note) = tokio::select! {
        ended = &mut task => ended_as(ended),
        () = tokio::time::sleep(time_limit) => {
            task.abort();
            (JobResult::Timeout, format!("ran longer than {time_limit:?} and was ended"))
        }
        () = shared.abandon.cancelled() => return task.abort(),
    };
    let outcome = JobOutcome {
        name: job.name,
        label: job.label,
        result,
        seconds: began.elapsed().as_secs_f64(),
        ended_at: shared.clock.now(),
        note: one_line(&note),
    };
    keep(slot, shared, started_at, &outcome).await;
    (shared.observe)(&outcome);
    for waiter in waiters {
        // Whoever asked may have gone away.
        let _ = waiter.send(outcome.clone());
    }
    if result == JobResult::Timeout {
        // A run that blocks its thread is ended only when it lets go; until then it is running.
        tokio::select! {
            _ = &mut task => {}
            () = shared.abandon.cancelled() => {}
        }
    }
}

/// Keeps how a run ended, in the store and here, and says it in the log.
async fn keep(slot: &Slot, shared: &Shared, started_at: Millis, outcome: &JobOutcome) {
    let JobOutcome { name, note, ended_at, .. } = outcome;
    let (word, success) = (outcome.result.as_str(), outcome.result == JobResult::Success);
    warn_of(name, shared.store.job_ended(name, *ended_at, word, note, success).await);
    slot.note_end(started_at, outcome);
    match success {
        true => tracing::debug!(job = name, note, "job done"),
        false => tracing::warn!(job = name, result = word, note, "job failed"),
    }
}

/// A job runs even when the store cannot note it: it may be the one that makes room.
fn warn_of(job: &str, noted: Result<(), DbError>) {
    if let Err(error) = noted {
        tracing::warn!(job, %error, "the run of a job could not be noted");
    }
}

fn ended_as(ended: Result<anyhow::Result<String>, tokio::task::JoinError>) -> (JobResult, String) {
    match ended {
        Ok(Ok(note)) => (JobResult::Success, note),
        Ok(Err(error)) => (JobResult::Failure, format!("{error:#}")),
        Err(error) if error.is_panic() => (JobResult::Panic, panic_text(&error.into_panic())),
        Err(_) => (JobResult::Failure, "was ended from outside".into()),
    }
}

fn panic_text(panic: &Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panicked".into())
}

fn one_line(note: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    note.chars().take(NOTE_CHARS_MAX).map(plain).collect()
}
