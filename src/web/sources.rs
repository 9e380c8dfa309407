//! The sources, and pulling one now: `GET /api/v1/sources`, `POST /api/v1/sources/{name}/pull`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, CanRead, CanWrite, NoQuery, Problem};
use crate::ingest::source::{SourceStatus, UnknownSource};

/// Every source, in the order of the settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sources {
    sources: Vec<SourceJson>,
}

/// A source as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Source)]
struct SourceJson {
    name: String,
    /// `wordpress` or `feed`.
    kind: &'static str,
    /// Without what may hold a key: `?…` stands for a query.
    url: String,
    /// When a pull last began.
    last_attempt_at: Option<String>,
    /// When a pull last ended well.
    last_success_at: Option<String>,
    /// When the next pull is due; missing for a source that is gone for good.
    due_at: Option<String>,
    running_since: Option<String>,
    /// How far the pull is that runs, or the last one, 0 to 1.
    progress: f64,
    /// Pulls that failed since the last success.
    failures: u64,
    /// Why the last pull failed; missing when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// What the owner of the settings should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// True when the source said that it is gone for good.
    gone: bool,
    /// HTTP requests since the start of the daemon.
    requests: u64,
    articles: ArticlesJson,
}

/// What became of articles since the start of the daemon.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourceArticles)]
struct ArticlesJson {
    created: u64,
    changed: u64,
    unchanged: u64,
    withdrawn: u64,
    refused: u64,
}

/// A pull that will begin.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SourcePull)]
pub(super) struct PullJson {
    name: String,
    /// Always true; how it ends stands in the source's state.
    accepted: bool,
}

impl From<SourceStatus> for SourceJson {
    fn from(status: SourceStatus) -> SourceJson {
        let (config, state, articles) = (status.config, status.state, status.tally.articles);
        SourceJson {
            kind: config.kind.as_str(),
            url: config.url().shown(),
            name: config.name,
            last_attempt_at: state.last_attempt_at.map(|at| at.to_rfc3339()),
            last_success_at: state.last_success_at.map(|at| at.to_rfc3339()),
            due_at: state.due_at.map(|at| at.to_rfc3339()),
            running_since: status.running_since.map(|at| at.to_rfc3339()),
            progress: status.progress,
            failures: state.failures,
            last_error: state.last_error,
            note: state.note,
            gone: state.is_gone,
            requests: status.tally.requests,
            articles: ArticlesJson {
                created: articles.created,
                changed: articles.changed,
                unchanged: articles.unchanged,
                withdrawn: articles.withdrawn,
                refused: articles.refused,
            },
        }
    }
}

/// The state of every source.
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", operation_id = "source_list",
    responses((status = 200, description = "Every source in the order of the settings", body = Sources)))]
pub(super) async fn list(State(api): State<Arc<Api>>, _: CanRead, _: NoQuery) -> Json<Sources> {
    Json(Sources { sources: api.sources.list().into_iter().map(SourceJson::from).collect() })
}

/// Pull a source now; does not wait for it.
#[utoipa::path(post, path = "/api/v1/sources/{name}/pull", tag = "sources", operation_id = "source_pull",
    params(("name" = String, Path, description = "The source")),
    responses((status = 202, description = "The pull begins at once", body = PullJson)))]
pub(super) async fn pull(
    State(api): State<Arc<Api>>,
    _: CanWrite,
    Path(name): Path<String>,
    _: NoQuery,
) -> Result<(StatusCode, Json<PullJson>), Problem> {
    api.sources.pull_now(&name)?;
    Ok((StatusCode::ACCEPTED, Json(PullJson { name, accepted: true })))
}

impl From<UnknownSource> for Problem {
    fn from(error: UnknownSource) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, error.to_string()).about("name")
    }
}
