//! Redirects by hand (RFC 9110 §15.4): where to, by which method, and what is not sent along.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use url::Url;

use super::{Ask, Failure, failure};

/// One redirect.
pub(super) struct Hop {
    to: Url,
    status: StatusCode,
    pub(super) is_permanent: bool,
}

impl Hop {
    /// The redirect that an answer from `from` is; `None` for an answer that is none.
    pub(super) fn of(
        status: StatusCode,
        headers: &HeaderMap,
        from: &Url,
    ) -> Result<Option<Hop>, Failure> {
        let is_permanent = matches!(status.as_u16(), 301 | 308);
        if !is_permanent && !matches!(status.as_u16(), 302 | 303 | 307) {
            return Ok(None);
        }
        let Some(location) = headers.get(header::LOCATION) else { return Ok(None) };
        let bad = |why: String| Failure::Redirects { host: failure::host(from), why };
        let text = location.to_str().map_err(|_| bad("its address is not text".into()))?;
        let to = from.join(text).map_err(|e| bad(format!("its address is no URL: {e}")))?;
        check(&to).map_err(|e| bad(e.to_string()))?;
        Ok(Some(Hop { to, status, is_permanent }))
    }

    /// The request that follows: no credentials for another origin, no body where the method changes.
    pub(super) fn follow(self, mut ask: Ask) -> Ask {
        if self.to.origin() != ask.url.origin() {
            for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
                ask.headers.remove(name);
            }
        }
        let keeps_method = matches!(self.status.as_u16(), 307 | 308);
        if !keeps_method && ask.method != Method::HEAD {
            ask.method = Method::GET;
            ask.body = Bytes::new();
            ask.headers.remove(header::CONTENT_TYPE);
            ask.headers.remove(header::CONTENT_LENGTH);
        }
        ask.url = self.to;
        ask
    }
}

/// Only `http` and `https`, and no name or password that a log might show.
pub(super) fn check(url: &Url) -> Result<(), Failure> {
    let refused = |why: &str| Failure::Malformed { host: failure::host(url), why: why.into() };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("its address is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("its address holds a user name or a password; take them out"));
    }
    Ok(())
}
