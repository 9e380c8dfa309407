//! Articles pulled from a WordPress site by its REST API.
//!
//! Three movements, each in small steps that go on where the last one ended: a first walk over all
//! posts, polls for what changed (one request when nothing did), and now and then a reconciliation of
//! ids, because WordPress tells nobody what it deleted. Walks list ids and times; only posts that are
//! other than what stands here are fetched whole. Refuses to believe credentials before WordPress
//! has confirmed them: wrong ones are silently served as nobody's.

mod api;
mod candidate;
mod cursor;
mod due;
mod excerpt;
mod fetch;
mod names;
mod post;
mod reconcile;
mod scope;
mod sound;
mod walk;

use std::{collections::HashSet, time::Duration};

use http::HeaderValue;
use tokio::sync::Mutex;

use self::{
    api::{Answer, Api},
    cursor::Cursor,
    names::Names,
    scope::Scope,
};
use super::{
    Intake, Origin,
    source::pull::{Counts, Progress, PullError, Pulled},
};
use crate::{
    config::WordPressSource,
    model::Millis,
    outbound::Outbound,
    store::{Held, Store},
};

/// While a reconciliation goes on, changes are asked for this often.
const POLL_WITHIN_MILLIS: i64 = 60_000;
/// A page within one second begins with the last post of the one before; one more must fit.
const PAGE_SIZE_MIN: usize = 2;
/// WordPress refuses to list more at once.
const PAGE_SIZE_MAX: usize = 100;
/// Notes of one pull that are told.
const NOTES_MAX: usize = 3;

/// A WordPress site as a source of articles.
#[derive(Debug)]
pub struct WordPress {
    outbound: Outbound,
    intake: Intake,
    store: Store,
    settings: WordPressSource,
    /// `wordpress:PREFIX`, beside the importer's `wxr:PREFIX`.
    origin_name: String,
    importer_name: String,
    origin: Origin,
    memory: Mutex<Memory>,
}

/// What is known until the daemon stops.
#[derive(Debug, Default)]
struct Memory {
    /// `None` until WordPress has confirmed who asks.
    scope: Option<Scope>,
    authorization: Option<HeaderValue>,
    /// Post types whose unpublished posts the user may not list.
    public_only: HashSet<String>,
    names: Names,
    /// Posts whose answers broke once.
    failed: HashSet<u64>,
    /// The API was not where it used to be.
    is_lost: bool,
}

impl WordPress {
    /// A source; asks nobody yet.
    pub fn new(
        settings: &WordPressSource,
        outbound: Outbound,
        intake: Intake,
        store: Store,
    ) -> WordPress {
        let origin_name = format!("wordpress:{}", settings.prefix);
        WordPress {
            origin: Origin::Source { name: origin_name.clone() },
            importer_name: format!("wxr:{}", settings.prefix),
            settings: settings.clone(),
            memory: Mutex::default(),
            origin_name,
            outbound,
            intake,
            store,
        }
    }

    /// One step of pulling: goes on from `cursor` (empty at first) and says where the next one goes
    /// on, and whether it should come at once. An error leaves the cursor as it was; articles that
    /// were taken before it stay and are recognised the next time.
    pub async fn pull(
        &self,
        cursor: &str,
        now: Millis,
        progress: &Progress,
    ) -> Result<Pulled, PullError> {
        let mut memory = self.memory.lock().await;
        let mut cursor = Cursor::read(cursor);
        if std::mem::take(&mut memory.is_lost) {
            cursor.root.clear();
        }
        let api = Api {
            outbound: &self.outbound,
            settings: &self.settings,
            root: std::mem::take(&mut cursor.root),
            authorization: memory.authorization.clone(),
            requests: 0,
        };
        let (counts, notes) = (Counts::default(), Vec::new());
        let mut run = Run {
            source: self,
            memory: &mut memory,
            cursor,
            api,
            now,
            progress,
            counts,
            notes,
            walked_to: 0,
        };
        let result = run.step().await;
        if matches!(
            result,
            Err(PullError::Answer { status: 404, .. }
                | PullError::Content(_)
                | PullError::Unauthorized(_))
        ) {
            run.memory.is_lost = true;
        }
        let more = result?;
        let next = run.next_due().await?;
        Ok(run.pulled(more, next))
    }

