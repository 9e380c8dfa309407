//! From changed articles to ready documents.
//!
//! [`Publisher`] is the handle that others hold; [`Rounds`] does the work in one task of its own. A
//! round reads what changed since the last one, moves entries, and makes the documents of the feeds
//! it touched. Changes that arrive while it works are taken together by the next round. No request
//! ever renders, and nothing here calls upward.

pub mod against;
mod document;
mod encode;
mod generate;
mod lineup;
mod membership;
mod old_addresses;
mod once;
pub mod purge;
mod rounds;
mod shelf;
mod status;
mod takeover;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use document::{Document, Encoding, Parts, Variant, http_date};
pub use encode::{brotli, gzip};
pub use once::{OnceError, render_once};
pub use purge::Purges;
pub use rounds::Rounds;
pub use shelf::{Shelf, document_path};
pub use status::{DocumentStatus, FeedStatus};
pub use takeover::{Aliases, Moved};

use crate::{
    clock::Clock,
    config::{self, FeedConfig, FeedsAuto},
    metrics::Metrics,
    model::FeedSlug,
    store::{DbError, Store},
};

/// Requests to regenerate that wait for the next round at most.
const REQUESTS_MAX: usize = 1024;

/// The settings that publishing follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The publisher's site.
    pub site: config::Site,
    /// How the world sees us.
    pub public: config::Public,
    /// Bounds.
    pub publish: config::Publish,
    /// Declared feeds.
    pub feeds: Vec<FeedConfig>,
    /// Feeds that make themselves.
    pub auto: FeedsAuto,
    /// Telling the cache in front.
    pub purge: config::Purge,
    /// WordPress's addresses.
    pub takeover: config::Takeover,
}

impl From<&config::Config> for Settings {
    fn from(config: &config::Config) -> Settings {
        Settings {
            site: config.site.clone(),
            public: config.public.clone(),
            publish: config.publish.clone(),
            feeds: config.feeds.clone(),
            auto: config.feeds_auto.clone(),
            purge: config.purge.clone(),
            takeover: config.takeover.clone(),
        }
    }
}

/// Why a feed was not regenerated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegenerateError {
    /// No such feed.
    #[error("there is no feed `{0}`")]
    Unknown(String),
    /// The generation failed; the last good documents stay.
    #[error("the feed was not generated, its last good documents stay: {0}")]
    Failed(String),
    /// Too many requests wait, or the daemon is stopping.
    #[error("publishing is busy, try again in a moment")]
    Busy,
}

/// What others ask of publishing.
pub(crate) enum Request {
    /// Make a feed's documents anew and say how it went.
    Regenerate(FeedSlug, oneshot::Sender<Result<FeedStatus, RegenerateError>>),
    /// Follow these settings from now on.
    Reload(Box<Settings>, oneshot::Sender<Result<(), DbError>>),
}

/// The handle to publishing, shared by cloning.
#[derive(Clone, Debug)]
pub struct Publisher {
    shelf: Arc<Shelf>,
    board: Arc<ArcSwap<Vec<FeedStatus>>>,
    fault: Arc<ArcSwapOption<DbError>>,
    requests: mpsc::Sender<Request>,
    purges: Purges,
    rest: Arc<watch::Sender<bool>>,
}

impl Publisher {
    /// Loads what was kept, so that documents are ready before the first round.
    pub async fn load(
        store: Store,
        settings: Settings,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<(Publisher, Rounds), DbError> {
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        let publisher = Publisher {
            shelf: Arc::default(),
            board: Arc::default(),
            fault: Arc::default(),
            requests,
            purges: Purges::new(&settings, metrics.purges.clone()),
            rest: Arc::default(),
        };
        let rounds =
            Rounds::load(store, settings, metrics, clock, publisher.clone(), queue).await?;
        Ok((publisher, rounds))
    }

    /// The ready documents.
    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// What the cache in front is still to be told of.
    pub fn purges(&self) -> &Purges {
        &self.purges
    }

    /// The state of every feed, by slug.
    pub fn feeds(&self) -> Arc<Vec<FeedStatus>> {
        self.board.load_full()
    }

    /// Why the last round did not do all it had to; `None` when it did.
    pub fn fault(&self) -> Option<Arc<DbError>> {
        self.fault.load_full()
    }

    /// Returns when nothing is left to do: every feed is filled, and its documents are there in every
    /// encoding and kept.
    pub async fn at_rest(&self) {
        // The sender lives in `self`.
        let _ = self.rest.subscribe().wait_for(|at_rest| *at_rest).await;
    }

    /// Makes a feed's documents anew.
    pub async fn regenerate(&self, slug: &str) -> Result<FeedStatus, RegenerateError> {
        let unknown = || RegenerateError::Unknown(slug.chars().take(100).collect());
        let feed = FeedSlug::parse(slug).map_err(|_| unknown())?;
        let (answer, answered) = oneshot::channel();
        let request = Request::Regenerate(feed, answer);
        self.requests.try_send(request).map_err(|_| RegenerateError::Busy)?;
        answered.await.map_err(|_| RegenerateError::Busy)?
    }

    /// Follows other settings; feeds whose selection changed are filled in the background.
    pub async fn reload(&self, settings: Settings) -> Result<(), DbError> {
        let stopped = || DbError::Failed("publishing has stopped".into());
        let (answer, answered) = oneshot::channel();
        let request = Request::Reload(Box::new(settings), answer);
        self.requests.send(request).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Runs rounds until `stop`: one after each change of the store, each request, and each time at
/// which an entry's time ends.
pub async fn run(mut rounds: Rounds, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = rounds.run_once() => {}
        }
        let idle = rounds.is_idle();
        rounds.say_rest(idle);
        if idle {
            tokio::select! {
                () = stop.cancelled() => return,
                () = rounds.wait() => {}
            }
        }
    }
}
