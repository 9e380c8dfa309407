//! An article page as a reader copied it: headline, date, views, text, byline, and the comment form
//! that nobody wants.

use chrono::NaiveDateTime;

use super::{months::local_date, words};
use crate::ingest::{clean::escaped, wxr::with_paragraphs};

/// Lines at the top in which date and views are looked for.
const HEAD_LINES: usize = 12;
/// A byline is a short last paragraph.
const BYLINE_CHARS: usize = 120;

/// What a page says of its article.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub title: String,
    pub date: Option<NaiveDateTime>,
    pub views: Option<u64>,
    pub body_html: String,
    pub byline: Option<String>,
}

/// Reads the text of a page.
pub(super) fn read(text: &str) -> Found {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<&str> = text.lines().map(str::trim).collect();
    if let Some(end) = lines.iter().position(|line| words::begins_comments(line)) {
        lines.truncate(end);
    }
    let mut found = Found::default();
    let mut lines = lines.into_iter().skip_while(|line| line.is_empty()).peekable();
    found.title = lines.next().unwrap_or_default().to_owned();
    let mut body = Vec::new();
    for (at, line) in lines.enumerate() {
        let is_head = at < HEAD_LINES && body.iter().all(|l: &&str| l.is_empty());
        if !(is_head && takes_head(line, &mut found)) {
            body.push(line);
        }
    }
    let (body, byline) = without_byline(&body.join("\n"));
    found.byline = byline;
    found.body_html = with_paragraphs(&escaped(body.trim())).trim().to_owned();
    found
}

/// Takes the date or the views out of a line above the text.
fn takes_head(line: &str, found: &mut Found) -> bool {
    let views = words::views(line);
    let date = if line.chars().count() <= 60 { local_date(line) } else { None };
    found.views = found.views.or(views);
    found.date = found.date.or(date);
    views.is_some() || date.is_some()
}

/// The text without its last paragraph, if that is a byline.
fn without_byline(body: &str) -> (String, Option<String>) {
    let body = body.trim();
    let Some((text, last)) = body.rsplit_once("\n\n") else { return (body.to_owned(), None) };
    let last = last.trim();
    if last.contains('\n') || last.chars().count() > BYLINE_CHARS || !words::is_byline(last) {
        return (body.to_owned(), None);
    }
    (text.trim().to_owned(), Some(last.to_owned()))
}
