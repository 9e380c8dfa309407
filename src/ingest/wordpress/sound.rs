//! Sound and film that a post's text plays or links to: WordPress makes enclosures of them, and REST
//! does not tell.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;

use crate::{
    ingest::{clean::plain_text, wxr::media_type},
    model::{Media, MediaRole, WebUrl},
    store::Stored,
};

/// Enclosures of one post.
const ENCLOSURES_MAX: usize = 50;

/// The enclosures of a post, with what is known of those that `stored` has already. One that never
/// stood in the text (an editor's own field) stays.
pub(super) fn enclosures(html: &str, stored: Option<&Stored>) -> Vec<Media> {
    let known: Vec<&Media> = stored.map_or(vec![], |s| {
        s.article.media.iter().filter(|m| m.role == MediaRole::Enclosure).collect()
    });
    let mut media: Vec<Media> = addresses(html)
        .into_iter()
        .map(|url| match known.iter().find(|m| m.url == url) {
            Some(known) => (*known).clone(),
            None => enclosure(url),
        })
        .collect();
    let by_hand = known.into_iter().filter(|m| {
        let old_text = stored.is_some_and(|s| s.article.body_html.contains(m.url.as_str()));
        !old_text && !media.iter().any(|found| found.url == m.url)
    });
    let by_hand: Vec<Media> = by_hand.cloned().collect();
    media.extend(by_hand);
    media
}

fn enclosure(url: WebUrl) -> Media {
    Media {
        media_type: media_type(url.as_str()).to_owned(),
        url,
        bytes: None,
        width: None,
        height: None,
        duration_seconds: None,
        role: MediaRole::Enclosure,
        credit: None,
        alt: None,
    }
}

fn addresses(html: &str) -> Vec<WebUrl> {
    static LINKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)<(?:a|audio|video|source)\s[^>]*?(?:href|src)\s*=\s*["']([^"'<>]+)["']"#)
            .ok()
    });
    let Some(links) = LINKS.as_ref() else { return vec![] };
    let mut seen = HashSet::new();
    let found = links.captures_iter(html).filter_map(|link| {
        let url = plain_text(link.get(1)?.as_str());
        let kind = media_type(&url);
        let plays = kind.starts_with("audio/") || kind.starts_with("video/");
        WebUrl::parse(without_player_number(&url)).ok().filter(|_| plays)
    });
    found.filter(|url| seen.insert(url.clone())).take(ENCLOSURES_MAX).collect()
}

/// WordPress's players add `?_=1` to their sources.
fn without_player_number(url: &str) -> &str {
    match url.split_once("?_=") {
        Some((file, number)) if number.bytes().all(|b| b.is_ascii_digit()) => file,
        _ => url,
    }
}
