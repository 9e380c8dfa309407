//! Feeds made by themselves: one for each section, language, tag or author, as the settings say.
//!
//! It names them and says what they amount to; how many articles they need is the caller's rule.

use crate::{
    config::{Content, FeedConfig, FeedLanguage, FeedsAuto, Select},
    model::{Article, FeedSlug, Format, Language, slugify},
};

/// How many entries an automatic feed shows.
const ENTRIES: usize = 50;

/// A feed that exists because articles carry a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoFeed {
    /// `section-SLUG`, `language-CODE`, `tag-SLUG` or `author-SLUG`.
    pub slug: FeedSlug,
    /// What the word is.
    pub kind: AutoKind,
    /// The word as the newsroom writes it; of a language its tag.
    pub name: String,
}

/// What the word of an automatic feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AutoKind {
    /// A section.
    Section,
    /// A language.
    Language,
    /// A tag.
    Tag,
    /// An author's name.
    Author,
}

impl AutoKind {
    /// All of them.
    pub const ALL: [AutoKind; 4] =
        [AutoKind::Section, AutoKind::Language, AutoKind::Tag, AutoKind::Author];

    /// The word that slugs begin with.
    pub fn as_str(self) -> &'static str {
        match self {
            AutoKind::Section => "section",
            AutoKind::Language => "language",
            AutoKind::Tag => "tag",
            AutoKind::Author => "author",
        }
    }
}

/// The automatic feeds `article` would belong to, each once. A word without any letter or digit
/// that can stand in an address makes no feed.
pub fn candidates(auto: &FeedsAuto, article: &Article) -> Vec<AutoFeed> {
    let sections = article.sections.iter().filter(|_| auto.sections);
    let language = Some(&article.language).filter(|_| auto.languages);
    let tags = article.tags.iter().filter(|_| auto.tags);
    let authors = article.authors.iter().filter(|_| auto.authors);
    let words = sections
        .map(|word| (AutoKind::Section, word.as_str()))
        .chain(language.map(|language| (AutoKind::Language, language.as_str())))
        .chain(tags.map(|word| (AutoKind::Tag, word.as_str())))
        .chain(authors.map(|author| (AutoKind::Author, author.name.as_str())));
    let mut feeds: Vec<AutoFeed> = Vec::new();
    for feed in words.filter_map(|(kind, word)| named(kind, word)) {
        if feeds.iter().all(|known| known.slug != feed.slug) {
            feeds.push(feed);
        }
    }
    feeds
}

fn named(kind: AutoKind, word: &str) -> Option<AutoFeed> {
    let place = Some(slugify(word)).filter(|place| !place.is_empty())?;
    let slug = FeedSlug::parse(&format!("{}-{place}", kind.as_str())).ok()?;
    Some(AutoFeed { slug, kind, name: word.to_owned() })
}

/// The declaration an automatic feed amounts to: all formats, whole articles, 50 entries, no
/// schedule.
pub fn declaration(auto: &AutoFeed) -> FeedConfig {
    let mut feed = FeedConfig {
        slug: auto.slug.clone(),
        title: title(auto),
        language: FeedLanguage::Mixed,
        formats: Format::ALL.to_vec(),
        content: Content::Full,
        entries: ENTRIES,
        schedule: None,
        select: Select::default(),
        moved_from: Vec::new(),
    };
    add_spelling(&mut feed, auto);
    feed
}

/// Lets `feed` hold what `auto` names too: words that differ but share a slug («Спорт», «Sport»)
/// share a feed.
pub fn add_spelling(feed: &mut FeedConfig, auto: &AutoFeed) {
    let words = match auto.kind {
        AutoKind::Section => &mut feed.select.sections,
        AutoKind::Tag => &mut feed.select.tags,
        AutoKind::Author => &mut feed.select.authors,
        AutoKind::Language => {
            if let Ok(language) = Language::parse(&auto.name) {
                feed.language = FeedLanguage::One(language);
            }
            return;
        }
    };
    if !words.contains(&auto.name) {
        words.push(auto.name.clone());
    }
}

fn title(auto: &AutoFeed) -> String {
    match (auto.kind, auto.name.as_str()) {
        (AutoKind::Language, "kk") => "Қазақша".into(),
        (AutoKind::Language, "ru") => "Русский".into(),
        (AutoKind::Language, "en") => "English".into(),
        _ => auto.name.clone(),
    }
}
