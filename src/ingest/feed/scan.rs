//! A look through a feed before it is parsed: the parser takes a file that ends in the middle of an
//! entry, follows any nesting, and forgets the `<enclosure>`s of an item that has Media RSS too.

use quick_xml::{
    Reader, XmlVersion,
    encoding::DecodingReader,
    events::{BytesStart, Event},
};

/// Elements within each other; a feed with XHTML inside has a few dozen.
const DEPTH_MAX: usize = 256;

/// Enclosures of one item that are read.
const ENCLOSURES_MAX: usize = 50;

/// A file that an item of RSS names (RSS 2.0, `<enclosure>`), as it stands there.
#[derive(Debug, Default)]
pub(super) struct Enclosure {
    pub(super) url: String,
    pub(super) kind: Option<String>,
    pub(super) bytes: Option<u64>,
}

/// The enclosures of each item of RSS, in the order of the feed.
#[derive(Debug, Default)]
struct Items {
    found: Vec<Vec<Enclosure>>,
    /// How deep the children of the item stand that is being read.
    children: Option<usize>,
}

/// Refuses XML that is cut short, nested too deep, or no XML; answers the enclosures of each item of
/// RSS. JSON is checked by its parser.
pub(super) fn check(bytes: &[u8]) -> Result<Vec<Vec<Enclosure>>, String> {
    let mut items = Items::default();
    let first = bytes.iter().find(|b| matches!(b, b'<' | b'{'));
    if first != Some(&b'<') {
        return Ok(items.found);
    }
    let mut reader = Reader::from_reader(DecodingReader::new(bytes));
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    let (mut depth, mut buffer) = (0_usize, Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start)) => {
                items.begins(&start, depth);
                depth += 1;
            }
            Ok(Event::Empty(start)) => {
                items.begins(&start, depth);
                items.ends(depth);
            }
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                items.ends(depth);
            }
            Ok(Event::Eof) if depth > 0 => {
                return Err("it is cut short: its last element is not closed".into());
            }
            Ok(Event::Eof) => return Ok(items.found),
            Ok(_) => {}
            Err(error) => {
                let at = reader.error_position();
                return Err(format!("it is no well-formed XML at byte {at}: {error}"));
            }
        }
        if depth > DEPTH_MAX {
            return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
        }
    }
}

impl Items {
    /// An element begins that has `depth` around it.
    fn begins(&mut self, start: &BytesStart<'_>, depth: usize) {
        match (start.name().as_ref(), self.children) {
            ("item", None) => {
                self.found.push(Vec::new());
                self.children = Some(depth + 1);
            }
            ("enclosure", Some(children)) if children == depth => {
                let of_item = self.found.last_mut().filter(|found| found.len() < ENCLOSURES_MAX);
                if let Some(found) = of_item {
                    found.push(enclosure(start));
                }
            }
            _ => {}
        }
    }

    /// The element ended that had `depth` around it.
    fn ends(&mut self, depth: usize) {
        self.children = self.children.filter(|children| *children <= depth);
    }
}

fn enclosure(start: &BytesStart<'_>) -> Enclosure {
    let mut read = Enclosure::default();
    for attribute in start.attributes().flatten() {
        let Ok(value) = attribute.normalized_value(XmlVersion::default()) else { continue };
        match attribute.key.as_ref() {
            "url" => read.url = value.into_owned(),
            "type" => read.kind = Some(value.into_owned()),
            "length" => read.bytes = value.trim().parse().ok(),
            _ => {}
        }
    }
    read
}
