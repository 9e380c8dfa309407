//! The jobs of a daemon as a whole: start, reload, tick, list, stop. How one of them runs is in
//! `slot.rs`.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono_tz::Tz;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Job, JobOutcome, JobState, JobsError, RunError, Ticked, UnknownJob,
    schedule::is_missed,
    slot::{Slot, own},
    ticks::{Post, Ticker},
};
use crate::{
    clock::Clock,
    store::{JobRun, Store},
};

/// How long a stop waits for jobs that run; whatever is cut off is caught up at the next start.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// The jobs of a daemon; a cheap handle.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) clock: Clock,
    time_limit: RwLock<Duration>,
    pub(super) observe: Box<dyn Fn(&JobOutcome) + Send + Sync>,
    table: RwLock<Table>,
    /// `None` with a manual clock: tests post the ticks.
    ticker: Option<Ticker>,
    tasks: TaskTracker,
    /// No new runs.
    stop: CancellationToken,
    /// No old ones either.
    pub(super) abandon: CancellationToken,
}

struct Table {
    zone: Tz,
    slots: BTreeMap<String, Arc<Slot>>,
}

impl Shared {
    pub(super) fn time_limit(&self) -> Duration {
        *self.time_limit.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    /// Starts a task for each job, catches up one missed run of those that want it, and lets the
    /// scheduler post ticks unless the clock is a manual one. `observe` is told of every outcome.
    pub async fn start(
        jobs: Vec<Job>,
        store: Store,
        clock: Clock,
        zone: Tz,
        time_limit: Duration,
        observe: impl Fn(&JobOutcome) + Send + Sync + 'static,
    ) -> Result<Jobs, JobsError> {
        let ticker = (!clock.is_manual()).then(Ticker::new);
        let table = RwLock::new(Table { zone, slots: BTreeMap::new() });
        let shared = Shared {
            store,
            clock,
            time_limit: RwLock::new(time_limit),
            observe: Box::new(observe),
            table,
            ticker,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            abandon: CancellationToken::new(),
        };
        let started = Jobs { shared: Arc::new(shared) };
        started.replace(jobs, zone).await?;
        Ok(started)
    }

    /// Another time limit, for runs that begin from now on.
    pub fn limit_time(&self, limit: Duration) {
        *self.shared.time_limit.write().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    /// Makes this the table of jobs. Jobs of a name that stays keep their state and finish their
    /// run; jobs that are gone finish theirs and end.
    pub async fn replace(&self, jobs: Vec<Job>, zone: Tz) -> Result<(), JobsError> {
        let mut names: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(JobsError::Twice(pair[0].clone()));
        }
        let mut runs = self.runs_of(&names).await?;
        let rows = self.lay_table(jobs, zone, &mut runs);
        if let Some(ticker) = &self.shared.ticker {
            ticker.set(zone, rows).await.map_err(|e| JobsError::Scheduler(e.to_string()))?;
        }
        Ok(())
    }

    /// What the store knows of these jobs; what it knows of others is forgotten.
    async fn runs_of(&self, names: &[String]) -> Result<BTreeMap<String, JobRun>, JobsError> {
        let runs = self.shared.store.job_runs().await?;
        let (runs, gone): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|run| names.binary_search(&run.job).is_ok());
        if !gone.is_empty() {
            let gone: Vec<_> = gone.into_iter().map(|run| run.job).collect();
            self.shared.store.forget_jobs(&gone).await?;
        }
        Ok(runs.into_iter().map(|run| (run.job.clone(), run)).collect())
    }

    fn lay_table(
        &self,
        jobs: Vec<Job>,
        zone: Tz,
        runs: &mut BTreeMap<String, JobRun>,
    ) -> Vec<(croner::Cron, Post)> {
        let mut table = self.shared.table.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut table.slots);
        let mut rows = Vec::new();
        for job in jobs {
            let slot = match old.remove(&job.name) {
                Some(slot) => {
                    slot.set_job(job.clone());
                    slot
                }
                None => self.open(job.clone(), zone, runs.remove(&job.name)),
            };
            rows.push((job.schedule, self.post(&slot)));
            table.slots.insert(job.name, slot);
        }
        table.zone = zone;
        old.into_values().for_each(|slot| slot.retire());
        rows
    }

    /// A new slot with its task.
    fn open(&self, job: Job, zone: Tz, last: Option<JobRun>) -> Arc<Slot> {
        let now = self.shared.clock.now();
        let missed = job.catch_up && is_missed(&job.schedule, zone, last.as_ref(), now);
        let slot = Arc::new(Slot::new(job, last, self.shared.stop.child_token()));
        if missed {
            slot.tick(&self.shared);
        }
        self.shared.tasks.spawn(own(slot.clone(), self.shared.clone()));
        slot
    }

    fn post(&self, slot: &Arc<Slot>) -> Post {
        let (slot, shared) = (slot.clone(), Arc::downgrade(&self.shared));
        Arc::new(move || {
            if let Some(shared) = shared.upgrade() {
                slot.tick(&shared);
            }
        })
    }

    fn slot(&self, name: &str) -> Result<Arc<Slot>, UnknownJob> {
        let table = self.shared.table.read().unwrap_or_else(PoisonError::into_inner);
        table.slots.get(name).cloned().ok_or_else(|| UnknownJob(name.to_owned()))
    }

    /// Posts a tick, as the scheduler does when the job is due; does not wait.
    pub fn tick(&self, name: &str) -> Result<Ticked, UnknownJob> {
        Ok(self.slot(name)?.tick(&self.shared))
    }

    /// Posts a tick and waits for the run that begins after it.
    pub async fn run_now(&self, name: &str) -> Result<JobOutcome, RunError> {
        let outcome = self.slot(name)?.ask()?;
        outcome.await.map_err(|_| RunError::Stopped)
    }

    /// All jobs by name, with what became of them.
    pub fn list(&self) -> Vec<JobState> {
        let now = self.shared.clock.now();
        let table = self.shared.table.read().unwrap_or_else(PoisonError::into_inner);
        table.slots.values().map(|slot| slot.shown(table.zone, now)).collect()
    }

    /// Posts no more ticks, waits a while for jobs that run, and cuts off the rest.
    pub async fn stop(&self) {
        if let Some(ticker) = &self.shared.ticker {
            ticker.stop().await;
        }
        self.shared.stop.cancel();
        self.shared.tasks.close();
        let wait = STOP_WAIT.min(self.shared.time_limit());
        if tokio::time::timeout(wait, self.shared.tasks.wait()).await.is_err() {
            self.shared.abandon.cancel();
            self.shared.tasks.wait().await;
        }
    }
}
