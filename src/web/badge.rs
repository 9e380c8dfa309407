//! The number as a small picture, for pages that run no script: `/count/{id}.svg?label=&lang=`.
//!
//! Light and dark by the reader's own preference. A label comes from whoever wrote the page's HTML:
//! it is bounded and escaped, and the picture may load and run nothing.

use std::fmt::Write;

/// Of the picture.
pub const CONTENT_TYPE: &str = "image/svg+xml; charset=utf-8";
/// What the picture may do when it is opened by itself.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const LABEL_CHARS_MAX: usize = 60;
const LONG_LABEL: &str = "The label of a badge has at most 60 characters.\n";
/// Room for one character, for digits and blanks, and on both sides, in pixels at 13 pixels.
const CHAR_WIDTH: usize = 8;
const DIGIT_WIDTH: usize = 7;
const MARGIN: usize = 6;

/// How a badge looks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looks {
    label: String,
    english: bool,
}

impl Looks {
    /// What the query says; an unknown language is written as Russian and Kazakh are.
    pub fn of(query: &str) -> Result<Looks, &'static str> {
        let mut looks = Looks::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "label" => looks.label = value.chars().filter(|c| is_shown(*c)).collect(),
                "lang" => looks.english = value == "en" || value.starts_with("en-"),
                _ => {}
            }
        }
        looks.label = looks.label.trim().to_owned();
        let fits = looks.label.chars().count() <= LABEL_CHARS_MAX;
        fits.then_some(looks).ok_or(LONG_LABEL)
    }
}

/// What XML can carry and a person can see in its place: no control characters, no bidi overrides.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The picture.
pub fn svg(number: u64, looks: &Looks) -> String {
    let number = grouped(number, if looks.english { ',' } else { '\u{a0}' });
    let text = match looks.label.as_str() {
        "" => number,
        label => format!("{label} {number}"),
    };
    let width = text.chars().map(char_width).sum::<usize>();
    let (whole, text) = (width + 2 * MARGIN, escaped(&text));
    // textLength makes it fit, whatever font the reader has.
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" \
         aria-label=\"{text}\"><title>{text}</title><style>text{{font:13px system-ui,sans-serif;\
         fill:#333}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>\
         <text x=\"{MARGIN}\" y=\"15\" textLength=\"{width}\" \
         lengthAdjust=\"spacingAndGlyphs\">{text}</text></svg>"
    )
}

fn char_width(c: char) -> usize {
    if c.is_ascii_digit() || c.is_ascii_punctuation() || c.is_whitespace() {
        DIGIT_WIDTH
    } else {
        CHAR_WIDTH
    }
}

/// Digits in groups of three.
fn grouped(number: u64, between: char) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(between);
        }
        grouped.push(digit);
    }
    grouped
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "&#{};", c as u32);
            }
            c => escaped.push(c),
        }
    }
    escaped
}
