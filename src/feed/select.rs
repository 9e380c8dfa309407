//! Which articles a feed holds: a pure predicate over one article.
//!
//! It never asks what time it is; it says from when until when the answer is yes.

use crate::{
    config::{FeedConfig, FeedLanguage, Select},
    model::{Article, Millis},
};

/// The time in which an article is an entry of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The first moment.
    pub visible_from: Millis,
    /// The first moment after it; `None` is for good.
    pub visible_until: Option<Millis>,
}

/// When `article` is in `feed`: `None` where it never is, because it is a draft, was withdrawn, has
/// no time of publication, or does not match. A feed of one language holds only that language, as
/// it is written (`kk` does not hold `kk-Latn`).
pub fn membership(feed: &FeedConfig, article: &Article) -> Option<Membership> {
    let published = article.published_at?;
    let visible_from = article.visible_from()?.max(published);
    let visible_until = feed
        .select
        .max_age
        .map(|age| published.plus(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
    let ever = visible_until.is_none_or(|until| until > visible_from);
    (ever && speaks(&feed.language, article) && matches(&feed.select, article))
        .then_some(Membership { visible_from, visible_until })
}

fn speaks(language: &FeedLanguage, article: &Article) -> bool {
    match language {
        FeedLanguage::One(language) => *language == article.language,
        FeedLanguage::Mixed => true,
    }
}

fn matches(select: &Select, article: &Article) -> bool {
    any_of(&select.sections, |word| article.sections.contains(word))
        && any_of(&select.tags, |word| article.tags.contains(word))
        && any_of(&select.authors, |name| article.authors.iter().any(|a| a.name == *name))
        && any_of(&select.languages, |language| article.language == *language)
}

/// An empty list is no condition.
fn any_of<T>(wanted: &[T], has: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(has)
}
