//! Folding: several batches as the steps that add them to the counts.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use super::{
    COUNT_MAX, hash,
    lines::{Hits, KeyLine, ParkedLine, VerdictLine, ViewLine},
};
use crate::{
    model::{Channel, Verdict},
    store::{
        db::{Batch, Step},
        error::DbError,
        value::Value,
    },
};

type Text<'a> = Cow<'a, str>;

/// What several batches add to the counts.
#[derive(Default)]
pub(super) struct Sums<'a> {
    /// By article, hour, section and channel.
    views: HashMap<(Text<'a>, i64, Text<'a>, Text<'a>), u64>,
    articles: HashMap<Text<'a>, u64>,
    sections: HashMap<(Text<'a>, Text<'a>), u64>,
    /// In the order of first appearance.
    labels: Vec<Text<'a>>,
    verdicts: HashMap<Text<'a>, u64>,
    days: HashMap<(Text<'a>, i64, Text<'a>), u64>,
    /// By article, hour and channel.
    parked: BTreeMap<(Text<'a>, i64, Text<'a>), i64>,
    keys: Vec<KeyLine<'a>>,
}

/// True for a batch that can be folded.
pub(in crate::store) fn is_ours(hits: &str) -> bool {
    read(hits).is_ok()
}

/// Nothing is folded that the next start would refuse.
fn read(hits: &str) -> Result<Hits<'_>, DbError> {
    let broken = |e| DbError::Damaged(format!("a batch is not ours: {e}"));
    let hits: Hits<'_> = serde_json::from_str(hits).map_err(broken)?;
    let fits = |n: u64| n <= COUNT_MAX.unsigned_abs();
    let is_channel = |word: &str| Channel::from_word(word).is_some();
    let is_verdict = |word: &str| Verdict::from_word(word).is_some();
    let is_known = hits.views.iter().all(|line| is_channel(&line.3) && fits(line.4))
        && hits.verdicts.iter().all(|line| is_verdict(&line.2) && fits(line.3))
        && hits.parked.iter().all(|line| is_channel(&line.2) && fits(line.3.unsigned_abs()))
        && hits.keys.iter().all(|line| hash(&line.1).is_ok() && is_verdict(&line.2));
    if is_known {
        return Ok(hits);
    }
    Err(DbError::Damaged("a batch is not ours: it says what nobody counts".into()))
}

impl<'a> Sums<'a> {
    pub(super) fn add(&mut self, hits: &'a str) -> Result<(), DbError> {
        let hits: Hits<'a> = read(hits)?;
        hits.views.into_iter().for_each(|line| self.add_view(line));
        for ParkedLine(article, hour, channel, n) in hits.parked {
            *self.parked.entry((article, hour, channel)).or_default() += n;
        }
        self.keys.extend(hits.keys);
        for VerdictLine(article, day, verdict, n) in hits.verdicts {
            *self.verdicts.entry(verdict.clone()).or_default() += n;
            if !article.is_empty() {
                *self.days.entry((article, day, verdict)).or_default() += n;
            }
        }
        Ok(())
    }

    fn add_view(&mut self, ViewLine(article, hour, section, channel, n): ViewLine<'a>) {
        *self.verdicts.entry(Verdict::Counted.as_str().into()).or_default() += n;
        *self.articles.entry(article.clone()).or_default() += n;
        let key = (section.clone(), channel.clone());
        let seen = section.is_empty() || self.sections.contains_key(&key);
        if !seen && !self.labels.contains(&section) {
            self.labels.push(section.clone());
        }
        *self.sections.entry(key).or_default() += n;
        *self.views.entry((article, hour, section, channel)).or_default() += n;
    }

    pub(super) fn steps(self, last: i64) -> Batch {
        const LABEL: &str = "INSERT INTO section_labels (section, place)
             SELECT $1, COALESCE(MAX(place) + 1, 0) FROM section_labels WHERE TRUE
             ON CONFLICT (section) DO NOTHING";
        const VIEW: &str = "INSERT INTO views (article, hour, section, channel, n)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (article, hour, section, channel) DO UPDATE SET n = views.n + excluded.n";
        const ARTICLE: &str = "INSERT INTO article_counts (article, n) VALUES ($1, $2)
             ON CONFLICT (article) DO UPDATE SET n = article_counts.n + excluded.n";
        const SECTION: &str = "INSERT INTO section_counts (section, channel, n) VALUES ($1, $2, $3)
             ON CONFLICT (section, channel) DO UPDATE SET n = section_counts.n + excluded.n";
        const VERDICT: &str = "INSERT INTO verdict_counts (verdict, n) VALUES ($1, $2)
             ON CONFLICT (verdict) DO UPDATE SET n = verdict_counts.n + excluded.n";
        const DAY: &str = "INSERT INTO verdict_days (article, day, verdict, n)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (article, day, verdict) DO UPDATE SET n = verdict_days.n + excluded.n";
        const PARKED: &str =
            "INSERT INTO parked (article, hour, channel, n) VALUES ($1, $2, $3, $4)
             ON CONFLICT (article, hour, channel) DO UPDATE SET n = parked.n + excluded.n";
        const LEFT: &str = "DELETE FROM parked WHERE article = $1 AND hour = $2 AND channel = $3
             AND n <= 0";
        const KEY: &str = "INSERT INTO idempotency_keys (number, hash, verdict, at)
             VALUES ($1, $2, $3, $4) ON CONFLICT (number) DO UPDATE
             SET hash = excluded.hash, verdict = excluded.verdict, at = excluded.at";
        const FOLDED: &str = "DELETE FROM batches WHERE seq <= $1";
        let place = |(a, h, c): &(Text<'a>, i64, Text<'a>)| {
            vec![text(a.clone()), (*h).into(), text(c.clone())]
        };
        let left =
            self.parked.iter().filter(|(_, n)| **n <= 0).map(|(key, _)| place(key)).collect();
        let parked = self.parked.iter().map(|(key, n)| [place(key), vec![(*n).into()]].concat());
        let parked = parked.collect();
        let key = |KeyLine(number, hash, verdict, at)| {
            vec![number.into(), text(hash), text(verdict), at.into()]
        };
        let keys = self.keys.into_iter().map(key).collect();
        let labels = self.labels.into_iter().map(|section| vec![text(section)]).collect();
        vec![
            Step::each(LABEL, labels),
            Step::each(
                VIEW,
                in_order(self.views, |(a, h, s, c)| vec![text(a), h.into(), text(s), text(c)]),
            ),
            Step::each(ARTICLE, in_order(self.articles, |a| vec![text(a)])),
            Step::each(SECTION, in_order(self.sections, |(s, c)| vec![text(s), text(c)])),
            Step::each(VERDICT, in_order(self.verdicts, |v| vec![text(v)])),
            Step::each(DAY, in_order(self.days, |(a, d, v)| vec![text(a), d.into(), text(v)])),
            Step::each(PARKED, parked),
            Step::each(LEFT, left),
            Step::each(KEY, keys),
            Step::new(FOLDED, vec![last.into()]),
        ]
    }
}

fn text(text: Cow<'_, str>) -> Value {
    Value::Text(text.into_owned())
}

/// Rows in the order of their keys, so that neighbours on a page are written one after the other.
fn in_order<K: Ord>(sums: HashMap<K, u64>, columns: impl Fn(K) -> Vec<Value>) -> Vec<Vec<Value>> {
    let mut sums: Vec<(K, u64)> = sums.into_iter().collect();
    sums.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let row = |(key, n): (K, u64)| {
        let mut row = columns(key);
        row.push(n.into());
        row
    };
    sums.into_iter().map(row).collect()
}
