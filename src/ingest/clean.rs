//! Stand-in until the cleaning of branch `ingest` is here: same surface, simpler rules.

use std::borrow::Cow;

use crate::model::WebUrl;

/// Bounds on one article's HTML.
#[derive(Clone, Copy, Debug)]
pub struct CleanLimits {
    /// Longer is refused.
    pub bytes_max: usize,
    /// Deeper is refused.
    pub depth_max: usize,
}

/// What was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Its name.
    pub what: String,
    /// How often.
    pub count: usize,
}

/// Clean HTML and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// Safe, with absolute links.
    pub html: String,
    /// What was taken out.
    pub removed: Vec<Removal>,
}

/// HTML beyond the limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TooMuch(pub String);

/// Cleans a body.
pub fn clean_html(raw: &str, base: &WebUrl, limits: &CleanLimits) -> Result<Cleaned, TooMuch> {
    if raw.len() > limits.bytes_max {
        return Err(TooMuch(format!("it is longer than {} bytes", limits.bytes_max)));
    }
    let mut cleaner = ammonia::Builder::default();
    if let Ok(base) = url::Url::parse(base.as_str()) {
        cleaner.url_relative(ammonia::UrlRelative::RewriteWithBase(base));
    }
    let (text, _) = without_forbidden(raw);
    Ok(Cleaned { html: cleaner.clean(&text).to_string(), removed: Vec::new() })
}

/// Text without tags and entities, white space folded.
pub fn plain_text(raw: &str) -> String {
    let (raw, _) = without_forbidden(raw);
    let text: String = scraper::Html::parse_fragment(&raw).root_element().text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text without the characters that XML 1.0 forbids, and how many there were.
pub fn without_forbidden(text: &str) -> (Cow<'_, str>, usize) {
    let bad = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let count = text.chars().filter(|c| bad(*c)).count();
    match count {
        0 => (Cow::Borrowed(text), 0),
        n => (Cow::Owned(text.chars().filter(|c| !bad(*c)).collect()), n),
    }
}
