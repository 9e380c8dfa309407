//! A source of whatever kind, ready to be pulled.

use super::{
    feed::FeedPuller,
    pull::{Progress, PullError, Pulled},
    table::Parts,
};
use crate::{
    config::{SourceConfig, SourceKind},
    ingest::wordpress::WordPress,
    model::Millis,
};

/// A source of whatever kind.
pub(super) enum Puller {
    Feed(Box<FeedPuller>),
    WordPress(Box<WordPress>),
}

impl Puller {
    pub(super) fn new(config: &SourceConfig, parts: &Parts) -> Puller {
        let Parts { store, intake, outbound, .. } = parts.clone();
        match &config.kind {
            SourceKind::WordPress(source) => {
                Puller::WordPress(Box::new(WordPress::new(source, outbound, intake, store)))
            }
            SourceKind::Feed(source) => {
                let feed = FeedPuller::new(source, config.every, outbound, intake, store);
                Puller::Feed(Box::new(feed))
            }
        }
    }

    /// One pull that goes on from `cursor`.
    pub(super) async fn pull(
        &self,
        cursor: &str,
        now: Millis,
        progress: &Progress,
    ) -> Result<Pulled, PullError> {
        match self {
            Puller::Feed(feed) => feed.pull(cursor, now, progress).await,
            Puller::WordPress(site) => site.pull(cursor, now, progress).await,
        }
    }
}
