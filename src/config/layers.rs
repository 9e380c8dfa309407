//! Layers of settings as plain values that know where they stand: a TOML text, the environment,
//! flags. Knows the shape of TOML, refuses to know any setting.

use std::fmt;

use toml::de::{DeTable, DeValue};

/// Values deeper than this are not looked into; no setting is.
const DEPTH_MAX: usize = 8;
/// Dots of one line; the parser makes a table of each, and dropping many thousand would overflow.
const DOTS_MAX: usize = 1000;

/// Where a value stands; ordered as a reader would look for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    layer: u8,
    line: usize,
    name: String,
}

impl At {
    pub(super) fn defaults(line: usize) -> At {
        At { layer: 0, line, name: "default.toml".into() }
    }

    pub(super) fn file(name: &str, line: usize) -> At {
        At { layer: 1, line, name: name.into() }
    }

    pub(super) fn environment(variable: &str) -> At {
        At { layer: 2, line: 0, name: variable.into() }
    }

    pub(super) fn flag(name: &str) -> At {
        At { layer: 3, line: 0, name: name.into() }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.name),
            line => write!(f, "{}:{line}", self.name),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) at: At,
    pub(super) value: Plain,
}

/// A value whose meaning is not known yet.
#[derive(Clone, Debug)]
pub(super) enum Plain {
    /// From the environment or a flag: text, or whatever type the setting has.
    Raw(String),
    Text(String),
    Whole(i64),
    Real(f64),
    Truth(bool),
    List(Vec<Found>),
    Table(Vec<Entry>),
    /// What no setting takes; the words say what it is.
    Other(&'static str),
}

/// A key of a table; its own place may differ from its value's.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) found: Found,
}

impl Plain {
    /// What it is, for a person who expected something else.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Plain::Raw(_) | Plain::Text(_) => "text",
            Plain::Whole(_) => "a whole number",
            Plain::Real(_) => "a number with a point",
            Plain::Truth(_) => "true or false",
            Plain::List(_) => "a list",
            Plain::Table(_) => "a table",
            Plain::Other(words) => words,
        }
    }

    /// As it would be written in TOML; long values are cut.
    pub(super) fn shown(&self) -> String {
        match self {
            Plain::Raw(text) | Plain::Text(text) => format!("{:?}", cut(text)),
            Plain::Whole(number) => number.to_string(),
            Plain::Real(number) => number.to_string(),
            Plain::Truth(truth) => truth.to_string(),
            Plain::List(items) => {
                let items: Vec<_> = items.iter().take(4).map(|i| i.value.shown()).collect();
                format!("[{}]", items.join(", "))
            }
            Plain::Table(_) | Plain::Other(_) => self.kind().to_owned(),
        }
    }
}

/// The first words of a text, for a message.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A TOML text as one table, with every error of its syntax.
pub(super) fn read_toml(
    text: &str,
    place: impl Fn(usize) -> At,
) -> (Vec<Entry>, Vec<(At, String)>) {
    if let Some(line) = text.lines().position(|l| l.matches('.').count() > DOTS_MAX) {
        let why = format!("the line has more than {DOTS_MAX} dots; shorten it");
        return (Vec::new(), vec![(place(line + 1), why)]);
    }
    let lines = Lines::new(text);
    let place = |offset: usize| place(lines.at(offset));
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors.iter().map(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        (place(offset), format!("this is not TOML: {}", error.message()))
    });
    (entries(table.get_ref(), &place, 0), errors.collect())
}

fn entries(table: &DeTable<'_>, place: &dyn Fn(usize) -> At, depth: usize) -> Vec<Entry> {
    let entry = |(key, value): (&toml::Spanned<toml::de::DeString<'_>>, _)| {
        let value: &toml::Spanned<DeValue<'_>> = value;
        Entry {
            key: key.get_ref().to_string(),
            at: place(key.span().start),
            found: found(value, place, depth + 1),
        }
    };
    table.iter().map(entry).collect()
}

fn found(value: &toml::Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> At, depth: usize) -> Found {
    let plain = match value.get_ref() {
        _ if depth > DEPTH_MAX => Plain::Other("nested too deep"),
        DeValue::String(text) => Plain::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Plain::Other("a number that is too large"), Plain::Whole),
        DeValue::Float(number) => {
            number.as_str().parse().map_or(Plain::Other("not a number"), Plain::Real)
        }
        DeValue::Boolean(truth) => Plain::Truth(*truth),
        DeValue::Datetime(_) => Plain::Other("a date"),
        DeValue::Array(items) => {
            Plain::List(items.iter().map(|i| found(i, place, depth + 1)).collect())
        }
        DeValue::Table(table) => Plain::Table(entries(table, place, depth)),
    };
    Found { at: place(value.span().start), value: plain }
}

/// From a place in a text to the number of its line.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect())
    }

    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|end| *end < offset) + 1
    }
}
