//! Looking at what no event tells: other processes' writes, and the room on the disk.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{metrics::Metrics, store::Store};

/// `jarshy import` beside the daemon is noticed within this time.
const LOOK_EVERY: Duration = Duration::from_millis(300);
const MEASURE_EVERY: Duration = Duration::from_secs(15);

/// Announces revisions that another process wrote.
pub async fn follow_other_processes(store: Store, metrics: Arc<Metrics>, stop: CancellationToken) {
    while sleep(LOOK_EVERY, &stop).await {
        if let Err(error) = store.look_for_changes().await {
            tracing::warn!(%error, "the article database could not be read");
            metrics.store_errors.inc();
        }
    }
}

/// Keeps `data_free_bytes` true.
pub async fn measure_disk(data: PathBuf, metrics: Arc<Metrics>, stop: CancellationToken) {
    loop {
        match rustix::fs::statvfs(&data) {
            Ok(disk) => metrics.data_free_bytes.set((disk.f_bavail * disk.f_frsize) as i64),
            Err(error) => tracing::warn!(%error, "the room on the disk cannot be measured"),
        }
        if !sleep(MEASURE_EVERY, &stop).await {
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
