//! What may stand in a document: characters, lines, addresses, and the first words of an article.
//!
//! Everything is one pass over its input and borrows where nothing changes. It cleans no HTML: that
//! was done when the article came in.

use std::borrow::Cow;

use crate::model::WebUrl;

/// Bytes looked at together.
const STRIDE: usize = 64;

/// Text that XML 1.0 can carry and that every parser reads back as it is: without control
/// characters and U+FFFE/U+FFFF, every line end a line feed (XML 1.0 §2.2, §2.11). C1 controls
/// could stand in XML, but only ever come from a wrong decoding.
pub fn block(text: &str) -> Cow<'_, str> {
    let Some(first) = first_forbidden(text) else {
        return Cow::Borrowed(text);
    };
    let mut clean = String::with_capacity(text.len());
    clean.push_str(&text[..first]);
    let mut rest = text[first..].chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            c if forbidden(c) => {}
            c => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// [`block`] in one line: runs of white space become one space, none of any kind at the ends.
pub fn line(text: &str) -> Cow<'_, str> {
    let text = match block(text) {
        Cow::Borrowed(text) => text.trim(),
        Cow::Owned(text) => return Cow::Owned(joined(text.trim())),
    };
    if is_line(text) { Cow::Borrowed(text) } else { Cow::Owned(joined(text)) }
}

fn is_line(text: &str) -> bool {
    let mut after_space = true;
    for c in text.chars() {
        let space = c == ' ';
        if (c.is_whitespace() && !space && !is_kept_space(c)) || (space && after_space) {
            return false;
        }
        after_space = space;
    }
    text.is_empty() || !after_space
}

fn joined(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let breaks = |c: char| c.is_whitespace() && !is_kept_space(c);
    for word in text.split(breaks).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A no-break space is typography, not layout.
fn is_kept_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}')
}

/// As `text.find(forbidden)`, in strides that hold no byte with which a forbidden character begins.
fn first_forbidden(text: &str) -> Option<usize> {
    let suspect =
        |b: &u8| (*b < b' ' && !matches!(b, b'\t' | b'\n')) || matches!(b, 0x7f | 0xc2 | 0xef);
    let mut strides = text.as_bytes().chunks(STRIDE).enumerate();
    let held = |stride: &[u8]| stride.iter().fold(false, |held, b| held | suspect(b));
    strides.find_map(|(number, stride)| {
        held(stride).then_some(())?;
        // A character that begins in this stride may end in the next one.
        let (mut from, mut to) = (number * STRIDE, (number + 1) * STRIDE);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        while to < text.len() && !text.is_char_boundary(to) {
            to += 1;
        }
        let part = &text[from..to.min(text.len())];
        part.find(forbidden).map(|at| from + at)
    })
}

fn forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

/// Plain text as HTML, for places where readers expect HTML (an RSS description).
pub fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            c => html.push(c),
        }
    }
    html
}

/// The address byte for byte where it is a URI (RFC 3986), else with what a URI cannot hold
/// percent-encoded and the rest as it was.
pub fn uri(url: &WebUrl) -> Cow<'_, str> {
    let text = url.as_str();
    let usual = has_usual_start(text) && !text.contains('\\');
    if usual && first_foreign(text).is_none() {
        return Cow::Borrowed(text);
    }
    // A host in other letters needs its ASCII form, which only a parser can make.
    let host_end = text.match_indices('/').nth(2).map_or(text.len(), |(at, _)| at);
    if usual && text[..host_end].is_ascii() {
        return Cow::Owned(percent_encoded(text));
    }
    Cow::Owned(percent_encoded(&url.to_uri()))
}

fn has_usual_start(text: &str) -> bool {
    let rest = text.split_once("://").filter(|(scheme, _)| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    rest.is_some_and(|(_, rest)| !rest.starts_with('/'))
}

/// Where the first byte is that no URI holds at that place, or a `%` that encodes nothing.
fn first_foreign(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let encodes = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    (0..bytes.len()).find(|&at| match bytes[at] {
        b'%' => !encodes(at),
        byte => !is_uri_byte(byte),
    })
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte)
}

fn percent_encoded(text: &str) -> String {
    let mut uri = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(at) = first_foreign(rest) {
        uri.push_str(&rest[..at]);
        let c = rest[at..].chars().next().unwrap_or_default();
        let mut bytes = [0; 4];
        for byte in c.encode_utf8(&mut bytes).bytes() {
            uri.push_str(&format!("%{byte:02X}"));
        }
        rest = &rest[at + c.len_utf8()..];
    }
    uri.push_str(rest);
    uri
}

/// A media type that looks like one (RFC 6838 §4.2), else the one that says nothing.
pub fn media_type(text: &str) -> &str {
    let name = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let text = text.trim();
    let good = text.split_once('/').is_some_and(|(kind, sub)| name(kind) && name(sub));
    if good { text } else { "application/octet-stream" }
}
