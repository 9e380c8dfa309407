//! Counting views: hit → verdict → disk → count.
//!
//! A hit is judged on its way in as far as it can be ([`judge`]), waits in a queue for the writer's
//! next commit, and is answered when its verdict is on disk. It never asks the article store, and
//! no address and no User-Agent is kept or logged.

mod agents;
mod client;
mod counts;
mod hit;
mod idempotency;
mod judge;
mod names;
mod page;
mod parked;
mod queue;
mod repeat;
mod report;
mod roster;
mod rules;
mod tally;
mod writer;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use arc_swap::ArcSwap;
use chrono_tz::Tz;
use ipnet::IpNet;
use tokio::sync::{Semaphore, oneshot};

pub use self::{
    agents::Agents,
    client::client_address,
    counts::{NO_SECTION, OTHER_SECTIONS},
    hit::{Hit, HitHeaders, NotKept, Target},
    idempotency::{BadKey, IdempotencyKey},
    judge::{Named, OriginRules, judge},
    report::{Bucket, By, Report, Top},
    roster::Roster,
    writer::{OnCommit, WriterNumbers},
};
use self::{
    counts::Counts,
    idempotency::Keys,
    parked::Parked,
    queue::{Queue, Rare, Waiting},
    repeat::{Repeats, VisitorKeys},
    roster::Listed,
    rules::Rules,
    tally::Judged,
    writer::{Progress, Writer, WriterCounts},
};
use crate::{
    clock::Clock,
    config,
    model::{AgentClass, Channel, Millis, Verdict},
    store::{
        DbError, OpenError,
        views::{ViewLog, ViewReader, database_path},
    },
};

/// Reports read from the disk at the same time; more wait.
const REPORTS_AT_ONCE: usize = 2;

/// The number under a headline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Brought from the old system.
    pub carried_over: u64,
    /// Views counted here.
    pub counted: u64,
    /// Audited corrections.
    pub adjusted: i64,
    /// All of them.
    pub total: u64,
    /// When it was read.
    pub as_of: Millis,
}

