//! Reads a JSON object field by field, so that every refusal names the field and its path.
//!
//! `null` is the same as a field that is not there. What nobody asked for is refused.

use serde_json::{Map, Value};

use super::{Refusal, RefusalKind};
use crate::model::{Millis, WebUrl};

/// Of a text that is not an article's body.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Elements of a list.
const LIST_MAX: usize = 1000;
/// A name longer than this is not a misspelt one.
const NAME_BYTES_MAX: usize = 64;

/// The fields of one object, taken one after the other.
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The object at `path`; the path of a whole article is empty. A field that is not in `known` is
    /// refused before anything else: a misspelt name is why another one is missing.
    pub(super) fn of(path: &str, value: Value, known: &[&str]) -> Result<Fields, Refusal> {
        match value {
            Value::Object(map) => Fields { path: path.to_owned(), map }.checked(known),
            other if path.is_empty() => Err(Refusal::whole(
                RefusalKind::Syntax,
                format!("an article is a JSON object, this is {}", kind(&other)),
            )),
            other => Err(must_be(path, "an object", &other)),
        }
    }

    fn checked(self, known: &[&str]) -> Result<Fields, Refusal> {
        match self.map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(self),
            Some(name) => Err(unknown(&self.path(name), name, known)),
        }
    }

    /// The path of a field, such as `media[0].url`.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field as it is, with its path.
    pub(super) fn take(&mut self, name: &str) -> (String, Option<Value>) {
        let value = self.map.remove(name).filter(|v| !v.is_null());
        (self.path(name), value)
    }

    /// A text of an ordinary length.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        let path = self.path(name);
        self.long_text(name)?.map(|text| bounded(&path, text)).transpose()
    }

    /// A text that others bound.
    pub(super) fn long_text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        match self.take(name) {
            (_, None) => Ok(None),
            (_, Some(Value::String(text))) => Ok(Some(text)),
            (path, Some(other)) => Err(must_be(&path, "text", &other)),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String, Refusal> {
        let missing = Refusal::invalid(self.path(name), "is missing");
        self.text(name)?.ok_or(missing)
    }

    /// A text that means something, by `parse`.
    pub(super) fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Refusal> {
        let path = self.path(name);
        let parsed = |text: String| {
            parse(&text).map_err(|why| Refusal::invalid(path, format!("is wrong: {why}")))
        };
        self.text(name)?.map(parsed).transpose()
    }

    /// An http or https address.
    pub(super) fn url(&mut self, name: &str) -> Result<Option<WebUrl>, Refusal> {
        self.parsed(name, WebUrl::parse)
    }

    /// A time of RFC 3339.
    pub(super) fn time(&mut self, name: &str) -> Result<Option<Millis>, Refusal> {
        self.parsed(name, Millis::from_rfc3339)
    }

    /// A whole number from 0 to `max`.
    pub(super) fn count(&mut self, name: &str, max: u64) -> Result<Option<u64>, Refusal> {
        let (path, Some(value)) = self.take(name) else { return Ok(None) };
        match value.as_u64().filter(|n| *n <= max) {
            Some(number) => Ok(Some(number)),
            None => Err(must_be(&path, &format!("a whole number from 0 to {max}"), &value)),
        }
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refusal> {
        let (path, Some(value)) = self.take(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| must_be(&path, "a number", &value))
    }

    /// A list, each element by `each`, which gets its path.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        each: impl Fn(&str, Value) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        match self.take(name) {
            (_, None) => Ok(Vec::new()),
            (path, Some(Value::Array(values))) if values.len() > LIST_MAX => {
                let found = values.len();
                let why = format!("has {found} elements, at most {LIST_MAX} are taken");
                Err(Refusal::invalid(path, why))
            }
            (path, Some(Value::Array(values))) => values
                .into_iter()
                .enumerate()
                .map(|(at, value)| each(&format!("{path}[{at}]"), value))
                .collect(),
            (path, Some(other)) => Err(must_be(&path, "a list", &other)),
        }
    }
}

/// The refusal of a field that does not exist, with the nearest name that does.
pub(super) fn unknown(path: &str, name: &str, known: &[&str]) -> Refusal {
    let nearest = known
        .iter()
        .filter(|_| name.len() <= NAME_BYTES_MAX)
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
        .min();
    let path: String = path.chars().take(100).collect();
    Refusal::invalid(
        path,
        match nearest {
            Some((_, nearest)) => format!("is not a field here; did you mean `{nearest}`?"),
            None => format!("is not a field here; known are {}", known.join(", ")),
        },
    )
}

/// A text in a list.
pub(super) fn text_at(path: &str, value: Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => bounded(path, text),
        other => Err(must_be(path, "text", &other)),
    }
}

fn bounded(path: &str, text: String) -> Result<String, Refusal> {
    let found = text.len();
    if found <= TEXT_BYTES_MAX {
        return Ok(text);
    }
    let why = format!("has {found} bytes, at most {TEXT_BYTES_MAX} are taken");
    Err(Refusal::invalid(path, why))
}

fn must_be(path: &str, wanted: &str, found: &Value) -> Refusal {
    Refusal::invalid(path, format!("must be {wanted}, this is {}", kind(found)))
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "true or false".into(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => "text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
