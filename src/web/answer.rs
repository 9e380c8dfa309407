//! Short answers that a person understands, and the body type that all answers share.

use axum::body::Body as RoutedBody;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{HeaderMap, Response, StatusCode, header::HeaderValue};

/// Ready bytes, or whatever a routed handler sends.
pub type Body = Either<Full<Bytes>, RoutedBody>;
/// An answer on its way to hyper.
pub type Answer = Response<Body>;

/// Ready bytes with ready headers.
pub fn ready(status: StatusCode, headers: HeaderMap, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(bytes)));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// A line of text.
pub fn text(status: StatusCode, line: &'static str) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(hyper::header::CONTENT_TYPE, plain);
    headers.insert(hyper::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    ready(status, headers, Bytes::from_static(line.as_bytes()))
}

/// 405 with the methods that would do (RFC 9110 §15.5.6).
pub fn method_not_allowed(allow: &'static str) -> Answer {
    let mut answer =
        text(StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method.\n");
    answer.headers_mut().insert(hyper::header::ALLOW, HeaderValue::from_static(allow));
    answer
}

/// An answer of a routed handler.
pub fn routed(answer: Response<RoutedBody>) -> Answer {
    answer.map(Either::Right)
}
