//! Looking at what no event tells: other processes' writes, the end of a store's failure, and how many
//! articles there are.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::series::ArticleCounts;
use crate::{metrics::Metrics, store::Store};

/// `jarshy import` beside the daemon is noticed within this time.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Articles are counted anew at most this often while they change.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Announces revisions that another process wrote.
pub async fn follow_other_processes(store: Store, metrics: Arc<Metrics>, stop: CancellationToken) {
    while sleep(LOOK_EVERY, &stop).await {
        store.probe_after_fault().await;
        if let Err(error) = store.look_for_changes().await {
            tracing::warn!(%error, "the article database could not be read");
            metrics.store_errors.inc();
        }
    }
}

/// Keeps `store_articles` true.
pub async fn count_articles(
    counts: Arc<ArticleCounts>,
    store: Store,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut revisions = store.revisions();
    loop {
        revisions.mark_unchanged();
        if let Err(error) = counts.refresh(&store).await {
            tracing::warn!(%error, "the articles could not be counted");
            metrics.store_errors.inc();
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender lives in the store, which we hold.
            _ = revisions.changed() => {}
        }
        if !sleep(COUNT_EVERY, &stop).await {
            return;
        }
    }
}

/// False when it is time to stop.
async fn sleep(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
