//! Media RSS (rssboard.org/media-rss) of an item: the picture that stands for the article in all its
//! sizes, sound and video, with credit and description. Only elements that validators know.

use std::collections::BTreeMap;

use rss::extension::{Extension, ExtensionMap};

use crate::model::Media;

use super::{entry::Entry, text};

/// The namespace's name.
pub(super) const NAMESPACE: &str = "http://search.yahoo.com/mrss/";
/// Its prefix.
pub(super) const PREFIX: &str = "media";

/// Puts the item's media among its extensions.
pub(super) fn add(entry: &Entry<'_>, extensions: &mut ExtensionMap) {
    let mut elements: BTreeMap<String, Vec<Extension>> = BTreeMap::new();
    let mut put = |name: &str, element| elements.entry(name.to_owned()).or_default().push(element);
    match entry.renditions.as_slice() {
        [] => {}
        [picture] => put("content", described(content(picture), picture)),
        pictures => put("group", group(pictures)),
    }
    if let Some(smallest) = thumbnail(&entry.renditions) {
        put("thumbnail", smallest);
    }
    for media in &entry.enclosures {
        put("content", described(content(media), media));
    }
    if !elements.is_empty() {
        extensions.insert(PREFIX.to_owned(), elements);
    }
}

/// One picture in several sizes: the first is the one to take.
fn group(pictures: &[&Media]) -> Extension {
    let mut contents: Vec<Extension> = pictures.iter().map(|media| content(media)).collect();
    for (place, content) in contents.iter_mut().enumerate() {
        content.attrs.insert("isDefault".into(), (place == 0).to_string());
    }
    let mut group = element("group", BTreeMap::new());
    group.children.insert("content".into(), contents);
    pictures.first().map(|first| described(group.clone(), first)).unwrap_or(group)
}

fn content(media: &Media) -> Extension {
    let media_type = text::media_type(&media.media_type);
    let number = |name: &'static str, value: Option<u64>| Some((name, value?.to_string()));
    let seconds = media.duration_seconds.filter(|d| d.is_finite() && *d >= 0.0);
    let attrs = [
        Some(("url", text::uri(&media.url).into_owned())),
        Some(("type", media_type.to_owned())),
        medium(media_type).map(|medium| ("medium", medium.to_owned())),
        number("fileSize", media.bytes),
        number("width", media.width.map(u64::from)),
        number("height", media.height.map(u64::from)),
        number("duration", seconds.map(|d| d.round() as u64)),
    ];
    element("content", attributes(attrs))
}

/// With who made it and what it shows.
fn described(mut element: Extension, media: &Media) -> Extension {
    let credit = media.credit.as_deref().map(text::line).filter(|line| !line.is_empty());
    if let Some(credit) = credit {
        put_text(&mut element, "credit", BTreeMap::new(), &credit);
    }
    let alt = media.alt.as_deref().map(text::line).filter(|line| !line.is_empty());
    if let Some(alt) = alt {
        let plain = attributes([Some(("type", "plain".to_owned()))]);
        put_text(&mut element, "description", plain, &alt);
    }
    element
}

fn put_text(parent: &mut Extension, name: &str, attrs: BTreeMap<String, String>, text: &str) {
    let mut child = element(name, attrs);
    child.value = Some(text.to_owned());
    parent.children.insert(name.to_owned(), vec![child]);
}

/// The smallest rendition whose width is known, else the first.
fn thumbnail(pictures: &[&Media]) -> Option<Extension> {
    let known = pictures.iter().filter(|media| media.width.is_some());
    let media = known.min_by_key(|media| media.width).or(pictures.first())?;
    let pixels = |name: &'static str, value: Option<u32>| Some((name, value?.to_string()));
    let attrs = [
        Some(("url", text::uri(&media.url).into_owned())),
        pixels("width", media.width),
        pixels("height", media.height),
    ];
    Some(element("thumbnail", attributes(attrs)))
}

fn medium(media_type: &str) -> Option<&str> {
    let kind = media_type.split('/').next()?;
    ["image", "audio", "video"].contains(&kind).then_some(kind)
}

fn attributes<const N: usize>(attrs: [Option<(&str, String)>; N]) -> BTreeMap<String, String> {
    attrs.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn element(name: &str, attrs: BTreeMap<String, String>) -> Extension {
    Extension { name: format!("{PREFIX}:{name}"), attrs, ..Extension::default() }
}
