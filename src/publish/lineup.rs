//! Which feeds there are: the declared ones, and those that make themselves.

use std::{collections::HashSet, sync::Arc};

use super::takeover;
use crate::{
    config::{FeedConfig, FeedLanguage, FeedsAuto},
    feed::auto::{self, AutoFeed, AutoKind},
    metrics::{AUTO, FeedMetrics, Metrics},
    model::{Article, ArticleId, FeedSlug, Guid, Language, Millis},
    store::FeedState,
};

/// A feed with what its last documents held.
#[derive(Debug)]
pub struct LiveFeed {
    /// Its declaration.
    pub config: Arc<FeedConfig>,
    /// True for a feed that made itself.
    pub is_auto: bool,
    /// What the store remembers of it.
    pub state: FeedState,
    /// Its series.
    pub metrics: FeedMetrics,
    /// What its last good documents held; `None` before the first.
    pub rendered: Option<Rendered>,
}

/// What a feed's last good documents held.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The entries' guids, newest first.
    pub guids: Vec<String>,
    /// Their addresses, in the same order.
    pub links: Vec<String>,
    /// The oldest entry when the feed was full: what is older cannot be seen.
    pub floor: Option<(Millis, ArticleId)>,
    /// The guids once more, to look one up.
    held: HashSet<String>,
}

impl LiveFeed {
    /// A declared feed, or one for an old name, which share one series with the automatic ones.
    pub fn declared(config: FeedConfig, state: FeedState, metrics: &Metrics) -> LiveFeed {
        let is_old = takeover::is_old(&config.slug);
        let label = if is_old { AUTO } else { metrics.feed_label(config.slug.as_str()) };
        LiveFeed {
            metrics: metrics.feed(label),
            config: Arc::new(config),
            is_auto: false,
            state,
            rendered: None,
        }
    }

    /// A feed that made itself, as the store remembers it; all of these share one series.
    pub fn automatic(state: FeedState, metrics: &Metrics) -> Option<LiveFeed> {
        let made = automatic_from(&state.feed, state.auto_name.as_deref()?)?;
        Some(LiveFeed {
            metrics: metrics.feed(AUTO),
            config: Arc::new(auto::declaration(&made)),
            is_auto: true,
            state,
            rendered: None,
        })
    }

    /// Any change of the feed counts from here on, however old the entry.
    pub fn forget_floor(&mut self) {
        if let Some(rendered) = &mut self.rendered {
            rendered.floor = None;
        }
    }

    /// The declared language; `None` is mixed.
    pub fn language(&self) -> Option<Language> {
        match &self.config.language {
            FeedLanguage::One(language) => Some(language.clone()),
            FeedLanguage::Mixed => None,
        }
    }

    /// True when the window reaches back to this publication.
    pub fn reaches(&self, published: Millis) -> bool {
        let floor = self.rendered.as_ref().and_then(|rendered| rendered.floor.as_ref());
        floor.is_none_or(|(at, _)| published >= *at)
    }

    /// True when an entry at this place can be seen.
    pub fn shows(&self, published: Millis, article: &ArticleId) -> bool {
        let floor = self.rendered.as_ref().and_then(|rendered| rendered.floor.as_ref());
        floor.is_none_or(|(at, id)| (published, article) >= (*at, id))
    }

    /// True when the last good documents held the article of this guid.
    pub fn held(&self, guid: &Guid) -> bool {
        self.rendered.as_ref().is_some_and(|rendered| rendered.holds(guid))
    }
}

impl Rendered {
    /// What documents with these entries held, for a feed of `room` entries.
    pub fn new(entries: &[Article], room: usize) -> Rendered {
        let place = |a: &Article| (a.published_at.unwrap_or_default(), a.id.clone());
        let floor = entries.last().filter(|_| entries.len() >= room).map(place);
        let guids = entries.iter().map(|a| a.guid.as_str().to_owned()).collect();
        let links = entries.iter().map(|a| a.url.as_str().to_owned()).collect();
        Rendered { floor, ..Rendered::kept(guids, links) }
    }

    /// What kept documents held; how far down they reached is not known.
    pub fn kept(guids: Vec<String>, links: Vec<String>) -> Rendered {
        let held = guids.iter().cloned().collect();
        Rendered { guids, links, floor: None, held }
    }

    /// True when the article of this guid was among the entries.
    pub fn holds(&self, guid: &Guid) -> bool {
        self.held.contains(guid.as_str())
    }
}

/// The feeds that an article may stand in, as declarations: every declared one, and its automatic
/// ones with the name each is made from.
pub fn possible_feeds(
    declared: &[Arc<FeedConfig>],
    auto: &FeedsAuto,
    article: &Article,
) -> Vec<(Arc<FeedConfig>, Option<AutoFeed>)> {
    let own = auto::candidates(auto, article).into_iter().map(|candidate| {
        let config = auto::declaration(&candidate);
        (Arc::new(config), Some(candidate))
    });
    declared.iter().map(|config| (config.clone(), None)).chain(own).collect()
}

/// A text that changes whenever a feed must be filled anew.
pub fn selection_text(config: &FeedConfig) -> String {
    format!("{:?} {:?}", config.language, config.select)
}

/// The automatic feed of this slug, made from this word; `None` when the slug is of no kind.
pub fn automatic_from(slug: &FeedSlug, name: &str) -> Option<AutoFeed> {
    let kind = AutoKind::ALL.into_iter().find(|kind| is_of(*kind, slug))?;
    Some(AutoFeed { slug: slug.clone(), kind, name: name.to_owned() })
}

/// True when the slug is that of an automatic feed of a kind that is on.
pub fn is_automatic(auto: &FeedsAuto, slug: &FeedSlug) -> bool {
    let on = |kind: &AutoKind| match kind {
        AutoKind::Section => auto.sections,
        AutoKind::Language => auto.languages,
        AutoKind::Tag => auto.tags,
        AutoKind::Author => auto.authors,
    };
    AutoKind::ALL.into_iter().filter(on).any(|kind| is_of(kind, slug))
}

fn is_of(kind: AutoKind, slug: &FeedSlug) -> bool {
    slug.as_str().strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with('-'))
}
