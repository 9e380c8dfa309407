//! What strangers wrote becomes HTML that is safe in every feed reader: an allow-list of tags and
//! attributes, absolute links, no forbidden characters.
//!
//! Refuses what is too large or nested too deep *before* it reaches the parser that pays for it
//! (that one is quadratic in nesting). What it returns is a fix-point: cleaning it again changes
//! nothing.

mod allow;
mod depth;
mod links;
mod text;

use std::collections::BTreeMap;

use crate::model::WebUrl;

pub use text::{plain_text, without_forbidden};

/// Bounds on what is cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanLimits {
    /// Bytes of HTML, before and after.
    pub bytes_max: usize,
    /// Elements within one another.
    pub depth_max: usize,
}

/// HTML that may be published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// The clean HTML.
    pub html: String,
    /// What had to go, by name.
    pub removed: Vec<Removal>,
}

/// Something that was taken out, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// For example `script`, `control character` or `event attribute onclick`.
    pub what: String,
    /// How often.
    pub count: usize,
}

/// HTML that is refused unread.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// More bytes than allowed.
    #[error("the HTML has {found} bytes, at most {max} are taken")]
    Size {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Nested deeper than allowed.
    #[error("the HTML is nested more than {max} elements deep")]
    Depth {
        /// Depth allowed.
        max: usize,
    },
    /// A stretch of text with so many signs to escape that writing it would take too long.
    #[error(
        "the HTML has {found} bytes without a tag among them, full of signs to escape: \
         split it into paragraphs"
    )]
    Text {
        /// Bytes of the stretch.
        found: usize,
    },
    /// So broken that repairing it makes more elements than allowed.
    #[error("the HTML makes more than {max} elements")]
    Elements {
        /// Elements allowed.
        max: usize,
    },
}

/// Bytes of a text times its signs to escape.
const TEXT_COST_MAX: usize = 512 << 20;
/// Cleaning mends broken nesting step by step; more steps than this are not tried.
const PASSES_MAX: usize = 6;

/// Cleans the HTML of one article whose page is `base`.
pub fn clean_html(raw: &str, base: &WebUrl, limits: &CleanLimits) -> Result<Cleaned, TooMuch> {
    within(raw, limits)?;
    let (text, forbidden) = without_forbidden(raw);
    let mut removed = BTreeMap::new();
    count(&mut removed, "control character", forbidden);
    if !text.contains(['<', '&', '\r', '\u{a0}', '>']) {
        return Ok(Cleaned { html: text.into_owned(), removed: listed(removed) });
    }
    for (what, times) in depth::look_through(&text, limits)? {
        count(&mut removed, &what, times);
    }
    let html = settled(&text, base, limits, &mut removed)?;
    Ok(Cleaned { html, removed: listed(removed) })
}

/// Cleans until cleaning changes nothing. What never settles is kept as its text alone.
fn settled(
    text: &str,
    base: &WebUrl,
    limits: &CleanLimits,
    removed: &mut BTreeMap<String, usize>,
) -> Result<String, TooMuch> {
    let rules = allow::Rules::new(base);
    let mut html = rules.clean_players(text);
    for _ in 0..PASSES_MAX {
        let (kept, forbidden) = without_forbidden(&html);
        count(removed, "control character", forbidden);
        within(&kept, limits)?;
        let again = rules.clean(&kept);
        if again == html {
            return Ok(html);
        }
        html = again;
    }
    count(removed, "markup that cannot be mended", 1);
    Ok(escaped(&plain_text(&html)))
}

/// Refuses HTML that is too large or nested too deep, for whoever is about to parse it.
pub(super) fn check(html: &str, limits: &CleanLimits) -> Result<(), TooMuch> {
    within(html, limits)?;
    depth::look_through(html, limits).map(drop)
}

fn within(html: &str, limits: &CleanLimits) -> Result<(), TooMuch> {
    let (found, max) = (html.len(), limits.bytes_max);
    if found > max {
        return Err(TooMuch::Size { found, max });
    }
    // html5ever's serializer looks through the rest of a text for `<` at each `&`, `«` or no-break
    // space: quadratic in a text.
    let signs = |text: &str| text.bytes().filter(|b| matches!(b, b'&' | 0xc2)).count();
    let dear = html.split('<').find(|text| text.len().saturating_mul(signs(text)) > TEXT_COST_MAX);
    dear.map_or(Ok(()), |text| Err(TooMuch::Text { found: text.len() }))
}

fn count(removed: &mut BTreeMap<String, usize>, what: &str, times: usize) {
    if times > 0 {
        *removed.entry(what.to_owned()).or_default() += times;
    }
}

fn listed(removed: BTreeMap<String, usize>) -> Vec<Removal> {
    removed.into_iter().map(|(what, count)| Removal { what, count }).collect()
}

/// Text as HTML, written as the HTML serializer writes it; not for attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\u{a0}' => html.push_str("&nbsp;"),
            c => html.push(c),
        }
    }
    html
}
