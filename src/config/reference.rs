//! The settings reference, read out of the compiled-in `default.toml` and out of the parsers
//! themselves, so that it cannot say anything else than what is done. Pure; knows no single setting.

use std::collections::BTreeMap;

use super::{
    layers::{At, Plain, read_toml},
    schema::variable_name,
    value,
};

/// One section, in the order of `default.toml`; a table of several kinds has one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionReference {
    /// `site`, or `feeds` for each `[[feeds]]`.
    pub name: String,
    /// Whether the file may hold many, written with double brackets.
    pub is_repeated: bool,
    /// What the section is for, where it says.
    pub why: String,
    /// Its keys.
    pub keys: Vec<KeyReference>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyReference {
    /// `listen`, or `select.sections` where tables are nested.
    pub name: String,
    /// In words, such as `duration`.
    pub kind: &'static str,
    /// Default, or an example in a section that is repeated; as TOML is written.
    pub written: String,
    /// The same as a value.
    pub value: serde_json::Value,
    /// The bounds or the words that the parser takes, where it has such.
    pub accepts: Option<String>,
    /// One line of why.
    pub why: String,
    /// The environment variable that sets it; repeated sections have none.
    pub variable: Option<String>,
}

/// Reads `defaults`; `accepts` is what the parsers say of each key.
pub(super) fn read(
    defaults: &str,
    accepts: &BTreeMap<&'static str, String>,
) -> Vec<SectionReference> {
    let mut reader = Reader::default();
    for line in defaults.lines() {
        reader.line(line);
    }
    let mut sections = reader.sections;
    for section in sections.iter_mut().filter(|section| !section.is_repeated) {
        for key in &mut section.keys {
            let full = format!("{}.{}", section.name, key.name);
            key.accepts = accepts.get(full.as_str()).cloned();
            key.variable = Some(variable_name(&full));
        }
    }
    sections
}

/// Where in the text reading is.
#[derive(Default)]
struct Reader {
    sections: Vec<SectionReference>,
    /// Comment lines that stand above something.
    prose: Vec<String>,
    /// Within a commented example of a repeated section; it ends at an empty line.
    in_example: bool,
    /// `select.` after `[feeds.select]`.
    nested: String,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let commented = line.strip_prefix('#').map(str::trim_start);
        match commented {
            None if line.trim().is_empty() => {
                self.in_example = false;
                self.nested.clear();
                self.prose.clear();
            }
            None => {
                self.in_example = false;
                self.code(line);
            }
            Some(text) if text.starts_with("[[") => {
                self.in_example = true;
                self.code(text);
            }
            Some(text) if self.in_example && is_code(text) => self.code(text),
            Some(text) => self.prose.push(text.to_owned()),
        }
    }

    fn code(&mut self, line: &str) {
        let (code, comment) = split_comment(line);
        let above = std::mem::take(&mut self.prose).join(" ");
        let why = if comment.is_empty() { above } else { comment.to_owned() };
        match code.strip_prefix('[').and_then(|code| code.strip_suffix(']')) {
            Some(name) => self.section(name, why),
            None => self.key(code, why),
        }
    }

    fn section(&mut self, name: &str, why: String) {
        let repeated = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        self.nested.clear();
        if let (None, true, Some((_, nested))) = (repeated, self.in_example, name.split_once('.')) {
            self.nested = format!("{nested}.");
            return;
        }
        let (name, is_repeated) = (repeated.unwrap_or(name).to_owned(), repeated.is_some());
        self.sections.push(SectionReference { name, is_repeated, why, keys: Vec::new() });
    }

    fn key(&mut self, code: &str, why: String) {
        let Some((section, before)) = self.sections.split_last_mut() else { return };
        let (entries, faults) = read_toml(code, At::defaults);
        let (Some(entry), true) = (entries.into_iter().next(), faults.is_empty()) else { return };
        let name = format!("{}{}", self.nested, entry.key);
        // A second kind of the same table need not say again what a key is for.
        let said = || {
            let same = before.iter().filter(|before| before.name == section.name);
            let key = same.flat_map(|before| &before.keys).find(|key| key.name == name);
            key.map(|key| key.why.clone()).unwrap_or_default()
        };
        let why = if why.is_empty() { said() } else { why };
        section.keys.push(KeyReference {
            name,
            kind: kind(&entry.found.value),
            written: code.split_once('=').map_or("", |(_, value)| value.trim()).to_owned(),
            value: as_json(&entry.found.value),
            accepts: None,
            why,
            variable: None,
        });
    }
}

/// A line of an example that is TOML and not prose: a section, or a bare key and a value.
fn is_code(text: &str) -> bool {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = text.split_once('=').map(|(key, _)| key.trim_end());
    text.starts_with('[') || key.is_some_and(|key| !key.is_empty() && key.chars().all(is_bare))
}

/// Code and comment of a line; a `#` within quotes is code.
fn split_comment(line: &str) -> (&str, &str) {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (Some('"'), '\\') => is_escaped = true,
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => return (line[..at].trim(), line[at + 1..].trim()),
            _ => {}
        }
    }
    (line.trim(), "")
}

/// In words, by the look of the default: the same parsers that read settings tell them apart.
fn kind(value: &Plain) -> &'static str {
    match value {
        Plain::Truth(_) => "true or false",
        Plain::Whole(_) => "whole number",
        Plain::Real(_) => "number",
        Plain::List(_) => "list",
        Plain::Table(_) => "table",
        Plain::Raw(text) | Plain::Text(text) if text.is_empty() => "text",
        text if value::duration(text).is_ok() => "duration",
        text if value::size(text).is_ok() => "size",
        text if value::address(text).is_ok() => "address and port",
        text if value::url(text).is_ok() => "URL",
        _ => "text",
    }
}

fn as_json(value: &Plain) -> serde_json::Value {
    match value {
        Plain::Raw(text) | Plain::Text(text) => text.as_str().into(),
        Plain::Whole(number) => (*number).into(),
        Plain::Real(number) => (*number).into(),
        Plain::Truth(truth) => (*truth).into(),
        Plain::List(items) => items.iter().map(|item| as_json(&item.value)).collect(),
        Plain::Table(entries) => {
            entries.iter().map(|e| (e.key.clone(), as_json(&e.found.value))).collect()
        }
        Plain::Other(words) => (*words).into(),
    }
}
