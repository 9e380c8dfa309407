//! Articles by their ids, and lists of them: PUT, PATCH, GET, DELETE.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Json, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api, CanRead, CanWrite, NoQuery, Problem, Query, read_body,
    request::{PathId, Preconditions, etag, is_fresh},
};
use crate::{
    ingest::{
        Outcome, RefusalKind,
        article_json::{ArticleJson, candidate_from_json, merge_patch},
    },
    model::{ArticleId, Millis, Status},
    store::{ArticleFilter, DbError, Stored},
};

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
/// How often a PATCH is applied anew because somebody else wrote the article meanwhile.
const TRIES_MAX: usize = 8;
const LIST_USUAL: usize = 50;
/// Rows read at a time, and the bytes of bodies after which an answer ends: articles may be large.
pub(super) const ROWS_AT_ONCE: usize = 20;
pub(super) const ANSWER_BYTES: usize = 8 << 20;
const REASON_CHARS_MAX: usize = 500;
const SEARCH_CHARS_MAX: usize = 200;

/// Articles, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ArticleList {
    /// By publication, the newest first; undated drafts last.
    articles: Vec<ArticleJson>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Create or replace an article.
///
/// What is left out is taken away, except `guid` and `carried_over_views`, which are kept. Sending
/// what stands already changes nothing. A withdrawn article is brought back.
#[utoipa::path(put, path = "/api/v1/articles/{id}", tag = "articles", operation_id = "article_put",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "Only if the article has this ETag")),
    request_body = ref("#/components/schemas/ArticleInput"),
    responses((status = 201, description = "Created", body = ArticleJson),
        (status = 200, description = "Replaced, or unchanged", body = ArticleJson),
        (status = 412, description = "The article has another ETag")))]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    PathId(id): PathId,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Preconditions::of(request.headers());
    let body = read_body(request, &api.limits.load(), &[JSON]).await?;
    let expected = expected(&api, &id, &asked).await?;
    let candidate = candidate_from_json(&body, Some(&id))?;
    let taken = api.intake.take(candidate, &caller.origin(), expected).await?;
    let status = match taken.outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Changed | Outcome::Unchanged | Outcome::Withheld => StatusCode::OK,
    };
    Ok(answer(status, &taken.stored))
}

/// Change some fields of an article (RFC 7396): `null` takes a value away, lists are replaced.
#[utoipa::path(patch, path = "/api/v1/articles/{id}", tag = "articles", operation_id = "article_patch",
    params(("id" = String, Path, description = "The article's id"),
        ("If-Match" = Option<String>, Header, description = "Only if the article has this ETag")),
    request_body(content_type = "application/merge-patch+json", description = "Fields to change",
        content = ref("#/components/schemas/ArticlePatch")),
    responses((status = 200, description = "Changed, or unchanged", body = ArticleJson),
        (status = 412, description = "The article has another ETag")))]
pub(super) async fn patch(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    PathId(id): PathId,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Preconditions::of(request.headers());
    let body = read_body(request, &api.limits.load(), &[MERGE_PATCH, JSON]).await?;
    for _ in 0..TRIES_MAX {
        let stored = api.store.article(&id).await?;
        asked.expect(stored.as_ref().map(|s| s.revision))?;
        let stored = stored.ok_or_else(|| Problem::no_article(id.as_str()))?;
        let candidate = merge_patch(&ArticleJson::from(&stored.article), &body, &id)?;
        match api.intake.take(candidate, &caller.origin(), Some(stored.revision)).await {
            // Somebody else was faster: apply the patch to what stands now.
            Err(refusal) if refusal.kind == RefusalKind::Precondition => {}
            taken => return Ok(answer(StatusCode::OK, &taken?.stored)),
        }
    }
    Err(DbError::Conflict.into())
}

/// An article, whatever its status.
#[utoipa::path(get, path = "/api/v1/articles/{id}", tag = "articles", operation_id = "article_get",
    params(("id" = String, Path, description = "The article's id")),
    responses((status = 200, description = "The article; its ETag is its revision",
        body = ArticleJson),
        (status = 404, description = "There is no such article")))]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    _: CanRead,
    PathId(id): PathId,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stored = api.store.article(&id).await?;
    let stored = stored.ok_or_else(|| Problem::no_article(id.as_str()))?;
    if is_fresh(&headers, stored.revision) {
        let tag = [(header::ETAG, etag(stored.revision))];
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok(answer(StatusCode::OK, &stored))
}

