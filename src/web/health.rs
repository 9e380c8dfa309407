//! For those who watch: `/metrics`, `/healthz`, `/readyz`. No token is needed; the listener is not
//! for the world.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Json, Response},
};
use serde_json::json;

use super::{Api, Problem};
use crate::store::{RoomLevel, damaged_files};

/// Prometheus text format 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The job that looks for damage.
const CHECK: &str = "check-databases";

/// All metrics.
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let page = api.metrics.render().map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written")
    })?;
    Ok(([(header::CONTENT_TYPE, EXPOSITION)], page).into_response())
}

/// The process is alive.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// The daemon can do all it promises; if not, 503 with the reasons. Warnings are what an operator
/// should see to while it still can.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let (reasons, warnings) = (reasons(&api).await, warnings(&api).await);
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let told = json!({ "ready": reasons.is_empty(), "reasons": reasons, "warnings": warnings });
    (status, Json(told)).into_response()
}

/// The reasons why the daemon cannot do all it promises, each a sentence that an operator can act on;
/// none when it can.
async fn reasons(api: &Api) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Err(error) = api.store.look_for_changes().await {
        reasons.push(format!(
            "the article database cannot be read: {error}; look at the disk, and restore a backup if it is damaged"
        ));
    }
    if let Some(error) = api.store.write_fault() {
        reasons.push(format!("articles are refused, jarshy.db cannot be written: {error}"));
    }
    if let Some(error) = api.publisher.fault() {
        reasons.push(format!(
            "publishing cannot do all of its work, the article database fails: {error}; look at the disk"
        ));
    }
    reasons.extend(room_reason(api));
    if api.views.has_stopped() {
        reasons.push("views are refused, their writer has ended: restart jarshy and report it, its log says why".to_owned());
    } else if api.views.is_failing() {
        reasons.push("views are refused, views.db cannot be written: look at the disk".to_owned());
    }
    for job in api.jobs.list().into_iter().filter(|job| job.name == CHECK) {
        let failed = job.last.filter(|run| run.result.as_deref() == Some("failure"));
        reasons.extend(failed.and_then(|run| run.note).map(|note| {
            format!("the last look through the databases failed: {note}; when that is done, POST /api/v1/jobs/{CHECK}/run")
        }));
    }
    for feed in api.publisher.feeds().iter() {
        if let Some((at, why)) = &feed.failure {
            let (slug, at) = (&feed.slug, at.to_rfc3339());
            reasons.push(format!("feed {slug} was last not generated at {at}: {why}"));
        }
    }
    reasons
}

fn room_reason(api: &Api) -> Option<String> {
    let mib = api.store.room().free() >> 20;
    let refused = match api.store.room().level() {
        RoomLevel::Plenty | RoomLevel::Low => return None,
        RoomLevel::ReadOnly => "articles are refused",
        RoomLevel::Reserve => "articles and views are refused",
    };
    Some(format!(
        "read-only: {mib} MiB are left on the disk, less than store.free_bytes_min; {refused} until there is more"
    ))
}

/// What goes on as long as nobody does anything, and should not.
async fn warnings(api: &Api) -> Vec<String> {
    let mut warnings = Vec::new();
    if api.store.room().level() == RoomLevel::Low {
        let mib = api.store.room().free() >> 20;
        warnings.push(format!(
            "{mib} MiB are left on the disk, less than store.free_bytes_warn: make room before articles are refused"
        ));
    }
    if let Some(why) = api.reload_fault.load_full() {
        warnings
            .push(format!("the last reload kept the old settings: {why}; mend them and reload"));
    }
    let room = api.store.room().clone();
    // Reading a folder may wait for the disk.
    let damaged = tokio::task::spawn_blocking(move || damaged_files(room.folder())).await;
    for file in damaged.unwrap_or_default() {
        warnings.push(format!(
            "{file} is a damaged database that was put aside; what could be read of it goes on: restore a backup if the numbers matter, then move the file away"
        ));
    }
    warnings
}
