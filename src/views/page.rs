//! Which address is which page: what two addresses of one page may differ in.

use std::hash::{BuildHasher, RandomState};

use url::Url;

/// Longer ones are no addresses of articles.
const URL_BYTES_MAX: usize = 4096;

/// A number for the page behind an address, or `None` for what is no absolute web address.
///
/// Scheme, fragment, slashes at the end, percent-encoding and query make no difference, except for
/// `?p=`, which is WordPress's address of a post. The key makes numbers that nobody can aim at.
pub fn page_key(address: &str, key: &RandomState) -> Option<u64> {
    if address.len() > URL_BYTES_MAX {
        return None;
    }
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    let path = percent_decoded(url.path().trim_end_matches('/'));
    let post = url.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("p="));
    Some(key.hash_one((host, url.port(), path, post)))
}

/// Escapes as the bytes they stand for; a `%` that begins none stays.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| tail.get(..2)).flatten().and_then(hex_pair);
        decoded.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let (high, low) = (digit(*pair.first()?)?, digit(*pair.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}
