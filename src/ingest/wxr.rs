//! WordPress exports (WXR): two passes over a stream, first what posts refer to, then the posts.
//!
//! Keeps links and guids byte for byte, makes WordPress's paragraphs, resolves what it can and says
//! what it dropped. A file that breaks off gives what stands before the break.

mod blocks;
mod index;
mod item;
mod names;
mod paragraphs;
mod php;
mod post;
mod reader;
mod shortcodes;
mod views;
mod xml_bytes;

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    io::Read,
};

use chrono_tz::Tz;

pub use reader::Broken;

pub(super) use index::media_type;
pub(super) use paragraphs::with_paragraphs;
pub(super) use views::parse_views;

use super::import::Found;
use crate::model::{Millis, OldName, WebUrl};
use index::Index;
use item::Item;
use post::Posts;
use reader::{Piece, Pieces};

/// Different notes that are kept.
const NOTES_MAX: usize = 1000;

/// How an export is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WxrOptions {
    /// Post types that are taken.
    pub types: Vec<String>,
    /// Ids are `<prefix>-<post id>`.
    pub prefix: String,
}

impl Default for WxrOptions {
    fn default() -> WxrOptions {
        WxrOptions { types: vec!["post".into()], prefix: "wp".into() }
    }
}

/// What was dropped or not found, with counts.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<String, usize>);

impl Notes {
    /// Counts one.
    fn add(&mut self, what: String) {
        if self.0.len() < NOTES_MAX || self.0.contains_key(&what) {
            *self.0.entry(what).or_default() += 1;
        }
    }
}

/// An export after its first pass.
#[derive(Debug)]
pub(super) struct Export {
    /// The site's address.
    pub site: String,
    index: Index,
}

impl Export {
    /// How the site calls categories, tags and authors in addresses.
    pub fn old_names(&self) -> Vec<OldName> {
        self.index.names.all()
    }
}

/// First pass: the site, authors, attachments, reusable blocks. A break is not yet told here: the
/// second pass meets it again. The error says why this is not an export.
pub(super) fn first_pass(input: impl Read, field_bytes_max: usize) -> Result<Export, Broken> {
    let mut pieces = Pieces::new(input, field_bytes_max);
    let mut index = Index::default();
    let (mut site, mut is_export) = (String::new(), false);
    let end = loop {
        match pieces.next() {
            Ok(Some(Piece::Version)) => is_export = true,
            Ok(Some(Piece::Site(address))) => site = address,
            Ok(Some(Piece::Created(at))) => index.created = created(&at),
            Ok(Some(Piece::Author(author))) => index.add_author(author),
            Ok(Some(Piece::Term(term))) => index.add_term(&term),
            Ok(Some(Piece::Item(item))) => index.add(*item),
            Ok(None) => break None,
            Err(broken) => break Some(broken),
        }
    };
    let known = is_export && WebUrl::parse(&site).is_ok();
    match end {
        _ if known => Ok(Export { site, index }),
        Some(broken) => Err(broken),
        None => Err(Broken {
            line: 1,
            why: "it is not a WordPress export: wp:wxr_version or wp:base_blog_url is missing"
                .into(),
        }),
    }
}

/// Second pass: hands each post to `found`, which answers whether to go on.
pub(super) fn second_pass(
    input: impl Read,
    export: &Export,
    options: &WxrOptions,
    (zone, now, field_bytes_max): (Tz, Millis, usize),
    found: &mut dyn FnMut(Found) -> bool,
) {
    let posts = Posts { options, index: &export.index, site: &export.site, zone, now };
    let mut pieces = Pieces::new(input, field_bytes_max);
    let mut taker = Taker { posts, guids: HashMap::new(), notes: Notes::default() };
    let mut goes_on = true;
    while goes_on {
        goes_on = match pieces.next() {
            Ok(Some(Piece::Item(item))) => found(taker.take(*item)),
            Ok(Some(_)) => true,
            Ok(None) => break,
            Err(broken) => {
                found(Found::Broken(broken));
                break;
            }
        };
    }
    let forbidden = pieces.forbidden();
    if forbidden > 0 {
        found(Found::Note { what: "control character".into(), count: forbidden });
    }
    for (what, count) in taker.notes.0 {
        found(Found::Note { what, count });
    }
}

struct Taker<'a> {
    posts: Posts<'a>,
    /// Hashes of guids and whose they are.
    guids: HashMap<u64, u64>,
    notes: Notes,
}

impl Taker<'_> {
    fn take(&mut self, item: Item) -> Found {
        if !self.posts.options.types.contains(&item.kind) {
            return Found::OtherType(item.kind.chars().take(40).collect());
        }
        let name = format!("{} {}", item.kind, item.id);
        if let Some(other) = self.guid_owner(&item) {
            let why = format!("its guid is also that of post {other}");
            return Found::Skipped { name, why };
        }
        match self.posts.candidate(item, &mut self.notes) {
            Ok(candidate) => Found::Article(Box::new(candidate)),
            Err(why) => Found::Skipped { name, why },
        }
    }

    /// Another post of this file that has the same guid.
    fn guid_owner(&mut self, item: &Item) -> Option<u64> {
        let guid = item.guid.trim();
        if guid.is_empty() {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        guid.hash(&mut hasher);
        let owner = *self.guids.entry(hasher.finish()).or_insert(item.id);
        (owner != item.id).then_some(owner)
    }
}

/// `2026-11-23 09:08`, in UTC.
fn created(text: &str) -> Option<Millis> {
    let at = chrono::NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M").ok()?;
    Some(Millis(at.and_utc().timestamp_millis()))
}
