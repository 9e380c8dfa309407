//! Whether the same visitor opened the same article within the window (COUNTER 5.1, double click).
//!
//! A visitor is a keyed hash, made with a key that lives as long as the process; what it was made of
//! is kept nowhere. The window begins with a counted view and is not moved by repeats.

use std::{collections::HashMap, hash::Hasher, net::IpAddr, time::Duration};

use siphasher::sip::SipHasher24;

use crate::model::Millis;

/// Keys stay this much longer than the window, for hits that waited on their way to the disk.
const SLACK: Duration = Duration::from_secs(10);

/// Makes visitor keys that mean nothing to any other process.
#[derive(Clone)]
pub struct VisitorKeys {
    seed: [u8; 16],
}

impl VisitorKeys {
    /// A new random key, from the system.
    pub fn random() -> Result<VisitorKeys, getrandom::Error> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)?;
        Ok(VisitorKeys { seed })
    }

    /// The key of one visitor and one article.
    pub fn key(&self, address: IpAddr, user_agent: &[u8], article: &str) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.seed);
        match address {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            IpAddr::V6(v6) => hasher.write(&v6.octets()),
        }
        // The lengths keep one field from running into the next.
        hasher.write_usize(user_agent.len());
        hasher.write(user_agent);
        hasher.write(article.as_bytes());
        hasher.finish()
    }
}

/// Keys of counted views, in two generations: when the first is old or full it becomes the second,
/// and the second is forgotten.
#[derive(Debug, Default)]
pub struct Repeats {
    first: HashMap<u64, Millis>,
    second: HashMap<u64, Millis>,
    /// When the first generation began.
    began: Option<Millis>,
    /// The newest time in the second generation.
    second_ended: Millis,
    forgotten_early: u64,
}

impl Repeats {
    /// True for a repeat; else the view counts and begins a new window.
    pub fn is_repeat(&mut self, key: u64, at: Millis, window: Duration, keys_max: usize) -> bool {
        self.turn(at, window, keys_max);
        let last = self.first.get(&key).or_else(|| self.second.get(&key));
        if last.is_some_and(|last| u128::from(at.0.abs_diff(last.0)) < window.as_millis()) {
            return true;
        }
        self.first.insert(key, at);
        false
    }

    /// Forgets a view that could not be kept, so that its retry counts.
    pub fn forget(&mut self, key: u64) {
        self.first.remove(&key);
        self.second.remove(&key);
    }

    /// Keys forgotten before their window ended, because there were too many.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    fn turn(&mut self, at: Millis, window: Duration, keys_max: usize) {
        let began = *self.began.get_or_insert(at);
        let old = u128::from(at.0.abs_diff(began.0)) >= (window + SLACK).as_millis();
        let full = self.first.len() >= (keys_max / 2).max(1);
        if !old && !full {
            return;
        }
        if u128::from(at.0.abs_diff(self.second_ended.0)) < window.as_millis() {
            self.forgotten_early += self.second.len() as u64;
        }
        self.second = std::mem::take(&mut self.first);
        self.second_ended = at;
        self.began = Some(at);
    }
}
