//! The state of each feed, and making one anew: `GET /api/v1/feeds`,
//! `POST /api/v1/feeds/{slug}/regenerate`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, CanRead, CanWrite, NoQuery, Problem};
use crate::publish::{DocumentStatus, FeedStatus, RegenerateError};

/// Every feed, by slug.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Feeds {
    feeds: Vec<FeedJson>,
}

/// A feed as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Feed)]
pub(super) struct FeedJson {
    slug: String,
    title: String,
    /// True for a feed that made itself out of a section, language, tag or author.
    automatic: bool,
    /// Missing for a feed of mixed languages.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// Entries in its documents.
    entries: usize,
    /// Publication of the newest entry.
    newest_entry_at: Option<String>,
    /// When its documents were last made, or found to be the same.
    last_success_at: Option<String>,
    /// Why the last generation failed; missing when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureJson>,
    /// When its schedule next comes due.
    due_at: Option<String>,
    documents: Vec<DocumentJson>,
}

/// A generation that failed; the last good documents stay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
struct FailureJson {
    at: String,
    why: String,
}

/// A document as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Document)]
struct DocumentJson {
    /// `rss`, `atom` or `json`.
    format: &'static str,
    /// As it is.
    bytes: usize,
    bytes_gzip: usize,
    /// Missing until it is ready.
    bytes_brotli: Option<usize>,
    /// Of the document as it is.
    etag: String,
    /// When the bytes last changed.
    modified_at: String,
}

impl From<&FeedStatus> for FeedJson {
    fn from(status: &FeedStatus) -> FeedJson {
        let failure = status.failure.as_ref();
        FeedJson {
            slug: status.slug.to_string(),
            title: status.title.clone(),
            automatic: status.is_auto,
            language: status.language.clone(),
            entries: status.entries,
            newest_entry_at: status.newest_at.map(|at| at.to_rfc3339()),
            last_success_at: status.last_success_at.map(|at| at.to_rfc3339()),
            failure: failure.map(|(at, why)| FailureJson { at: at.to_rfc3339(), why: why.clone() }),
            due_at: status.due_at.map(|at| at.to_rfc3339()),
            documents: status.documents.iter().map(DocumentJson::from).collect(),
        }
    }
}

impl From<&DocumentStatus> for DocumentJson {
    fn from(status: &DocumentStatus) -> DocumentJson {
        DocumentJson {
            format: status.format.as_str(),
            bytes: status.bytes.0,
            bytes_gzip: status.bytes.1,
            bytes_brotli: status.bytes.2,
            etag: status.etag.clone(),
            modified_at: status.modified_at.to_rfc3339(),
        }
    }
}

/// The state of every feed.
#[utoipa::path(get, path = "/api/v1/feeds", tag = "feeds", operation_id = "feed_list",
    responses((status = 200, description = "Every feed by slug", body = Feeds)))]
pub(super) async fn list(State(api): State<Arc<Api>>, _: CanRead, _: NoQuery) -> Json<Feeds> {
    Json(Feeds { feeds: api.publisher.feeds().iter().map(FeedJson::from).collect() })
}

/// Make a feed's documents anew, and wait for it.
#[utoipa::path(post, path = "/api/v1/feeds/{slug}/regenerate", tag = "feeds", operation_id = "feed_regenerate",
    params(("slug" = String, Path, description = "The feed")),
    responses((status = 200, description = "Made, or found to be the same", body = FeedJson)))]
pub(super) async fn regenerate(
    State(api): State<Arc<Api>>,
    _: CanWrite,
    Path(slug): Path<String>,
    _: NoQuery,
) -> Result<Json<FeedJson>, Problem> {
    let status = api.publisher.regenerate(&slug).await?;
    Ok(Json(FeedJson::from(&status)))
}

impl From<RegenerateError> for Problem {
    fn from(error: RegenerateError) -> Problem {
        let detail = error.to_string();
        match error {
            RegenerateError::Unknown(_) => {
                Problem::new(StatusCode::NOT_FOUND, detail).about("slug")
            }
            RegenerateError::Failed(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
            RegenerateError::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                .with(header::RETRY_AFTER, HeaderValue::from_static("1")),
        }
    }
}
