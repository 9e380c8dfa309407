//! Reads an export as a stream: site, authors, items. Memory stays that of one item.
//!
//! quick-xml expands no entities but sets no limits either, so they are here: nesting, bytes of a
//! field, no DTD, no entity that XML does not define. Says the line on which reading ended.

use std::io::Read;

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    item::{Item, Place},
    xml_bytes::XmlBytes,
};

/// Elements within one another.
const DEPTH_MAX: usize = 64;
/// Bytes between two tags; a field larger than its own limit is skipped, one larger than this ends
/// the reading.
const EVENT_BYTES_MAX: usize = 32 << 20;

/// One thing of an export.
#[derive(Debug)]
pub(super) enum Piece {
    /// `wp:wxr_version`: this is an export.
    Version,
    /// The site's address.
    Site(String),
    /// When the export was made, as `2026-11-23 09:08` in UTC.
    Created(String),
    /// A login and the name that readers see.
    Author(NamedAuthor),
    /// A category or a tag.
    Term(NamedTerm),
    /// A post, page, attachment, …
    Item(Box<Item>),
}

/// An author as the channel lists them.
#[derive(Debug, Default)]
pub(super) struct NamedAuthor {
    pub login: String,
    pub name: String,
    pub id: String,
}

/// A category or tag as the channel lists them.
#[derive(Debug, Default)]
pub(super) struct NamedTerm {
    pub is_tag: bool,
    pub slug: String,
    pub name: String,
    pub parent: String,
    pub id: String,
}

/// Where and why reading ended before the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong.
    pub why: String,
}

/// A stream of pieces.
pub(super) struct Pieces<R: Read> {
    xml: Reader<XmlBytes<R>>,
    buf: Vec<u8>,
    open: Vec<Open>,
    item: Option<Box<Item>>,
    author: NamedAuthor,
    term: NamedTerm,
    field_bytes_max: usize,
    roots: usize,
}

struct Open {
    place: Place,
    text: String,
    domain: String,
    nicename: String,
}

impl<R: Read> Pieces<R> {
    /// Reads from `input`; fields longer than `field_bytes_max` make their item too large.
    pub fn new(input: R, field_bytes_max: usize) -> Pieces<R> {
        let mut xml = Reader::from_reader(XmlBytes::new(input));
        xml.config_mut().check_end_names = true;
        Pieces {
            xml,
            buf: Vec::new(),
            open: Vec::new(),
            item: None,
            author: NamedAuthor::default(),
            term: NamedTerm::default(),
            field_bytes_max,
            roots: 0,
        }
    }

    /// Characters taken out so far that XML forbids.
    pub fn forbidden(&self) -> usize {
        self.xml.get_ref().forbidden()
    }

