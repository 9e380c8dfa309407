//! Fingerprints of an article: what makes a change editorial, and what a source delivered.
//!
//! Every field is preceded by its length, so that text that moves from one field to the next is a
//! change. What is hashed here stands in databases: a new field makes every article look changed.

use sha2::{Digest, Sha256};

use super::Candidate;
use crate::model::{Author, Media, Source, WebUrl};

struct Hash(Sha256);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Absent and empty are told apart.
    fn opt(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }

    fn number(&mut self, number: Option<i64>) {
        self.0.update([u8::from(number.is_some())]);
        self.0.update(number.unwrap_or_default().to_le_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Hash, &T)) {
        self.0.update((items.len() as u64).to_le_bytes());
        items.iter().for_each(|item| each(self, item));
    }

    fn author(&mut self, author: &Author) {
        self.text(&author.name);
        self.opt(author.url.as_ref().map(WebUrl::as_str));
    }

    fn source(&mut self, source: Option<&Source>) {
        self.opt(source.map(|s| s.name.as_str()));
        self.opt(source.and_then(|s| s.url.as_ref()).map(WebUrl::as_str));
    }

    fn media(&mut self, media: &Media) {
        self.text(media.url.as_str());
        self.text(&media.media_type);
        self.number(media.bytes.map(|n| n as i64));
        self.number(media.width.map(i64::from));
        self.number(media.height.map(i64::from));
        self.number(media.duration_seconds.map(|s| s.to_bits() as i64));
        self.text(media.role.as_str());
        self.opt(media.credit.as_deref());
        self.opt(media.alt.as_deref());
    }

    fn finish(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// SHA-256 of what readers would call the story: only when it moves, `updated_at` moves.
pub fn editorial_hash(
    title: &str,
    summary: &str,
    body_html: &str,
    authors: &[Author],
    media: &[Media],
) -> Vec<u8> {
    let mut hash = Hash(Sha256::new());
    hash.text(title);
    hash.text(summary);
    hash.text(body_html);
    hash.list(authors, Hash::author);
    hash.list(media, Hash::media);
    hash.finish()
}

/// SHA-256 of all that a source delivered, before cleaning. Not in it: the source's time of change
/// and the carried-over number, which are compared on their own, so that a "save" without change
/// and a growing number never revert an edit made here.
pub fn source_hash(c: &Candidate) -> Vec<u8> {
    let mut hash = Hash(Sha256::new());
    hash.opt(c.guid.as_ref().map(|g| g.as_str()));
    hash.text(c.url.as_str());
    hash.opt(c.slug.as_deref());
    hash.text(&c.title);
    hash.text(&c.summary);
    hash.text(&c.body_html);
    hash.opt(c.language.as_ref().map(|l| l.as_str()));
    hash.opt(c.family.as_deref());
    hash.list(&c.sections, |hash, s| hash.text(s));
    hash.list(&c.tags, |hash, t| hash.text(t));
    hash.list(&c.authors, Hash::author);
    hash.opt(c.byline.as_deref());
    hash.source(c.source.as_ref());
    hash.opt(c.rights.as_deref());
    hash.list(&c.media, Hash::media);
    hash.number(c.published_at.map(|t| t.0));
    hash.text(c.status.as_str());
    hash.number(c.embargo_until.map(|t| t.0));
    hash.finish()
}
