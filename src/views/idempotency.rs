//! Hits that are sent again with the same `Idempotency-Key` get their first verdict and count nothing.
//!
//! The header is the one of draft-ietf-httpapi-idempotency-key-header: a string of Structured Fields
//! (RFC 9651 §3.3.3), or the same without its quotes. A key belongs to what the hit named, is kept as
//! a hash beside the verdict in the same row of `views.db`, and is good for a day. There are at most
//! `views.idempotency_keys_max` of them; the oldest are forgotten first. No visitor is in it.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

use super::Target;
use crate::{
    model::{Millis, Verdict},
    store::views::KeptKey,
};

const KEY_BYTES_MAX: usize = 64;
/// How long a key is good.
const KEY_MILLIS: i64 = 24 * 3_600_000;

/// A key as the client chose it: 1–64 visible characters of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    bytes: [u8; KEY_BYTES_MAX],
    length: usize,
}

/// A header that is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key is 1 to 64 visible characters of ASCII, in double quotes or without")]
pub struct BadKey;

impl IdempotencyKey {
    /// The key in a value of the header.
    pub fn parse(value: &[u8]) -> Result<IdempotencyKey, BadKey> {
        let value = value.trim_ascii();
        let (quoted, inner) = match value {
            [b'"', inner @ .., b'"'] => (true, inner),
            _ => (false, value),
        };
        let mut key = IdempotencyKey { bytes: [0; KEY_BYTES_MAX], length: 0 };
        let mut rest = inner.iter();
        while let Some(byte) = rest.next() {
            let byte = match byte {
                b'\\' if quoted => rest.next().filter(|b| matches!(b, b'"' | b'\\')),
                b'"' => None,
                byte => Some(byte).filter(|b| b.is_ascii_graphic()),
            };
            *key.bytes.get_mut(key.length).ok_or(BadKey)? = *byte.ok_or(BadKey)?;
            key.length += 1;
        }
        (key.length > 0).then_some(key).ok_or(BadKey)
    }

    /// What stands for the key and what the hit named.
    pub(super) fn hash(&self, target: Target<'_>) -> u128 {
        let (kind, named) = match target {
            Target::Id(id) => (b'i', id),
            Target::Url(url) => (b'u', url),
        };
        let hash = Sha256::new()
            .chain_update(&self.bytes[..self.length])
            .chain_update([0, kind])
            .chain_update(named.as_bytes())
            .finalize();
        hash.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

/// First verdicts by hash of key, the oldest first to go. Only the writer asks it, so that a hit and
/// its replay are judged one after the other.
#[derive(Debug, Default)]
pub struct Keys {
    by_hash: HashMap<u128, KeptKey>,
    /// Numbers and hashes, as they came.
    order: VecDeque<(i64, u128)>,
    newest: i64,
    forgotten_early: u64,
}

impl Keys {
    /// Keys of an earlier run, the oldest first.
    pub fn load(kept: Vec<KeptKey>) -> Keys {
        let mut keys = Keys::default();
        kept.into_iter().for_each(|key| keys.take(key));
        keys
    }

    /// The verdict of the first hit with this key, within a day.
    pub fn first(&self, hash: u128, now: Millis) -> Option<Verdict> {
        let key = self.by_hash.get(&hash)?;
        is_good(key, now).then_some(key.verdict)
    }

    /// Remembers a first verdict among at most `max`; `None` where none may be remembered.
    pub fn keep(
        &mut self,
        hash: u128,
        verdict: Verdict,
        at: Millis,
        max: usize,
    ) -> Option<KeptKey> {
        while let Some(oldest) = self.oldest() {
            let is_old = oldest.is_none_or(|key| !is_good(&key, at));
            if !is_old && self.order.len() < max {
                break;
            }
            self.forgotten_early += u64::from(!is_old);
            self.forget_oldest();
        }
        let key = KeptKey { number: self.newest + 1, hash, verdict, at };
        (max > 0).then(|| {
            self.take(key);
            key
        })
    }

    /// Forgets the newest `count`, which could not be kept on disk.
    pub fn undo(&mut self, count: usize) {
        for _ in 0..count {
            let Some((number, hash)) = self.order.pop_back() else { return };
            self.forget(number, hash);
            self.newest = number - 1;
        }
    }

    /// Keys with smaller numbers are not needed any more.
    pub fn needed_from(&self) -> i64 {
        self.order.front().map_or(self.newest + 1, |(number, _)| *number)
    }

    /// Keys forgotten before their day was over, because there were too many.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    fn take(&mut self, key: KeptKey) {
        self.newest = key.number.max(self.newest);
        self.order.push_back((key.number, key.hash));
        self.by_hash.insert(key.hash, key);
    }

    /// The oldest place; nothing is in it where the same key came again after its day.
    fn oldest(&self) -> Option<Option<KeptKey>> {
        let (number, hash) = self.order.front()?;
        Some(self.by_hash.get(hash).filter(|key| key.number == *number).copied())
    }

    fn forget_oldest(&mut self) {
        if let Some((number, hash)) = self.order.pop_front() {
            self.forget(number, hash);
        }
    }

    fn forget(&mut self, number: i64, hash: u128) {
        if self.by_hash.get(&hash).is_some_and(|key| key.number == number) {
            self.by_hash.remove(&hash);
        }
    }
}

fn is_good(key: &KeptKey, now: Millis) -> bool {
    now.0 < key.at.0.saturating_add(KEY_MILLIS)
}
