//! The first pass over an export: what posts refer to, wherever it stands. Compact: a line for each
//! attachment, nothing of the posts.

use std::collections::HashMap;

use super::{
    item::Item,
    names::OldNames,
    php,
    reader::{NamedAuthor, NamedTerm},
    shortcodes::in_quotes,
};
use crate::{
    ingest::clean::{escaped, plain_text},
    model::{Media, MediaRole, Millis, WebUrl},
};

/// Attachments remembered.
const ATTACHMENTS_MAX: usize = 2_000_000;
/// Authors remembered.
const AUTHORS_MAX: usize = 100_000;
/// Bytes of reusable blocks remembered.
const BLOCK_BYTES_MAX: usize = 16 << 20;

/// What posts refer to.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub authors: HashMap<String, String>,
    pub blocks: HashMap<u64, String>,
    pub created: Option<Millis>,
    /// What WordPress called things in addresses.
    pub names: OldNames,
    block_bytes: usize,
    attachments: HashMap<u64, Attachment>,
    /// Pictures by the post they were uploaded to.
    pictures: HashMap<u64, Vec<u64>>,
    /// Sound and film by address: enclosures name no id.
    files: HashMap<Box<str>, u64>,
}

/// A file of the media library.
#[derive(Debug)]
pub(super) struct Attachment {
    pub url: Box<str>,
    pub facts: php::FileFacts,
    pub alt: Option<Box<str>>,
    pub caption: Option<Box<str>>,
}

impl Index {
    /// Remembers an author's name.
    pub fn add_author(&mut self, author: NamedAuthor) {
        if self.authors.len() < AUTHORS_MAX {
            self.names.add_author(&author);
            self.authors.insert(author.login, author.name);
        }
    }

    /// Remembers a category or tag.
    pub fn add_term(&mut self, term: &NamedTerm) {
        self.names.add_term(term);
    }

    /// Remembers an attachment or a reusable block, and the names of a post.
    pub fn add(&mut self, item: Item) {
        match item.kind.as_str() {
            "post" => self.names.count(&item),
            "attachment" => self.add_attachment(&item),
            "wp_block" if self.block_bytes + item.content.len() <= BLOCK_BYTES_MAX => {
                self.block_bytes += item.content.len();
                self.blocks.insert(item.id, item.content);
            }
            _ => {}
        }
    }

    fn add_attachment(&mut self, item: &Item) {
        let url = if item.attachment_url.is_empty() { &item.guid } else { &item.attachment_url };
        let url: Box<str> = url.trim().into();
        if url.is_empty() || self.attachments.len() >= ATTACHMENTS_MAX {
            return;
        }
        let kind = media_type(&url);
        if kind.starts_with("image/") && item.parent > 0 {
            self.pictures.entry(item.parent).or_default().push(item.id);
        } else if kind.starts_with("audio/") || kind.starts_with("video/") {
            self.files.insert(url.clone(), item.id);
        }
        let facts = item.meta("_wp_attachment_metadata").map(php::file_facts).unwrap_or_default();
        let text = |raw: &str| {
            let text = plain_text(raw);
            (!text.is_empty()).then(|| Box::<str>::from(text))
        };
        let alt = item.meta("_wp_attachment_image_alt").and_then(text);
        let attachment = Attachment { url, facts, alt, caption: text(&item.excerpt) };
        self.attachments.insert(item.id, attachment);
    }

    /// The attachment with this id.
    pub fn attachment(&self, id: u64) -> Option<&Attachment> {
        self.attachments.get(&id)
    }

    /// The pictures that were uploaded to a post.
    pub fn pictures_of(&self, post: u64) -> &[u64] {
        self.pictures.get(&post).map_or(&[], Vec::as_slice)
    }

    /// The sound or film at this address.
    pub fn file_at(&self, url: &str) -> Option<&Attachment> {
        self.files.get(url).and_then(|id| self.attachments.get(id))
    }
}

impl Attachment {
    /// As media of an article; `None` where its address is none.
    pub fn media(&self, role: MediaRole) -> Option<Media> {
        Some(Media {
            url: WebUrl::parse(&self.url).ok()?,
            media_type: media_type(&self.url).to_owned(),
            bytes: self.facts.bytes,
            width: self.facts.width,
            height: self.facts.height,
            duration_seconds: self.facts.seconds.map(f64::from),
            role,
            credit: self.caption.as_deref().map(str::to_owned),
            alt: self.alt.as_deref().map(str::to_owned),
        })
    }

    /// As a picture in the text, with its caption.
    pub fn figure(&self) -> String {
        let alt = self.alt.as_deref().unwrap_or_default();
        let size = match (self.facts.width, self.facts.height) {
            (Some(width), Some(height)) => format!(" width=\"{width}\" height=\"{height}\""),
            _ => String::new(),
        };
        let caption = self.caption.as_deref().map_or(String::new(), |caption| {
            format!("<figcaption>{}</figcaption>", escaped(caption))
        });
        let (src, alt) = (in_quotes(&self.url), in_quotes(alt));
        format!("<figure><img src=\"{src}\" alt=\"{alt}\"{size}>{caption}</figure>")
    }
}

/// The media type that an address's ending promises.
pub(in crate::ingest) fn media_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" | "jpe" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        "bmp" => "image/bmp",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "mov" => "video/quicktime",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}
