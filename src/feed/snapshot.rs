//! A feed with its entries at one moment, format-neutral.
//!
//! It decides what every format says the same: title, language, when the feed last changed.

use std::time::Duration;

use crate::{
    config::{self, Content, FeedConfig, FeedLanguage},
    model::{Article, FeedSlug, Format, Language, Millis, WebUrl},
};

use super::{entry::CategoryKind, rhythm::Rhythm, text};

/// A feed with its entries at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its place in addresses.
    pub slug: FeedSlug,
    /// As readers see it; the site's where the feed has none.
    pub title: String,
    /// What it is, in a line.
    pub description: String,
    /// Who publishes it: the site's title.
    pub publisher: String,
    /// The declared language, or the one all entries share.
    pub language: Option<Language>,
    /// The publisher's site.
    pub site_url: WebUrl,
    /// Where the world finds us.
    pub public_url: WebUrl,
    /// Which documents with an address of their own are made of it.
    pub formats: Vec<Format>,
    /// The copyright line; empty is none.
    pub rights: String,
    /// A picture that stands for the publisher.
    pub logo: Option<WebUrl>,
    /// A small square one.
    pub icon: Option<WebUrl>,
    /// Where readers may subscribe (WebSub).
    pub hubs: Vec<WebUrl>,
    /// How often an entry comes; `None` for too few to tell.
    pub rhythm: Option<Rhythm>,
    /// How long nobody needs to ask again.
    pub max_age: Duration,
    /// How much of an article an entry carries.
    pub content: Content,
    /// Newest first, all of them public.
    pub entries: Vec<Article>,
    /// When the entries last changed; never the time of rendering.
    pub changed_at: Millis,
}

impl Snapshot {
    /// The feed as it stands with `entries` (newest first, all public). `removed_at` is when an
    /// entry last left it, so that a withdrawal moves `changed_at` too; an empty feed that never
    /// lost an entry has not changed since `Millis(0)`.
    pub fn new(
        feed: &FeedConfig,
        site: &config::Site,
        public: &config::Public,
        entries: Vec<Article>,
        removed_at: Option<Millis>,
    ) -> Snapshot {
        let rhythm = Rhythm::of(&entries);
        let publisher = first_filled(&[&site.title, &site.url.host()]);
        let title = first_filled(&[&feed.title, &publisher]);
        let description =
            if title == publisher { title.clone() } else { format!("{title} — {publisher}") };
        Snapshot {
            slug: feed.slug.clone(),
            title,
            description,
            publisher,
            language: language(&feed.language, &entries),
            site_url: site.url.clone(),
            public_url: public.url.clone(),
            formats: feed.formats.iter().copied().filter(|f| f.is_public()).collect(),
            rights: site.rights.clone(),
            logo: site.logo.clone(),
            icon: site.icon.clone(),
            hubs: public.hubs.clone(),
            max_age: max_age(public, rhythm),
            rhythm,
            content: feed.content,
            changed_at: entries.iter().map(changed_at).chain(removed_at).max().unwrap_or_default(),
            entries,
        }
    }

    /// What divides sections from tags: a scheme (RFC 4287 §4.2.2.2), a domain in RSS.
    pub(super) fn scheme(&self, kind: CategoryKind) -> String {
        let word = match kind {
            CategoryKind::Section => "sections",
            CategoryKind::Tag => "tags",
        };
        format!("{}/feeds#{word}", text::uri(&self.public_url).trim_end_matches('/'))
    }

    /// Where a document of this feed is: `{public_url}/feeds/{slug}.{format}`.
    pub fn self_url(&self, format: Format) -> String {
        document_url(&self.public_url, &self.slug, format)
    }
}

/// Where a document of a feed is: `{public_url}/feeds/{slug}.{format}`.
pub(super) fn document_url(public: &WebUrl, slug: &FeedSlug, format: Format) -> String {
    let public = text::uri(public);
    format!("{}/feeds/{slug}.{}", public.trim_end_matches('/'), format.as_str())
}

/// How long nobody needs to ask again for a feed with this rhythm.
pub fn max_age(public: &config::Public, rhythm: Option<Rhythm>) -> Duration {
    rhythm.map_or(public.max_age, |rhythm| rhythm.max_age(public.max_age, public.max_age_max))
}

/// When an entry came or was last edited. One that an embargo held back came with its end.
fn changed_at(article: &Article) -> Millis {
    let shown = article.published_at.max(article.embargo_until).unwrap_or(Millis(i64::MIN));
    article.updated_at.max(shown)
}

fn language(declared: &FeedLanguage, entries: &[Article]) -> Option<Language> {
    match declared {
        FeedLanguage::One(language) => Some(language.clone()),
        FeedLanguage::Mixed => {
            let first = &entries.first()?.language;
            entries.iter().all(|entry| entry.language == *first).then(|| first.clone())
        }
    }
}

fn first_filled(texts: &[&str]) -> String {
    let lines = texts.iter().map(|text| text::line(text));
    lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default().into_owned()
}
