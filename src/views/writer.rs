//! The one thread that writes `views.db`: takes all hits that wait, judges repeats, commits, answers.
//!
//! Nothing is answered that is not on disk, and nothing that was refused is counted in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::{
    NotKept, Target,
    counts::Counts,
    idempotency::Keys,
    judge::Named,
    parked::{Parked, Place},
    queue::{Queue, Waiting},
    repeat::Repeats,
    roster::{Listed, Roster},
    rules::Rules,
    tally::{Judged, Tally, ViewKey, hour},
};
use crate::{
    clock::Clock,
    model::Verdict,
    store::{DbError, views::ViewLog},
};

/// Told how long each commit of hits took.
pub type OnCommit = Box<dyn Fn(Duration) + Send>;

/// Numbers about the writer itself.
#[derive(Debug, Default)]
pub struct WriterCounts {
    /// Commits that failed, of hits or of folding.
    pub errors: AtomicU64,
    /// True while commits fail.
    pub failing: AtomicBool,
    /// Visitor keys forgotten before their window ended.
    pub forgotten_early: AtomicU64,
    replays: AtomicU64,
    keys_forgotten: AtomicU64,
    parked: AtomicU64,
    parked_counted: AtomicU64,
    parked_expired: AtomicU64,
    parked_refused: AtomicU64,
}

/// What the writer says of itself, since the start where it is a total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterNumbers {
    /// Hits that came again with their `Idempotency-Key`: in no other total.
    pub replays: u64,
    /// Keys forgotten before their day was over.
    pub keys_forgotten: u64,
    /// Views parked now, because their article has not arrived.
    pub parked: u64,
    /// Parked views that were counted when it did.
    pub parked_counted: u64,
    /// Parked views whose article did not arrive in time.
    pub parked_expired: u64,
    /// Views that found no room to be parked.
    pub parked_refused: u64,
}

impl WriterCounts {
    /// All of [`WriterNumbers`].
    pub fn numbers(&self) -> WriterNumbers {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        WriterNumbers {
            replays: of(&self.replays),
            keys_forgotten: of(&self.keys_forgotten),
            parked: of(&self.parked),
            parked_counted: of(&self.parked_counted),
            parked_expired: of(&self.parked_expired),
            parked_refused: of(&self.parked_refused),
        }
    }
}

/// What the thread owns and shares.
pub struct Writer {
    pub(super) log: ViewLog,
    pub(super) queue: Arc<Queue>,
    pub(super) roster: Roster,
    pub(super) counts: Arc<Counts>,
    pub(super) rules: Arc<ArcSwap<Rules>>,
    pub(super) own_counts: Arc<WriterCounts>,
    pub(super) on_commit: OnCommit,
    pub(super) repeats: Repeats,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    pub(super) parked: Parked,
    pub(super) progress: Progress,
}

/// What a group would change.
#[derive(Default)]
struct New {
    tally: Tally,
    /// Keys of visitors whose window begins.
    visitors: Vec<u64>,
}

fn view(place: &Place, article: Listed) -> ViewKey {
    ViewKey { article, hour: place.hour, channel: place.channel }
}

/// How far the writer is.
#[derive(Debug, Default)]
pub struct Progress {
    /// The number of the last batch tried; never used twice, whatever became of it.
    pub tried: i64,
    /// The number of the last batch that is surely on disk.
    pub acknowledged: i64,
    /// True while batches wait to be folded.
    pub unfolded: bool,
    /// Set by an I/O error until the file was opened anew.
    pub broken: bool,
    /// True while hits are refused.
    pub refusing: bool,
    /// True while folding fails.
    pub unable_to_fold: bool,
    /// The roster's news and the hour up to which parked views were looked at.
    pub looked: (u64, i64),
}

