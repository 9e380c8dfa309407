//! Shortcodes: pictures, galleries, sound, film and embeds are resolved; what belongs to plugins is
//! dropped and reported, the text between kept. `[1]` and `[sic]` are not shortcodes.

mod parse;

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{Notes, index::Index};
use crate::ingest::clean::escaped;
use parse::{Attributes, Tag};

/// Pictures of one gallery.
const GALLERY_MAX: usize = 500;
/// Frame what is a block of its own, until paragraphs have been mended. The reader takes these
/// characters out of everything that comes in.
const BLOCK_START: char = '\u{1}';
const BLOCK_END: char = '\u{2}';

const SOUND: &[&str] = &["src", "mp3", "m4a", "ogg", "wav", "flac", "wma"];
const FILM: &[&str] = &["src", "mp4", "m4v", "webm", "ogv", "flv", "wmv", "mov"];

/// What shortcodes of a post may need.
pub(super) struct Resolver<'a> {
    /// Attachments and whose they are.
    pub index: &'a Index,
    /// The post's id: a gallery without ids shows what is attached to it.
    pub post: u64,
}

impl Resolver<'_> {
    /// The HTML with shortcodes resolved or dropped.
    pub fn resolved(&self, html: &str, notes: &mut Notes) -> String {
        if !html.contains('[') {
            return html.to_owned();
        }
        let closings = parse::closings(html);
        let resolved = self.scan(html, &closings, notes);
        unwrapped(&resolved)
    }

    fn scan(&self, html: &str, closings: &BTreeSet<String>, notes: &mut Notes) -> String {
        let mut out = String::with_capacity(html.len());
        let mut rest = html;
        let mut tags_close = true;
        while let Some(at) = rest.find(['[', '<']) {
            let (before, on) = rest.split_at(at);
            out.push_str(before);
            rest = if on.starts_with('<') {
                // Brackets inside of tags and comments are values, not shortcodes.
                let end = if tags_close { parse::tag_end(on) } else { None };
                tags_close &= end.is_some();
                let (tag, after) = on.split_at(end.unwrap_or(1));
                out.push_str(tag);
                after
            } else {
                self.bracket(on, closings, &mut out, notes)
            };
        }
        out.push_str(rest);
        out
    }

    /// Handles text that begins with `[`; returns what follows.
    fn bracket<'t>(
        &self,
        on: &'t str,
        closings: &BTreeSet<String>,
        out: &mut String,
        notes: &mut Notes,
    ) -> &'t str {
        if let Some((literal, after)) = parse::doubled(on) {
            out.push_str(literal);
            return after;
        }
        let Some((tag, after)) = Tag::parse(on).filter(|(tag, _)| tag.is_shortcode(closings))
        else {
            out.push('[');
            return &on[1..];
        };
        if tag.closes {
            return after;
        }
        let (content, after) = match tag.name.as_str() {
            "caption" | "wp_caption" | "embed" | "audio" | "video"
                if closings.contains(&tag.name) =>
            {
                parse::enclosed(&tag, after)
            }
            _ => ("", after),
        };
        let content =
            if content.is_empty() { String::new() } else { self.scan(content, closings, notes) };
        match self.shown(&tag, &content, notes) {
            Some(html) => out.push_str(&html),
            None => notes.add(format!("shortcode {}", tag.name)),
        }
        after
    }

    /// The HTML of a shortcode that is known; `None` for others.
    fn shown(&self, tag: &Tag, content: &str, notes: &mut Notes) -> Option<String> {
        let html = match tag.name.as_str() {
            "caption" | "wp_caption" => figure_of_caption(content, &tag.attributes),
            "gallery" => self.gallery(&tag.attributes, notes),
            "audio" => self.player("audio", SOUND, &tag.attributes)?,
            "video" => self.player("video", FILM, &tag.attributes)?,
            "playlist" => self.playlist(&tag.attributes, notes),
            "embed" => link(content.trim(), &tag.attributes)?,
            _ => return None,
        };
        Some(format!("{BLOCK_START}{html}{BLOCK_END}"))
    }

    fn ids(&self, attributes: &Attributes) -> Vec<u64> {
        let listed = attributes.get("ids").or_else(|| attributes.get("include"));
        match listed {
            Some(ids) => ids.split(',').filter_map(|id| id.trim().parse().ok()).collect(),
            None => {
                let post = attributes.get("id").and_then(|id| id.trim().parse().ok());
                self.index.pictures_of(post.unwrap_or(self.post)).to_vec()
            }
        }
    }

    fn gallery(&self, attributes: &Attributes, notes: &mut Notes) -> String {
        let mut html = String::new();
        for id in self.ids(attributes).into_iter().take(GALLERY_MAX) {
            match self.index.attachment(id) {
                Some(picture) => html.push_str(&picture.figure()),
                None => notes.add(format!("gallery picture {id} is not in the file")),
            }
        }
        html
    }

    fn player(&self, element: &str, keys: &[&str], attributes: &Attributes) -> Option<String> {
        let src = keys.iter().find_map(|key| attributes.get(key))?;
        Some(format!("<p><{element} controls=\"\" src=\"{}\"></{element}></p>", in_quotes(src)))
    }

    fn playlist(&self, attributes: &Attributes, notes: &mut Notes) -> String {
        let element = if attributes.get("type") == Some("video") { "video" } else { "audio" };
        let mut html = String::new();
        for id in self.ids(attributes).into_iter().take(GALLERY_MAX) {
            match self.index.attachment(id) {
                Some(file) => html.push_str(&format!(
                    "<p><{element} controls=\"\" src=\"{}\"></{element}></p>",
                    in_quotes(&file.url)
                )),
                None => notes.add(format!("playlist file {id} is not in the file")),
            }
        }
        html
    }
}

