//! `[takeover]`, and what it and `moved_from` have to agree on with the declared feeds.

use std::collections::HashMap;

use super::{
    FeedConfig, OldAddresses, Publish, Takeover,
    layers::{At, Found, Plain},
    schema::Sheet,
    value::{self, Parsed, did_you_mean},
};
use crate::model::FeedSlug;

/// Slugs of one `moved_from`.
const MOVES_MAX: usize = 100;

/// The section. That its feed is declared is a matter of [`check_feed`].
pub(super) fn takeover(sheet: &mut Sheet, publish: Option<&Publish>) -> Option<Takeover> {
    let ways = [
        ("off", OldAddresses::Off),
        ("serve", OldAddresses::Serve),
        ("redirect", OldAddresses::Redirect),
    ];
    let entries_max = publish.map_or(usize::MAX, |publish| publish.entries_max);
    let addresses = sheet.get("takeover.addresses", |v| value::choice(v, &ways));
    let feed = sheet.get("takeover.feed", slug);
    let entries = sheet.get("takeover.entries", |v| value::count(v, 1, entries_max));
    let feeds_max = sheet.get("takeover.feeds_max", |v| value::count(v, 0, 10_000));
    let category_base = sheet.get("takeover.category_base", base);
    let tag_base = sheet.get("takeover.tag_base", base);
    Some(Takeover {
        addresses: addresses?,
        feed: feed?,
        entries: entries?,
        feeds_max: feeds_max?,
        category_base: category_base?,
        tag_base: tag_base?,
    })
}

/// Notes a feed of `/feed/` that is not declared.
pub(super) fn check_feed(sheet: &mut Sheet, takeover: Option<&Takeover>, feeds: &[FeedConfig]) {
    let Some(takeover) = takeover.filter(|t| t.addresses != OldAddresses::Off) else { return };
    let slugs = || feeds.iter().map(|feed| feed.slug.as_str());
    let wanted = &takeover.feed;
    if slugs().any(|slug| slug == wanted.as_str()) {
        return;
    }
    let moved = feeds.iter().find(|feed| feed.moved_from.contains(wanted));
    let advice = match moved {
        Some(feed) => format!("; it moved to {}", feed.slug),
        None => did_you_mean(wanted.as_str(), slugs()),
    };
    let what = format!("no [[feeds]] has the slug `{wanted}`{advice}");
    let at = sheet.at("takeover.feed");
    sheet.faults.add(&at, "takeover.feed", what);
}

/// The slugs that a feed had before.
pub(super) fn moved_from(found: &Found) -> Parsed<Vec<FeedSlug>> {
    let items = value::list(found)?;
    if items.len() > MOVES_MAX {
        return Err(format!("there are more than {MOVES_MAX} slugs"));
    }
    items.iter().map(|item| slug(&item.value)).collect()
}

/// A `moved_from` and where it stands.
pub(super) struct Moves {
    /// The key's whole path.
    pub(super) key: String,
    /// Where its value stands.
    pub(super) at: At,
    /// The slugs.
    pub(super) slugs: Vec<FeedSlug>,
}

/// Notes old slugs that are still a feed's, or that two feeds claim.
pub(super) fn check_moves(sheet: &mut Sheet, moves: &[Moves], declared: &HashMap<FeedSlug, At>) {
    let mut claimed: HashMap<&FeedSlug, &At> = HashMap::new();
    for one in moves {
        for slug in &one.slugs {
            let taken = declared.get(slug).map(|at| format!("is the slug of the feed at {at}"));
            let twice = || claimed.get(slug).map(|at| format!("stands at {at} too"));
            if let Some(why) = taken.or_else(twice) {
                let what = format!("`{slug}` {why}; an old address can lead to one feed only");
                sheet.faults.add(&one.at, &one.key, what);
            }
            claimed.insert(slug, &one.at);
        }
    }
}

fn slug(value: &Plain) -> Parsed<FeedSlug> {
    let text = value::text(value)?;
    FeedSlug::parse(&text).map_err(|e| format!("`{}` is no slug: {e}", super::layers::cut(&text)))
}

/// A piece of a path, or several, without slashes at the ends.
fn base(value: &Plain) -> Parsed<String> {
    let text = value::words(value)?;
    let base = text.trim().trim_matches('/').to_owned();
    let good = !base.is_empty() && !base.contains(['?', '#', '%', ' ']);
    good.then_some(base).ok_or_else(|| format!("`{}` is no path", super::layers::cut(&text)))
}
