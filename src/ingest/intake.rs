//! The one door by which an article changes.
//!
//! Cleans, decides ([`super::merge`]) and writes; when somebody else wrote meanwhile it reads and
//! decides again. Knows nothing of formats, sources or HTTP.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use arc_swap::ArcSwap;

use super::{
    Candidate, Origin, Refusal, RefusalKind,
    clean::{CleanLimits, Removal},
    merge::{Decision, merge},
    tidy::{Tidied, tidy},
};
use crate::{
    clock::Clock,
    config::{Limits, Site},
    model::{ArticleId, Millis, Status},
    store::{DbError, Put, PutError, Store, Stored},
};

/// Articles that share one commit at most.
const ARTICLES_PER_COMMIT_MAX: usize = 100;
/// How often an article is decided anew because somebody else wrote it meanwhile.
pub(super) const TRIES_MAX: u8 = 8;

/// The one door by which an article changes; clones are the same door.
#[derive(Clone, Debug)]
pub struct Intake {
    pub(super) store: Store,
    rules: Arc<ArcSwap<Rules>>,
    pub(super) clock: Clock,
}

#[derive(Debug)]
struct Rules {
    site: Site,
    clean: CleanLimits,
}

/// What became of an article that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its id.
    pub id: ArticleId,
    /// How it stands now.
    pub stored: Stored,
    /// What that means.
    pub outcome: Outcome,
    /// What cleaning took out.
    pub removed: Vec<Removal>,
}

/// What became of an article that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It is other than before, with a new revision.
    Changed,
    /// It said nothing new; the revision stands.
    Unchanged,
    /// It was withdrawn here, and a source does not bring it back.
    Withheld,
}

impl Outcome {
    /// The word in answers and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Changed => "changed",
            Outcome::Unchanged => "unchanged",
            Outcome::Withheld => "withheld",
        }
    }
}

/// A candidate on its way, with its place in the answer.
struct Item {
    at: usize,
    tidied: Tidied,
    if_match: Option<i64>,
    tries: u8,
}

type Answer = Result<Taken, Refusal>;

impl Intake {
    /// A door to `store`.
    pub fn new(store: Store, site: Site, limits: &Limits, clock: Clock) -> Intake {
        let rules = Arc::new(ArcSwap::from_pointee(Rules::new(site, limits)));
        Intake { store, rules, clock }
    }

    /// Takes effect for what is taken from now on, through every clone.
    pub fn reconfigure(&self, site: Site, limits: &Limits) {
        self.rules.store(Arc::new(Rules::new(site, limits)));
    }

    /// Takes one article; with `if_match`, only when it stands at that revision (0: when there is
    /// none yet).
    pub async fn take(
        &self,
        candidate: Candidate,
        origin: &Origin,
        if_match: Option<i64>,
    ) -> Result<Taken, Refusal> {
        let mut answers = self.take_all(vec![(candidate, if_match)], origin).await;
        answers.pop().unwrap_or_else(|| Err(stopped()))
    }

    /// Takes articles in order, each taken or refused on its own; up to 100 share a commit. Answers
    /// stand in the same order.
    pub async fn take_many(&self, candidates: Vec<Candidate>, origin: &Origin) -> Vec<Answer> {
        self.take_all(candidates.into_iter().map(|c| (c, None)).collect(), origin).await
    }

    /// What [`Intake::take_many`] would do; writes nothing. A guid that another article has is not
    /// noticed, and a new article's revision reads as 0.
    pub async fn preview_many(&self, candidates: Vec<Candidate>, origin: &Origin) -> Vec<Answer> {
        let count = candidates.len();
        let pairs = candidates.into_iter().map(|c| (c, None)).collect();
        let (items, mut answers) = self.tidy_all(pairs).await;
        let mut seen = HashMap::new();
        for items in chunks(items) {
            let ids = items.iter().map(|i| &i.tidied.candidate.id);
            let unread = ids.filter(|id| !seen.contains_key(*id)).cloned().collect();
            let read = self.read(unread).await;
            let failed = read.as_ref().err().cloned();
            seen.extend(read.unwrap_or_default());
            for item in items {
                let answer = match &failed {
                    Some(error) => Err(error.clone().into()),
                    None => self.preview(&item, origin, &mut seen),
                };
                answers.push((item.at, answer));
            }
        }
        in_order(answers, count)
    }

    fn preview(
        &self,
        item: &Item,
        origin: &Origin,
        seen: &mut HashMap<ArticleId, Stored>,
    ) -> Answer {
        let id = &item.tidied.candidate.id;
        let existing = seen.get(id);
        match self.decide(item, existing, origin) {
            Ok(Step::Done(taken)) => Ok(*taken),
            Err(refusal) => Err(refusal),
            Ok(Step::Write(put)) => {
                let taken = item.taken(*put, existing.map_or(0, |e| e.revision));
                seen.insert(id.clone(), taken.stored.clone());
                Ok(taken)
            }
        }
    }

