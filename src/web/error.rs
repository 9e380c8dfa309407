//! THE ONE PLACE an error becomes a status: `application/problem+json` (RFC 9457).
//!
//! The detail is one plain sentence that names the field. What the store says of itself goes to the
//! log, not to the client.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ingest::{Refusal, RefusalKind},
    store::DbError,
};

/// The seconds after which a busy store is worth another try.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The seconds after which there may be room again.
const ROOM_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("60");

/// An answer that says no.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<Box<str>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    store_error: Option<DbError>,
    limit: Option<&'static str>,
}

/// An extension of responses: the limit that the request ran into, by its name in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LimitHit(pub(super) &'static str);

/// An extension of responses: how many failures of the store the request met, for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreErrors(pub u64);

/// The body of a [`Problem`] (RFC 9457 §3.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemJson<'a> {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what would be right, in a sentence.
    detail: &'a str,
    /// The field that is wrong, as a path such as `media[0].url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem told by one plain sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            field: None,
            headers: vec![],
            store_error: None,
            limit: None,
        }
    }

    /// The same, about this field.
    pub fn about(mut self, field: impl Into<String>) -> Problem {
        self.field = Some(field.into().into_boxed_str());
        self
    }

    /// The same, with one more header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// The same, because a limit was hit; counted under this name.
    pub(super) fn for_limit(mut self, limit: &'static str) -> Problem {
        self.limit = Some(limit);
        self
    }

    /// A wrong or unknown query parameter.
    pub fn parameter(name: &str, why: impl std::fmt::Display) -> Problem {
        let name: String = name.chars().take(100).collect();
        let detail = format!("the query parameter `{name}` {why}");
        Problem::new(StatusCode::BAD_REQUEST, detail).about(name)
    }

    /// No such article.
    pub fn no_article(id: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, format!("there is no article `{id}`"))
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, in a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The field that is wrong.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The failure of the store behind it, where there is one.
    pub fn store_error(&self) -> Option<&DbError> {
        self.store_error.as_ref()
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Problem {
        let retry = |p: Problem| p.with(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
        let problem = match &error {
            DbError::Full => Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "the disk is full; nothing was kept, free some room and send it again",
            ),
            DbError::NoRoom => Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "the disk has less room than store.free_bytes_min; nothing was kept, make room and send it again",
            )
            .with(header::RETRY_AFTER, ROOM_AFTER_SECONDS),
            DbError::Busy | DbError::Conflict => retry(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store is busy; nothing was kept, send it again in a moment",
            )),
            DbError::Failed(_) | DbError::Damaged(_) | DbError::Constraint(_) => retry(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store failed; nothing was kept, the log of the daemon says why",
            )),
        };
        Problem { store_error: Some(error), ..problem }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let detail = refusal.to_string();
        let status = match refusal.kind {
            RefusalKind::Store(error) => return error.into(),
            RefusalKind::Syntax => StatusCode::BAD_REQUEST,
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Precondition => StatusCode::PRECONDITION_FAILED,
            RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Problem { field: refusal.field.map(Into::into), ..Problem::new(status, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemJson {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
        };
        // Strings and a number: serde_json cannot fail on these.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let kind = (header::CONTENT_TYPE, "application/problem+json");
        let mut response = (self.status, [kind], body).into_response();
        response.headers_mut().extend(self.headers.into_iter().map(|(n, v)| (Some(n), v)));
        if let Some(error) = self.store_error {
            tracing::error!(%error, "the store failed");
            response.extensions_mut().insert(StoreErrors(1));
        }
        if let Some(limit) = self.limit {
            response.extensions_mut().insert(LimitHit(limit));
        }
        response
    }
}

/// An address that no route has.
pub(super) async fn not_found() -> Problem {
    let detail = "there is nothing at this address; /api/v1/openapi.json says what there is";
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// A method that the route does not have; `Allow` says which it has.
pub(super) async fn method_not_allowed() -> Problem {
    let detail = "this address does not take this method; the Allow header says which it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
