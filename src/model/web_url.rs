//! An absolute http or https address, kept byte for byte as it was given.

use std::fmt;

/// An absolute `http` or `https` URL with a host and without user information.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebUrl(Box<str>);

/// A text that is not a [`WebUrl`]; says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an absolute http or https URL{why}")]
pub struct BadUrl {
    text: String,
    why: String,
}

const URL_BYTES_MAX: usize = 4096;

impl WebUrl {
    /// Checks scheme, host, length and that XML can carry it; keeps the text as it is.
    pub fn parse(text: &str) -> Result<WebUrl, BadUrl> {
        let bad =
            |why: &str| BadUrl { text: shown(text).chars().take(80).collect(), why: why.into() };
        if text.len() > URL_BYTES_MAX {
            return Err(bad(": it is longer than 4096 bytes"));
        }
        if text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\u{fffe}' | '\u{ffff}'))
        {
            return Err(bad(": it contains spaces or control characters"));
        }
        let url = url::Url::parse(text).map_err(|e| bad(&format!(": {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(bad(""));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(": it contains a user name or password"));
        }
        Ok(WebUrl(text.into()))
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for people: see [`shown`].
    pub fn shown(&self) -> String {
        shown(&self.0)
    }

    /// The address with every character percent-encoded that a URI does not allow (RFC 3986), so
    /// that strict readers take it too.
    pub fn to_uri(&self) -> String {
        url::Url::parse(&self.0).map_or_else(|_| self.0.to_string(), String::from)
    }

    /// The host in lower case, without port.
    pub fn host(&self) -> String {
        let url = url::Url::parse(&self.0).ok();
        url.and_then(|u| u.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Scheme, host and port as browsers write them in `Origin` (RFC 6454 §6.2).
    pub fn origin(&self) -> String {
        url::Url::parse(&self.0)
            .map_or_else(|_| String::new(), |u| u.origin().ascii_serialization())
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address, or what should be one, for logs, answers and messages: without user information and
/// fragment, and with `?…` for its query, as any of them may hold a key.
pub fn shown(url: &str) -> String {
    let (scheme, rest) = match url.find("//") {
        Some(at) => url.split_at(at + 2),
        None => ("", url),
    };
    let rest = &rest[user_information(rest)..];
    let (rest, ending) = match rest.find(['?', '#']) {
        Some(at) if rest[at..].starts_with('?') => (&rest[..at], "?…"),
        Some(at) => (&rest[..at], ""),
        None => (rest, ""),
    };
    format!("{scheme}{rest}{ending}")
}

/// Where user information ends in what follows `//`; also one with a password that should have been
/// percent-encoded, which no parser takes for one.
fn user_information(rest: &str) -> usize {
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let at = match authority.rsplit_once(':') {
        _ if authority.contains('@') => authority.rfind('@'),
        Some((_, port)) if !is_port(port) && !authority.starts_with('[') => rest.rfind('@'),
        _ => None,
    };
    at.map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        for (url, is_shown) in [
            ("https://a.example/rss", "https://a.example/rss"),
            ("https://a.example/@name/x:y?k=1#f", "https://a.example/@name/x:y?…"),
            ("https://a.example:8080?k=1", "https://a.example:8080?…"),
            ("https://a.example/#?k", "https://a.example/"),
            ("https://u:p@a.example/x?k", "https://a.example/x?…"),
            ("https://u:p/p?p#p@a.example/x", "https://a.example/x"),
            ("https://u@x:p@a.example/x", "https://a.example/x"),
            ("http://[::1]:8080/@x", "http://[::1]:8080/@x"),
            ("u:p@a.example", "a.example"),
            ("", ""),
        ] {
            assert_eq!(shown(url), is_shown, "{url}");
        }
    }
}
