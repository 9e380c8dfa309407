//! What changed since a revision, for partners who keep a mirror.
//!
//! Never shows a draft or an article that is not due; one that the public may no longer see reads
//! as `withdraw`, without its text.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Json,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Api, CanRead, Problem, Query,
    articles::{ANSWER_BYTES, ROWS_AT_ONCE},
};
use crate::{
    ingest::article_json::ArticleJson,
    store::{Change, ChangeKind, Restored},
};

const CHANGES_USUAL: usize = 100;
/// Pages of the log without a public change that one request walks through.
const HIDDEN_PAGES_MAX: usize = 500;

/// A part of the change log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changes {
    /// In the order of revisions, which only grow. An article stands at its last change.
    changes: Vec<ChangeJson>,
    /// The `since` of the next request; the same as now when there is nothing more.
    next: i64,
}

/// A change of a public article.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change)]
struct ChangeJson {
    /// Its place in the log.
    revision: i64,
    /// The article.
    id: String,
    /// `upsert`: it is new or other than before; `withdraw`: take it away.
    #[schema(pattern = "^(upsert|withdraw)$")]
    kind: &'static str,
    /// As it stands; missing for `withdraw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    article: Option<ArticleJson>,
}

/// What changed since a revision.
#[utoipa::path(get, path = "/api/v1/changes", tag = "changes", operation_id = "change_list",
    params(("since" = Option<i64>, Query, description = "After this revision; 0 is everything"),
        ("limit" = Option<usize>, Query, description = "Changes at most; large ones end earlier")),
    responses((status = 200, description = "Changes in order", body = Changes),
        (status = 410, description = "This revision is lost to a restore, or was never given out here: begin anew with 0")))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    _: CanRead,
    uri: Uri,
) -> Result<Json<Changes>, Problem> {
    let query = Query::parse(uri.query(), &["since", "limit"])?;
    let since = query.number("since", 0, i64::MAX)?.unwrap_or(0);
    let limit = query.limit(CHANGES_USUAL, api.limits.load().list_max)?;
    if let Some(restored) = api.store.lost(since).await? {
        return Err(gone(since, &restored));
    }
    // What is known in memory is enough for nearly all; another process may have written since.
    if since > *api.store.revisions().borrow() {
        let newest = api.store.look_for_changes().await?;
        if since > newest {
            return Err(ahead(since, newest));
        }
    }
    Ok(Json(collect(&api, since, limit).await?))
}

fn gone(since: i64, restored: &Restored) -> Problem {
    let Restored { made_at, restored_at, .. } = restored;
    let detail = format!(
        "the revision {since} is lost: on {restored_at} the articles were restored as they were on \
         {made_at}; read them all again with `since=0` and drop what is not among them"
    );
    Problem::new(StatusCode::GONE, detail).about("since")
}

/// Of another store, or of this one before a restore by a clock that went wrong: an empty answer would
/// keep the reader waiting for ever.
fn ahead(since: i64, newest: i64) -> Problem {
    let detail = format!(
        "the revision {since} was never given out here, the newest is {newest}: read all articles \
         again with `since=0` and drop what is not among them"
    );
    Problem::new(StatusCode::GONE, detail).about("since")
}

/// Walks the log until the answer is full, so that an empty answer means its end.
async fn collect(api: &Api, since: i64, limit: usize) -> Result<Changes, Problem> {
    let (mut changes, mut next, mut bytes) = (Vec::new(), since, 0);
    for _ in 0..HIDDEN_PAGES_MAX {
        let (page, read_to) = api.store.public_changes(next, ROWS_AT_ONCE).await?;
        let at_end = read_to == next;
        next = read_to;
        bytes += page.iter().map(|c| c.stored.article.body_html.len()).sum::<usize>();
        changes.extend(page.iter().map(change_json));
        if at_end || changes.len() >= limit || bytes >= ANSWER_BYTES {
            break;
        }
    }
    if changes.len() > limit {
        changes.truncate(limit);
        next = changes.last().map_or(next, |c| c.revision);
    }
    Ok(Changes { changes, next })
}

fn change_json(change: &Change) -> ChangeJson {
    let article = &change.stored.article;
    let (kind, article_json) = match change.kind {
        ChangeKind::Upsert => ("upsert", Some(ArticleJson::from(article))),
        ChangeKind::Withdraw => ("withdraw", None),
    };
    let (revision, id) = (change.stored.revision, article.id.to_string());
    ChangeJson { revision, id, kind, article: article_json }
}
