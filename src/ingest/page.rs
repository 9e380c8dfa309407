//! One saved page, HTML or text as a reader copied it, as an article.
//!
//! The address comes with `--url` (a text has none, a page may name its own); times without a zone
//! are the site's. A page without a headline, a date or text is refused rather than guessed at.

mod html;
mod months;
mod text;
mod words;

use chrono_tz::Tz;
use encoding_rs::{Encoding, UTF_8};

use super::{
    Candidate,
    clean::{CleanLimits, check, plain_text, without_forbidden},
    local_time::from_local,
};
use crate::model::{
    ArticleId, Author, CarriedOver, Language, Media, MediaRole, Millis, Status, WebUrl, slugify,
};

/// How a page is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// The article's address; a page that names its own needs none.
    pub url: Option<WebUrl>,
    /// The article's id; `page-<last part of the address>` where missing.
    pub id: Option<ArticleId>,
}

/// What both kinds of pages give.
#[derive(Default)]
struct Facts {
    title: String,
    summary: String,
    published_at: Option<Millis>,
    views: Option<u64>,
    body_html: String,
    byline: Option<String>,
    picture: Option<String>,
    language: Option<Language>,
    address: Option<String>,
}

/// The article of a page, or one sentence that says what is missing.
pub(super) fn candidate(
    bytes: &[u8],
    options: &PageOptions,
    zone: Tz,
    now: Millis,
    limits: &CleanLimits,
) -> Result<Candidate, String> {
    let text = decoded(bytes);
    let (text, _) = without_forbidden(&text);
    let facts = if is_html(&text) { of_html(&text, zone, limits)? } else { of_text(&text, zone) };
    let url = match (&options.url, &facts.address) {
        (Some(url), _) => url.clone(),
        (None, Some(address)) => WebUrl::parse(address)
            .map_err(|_| "the page names no usable address: give it with --url".to_owned())?,
        (None, None) => return Err("the page has no address: give it with --url".into()),
    };
    let missing = |what: &str| format!("no {what} was found on the page");
    if facts.title.is_empty() {
        return Err(missing("headline"));
    }
    if plain_text(&facts.body_html).is_empty() {
        return Err(missing("text"));
    }
    let published_at = facts.published_at.ok_or_else(|| missing("date"))?;
    let id = id(options, &url)?;
    Ok(article(id, url, published_at, now, facts))
}

fn article(
    id: ArticleId,
    url: WebUrl,
    published_at: Millis,
    now: Millis,
    facts: Facts,
) -> Candidate {
    let author = |name: &String| Author { name: name.clone(), url: None };
    Candidate {
        id,
        guid: None,
        slug: last_segment(&url),
        title: super::clean::escaped(&facts.title),
        summary: super::clean::escaped(&facts.summary),
        body_html: facts.body_html,
        language: facts.language,
        family: None,
        sections: vec![],
        tags: vec![],
        authors: facts.byline.iter().map(author).collect(),
        byline: facts.byline,
        source: None,
        rights: None,
        media: facts.picture.as_deref().and_then(picture).into_iter().collect(),
        published_at: Some(published_at),
        updated_at: None,
        status: Status::Published,
        embargo_until: None,
        carried_over: facts.views.map(|views| CarriedOver {
            views,
            at: now,
            source: "page".into(),
        }),
        url,
    }
}

fn picture(address: &str) -> Option<Media> {
    let url = WebUrl::parse(address).ok()?;
    let media_type = super::wxr::media_type(url.as_str());
    media_type.starts_with("image/").then(|| Media {
        url,
        media_type: media_type.to_owned(),
        bytes: None,
        width: None,
        height: None,
        duration_seconds: None,
        role: MediaRole::Lead,
        credit: None,
        alt: None,
    })
}

fn of_text(text: &str, zone: Tz) -> Facts {
    let found = text::read(text);
    Facts {
        title: found.title,
        published_at: found.date.map(|local| from_local(local, zone)),
        views: found.views,
        body_html: found.body_html,
        byline: found.byline,
        ..Facts::default()
    }
}

fn of_html(html: &str, zone: Tz, limits: &CleanLimits) -> Result<Facts, String> {
    check(html, limits).map_err(|e| e.to_string())?;
    let found = html::read(html);
    let local = found.date.map(|local| from_local(local, zone));
    Ok(Facts {
        title: plain_text(&super::clean::escaped(&found.title)),
        summary: found.summary,
        published_at: found.moment.or(local),
        views: found.views,
        body_html: found.body_html,
        byline: found.byline,
        picture: found.picture,
        language: found.language.and_then(|tag| Language::parse(&tag).ok()),
        address: found.address,
    })
}

fn id(options: &PageOptions, url: &WebUrl) -> Result<ArticleId, String> {
    if let Some(id) = &options.id {
        return Ok(id.clone());
    }
    let slug = last_segment(url).map(|segment| slugify(&segment)).unwrap_or_default();
    if slug.is_empty() {
        return Err("the address has no last part to make an id from: give one with --id".into());
    }
    let id: String = format!("page-{slug}").chars().take(64).collect();
    ArticleId::parse(id.trim_end_matches('-')).map_err(|e| e.to_string())
}

/// The last part of the address, percent-decoded, without an ending such as `.html`.
fn last_segment(url: &WebUrl) -> Option<String> {
    let url = url::Url::parse(url.as_str()).ok()?;
    let segment = url.path_segments()?.rfind(|part| !part.is_empty())?;
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    let name = String::from_utf8_lossy(&bytes).into_owned();
    let stem = name.rsplit_once('.').filter(|(_, end)| matches!(*end, "html" | "htm" | "php"));
    Some(stem.map_or(name.clone(), |(stem, _)| stem.to_owned())).filter(|n| !n.is_empty())
}

fn is_html(text: &str) -> bool {
    let start: String =
        text.trim_start().chars().take(2000).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype")
        || start.starts_with("<html")
        || start.contains("<body")
        || start.contains("<head")
        || start.starts_with("<article")
}

/// By byte order mark, by the page's own word, as UTF-8; else as the Windows encoding of Cyrillic.
fn decoded(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8.decode(bytes).0.into_owned();
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]).to_ascii_lowercase();
    let label = head.split_once("charset=").map(|(_, on)| {
        on.trim_start_matches(['"', '\''])
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .next()
            .unwrap_or_default()
            .to_owned()
    });
    let encoding = label.and_then(|label| Encoding::for_label(label.as_bytes()));
    encoding.unwrap_or(encoding_rs::WINDOWS_1251).decode(bytes).0.into_owned()
}
