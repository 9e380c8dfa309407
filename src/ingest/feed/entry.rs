//! One entry as a candidate.

use std::{collections::HashSet, fmt::Write};

use chrono::{DateTime, Utc};
use feed_rs::model::{self, FeedType, MediaContent};
use sha2::{Digest, Sha256};

use super::{FeedOptions, scan::Enclosure};
use crate::{
    ingest::{
        Candidate,
        clean::{escaped, plain_text},
        wxr::{first_words, media_type},
    },
    model::{ArticleId, Author, Guid, Language, Media, MediaRole, Millis, Status, WebUrl},
};

/// Bytes of the guid's hash in an id: 64 bits, so that two of a billion entries hardly meet.
const HASH_BYTES: usize = 8;
/// Files, names and terms of one entry; more are left out.
const ITEMS_MAX: usize = 50;
/// Characters of an entry's name in a report.
const NAME_CHARS_MAX: usize = 120;

/// What is true of every entry of a feed.
pub(super) struct About<'a> {
    options: &'a FeedOptions,
    kind: FeedType,
    language: Option<Language>,
    authors: Vec<Author>,
}

impl About<'_> {
    pub(super) fn of<'a>(feed: &model::Feed, options: &'a FeedOptions) -> About<'a> {
        let said = feed.language.as_deref().and_then(|tag| Language::parse(tag.trim()).ok());
        // RFC 4287 §4.2.1: they are the entries' where these name none.
        let authors = if feed.feed_type == FeedType::Atom { feed.authors.as_slice() } else { &[] };
        About {
            options,
            kind: feed.feed_type.clone(),
            language: options.language.clone().or(said),
            authors: names(authors),
        }
    }

    /// As a report calls the entry.
    pub(super) fn name(&self, entry: &model::Entry, at: usize) -> String {
        let link = entry.links.first().map(|link| link.href.as_str());
        let name = Some(entry.id.trim()).filter(|id| !id.is_empty()).or(link);
        let name = name.map_or_else(|| format!("entry {}", at + 1), str::to_owned);
        name.chars().take(NAME_CHARS_MAX).collect()
    }

    /// The candidate, or why there is none. `enclosures` are the item's own, in RSS.
    pub(super) fn candidate(
        &self,
        entry: model::Entry,
        enclosures: &[Enclosure],
    ) -> Result<Candidate, String> {
        let link = self.link(&entry);
        let id = entry.id.trim();
        let guid = match (id, &link) {
            ("", None) => return Err("it has neither a guid nor a link to know it by".into()),
            ("", Some(link)) => link.as_str(),
            (id, _) => id,
        };
        let guid = Guid::parse(guid).map_err(|e| e.to_string())?;
        // A guid that is an address is one in most feeds without links.
        let url = link.or_else(|| WebUrl::parse(guid.as_str()).ok());
        let url = url.ok_or("it has no link, and its guid is no address")?;
        let (body_html, summary) = self.texts(&entry);
        let (sections, tags) = self.terms(&entry);
        let published = entry.published.or(entry.updated).and_then(millis);
        let mut authors = names(&entry.authors);
        if authors.is_empty() {
            authors = self.authors.clone();
        }
        let said = entry.language.as_deref().and_then(|tag| Language::parse(tag.trim()).ok());
        Ok(Candidate {
            id: self.id(&guid)?,
            title: self.title(&entry, &body_html, &url),
            // Where RSS says no time of change, the time of publication stands in for it, which must
            // not keep a correction out.
            updated_at: entry.updated.and_then(millis).filter(|at| Some(*at) != published),
            media: self.media(&entry, enclosures),
            guid: Some(guid),
            slug: None,
            summary,
            language: self.options.language.clone().or(said).or_else(|| self.language.clone()),
            family: None,
            sections,
            tags,
            authors,
            byline: None,
            source: None,
            rights: entry.rights.map(|text| plain_text(&text.content)).filter(|t| !t.is_empty()),
            published_at: published,
            status: Status::Published,
            embargo_until: None,
            carried_over: None,
            url,
            body_html,
        })
    }

    fn id(&self, guid: &Guid) -> Result<ArticleId, String> {
        let hash = Sha256::digest(guid.as_str().as_bytes());
        let mut id = format!("{}-", self.options.prefix);
        for byte in &hash[..HASH_BYTES] {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02x}");
        }
        ArticleId::parse(&id).map_err(|e| format!("its id cannot be made: {e}"))
    }

    /// The page: the first link that is none to a file, a feed or comments.
    fn link(&self, entry: &model::Entry) -> Option<WebUrl> {
        let is_page = |link: &&model::Link| {
            let is_html = |kind: &str| kind.contains("html");
            link.target.is_none()
                && matches!(link.rel.as_deref(), None | Some("alternate"))
                && link.media_type.as_deref().is_none_or(is_html)
        };
        let pages = entry.links.iter().filter(is_page);
        pages.filter_map(|link| self.address(&link.href)).next()
    }

    /// An absolute address; a relative one is of the feed's site.
    fn address(&self, text: &str) -> Option<WebUrl> {
        let text = text.trim();
        WebUrl::parse(text).ok().or_else(|| {
            let url = self.options.url.as_ref()?.join(text).ok()?;
            WebUrl::parse(url.as_str()).ok()
        })
    }

    /// Body and summary as HTML; an entry with one text has no summary besides.
    fn texts(&self, entry: &model::Entry) -> (String, String) {
        let content = entry.content.as_ref().and_then(|content| {
            let text = content.body.as_deref()?;
            Some(html(text, content.content_type.as_str() == "text/plain" && !self.is_rss()))
        });
        let summary = entry.summary.as_ref().map(|text| {
            html(&text.content, text.content_type.as_str() == "text/plain" && !self.is_rss())
        });
        let summary = summary.unwrap_or_default();
        match content.filter(|content| !content.trim().is_empty()) {
            None => (summary, String::new()),
            Some(content) if content == summary => (content, String::new()),
            Some(content) => (content, summary),
        }
    }

    /// RSS does not say what is text and what is HTML; feeds mean HTML.
    fn is_rss(&self) -> bool {
        !matches!(self.kind, FeedType::Atom | FeedType::JSON)
    }

    fn title(&self, entry: &model::Entry, body_html: &str, url: &WebUrl) -> String {
        let title = entry.title.as_ref().map(|title| {
            let is_text = title.content_type.as_str() == "text/plain" && !self.is_rss();
            if is_text { escaped(&title.content) } else { title.content.clone() }
        });
        if let Some(title) = title.filter(|title| !plain_text(title).is_empty()) {
            return title;
        }
        match first_words(&plain_text(body_html)) {
            words if words.is_empty() => escaped(url.as_str()),
            words => escaped(&words),
        }
    }

    fn terms(&self, entry: &model::Entry) -> (Vec<String>, Vec<String>) {
        let mut seen = HashSet::new();
        let terms = entry.categories.iter().map(|c| c.label.as_deref().unwrap_or(&c.term));
        let terms = terms.map(plain_text).filter(|t| !t.is_empty() && seen.insert(t.clone()));
        let terms = terms.take(ITEMS_MAX).collect();
        match &self.options.section {
            Some(section) => (vec![section.clone()], terms),
            None => (terms, Vec::new()),
        }
    }

    /// Each file once; the first picture leads.
    fn media(&self, entry: &model::Entry, enclosures: &[Enclosure]) -> Vec<Media> {
        let contents = entry.media.iter().flat_map(|object| &object.content);
        let attached = entry.links.iter().filter(|link| {
            let is_file = |kind: &str| !kind.contains("html") && kind.contains('/');
            link.rel.as_deref() == Some("enclosure")
                || (self.kind == FeedType::JSON && link.media_type.as_deref().is_some_and(is_file))
        });
        let mut files: Vec<Media> = contents.filter_map(|content| self.content(content)).collect();
        files.extend(attached.filter_map(|link| {
            let kind = link.media_type.as_deref();
            self.file(&link.href, kind, link.length)
        }));
        let enclosed = enclosures.iter();
        files.extend(enclosed.filter_map(|e| self.file(&e.url, e.kind.as_deref(), e.bytes)));
        let thumbnails = entry.media.iter().flat_map(|object| &object.thumbnails);
        if !files.iter().any(|file| is_picture(&file.media_type)) {
            files.extend(thumbnails.take(1).filter_map(|t| self.file(&t.image.uri, None, None)));
        }
        let mut seen = HashSet::new();
        files.retain(|file| seen.insert(file.url.clone()));
        files.truncate(ITEMS_MAX);
        if let Some(lead) = files.iter_mut().find(|file| is_picture(&file.media_type)) {
            lead.role = MediaRole::Lead;
        }
        files
    }

    fn content(&self, content: &MediaContent) -> Option<Media> {
        let kind = content.content_type.as_ref().map(|kind| kind.essence().to_string());
        let file = self.file(content.url.as_ref()?.as_str(), kind.as_deref(), content.size)?;
        let duration_seconds = content.duration.map(|d| d.as_secs_f64());
        Some(Media { width: content.width, height: content.height, duration_seconds, ..file })
    }

    fn file(&self, address: &str, kind: Option<&str>, bytes: Option<u64>) -> Option<Media> {
        let url = self.address(address)?;
        let kind = kind.map(str::trim).filter(|kind| kind.contains('/') && kind.len() <= 100);
        let media_type = kind.unwrap_or_else(|| media_type(url.as_str())).to_owned();
        let role = match is_picture(&media_type) {
            true => MediaRole::Body,
            false => MediaRole::Enclosure,
        };
        Some(Media {
            url,
            media_type,
            // WordPress writes 0 where it does not know.
            bytes: bytes.filter(|bytes| *bytes > 0),
            width: None,
            height: None,
            duration_seconds: None,
            role,
            credit: None,
            alt: None,
        })
    }
}

fn is_picture(media_type: &str) -> bool {
    media_type.starts_with("image/")
}

/// Text as HTML, a paragraph for each block of lines.
fn html(text: &str, is_text: bool) -> String {
    if !is_text {
        return text.to_owned();
    }
    let blocks = text.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("<p>{}</p>", escaped(block))).collect()
}

/// Names only: an address of electronic mail is nobody's business.
fn names(persons: &[model::Person]) -> Vec<Author> {
    let author = |person: &model::Person| {
        let name = plain_text(person.name.as_deref()?);
        let url = person.uri.as_deref().and_then(|uri| WebUrl::parse(uri.trim()).ok());
        (!name.is_empty() && !name.contains('@')).then_some(Author { name, url })
    };
    persons.iter().filter_map(author).take(ITEMS_MAX).collect()
}

/// A time that both RSS and Atom can write again.
fn millis(time: DateTime<Utc>) -> Option<Millis> {
    Millis::from_rfc3339(&time.to_rfc3339()).ok()
}
