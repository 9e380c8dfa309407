//! One item of an export as a candidate. What is not for the public becomes a draft here, so that
//! nothing later has to know WordPress.

use std::collections::HashSet;

use chrono_tz::Tz;

use super::{
    Notes, WxrOptions, blocks,
    index::{Index, media_type},
    item::Item,
    paragraphs::with_paragraphs,
    shortcodes::Resolver,
    views,
};
use crate::{
    ingest::{Candidate, clean::plain_text, local_time::from_local},
    model::{
        ArticleId, Author, CarriedOver, Guid, Language, Media, MediaRole, Millis, Status, WebUrl,
    },
};

/// Characters and words of a title made from the text.
const TITLE_WORDS: usize = 10;
const TITLE_CHARS: usize = 80;
/// Sections or tags of one article.
const TERMS_MAX: usize = 50;
/// Enclosures of one post.
const ENCLOSURES_MAX: usize = 50;

/// What turning items into candidates needs.
pub(super) struct Posts<'a> {
    pub options: &'a WxrOptions,
    pub index: &'a Index,
    pub site: &'a str,
    pub zone: Tz,
    pub now: Millis,
}

impl Posts<'_> {
    /// The candidate, or why there is none.
    pub fn candidate(&self, item: Item, notes: &mut Notes) -> Result<Candidate, String> {
        let status = status(&item)?;
        if item.too_large {
            return Err("a field is larger than limits.article_bytes_max".into());
        }
        let id = ArticleId::parse(&format!("{}-{}", self.options.prefix, item.id))
            .map_err(|e| format!("its id cannot be made: {e}"))?;
        let url = self.url(&item, status)?;
        let body_html = self.body(&item, notes);
        let slug = Some(item.name.clone()).filter(|name| !name.is_empty());
        Ok(Candidate {
            title: title_of(&item.title, &body_html, &item.excerpt, item.id),
            guid: Guid::parse(item.guid.trim()).ok(),
            summary: item.excerpt.clone(),
            language: language(&item),
            family: terms(&item, "post_translations").into_iter().next(),
            sections: bounded(terms(&item, "category"), "sections", notes),
            tags: bounded(terms(&item, "post_tag"), "tags", notes),
            authors: self.authors(&item),
            byline: None,
            source: None,
            rights: None,
            media: self.media(&item),
            published_at: self.published_at(&item, status),
            updated_at: utc(&item.modified_gmt),
            status,
            embargo_until: None,
            carried_over: self.carried_over(&item),
            id,
            url,
            slug,
            body_html,
        })
    }

    /// The link byte for byte; what has no public address yet gets the one that WordPress uses.
    fn url(&self, item: &Item, status: Status) -> Result<WebUrl, String> {
        match WebUrl::parse(item.link.trim()) {
            Ok(url) => Ok(url),
            Err(_) if status != Status::Published => {
                let url = format!("{}/?p={}", self.site.trim_end_matches('/'), item.id);
                WebUrl::parse(&url).map_err(|e| format!("link: {e}"))
            }
            Err(e) => Err(format!("link: {e}")),
        }
    }

    fn body(&self, item: &Item, notes: &mut Notes) -> String {
        let content = item.content.replace("\r\n", "\n");
        let content = without_page_breaks(&content);
        let html = if blocks::has_blocks(&content) {
            let html = blocks::resolved(&content, &self.index.blocks, notes);
            blocks::addresses_as_links(&html)
        } else {
            with_paragraphs(&blocks::addresses_as_links(&content))
        };
        let resolver = Resolver { index: self.index, post: item.id };
        resolver.resolved(&html, notes).trim().to_owned()
    }

    /// `dc:creator` is a login; readers know the name.
    fn authors(&self, item: &Item) -> Vec<Author> {
        let login = item.creator.trim();
        let name = self.index.authors.get(login).map_or(login, String::as_str);
        let name = Some(plain_text(name)).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| plain_text(login));
        if name.is_empty() { vec![] } else { vec![Author { name, url: None }] }
    }

    fn media(&self, item: &Item) -> Vec<Media> {
        let lead = item.meta("_thumbnail_id").and_then(|id| id.trim().parse().ok());
        let lead = lead.and_then(|id| self.index.attachment(id));
        let mut media: Vec<Media> =
            lead.and_then(|file| file.media(MediaRole::Lead)).into_iter().collect();
        let mut seen = HashSet::new();
        for (_, value) in
            item.meta.iter().filter(|(key, _)| key == "enclosure").take(ENCLOSURES_MAX)
        {
            if let Some(file) = self.enclosure(value).filter(|m| seen.insert(m.url.clone())) {
                media.push(file);
            }
        }
        media
    }

    /// `address\nbytes\ntype\n…`; WordPress writes 0 bytes where it does not know.
    fn enclosure(&self, value: &str) -> Option<Media> {
        let mut lines = value.lines().map(str::trim);
        let url = WebUrl::parse(lines.next()?).ok()?;
        let bytes = lines.next().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
        let kind = lines.next().filter(|kind| is_media_type(kind));
        let known = self.index.file_at(url.as_str());
        let known = known.and_then(|file| file.media(MediaRole::Enclosure));
        let media_type = kind.unwrap_or_else(|| media_type(url.as_str())).to_owned();
        Some(match known {
            Some(known) => Media { media_type, bytes: known.bytes.or(bytes), ..known },
            None => Media {
                url,
                media_type,
                bytes,
                width: None,
                height: None,
                duration_seconds: None,
                role: MediaRole::Enclosure,
                credit: None,
                alt: None,
            },
        })
    }

    /// The time in GMT is the truth; a draft has none, and old exports have only the local time.
    fn published_at(&self, item: &Item, status: Status) -> Option<Millis> {
        let gmt = item.date_gmt.as_deref();
        let local = || parse_date(&item.date).map(|local| from_local(local, self.zone));
        match gmt.and_then(utc) {
            Some(at) => Some(at),
            None if status == Status::Draft && gmt.is_some() => None,
            None => local(),
        }
    }

    fn carried_over(&self, item: &Item) -> Option<CarriedOver> {
        let (views, key) = views::largest(&item.meta)?;
        let at = self.index.created.unwrap_or(self.now);
        Some(CarriedOver { views, at, source: format!("wxr {key}") })
    }
}

