//! Which feeds stand at WordPress's old addresses, and where renamed feeds are now. A table that
//! requests read; it renders nothing.

use std::collections::{HashMap, HashSet};

use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::{Settings, old_addresses, shelf::document_path};
use crate::{
    config::{Content, FeedConfig, FeedLanguage, OldAddresses, Select},
    metrics::{ByAgent, Metrics},
    model::{FeedSlug, Format, OldBases, OldFeed, OldKind, OldName, WebUrl, author_slug, slugify},
};

/// What WordPress wrote. RSS 1.0 is only for those who asked it for that.
const FORMATS: [Format; 3] = [Format::Rss, Format::Atom, Format::Rdf];
/// Characters of a slug before the part that keeps it apart from others.
const PLACE_MAX: usize = 60;
/// How feeds begin that stand for a category, tag or author of WordPress.
const PREFIX: &str = "wp-";

/// Which feed each address of before leads to.
#[derive(Debug)]
pub struct Aliases {
    /// Whether WordPress's addresses are answered, and how.
    pub addresses: OldAddresses,
    /// The site's address, without a slash at the end.
    pub site: String,
    /// How the world sees us, without a slash at the end.
    pub public: String,
    /// WordPress's addresses.
    pub old: Table,
    moved: HashMap<String, Moved>,
    /// Below the site's address, by feed.
    places: HashMap<FeedSlug, Vec<String>>,
}

/// Which feed each of WordPress's addresses leads to.
#[derive(Debug)]
pub struct Table {
    /// Words in them that the site chose.
    pub bases: OldBases,
    main: FeedSlug,
    named: HashMap<OldKind, HashMap<String, FeedSlug>>,
    numbered: HashMap<(OldKind, u64), FeedSlug>,
}

/// Where a renamed feed is now.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The value of `Location`.
    pub location: HeaderValue,
    /// Who still asks for the old address.
    pub asked: ByAgent,
}

/// The feeds of old names, and which name leads to which.
#[derive(Debug, Default)]
pub(super) struct OldFeeds {
    /// Their declarations; none of them is listed anywhere.
    pub feeds: Vec<FeedConfig>,
    /// True when some had no room.
    pub is_cut: bool,
    names: Vec<(OldName, FeedSlug)>,
}

/// True for a feed that stands for a category, tag or author of WordPress.
pub(super) fn is_old(slug: &FeedSlug) -> bool {
    let rest = slug.as_str().strip_prefix(PREFIX);
    let of = |kind: OldKind| rest.and_then(|r| r.strip_prefix(kind.as_str()));
    OldKind::ALL.into_iter().any(|kind| of(kind).is_some_and(|rest| rest.starts_with('-')))
}

impl OldFeeds {
    /// Every name with its feed; of each kind the largest first.
    pub fn names(&self) -> impl Iterator<Item = (&OldName, &FeedSlug)> {
        self.names.iter().map(|(name, feed)| (name, feed))
    }

    /// One feed for each name, categories first, the largest first; none when old addresses are not
    /// answered.
    pub fn new(settings: &Settings, names: &[OldName]) -> OldFeeds {
        let takeover = &settings.takeover;
        if takeover.addresses == OldAddresses::Off {
            return OldFeeds::default();
        }
        let mut sorted: Vec<&OldName> = names.iter().collect();
        let rank = |kind| OldKind::ALL.iter().position(|k| *k == kind);
        sorted.sort_by_key(|n| (rank(n.kind), std::cmp::Reverse(n.articles), n.slug.clone()));
        let mut old = OldFeeds::default();
        // An author of two slugs, or a tag of two spellings of one, has one feed.
        let mut by_word: HashMap<(OldKind, &str), FeedSlug> = HashMap::new();
        for name in sorted {
            let twin = by_word.get(&(name.kind, &name.name));
            let slug = match twin.filter(|_| name.kind != OldKind::Category) {
                Some(slug) => Some(slug.clone()),
                None if old.feeds.len() >= takeover.feeds_max => {
                    old.is_cut = true;
                    continue;
                }
                None => feed_slug(name),
            };
            let Some(slug) = slug else { continue };
            if twin.is_none() || name.kind == OldKind::Category {
                let feed = declaration(name, names, slug.clone(), takeover.entries);
                old.feeds.push(feed);
            }
            by_word.insert((name.kind, &name.name), slug.clone());
            old.names.push((name.clone(), slug));
        }
        old
    }
}

/// `wp-category-SLUG`: WordPress's own slug where it can stand in our addresses, else in Latin
/// letters with a few digits of its hash, so that no two share one.
fn feed_slug(name: &OldName) -> Option<FeedSlug> {
    let latin = slugify(&name.slug);
    let place = if latin == name.slug && latin.len() < PLACE_MAX {
        latin
    } else {
        let hash = Sha256::digest(name.slug.as_bytes());
        let digits: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("{latin}-{digits}")
    };
    FeedSlug::parse(&format!("{PREFIX}{}-{place}", name.kind.as_str())).ok()
}

fn declaration(name: &OldName, names: &[OldName], slug: FeedSlug, entries: usize) -> FeedConfig {
    let word = || vec![name.name.clone()];
    let mut select = Select::default();
    match name.kind {
        OldKind::Category => select.sections = with_children(name, names),
        OldKind::Tag => select.tags = word(),
        OldKind::Author => select.authors = word(),
    }
    FeedConfig {
        slug,
        title: name.name.clone(),
        language: FeedLanguage::Mixed,
        formats: FORMATS.to_vec(),
        content: Content::Full,
        entries,
        schedule: None,
        select,
        moved_from: Vec::new(),
    }
}

