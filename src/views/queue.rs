//! Hits waiting for the disk: many put one in, one thread takes all that is there.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;

use super::{NotKept, tally::Judged};
use crate::model::{Millis, Verdict};

/// A hit that waits for its verdict to be on disk.
#[derive(Debug)]
pub struct Waiting {
    /// When it came.
    pub at: Millis,
    /// What is known of it.
    pub judged: Judged,
    /// The visitor's key, where a repeat is to be judged.
    pub visitor: Option<u64>,
    /// Who waits.
    pub answer: oneshot::Sender<Result<Verdict, NotKept>>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<Waiting>,
    closed: bool,
}

/// The queue; its bound is given with each hit, so that a reload may change it.
#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    came: Condvar,
}

impl Queue {
    /// Puts a hit at the end, unless `max` are there already.
    pub fn put(&self, hit: Waiting, max: usize) -> Result<(), NotKept> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(NotKept::Stopped);
        }
        if inner.waiting.len() >= max {
            return Err(NotKept::Overflow);
        }
        inner.waiting.push(hit);
        let first = inner.waiting.len() == 1;
        drop(inner);
        if first {
            self.came.notify_one();
        }
        Ok(())
    }

    /// Waits for hits, at most as long as `patience`, and moves up to `max` of them into `group`.
    /// False when the queue is closed and empty.
    pub fn take(&self, group: &mut Vec<Waiting>, max: usize, patience: Option<Duration>) -> bool {
        let mut inner = self.lock();
        if inner.waiting.is_empty() && !inner.closed {
            inner = self.wait(inner, patience);
        }
        if inner.waiting.len() <= max {
            std::mem::swap(group, &mut inner.waiting);
        } else {
            group.extend(inner.waiting.drain(..max));
        }
        !(group.is_empty() && inner.closed)
    }

    /// Takes no more hits; those that wait are still answered.
    pub fn close(&self) {
        self.lock().closed = true;
        self.came.notify_all();
    }

    fn wait<'a>(
        &self,
        inner: MutexGuard<'a, Inner>,
        patience: Option<Duration>,
    ) -> MutexGuard<'a, Inner> {
        let idle = |inner: &mut Inner| inner.waiting.is_empty() && !inner.closed;
        match patience {
            None => self.came.wait_while(inner, idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.came.wait_timeout_while(inner, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
