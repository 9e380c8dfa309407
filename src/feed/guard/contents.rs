//! Reads ids and links out of a document with a strict parser; whatever a strict reader would
//! refuse is refused here.

use std::borrow::Cow;

use serde::Deserialize;
use xml::{
    attribute::OwnedAttribute,
    common::XmlVersion,
    name::OwnedName,
    reader::{EventReader, ParserConfig, XmlEvent},
};

use crate::model::Format;

use super::{GuardFault, skeleton::skeleton};

const DEPTH_MAX: usize = 64;
const ATOM: &str = "http://www.w3.org/2005/Atom";
const RDF_SYNTAX: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const RSS_1: &str = "http://purl.org/rss/1.0/";

/// What a document shows, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Of each entry: RSS guid, Atom id, JSON Feed id, RSS 1.0 link.
    pub ids: Vec<String>,
    /// Of each entry: its page. Empty where it has none.
    pub links: Vec<String>,
}

/// Parses a document strictly and says what it shows.
pub fn contents(format: Format, bytes: &[u8]) -> Result<Contents, GuardFault> {
    let expected = match format {
        Format::Rss | Format::Atom | Format::Rdf => "<?xml",
        Format::Json => "{",
    };
    if !bytes.starts_with(expected.as_bytes()) {
        return Err(GuardFault::Beginning { expected });
    }
    let text = std::str::from_utf8(bytes).map_err(ill_formed)?;
    match format {
        Format::Rss => XmlReader::read(&RSS, text),
        Format::Atom => XmlReader::read(&ATOM_FEED, text),
        Format::Rdf => XmlReader::read(&RDF, text),
        Format::Json => json(text),
    }
}

#[derive(Deserialize)]
struct JsonFeed<'a> {
    #[serde(borrow)]
    version: Cow<'a, str>,
    #[serde(borrow)]
    items: Vec<JsonItem<'a>>,
}

#[derive(Deserialize)]
struct JsonItem<'a> {
    id: String,
    #[serde(default)]
    url: String,
    // Parsed so that their escapes are checked, not only skipped.
    #[serde(default, borrow, rename = "content_html")]
    _content_html: Cow<'a, str>,
    #[serde(default, borrow, rename = "content_text")]
    _content_text: Cow<'a, str>,
}

fn json(text: &str) -> Result<Contents, GuardFault> {
    let feed: JsonFeed<'_> = serde_json::from_str(text).map_err(ill_formed)?;
    if !feed.version.starts_with("https://jsonfeed.org/version/1") {
        return Err(GuardFault::WrongRoot);
    }
    let (ids, links) = feed.items.into_iter().map(|item| (item.id, item.url)).unzip();
    Ok(Contents { ids, links })
}

fn ill_formed(why: impl ToString) -> GuardFault {
    GuardFault::IllFormed(why.to_string())
}

/// Where a format keeps its entries.
struct Shape {
    root: Option<&'static str>,
    namespace: Option<&'static str>,
    /// The elements around an entry and itself.
    entry: &'static [&'static str],
    id: &'static str,
}

const RSS: Shape =
    Shape { root: None, namespace: None, entry: &["rss", "channel", "item"], id: "guid" };
const ATOM_FEED: Shape =
    Shape { root: Some(ATOM), namespace: Some(ATOM), entry: &["feed", "entry"], id: "id" };
const RDF: Shape =
    Shape { root: Some(RDF_SYNTAX), namespace: Some(RSS_1), entry: &["RDF", "item"], id: "link" };

struct XmlReader<'a> {
    shape: &'a Shape,
    /// How many of the open elements lead to an entry.
    matched: usize,
    open: usize,
    /// The child of an entry whose text is being read.
    reading: Option<Field>,
    contents: Contents,
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Id,
    Link,
}

