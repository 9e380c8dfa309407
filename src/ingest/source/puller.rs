//! A source of whatever kind, ready to be pulled.

use super::{
    feed::FeedPuller,
    pull::{Progress, PullError, Pulled},
    table::Parts,
};
use crate::{
    config::{SourceConfig, SourceKind},
    model::Millis,
};

/// A source of whatever kind.
pub(super) enum Puller {
    Feed(FeedPuller),
    Unknown,
}

impl Puller {
    pub(super) fn new(config: &SourceConfig, parts: &Parts) -> Puller {
        let Parts { store, intake, outbound, .. } = parts.clone();
        match &config.kind {
            SourceKind::WordPress(_) => Puller::Unknown,
            SourceKind::Feed(source) => {
                Puller::Feed(FeedPuller::new(source, config.every, outbound, intake, store))
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
            Puller::Unknown => Err(PullError::Content("WordPress cannot be pulled yet".into())),
        }
    }
}
