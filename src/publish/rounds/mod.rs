//! The work of publishing, one round after another, in one task.
//!
//! A round never keeps a reader waiting: it follows the revision log and the time, makes what was
//! touched, and then, one small step a round, does what may wait: brotli, keeping documents, filling
//! feeds anew.

mod fill;
mod follow;
mod load;
mod produce;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};

use self::fill::Fill;
use super::{
    FeedStatus, Publisher, RegenerateError, Request, Settings, lineup::LiveFeed, membership::Scope,
};
use crate::{
    clock::Clock,
    metrics::Metrics,
    model::{FeedSlug, Millis},
    store::{DbError, Store},
};

/// After how long a failing store is tried again, unless something happens before.
const PAUSE: Duration = Duration::from_secs(1);

type Answer = oneshot::Sender<Result<FeedStatus, RegenerateError>>;

/// The state of publishing between two rounds.
pub struct Rounds {
    store: Store,
    settings: Settings,
    scope: Scope,
    metrics: Arc<Metrics>,
    clock: Clock,
    publisher: Publisher,
    requests: mpsc::Receiver<Request>,
    revisions: watch::Receiver<i64>,
    names: watch::Receiver<i64>,
    /// The old names that the feeds were made by.
    names_known: i64,
    /// The feeds that are served.
    feeds: BTreeMap<FeedSlug, LiveFeed>,
    statuses: BTreeMap<FeedSlug, FeedStatus>,
    /// How far the revision log has been read.
    cursor: i64,
    /// Entries whose time ended before this have been seen to.
    expired_until: Millis,
    next_expiry: Option<Millis>,
    touched: BTreeSet<FeedSlug>,
    asked: Vec<(FeedSlug, Answer)>,
    arrived: VecDeque<Request>,
    /// Feeds whose documents want brotli and keeping.
    unfinished: VecDeque<FeedSlug>,
    /// Feeds to be looked at once after a start or a reload, when there is time.
    stale: VecDeque<FeedSlug>,
    filling: Option<Fill>,
    failed: bool,
}

impl Rounds {
    /// One round. A failing store is logged, counted and told in readiness as long as it fails; the
    /// next round begins where this one failed.
    pub async fn run_once(&mut self) {
        let result = self.work().await;
        if let Err(error) = &result {
            tracing::error!(%error, "publishing stopped halfway, it goes on in a second");
            self.metrics.store_errors.inc();
        }
        self.failed = result.is_err();
        self.publisher.fault.store(result.err().map(Arc::new));
    }

    /// A step that fails keeps no other from its work; the answer is the first failure.
    async fn work(&mut self) -> Result<(), DbError> {
        self.take_requests().await;
        let waiting_since = self.store.take_waiting_since();
        let named = self.follow_names().await;
        let published =
            [self.follow_changes().await, self.follow_time().await, self.produce_touched().await];
        let published: Result<(), DbError> = published.into_iter().collect();
        if let Some(since) = waiting_since.filter(|_| published.is_ok()) {
            self.metrics.publish_to_ready.observe(since.elapsed().as_secs_f64());
        }
        let finished = self.finish_one().await;
        let filled = self.fill_one_page().await;
        self.touched.extend(self.stale.pop_front());
        named.and(published).and(finished).and(filled)
    }

    /// True when a feed of the settings has nothing to be served yet.
    pub fn misses_a_declared_feed(&self) -> bool {
        let shelf = self.publisher.shelf();
        self.settings.feeds.iter().any(|feed| shelf.feed(feed.slug.as_str()).is_none())
    }

    /// True when nothing can be done before something happens.
    pub fn is_idle(&self) -> bool {
        let done = self.cursor >= *self.revisions.borrow()
            && self.names_known == *self.names.borrow()
            && self.touched.is_empty()
            && self.unfinished.is_empty()
            && self.stale.is_empty()
            && self.filling.is_none();
        self.arrived.is_empty() && (done || self.failed)
    }

    /// Tells those who wait for it whether nothing is left to do.
    pub fn say_rest(&self, idle: bool) {
        self.publisher.rest.send_if_modified(|said| std::mem::replace(said, idle) != idle);
    }

    /// Returns when something happened: a change, a request, or an entry's end; or when it is time to
    /// try a failing store again.
    pub async fn wait(&mut self) {
        let (expiry, failed) = (self.next_expiry, self.failed);
        let clock = self.clock.clone();
        let end_of_an_entry = async {
            match expiry {
                _ if failed => tokio::time::sleep(PAUSE).await,
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives in the store, which we hold.
            _ = self.revisions.changed() => {}
            _ = self.names.changed() => {}
            Some(request) = self.requests.recv() => self.arrived.push_back(request),
            () = end_of_an_entry => {}
        }
    }

    async fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            self.arrived.push_back(request);
        }
        while let Some(request) = self.arrived.pop_front() {
            match request {
                Request::Regenerate(feed, answer) => self.ask(feed, answer),
                Request::Reload(settings, answer) => {
                    let result = self.reload(*settings).await;
                    // Whoever asked may have gone away; the settings hold all the same.
                    let _ = answer.send(result);
                }
            }
        }
    }

    fn ask(&mut self, feed: FeedSlug, answer: Answer) {
        if self.feeds.contains_key(&feed) {
            self.touched.insert(feed.clone());
            self.asked.push((feed, answer));
        } else {
            let _ = answer.send(Err(RegenerateError::Unknown(feed.to_string())));
        }
    }
}