impl Writer {
    /// Works until the queue is closed and empty; then folds and puts the log away.
    pub fn run(mut self) {
        let mut group = Vec::new();
        let mut ticked = Instant::now();
        loop {
            let rules = self.rules.load_full();
            let idle = !self.progress.unfolded && !self.progress.refusing;
            let patience = (!idle).then(|| rules.fold_every.saturating_sub(ticked.elapsed()));
            if !self.queue.take(&mut group, rules.batch_hits_max, patience) {
                break;
            }
            // A reload may have come while nothing did.
            let rules = self.rules.load_full();
            if idle {
                ticked = Instant::now();
            }
            if !group.is_empty() {
                self.keep(&mut group, &rules);
            }
            if ticked.elapsed() >= rules.fold_every {
                self.tick();
                ticked = Instant::now();
            }
            // While hits are refused it would be too.
            if !self.progress.refusing {
                self.unpark();
            }
        }
        self.fold();
        if let Err(error) = self.log.checkpoint() {
            tracing::warn!("views.db was not tidied up at the stop, the next start will: {error}");
        }
    }

    /// Judges, commits and answers one group.
    fn keep(&mut self, group: &mut Vec<Waiting>, rules: &Rules) {
        let mut new = New::default();
        let mut verdicts = Vec::with_capacity(group.len());
        for hit in group.iter() {
            verdicts.push(self.judge(hit, rules, &mut new));
        }
        // A group of replays alone is on disk already.
        let kept = new.tally.is_empty() || self.commit(&new.tally);
        if kept {
            self.counts.add(&new.tally, self.roster.no_section());
        } else {
            self.take_back(new);
        }
        self.say_parked();
        for (hit, verdict) in group.drain(..).zip(verdicts) {
            // Whoever asked may have gone away; the view stands all the same.
            let _ = hit.answer.send(if kept { Ok(verdict) } else { Err(NotKept::Refused) });
        }
    }

    /// The verdict of a hit, the first one where it is sent again.
    fn judge(&mut self, hit: &Waiting, rules: &Rules, new: &mut New) -> Verdict {
        let key = hit.rare.as_ref().and_then(|rare| rare.key);
        if let Some(first) = key.and_then(|key| self.keys.first(key, hit.at)) {
            self.own_counts.replays.fetch_add(1, Ordering::Relaxed);
            return first;
        }
        let judged = self.judged_now(hit);
        let parks = judged.article.is_none().then(|| hit.rare.as_ref()?.parked.as_ref()).flatten();
        let verdict = match (judged.verdict, parks) {
            (Some(Verdict::Unknown), Some(id)) => {
                self.park(hit, id, rules, new);
                Verdict::Unknown
            }
            (Some(verdict), _) => verdict,
            (None, _) if self.is_repeat(hit, rules, new) => Verdict::Repeat,
            (None, _) => Verdict::Counted,
        };
        new.tally.add(&judged, hit.at, verdict);
        if let Some(key) = key {
            new.tally.keys.extend(self.keys.keep(key, verdict, hit.at, rules.idempotency_keys_max));
        }
        verdict
    }

    /// What is known of a hit now: its article may have come while it waited.
    fn judged_now(&self, hit: &Waiting) -> Judged {
        let parked = hit.rare.as_ref().and_then(|rare| rare.parked.as_deref());
        match parked.map(|id| self.roster.find(Target::Id(id))) {
            Some(Named::Known(article)) => {
                Judged { article: Some(article), verdict: None, ..hit.judged }
            }
            _ => hit.judged,
        }
    }

    /// True for a repeat; else the visitor's window begins.
    fn is_repeat(&mut self, hit: &Waiting, rules: &Rules, new: &mut New) -> bool {
        let Some(key) = hit.visitor else { return false };
        let (window, keys_max) = (rules.repeat_window, rules.repeat_keys_max);
        let repeat = self.repeats.is_repeat(key, hit.at, window, keys_max);
        if !repeat {
            new.visitors.push(key);
        }
        repeat
    }

    /// Parks the view of a hit, unless it repeats one.
    fn park(&mut self, hit: &Waiting, id: &str, rules: &Rules, new: &mut New) {
        if self.is_repeat(hit, rules, new) {
            return;
        }
        let place = Place { article: id.into(), hour: hour(hit.at), channel: hit.judged.channel };
        if self.parked.park(&place, rules.parked_max) {
            *new.tally.parked.entry(place).or_default() += 1;
            return;
        }
        self.own_counts.parked_refused.fetch_add(1, Ordering::Relaxed);
        // It may still count, should the article come within the window.
        if let Some(key) = hit.visitor {
            self.repeats.forget(key);
        }
    }

