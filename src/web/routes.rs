//! THE TABLE OF ROUTES of the ops listener, with its OpenAPI. (The public listener's few addresses
//! are listed in `public.rs`.)

use std::sync::Arc;

use axum::{Router, body::Bytes, http::header, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, CanRead, NoQuery, articles, batch, changes,
    error::{method_not_allowed, not_found},
    feed_states, health, jobs, log, openapi, sources, view_reports, withdraw,
};

/// What each route is called in metrics: a closed list, never a path.
pub(super) const NAMES: [(&str, &str); 20] = [
    ("/metrics", "metrics"),
    ("/healthz", "healthz"),
    ("/readyz", "readyz"),
    ("/api/v1/articles", "articles"),
    ("/api/v1/articles/{id}", "article"),
    ("/api/v1/articles/{id}/withdraw", "article_withdraw"),
    ("/api/v1/articles/{id}/restore", "article_restore"),
    ("/api/v1/audit", "audit"),
    ("/api/v1/changes", "changes"),
    ("/api/v1/feeds", "feeds"),
    ("/api/v1/feeds/{slug}/regenerate", "regenerate"),
    ("/api/v1/jobs", "jobs"),
    ("/api/v1/jobs/{name}/run", "job_run"),
    ("/api/v1/sources", "sources"),
    ("/api/v1/sources/{name}/pull", "source_pull"),
    ("/api/v1/views", "top_views"),
    ("/api/v1/views/{id}", "article_views"),
    ("/api/v1/log", "log"),
    ("/api/v1/openapi.json", "openapi"),
    ("", "ops_other"),
];

/// The API's routes and their description.
pub fn router(api: Arc<Api>) -> (Router, OpenApi) {
    let (router, described) = table().split_for_parts();
    let described = openapi::complete(described);
    // Made once: the description does not change while the daemon runs.
    let document = Bytes::from(serde_json::to_vec(&described).unwrap_or_default());
    let document = async move |_: CanRead, _: NoQuery| {
        ([(header::CONTENT_TYPE, "application/json")], document.clone())
    };
    let router = router
        .route("/api/v1/openapi.json", get(document))
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api);
    (router, described)
}

fn table() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(articles::put, articles::patch, articles::get, articles::delete))
        .routes(routes!(articles::list, batch::post))
        .routes(routes!(withdraw::withdraw))
        .routes(routes!(withdraw::restore))
        .routes(routes!(withdraw::log))
        .routes(routes!(changes::list))
        .routes(routes!(feed_states::list))
        .routes(routes!(feed_states::regenerate))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::run))
        .routes(routes!(log::get, log::put))
        .routes(routes!(sources::list))
        .routes(routes!(sources::pull))
        .routes(routes!(view_reports::top))
        .routes(routes!(view_reports::article))
}
