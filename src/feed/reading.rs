//! The entries of a feed that another program made, as readers know them, however broken it is.
//!
//! WordPress's feeds often are not XML (control characters, a `]]>` in an excerpt), and readers take
//! them all the same. So this looks for tags and asks for no structure. It reads what an entry is
//! known by and nothing of its text.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::{Format, Millis};

/// Entries read; more are left out.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of one field.
const FIELD_BYTES_MAX: usize = 64 << 10;

/// A feed as readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFeed {
    /// Its shape.
    pub format: Format,
    /// Where it says it is.
    pub self_url: Option<String>,
    /// In its order.
    pub entries: Vec<ReadEntry>,
}

/// What readers know an entry by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadEntry {
    /// RSS guid, Atom id, JSON Feed id; empty where there is none.
    pub guid: String,
    /// Its page.
    pub link: String,
    /// As it is written.
    pub title: String,
    /// Publication, else the last change.
    pub published: Option<Millis>,
}

impl ReadEntry {
    /// What a reader remembers: the guid, or the link where there is none.
    pub fn key(&self) -> &str {
        if self.guid.is_empty() { &self.link } else { &self.guid }
    }
}

/// Reads a document, also one with the headers of its answer before it (`curl -i`); `None` for what
/// is no feed.
pub fn read(bytes: &[u8]) -> Option<ReadFeed> {
    let text = String::from_utf8_lossy(bytes);
    let text = without_head(&text);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('{') { json(text) } else { Reader::default().read(text) }
}

fn without_head(text: &str) -> &str {
    if !text.starts_with("HTTP/") {
        return text;
    }
    let after = |end: &str| text.split_once(end).map(|(_, body)| body);
    after("\r\n\r\n").or_else(|| after("\n\n")).unwrap_or(text)
}

fn json(text: &str) -> Option<ReadFeed> {
    let feed: Value = serde_json::from_str(text).ok()?;
    let word = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let entry = |item: &Value| ReadEntry {
        guid: word(item, "id"),
        link: word(item, "url"),
        title: word(item, "title"),
        published: date(&word(item, "date_published")),
    };
    let items = feed.get("items")?.as_array()?;
    let entries = items.iter().take(ENTRIES_MAX).map(entry).collect();
    let self_url = Some(word(&feed, "feed_url")).filter(|url| !url.is_empty());
    Some(ReadFeed { format: Format::Json, self_url, entries })
}

/// Goes through tags and text.
#[derive(Default)]
struct Reader<'a> {
    format: Option<Format>,
    self_url: Option<String>,
    entries: Vec<ReadEntry>,
    item: Option<Item>,
    /// The child of an entry whose text is being read.
    field: Option<(&'a str, String)>,
}

/// An entry that has begun.
#[derive(Default)]
struct Item {
    entry: ReadEntry,
    changed: Option<Millis>,
    /// Elements open within it; broken ones make it wrong, and its end makes up for that.
    depth: usize,
}

impl<'a> Reader<'a> {
    fn read(mut self, text: &'a str) -> Option<ReadFeed> {
        let mut rest = text;
        while self.entries.len() < ENTRIES_MAX {
            let Some(at) = rest.find('<') else { break };
            self.text(&unescaped(&rest[..at]));
            let tag = &rest[at..];
            let (ended, after) = if let Some(inner) = tag.strip_prefix("<![CDATA[") {
                let (text, after) = inner.split_once("]]>").unwrap_or((inner, ""));
                self.text(text);
                (None, after)
            } else if let Some(inner) = tag.strip_prefix("<!--") {
                (None, inner.split_once("-->").map_or("", |(_, after)| after))
            } else {
                let Some((tag, after)) = tag[1..].split_once('>') else { break };
                (Some(tag), after)
            };
            if let Some(tag) = ended {
                self.tag(tag);
            }
            rest = after;
        }
        self.finish();
        let (format, self_url) = (self.format?, self.self_url);
        Some(ReadFeed { format, self_url, entries: self.entries })
    }

