//! THE TABLE OF ROUTES of the ops listener's API, with its OpenAPI.

use std::sync::Arc;

use axum::{Router, body::Bytes, http::header, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Api, CanRead, NoQuery, articles, batch, changes,
    error::{method_not_allowed, not_found},
    openapi,
};

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
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api);
    (router, described)
}

fn table() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(articles::put, articles::patch, articles::get, articles::delete))
        .routes(routes!(articles::list, batch::post))
        .routes(routes!(changes::list))
}