/// What WordPress shows nobody is a draft here; what it throws away is not taken.
fn status(item: &Item) -> Result<Status, String> {
    let is_protected = !item.password.is_empty();
    match item.status.trim() {
        "trash" => Err("it is in the trash".into()),
        "auto-draft" | "inherit" => Err("it is an unfinished draft of the editor".into()),
        _ if is_protected => Ok(Status::Draft),
        "publish" => Ok(Status::Published),
        "future" => Ok(Status::Scheduled),
        // draft, pending, private, and whatever plugins invent.
        _ => Ok(Status::Draft),
    }
}

/// The title; what has none is called by its first words, or by its number.
pub(in crate::ingest) fn title_of(title: &str, body_html: &str, excerpt: &str, id: u64) -> String {
    if !plain_text(title).is_empty() {
        return title.to_owned();
    }
    let text = plain_text(body_html);
    let text = if text.is_empty() { plain_text(excerpt) } else { text };
    match first_words(&text) {
        words if words.is_empty() => format!("№ {id}"),
        words => crate::ingest::clean::escaped(&words),
    }
}

/// The first words of a text, with `…` where it goes on.
pub(in crate::ingest) fn first_words(text: &str) -> String {
    let mut title = String::new();
    for (at, word) in text.split(' ').enumerate() {
        let is_full = title.chars().count() + word.chars().count() >= TITLE_CHARS;
        if at > 0 && (at == TITLE_WORDS || is_full) {
            title.push('…');
            break;
        }
        if at > 0 {
            title.push(' ');
        }
        title.extend(word.chars().take(TITLE_CHARS));
    }
    title
}

fn terms(item: &Item, domain: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = item.terms.iter().filter(|term| term.domain == domain).map(|term| &term.name);
    names.map(|name| plain_text(name)).filter(|n| !n.is_empty() && seen.insert(n.clone())).collect()
}

/// As many as an article may have.
fn bounded(mut names: Vec<String>, what: &str, notes: &mut Notes) -> Vec<String> {
    if names.len() > TERMS_MAX {
        notes.add(format!("{what} of a post beyond the first {TERMS_MAX}"));
        names.truncate(TERMS_MAX);
    }
    names
}

/// The language that the plugin Polylang writes down.
fn language(item: &Item) -> Option<Language> {
    let term = item.terms.iter().find(|term| term.domain == "language")?;
    Language::parse(&term.nicename).ok()
}

/// `<!--more-->` and `<!--nextpage-->` are for pages, not for feeds.
fn without_page_breaks(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find("<!--") {
        let (before, on) = rest.split_at(at);
        out.push_str(before);
        let inner = on["<!--".len()..].trim_start();
        let is_break = ["more", "nextpage", "noteaser"].iter().any(|word| inner.starts_with(word));
        if !is_break {
            out.push_str("<!--");
            rest = &on["<!--".len()..];
            continue;
        }
        // A comment without an end hides the rest.
        rest = on.find("-->").map_or("", |end| &on[end + "-->".len()..]);
    }
    out.push_str(rest);
    out
}

fn is_media_type(kind: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.'))
    };
    kind.len() <= 100 && kind.split_once('/').is_some_and(|(a, b)| good(a) && good(b))
}

fn parse_date(text: &str) -> Option<chrono::NaiveDateTime> {
    chrono::NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S").ok()
}

fn utc(text: &str) -> Option<Millis> {
    parse_date(text).map(|date| Millis(date.and_utc().timestamp_millis()))
}
