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

/// Prometheus text format 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

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

/// The daemon can do all it promises; if not, 503 with the reasons.
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let reasons = reasons(&api).await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

/// The reasons why the daemon cannot do all it promises, each a sentence that an operator can act on;
/// none when it can.
async fn reasons(api: &Api) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Err(error) = api.store.look_for_changes().await {
        reasons.push(format!("the article database cannot be read: {error}"));
    }
    if let Some(error) = api.store.write_fault() {
        reasons.push(format!("articles are refused, jarshy.db cannot be written: {error}"));
    }
    if let Some(error) = api.publisher.fault() {
        reasons.push(format!(
            "publishing cannot do all of its work, the article database fails: {error}; look at the disk"
        ));
    }
    if api.views.is_failing() {
        reasons.push("views are refused, views.db cannot be written: look at the disk".to_owned());
    }
    for feed in api.publisher.feeds().iter() {
        if let Some((at, why)) = &feed.failure {
            let (slug, at) = (&feed.slug, at.to_rfc3339());
            reasons.push(format!("feed {slug} was last not generated at {at}: {why}"));
        }
    }
    reasons
}
