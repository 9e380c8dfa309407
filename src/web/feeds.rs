//! Feed documents: `GET /feeds/{slug}.rss` and its siblings, `/feeds.opml`, `/feeds/{slug}`.

use bytes::Bytes;
use hyper::{HeaderMap, Method, StatusCode, header, header::HeaderValue};

use super::{
    answer::{self, Answer},
    conditional, negotiate,
};
use crate::{
    model::Millis,
    publish::{Document, Shelf},
};

const NO_FEED: &str = "There is no feed at this address; /feeds.opml lists those there are.\n";
const NO_FORMAT: &str =
    "This feed has none of the formats you accept; it is there as .rss, .atom and .json.\n";

/// The answer with a ready document, sent at `now`: 200, 304, or 405. No bytes are copied.
pub fn document(method: &Method, headers: &HeaderMap, document: &Document, now: Millis) -> Answer {
    let mut answer = stored(method, headers, document);
    if let Some(date) = conditional::last_modified_now(document, now)
        && let Some(sent) = answer.headers_mut().get_mut(header::LAST_MODIFIED)
    {
        *sent = date;
    }
    answer
}

/// The same with the document's own date.
fn stored(method: &Method, headers: &HeaderMap, document: &Document) -> Answer {
    let counted = document.metrics.as_ref();
    if method != Method::GET && method != Method::HEAD {
        if let Some(metrics) = counted {
            metrics.error.inc();
        }
        return answer::method_not_allowed("GET, HEAD");
    }
    let selected = negotiate::variant(headers, document);
    if let Some(variant) = conditional::unchanged(headers, document, selected) {
        if let Some(metrics) = counted {
            metrics.unchanged.inc();
        }
        let headers = variant.headers_unchanged.clone();
        return answer::ready(StatusCode::NOT_MODIFIED, headers, Bytes::new());
    }
    if method == Method::HEAD {
        if let Some(metrics) = counted {
            metrics.head.inc();
        }
        return answer::ready(StatusCode::OK, selected.headers.clone(), Bytes::new());
    }
    if let Some(metrics) = counted {
        metrics.full.inc();
        metrics.bytes.inc_by(selected.bytes.len() as u64);
    }
    answer::ready(StatusCode::OK, selected.headers.clone(), selected.bytes.clone())
}

/// `/feeds/{slug}`: the format that the client asks for.
pub fn by_accept(
    method: &Method,
    headers: &HeaderMap,
    shelf: &Shelf,
    slug: &str,
    now: Millis,
) -> Answer {
    let Some(documents) = shelf.feed(slug) else { return not_found() };
    let formats: Vec<_> = documents.iter().map(|d| d.format).filter(|f| f.is_public()).collect();
    let wanted = negotiate::format(headers, &formats);
    let Some(ready) = documents.iter().find(|d| Some(d.format) == wanted) else {
        if let Some(metrics) = documents.first().and_then(|d| d.metrics.as_ref()) {
            metrics.error.inc();
        }
        return vary_by_accept(answer::text(StatusCode::NOT_ACCEPTABLE, NO_FORMAT));
    };
    vary_by_accept(document(method, headers, ready, now))
}

fn vary_by_accept(mut answer: Answer) -> Answer {
    let vary = HeaderValue::from_static("Accept, Accept-Encoding");
    answer.headers_mut().insert(header::VARY, vary);
    answer
}

/// 404 under `/feeds`.
pub fn not_found() -> Answer {
    answer::text(StatusCode::NOT_FOUND, NO_FEED)
}