/// A category's feed shows the articles of those below it too.
fn with_children(name: &OldName, names: &[OldName]) -> Vec<String> {
    let categories: Vec<&OldName> = names.iter().filter(|n| n.kind == OldKind::Category).collect();
    let mut slugs = HashSet::from([name.slug.as_str()]);
    let mut words = vec![name.name.clone()];
    loop {
        let below = |n: &&&OldName| n.parent.as_deref().is_some_and(|p| slugs.contains(p));
        let more: Vec<&OldName> = categories.iter().filter(below).copied().collect();
        let before = slugs.len();
        slugs.extend(more.iter().map(|n| n.slug.as_str()));
        words.extend(more.into_iter().map(|n| n.name.clone()));
        if slugs.len() == before {
            words.sort_unstable();
            words.dedup();
            return words;
        }
    }
}

impl Aliases {
    /// The table of these settings and old feeds.
    pub(super) fn new(settings: &Settings, old: &OldFeeds, metrics: &Metrics) -> Aliases {
        Aliases {
            addresses: settings.takeover.addresses,
            site: settings.site.url.as_str().trim_end_matches('/').to_owned(),
            public: settings.public.url.as_str().trim_end_matches('/').to_owned(),
            old: Table::new(settings, old),
            moved: moved(settings, metrics),
            places: old_addresses::below_site(settings, old),
        }
    }

    /// Where the feed is now that was at this path.
    pub fn moved(&self, path: &str) -> Option<&Moved> {
        self.moved.get(path)
    }

    /// Where this feed's documents are served at the site itself: whole addresses, a few.
    pub fn old_addresses(&self, feed: &FeedSlug) -> impl Iterator<Item = String> {
        let is_served = self.addresses == OldAddresses::Serve;
        let places = self.places.get(feed).filter(|_| is_served);
        places.into_iter().flatten().map(|place| format!("{}/{place}", self.site))
    }
}

impl Table {
    pub(super) fn new(settings: &Settings, old: &OldFeeds) -> Table {
        let takeover = &settings.takeover;
        let mut named: HashMap<OldKind, HashMap<String, FeedSlug>> = HashMap::new();
        let mut numbered = HashMap::new();
        for (name, slug) in &old.names {
            named.entry(name.kind).or_default().insert(name.slug.clone(), slug.clone());
            numbered.extend(name.number.map(|number| ((name.kind, number), slug.clone())));
        }
        let bases = OldBases {
            site: site_path(&settings.site.url),
            category: takeover.category_base.clone(),
            tag: takeover.tag_base.clone(),
        };
        Table { bases, main: takeover.feed.clone(), named, numbered }
    }

    /// The feed at an old address; `None` where there is none.
    pub fn feed(&self, asked: &OldFeed<'_>) -> Option<&FeedSlug> {
        match asked {
            OldFeed::Main => Some(&self.main),
            OldFeed::Numbered(kind, number) => self.numbered.get(&(*kind, *number)),
            OldFeed::Named(kind, slug) => {
                let of_kind = self.named.get(kind)?;
                let lower = || of_kind.get(&slug.to_lowercase());
                // WordPress made its nicename of the login, which some wrote into addresses.
                let of_login = || of_kind.get(&author_slug(slug));
                of_kind
                    .get(&**slug)
                    .or_else(lower)
                    .or_else(|| (*kind == OldKind::Author).then(of_login).flatten())
            }
            OldFeed::Comments | OldFeed::Search | OldFeed::Under(_) => None,
        }
    }
}

/// The path of a site that does not stand at the root of its host.
fn site_path(site: &WebUrl) -> String {
    let path = url::Url::parse(site.as_str()).map(|url| url.path().to_owned());
    path.unwrap_or_default().trim_matches('/').to_owned()
}

/// Every address that a renamed feed had, in each of its present formats.
fn moved(settings: &Settings, metrics: &Metrics) -> HashMap<String, Moved> {
    let mut moved = HashMap::new();
    let public = settings.public.url.as_str().trim_end_matches('/');
    for feed in settings.feeds.iter().filter(|feed| !feed.moved_from.is_empty()) {
        let asked = metrics.feed_moved(metrics.feed_label(feed.slug.as_str()));
        // A format that the feed no longer has leads to the one that readers get who do not say.
        let usual = feed.formats.iter().copied().find(|f| *f == Format::Rss);
        let usual = usual.or(feed.formats.first().copied()).unwrap_or(Format::Rss);
        for old in &feed.moved_from {
            let mut add = |from: String, to: String| {
                if let Ok(location) = HeaderValue::from_str(&format!("{public}{to}")) {
                    moved.insert(from, Moved { location, asked: asked.clone() });
                }
            };
            for format in Format::ALL {
                let kept = if feed.formats.contains(&format) { format } else { usual };
                add(document_path(old, format), document_path(&feed.slug, kept));
            }
            add(format!("/feeds/{old}"), format!("/feeds/{}", feed.slug));
        }
    }
    moved
}

/// The declared feeds, of which the one at `/feed/` has RSS 1.0 too when old addresses are answered.
pub(super) fn with_rdf(settings: &Settings) -> Vec<FeedConfig> {
    let mut feeds = settings.feeds.clone();
    let takeover = &settings.takeover;
    if takeover.addresses != OldAddresses::Off
        && let Some(main) = feeds.iter_mut().find(|feed| feed.slug == takeover.feed)
    {
        main.formats.push(Format::Rdf);
    }
    feeds
}