    /// Forgets what could not be kept, so that a retry counts.
    fn take_back(&mut self, new: New) {
        new.visitors.into_iter().for_each(|key| self.repeats.forget(key));
        for (place, n) in &new.tally.parked {
            self.parked.remove(place, n.unsigned_abs());
        }
        self.keys.undo(new.tally.keys.len());
    }

    /// Counts parked views whose articles have come, and drops those that waited too long: once for
    /// all news of the roster, and every hour.
    fn unpark(&mut self) {
        let now = self.clock.now();
        let look = (self.roster.news(), hour(now));
        if self.progress.looked == look || self.parked.is_empty() {
            self.progress.looked = look;
            return;
        }
        let (mut tally, mut counted, mut expired) = (Tally::default(), 0, 0);
        for (place, n) in self.parked.places() {
            match self.roster.find(Target::Id(&place.article)) {
                _ if place.is_over(now) => expired += n,
                Named::Known(article) => {
                    *tally.views.entry(view(&place, article)).or_default() += n;
                    counted += n;
                }
                _ => continue,
            }
            tally.parked.insert(place, -(n as i64));
        }
        if !tally.is_empty() && !self.commit(&tally) {
            // The next tick tries again.
            return;
        }
        for (place, n) in &tally.parked {
            self.parked.remove(place, n.unsigned_abs());
        }
        self.progress.looked = look;
        self.own_counts.parked_counted.fetch_add(counted, Ordering::Relaxed);
        self.own_counts.parked_expired.fetch_add(expired, Ordering::Relaxed);
        self.say_parked();
        // Last: who sees the views counted sees them parked no more.
        self.counts.add(&tally, self.roster.no_section());
    }

    fn say_parked(&self) {
        let counts = &self.own_counts;
        counts.parked.store(self.parked.views(), Ordering::Relaxed);
        counts.keys_forgotten.store(self.keys.forgotten_early(), Ordering::Relaxed);
    }

    /// Folds what there is. After a failure it tries an empty group first, so that a healed disk is
    /// noticed even when nobody dares to send a hit.
    fn tick(&mut self) {
        if self.progress.refusing || self.progress.broken {
            self.commit(&Tally::default());
        }
        if self.progress.unfolded {
            self.fold();
        }
    }

    /// True when the tally is on disk.
    fn commit(&mut self, tally: &Tally) -> bool {
        let early = self.repeats.forgotten_early();
        self.own_counts.forgotten_early.store(early, Ordering::Relaxed);
        let began = Instant::now();
        let done = self.append(tally);
        let refused = std::mem::replace(&mut self.progress.refusing, done.is_err());
        match &done {
            Ok(()) => {
                (self.on_commit)(began.elapsed());
                self.progress.unfolded = true;
                if refused {
                    tracing::info!("views are kept again");
                }
            }
            Err(error) if !refused => {
                tracing::error!("views are refused, views.db does not take them: {error}");
            }
            Err(_) => {}
        }
        self.note(&done);
        done.is_ok()
    }

    fn append(&mut self, tally: &Tally) -> Result<(), DbError> {
        if self.progress.broken {
            self.log.recover(self.progress.acknowledged)?;
            self.progress.broken = false;
        }
        let hits = self.roster.encode(tally)?;
        self.progress.tried += 1;
        self.log.append(self.progress.tried, hits)?;
        self.progress.acknowledged = self.progress.tried;
        Ok(())
    }

    fn fold(&mut self) {
        if self.progress.broken {
            return;
        }
        let done = self.log.fold(self.keys.needed_from());
        let unfolded = *done.as_ref().unwrap_or(&true);
        let was_unable = std::mem::replace(&mut self.progress.unable_to_fold, done.is_err());
        self.progress.unfolded = unfolded;
        if let Err(error) = &done
            && !was_unable
        {
            tracing::error!("views are kept, but views.db does not let them be added up: {error}");
        }
        self.note(&done);
    }

    /// Counts a failure, and remembers what must happen before the next commit.
    fn note<T>(&mut self, done: &Result<T, DbError>) {
        if let Err(error) = done {
            self.own_counts.errors.fetch_add(1, Ordering::Relaxed);
            self.progress.broken |= matches!(error, DbError::Failed(_) | DbError::Damaged(_));
        }
        let failing = self.progress.refusing || self.progress.unable_to_fold;
        self.own_counts.failing.store(failing, Ordering::Relaxed);
    }
}
