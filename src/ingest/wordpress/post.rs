//! A post as REST tells it, read field by field: plugins bend types, and PHP writes an empty map as
//! an empty list, so nothing but the id is insisted on.

use serde_json::Value;

use crate::{
    ingest::clean::plain_text,
    model::{Language, Millis, Status},
};

/// Fields asked for when whole posts are fetched.
pub(super) const FIELDS: &str = "id,date_gmt,modified_gmt,guid.rendered,slug,status,link,\
     title.rendered,content.rendered,content.protected,excerpt.rendered,author,featured_media,\
     title.raw,excerpt.raw,categories,tags,lang,translations,wpml_current_locale,wpml_translations";
/// Fields asked for when lists are walked.
pub(super) const LIGHT_FIELDS: &str = "id,modified,modified_gmt,status";
/// Terms and translations of one post that are read.
const IDS_MAX: usize = 1000;

/// A post, nothing looked up yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Post {
    pub id: u64,
    pub status: Status,
    pub is_protected: bool,
    pub published_at: Option<Millis>,
    pub modified_at: Option<Millis>,
    pub guid: String,
    pub slug: String,
    pub link: String,
    pub title: String,
    pub content: String,
    pub excerpt: String,
    /// The excerpt is an editor's own words; `None` where WordPress does not tell.
    pub has_excerpt: Option<bool>,
    pub author: u64,
    pub featured_media: u64,
    pub categories: Vec<u64>,
    pub tags: Vec<u64>,
    pub language: Option<Language>,
    /// Ids of the translations, without its own.
    pub translations: Vec<u64>,
}

impl Post {
    /// Reads a post; the error goes on after its id.
    pub fn read(json: &Value) -> Result<Post, String> {
        let id = number(&json["id"]).filter(|id| *id > 0).ok_or("its id is missing")?;
        let content = &json["content"];
        let is_protected = content["protected"] == Value::Bool(true);
        let word = json["status"].as_str().unwrap_or("publish");
        if !content["rendered"].is_string() {
            return Err("its content is missing".into());
        }
        Ok(Post {
            id,
            status: status(word, is_protected),
            is_protected,
            // A draft's date is the day it was begun.
            published_at: Some(&json["date_gmt"])
                .filter(|_| !matches!(word, "draft" | "pending" | "auto-draft"))
                .and_then(time),
            modified_at: time(&json["modified_gmt"]),
            guid: unescaped(&rendered(&json["guid"])).trim().to_owned(),
            slug: text(&json["slug"]),
            link: text(&json["link"]),
            // As it was typed, where we may see it: without «Private: » before it.
            title: json["title"]["raw"]
                .as_str()
                .map_or_else(|| rendered(&json["title"]), str::to_owned),
            content: rendered(content),
            excerpt: rendered(&json["excerpt"]),
            has_excerpt: json["excerpt"]["raw"].as_str().map(|raw| !raw.trim().is_empty()),
            author: number(&json["author"]).unwrap_or_default(),
            featured_media: number(&json["featured_media"]).unwrap_or_default(),
            categories: numbers(&json["categories"]),
            tags: numbers(&json["tags"]),
            language: language(json),
            translations: translations(json, id),
        })
    }
}

/// What a list tells of a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Light {
    pub id: u64,
    /// Seconds since 1970 in UTC.
    pub modified: Option<i64>,
    /// The site's own clock when it was changed, read as though it were UTC: WordPress sorts and asks
    /// by it, and never moves it when the site's zone becomes another.
    pub local: Option<i64>,
    pub status: String,
}

impl Light {
    /// Reads an item of a list; `None` where it has no id.
    pub fn read(json: &Value) -> Option<Light> {
        Some(Light {
            id: number(&json["id"]).filter(|id| *id > 0)?,
            modified: time(&json["modified_gmt"]).map(Millis::seconds),
            local: time(&json["modified"]).map(Millis::seconds),
            status: text(&json["status"]),
        })
    }
}

/// What WordPress shows nobody is a draft here, as in an export.
fn status(word: &str, is_protected: bool) -> Status {
    match word {
        _ if is_protected => Status::Draft,
        "publish" => Status::Published,
        "future" => Status::Scheduled,
        // draft, pending, private, and whatever plugins invent.
        _ => Status::Draft,
    }
}

/// `2026-11-20T02:00:00`, in UTC without saying so.
pub(super) fn time(json: &Value) -> Option<Millis> {
    let text = json.as_str()?.trim().trim_end_matches('Z');
    let at = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(Millis(at.and_utc().timestamp_millis())).filter(|at| at.0 > YEAR_ZERO)
}

/// WordPress's `0000-00-00`, which some versions write as a year before Christ.
const YEAR_ZERO: i64 = -62_135_596_800_000;

/// A number, also where a plugin made a string of it.
pub(super) fn number(json: &Value) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.trim().parse().ok())
}

fn numbers(json: &Value) -> Vec<u64> {
    let list = json.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().take(IDS_MAX).filter_map(number).collect()
}

pub(super) fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

pub(super) fn rendered(json: &Value) -> String {
    text(&json["rendered"])
}

/// Entities decoded once, tags left alone: WordPress escapes `&` in addresses as `&#038;`.
pub(super) fn unescaped(text: &str) -> String {
    if text.contains('&') && !text.contains('<') { plain_text(text) } else { text.to_owned() }
}

/// Polylang's code, or WPML's locale without its country: feeds are of `ru`, not of `ru-RU`.
fn language(json: &Value) -> Option<Language> {
    if let Some(code) = json["lang"].as_str().filter(|code| !code.is_empty()) {
        return Language::parse(&code.replace('_', "-")).ok();
    }
    let locale = json["wpml_current_locale"].as_str()?;
    let script = |part: &&str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic());
    let mut parts = locale.split(['_', '-']);
    let language = parts.next()?;
    match parts.find(script) {
        Some(script) => Language::parse(&format!("{language}-{script}")).ok(),
        None => Language::parse(language).ok(),
    }
}

/// Polylang's map of language to id, or WPML's list.
fn translations(json: &Value, own: u64) -> Vec<u64> {
    let of = |item: &Value| number(item).or_else(|| number(&item["id"]));
    let polylang = json["translations"].as_object().into_iter().flat_map(|map| map.values());
    let wpml = json["wpml_translations"].as_array().into_iter().flatten();
    let mut ids: Vec<u64> =
        polylang.chain(wpml).take(IDS_MAX).filter_map(of).filter(|id| *id > 0).collect();
    ids.retain(|id| *id != own);
    ids.sort_unstable();
    ids.dedup();
    ids
}