    /// The next piece, `None` at the end.
    pub fn next(&mut self) -> Result<Option<Piece>, Broken> {
        loop {
            match self.step() {
                Ok(Step::Piece(piece)) => return Ok(Some(piece)),
                Ok(Step::On) => {}
                Ok(Step::End) => return Ok(None),
                Err(why) => return Err(Broken { line: self.xml.get_ref().line(), why }),
            }
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        self.xml.get_mut().allow(EVENT_BYTES_MAX);
        let mut buf = std::mem::take(&mut self.buf);
        buf.clear();
        let step = match self.xml.read_event_into(&mut buf) {
            Ok(event) => self.event(event),
            Err(error) => Err(plain(&error)),
        };
        self.buf = buf;
        step
    }

    fn event(&mut self, event: Event<'_>) -> Result<Step, String> {
        match event {
            Event::Start(start) => self.start(&start),
            Event::Empty(start) => {
                self.start(&start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.into_inner()),
            Event::GeneralRef(entity) => self.entity(&entity),
            Event::Comment(text) => Ok(self.comment(&text.into_inner())),
            Event::DocType(_) => Err("a DTD is not taken".into()),
            Event::Decl(_) | Event::PI(_) => Ok(Step::On),
            Event::Eof if self.roots == 0 => Err("it is empty, or not XML".into()),
            Event::Eof if !self.open.is_empty() => Err(self.cut_short()),
            Event::Eof => Ok(Step::End),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Step, String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("elements are nested more than {DEPTH_MAX} deep"));
        }
        let parent = self.open.last().map(|open| open.place);
        let place = Place::of(parent, start.name().as_ref());
        if parent.is_none() {
            self.roots += 1;
            if self.roots > 1 {
                return Err("there is more than one root element".into());
            }
            if place == Place::Other {
                return Err("it is not a WordPress export: the root is not <rss>".into());
            }
        }
        match place {
            Place::Item => self.item = Some(Box::default()),
            Place::Term => self.term.is_tag = start.name().as_ref() == "wp:tag",
            _ => {}
        }
        let (domain, nicename) = if place == Place::Category {
            (attribute(start, "domain"), attribute(start, "nicename"))
        } else {
            Default::default()
        };
        self.open.push(Open { place, text: String::new(), domain, nicename });
        Ok(Step::On)
    }

    fn text(&mut self, text: &str) -> Result<Step, String> {
        let Some(open) = self.open.last_mut() else {
            return if text.trim().is_empty() {
                Ok(Step::On)
            } else {
                Err("there is text outside of the root element".into())
            };
        };
        if !open.place.holds_text() {
            return Ok(Step::On);
        }
        let bytes_max = open.place.bytes_max(self.field_bytes_max);
        if open.text.len() + text.len() <= bytes_max {
            open.text.push_str(text);
        } else if open.place == Place::MetaValue {
            // Page builders keep whole sites there; nothing that we read is so long.
            open.place = Place::Other;
            open.text = String::new();
        } else if let Some(item) = &mut self.item {
            item.too_large = true;
        }
        Ok(Step::On)
    }

    fn entity(&mut self, entity: &BytesRef<'_>) -> Result<Step, String> {
        let name = entity.clone().into_inner();
        let known = match &*name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            _ => "",
        };
        if !known.is_empty() {
            return self.text(known);
        }
        match entity.resolve_char_ref() {
            Ok(Some(c)) => {
                let mut buf = [0; 4];
                let text: &str = c.encode_utf8(&mut buf);
                let (kept, forbidden) = crate::ingest::clean::without_forbidden(text);
                self.xml.get_mut().count_forbidden(forbidden);
                self.text(&kept)
            }
            _ => Err(format!(
                "the entity &{}; is not one that XML defines",
                name.chars().take(40).collect::<String>()
            )),
        }
    }

    fn comment(&self, text: &str) -> Step {
        let created = text.split_once("created=\"").and_then(|(_, on)| on.split('"').next());
        match created {
            Some(at) if self.item.is_none() => Step::Piece(Piece::Created(at.to_owned())),
            _ => Step::On,
        }
    }

    fn end(&mut self) -> Result<Step, String> {
        let Some(open) = self.open.pop() else {
            return Err("an element ends that did not begin".into());
        };
        let piece = match open.place {
            Place::Version => Piece::Version,
            Place::Site => Piece::Site(open.text.trim().to_owned()),
            Place::AuthorLogin => return self.keep(|this| this.author.login = open.text),
            Place::AuthorName => return self.keep(|this| this.author.name = open.text),
            Place::AuthorId => return self.keep(|this| this.author.id = open.text),
            Place::Author => Piece::Author(std::mem::take(&mut self.author)),
            Place::TermSlug => return self.keep(|this| this.term.slug = open.text),
            Place::TermName => return self.keep(|this| this.term.name = open.text),
            Place::TermParent => return self.keep(|this| this.term.parent = open.text),
            Place::TermId => return self.keep(|this| this.term.id = open.text),
            Place::Term => Piece::Term(std::mem::take(&mut self.term)),
            Place::Item => match self.item.take() {
                Some(item) => Piece::Item(item),
                None => return Ok(Step::On),
            },
            place => {
                if let Some(item) = &mut self.item {
                    item.set(place, open.text, &open.domain, open.nicename);
                }
                return Ok(Step::On);
            }
        };
        Ok(Step::Piece(piece))
    }

    fn keep(&mut self, change: impl FnOnce(&mut Self)) -> Result<Step, String> {
        change(self);
        Ok(Step::On)
    }

    fn cut_short(&self) -> String {
        match &self.item {
            Some(item) if item.id > 0 => format!("it ends in the middle of post {}", item.id),
            Some(_) => "it ends in the middle of an item".into(),
            None => "it ends before </rss>".into(),
        }
    }
}

enum Step {
    Piece(Piece),
    On,
    End,
}

fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = start.attributes();
    let found = attributes.with_checks(false).take(64).flatten();
    let value = found.into_iter().find(|a| a.key.as_ref() == name).map(|a| a.value.into_owned());
    let value = value.unwrap_or_default();
    quick_xml::escape::unescape(&value).map(|v| v.into_owned()).unwrap_or(value)
}

fn plain(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the archive is cut short".into()
        }
        quick_xml::Error::Io(error) => error.to_string(),
        other => format!("the XML is broken: {other}"),
    }
}
