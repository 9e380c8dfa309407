//! A source of whatever kind, ready to be pulled.

use std::time::Duration;

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
    /// With the time from one pull to the next: it may want to be asked sooner, never later.
    WordPress(Box<WordPress>, Duration),
}

impl Puller {
    pub(super) fn new(config: &SourceConfig, parts: &Parts) -> Puller {
        let Parts { store, intake, outbound, .. } = parts.clone();
        match &config.kind {
            SourceKind::WordPress(source) => {
                let site = WordPress::new(source, outbound, intake, store);
                Puller::WordPress(Box::new(site), config.every)
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
            Puller::WordPress(site, every) => {
                let pulled = site.pull(cursor, now, progress).await?;
                Ok(Pulled { next: pulled.next.map(|next| next.min(*every)), ..pulled })
            }
        }
    }
}
