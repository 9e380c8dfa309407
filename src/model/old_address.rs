//! The addresses at which WordPress served feeds, as a subscriber may still ask for them, and the
//! names by which it called categories, tags and authors. Knows no settings and no feed of ours.
//!
//! The forms are those of WordPress's own rewrite rules (`WP_Rewrite::rewrite_rules`) and of its
//! query variables; a `feed` without a kind is RSS 2.0 there.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::Format;

/// Longest name that is looked at; WordPress keeps 200 characters, encoded.
const SLUG_BYTES_MAX: usize = 1000;

/// What an old name belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OldKind {
    /// A category, which is a section here.
    Category,
    /// A tag.
    Tag,
    /// An author.
    Author,
}

impl OldKind {
    /// All of them.
    pub const ALL: [OldKind; 3] = [OldKind::Category, OldKind::Author, OldKind::Tag];

    /// The word in the store, in slugs and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            OldKind::Category => "category",
            OldKind::Tag => "tag",
            OldKind::Author => "author",
        }
    }

    /// The kind a word stands for.
    pub fn from_word(word: &str) -> Option<OldKind> {
        OldKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How WordPress called a category, tag or author in addresses, and how readers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldName {
    /// What it is.
    pub kind: OldKind,
    /// Its place in addresses, decoded and in lower case.
    pub slug: String,
    /// The word that articles carry.
    pub name: String,
    /// The slug of the category above it, whose feed shows its articles too.
    pub parent: Option<String>,
    /// WordPress's number of the term or user, for addresses such as `/?feed=rss2&cat=7`.
    pub number: Option<u64>,
    /// How many articles carried it when it was read: the largest come first where not all have
    /// room.
    pub articles: u64,
}

impl OldName {
    /// A name as an export or the REST API tells it: `slug` is WordPress's nicename, encoded or not.
    /// `None` where there is no word to select by or no slug.
    pub fn new(kind: OldKind, slug: &str, name: &str) -> Option<OldName> {
        let slug = old_slug(slug);
        let name = name.trim().to_owned();
        let good = !name.is_empty() && !slug.is_empty() && slug.len() <= SLUG_BYTES_MAX;
        let (parent, number, articles) = (None, None, 0);
        good.then_some(OldName { kind, slug, name, parent, number, articles })
    }

    /// An author of whom only the login is known.
    pub fn of_login(login: &str, name: &str) -> Option<OldName> {
        OldName::new(OldKind::Author, &author_slug(login), name)
    }
}

/// A nicename decoded and in lower case, as WordPress compares them.
pub fn old_slug(nicename: &str) -> String {
    percent_decode_str(nicename.trim()).decode_utf8_lossy().to_lowercase()
}

/// The nicename that WordPress makes of a login: lower case, `.`, `_` and space become `-`, other
/// signs go.
pub fn author_slug(login: &str) -> String {
    let mut slug = String::with_capacity(login.len());
    for c in login.trim().to_lowercase().chars() {
        match c {
            '.' | '_' | '-' | ' ' if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            c if c.is_alphanumeric() => slug.push(c),
            _ => {}
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Words in addresses that a site may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldBases {
    /// The path of the site's address without slashes at the ends, empty for most.
    pub site: String,
    /// Before a category's slug: `category`.
    pub category: String,
    /// Before a tag's slug: `tag`.
    pub tag: String,
}

/// What an old address asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OldFeed<'a> {
    /// The newest posts.
    Main,
    /// Those of a category, tag or author.
    Named(OldKind, Cow<'a, str>),
    /// The same by WordPress's number.
    Numbered(OldKind, u64),
    /// Comments, of all or of a post.
    Comments,
    /// The results of a search.
    Search,
    /// The comments of the page at this path, or a feed of a kind that is not known here.
    Under(&'a str),
}

/// An old feed address, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldAddress<'a> {
    /// What was asked for.
    pub feed: OldFeed<'a>,
    /// In which shape. RSS 0.92 (`/feed/rss/`) is answered with RSS 1.0: neither has a guid, and
    /// readers know the items of both by their links.
    pub format: Format,
    /// True for a page of it beyond the first (`paged=2`).
    pub is_beyond: bool,
}

impl<'a> OldAddress<'a> {
    /// True where the address may be one of these at all, to tell quickly.
    pub fn is_likely(path: &str, query: Option<&str>) -> bool {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        shape(last).is_some()
            || php_file(last).is_some()
            || query.is_some_and(|query| query.contains("feed="))
    }

    /// Understands a decoded path with its query as it was sent; `None` where it is no feed's.
    pub fn parse(
        path: &'a str,
        query: Option<&'a str>,
        bases: &OldBases,
    ) -> Option<OldAddress<'a>> {
        let path = within_site(path, &bases.site)?;
        let asked = Asked::of(query.unwrap_or_default());
        let is_beyond = asked.is_beyond;
        let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some((format, is_comments)) = php_file(last).filter(|_| above.is_empty()) {
            let feed = if is_comments { OldFeed::Comments } else { asked.feed(OldFeed::Main) };
            return Some(OldAddress { feed, format, is_beyond });
        }
        let (rest, format, is_comments) = match (shape(last), asked.feed_words()) {
            // A post whose own name is `feed` does not exist in WordPress either.
            (Some(format), _) => (without_feed(above), format, false),
            (None, Some((format, is_comments))) => (path, format, is_comments),
            (None, None) => return None,
        };
        let feed = if is_comments { OldFeed::Comments } else { asked.feed(place(rest, bases)) };
        Some(OldAddress { feed, format, is_beyond })
    }
}

/// The path below the site's own, without slashes at the ends and without `index.php`.
fn within_site<'a>(path: &'a str, site: &str) -> Option<&'a str> {
    let path = path.trim_matches('/');
    let path = match site {
        "" => path,
        site => path.strip_prefix(site).filter(|p| p.is_empty() || p.starts_with('/'))?,
    };
    let path = path.trim_matches('/');
    let rest = path.strip_prefix("index.php").filter(|p| p.is_empty() || p.starts_with('/'));
    Some(rest.unwrap_or(path).trim_matches('/'))
}

/// The format that a word at the end of an address stands for.
fn shape(word: &str) -> Option<Format> {
    match word {
        "feed" | "rss2" => Some(Format::Rss),
        "atom" => Some(Format::Atom),
        "rdf" | "rss" => Some(Format::Rdf),
        _ => None,
    }
}

/// The files of early versions, which WordPress still understands: the format, and whether of
/// comments.
fn php_file(name: &str) -> Option<(Format, bool)> {
    match name {
        "wp-rss2.php" | "wp-feed.php" => Some((Format::Rss, false)),
        "wp-atom.php" => Some((Format::Atom, false)),
        "wp-rdf.php" | "wp-rss.php" => Some((Format::Rdf, false)),
        "wp-commentsrss2.php" => Some((Format::Rss, true)),
        _ => None,
    }
}

/// What stands before `feed`, where the kind stands behind it: `a/feed/atom` is of `a`.
fn without_feed(above: &str) -> &str {
    match above.strip_suffix("feed") {
        Some(rest) if rest.is_empty() || rest.ends_with('/') => rest.trim_end_matches('/'),
        _ => above,
    }
}

/// What the path before the feed's word names.
fn place<'a>(rest: &'a str, bases: &OldBases) -> OldFeed<'a> {
    let below = |base: &str| {
        let rest = rest.strip_prefix(base).filter(|_| !base.is_empty())?;
        rest.strip_prefix('/').map(|rest| rest.rsplit('/').next().unwrap_or(rest))
    };
    let named = |kind, slug| OldFeed::Named(kind, Cow::Borrowed(slug));
    if rest.is_empty() {
        OldFeed::Main
    } else if rest == "comments" {
        OldFeed::Comments
    } else if let Some(slug) = below(&bases.category) {
        named(OldKind::Category, slug)
    } else if let Some(slug) = below(&bases.tag) {
        named(OldKind::Tag, slug)
    } else if let Some(slug) = below("author") {
        named(OldKind::Author, slug)
    } else if below("search").is_some() {
        OldFeed::Search
    } else {
        OldFeed::Under(rest)
    }
}

