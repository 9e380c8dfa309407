//! OPML 2.0 (opml.org/spec2.opml): the list of feeds that a reader can take over at once.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use crate::{
    config,
    model::{FeedSlug, Format, Language, Millis},
};

use super::{RenderError, snapshot::document_url, text};

/// A feed in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// As readers see it.
    pub title: String,
    /// Its place in addresses.
    pub slug: FeedSlug,
    /// Of a feed of one language.
    pub language: Option<Language>,
    /// What it is, in a line; may be empty.
    pub description: String,
}

/// The list as a document, in the order given. `changed_at` is when the list last changed.
pub fn render(
    title: &str,
    public: &config::Public,
    site: &config::Site,
    outlines: &[Outline],
    changed_at: Millis,
) -> Result<Vec<u8>, RenderError> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
    let written = write(&mut writer, title, public, site, outlines, changed_at);
    written.map_err(|e| RenderError {
        what: "OPML document",
        feed: text::line(title).into_owned(),
        why: e.to_string(),
    })?;
    Ok(writer.into_inner())
}

fn write(
    writer: &mut Writer<Vec<u8>>,
    title: &str,
    public: &config::Public,
    site: &config::Site,
    outlines: &[Outline],
    changed_at: Millis,
) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let opml = BytesStart::new("opml").with_attributes([("version", "2.0")]);
    writer.write_event(Event::Start(opml))?;
    writer.write_event(Event::Start(BytesStart::new("head")))?;
    text_element(writer, "title", &text::line(title))?;
    text_element(writer, "dateModified", &changed_at.to_rfc822())?;
    writer.write_event(Event::End(BytesEnd::new("head")))?;
    writer.write_event(Event::Start(BytesStart::new("body")))?;
    for outline in outlines {
        writer.write_event(Event::Empty(element(outline, public, site)))?;
    }
    writer.write_event(Event::End(BytesEnd::new("body")))?;
    writer.write_event(Event::End(BytesEnd::new("opml")))
}

fn text_element(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(|_| ())
}

fn element<'a>(
    outline: &'a Outline,
    public: &config::Public,
    site: &config::Site,
) -> BytesStart<'a> {
    let title = text::line(&outline.title);
    let title = if title.is_empty() { outline.slug.as_str().into() } else { title };
    let address = document_url(&public.url, &outline.slug, Format::Rss);
    let mut element = BytesStart::new("outline");
    element.push_attribute(("type", "rss"));
    element.push_attribute(("text", &*title));
    element.push_attribute(("title", &*title));
    element.push_attribute(("xmlUrl", address.as_str()));
    element.push_attribute(("htmlUrl", &*text::uri(&site.url)));
    if let Some(language) = &outline.language {
        element.push_attribute(("language", language.as_str()));
    }
    let description = text::line(&outline.description);
    if !description.is_empty() {
        element.push_attribute(("description", &*description));
    }
    element
}
