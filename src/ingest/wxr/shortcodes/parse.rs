//! What is a shortcode and what is just text in brackets.

use std::collections::BTreeSet;

/// A shortcode longer than this is text.
const TAG_BYTES_MAX: usize = 2048;
/// The end of a shortcode is looked for this far.
const ENCLOSED_BYTES_MAX: usize = 16 << 10;

/// Shortcodes that are one even without attributes or an end.
const KNOWN: &[&str] = &[
    "caption",
    "wp_caption",
    "gallery",
    "audio",
    "video",
    "playlist",
    "embed",
    "contact-form-7",
    "contact-form",
    "toc",
    "adsense",
    "ad",
    "share",
    "rating",
    "likebtn",
    "sharethis",
];

/// `[name key="value"]` or `[/name]`.
#[derive(Debug)]
pub(super) struct Tag {
    pub name: String,
    pub closes: bool,
    pub attributes: Attributes,
}

/// Attributes of a shortcode in their order; keys in lower case.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The value of a key, if it is not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

impl Tag {
    /// Reads a tag at the start of `on`, and what follows it.
    pub fn parse(on: &str) -> Option<(Tag, &str)> {
        let inner = on.strip_prefix('[')?;
        let (closes, named) = match inner.strip_prefix('/') {
            Some(named) => (true, named),
            None => (false, inner),
        };
        let name_end = named.find(|c: char| !is_name_char(c)).unwrap_or(named.len());
        let (name, rest) = named.split_at(name_end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let end = closing_bracket(rest)?;
        let (values, after) = (&rest[..end], &rest[end + 1..]);
        if !values.is_empty() && !values.starts_with(|c: char| c.is_whitespace() || c == '/') {
            return None;
        }
        let attributes = attributes(values.trim_end_matches('/'));
        Some((Tag { name: name.to_owned(), closes, attributes }, after))
    }

    /// WordPress knows which names are registered; an export does not say, so a shortcode is what
    /// looks like one: a known name, attributes, an end somewhere, or an underscore in the name.
    pub fn is_shortcode(&self, closings: &BTreeSet<String>) -> bool {
        KNOWN.contains(&self.name.as_str())
            || !self.attributes.0.is_empty()
            || closings.contains(&self.name)
            || self.name.contains('_')
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// The `]` that ends a tag, not one inside of quotes or of another tag.
fn closing_bracket(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate().take(TAG_BYTES_MAX) {
        match (byte, quote) {
            (b']', None) => return Some(at),
            (b'[' | b'<', None) => return None,
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    // A lone apostrophe is not a quote.
    rest.bytes()
        .take(TAG_BYTES_MAX)
        .position(|b| b == b']')
        .filter(|end| !rest[..*end].contains(['[', '<']))
}

/// `key="value"`, `key='value'`, `key=value`; words without `=` do not count.
fn attributes(text: &str) -> Attributes {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(equals) = rest.find('=') {
        let (before, on) = (&rest[..equals], rest[equals + 1..].trim_start());
        let key = before.split_whitespace().next_back().unwrap_or_default().to_ascii_lowercase();
        let quote = on.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, after) = match quote {
            Some(quote) => on[1..].split_once(quote).unwrap_or((&on[1..], "")),
            None => on.split_once(char::is_whitespace).unwrap_or((on, "")),
        };
        if !key.is_empty() && key.chars().all(is_name_char) {
            found.push((key, value.to_owned()));
        }
        rest = after;
    }
    Attributes(found)
}

/// `[[name …]]` stands for `[name …]`: the inner part, and what follows.
pub(super) fn doubled(on: &str) -> Option<(&str, &str)> {
    let inner = on.strip_prefix('[').filter(|inner| inner.starts_with('['))?;
    let (_, after) = Tag::parse(inner)?;
    let after = after.strip_prefix(']')?;
    Some((&inner[..inner.len() - after.len() - 1], after))
}

/// What stands between a tag and its end, and what follows; empty for a tag without end.
pub(super) fn enclosed<'t>(tag: &Tag, after: &'t str) -> (&'t str, &'t str) {
    let near = &after[..after.floor_char_boundary(ENCLOSED_BYTES_MAX)];
    let end = format!("[/{}]", tag.name);
    match near.find(&end).map(|at| (&after[..at], &after[at + end.len()..])) {
        // A next tag of the same name before the end means that this one has none.
        Some((content, _)) if content.contains(&format!("[{} ", tag.name)) => ("", after),
        Some((content, rest)) => (content, rest),
        None => ("", after),
    }
}

/// The names of all ends, `[/name]`.
pub(super) fn closings(html: &str) -> BTreeSet<String> {
    let ends = html.split("[/").skip(1).filter_map(|on| {
        let name = &on[..on.find(|c: char| !is_name_char(c))?];
        (!name.is_empty() && on[name.len()..].starts_with(']')).then(|| name.to_owned())
    });
    ends.take(1000).collect()
}

/// Where the HTML tag or comment ends that begins `on`; `None` where it does not.
pub(super) fn tag_end(on: &str) -> Option<usize> {
    if on.starts_with("<!--") {
        return on.find("-->").map(|end| end + 3);
    }
    if !on[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') {
        return Some(1);
    }
    let mut quote = None;
    for (at, byte) in on.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return Some(at + 1),
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}
