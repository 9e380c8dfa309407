//! What a connection is doing, told by the request path and read by whoever may end it.
//!
//! Two cells that are written without waiting; nothing here knows of sockets or time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Between two requests.
    Waiting = 0,
    /// A request's head has begun to arrive, or the connection is new.
    Reading = 1,
    /// A request is with its handler or its answer is on the way.
    Answering = 2,
    /// The peer has not taken the whole answer yet.
    Writing = 3,
}

/// Set by [`Phase::look`], cleared by whatever happens.
const SEEN: u8 = 0x80;

/// What ending a connection would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It waits between two requests, as it did when it was last looked at.
    Stale,
    /// It waits between two requests.
    Idle,
    /// A head is being read, as it was when it was last looked at.
    Reading,
    /// A head has begun to be read since.
    Begun,
    /// A request or an answer is under way.
    Busy,
}

/// Where the request path says what a connection is doing.
#[derive(Clone, Debug)]
pub struct Phase(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    doing: AtomicU8,
    old: AtomicBool,
}

impl Phase {
    pub(super) fn new() -> Phase {
        let (doing, old) = (AtomicU8::new(Doing::Reading as u8), AtomicBool::new(false));
        Phase(Arc::new(Cells { doing, old }))
    }

    /// A request's head is complete.
    pub fn answering(&self) {
        self.0.doing.store(Doing::Answering as u8, Relaxed);
    }

    /// The answer is handed over.
    pub fn waiting(&self) {
        self.0.doing.store(Doing::Waiting as u8, Relaxed);
    }

    /// The next answer is to be the last of this connection.
    pub fn is_old(&self) -> bool {
        self.0.old.load(Relaxed)
    }

    pub(super) fn grow_old(&self) {
        self.0.old.store(true, Relaxed);
    }

    pub(super) fn reading(&self) {
        self.0.doing.store(Doing::Reading as u8, Relaxed);
    }

    /// The answer that was handed over is not taken at once.
    pub(super) fn writing(&self) {
        self.turn(Doing::Waiting, Doing::Writing);
    }

    /// It is taken; a request that came meanwhile is not forgotten.
    pub(super) fn written(&self) {
        self.turn(Doing::Writing, Doing::Waiting);
    }

    fn turn(&self, from: Doing, to: Doing) {
        let next = |doing: u8| (doing & !SEEN == from as u8).then_some(to as u8);
        // Anything else that it is doing stands.
        let _ = self.0.doing.fetch_update(Relaxed, Relaxed, next);
    }

    pub(super) fn get(&self) -> Doing {
        Phase::read(self.0.doing.load(Relaxed))
    }

    fn read(doing: u8) -> Doing {
        match doing & !SEEN {
            0 => Doing::Waiting,
            1 => Doing::Reading,
            2 => Doing::Answering,
            _ => Doing::Writing,
        }
    }

    /// What ending the connection would cost, compared with the last look.
    pub(super) fn look(&self) -> Worth {
        let doing = self.0.doing.fetch_or(SEEN, Relaxed);
        match (Phase::read(doing), doing & SEEN != 0) {
            (Doing::Waiting, true) => Worth::Stale,
            (Doing::Waiting, false) => Worth::Idle,
            (Doing::Reading, true) => Worth::Reading,
            (Doing::Reading, false) => Worth::Begun,
            (Doing::Answering | Doing::Writing, _) => Worth::Busy,
        }
    }
}
