//! The cron scheduler, which only posts ticks. It does no work, and it does not decide when: the
//! scheduler keeps the offset that a zone had when a job was made, so [`InZone`] sets each next tick
//! with [`next_due`] in the real zone. Its own job type panics for good when a plain closure does and
//! runs beside itself; here it gets one closure that cannot panic and returns at once.

use std::{
    collections::HashMap,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use tokio_cron_scheduler::{
    Job as ScheduledJob, JobScheduler, JobSchedulerError, MetaDataStorage, SimpleJobCode,
    SimpleMetadataStore, SimpleNotificationCode, SimpleNotificationStore,
    job::job_data::{JobAndNextTick, JobStoredData},
    store::{DataStore, InitStore},
};
use uuid::Uuid;

use super::schedule::next_due;
use crate::model::Millis;

/// What the scheduler is told; [`InZone`] knows better.
const ANY_SCHEDULE: &str = "0 0 0 * * *";
/// A channel that is too short loses ticks of jobs that are due together.
const CHANNEL_PER_JOB: usize = 4;
/// So that a reload with a few more feeds needs no new scheduler.
const CHANNEL_MIN: usize = 256;

/// Posts one tick; returns at once and never panics.
pub(super) type Post = Arc<dyn Fn() + Send + Sync>;
/// Which schedule a job of the scheduler really has.
type Plan = Arc<Mutex<HashMap<Uuid, (Cron, Tz)>>>;

/// A running scheduler.
pub(super) struct Ticker {
    current: tokio::sync::Mutex<Option<Scheduler>>,
}

struct Scheduler {
    scheduler: JobScheduler,
    plan: Plan,
    channel: usize,
}

impl Ticker {
    pub(super) fn new() -> Ticker {
        Ticker { current: tokio::sync::Mutex::new(None) }
    }

    /// From now on these schedules, and no others, post ticks.
    pub(super) async fn set(
        &self,
        zone: Tz,
        rows: Vec<(Cron, Post)>,
    ) -> Result<(), JobSchedulerError> {
        let mut current = self.current.lock().await;
        let needed = rows.len() * CHANNEL_PER_JOB;
        let kept = match current.take() {
            Some(old) if old.channel >= needed => Some(old),
            Some(mut old) => {
                old.scheduler.shutdown().await?;
                None
            }
            None => None,
        };
        let scheduler = match kept {
            Some(scheduler) => scheduler,
            None => Scheduler::start(needed.max(CHANNEL_MIN)).await?,
        };
        scheduler.replace(zone, rows).await?;
        *current = Some(scheduler);
        Ok(())
    }

    /// Posts no more ticks.
    pub(super) async fn stop(&self) {
        if let Some(mut scheduler) = self.current.lock().await.take()
            && let Err(error) = scheduler.scheduler.shutdown().await
        {
            tracing::warn!(%error, "the scheduler did not stop");
        }
    }
}

impl Scheduler {
    async fn start(channel: usize) -> Result<Scheduler, JobSchedulerError> {
        let plan = Plan::default();
        let storage = InZone { inner: SimpleMetadataStore::default(), plan: plan.clone() };
        let mut scheduler = JobScheduler::new_with_storage_and_code(
            Box::new(storage),
            Box::new(SimpleNotificationStore::default()),
            Box::new(SimpleJobCode::default()),
            Box::new(SimpleNotificationCode::default()),
            channel,
        )
        .await?;
        scheduler.init().await?;
        scheduler.start().await?;
        Ok(Scheduler { scheduler, plan, channel })
    }

    async fn replace(&self, zone: Tz, rows: Vec<(Cron, Post)>) -> Result<(), JobSchedulerError> {
        let old: Vec<Uuid> = lock(&self.plan).keys().copied().collect();
        for id in old {
            self.scheduler.remove(&id).await?;
            lock(&self.plan).remove(&id);
        }
        for (schedule, post) in rows {
            let job = ScheduledJob::new_async(ANY_SCHEDULE, move |_, _| {
                post();
                Box::pin(ready(()))
            })?;
            lock(&self.plan).insert(job.guid(), (schedule, zone));
            self.scheduler.add(job).await?;
        }
        Ok(())
    }
}

fn lock(plan: &Plan) -> std::sync::MutexGuard<'_, HashMap<Uuid, (Cron, Tz)>> {
    plan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The scheduler's own store, with every next tick set in the real zone.
struct InZone {
    inner: SimpleMetadataStore,
    plan: Plan,
}

impl InZone {
    fn next_tick(&self, job: Uuid, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let plan = lock(&self.plan);
        let (schedule, zone) = plan.get(&job)?;
        next_due(schedule, *zone, Millis(after.timestamp_millis())).map(Millis::utc)
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, JobSchedulerError>> + Send>>;

impl MetaDataStorage for InZone {
    fn list_next_ticks(&mut self) -> Answer<Vec<JobAndNextTick>> {
        self.inner.list_next_ticks()
    }

    fn set_next_and_last_tick(
        &mut self,
        job: Uuid,
        _fixed_offset: Option<DateTime<Utc>>,
        last_tick: Option<DateTime<Utc>>,
    ) -> Answer<()> {
        let next = self.next_tick(job, last_tick.unwrap_or_else(Utc::now));
        self.inner.set_next_and_last_tick(job, next, last_tick)
    }

    fn time_till_next_job(&mut self) -> Answer<Option<std::time::Duration>> {
        self.inner.time_till_next_job()
    }
}

impl DataStore<JobStoredData> for InZone {
    fn get(&mut self, id: Uuid) -> Answer<Option<JobStoredData>> {
        self.inner.get(id)
    }

    /// Asked once for each job, when it is added.
    fn add_or_update(&mut self, mut job: JobStoredData) -> Answer<()> {
        if let Some(id) = job.id.as_ref().map(Uuid::from) {
            job.set_next_tick(self.next_tick(id, Utc::now()));
        }
        self.inner.add_or_update(job)
    }

    fn delete(&mut self, id: Uuid) -> Answer<()> {
        self.inner.delete(id)
    }
}

impl InitStore for InZone {
    fn init(&mut self) -> Answer<()> {
        self.inner.init()
    }

    fn inited(&mut self) -> Answer<bool> {
        self.inner.inited()
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::America::New_York;

    use super::*;

    /// The scheduler says 14:00Z, nine o'clock at the offset of winter; summer's is 13:00Z.
    #[tokio::test]
    async fn the_next_tick_follows_the_zone_over_a_change_of_clocks() {
        let plan = Plan::default();
        let mut store = InZone { inner: SimpleMetadataStore::default(), plan: plan.clone() };
        let job = ScheduledJob::new_async(ANY_SCHEDULE, |_, _| Box::pin(ready(()))).unwrap();
        let id = job.guid();
        lock(&plan).insert(id, ("0 9 * * *".parse().unwrap(), New_York));
        let time = |text| Millis::from_rfc3339(text).unwrap().utc();
        let mut job = job;
        store.add_or_update(job.job_data().unwrap()).await.unwrap();
        let eve = time("2026-03-07T14:00:00Z");
        let fixed_offset = time("2026-03-08T14:00:00Z");
        store.set_next_and_last_tick(id, Some(fixed_offset), Some(eve)).await.unwrap();
        let next = store.list_next_ticks().await.unwrap()[0].next_tick;
        assert_eq!(next as i64, time("2026-03-08T13:00:00Z").timestamp());
    }
}
