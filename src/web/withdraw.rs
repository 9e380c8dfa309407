//! The editor's button: an article is taken back or brought back with a reason, and the audit log
//! tells who did it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri},
    response::{Json, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, CanRead, CanWrite, NoQuery, Problem, Query,
    articles::{answer, expected, reason},
    read_body,
    request::{PathId, Preconditions},
};
use crate::{model::ArticleId, store::AuditEntry};

const JSON: &str = "application/json";
const LOG_USUAL: usize = 50;

/// Why an editor acts.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Act {
    /// For the audit log; 500 characters at most.
    reason: Option<String>,
}

/// The audit log, the newest entry first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditLog {
    /// Who did what.
    entries: Vec<AuditEntryJson>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntryJson {
    /// The revision that the change gave the article.
    revision: i64,
    /// When, RFC 3339.
    at: String,
    /// A token's id, `cli`, or a source.
    actor: String,
    /// `withdraw` or `restore`.
    #[schema(pattern = "^(withdraw|restore)$")]
    action: &'static str,
    /// The article's id.
    article: String,
    /// How it stood before.
    status_before: &'static str,
    /// Why, where somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Withdraw an article everywhere, with a reason.
///
/// What DELETE does, for a button: a tombstone stays, no import brings the article back, and the
/// reason is kept in the audit log. Once more changes nothing.
#[utoipa::path(post, path = "/api/v1/articles/{id}/withdraw", tag = "articles",
    operation_id = "article_withdraw",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "Only if the article has this ETag")),
    request_body(content = Option<Act>, description = "The reason; may be left out"),
    responses((status = 200, description = "Withdrawn, now or before",
            body = ref("#/components/schemas/Article")),
        (status = 404, description = "There is no such article"),
        (status = 412, description = "The article has another ETag")))]
pub(super) async fn withdraw(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    PathId(id): PathId,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (reason, expected) = read_act(&api, &id, request).await?;
    let acted = api.intake.withdraw(&id, &caller.token, reason, expected).await?;
    Ok(answer(StatusCode::OK, &acted.stored))
}

/// Bring a withdrawn article back, as it stood before.
///
/// A draft is a draft again; what was public is public again, at its old place and date. An article
/// that is not withdrawn stays as it is.
#[utoipa::path(post, path = "/api/v1/articles/{id}/restore", tag = "articles",
    operation_id = "article_restore",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "Only if the article has this ETag")),
    request_body(content = Option<Act>, description = "The reason; may be left out"),
    responses((status = 200, description = "It is back, now or before",
            body = ref("#/components/schemas/Article")),
        (status = 404, description = "There is no such article"),
        (status = 412, description = "The article has another ETag")))]
pub(super) async fn restore(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    PathId(id): PathId,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let (reason, expected) = read_act(&api, &id, request).await?;
    let acted = api.intake.restore(&id, &caller.token, reason, expected).await?;
    Ok(answer(StatusCode::OK, &acted.stored))
}

/// Who withdrew or restored what, and why, the newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "articles", operation_id = "audit_list",
    params(("article" = Option<String>, Query, description = "Of this article"),
        ("limit" = Option<usize>, Query, description = "Entries at most"),
        ("cursor" = Option<i64>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page", body = AuditLog)))]
pub(super) async fn log(
    State(api): State<Arc<Api>>,
    _: CanRead,
    uri: Uri,
) -> Result<Json<AuditLog>, Problem> {
    let query = Query::parse(uri.query(), &["article", "limit", "cursor"])?;
    let limit = query.limit(LOG_USUAL, api.limits.load().list_max)?;
    let article = query.get("article").map(ArticleId::parse).transpose();
    let article = article.map_err(|e| Problem::parameter("article", e.to_string()))?;
    let before = query.number("cursor", 1, i64::MAX)?;
    let entries = api.store.audit(article.as_ref(), before, limit).await?;
    let next = entries.last().filter(|_| entries.len() == limit).map(|e| e.revision);
    let entries = entries.into_iter().map(AuditEntryJson::from).collect();
    Ok(Json(AuditLog { entries, next }))
}

async fn read_act(
    api: &Api,
    id: &ArticleId,
    request: Request,
) -> Result<(Option<String>, Option<i64>), Problem> {
    let asked = Preconditions::of(request.headers());
    let body = read_body(request, &api.limits.load(), &[JSON]).await?;
    let act = if body.is_empty() {
        Act::default()
    } else {
        serde_json::from_slice(&body).map_err(|e| {
            let why = format!("the body must be JSON such as {{\"reason\": \"…\"}}: {e}");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)
        })?
    };
    let reason = act.reason.map(|text| reason(&text)).transpose()?;
    let expected = expected(api, id, &asked).await?;
    Ok((reason.filter(|text| !text.is_empty()), expected))
}

impl From<AuditEntry> for AuditEntryJson {
    fn from(entry: AuditEntry) -> AuditEntryJson {
        let note = entry.note;
        AuditEntryJson {
            revision: entry.revision,
            at: note.at.to_rfc3339(),
            actor: note.actor,
            action: note.action.as_str(),
            article: entry.article.to_string(),
            status_before: note.status_before.as_str(),
            reason: note.reason,
        }
    }
}
