//! Hits for articles that have not arrived: a page is often read before its CMS has told us of it.
//!
//! Such a hit is answered `unknown`, which is true, and its view is parked: a row of article, hour
//! and channel, in `views.db` as well. When the article arrives within a day its parked views are
//! counted, in the hour of the hit and the section that the article then has; later they are dropped.
//! So a parked view is in the totals of verdicts twice, as `unknown` when it came and as `counted`
//! when it counts: no total ever falls, and `counted` is exactly the views there are. Only hits by id
//! are parked; an address that no article has could be any page.

use std::collections::HashMap;

use super::tally::hour;
use crate::model::{Channel, Millis};

/// How long a view waits for its article.
const PARKED_HOURS: i64 = 24;

/// Views of one article, hour and channel that wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The article they name.
    pub article: Box<str>,
    /// [`hour`] of the hits.
    pub hour: i64,
    /// How they came.
    pub channel: Channel,
}

/// All parked views.
#[derive(Debug, Default)]
pub struct Parked {
    by_article: HashMap<Box<str>, HashMap<(i64, Channel), u64>>,
    rows: usize,
    views: u64,
}

impl Parked {
    /// Views that an earlier run parked.
    pub fn load(kept: Vec<(String, i64, Channel, u64)>) -> Parked {
        let mut parked = Parked::default();
        for (article, hour, channel, n) in kept {
            parked.add(&Place { article: article.into(), hour, channel }, n);
        }
        parked
    }

    /// Parks one view, unless that needs a row more than `rows_max`.
    pub fn park(&mut self, place: &Place, rows_max: usize) -> bool {
        let is_there = self
            .by_article
            .get(&place.article)
            .is_some_and(|rows| rows.contains_key(&(place.hour, place.channel)));
        let has_room = is_there || self.rows < rows_max;
        if has_room {
            self.add(place, 1);
        }
        has_room
    }

    /// Takes views away that were counted, dropped, or could not be kept.
    pub fn remove(&mut self, place: &Place, n: u64) {
        let Some(rows) = self.by_article.get_mut(&place.article) else { return };
        let key = (place.hour, place.channel);
        let there = rows.get(&key).copied().unwrap_or_default();
        let left = there.saturating_sub(n);
        self.views -= there - left;
        if left > 0 {
            rows.insert(key, left);
        } else if rows.remove(&key).is_some() {
            self.rows -= 1;
        }
        if rows.is_empty() {
            self.by_article.remove(&place.article);
        }
    }

    /// All places with their views.
    pub fn places(&self) -> impl Iterator<Item = (Place, u64)> {
        self.by_article.iter().flat_map(|(article, rows)| {
            rows.iter().map(|(&(hour, channel), &n)| {
                (Place { article: article.clone(), hour, channel }, n)
            })
        })
    }

    /// Views that wait.
    pub fn views(&self) -> u64 {
        self.views
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn add(&mut self, place: &Place, n: u64) {
        let rows = self.by_article.entry(place.article.clone()).or_default();
        let row = rows.entry((place.hour, place.channel)).or_insert_with(|| {
            self.rows += 1;
            0
        });
        *row += n;
        self.views += n;
    }
}

impl Place {
    /// True when its views have waited too long: a day, by whole hours.
    pub fn is_over(&self, now: Millis) -> bool {
        hour(now) - self.hour > PARKED_HOURS
    }
}
