//! Texts that get small numbers, so that a million articles fit in little memory. Nothing is ever
//! taken out: a number stays good as long as the process.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Texts in the order in which they came, found by text or by number.
#[derive(Debug, Default)]
pub struct Names {
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hash: RandomState,
}

impl Names {
    /// The number of a text that is there.
    pub fn find(&self, text: &str) -> Option<u32> {
        let same = |number: &u32| self.text(*number) == text;
        self.numbers.find(self.hash.hash_one(text), same).copied()
    }

    /// The text of a number; empty where there is no such number.
    pub fn text(&self, number: u32) -> &str {
        slice(&self.texts, &self.ends, number)
    }

    /// The number of a text, a new one where it is new.
    pub fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find(text) {
            return number;
        }
        // Memory ends long before 2³² texts do.
        let number = self.ends.len() as u32;
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
        let Names { texts, ends, numbers, hash } = self;
        let rehash = |number: &u32| hash.hash_one(slice(texts, ends, *number));
        numbers.insert_unique(hash.hash_one(text), number, rehash);
        number
    }
}

fn slice<'a>(texts: &'a str, ends: &[usize], number: u32) -> &'a str {
    let at = number as usize;
    let begin = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
    ends.get(at).and_then(|end| texts.get(begin..*end)).unwrap_or_default()
}
