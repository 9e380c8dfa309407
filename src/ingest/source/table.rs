//! The sources of a daemon as a whole: start, reload, list, wake, stop. How one of them is pulled is
//! in `slot.rs`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use super::{
    SourceStatus, Tally,
    slot::{Slot, own},
};
use crate::{
    clock::Clock,
    config::{self, SourceConfig},
    ingest::Intake,
    outbound::Outbound,
    store::{DbError, SourceState, Store},
};

/// What pulling needs, shared by cloning.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where it is kept how far a source is.
    pub store: Store,
    /// The door by which articles come in.
    pub intake: Intake,
    /// The way out.
    pub outbound: Outbound,
    /// Says when a pull is due.
    pub clock: Clock,
}

/// The sources of a daemon; a cheap handle.
#[derive(Clone)]
pub struct Sources {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) parts: Parts,
    pub(super) pull: ArcSwap<config::Pull>,
    pub(super) stop: CancellationToken,
    table: Mutex<Table>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Table {
    /// In the order of the settings.
    slots: Vec<Arc<Slot>>,
    /// Sources that the settings do not have now: they go on there when they come back.
    resting: HashMap<String, SourceState>,
}

/// No source has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no source `{0}`; the settings declare them in [[sources]]")]
pub struct UnknownSource(pub String);

impl Sources {
    /// Starts a task for each source; each goes on where it was.
    pub async fn start(
        parts: Parts,
        sources: &[SourceConfig],
        pull: &config::Pull,
    ) -> Result<Sources, DbError> {
        let kept = parts.store.source_states().await?;
        let resting = kept.into_iter().map(|state| (state.name.clone(), state)).collect();
        let shared = Shared {
            parts,
            pull: ArcSwap::from_pointee(pull.clone()),
            stop: CancellationToken::new(),
            table: Mutex::new(Table { slots: Vec::new(), resting }),
            tasks: TaskTracker::new(),
        };
        let started = Sources { shared: Arc::new(shared) };
        started.lay_table(sources, Vec::new(), HashMap::new());
        Ok(started)
    }

    /// Follows other settings: sources that stay as they are go on, those that changed are asked at
    /// once, those that are gone end.
    pub async fn reload(&self, sources: &[SourceConfig], pull: &config::Pull) {
        self.shared.pull.store(Arc::new(pull.clone()));
        // The old ones stand until the new ones do: a ping meanwhile finds those that stay.
        let slots = self.lock().slots.clone();
        let (staying, leaving): (Vec<_>, Vec<_>) =
            slots.into_iter().partition(|slot| sources.contains(slot.config()));
        let mut tallies = HashMap::new();
        for slot in leaving {
            slot.retire().await;
            let (mut state, tally) = slot.left();
            // A changed source is asked at once, however long it was to be left alone.
            state.due_at = None;
            state.is_gone = false;
            tallies.insert(state.name.clone(), tally);
            self.lock().resting.insert(state.name.clone(), state);
        }
        self.lay_table(sources, staying, tallies);
    }

    /// Makes these the sources; `staying` run already.
    fn lay_table(
        &self,
        sources: &[SourceConfig],
        mut staying: Vec<Arc<Slot>>,
        mut tallies: HashMap<String, Tally>,
    ) {
        let mut table = self.lock();
        let mut slots = Vec::with_capacity(sources.len());
        for config in sources {
            let slot = match staying.iter().position(|slot| slot.config() == config) {
                Some(at) => {
                    let slot = staying.swap_remove(at);
                    slot.look_again();
                    slot
                }
                None => {
                    let kept = table.resting.remove(&config.name);
                    let tally = tallies.remove(&config.name).unwrap_or_default();
                    self.open(config, kept, tally)
                }
            };
            slots.push(slot);
        }
        table.slots = slots;
    }

    /// A new slot with its task.
    fn open(&self, config: &SourceConfig, kept: Option<SourceState>, tally: Tally) -> Arc<Slot> {
        let now = self.shared.parts.clock.now();
        let identity = config.identity();
        let kept = match kept {
            Some(kept) if kept.identity == identity => {
                let due_at = kept.due_at.or((!kept.is_gone).then_some(now));
                // `every` may be shorter now than it was; only failures put a source off longer.
                let usual = now.plus(i64::try_from(config.every.as_millis()).unwrap_or(i64::MAX));
                let due_at = due_at.map(|d| if kept.failures == 0 { d.min(usual) } else { d });
                SourceState { due_at, ..kept }
            }
            _ => SourceState {
                name: config.name.clone(),
                identity,
                due_at: Some(now),
                ..SourceState::default()
            },
        };
        let slot = Arc::new(Slot::new(config.clone(), kept, tally, &self.shared));
        self.shared.tasks.spawn(own(slot.clone(), self.shared.clone()));
        slot
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.shared.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All sources in the order of the settings, with what became of them.
    pub fn list(&self) -> Vec<SourceStatus> {
        self.lock().slots.iter().map(|slot| slot.shown()).collect()
    }

    /// Lets a pull begin at once, whatever the source wants; does not wait for it.
    pub fn pull_now(&self, name: &str) -> Result<(), UnknownSource> {
        let table = self.lock();
        let slot = table.slots.iter().find(|slot| slot.config().name == name);
        slot.ok_or_else(|| UnknownSource(name.to_owned()))?.ask();
        Ok(())
    }

    /// Somebody says that this site has something new: wakes the sources that are there, at most one
    /// pull each within `pull.ping_interval`. Answers how many. Nothing is ever asked at `site`.
    pub fn ping(&self, site: &Url) -> usize {
        let table = self.lock();
        let is_there = |slot: &&Arc<Slot>| is_same_site(slot.config().url().as_str(), site);
        table.slots.iter().filter(is_there).map(|slot| slot.ping()).count()
    }

    /// Ends every pull and begins no other.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

/// The same host and port; `http` and `https` on their own ports are one site, as a CMS behind a proxy
/// often names itself by the other one.
fn is_same_site(source: &str, site: &Url) -> bool {
    let Ok(source) = Url::parse(source) else { return false };
    // `port` is none where it is the scheme's own.
    source.host() == site.host() && source.port() == site.port()
}
