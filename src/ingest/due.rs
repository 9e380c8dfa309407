//! Publishes what is due: scheduled articles whose time has come, embargoes that are over.
//!
//! Sleeps until the next due time or until an article changes, since a new one may be due sooner.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Intake;
use crate::{clock::Clock, model::Millis, store::DbError};

/// After a failure of the store it is tried again this much later.
const RETRY_MILLIS: i64 = 5_000;

/// Runs until `stop`; `revisions` tells of changes.
pub async fn run(
    intake: Intake,
    mut revisions: watch::Receiver<i64>,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        revisions.borrow_and_update();
        let next = match run_once(&intake).await {
            Ok((_, next)) => next,
            Err(error) => {
                tracing::error!(%error, "scheduled articles could not be published");
                Some(clock.now().plus(RETRY_MILLIS))
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(&clock, next) => {}
            changed = revisions.changed() => if changed.is_err() { return },
        }
    }
}

/// Publishes what is due now; answers how many, and when the next one is due.
pub async fn run_once(intake: &Intake) -> Result<(usize, Option<Millis>), DbError> {
    let (released, next) = intake.release_due().await?;
    if released > 0 {
        tracing::info!(released, "articles became public because their time came");
    }
    Ok((released, next))
}

async fn sleep_until(clock: &Clock, at: Option<Millis>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
