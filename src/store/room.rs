//! The room left on the data folder's disk, and what is no longer taken when it gets low. Measures
//! and decides; refuses to free anything.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::error::DbError;
use crate::config;

/// Whoever asks gets an answer that is no older.
const FRESH: Duration = Duration::from_secs(1);
/// The part of `store.free_bytes_min` that only what is under way may use: hits end there, and a
/// database needs it to move its log home.
const RESERVE: u64 = 4;
/// A level is left when there is this part more than what it begins with.
const SLACK: u64 = 8;

/// How low the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomLevel {
    /// All is taken.
    Plenty,
    /// Below `store.free_bytes_warn`: all is taken, and it is said.
    Low,
    /// Below `store.free_bytes_min`: no article, hits are counted.
    ReadOnly,
    /// Below a quarter of that: no article and no hit.
    Reserve,
}

const LEVELS: [RoomLevel; 4] =
    [RoomLevel::Plenty, RoomLevel::Low, RoomLevel::ReadOnly, RoomLevel::Reserve];

/// The room of one data folder, shared by cloning.
#[derive(Clone, Debug)]
pub struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    bounds: ArcSwap<Bounds>,
    free: AtomicU64,
    level: AtomicU8,
    measured: Mutex<Option<Instant>>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: u64,
    warn: u64,
}

impl Bounds {
    fn of(settings: &config::Store) -> Bounds {
        Bounds { min: settings.free_bytes_min as u64, warn: settings.free_bytes_warn as u64 }
    }

    /// The level of so much room, after `before`.
    fn level(self, before: RoomLevel, free: u64) -> RoomLevel {
        let begins = [
            (RoomLevel::Reserve, self.min / RESERVE),
            (RoomLevel::ReadOnly, self.min),
            (RoomLevel::Low, self.warn),
        ];
        let ends = |(level, at): (RoomLevel, u64)| {
            let at = if before >= level { at.saturating_add(at / SLACK) } else { at };
            (free < at).then_some(level)
        };
        begins.into_iter().find_map(ends).unwrap_or(RoomLevel::Plenty)
    }
}

impl Room {
    /// The room of `settings.data`, as it is now.
    pub fn new(settings: &config::Store) -> Room {
        let room = Room(Arc::new(Inner {
            folder: settings.data.clone(),
            bounds: ArcSwap::from_pointee(Bounds::of(settings)),
            free: AtomicU64::new(u64::MAX),
            level: AtomicU8::new(0),
            measured: Mutex::default(),
        }));
        room.measure_or_say();
        room
    }

    /// Follows other bounds.
    pub fn reconfigure(&self, settings: &config::Store) {
        self.0.bounds.store(Arc::new(Bounds::of(settings)));
        self.measure_or_say();
    }

    /// Bytes left for jarshy, measured now.
    pub fn measure(&self) -> io::Result<u64> {
        let free = free_bytes(&self.0.folder)?;
        *self.0.measured.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.free.store(free, Relaxed);
        let (before, bounds) = (self.level(), **self.0.bounds.load());
        let level = bounds.level(before, free);
        if self.0.level.swap(level as u8, Relaxed) != level as u8 {
            say(before, level, free);
        }
        Ok(free)
    }

    /// The folder whose room it is.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Bytes left when it was last measured.
    pub fn free(&self) -> u64 {
        self.0.free.load(Relaxed)
    }

    /// How low it was when it was last measured.
    pub fn level(&self) -> RoomLevel {
        LEVELS[usize::from(self.0.level.load(Relaxed)).min(LEVELS.len() - 1)]
    }

    /// Refuses where an article may not be written, by a measure of this second.
    pub fn check(&self) -> Result<(), DbError> {
        let measured = *self.0.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if measured.is_none_or(|at| at.elapsed() >= FRESH) {
            self.measure_or_say();
        }
        if self.level() >= RoomLevel::ReadOnly { Err(DbError::NoRoom) } else { Ok(()) }
    }

    /// What cannot be measured keeps its level.
    fn measure_or_say(&self) {
        if let Err(error) = self.measure() {
            tracing::warn!("{} cannot be measured: {error}", self.0.folder.display());
        }
    }
}

/// Bytes that are left for us on the disk of a folder.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn say(before: RoomLevel, level: RoomLevel, free: u64) {
    let mib = free >> 20;
    match level {
        RoomLevel::Reserve => tracing::error!(
            "{mib} MiB are left on the disk: articles and hits are refused, feeds are served on; make room"
        ),
        RoomLevel::ReadOnly => tracing::error!(
            "{mib} MiB are left on the disk: articles are refused, hits are counted, feeds are served on; make room"
        ),
        RoomLevel::Low if before < level => tracing::warn!(
            "{mib} MiB are left on the disk; articles will be refused at store.free_bytes_min"
        ),
        RoomLevel::Low | RoomLevel::Plenty => {
            tracing::info!("{mib} MiB are left on the disk: everything is taken again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_begins_at_its_bound_and_ends_a_little_above() {
        use RoomLevel::{Low, Plenty, ReadOnly, Reserve};
        let bounds = Bounds { min: 800, warn: 1600 };
        let mut level = Plenty;
        let steps = [
            (1600, Plenty),
            (1599, Low),
            (1700, Low),
            (1800, Plenty),
            (799, ReadOnly),
            (899, ReadOnly),
            (900, Low),
            (199, Reserve),
            (224, Reserve),
            (225, ReadOnly),
            (u64::MAX, Plenty),
        ];
        for (free, then) in steps {
            level = bounds.level(level, free);
            assert_eq!(level, then, "{free}");
        }
        assert_eq!(Bounds { min: 0, warn: 0 }.level(Plenty, 0), Plenty, "0 switches it off");
    }
}