/// `[caption]<img …> text[/caption]`, or the older `caption="text"`.
fn figure_of_caption(content: &str, attributes: &Attributes) -> String {
    let content = content.trim();
    let end = content.find("</a>").map(|at| at + 4).filter(|_| content.starts_with("<a"));
    let end = end.or_else(|| {
        content.find("<img").and_then(|at| parse::tag_end(&content[at..]).map(|end| at + end))
    });
    let (picture, text) = content.split_at(end.unwrap_or(0));
    let text = attributes.get("caption").unwrap_or(text).trim();
    if text.is_empty() {
        return format!("<figure>{picture}</figure>");
    }
    format!("<figure>{picture}<figcaption>{text}</figcaption></figure>")
}

/// `[embed]https://…[/embed]` or `[embed src="…"]`.
fn link(content: &str, attributes: &Attributes) -> Option<String> {
    let url = attributes.get("src").unwrap_or(content);
    let url = crate::ingest::clean::plain_text(url);
    url.starts_with("http")
        .then(|| format!("<p><a href=\"{}\">{}</a></p>", in_quotes(&url), escaped(&url)))
}

pub(super) fn in_quotes(text: &str) -> String {
    escaped(text).replace('"', "&quot;")
}

/// Blocks leave the paragraph that stood around them, and paragraphs that held nothing but dropped
/// shortcodes go.
fn unwrapped(html: &str) -> String {
    static ONLY_BLOCKS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("<p>\\s*((?:\u{1}[^\u{2}]*\u{2}(?:\\s|<br />)*)+)</p>").ok());
    static NOTHING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("<p>(?:\\s|<br />)*</p>").ok());
    let mut html = html.to_owned();
    if let (Some(only_blocks), Some(nothing)) = (ONLY_BLOCKS.as_ref(), NOTHING.as_ref()) {
        html = only_blocks.replace_all(&html, "$1").into_owned();
        html = nothing.replace_all(&html, "").into_owned();
    }
    without_marks(&html)
}

fn without_marks(html: &str) -> String {
    html.replace([BLOCK_START, BLOCK_END], "")
}