/// Counting views, shared by cloning.
#[derive(Clone)]
pub struct Views(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    clock: Clock,
    agents: Agents,
    visitors: VisitorKeys,
    roster: Roster,
    counts: Arc<Counts>,
    queue: Arc<Queue>,
    rules: Arc<ArcSwap<Rules>>,
    writer_counts: Arc<WriterCounts>,
    reports: Semaphore,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// True while the disk has no room for hits.
    no_room: AtomicBool,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Views {
    /// Opens `views.db` in the data folder, folds what a crash left, and starts the writer's thread.
    /// `on_commit` is told how long each commit took.
    pub fn open(
        folder: &Path,
        settings: &config::Views,
        site_origins: &[String],
        trusted: Vec<IpNet>,
        busy_timeout: Duration,
        clock: Clock,
        on_commit: OnCommit,
    ) -> Result<Views, OpenError> {
        let failed = |why: String| OpenError::Failed { path: database_path(folder), why };
        fs::create_dir_all(folder).map_err(|e| failed(e.to_string()))?;
        let mut log = ViewLog::open(folder, busy_timeout)?;
        let queue: Arc<Queue> = Arc::default();
        let roster = Roster::new(queue.clone());
        let counts = Arc::new(Counts::default());
        let left = start(&mut log, &counts, &roster)
            .map_err(|e| OpenError::of(&database_path(folder), e))?;
        let rules = Arc::new(ArcSwap::from_pointee(Rules::new(settings, site_origins, trusted)));
        let shared = Shared {
            folder: folder.to_owned(),
            clock,
            agents: Agents::new().map_err(|e| failed(e.to_string()))?,
            visitors: VisitorKeys::random().map_err(|e| failed(e.to_string()))?,
            roster,
            counts,
            queue,
            rules,
            writer_counts: Arc::default(),
            reports: Semaphore::new(REPORTS_AT_ONCE),
            thread: Mutex::default(),
            no_room: AtomicBool::new(false),
        };
        let thread = shared.spawn(log, left, on_commit).map_err(|e| failed(e.to_string()))?;
        *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(Views(Arc::new(shared)))
    }

    /// The articles that may be viewed; somebody must let it [`Roster::follow`] the store.
    pub fn roster(&self) -> &Roster {
        &self.0.roster
    }

    /// Judges a hit and keeps its verdict; on disk when the future returns `Ok`. The hit counts even
    /// when the caller goes away meanwhile. It is judged at once: nothing of it has to wait.
    pub fn hit(
        &self,
        hit: Hit<'_>,
    ) -> impl Future<Output = Result<Verdict, NotKept>> + Send + use<> {
        let answered = self.0.enqueue(&hit).inspect_err(|why| {
            if *why == NotKept::Overflow {
                self.0.counts.overflowed();
            }
        });
        async { answered?.await.unwrap_or(Err(NotKept::Stopped)) }
    }

    /// What kind of program a request comes from, by its User-Agent.
    pub fn agent_class(&self, user_agent: Option<&[u8]>) -> AgentClass {
        self.0.agents.class(user_agent)
    }

    /// The number of an article, with every hit that was acknowledged; `None` for an unknown one.
    pub fn count(&self, id: &str) -> Option<Count> {
        let (number, carried_over) = self.0.roster.carried_over(id)?;
        let counted = self.0.counts.article(number);
        let (adjusted, as_of) = (0, self.0.clock.now());
        Some(Count { carried_over, counted, adjusted, total: carried_over + counted, as_of })
    }

    /// Takes new settings; a hit that waits is judged by the new window.
    pub fn reconfigure(
        &self,
        settings: &config::Views,
        site_origins: &[String],
        trusted: Vec<IpNet>,
    ) {
        self.0.rules.store(Arc::new(Rules::new(settings, site_origins, trusted)));
    }

    /// Hits by verdict, each verdict once.
    pub fn verdict_counts(&self) -> Vec<(Verdict, u64)> {
        self.0.counts.verdicts()
    }

    /// Views by section label and channel, every pair of them: at most `sections_max` labels of
    /// sections, [`NO_SECTION`] and [`OTHER_SECTIONS`].
    pub fn section_counts(&self, sections_max: usize) -> Vec<(String, Channel, u64)> {
        self.0.counts.sections(sections_max, &self.0.roster)
    }

    /// Sections that have no label of their own and share [`OTHER_SECTIONS`].
    pub fn sections_without_label(&self, sections_max: usize) -> usize {
        self.0.counts.sections_without_label(sections_max)
    }

    /// Commits that failed.
    pub fn commit_errors(&self) -> u64 {
        self.0.writer_counts.errors.load(Ordering::Relaxed)
    }

    /// True while `views.db` refuses hits, or their sums; it is tried anew every `fold_every`.
    pub fn is_failing(&self) -> bool {
        self.0.writer_counts.failing.load(Ordering::Relaxed)
    }

    /// Refuses hits from now on, or takes them again: the last room of the disk is for what was
    /// acknowledged before.
    pub fn refuse_for_room(&self, refuse: bool) {
        self.0.no_room.store(refuse, Ordering::Relaxed);
    }

    /// True when the thread that writes `views.db` has ended, which only a bug or a stop does.
    pub fn has_stopped(&self) -> bool {
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Visitor keys that were forgotten before their window ended, because there were more than
    /// `views.repeat_keys_max`.
    pub fn keys_forgotten_early(&self) -> u64 {
        self.0.writer_counts.forgotten_early.load(Ordering::Relaxed)
    }

    /// How many articles one question for counts may name.
    pub fn count_ids_max(&self) -> usize {
        self.0.rules.load().count_ids_max
    }

    /// True for an origin whose pages count, as a browser writes it in `Origin`.
    pub fn is_own_origin(&self, origin: &[u8]) -> bool {
        self.0.rules.load().judging.is_own(origin.trim_ascii())
    }

    /// What the writer says of itself.
    pub fn writer_numbers(&self) -> WriterNumbers {
        self.0.writer_counts.numbers()
    }

    /// Views of an article in the hours that begin within `from <= time < to`.
    pub async fn report(
        &self,
        id: &str,
        from: Millis,
        to: Millis,
        by: By,
        zone: Tz,
    ) -> Result<Report, DbError> {
        let id = id.to_owned();
        self.0.read(move |reader| report::report(reader, &id, (from, to), by, zone)).await
    }

    /// The `limit` most viewed articles of the last `window`, or of all time.
    pub async fn top(&self, limit: usize, window: Option<Duration>) -> Result<Top, DbError> {
        let now = self.0.clock.now();
        self.0.read(move |reader| report::top(reader, now, window, limit)).await
    }

    /// Answers the hits that wait, folds, and ends the thread. Later hits are refused.
    pub async fn stop(&self) {
        self.0.queue.close();
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && let Ok(Err(_)) = tokio::task::spawn_blocking(move || thread.join()).await
        {
            tracing::error!("the writer of views ended with a panic");
        }
    }
}

/// Folds what a crash left and loads the counts. Where the disk is full, what is left stays: it is
/// counted all the same, and folded later.
fn start(log: &mut ViewLog, counts: &Counts, roster: &Roster) -> Result<Left, DbError> {
    log.check()?;
    let unfolded = loop {
        match log.fold(0) {
            Ok(true) => {}
            Ok(false) => break false,
            Err(error @ (DbError::Full | DbError::Busy)) => {
                tracing::warn!("views are not folded yet: {error}");
                break true;
            }
            Err(error) => return Err(error),
        }
    };
    let mut loaded = log.load()?;
    let keys = Keys::load(std::mem::take(&mut loaded.keys));
    let parked = Parked::load(std::mem::take(&mut loaded.parked));
    counts.load(loaded, roster);
    let last = log.last_batch()?;
    let progress = Progress { tried: last, acknowledged: last, unfolded, ..Progress::default() };
    Ok(Left { keys, parked, progress })
}

/// What an earlier run left for the writer.
struct Left {
    keys: Keys,
    parked: Parked,
    progress: Progress,
}

impl Shared {
    fn spawn(&self, log: ViewLog, left: Left, on_commit: OnCommit) -> io::Result<JoinHandle<()>> {
        let writer = Writer {
            log,
            queue: self.queue.clone(),
            roster: self.roster.clone(),
            counts: self.counts.clone(),
            rules: self.rules.clone(),
            own_counts: self.writer_counts.clone(),
            on_commit,
            repeats: Repeats::default(),
            clock: self.clock.clone(),
            keys: left.keys,
            parked: left.parked,
            progress: left.progress,
        };
        thread::Builder::new().name("views-writer".into()).spawn(move || writer.run())
    }

    fn enqueue(
        &self,
        hit: &Hit<'_>,
    ) -> Result<oneshot::Receiver<Result<Verdict, NotKept>>, NotKept> {
        if self.no_room.load(Ordering::Relaxed) {
            return Err(NotKept::NoRoom);
        }
        let at = self.clock.now();
        let rules = self.rules.load();
        let named = self.roster.find(hit.target);
        let verdict = judge(&named, &hit.headers, &self.agents, &rules.judging);
        let article = if let Named::Known(article) = named { Some(article) } else { None };
        let parked = match (verdict, hit.target) {
            (Some(Verdict::Unknown), Target::Id(id)) if rules.parked_max > 0 => Some(Box::from(id)),
            _ => None,
        };
        let may_count = verdict.is_none() || parked.is_some();
        let visitor = (may_count && !hit.headers.is_private())
            .then(|| self.visitor(hit, article, &rules))
            .flatten();
        let (answer, answered) = oneshot::channel();
        let judged = Judged { article, channel: hit.channel, verdict };
        let key = hit.idempotency_key.as_ref().map(|key| key.hash(hit.target));
        let is_rare = key.is_some() || parked.is_some();
        let rare = is_rare.then(|| Box::new(Rare { key, parked }));
        self.queue.put(Waiting { at, judged, visitor, rare, answer }, rules.queue_max)?;
        Ok(answered)
    }

    /// The key of a visitor and the article, one that is known or one that may come.
    fn visitor(&self, hit: &Hit<'_>, article: Option<Listed>, rules: &Rules) -> Option<u64> {
        let address = client_address(hit.peer, hit.x_forwarded_for, hit.forwarded, &rules.trusted);
        let agent = hit.headers.user_agent.unwrap_or_default();
        let key = |id: &str| self.visitors.key(address, agent, id);
        match (hit.target, article) {
            (Target::Id(id), _) => Some(key(id)),
            (Target::Url(_), Some(article)) => Some(key(&self.roster.article_id(article.number))),
            (Target::Url(_), None) => None,
        }
    }

    /// Reads the database on a thread that may wait.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ViewReader) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let failed = |why: String| DbError::Failed(why);
        let _permit = self.reports.acquire().await.map_err(|e| failed(e.to_string()))?;
        let folder = self.folder.clone();
        let open_and_read = move || {
            let reader = ViewReader::open(&folder).map_err(|e| failed(e.to_string()))?;
            read(&reader)
        };
        tokio::task::spawn_blocking(open_and_read).await.map_err(|e| failed(e.to_string()))?
    }
}
