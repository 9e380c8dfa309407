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
    NotKept,
    counts::Counts,
    queue::{Queue, Waiting},
    repeat::Repeats,
    roster::Roster,
    rules::Rules,
    tally::Tally,
};
use crate::{
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
    pub(super) progress: Progress,
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
        }
        self.fold();
        if let Err(error) = self.log.checkpoint() {
            tracing::warn!("views.db was not tidied up at the stop, the next start will: {error}");
        }
    }

    /// Judges, commits and answers one group.
    fn keep(&mut self, group: &mut Vec<Waiting>, rules: &Rules) {
        let mut tally = Tally::default();
        let mut verdicts = Vec::with_capacity(group.len());
        for hit in group.iter() {
            let verdict = self.verdict(hit, rules);
            tally.add(&hit.judged, hit.at, verdict);
            verdicts.push(verdict);
        }
        let kept = self.commit(&tally);
        if kept {
            self.counts.add(&tally, self.roster.no_section());
        } else {
            self.forget_views(group, &verdicts);
        }
        for (hit, verdict) in group.drain(..).zip(verdicts) {
            // Whoever asked may have gone away; the view stands all the same.
            let _ = hit.answer.send(if kept { Ok(verdict) } else { Err(NotKept::Refused) });
        }
    }

    fn verdict(&mut self, hit: &Waiting, rules: &Rules) -> Verdict {
        if let Some(verdict) = hit.judged.verdict {
            return verdict;
        }
        let repeat = hit.visitor.is_some_and(|key| {
            self.repeats.is_repeat(key, hit.at, rules.repeat_window, rules.repeat_keys_max)
        });
        if repeat { Verdict::Repeat } else { Verdict::Counted }
    }

    fn forget_views(&mut self, group: &[Waiting], verdicts: &[Verdict]) {
        let counted = group.iter().zip(verdicts).filter(|(_, v)| **v == Verdict::Counted);
        for key in counted.filter_map(|(hit, _)| hit.visitor) {
            self.repeats.forget(key);
        }
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
        let done = self.log.fold();
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
