//! `/views.js`, ready like a feed's document. Its text is `views.js` beside this file; comments and
//! indentation stay here.

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};

use crate::{
    config,
    model::{Format, Millis},
    publish::{self, Document},
};

/// Where it is.
pub const PATH: &str = "/views.js";
const SOURCE: &str = include_str!("views.js");
/// An hour: pages refer to it for years, and a new jarshy may bring a new one.
const CACHE_CONTROL: &str =
    "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800";
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The document, made once at the start.
pub fn document(now: Millis, public: &config::Public) -> std::io::Result<Document> {
    let text = Bytes::from(stripped(SOURCE));
    let parts = publish::Parts {
        format: Format::Json,
        content_type: "text/javascript; charset=utf-8",
        modified_at: Millis(now.seconds() * 1000),
        link: None,
        gzip: publish::gzip(&text)?.into(),
        brotli: Some(publish::brotli(&text)?.into()),
        identity: text,
        metrics: None,
        rhythm: None,
    };
    let mut document = Document::new(parts, public);
    for variant in &mut document.variants {
        for headers in [&mut variant.headers, &mut variant.headers_unchanged] {
            // When jarshy started says nothing about the text; the tag does.
            headers.remove(header::LAST_MODIFIED);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
            headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        }
    }
    Ok(document)
}

/// The text without comments that have a line of their own, and without indentation.
fn stripped(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let kept: Vec<&str> = lines.filter(|l| !l.is_empty() && !l.starts_with("//")).collect();
    kept.join("\n") + "\n"
}
