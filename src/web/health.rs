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
    let reasons = (api.reasons)().await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}
