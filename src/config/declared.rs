//! `[[feeds]]` and `[[sources]]`: tables with schemas of their own.

mod sources;

use std::collections::HashMap;

use super::{
    Content, FeedConfig, FeedLanguage, Publish, Select, Site,
    layers::{At, Entry, Found, Plain},
    schema::{Faults, Sheet},
    takeover::{Moves, check_moves, moved_from},
    value::{self, Parsed, did_you_mean},
};
use crate::model::{FeedSlug, Format, Language};

pub(super) use sources::sources;

/// Keys of one `[[feeds]]`.
const FEED_KEYS: [&str; 9] = [
    "slug",
    "title",
    "language",
    "formats",
    "content",
    "entries",
    "schedule",
    "select",
    "moved_from",
];
/// Keys of one `select`.
const SELECT_KEYS: [&str; 5] = ["sections", "tags", "authors", "languages", "max_age"];
/// Keys that a later version knows.
const LATER_KEYS: [&str; 2] = ["hold_back", "text"];
/// How feeds begin that are made by themselves.
const AUTO_PREFIXES: [&str; 7] =
    ["section-", "tag-", "author-", "language-", "wp-category-", "wp-tag-", "wp-author-"];
/// Entries of a feed that does not say.
const ENTRIES: usize = 50;
/// Declared feeds; more are a mistake.
const FEEDS_MAX: usize = 1000;

/// The declared feeds, in the order of the file; faulty ones are left out and noted.
pub(super) fn feeds(sheet: &mut Sheet, site: &Site, publish: &Publish) -> Vec<FeedConfig> {
    let tables = sheet.repeated("feeds");
    if let Some(excess) = tables.get(FEEDS_MAX) {
        let what = format!("there are more than {FEEDS_MAX} feeds; declare fewer");
        sheet.faults.add(&excess.at, "feeds", what);
    }
    let (mut slugs, mut moves) = (HashMap::new(), Vec::new());
    let mut feeds = Vec::new();
    for (number, table) in tables.into_iter().take(FEEDS_MAX).enumerate() {
        let path = format!("feeds[{number}]");
        let Some(mut table) = Table::open(table, path, &FEED_KEYS, &mut sheet.faults) else {
            continue;
        };
        let at = table.place("moved_from");
        let feed = feed(&mut table, site, publish, &mut slugs);
        moves.extend(feed.as_ref().map(|feed| Moves {
            key: format!("feeds[{number}].moved_from"),
            at,
            slugs: feed.moved_from.clone(),
        }));
        feeds.extend(feed);
    }
    check_moves(sheet, &moves, &slugs);
    feeds
}