impl XmlReader<'_> {
    /// What the skeleton shows where a strict parser takes it; else the whole document decides,
    /// and its fault is the one to tell.
    fn read(shape: &Shape, text: &str) -> Result<Contents, GuardFault> {
        XmlReader::parse(shape, &skeleton(text)).or_else(|_| XmlReader::parse(shape, text))
    }

    fn parse(shape: &Shape, text: &str) -> Result<Contents, GuardFault> {
        let config = ParserConfig::new()
            .allow_multiple_root_elements(false)
            .ignore_comments(false)
            .whitespace_to_characters(true)
            .cdata_to_characters(true)
            .coalesce_characters(false);
        let mut parser = EventReader::new_with_config(text.as_bytes(), config);
        let contents = Contents::default();
        let mut reader = XmlReader { shape, matched: 0, open: 0, reading: None, contents };
        loop {
            match parser.next().map_err(ill_formed)? {
                XmlEvent::EndDocument => return Ok(reader.contents),
                event => reader.take(event)?,
            }
        }
    }

    fn take(&mut self, event: XmlEvent) -> Result<(), GuardFault> {
        match event {
            XmlEvent::StartDocument { version, encoding, .. } => {
                let good =
                    version == XmlVersion::Version10 && encoding.eq_ignore_ascii_case("utf-8");
                good.then_some(()).ok_or_else(|| ill_formed("it is not XML 1.0 in UTF-8"))
            }
            XmlEvent::StartElement { name, attributes, .. } => self.start(&name, &attributes),
            XmlEvent::EndElement { .. } => {
                self.open -= 1;
                self.matched = self.matched.min(self.open);
                self.reading = None;
                Ok(())
            }
            XmlEvent::Characters(text) => {
                self.append(&text);
                Ok(())
            }
            // We write none of these; refusing them keeps the parser's work simple.
            other => Err(ill_formed(format!("it holds {}", kind(&other)))),
        }
    }

    fn start(&mut self, name: &OwnedName, attrs: &[OwnedAttribute]) -> Result<(), GuardFault> {
        if self.open >= DEPTH_MAX {
            return Err(ill_formed(format!("elements nest deeper than {DEPTH_MAX}")));
        }
        if self.reading.is_some() {
            return Err(ill_formed("an id or link holds an element"));
        }
        let path = self.shape.entry;
        let Shape { root, namespace, .. } = self.shape;
        let ours = name.namespace.as_deref() == if self.open == 0 { *root } else { *namespace };
        let on_path = self.open == self.matched;
        if on_path && self.matched == path.len() && ours {
            self.child(&name.local_name, attrs);
        } else if on_path && ours && path.get(self.open).is_some_and(|n| *n == name.local_name) {
            self.matched += 1;
        }
        self.open += 1;
        if self.matched == 0 {
            return Err(GuardFault::WrongRoot);
        }
        if self.open == path.len() && self.matched == path.len() {
            self.contents.ids.push(String::new());
            self.contents.links.push(String::new());
        }
        Ok(())
    }

    /// A child of an entry: an id, a link, or nothing of interest.
    fn child(&mut self, name: &str, attributes: &[OwnedAttribute]) {
        if name == self.shape.id {
            self.reading = Some(Field::Id);
        } else if name == "link" {
            self.reading = Some(Field::Link);
            let value = |wanted: &str| {
                let found = attributes.iter().find(|attribute| attribute.name.local_name == wanted);
                found.map(|attribute| attribute.value.as_str())
            };
            if let (Some("alternate"), Some(href)) = (value("rel"), value("href")) {
                self.append(href);
            }
        }
    }

    fn append(&mut self, text: &str) {
        let target = match self.reading {
            Some(Field::Id) => self.contents.ids.last_mut(),
            Some(Field::Link) => self.contents.links.last_mut(),
            None => None,
        };
        if let Some(target) = target {
            target.push_str(text);
        }
    }
}

fn kind(event: &XmlEvent) -> &'static str {
    match event {
        XmlEvent::Doctype { .. } => "a DOCTYPE",
        XmlEvent::ProcessingInstruction { .. } => "a processing instruction",
        XmlEvent::Comment(_) => "a comment",
        _ => "something that no feed of ours holds",
    }
}
