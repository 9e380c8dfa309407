//! Ids and views out of JSON, JSON lines, or lines of comma- or tab-separated values.
//!
//! Known by their names, in whatever order: what exports of WordPress databases, of Post Views Counter
//! (`id,type,period,count`, where type 4 is the total) and people call them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{ingest::wxr::parse_views, model::ArticleId};

const ID_NAMES: &[&str] = &["id", "post_id", "article", "post"];
const VIEW_NAMES: &[&str] =
    &["count", "views", "total", "carried_over_views", "post_views", "meta_value"];
/// Post Views Counter's type of a total; 0 to 3 are days, weeks, months and years.
const TOTAL_TYPE: &str = "4";
/// A larger number is not a count of views but rubbish.
const VIEWS_MAX: u64 = 1 << 50;
/// How deep lists may stand in each other: an export of a database is a list of tables of rows.
const DEPTH_MAX: usize = 8;

const NO_ID: &str = "the row has no id of an article (id, post_id or article)";
const NO_VIEWS: &str = "the row has no number of views (count, views or total)";
const BAD_ID: &str = "the id is neither a number nor an id of an article";
const BAD_VIEWS: &str = "the views are not a whole number up to 2^50";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value or several.
    Json,
    /// Lines with this between their values.
    Separated(char),
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Views by article; the largest where it comes several times.
    pub numbers: BTreeMap<ArticleId, u64>,
    /// Rows of days, weeks, months and years.
    pub periods: usize,
    /// Rows that were skipped, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

impl Rows {
    /// Reads a whole file; a number as id stands for `prefix-<number>`.
    pub fn read(bytes: &[u8], prefix: &str) -> Result<Rows, String> {
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let text = str::from_utf8(text).map_err(|e| {
            let line = text[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            format!("line {line} is not UTF-8; save the file as UTF-8")
        })?;
        let mut rows = Rows::default();
        match Format::of(text) {
            Format::Json => rows.read_json(text, prefix)?,
            Format::Separated(between) => rows.read_lines(text, between, prefix)?,
        }
        Ok(rows)
    }

    fn read_json(&mut self, text: &str, prefix: &str) -> Result<(), String> {
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.map_err(|e| format!("this is not JSON: {e}"))?;
            self.add_json(&value, prefix, 0);
        }
        Ok(())
    }

    fn add_json(&mut self, value: &Value, prefix: &str, depth: usize) {
        match value {
            Value::Array(values) if depth < DEPTH_MAX => {
                values.iter().for_each(|value| self.add_json(value, prefix, depth + 1));
            }
            Value::Object(fields) => {
                let field = |names: &[&str]| {
                    let mut named = fields.iter().filter(|(n, _)| is_one_of(n, names));
                    named.next().map(|(_, value)| as_text(value))
                };
                // phpMyAdmin wraps the rows of a table, with lines about itself before them.
                if let (Some(Value::String(_)), Some(inner)) =
                    (fields.get("type"), fields.get("data"))
                {
                    return self.add_json(inner, prefix, depth + 1);
                }
                if matches!(fields.get("type"), Some(Value::String(t)) if t == "header" || t == "database")
                {
                    return;
                }
                let id = field(ID_NAMES);
                if id.is_none() && !fields.is_empty() && fields.keys().all(|k| is_number(k)) {
                    // {"25": 809, …}
                    fields.iter().for_each(|(id, n)| self.add(id, &as_text(n), prefix));
                    return;
                }
                self.add_row(id, field(VIEW_NAMES), field(&["type"]), prefix);
            }
            _ => self.skip(NO_ID),
        }
    }

    fn read_lines(&mut self, text: &str, between: char, prefix: &str) -> Result<(), String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let Some(first) = lines.next() else { return Ok(()) };
        let names = values(first, between);
        let place = |of: &[&str]| names.iter().position(|name| is_one_of(name, of));
        let (id, views, kind) = match (place(ID_NAMES), place(VIEW_NAMES)) {
            (Some(id), Some(views)) => (id, views, place(&["type"])),
            _ if names.len() == 2 && parse_views(&names[1]).is_some() => {
                self.add(&names[0], &names[1], prefix);
                (0, 1, None)
            }
            _ => {
                return Err("the first line names no columns; it should be such as id,views, or \
                            id,type,period,count"
                    .into());
            }
        };
        for line in lines {
            let mut values: Vec<Option<String>> =
                values(line, between).into_iter().map(Some).collect();
            let mut take = |at: usize| values.get_mut(at).and_then(Option::take);
            let kind = kind.and_then(&mut take);
            self.add_row(take(id), take(views), kind, prefix);
        }
        Ok(())
    }

    fn add_row(
        &mut self,
        id: Option<String>,
        views: Option<String>,
        kind: Option<String>,
        prefix: &str,
    ) {
        if kind.is_some_and(|kind| is_number(&kind) && kind != TOTAL_TYPE) {
            self.periods += 1;
            return;
        }
        match (id, views) {
            (None, _) => self.skip(NO_ID),
            (_, None) => self.skip(NO_VIEWS),
            (Some(id), Some(views)) => self.add(&id, &views, prefix),
        }
    }

    fn add(&mut self, id: &str, views: &str, prefix: &str) {
        let id = id.trim();
        let id = if is_number(id) { format!("{prefix}-{id}") } else { id.to_owned() };
        let Ok(id) = ArticleId::parse(&id) else { return self.skip(BAD_ID) };
        let Some(views) = parse_views(views).filter(|views| *views <= VIEWS_MAX) else {
            return self.skip(BAD_VIEWS);
        };
        let largest = self.numbers.entry(id).or_insert(views);
        *largest = views.max(*largest);
    }

    fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }
}

impl Format {
    /// By its first characters, not by its name.
    pub fn of(text: &str) -> Format {
        let start = text.trim_start();
        if start.starts_with(['[', '{']) {
            return Format::Json;
        }
        let first = start.lines().next().unwrap_or_default();
        let between = ['\t', ';', ','].into_iter().find(|c| first.contains(*c));
        Format::Separated(between.unwrap_or(','))
    }
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name.trim()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values of a line; one in double quotes may hold what else divides them (RFC 4180).
fn values(line: &str, between: char) -> Vec<String> {
    let (mut values, mut value, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                value.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            c if c == between && !quoted => values.push(std::mem::take(&mut value)),
            c => value.push(c),
        }
    }
    values.push(value);
    values
}
