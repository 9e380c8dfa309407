//! JSON Feed 1.1 (jsonfeed.org/version/1.1).
//!
//! Strings are filtered as for XML, so that all formats say the same. Keys stand in a fixed order
//! and absent ones are left out.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    config::Content,
    model::{Format, Media},
};

use super::{
    RenderError, Snapshot,
    entry::{Creator, Entry},
    text,
};

const VERSION: &str = "https://jsonfeed.org/version/1.1";

#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: Cow<'a, str>,
    home_page_url: Cow<'a, str>,
    feed_url: String,
    description: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    favicon: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    url: Cow<'a, str>,
    title: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<Cow<'a, str>>,
    /// An item needs a content, even if it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Cow<'a, str>>,
    date_published: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Cow<'a, str>>,
    language: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
}

#[derive(Serialize)]
struct Hub<'a> {
    r#type: &'static str,
    url: Cow<'a, str>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: Cow<'a, str>,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_in_seconds: Option<f64>,
}

/// The JSON Feed document of a snapshot.
pub(super) fn render(snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    let feed = JsonFeed {
        version: VERSION,
        title: text::line(&snapshot.title),
        home_page_url: text::uri(&snapshot.site_url),
        feed_url: snapshot.self_url(Format::Json),
        description: text::line(&snapshot.description),
        icon: snapshot.logo.as_ref().map(text::uri),
        favicon: snapshot.icon.as_ref().map(text::uri),
        language: snapshot.language.as_ref().map(|language| language.as_str()),
        authors: vec![Author {
            name: text::line(&snapshot.publisher),
            url: Some(text::uri(&snapshot.site_url)),
        }],
        hubs: snapshot
            .hubs
            .iter()
            .map(|hub| Hub { r#type: "WebSub", url: text::uri(hub) })
            .collect(),
        items: snapshot.entries.iter().map(|a| item(Entry::of(a), snapshot.content)).collect(),
    };
    let size = snapshot.entries.iter().map(|entry| entry.body_html.len() * 9 / 8 + 2048).sum();
    let mut document = Vec::with_capacity(size);
    serde_json::to_writer(&mut document, &feed)
        .map_err(|e| RenderError::new("JSON Feed document", &snapshot.slug, e))?;
    Ok(document)
}

fn item(entry: Entry<'_>, content: Content) -> Item<'_> {
    let image = entry.image();
    let (content_html, content_text, summary) = match content {
        Content::Full => {
            let summary = Some(entry.summary).filter(|summary| !summary.is_empty());
            (Some(entry.body), None, summary)
        }
        Content::Summary => (None, Some(entry.summary), None),
    };
    Item {
        id: entry.guid.as_str(),
        url: entry.link,
        title: entry.title,
        content_html,
        content_text,
        summary,
        image: image.map(|media| text::uri(&media.url)),
        date_published: entry.published.to_rfc3339(),
        date_modified: entry.modified.map(|time| time.to_rfc3339()),
        authors: entry.authors.into_iter().map(author).collect(),
        tags: entry.categories.into_iter().map(|category| category.word).collect(),
        language: entry.language.as_str(),
        attachments: entry.enclosures.into_iter().map(attachment).collect(),
    }
}

fn author(creator: Creator<'_>) -> Author<'_> {
    Author { name: creator.name, url: creator.url }
}

fn attachment(media: &Media) -> Attachment<'_> {
    Attachment {
        url: text::uri(&media.url),
        mime_type: text::media_type(&media.media_type),
        title: media.alt.as_deref().map(text::line).filter(|title| !title.is_empty()),
        size_in_bytes: media.bytes,
        // JSON has no NaN and no infinity.
        duration_in_seconds: media.duration_seconds.filter(|d| d.is_finite() && *d >= 0.0),
    }
}
