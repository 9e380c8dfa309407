//! A source as it stands, and what was counted of it since the start.

use super::pull::{Counts, PullError, Pulled};
use crate::{config::SourceConfig, model::Millis, store::SourceState};

/// A source as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceStatus {
    /// What the settings say.
    pub config: SourceConfig,
    /// How far its pulls are.
    pub state: SourceState,
    /// When the pull began that is under way.
    pub running_since: Option<Millis>,
    /// How far that or the last one is, 0 to 1.
    pub progress: f64,
    /// What was counted since the start.
    pub tally: Tally,
}

/// What was counted of a source since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pulls that changed something.
    pub success: u64,
    /// Pulls that failed.
    pub failure: u64,
    /// Pulls that found nothing new.
    pub same: u64,
    /// HTTP requests.
    pub requests: u64,
    /// What became of the articles.
    pub articles: Counts,
}

impl Tally {
    /// Counts a pull that went well.
    pub(super) fn pulled(&mut self, pulled: &Pulled) {
        match pulled.outcome.is_change() {
            true => self.success += 1,
            false => self.same += 1,
        }
        self.requests += u64::from(pulled.requests);
        self.articles.join(pulled.outcome);
    }

    /// Counts a pull that failed; what it asked before is not known, its last request is.
    pub(super) fn failed(&mut self, error: &PullError) {
        self.failure += 1;
        self.requests += u64::from(!matches!(error, PullError::Store(_) | PullError::Ended(_)));
    }

    /// Adds another source's.
    pub fn join(&mut self, other: &Tally) {
        self.success += other.success;
        self.failure += other.failure;
        self.same += other.same;
        self.requests += other.requests;
        self.articles.join(other.articles);
    }
}