    /// Who may have brought an article of ours: this source, or an import of the same site.
    fn sources(&self) -> [&str; 2] {
        [&self.origin_name, &self.importer_name]
    }

    fn is_ours(&self, held: &Held) -> bool {
        held.source.as_deref().is_some_and(|source| self.sources().contains(&source))
    }

    fn post_id(&self, held: &Held) -> Option<u64> {
        reconcile::post_id(&self.settings.prefix, &held.id)
    }
}

/// One pull.
struct Run<'a> {
    source: &'a WordPress,
    memory: &'a mut Memory,
    cursor: Cursor,
    api: Api<'a>,
    now: Millis,
    progress: &'a Progress,
    counts: Counts,
    notes: Vec<String>,
    /// Where a walk that ended has come to, in seconds.
    walked_to: i64,
}

impl Run<'_> {
    /// Does the next thing; answers whether more is to be done at once.
    async fn step(&mut self) -> Result<bool, PullError> {
        self.find_site().await?;
        self.confirm_credentials().await?;
        self.ask_due().await?;
        let is_reconciling = self.cursor.reconcile.is_some();
        if is_reconciling && self.cursor.since_poll(self.now) < POLL_WITHIN_MILLIS {
            self.reconcile().await?;
            return Ok(self.cursor.reconcile.is_some());
        }
        if self.poll().await? {
            return Ok(true);
        }
        self.cursor.polled_at = self.now.0;
        if !is_reconciling && self.reconcile_is_due() {
            self.begin_reconcile().await?;
        }
        Ok(self.cursor.reconcile.is_some())
    }

    fn reconcile_is_due(&self) -> bool {
        let every = i64::try_from(self.source.settings.reconcile_every.as_millis());
        let next = Millis(self.cursor.reconciled_at).plus(every.unwrap_or(i64::MAX));
        self.now >= next
    }

    /// One page of what changed, of each post type; answers whether there is more. Who does not see
    /// scheduled posts asks for the newest every other time, and when called early for both.
    async fn poll(&mut self) -> Result<bool, PullError> {
        let (mut more, mut newest) = (false, false);
        let is_walking = self.cursor.marks.values().any(|mark| mark.walk.is_some());
        let is_early = !is_walking && self.cursor.begin_poll(self.now);
        for kind in &self.source.settings.types {
            let mut mark = self.cursor.marks.get(kind).cloned().unwrap_or_default();
            let settled = mark.walk.is_none() && mark.high.is_some() && !self.sees_all(kind);
            if settled && (is_early || self.cursor.newest_next) {
                self.newest(kind).await?;
                if !is_early {
                    newest = true;
                    continue;
                }
            }
            let walk = mark.walk.take().unwrap_or_else(|| mark.begin(self.now));
            mark.walk = self.walk_page(kind, &walk).await?;
            if mark.walk.is_none() {
                mark.end(self.walked_to, self.now);
            }
            more |= mark.walk.is_some();
            self.cursor.marks.insert(kind.clone(), mark);
        }
        self.cursor.newest_next = !newest;
        Ok(more)
    }

    fn page_size(&self) -> usize {
        self.source.settings.page_size.clamp(PAGE_SIZE_MIN, PAGE_SIZE_MAX)
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        }
    }

    fn pulled(mut self, more: bool, next: Option<Duration>) -> Pulled {
        if self.cursor.left > 0 {
            let left = self.cursor.left;
            self.notes.push(format!(
                "{left} articles are of types that the source's `types` name no longer: they stay as they are"
            ));
        }
        self.cursor.root = self.api.root;
        Pulled {
            cursor: self.cursor.to_text(),
            outcome: self.counts,
            requests: self.api.requests,
            more,
            next,
            note: Some(self.notes.join("; ")).filter(|note| !note.is_empty()),
        }
    }
}
