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
    /// What few hits have.
    pub rare: Option<Box<Rare>>,
    /// Who waits.
    pub answer: oneshot::Sender<Result<Verdict, NotKept>>,
}

/// What few hits have, apart so that the others stay small.
#[derive(Debug, Default)]
pub struct Rare {
    /// The hash of its key and of what it names.
    pub key: Option<u128>,
    /// The article it would count for, if there were one.
    pub parked: Option<Box<str>>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: Vec<Waiting>,
    rung: bool,
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

    /// Wakes who takes, although no hit came: there are new articles.
    pub fn ring(&self) {
        self.lock().rung = true;
        self.came.notify_one();
    }

    /// Waits for hits, at most as long as `patience`, and moves up to `max` of them into `group`;
    /// into none when it was rung. False when the queue is closed and empty.
    pub fn take(&self, group: &mut Vec<Waiting>, max: usize, patience: Option<Duration>) -> bool {
        let mut inner = self.lock();
        if inner.waiting.is_empty() && !inner.closed {
            inner = self.wait(inner, patience);
        }
        inner.rung = false;
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
        let idle = |inner: &mut Inner| inner.waiting.is_empty() && !inner.rung && !inner.closed;
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
