//! The one thread that writes `views.db`: takes all hits that wait, judges repeats, commits, answers.
//!
//! Nothing is answered that is not on disk, and nothing that was refused is counted in memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::{
    NotKept, Rules,
    counts::Counts,
    queue::{Queue, Waiting},
    repeat::Repeats,
    roster::Roster,
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
    /// True while commits fail, so that one line in the log tells it.
    pub failing: bool,
}

impl Writer {
    /// Works until the queue is closed and empty; then folds and puts the log away.
    pub fn run(mut self) {
        let mut group = Vec::new();
        let mut folded = Instant::now();
        loop {
            let rules = self.rules.load_full();
            let patience =
                self.progress.unfolded.then(|| rules.fold_every.saturating_sub(folded.elapsed()));
            if !self.queue.take(&mut group, rules.batch_hits_max, patience) {
                break;
            }
            if !group.is_empty() {
                self.keep(&mut group, &rules);
            }
            if self.progress.unfolded && folded.elapsed() >= rules.fold_every {
                self.fold();
                folded = Instant::now();
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

    /// True when the tally is on disk.
    fn commit(&mut self, tally: &Tally) -> bool {
        let early = self.repeats.forgotten_early();
        self.own_counts.forgotten_early.store(early, Ordering::Relaxed);
        let began = Instant::now();
        let done = self.append(tally);
        if done.is_ok() {
            (self.on_commit)(began.elapsed());
            self.progress.unfolded = true;
        }
        self.note(done)
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
        self.progress.unfolded = *done.as_ref().unwrap_or(&true);
        self.note(done.map(drop));
    }

    /// Counts and tells a failure, and remembers what must happen before the next commit.
    fn note(&mut self, done: Result<(), DbError>) -> bool {
        let progress = &mut self.progress;
        match done {
            Ok(()) => {
                if std::mem::take(&mut progress.failing) {
                    tracing::info!("views are kept again");
                }
                true
            }
            Err(error) => {
                self.own_counts.errors.fetch_add(1, Ordering::Relaxed);
                progress.broken |= matches!(error, DbError::Failed(_));
                if !std::mem::replace(&mut progress.failing, true) {
                    tracing::error!("views are refused, views.db does not take them: {error}");
                }
                false
            }
        }
    }
}