fn feed(
    table: &mut Table<'_>,
    site: &Site,
    publish: &Publish,
    slugs: &mut HashMap<FeedSlug, At>,
) -> Option<FeedConfig> {
    let slug = slug(table, slugs);
    let title = table.get("title", value::words, r#""News""#);
    let language = table.get("language", feed_language, r#""ru", or "mixed""#);
    let formats = table.get_found("formats", formats, r#"["rss", "atom", "json"]"#);
    let contents = [("full", Content::Full), ("summary", Content::Summary)];
    let content = table.get("content", |v| value::choice(v, &contents), r#""full""#);
    let entries = table.get("entries", |v| value::count(v, 1, publish.entries_max), "50");
    let schedule = |v: &Plain| value::schedule(v, site.time_zone);
    let schedule = table.get("schedule", schedule, r#""*/10 * * * *""#);
    let select = select(table);
    let moved_from = table.get_found("moved_from", moved_from, r#"["old-news"]"#);
    Some(FeedConfig {
        slug: slug?,
        title: title.unwrap_or_else(|| site.title.clone()),
        language: language.unwrap_or_else(|| FeedLanguage::One(site.language.clone())),
        formats: formats.unwrap_or_else(|| Format::ALL.to_vec()),
        content: content.unwrap_or(Content::Full),
        entries: entries.unwrap_or(ENTRIES.min(publish.entries_max)),
        schedule: schedule.flatten(),
        select,
        moved_from: moved_from.unwrap_or_default(),
    })
}

fn slug(table: &mut Table<'_>, slugs: &mut HashMap<FeedSlug, At>) -> Option<FeedSlug> {
    if !table.has("slug") {
        table.fault(&table.at.clone(), "slug", "is missing; write for example \"news\"");
        return None;
    }
    let at = table.place("slug");
    let slug = table.get("slug", feed_slug, r#""news""#)?;
    if let Some(first) = slugs.get(&slug) {
        let what = format!("`{slug}` is the slug of the feed at {first} too; choose another");
        table.fault(&at, "slug", &what);
        return None;
    }
    slugs.insert(slug.clone(), at);
    Some(slug)
}

fn feed_slug(value: &Plain) -> Parsed<FeedSlug> {
    let text = value::text(value)?;
    if let Some(prefix) = AUTO_PREFIXES.iter().find(|prefix| text.starts_with(**prefix)) {
        return Err(format!("`{text}` begins with `{prefix}`, as feeds made by themselves do"));
    }
    FeedSlug::parse(&text).map_err(|e| format!("`{}` is no slug: {e}", super::layers::cut(&text)))
}

fn feed_language(value: &Plain) -> Parsed<FeedLanguage> {
    match value::text(value)?.trim() {
        "mixed" => Ok(FeedLanguage::Mixed),
        _ => value::language(value).map(FeedLanguage::One),
    }
}

fn formats(found: &Found) -> Parsed<Vec<Format>> {
    let known = Format::ALL.map(|format| (format.as_str(), format));
    let mut formats = Vec::new();
    for item in value::list(found)? {
        let format = value::choice(&item.value, &known)?;
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    if formats.is_empty() { Err("a feed needs a format".into()) } else { Ok(formats) }
}

fn select(table: &mut Table<'_>) -> Select {
    let Some(found) = table.entries.remove("select").map(|entry| entry.found) else {
        return Select::default();
    };
    let path = format!("{}.select", table.path);
    let Some(mut table) = Table::open(found, path, &SELECT_KEYS, table.faults) else {
        return Select::default();
    };
    let words = |found: &Found| items(found, value::words);
    let example = r#"["Спорт"]"#;
    Select {
        sections: table.get_found("sections", words, example).unwrap_or_default(),
        tags: table.get_found("tags", words, example).unwrap_or_default(),
        authors: table.get_found("authors", words, r#"["A. Writer"]"#).unwrap_or_default(),
        languages: table.get_found("languages", languages, r#"["ru"]"#).unwrap_or_default(),
        max_age: table.get("max_age", max_age, r#""7d""#).flatten(),
    }
}

fn languages(found: &Found) -> Parsed<Vec<Language>> {
    items(found, value::language)
}

fn items<T>(found: &Found, parse: impl Fn(&Plain) -> Parsed<T>) -> Parsed<Vec<T>> {
    value::list(found)?.iter().map(|item| parse(&item.value)).collect()
}

/// Empty is no limit; zero would select nothing.
fn max_age(value: &Plain) -> Parsed<Option<std::time::Duration>> {
    if value::text(value).is_ok_and(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    match value::duration(value)? {
        age if age.is_zero() => Err("it cannot be zero; leave it empty for no limit".into()),
        age => Ok(Some(age)),
    }
}

/// One table with a schema: its keys are taken one by one, faults name the whole path.
struct Table<'a> {
    at: At,
    path: String,
    entries: HashMap<String, Entry>,
    faults: &'a mut Faults,
}

impl<'a> Table<'a> {
    fn open(
        found: Found,
        path: String,
        keys: &[&'static str],
        faults: &'a mut Faults,
    ) -> Option<Table<'a>> {
        let Plain::Table(entries) = found.value else {
            let what = format!("this is {}, and must be a table", found.value.kind());
            faults.add(&found.at, &path, what);
            return None;
        };
        for entry in entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let what = match LATER_KEYS.contains(&entry.key.as_str()) {
                true => "comes with a later version of jarshy; remove it".to_owned(),
                false => {
                    let meant = did_you_mean(&entry.key, keys.iter().copied());
                    format!("there is no such key{meant}")
                }
            };
            faults.add(&entry.at, &format!("{path}.{}", entry.key), what);
        }
        let entries = entries.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        Some(Table { at: found.at, path, entries, faults })
    }

    fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn place(&self, key: &str) -> At {
        self.entries.get(key).map_or_else(|| self.at.clone(), |entry| entry.found.at.clone())
    }

    fn fault(&mut self, at: &At, key: &str, what: &str) {
        self.faults.add(at, &format!("{}.{key}", self.path), what);
    }

    fn get<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&Plain) -> Parsed<T>,
        example: &str,
    ) -> Option<T> {
        self.get_found(key, |found| parse(&found.value), example)
    }

    /// `None` where the key is missing, or bad and noted.
    fn get_found<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&Found) -> Parsed<T>,
        example: &str,
    ) -> Option<T> {
        let found = self.entries.remove(key)?.found;
        match parse(&found) {
            Ok(value) => Some(value),
            Err(why) => {
                self.fault(&found.at, key, &value::with_example(why, example));
                None
            }
        }
    }
}
