//! Names that are checked once, where they come in: article ids, feed slugs, guids, languages.

use std::fmt;

/// A name that broke its rule; the text says which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadId(pub String);

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_name! {
    /// 1–64 characters of `[A-Za-z0-9_-]`, chosen by whoever sends the article.
    ArticleId
}
checked_name! {
    /// A feed's place in addresses: 1–100 characters of `[a-z0-9-]`.
    FeedSlug
}
checked_name! {
    /// What feed readers know an entry by. Kept byte for byte once given: 1–1000 bytes.
    Guid
}
checked_name! {
    /// A BCP 47 language tag in its usual case, such as `ru`, `kk` or `kk-Latn`.
    Language
}

impl ArticleId {
    /// Checks the id's characters and length.
    pub fn parse(text: &str) -> Result<ArticleId, BadId> {
        if ArticleId::is_valid(text) {
            return Ok(ArticleId(text.into()));
        }
        Err(BadId("an article id is 1 to 64 characters of A-Z a-z 0-9 _ -".into()))
    }

    /// True for a text that [`ArticleId::parse`] takes.
    pub fn is_valid(text: &str) -> bool {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (1..=64).contains(&text.len()) && text.bytes().all(good)
    }
}

impl FeedSlug {
    /// Checks the slug's characters and length.
    pub fn parse(text: &str) -> Result<FeedSlug, BadId> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=100).contains(&text.len()) && text.bytes().all(good) {
            return Ok(FeedSlug(text.into()));
        }
        Err(BadId("a feed slug is 1 to 100 characters of a-z 0-9 -".into()))
    }
}

impl Guid {
    /// Checks that the guid is not empty, not too long, and that XML can carry it.
    pub fn parse(text: &str) -> Result<Guid, BadId> {
        let good = !text.trim().is_empty()
            && text.len() <= 1000
            && !text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'));
        good.then(|| Guid(text.into()))
            .ok_or_else(|| BadId("a guid is 1 to 1000 bytes without control characters".into()))
    }

    /// A `tag:` URI (RFC 4151) for an article that comes without a guid: authority is the site's
    /// host, the date is the day it was minted (`YYYY-MM-DD`).
    pub fn mint(host: &str, day: &str, id: &ArticleId) -> Guid {
        Guid(format!("tag:{host},{day}:{id}").into())
    }
}

impl Language {
    /// Checks the shape of BCP 47 (letters and digits in parts of 1–8, the first of letters).
    pub fn parse(text: &str) -> Result<Language, BadId> {
        let bad = || BadId(format!("`{text}` is not a language tag such as ru, kk or kk-Latn"));
        let part =
            |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
        let first = text.split('-').next().unwrap_or_default();
        let first_good =
            (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
        if text.len() > 35 || !first_good || !text.split('-').all(part) {
            return Err(bad());
        }
        Ok(Language(usual_case(text).into()))
    }
}

/// Language in lower case, script in Title case, region in UPPER case (RFC 5646 §2.1.1).
fn usual_case(tag: &str) -> String {
    let parts = tag.split('-').enumerate().map(|(at, part)| match (at, part.len()) {
        (0, _) => part.to_ascii_lowercase(),
        (_, 2) => part.to_ascii_uppercase(),
        (_, 4) => part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase(),
        _ => part.to_ascii_lowercase(),
    });
    parts.collect::<Vec<_>>().join("-")
}

/// A word of the newsroom as part of an address: Latin letters, digits and `-`, at most 60 of them.
/// Kazakh and Russian letters are transliterated; empty when nothing is left.
pub fn slugify(text: &str) -> String {
    let latin = any_ascii::any_ascii(text).to_ascii_lowercase();
    let mut slug = String::new();
    for c in latin.chars().filter(|c| !matches!(c, '\'' | '`' | '"')) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(60);
    slug.trim_end_matches('-').to_owned()
}