    fn text(&mut self, text: &str) {
        if let Some((_, field)) = &mut self.field
            && field.len() + text.len() <= FIELD_BYTES_MAX
        {
            field.push_str(text);
        }
    }

    fn tag(&mut self, tag: &'a str) {
        if let Some(name) = tag.strip_prefix('/') {
            return self.end(name.trim());
        }
        let is_empty = tag.ends_with('/');
        let name = tag.split([' ', '\t', '\n', '\r', '/']).next().unwrap_or_default();
        match name {
            "rss" => self.format = self.format.or(Some(Format::Rss)),
            "feed" => self.format = self.format.or(Some(Format::Atom)),
            "rdf:RDF" => self.format = self.format.or(Some(Format::Rdf)),
            "item" | "entry" if self.format.is_some() => self.begin(tag),
            _ => self.child(name, tag, is_empty),
        }
    }

    /// An entry begins; one that did not end is over too.
    fn begin(&mut self, tag: &str) {
        self.finish();
        let mut item = Item::default();
        if self.format == Some(Format::Rdf) {
            item.entry.link = attribute(tag, "rdf:about").unwrap_or_default();
        }
        self.item = Some(item);
    }

    fn child(&mut self, name: &'a str, tag: &'a str, is_empty: bool) {
        let Some(item) = &mut self.item else {
            let is_self = attribute(tag, "rel").as_deref() == Some("self");
            if matches!(name, "link" | "atom:link") && is_self && self.self_url.is_none() {
                self.self_url = attribute(tag, "href");
            }
            return;
        };
        // An element that holds no others has not ended where another of its kind begins.
        if self.field.take_if(|(field, _)| is_line(field) && is_line(name)).is_some() {
            item.depth = 0;
        }
        if item.depth == 0 && self.field.is_none() {
            let rel = attribute(tag, "rel");
            if name == "link" && rel.is_none_or(|rel| rel == "alternate") {
                item.entry.link = attribute(tag, "href").unwrap_or(item.entry.link.clone());
            }
            self.field = (!is_empty).then(|| (name, String::new()));
        }
        item.depth += usize::from(!is_empty);
    }

    fn end(&mut self, name: &str) {
        if matches!(name, "item" | "entry") {
            return self.finish();
        }
        let Some(item) = &mut self.item else { return };
        item.depth = item.depth.saturating_sub(1);
        let Some((field, text)) = self.field.take_if(|(field, _)| *field == name) else { return };
        item.depth = 0;
        let text = text.trim().to_owned();
        match field {
            "guid" | "id" => item.entry.guid = text,
            "title" => item.entry.title = text,
            "link" if !text.is_empty() => item.entry.link = text,
            "pubDate" | "published" | "dc:date" => item.entry.published = date(&text),
            "updated" => item.changed = date(&text),
            _ => {}
        }
    }

    fn finish(&mut self) {
        self.field = None;
        if let Some(Item { mut entry, changed, .. }) = self.item.take() {
            entry.published = entry.published.or(changed);
            self.entries.push(entry);
        }
    }
}

/// The elements that are read: each a line of text.
fn is_line(name: &str) -> bool {
    matches!(
        name,
        "title" | "link" | "guid" | "id" | "pubDate" | "published" | "dc:date" | "updated"
    )
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        rest = after;
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        let is_whole = before.ends_with([' ', '\t', '\n', '\r']);
        let Some(value) = value.filter(|_| is_whole) else { continue };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        return value[1..].split(quote).next().map(|value| unescaped(value).into_owned());
    }
    None
}

/// The five names of XML and numbers; what is no reference stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.find(';').filter(|end| *end <= 10);
        match end.and_then(|end| character(&after[..end]).map(|c| (c, end))) {
            Some((c, end)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

fn date(text: &str) -> Option<Millis> {
    let rfc822 = || chrono::DateTime::parse_from_rfc2822(text).ok();
    let exact = || Millis::from_rfc3339(text).ok();
    let at = rfc822().map(|at| Millis(at.timestamp_millis())).or_else(exact)?;
    Some(Millis(at.seconds() * 1000))
}
