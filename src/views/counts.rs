//! The exact counts in memory, for readers that must not wait for a disk.
//!
//! They change after a commit and before its hits are answered, so whoever saw an answer sees its
//! view counted.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{roster::Roster, tally::Tally};
use crate::{
    model::{Channel, Verdict},
    store::views::Loaded,
};

/// What a section without a name is called in metrics.
pub const NO_SECTION: &str = "none";
/// What sections share that have no label of their own in metrics.
pub const OTHER_SECTIONS: &str = "other";

#[derive(Debug, Default)]
struct Inner {
    /// By the article's number in the roster.
    articles: Vec<u64>,
    /// By the section's number in the roster.
    sections: HashMap<u32, [u64; Channel::ALL.len()]>,
    /// Numbers of sections in the order of their first views.
    labels: Vec<u32>,
    verdicts: [u64; Verdict::ALL.len()],
}

/// Counts since the first day.
#[derive(Debug, Default)]
pub struct Counts {
    inner: Mutex<Inner>,
    overflow: AtomicU64,
}

impl Counts {
    /// Takes the counts that were on disk at the start.
    pub fn load(&self, loaded: Loaded, roster: &Roster) {
        let mut inner = self.lock();
        for section in &loaded.labels {
            inner.label(roster.section_number(section), section.is_empty());
        }
        for (id, n) in &loaded.articles {
            inner.add_article(roster.article_number(id), *n);
        }
        for (section, channel, n) in &loaded.sections {
            let number = roster.section_number(section);
            inner.add_section(number, *channel, *n, section.is_empty());
        }
        for (verdict, n) in loaded.verdicts {
            inner.verdicts[verdict as usize] += n;
        }
    }

    /// Adds what was committed.
    pub fn add(&self, tally: &Tally, no_section: u32) {
        let mut inner = self.lock();
        for (key, n) in &tally.views {
            inner.add_article(key.article.number, *n);
            let section = key.article.section;
            inner.add_section(section, key.channel, *n, section == no_section);
            inner.verdicts[Verdict::Counted as usize] += n;
        }
        for ((_, _, verdict), n) in &tally.verdicts {
            inner.verdicts[*verdict as usize] += n;
        }
    }

    /// A hit that found the queue full.
    pub fn overflowed(&self) {
        self.overflow.fetch_add(1, Ordering::Relaxed);
    }

    /// Views of the article with this number in the roster.
    pub fn article(&self, number: u32) -> u64 {
        self.lock().articles.get(number as usize).copied().unwrap_or_default()
    }

    /// Hits by verdict, each verdict once; `overflow` since the start, the rest since the first day.
    pub fn verdicts(&self) -> Vec<(Verdict, u64)> {
        let counts = self.lock().verdicts;
        let overflow = self.overflow.load(Ordering::Relaxed);
        let count = |verdict| match verdict {
            Verdict::Overflow => overflow,
            _ => counts[verdict as usize],
        };
        Verdict::ALL.into_iter().map(|verdict| (verdict, count(verdict))).collect()
    }

    /// Views by label and channel. The first `sections_max` sections that were ever viewed have a
    /// label of their own, [`NO_SECTION`] is for articles without one, [`OTHER_SECTIONS`] for the
    /// rest; every label comes with every channel, even when nothing was counted.
    pub fn sections(&self, sections_max: usize, roster: &Roster) -> Vec<(String, Channel, u64)> {
        let inner = self.lock();
        let mut labels = vec![NO_SECTION.to_owned(), OTHER_SECTIONS.to_owned()];
        let mut sums = vec![[0; Channel::ALL.len()]; 2];
        add_both(&mut sums[0], inner.sections.get(&roster.no_section()));
        for (place, section) in inner.labels.iter().enumerate() {
            let name = roster.section_name(*section);
            let known = labels.iter().position(|label| *label == name);
            let at = if place < sections_max { known } else { Some(1) };
            let at = at.unwrap_or_else(|| {
                labels.push(name);
                sums.push([0; Channel::ALL.len()]);
                labels.len() - 1
            });
            add_both(&mut sums[at], inner.sections.get(section));
        }
        let pairs = labels.into_iter().zip(sums);
        let rows = pairs.flat_map(|(label, sums)| {
            Channel::ALL.into_iter().map(move |c| (label.clone(), c, sums[c as usize]))
        });
        rows.collect()
    }

    /// Sections that came after the first `sections_max`.
    pub fn sections_without_label(&self, sections_max: usize) -> usize {
        self.lock().labels.len().saturating_sub(sections_max)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add_article(&mut self, number: u32, n: u64) {
        let at = number as usize;
        if at >= self.articles.len() {
            self.articles.resize(at + 1, 0);
        }
        self.articles[at] += n;
    }

    fn add_section(&mut self, section: u32, channel: Channel, n: u64, nameless: bool) {
        if !self.sections.contains_key(&section) {
            self.label(section, nameless);
        }
        self.sections.entry(section).or_default()[channel as usize] += n;
    }

    /// Gives a section its place among the labels, once.
    fn label(&mut self, section: u32, nameless: bool) {
        if !nameless && !self.sections.contains_key(&section) {
            self.sections.insert(section, Default::default());
            self.labels.push(section);
        }
    }
}

fn add_both(sum: &mut [u64; Channel::ALL.len()], more: Option<&[u64; Channel::ALL.len()]>) {
    for (sum, more) in sum.iter_mut().zip(more.into_iter().flatten()) {
        *sum += more;
    }
}
