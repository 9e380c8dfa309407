//! Looking at what no event tells: other processes' writes, the end of a store's failure, and how many
//! articles there are.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::series::ArticleCounts;
use crate::{
    metrics::Metrics,
    store::{RoomLevel, Store},
    web::Api,
};

/// `jarshy import` beside the daemon is noticed within this time.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// Articles are counted anew at most this often while they change.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// The room on the disk is measured this often, and more often where it is low.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// See [`MEASURE_EVERY`].
const MEASURE_EVERY_LOW: Duration = Duration::from_secs(1);

/// Enters read-only mode in good time, and leaves it when there is room again.
pub async fn follow_room(parts: Arc<Api>, stop: CancellationToken) {
    loop {
        let room = parts.store.room().clone();
        // A disk that hangs must not hang the others.
        match tokio::task::spawn_blocking(move || room.measure()).await {
            Ok(Ok(_)) => tell_room(&parts),
            Ok(Err(error)) => tracing::warn!(%error, "the disk could not be measured"),
            Err(error) => tracing::error!(%error, "measuring the disk panicked"),
        }
        let is_low = parts.store.room().level() > RoomLevel::Plenty;
        let time = if is_low { MEASURE_EVERY_LOW } else { MEASURE_EVERY };
        if !sleep(time, &stop).await {
            return;
        }
    }
}

/// Tells what was measured to those who go by it.
pub fn tell_room(parts: &Api) {
    let room = parts.store.room();
    parts.metrics.data_free_bytes.set(i64::try_from(room.free()).unwrap_or(i64::MAX));
    parts.views.refuse_for_room(room.level() == RoomLevel::Reserve);
}

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
