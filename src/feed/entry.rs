//! One article as an entry: what all formats say the same, cleaned once.
//!
//! Fallbacks live here, so that an article without a title, body, author or time still makes a
//! valid entry in every format.

use std::{borrow::Cow, fmt::Write};

use sha2::{Digest, Sha256};

use crate::model::{Article, Format, Guid, Language, Media, MediaRole, Millis};

use super::{excerpt::excerpt, text};

const SUMMARY_WORDS: usize = 55;
const TITLE_WORDS: usize = 10;

/// An article's strings and times as documents may carry them.
pub(super) struct Entry<'a> {
    pub guid: &'a Guid,
    /// One line, never empty.
    pub title: Cow<'a, str>,
    /// A URI.
    pub link: Cow<'a, str>,
    /// Plain text in one line; empty only where the article has no words.
    pub summary: Cow<'a, str>,
    /// HTML.
    pub body: Cow<'a, str>,
    pub language: &'a Language,
    pub published: Millis,
    /// Later than `published`, or there was no edit since.
    pub modified: Option<Millis>,
    pub authors: Vec<Creator<'a>>,
    /// Sections, then tags, each word once.
    pub categories: Vec<Category<'a>>,
    pub enclosures: Vec<&'a Media>,
    /// The picture that stands for the article: the one to take first, then its other sizes.
    pub renditions: Vec<&'a Media>,
    pub source: Option<Creator<'a>>,
    pub rights: Cow<'a, str>,
}

/// A word of the newsroom.
pub(super) struct Category<'a> {
    pub word: Cow<'a, str>,
    pub kind: CategoryKind,
}

/// Whether a word is a section or a tag.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum CategoryKind {
    Section,
    Tag,
}

/// A name with an address: an author or a source.
pub(super) struct Creator<'a> {
    pub name: Cow<'a, str>,
    pub url: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    pub fn of(article: &'a Article) -> Entry<'a> {
        let summary = summary(article);
        let published = whole_seconds(article.published_at.unwrap_or(article.updated_at));
        let updated = whole_seconds(article.updated_at);
        let with_role = |role| article.media.iter().filter(move |media| media.role == role);
        Entry {
            guid: &article.guid,
            title: title(article, &summary),
            link: text::uri(&article.url),
            summary,
            body: text::block(&article.body_html),
            language: &article.language,
            published,
            modified: Some(updated).filter(|updated| *updated > published),
            authors: authors(article),
            categories: categories(article),
            enclosures: with_role(MediaRole::Enclosure).collect(),
            renditions: with_role(MediaRole::Lead).collect(),
            source: article.source.as_ref().map(|source| Creator {
                name: text::line(&source.name),
                url: source.url.as_ref().map(text::uri),
            }),
            rights: article.rights.as_deref().map(text::line).unwrap_or_default(),
        }
    }

    /// The picture that stands for the article.
    pub fn image(&self) -> Option<&'a Media> {
        self.renditions.first().copied()
    }

    /// What a format with room for one file offers: sound or video, else the picture that stands
    /// for the article, which big readers show as its cover.
    pub fn main_enclosure(&self) -> Option<&'a Media> {
        self.enclosures.first().copied().or(self.image())
    }

    /// When the entry last changed.
    pub fn updated(&self) -> Millis {
        self.modified.unwrap_or(self.published)
    }
}

/// What readers of a format know an entry by (RSS 1.0 has links instead). The guid byte for byte, except that Atom wants an IRI
/// (RFC 4287 §4.2.6): any other guid becomes a `urn:uuid` made of nothing but the guid (RFC 9562
/// §5.8), so that it survives a move of the site.
pub fn entry_id(format: Format, guid: &str) -> Cow<'_, str> {
    match format {
        Format::Rss | Format::Json | Format::Rdf => Cow::Borrowed(guid),
        Format::Atom if is_iri(guid) => Cow::Borrowed(guid),
        Format::Atom => Cow::Owned(uuid_urn(guid)),
    }
}

/// A scheme, a colon and characters that an IRI can hold (RFC 3987 §2.2).
fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_good = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let barred = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    scheme_good && !rest.is_empty() && !rest.contains(barred)
}

fn uuid_urn(guid: &str) -> String {
    let hash = Sha256::digest(guid.as_bytes());
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80; // version 8: made in a way of our own
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut urn = String::from("urn:uuid:");
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            urn.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(urn, "{byte:02x}");
    }
    urn
}

/// Seconds are the most that RSS can say; all formats say the same.
pub(super) fn whole_seconds(time: Millis) -> Millis {
    Millis(time.seconds().saturating_mul(1000))
}

fn summary(article: &Article) -> Cow<'_, str> {
    let written = text::line(&article.summary);
    if !written.is_empty() {
        return written;
    }
    text::line(&excerpt(&article.body_html, SUMMARY_WORDS)).into_owned().into()
}

/// An article without a title is called by its first words, one without words by its id.
fn title<'a>(article: &'a Article, summary: &str) -> Cow<'a, str> {
    let written = text::line(&article.title);
    if !written.is_empty() {
        return written;
    }
    match excerpt(&text::html(summary), TITLE_WORDS) {
        words if words.is_empty() => Cow::Borrowed(article.id.as_str()),
        words => Cow::Owned(words),
    }
}

/// The authors who have a name; the byline where none has.
fn authors(article: &Article) -> Vec<Creator<'_>> {
    let named = article.authors.iter().map(|author| Creator {
        name: text::line(&author.name),
        url: author.url.as_ref().map(text::uri),
    });
    let mut authors: Vec<_> = named.filter(|author| !author.name.is_empty()).collect();
    if authors.is_empty() {
        let byline = article.byline.as_deref().map(text::line).unwrap_or_default();
        authors
            .extend(Some(byline).filter(|b| !b.is_empty()).map(|name| Creator { name, url: None }));
    }
    authors
}

fn categories(article: &Article) -> Vec<Category<'_>> {
    let sections = article.sections.iter().map(|word| (word, CategoryKind::Section));
    let tags = article.tags.iter().map(|word| (word, CategoryKind::Tag));
    let mut categories: Vec<Category<'_>> = Vec::new();
    for (word, kind) in sections.chain(tags) {
        let category = Category { word: text::line(word), kind };
        let is_new = categories.iter().all(|known| known.word != category.word);
        if !category.word.is_empty() && is_new {
            categories.push(category);
        }
    }
    categories
}