    /// Makes public what is due now: a change with a revision of its own each. Answers how many,
    /// and when the next one is due.
    pub async fn release_due(&self) -> Result<(usize, Option<Millis>), DbError> {
        let mut released = 0;
        loop {
            let now = self.clock.now();
            let (due, next) = self.store.due(now).await?;
            if due.is_empty() {
                return Ok((released, next));
            }
            let articles = self.store.articles_by_id(&due).await?;
            let puts: Vec<Put> = articles.into_iter().filter_map(|s| release(s, now)).collect();
            let mut done = 0;
            for result in self.store.put_articles(puts).await {
                match result {
                    Ok(_) => done += 1,
                    // Somebody else changed it: the next round looks again.
                    Err(PutError::Conflict | PutError::GuidTaken(_)) => {}
                    Err(PutError::Store(error)) => return Err(error),
                }
            }
            released += done;
            if done == 0 {
                return Ok((released, Some(now.plus(1000))));
            }
        }
    }

    async fn take_all(&self, pairs: Vec<(Candidate, Option<i64>)>, origin: &Origin) -> Vec<Answer> {
        let count = pairs.len();
        let (items, mut answers) = self.tidy_all(pairs).await;
        let mut waiting = VecDeque::from(items);
        while !waiting.is_empty() {
            let round = next_round(&mut waiting);
            let (done, again) = self.take_round(round, origin).await;
            answers.extend(done);
            again.into_iter().rev().for_each(|item| waiting.push_front(item));
        }
        in_order(answers, count)
    }

    /// Cleans away from the runtime's workers; what is refused already has its answer.
    async fn tidy_all(
        &self,
        pairs: Vec<(Candidate, Option<i64>)>,
    ) -> (Vec<Item>, Vec<(usize, Answer)>) {
        let rules = self.rules.load_full();
        let count = pairs.len();
        let work = move || {
            let (mut items, mut answers) = (Vec::with_capacity(pairs.len()), Vec::new());
            for (at, (candidate, if_match)) in pairs.into_iter().enumerate() {
                match tidy(candidate, &rules.clean) {
                    Ok(tidied) => items.push(Item { at, tidied, if_match, tries: 0 }),
                    Err(refusal) => answers.push((at, Err(refusal))),
                }
            }
            (items, answers)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| (Vec::new(), (0..count).map(|at| (at, Err(stopped()))).collect()))
    }

    /// One commit. Answers what is done, and what must be decided anew.
    async fn take_round(
        &self,
        items: Vec<Item>,
        origin: &Origin,
    ) -> (Vec<(usize, Answer)>, Vec<Item>) {
        let ids = items.iter().map(|i| i.tidied.candidate.id.clone()).collect();
        let existing = match self.read(ids).await {
            Ok(existing) => existing,
            Err(error) => {
                let failed = |i: Item| (i.at, Err(error.clone().into()));
                return (items.into_iter().map(failed).collect(), Vec::new());
            }
        };
        let (mut done, mut writes, mut puts) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match self.decide(&item, existing.get(&item.tidied.candidate.id), origin) {
                Ok(Step::Done(taken)) => done.push((item.at, Ok(*taken))),
                Err(refusal) => done.push((item.at, Err(refusal))),
                Ok(Step::Write(put)) => {
                    puts.push((*put).clone());
                    writes.push((item, *put));
                }
            }
        }
        let again = self.write(writes, puts, &mut done).await;
        (done, again)
    }

    async fn write(
        &self,
        writes: Vec<(Item, Put)>,
        puts: Vec<Put>,
        done: &mut Vec<(usize, Answer)>,
    ) -> Vec<Item> {
        let mut again = Vec::new();
        if puts.is_empty() {
            return again;
        }
        if let Err(error) = self.store.room().check() {
            // A withdrawal does not come this way: it is small, and must reach readers.
            done.extend(writes.into_iter().map(|(item, _)| (item.at, Err(error.clone().into()))));
            return again;
        }
        let results = self.store.put_articles(puts).await;
        for ((mut item, put), result) in writes.into_iter().zip(results) {
            match result {
                Ok(revision) => done.push((item.at, Ok(item.taken(put, revision)))),
                // Two writers of one new article: to the second its own guid looks taken.
                Err(PutError::GuidTaken(_)) if put.expected.is_none() && item.tries == 0 => {
                    item.tries += 1;
                    again.push(item);
                }
                Err(PutError::Conflict) if item.tries < TRIES_MAX => {
                    item.tries += 1;
                    again.push(item);
                }
                Err(error) => done.push((item.at, Err(error.into()))),
            }
        }
        again
    }

    fn decide(
        &self,
        item: &Item,
        existing: Option<&Stored>,
        origin: &Origin,
    ) -> Result<Step, Refusal> {
        at_revision(existing, item.if_match)?;
        let rules = self.rules.load();
        let outcome = match merge(existing, &item.tidied, origin, self.clock.now(), &rules.site) {
            Decision::Refused(refusal) => return Err(refusal),
            Decision::Write(put) => return Ok(Step::Write(put)),
            Decision::Unchanged => Outcome::Unchanged,
            Decision::Withheld => Outcome::Withheld,
        };
        // Only what stands can be left as it is.
        let stored = existing.cloned().ok_or_else(stopped)?;
        let (id, removed) = (stored.article.id.clone(), item.tidied.removed.clone());
        Ok(Step::Done(Box::new(Taken { id, stored, outcome, removed })))
    }

    async fn read(&self, ids: Vec<ArticleId>) -> Result<HashMap<ArticleId, Stored>, DbError> {
        let articles = self.store.articles_by_id(&ids).await?;
        Ok(articles.into_iter().map(|s| (s.article.id.clone(), s)).collect())
    }

    pub(super) async fn put_one(&self, put: Put) -> Result<i64, PutError> {
        let mut results = self.store.put_articles(vec![put]).await;
        results.pop().unwrap_or(Err(PutError::Conflict))
    }
}