/// Withdraw an article everywhere.
///
/// A tombstone stays, and no import brings the article back. Once more changes nothing.
#[utoipa::path(delete, path = "/api/v1/articles/{id}", tag = "articles", operation_id = "article_delete",
    params(("id" = String, Path, description = "The article's id"),
        ("reason" = Option<String>, Query, description = "Why; kept with the tombstone"),
        ("If-Match" = Option<String>, Header, description = "Only if the article has this ETag")),
    responses((status = 200, description = "Withdrawn, now or before", body = ArticleJson),
        (status = 412, description = "The article has another ETag")))]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    PathId(id): PathId,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["reason"])?;
    let reason = query.get("reason").map(reason).transpose()?;
    let expected = expected(&api, &id, &Preconditions::of(&headers)).await?;
    let withdrawn = api.intake.withdraw(&id, &caller.token, reason, expected).await?;
    Ok(answer(StatusCode::OK, &withdrawn.stored))
}

/// Articles, the newest first.
#[utoipa::path(get, path = "/api/v1/articles", tag = "articles", operation_id = "article_list",
    params(("section" = Option<String>, Query, description = "Of this section"),
        ("status" = Option<String>, Query, description = "draft, scheduled, published, withdrawn"),
        ("q" = Option<String>, Query, description = "Whose title contains this, in any case"),
        ("limit" = Option<usize>, Query, description = "Articles at most; large ones end earlier"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page", body = ArticleList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: CanRead,
    uri: Uri,
) -> Result<Json<ArticleList>, Problem> {
    let query = Query::parse(uri.query(), &["section", "status", "q", "limit", "cursor"])?;
    let limit = query.limit(LIST_USUAL, api.limits.load().list_max)?;
    let filter = ArticleFilter {
        section: query.get("section").map(str::to_owned),
        status: query.get("status").map(status).transpose()?,
        text: text_parameter(&query, "q", SEARCH_CHARS_MAX)?,
        after: query.get("cursor").map(cursor).transpose()?,
        limit: 0,
    };
    Ok(Json(page(&api, filter, limit).await?))
}

/// Up to `limit` articles, fewer where they are large.
async fn page(api: &Api, mut filter: ArticleFilter, limit: usize) -> Result<ArticleList, Problem> {
    let (mut articles, mut bytes) = (Vec::new(), 0);
    loop {
        filter.limit = (limit - articles.len()).min(ROWS_AT_ONCE);
        let rows = api.store.list_articles(&filter).await?;
        let last_page = rows.len() < filter.limit;
        for stored in &rows {
            bytes += stored.article.body_html.len();
            articles.push(ArticleJson::from(&stored.article));
            filter.after = Some(place(stored));
        }
        if last_page {
            return Ok(ArticleList { articles, next: None });
        }
        if articles.len() >= limit || bytes >= ANSWER_BYTES {
            let next = filter.after.map(|(at, id)| format!("{}.{id}", at.0));
            return Ok(ArticleList { articles, next });
        }
    }
}

/// An article's place in the order of a list; undated ones come last.
fn place(stored: &Stored) -> (Millis, ArticleId) {
    let at = stored.article.published_at.unwrap_or(Millis(i64::MIN));
    (at, stored.article.id.clone())
}

fn cursor(text: &str) -> Result<(Millis, ArticleId), Problem> {
    let parts = text.split_once('.');
    let parsed =
        parts.and_then(|(at, id)| Some((Millis(at.parse().ok()?), ArticleId::parse(id).ok()?)));
    parsed.ok_or_else(|| Problem::parameter("cursor", "is not one that this list gave out"))
}

fn status(word: &str) -> Result<Status, Problem> {
    let why = "must be draft, scheduled, published or withdrawn";
    Status::from_word(word).ok_or_else(|| Problem::parameter("status", why))
}

/// A reason for the audit log.
pub(super) fn reason(text: &str) -> Result<String, Problem> {
    bounded_text("reason", text, REASON_CHARS_MAX)
}

fn text_parameter(query: &Query, name: &str, max: usize) -> Result<Option<String>, Problem> {
    query.get(name).map(|text| bounded_text(name, text, max)).transpose()
}

fn bounded_text(name: &str, text: &str, max: usize) -> Result<String, Problem> {
    if text.chars().count() > max {
        return Err(Problem::parameter(name, format!("is longer than {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::parameter(name, "holds control characters"));
    }
    Ok(text.to_owned())
}

/// The revision that a change may be decided on.
pub(super) async fn expected(
    api: &Api,
    id: &ArticleId,
    asked: &Preconditions,
) -> Result<Option<i64>, Problem> {
    if asked.are_none() {
        return Ok(None);
    }
    let standing = api.store.article(id).await?;
    asked.expect(standing.map(|s| s.revision))
}

pub(super) fn answer(status: StatusCode, stored: &Stored) -> Response {
    let mut response = (status, Json(ArticleJson::from(&stored.article))).into_response();
    if let Ok(tag) = HeaderValue::try_from(etag(stored.revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
