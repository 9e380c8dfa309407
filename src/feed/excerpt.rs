//! The first words of an article's HTML as plain text, for entries without a summary.
//!
//! One pass that stops early. It is no HTML parser and decides nothing about safety: what it
//! returns is escaped like any other text.

/// Elements whose text is not the article's own.
const SILENT: [&str; 4] = ["script", "style", "noscript", "figcaption"];
/// Elements that may stand inside a word; every other tag ends one.
const INLINE: [&str; 18] = [
    "a", "abbr", "b", "cite", "code", "em", "i", "ins", "del", "mark", "q", "s", "small", "span",
    "strong", "sub", "sup", "u",
];
/// Languages that write no spaces get an end too.
const BYTES_MAX: usize = 2000;

/// At most `words_max` words in one line; `…` at the end says that there is more.
pub fn excerpt(html: &str, words_max: usize) -> String {
    let mut words = Words { text: String::new(), left: words_max, gap: false, full: false };
    let mut rest = html;
    while !rest.is_empty() && !words.full {
        let plain = rest.find(['<', '&']).unwrap_or(rest.len());
        words.push_str(&rest[..plain]);
        rest = &rest[plain..];
        rest = match rest.as_bytes().first() {
            Some(b'<') => after_tag(rest, &mut words),
            Some(b'&') => after_reference(rest, &mut words),
            _ => rest,
        };
    }
    words.end()
}

struct Words {
    text: String,
    left: usize,
    gap: bool,
    full: bool,
}

impl Words {
    fn push_str(&mut self, text: &str) {
        for c in text.chars() {
            if self.full {
                return;
            }
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        if c.is_whitespace() || c.is_control() {
            self.gap = true;
            return;
        }
        if self.gap || self.text.is_empty() {
            if self.left == 0 {
                self.full = true;
                return;
            }
            self.left -= 1;
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.gap = false;
        }
        self.text.push(c);
        self.full = self.text.len() > BYTES_MAX;
    }

    fn end(mut self) -> String {
        if self.full {
            self.text.push('…');
        }
        self.text
    }
}

/// What follows the tag, comment or declaration that `rest` begins with.
fn after_tag<'a>(rest: &'a str, words: &mut Words) -> &'a str {
    let inner = &rest[1..];
    let closes = inner.starts_with('/');
    let name_at = &inner[usize::from(closes)..];
    let name_end = name_at.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name_at.len());
    let name = name_at[..name_end].to_ascii_lowercase();
    if inner.starts_with("!--") {
        return after(inner, "-->");
    }
    if inner.starts_with(['!', '?']) {
        return after(inner, ">");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        words.push('<');
        return inner;
    }
    words.gap |= !INLINE.contains(&name.as_str());
    let rest = after_attributes(&name_at[name_end..]);
    if !closes && SILENT.contains(&name.as_str()) { at_end_tag(rest, &name) } else { rest }
}

fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

/// What follows the `>` that ends a tag; one in quotes does not.
fn after_attributes(mut rest: &str) -> &str {
    while let Some(at) = rest.find(['>', '"', '\'']) {
        let mark = &rest[at..=at];
        rest = &rest[at + 1..];
        if mark == ">" {
            return rest;
        }
        rest = after(rest, mark);
    }
    ""
}

fn at_end_tag<'a>(text: &'a str, name: &str) -> &'a str {
    let is_end = |at: usize| {
        text.get(at + 2..at + 2 + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    };
    let end = text.match_indices("</").find(|(at, _)| is_end(*at));
    end.map_or("", |(at, _)| &text[at..])
}

/// What follows the character reference that `rest` begins with; one that is none is text.
fn after_reference<'a>(rest: &'a str, words: &mut Words) -> &'a str {
    let name_end = rest.bytes().take(12).position(|b| b == b';');
    let decoded = name_end.and_then(|end| Some((character(rest.get(1..end)?)?, end)));
    match decoded {
        Some((c, end)) => {
            words.push(c);
            &rest[end + 1..]
        }
        None => {
            words.push('&');
            &rest[1..]
        }
    }
}

/// The references that cleaned HTML and newsrooms use.
fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = match hex {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "laquo" => '«',
        "raquo" => '»',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" => '‘',
        "rsquo" => '’',
        _ => return None,
    })
}
