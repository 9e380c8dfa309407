//! Exact numbers: `GET /api/v1/views/{id}?from=&to=&by=hour|day`, `GET /api/v1/views?top=&window=`.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, CanRead, Problem, Query, request::PathId};
use crate::{
    config,
    model::{Channel, Millis},
    views::{Bucket, By, Report},
};

/// How far back a report goes when nobody says.
const REPORT_USUAL_MILLIS: i64 = 30 * 24 * 3_600_000;
const TOP_USUAL: i64 = 50;
const TOP_MAX: i64 = 1000;
const WINDOW_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Views of an article over time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct ArticleViews {
    article: String,
    /// All there are: carried over, counted and adjusted.
    total: u64,
    carried_over: u64,
    /// When the old system had that number.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_over_at: Option<String>,
    /// What counted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_over_source: Option<String>,
    counted: u64,
    adjusted: i64,
    /// Views counted in the time asked for.
    counted_in_period: u64,
    from: String,
    to: String,
    /// Hours or days of the site's time zone that had views or other hits.
    buckets: Vec<BucketJson>,
    /// Hits that were no views, in the days of the period (UTC).
    not_counted: Vec<VerdictJson>,
    as_of: String,
}

/// An hour or a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bucket)]
struct BucketJson {
    /// When it begins.
    at: String,
    counted: u64,
    /// Of these, sent by a script on the page.
    script: u64,
    /// Of these, by an image on the page.
    pixel: u64,
}

/// Why hits were not counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerdictCount)]
struct VerdictJson {
    verdict: &'static str,
    hits: u64,
}

/// The most viewed articles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TopArticles {
    /// The hour from which on views are counted; missing for all of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    articles: Vec<TopJson>,
}

/// An article and its views.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TopArticle)]
struct TopJson {
    article: String,
    counted: u64,
}

/// Views of an article over time.
#[utoipa::path(get, path = "/api/v1/views/{id}", tag = "views", operation_id = "view_report",
    params(("id" = String, Path, description = "The article's id"),
        ("from" = Option<String>, Query, description = "RFC 3339; 30 days before `to`"),
        ("to" = Option<String>, Query, description = "RFC 3339; now"),
        ("by" = Option<String>, Query, description = "`hour` (UTC) or `day` (the site's)")),
    responses((status = 200, description = "Exact numbers", body = ArticleViews)))]
pub(super) async fn article(
    State(api): State<Arc<Api>>,
    _: CanRead,
    PathId(id): PathId,
    uri: Uri,
) -> Result<Json<ArticleViews>, Problem> {
    let query = Query::parse(uri.query(), &["from", "to", "by"])?;
    let to = time(&query, "to")?.unwrap_or(api.clock.now());
    let from = time(&query, "from")?.unwrap_or(to.plus(-REPORT_USUAL_MILLIS));
    let by = match query.get("by") {
        None | Some("day") => By::Day,
        Some("hour") => By::Hour,
        Some(_) => return Err(Problem::parameter("by", "must be hour or day")),
    };
    if from > to {
        return Err(Problem::parameter("from", "must not be after `to`"));
    }
    let count = api.views.count(id.as_str()).ok_or_else(|| Problem::no_article(id.as_str()))?;
    let zone = *api.zone.load_full();
    let carried_over = api.store.article(&id).await?.and_then(|stored| stored.article.carried_over);
    let report = api.views.report(id.as_str(), from, to, by, zone).await?;
    Ok(Json(ArticleViews {
        article: id.to_string(),
        total: count.total,
        carried_over: count.carried_over,
        carried_over_at: carried_over.as_ref().map(|number| number.at.to_rfc3339()),
        carried_over_source: carried_over.map(|number| number.source),
        counted: count.counted,
        adjusted: count.adjusted,
        as_of: count.as_of.to_rfc3339(),
        from: from.to_rfc3339(),
        to: to.to_rfc3339(),
        ..in_period(report)
    }))
}

/// The most viewed articles.
#[utoipa::path(get, path = "/api/v1/views", tag = "views", operation_id = "view_top",
    params(("top" = Option<i64>, Query, description = "How many, 50"),
        ("window" = Option<String>, Query, description = "Such as 24h or 7d; all of time")),
    responses((status = 200, description = "The most viewed first", body = TopArticles)))]
pub(super) async fn top(
    State(api): State<Arc<Api>>,
    _: CanRead,
    uri: Uri,
) -> Result<Json<TopArticles>, Problem> {
    let query = Query::parse(uri.query(), &["top", "window"])?;
    let limit = query.number("top", 1, TOP_MAX)?.unwrap_or(TOP_USUAL);
    let window = query.get("window").map(window).transpose()?;
    let top = api.views.top(limit as usize, window).await?;
    let article = |(article, counted)| TopJson { article, counted };
    Ok(Json(TopArticles {
        since: top.since.map(|at| at.to_rfc3339()),
        articles: top.articles.into_iter().map(article).collect(),
    }))
}

/// The part of the answer that the report gives.
fn in_period(report: Report) -> ArticleViews {
    let bucket = |b: &Bucket| BucketJson {
        at: b.start.to_rfc3339(),
        counted: b.counted(),
        script: b.channels[Channel::Script as usize],
        pixel: b.channels[Channel::Pixel as usize],
    };
    let refused = report.refused.iter().map(|(v, n)| VerdictJson { verdict: v.as_str(), hits: *n });
    ArticleViews {
        counted_in_period: report.buckets.iter().map(Bucket::counted).sum(),
        buckets: report.buckets.iter().map(bucket).collect(),
        not_counted: refused.collect(),
        ..ArticleViews::default()
    }
}

fn time(query: &Query, name: &str) -> Result<Option<Millis>, Problem> {
    let text = query.get(name);
    text.map(|t| Millis::from_rfc3339(t).map_err(|e| Problem::parameter(name, e))).transpose()
}

fn window(text: &str) -> Result<Duration, Problem> {
    let wrong = || Problem::parameter("window", "must be a time such as 24h or 7d");
    let window = config::parse_duration(text).map_err(|_| wrong())?;
    if window.is_zero() || window > WINDOW_MAX { Err(wrong()) } else { Ok(window) }
}