impl Rules {
    fn new(site: Site, limits: &Limits) -> Rules {
        let (bytes_max, depth_max) = (limits.article_bytes_max, limits.html_depth_max);
        Rules { site, clean: CleanLimits { bytes_max, depth_max } }
    }
}

/// What a decision asks for.
enum Step {
    Done(Box<Taken>),
    Write(Box<Put>),
}

impl Item {
    fn taken(&self, put: Put, revision: i64) -> Taken {
        let outcome = if put.expected.is_none() { Outcome::Created } else { Outcome::Changed };
        let (id, removed) = (put.article.id.clone(), self.tidied.removed.clone());
        Taken { id, stored: standing(put, revision), outcome, removed }
    }
}

/// The next items of different ids, in order: what comes twice is decided on what came first.
fn next_round(waiting: &mut VecDeque<Item>) -> Vec<Item> {
    let mut ids = HashSet::new();
    let (mut round, mut later) = (Vec::new(), VecDeque::new());
    while round.len() < ARTICLES_PER_COMMIT_MAX
        && later.len() < ARTICLES_PER_COMMIT_MAX
        && let Some(item) = waiting.pop_front()
    {
        if ids.insert(item.tidied.candidate.id.clone()) {
            round.push(item);
        } else {
            later.push_back(item);
        }
    }
    later.into_iter().rev().for_each(|item| waiting.push_front(item));
    round
}

fn chunks(items: Vec<Item>) -> impl Iterator<Item = Vec<Item>> {
    let mut items = items.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<Item> = items.by_ref().take(ARTICLES_PER_COMMIT_MAX).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn in_order(mut answers: Vec<(usize, Answer)>, count: usize) -> Vec<Answer> {
    debug_assert_eq!(answers.len(), count, "every candidate has one answer");
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

pub(super) fn at_revision(existing: Option<&Stored>, if_match: Option<i64>) -> Result<(), Refusal> {
    let revision = existing.map_or(0, |e| e.revision);
    if if_match.is_none_or(|wanted| wanted == revision) {
        return Ok(());
    }
    let why = match (revision, if_match) {
        (0, _) => "there is no such article to match".to_owned(),
        (_, Some(0)) => "there is such an article already".to_owned(),
        _ => format!("the article stands at revision {revision} now: read it again"),
    };
    Err(Refusal::whole(RefusalKind::Precondition, why))
}

fn release(stored: Stored, now: Millis) -> Option<Put> {
    if !stored.article.is_public(now) {
        return None;
    }
    let mut put = put_of(stored);
    put.article.status = Status::Published;
    put.marks.is_public = true;
    put.marks.was_public = true;
    Some(put)
}

pub(super) fn put_of(stored: Stored) -> Put {
    let expected = Some(stored.revision);
    Put { article: stored.article, marks: stored.marks, expected, note: None }
}

pub(super) fn standing(put: Put, revision: i64) -> Stored {
    Stored { article: put.article, revision, marks: put.marks }
}

/// The runtime is stopping, or a thread of it broke.
fn stopped() -> Refusal {
    DbError::Failed("the work was not finished".into()).into()
}
