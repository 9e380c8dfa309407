//! A document ready to be sent: bytes in every encoding, with the headers of its 200 and its 304.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::{
    config,
    feed::{rhythm::Rhythm, snapshot::max_age},
    metrics::FeedMetrics,
    model::{FeedSlug, Format, Millis},
};

/// How bytes are encoded on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

impl Encoding {
    /// The value of `Content-Encoding`; none for identity.
    pub fn as_header(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }
}

/// The bytes of one encoding with all they are sent with.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The encoding.
    pub encoding: Encoding,
    /// The body.
    pub bytes: Bytes,
    /// Strong, quoted (RFC 9110 §8.8.3).
    pub etag: String,
    /// Headers of a 200.
    pub headers: HeaderMap,
    /// Headers of a 304 (RFC 9110 §15.4.5).
    pub headers_unchanged: HeaderMap,
}

/// What a 304 leaves out: it concerns the content, which the client has with these very headers
/// (RFC 9110 §15.4.5).
const OF_CONTENT: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::LINK,
    header::X_CONTENT_TYPE_OPTIONS,
];

/// A document ready to be sent.
#[derive(Debug)]
pub struct Document {
    /// Its format; OPML counts as none of the feeds and keeps RSS here.
    pub format: Format,
    /// When the bytes last changed, whole seconds; ahead of the time by less than one.
    pub modified_at: Millis,
    /// In the order identity, gzip, brotli; brotli may come later.
    pub variants: Vec<Variant>,
    /// Where requests are counted; none for documents that are no feed's.
    pub metrics: Option<FeedMetrics>,
    /// How often its feed gets an entry, where that can be told.
    pub rhythm: Option<Rhythm>,
}

/// What a document is made of.
#[derive(Debug)]
pub struct Parts {
    /// Its format.
    pub format: Format,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// When the bytes last changed, whole seconds; ahead of the time by less than one.
    pub modified_at: Millis,
    /// The value of `Link`, where there is one.
    pub link: Option<String>,
    /// The bytes.
    pub identity: Bytes,
    /// The same in gzip.
    pub gzip: Bytes,
    /// The same in brotli.
    pub brotli: Option<Bytes>,
    /// Where requests are counted.
    pub metrics: Option<FeedMetrics>,
    /// How often its feed gets an entry, where that can be told.
    pub rhythm: Option<Rhythm>,
}

impl Document {
    /// Puts headers to bytes.
    pub fn new(parts: Parts, public: &config::Public) -> Document {
        let shared = shared_headers(&parts, public);
        let encodings = [
            (Encoding::Identity, Some(&parts.identity)),
            (Encoding::Gzip, Some(&parts.gzip)),
            (Encoding::Brotli, parts.brotli.as_ref()),
        ];
        let ready = |(encoding, bytes): (Encoding, Option<&Bytes>)| {
            Some(variant(encoding, bytes?.clone(), &shared))
        };
        Document {
            format: parts.format,
            modified_at: parts.modified_at,
            variants: encodings.into_iter().filter_map(ready).collect(),
            metrics: parts.metrics,
            rhythm: parts.rhythm,
        }
    }

    /// The same document with brotli too.
    pub fn with_brotli(&self, brotli: Bytes) -> Document {
        let mut variants = self.variants.clone();
        variants.push(variant(Encoding::Brotli, brotli, &self.identity().headers));
        Document {
            format: self.format,
            modified_at: self.modified_at,
            variants,
            metrics: self.metrics.clone(),
            rhythm: self.rhythm,
        }
    }

    /// The document as it is.
    pub fn identity(&self) -> &Variant {
        &self.variants[0]
    }

    /// The bytes of this encoding, where they are ready.
    pub fn variant(&self, encoding: Encoding) -> Option<&Variant> {
        self.variants.iter().find(|v| v.encoding == encoding)
    }
}

/// The time of a change at `now` after the one of `before`, in whole seconds: the second it falls
/// into, or the next one where readers have already seen other bytes with this second's date. So it
/// is ahead of the time by less than a second, however many changes a second there are; only after
/// the clock was set back it goes on from where it was. Until it has come, answers say the time they
/// are sent at (`web/conditional.rs`).
pub fn modified_at(now: Millis, before: Option<Millis>) -> Millis {
    let second = Millis(now.seconds() * 1000);
    match before {
        Some(before) if before == second.plus(1000) => before,
        Some(before) if before >= second => before.plus(1000),
        _ => second,
    }
}

/// The bytes with the headers that they have in common with the other encodings.
fn variant(encoding: Encoding, bytes: Bytes, shared: &HeaderMap) -> Variant {
    let etag = etag(&bytes);
    let mut headers = shared.clone();
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if let Some(encoding) = encoding.as_header() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let kept = headers.iter().filter(|(name, _)| !OF_CONTENT.contains(name));
    let unchanged = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    Variant { encoding, bytes, etag, headers, headers_unchanged: unchanged }
}

/// RFC 9110 §5.6.7; what is before 1970 is said to be then.
pub fn http_date(at: Millis) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at.0.max(0) as u64))
}

/// What all encodings have in common.
fn shared_headers(parts: &Parts, public: &config::Public) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let texts = [
        (header::LAST_MODIFIED, Some(http_date(parts.modified_at))),
        (header::CACHE_CONTROL, Some(cache_control(public, parts.rhythm))),
        (header::LINK, parts.link.clone()),
    ];
    for (name, text) in texts {
        if let Some(Ok(value)) = text.map(|t| HeaderValue::from_str(&t)) {
            headers.insert(name, value);
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(parts.content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers
}

/// RFC 9111 §5.2.2 and RFC 5861.
fn cache_control(public: &config::Public, rhythm: Option<Rhythm>) -> String {
    format!(
        "public, max-age={}, stale-while-revalidate={}, stale-if-error={}",
        max_age(public, rhythm).as_secs(),
        public.stale_while_revalidate.as_secs(),
        public.stale_if_error.as_secs()
    )
}

/// The first half of SHA-256, in hexadecimal and quotes: the same bytes have the same tag on every
/// machine.
fn etag(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// `Link` of a feed's document: itself, its other formats and the hubs (RFC 8288).
pub fn link(
    public: &config::Public,
    feed: &FeedSlug,
    format: Format,
    formats: &[Format],
) -> String {
    let url = |f: Format| format!("{}/feeds/{feed}.{}", public.url, f.as_str());
    let mut links = Vec::new();
    if format.is_public() {
        links.push(format!("<{}>; rel=\"self\"; type=\"{}\"", url(format), format.media_type()));
    }
    for other in formats.iter().filter(|f| **f != format && f.is_public()) {
        links.push(format!(
            "<{}>; rel=\"alternate\"; type=\"{}\"",
            url(*other),
            other.media_type()
        ));
    }
    links.extend(public.hubs.iter().map(|hub| format!("<{}>; rel=\"hub\"", hub.to_uri())));
    links.join(", ")
}
