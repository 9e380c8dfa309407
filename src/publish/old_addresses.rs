//! The addresses of a feed at the old site, as WordPress itself wrote them: what a cache in front of
//! the site is told of. Refuses to list every spelling that is answered (numbers of terms, upper
//! case, files of early versions): those age by `public.max_age`.

use std::{collections::HashMap, fmt::Write};

use super::{Settings, takeover::OldFeeds};
use crate::model::{FeedSlug, OldKind, OldName};

/// Names of one feed whose addresses are told, such as the spellings of one tag.
const NAMES_MAX: usize = 4;
/// Categories above each other.
const DEPTH_MAX: usize = 10;
/// Where the newest posts are.
const OF_MAIN: [&str; 8] = [
    "feed/",
    "feed",
    "feed/rss2/",
    "feed/atom/",
    "feed/rdf/",
    "feed/rss/",
    "?feed=rss2",
    "?feed=atom",
];
/// Where those of a category, tag or author are.
const OF_NAME: [&str; 4] = ["feed/", "feed", "feed/rss2/", "feed/atom/"];

/// Below the site's address, without a slash before them; a few for each feed.
pub(super) fn below_site(settings: &Settings, old: &OldFeeds) -> HashMap<FeedSlug, Vec<String>> {
    let takeover = &settings.takeover;
    let main = OF_MAIN.map(str::to_owned).to_vec();
    let mut all = HashMap::from([(takeover.feed.clone(), main)]);
    let above: HashMap<&str, &str> = old.names().filter_map(|(name, _)| parent(name)).collect();
    for (name, feed) in old.names() {
        let base = match name.kind {
            OldKind::Category => takeover.category_base.as_str(),
            OldKind::Tag => takeover.tag_base.as_str(),
            OldKind::Author => "author",
        };
        let place = match name.kind {
            OldKind::Category => with_parents(&name.slug, &above),
            _ => encoded(&name.slug),
        };
        let of_feed: &mut Vec<String> = all.entry(feed.clone()).or_default();
        if of_feed.len() < NAMES_MAX * OF_NAME.len() {
            of_feed.extend(OF_NAME.map(|ending| format!("{base}/{place}/{ending}")));
        }
    }
    all
}

fn parent(name: &OldName) -> Option<(&str, &str)> {
    (name.kind == OldKind::Category).then_some(())?;
    Some((name.slug.as_str(), name.parent.as_deref()?))
}

/// `kultura/sport`, as WordPress writes a category below another.
fn with_parents(slug: &str, above: &HashMap<&str, &str>) -> String {
    let chain = std::iter::successors(Some(slug), |slug| above.get(slug).copied());
    let mut chain: Vec<String> = chain.take(DEPTH_MAX).map(encoded).collect();
    chain.reverse();
    chain.join("/")
}

/// WordPress writes percent signs with lower case, and caches compare letter by letter.
fn encoded(slug: &str) -> String {
    let mut text = String::with_capacity(slug.len());
    for byte in slug.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02x}");
        }
    }
    text
}