/// What the query says; unknown parameters say nothing.
#[derive(Default)]
struct Asked<'a> {
    feed: Option<Cow<'a, str>>,
    narrowed: Option<OldFeed<'a>>,
    is_beyond: bool,
}

impl<'a> Asked<'a> {
    fn of(query: &'a str) -> Asked<'a> {
        let mut asked = Asked::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let narrowed = match &*name {
                "feed" => {
                    asked.feed = Some(value);
                    continue;
                }
                "paged" => {
                    asked.is_beyond |= value.trim().parse().is_ok_and(|page: u64| page > 1);
                    continue;
                }
                _ if value.is_empty() => continue,
                "s" => OldFeed::Search,
                "p" | "page_id" | "attachment_id" | "name" | "pagename" | "withcomments" => {
                    OldFeed::Comments
                }
                "cat" => numbered(OldKind::Category, &value),
                "author" => numbered(OldKind::Author, &value),
                "category_name" => OldFeed::Named(OldKind::Category, last_piece(value)),
                "tag" => OldFeed::Named(OldKind::Tag, value),
                "author_name" => OldFeed::Named(OldKind::Author, value),
                "post_type" | "m" | "year" | "monthnum" | "day" | "w" => OldFeed::Under(""),
                _ => continue,
            };
            asked.narrowed.get_or_insert(narrowed);
        }
        asked
    }

    /// The format of `feed=`, and whether it is of comments.
    fn feed_words(&self) -> Option<(Format, bool)> {
        let word = self.feed.as_deref()?;
        match word.strip_prefix("comments-") {
            Some(word) => shape(word).map(|format| (format, true)),
            None => shape(word).map(|format| (format, false)),
        }
    }

    /// What the query narrows the path's feed to.
    fn feed(self, by_path: OldFeed<'a>) -> OldFeed<'a> {
        match (by_path, self.narrowed) {
            (OldFeed::Main, Some(narrowed)) => narrowed,
            (by_path, _) => by_path,
        }
    }
}

/// A list of numbers, or one that is taken out (`-7`), is nothing that has a feed here.
fn numbered<'a>(kind: OldKind, value: &str) -> OldFeed<'a> {
    value.trim().parse().map_or(OldFeed::Under(""), |number| OldFeed::Numbered(kind, number))
}

fn last_piece(path: Cow<'_, str>) -> Cow<'_, str> {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((_, last)) => Cow::Owned(last.to_owned()),
        None => path,
    }
}
