//! RSS 1.0 (web.resource.org/rss/1.0/spec) with Dublin Core and `content:encoded`, as WordPress wrote
//! it: an item is named by its link. Only for those who asked WordPress for it.

use std::collections::HashSet;

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use crate::{config::Content, model::Article};

use super::{
    RenderError, Snapshot,
    entry::{Category, Entry, whole_seconds},
    text,
};

const NAMESPACES: [(&str, &str); 4] = [
    ("xmlns", "http://purl.org/rss/1.0/"),
    ("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ("xmlns:content", "http://purl.org/rss/1.0/modules/content/"),
];

type Xml = Writer<Vec<u8>>;

/// The RSS 1.0 document of a snapshot.
pub(super) fn render(snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    let size: usize = snapshot.entries.iter().map(|entry| entry.body_html.len() + 2048).sum();
    let mut xml = Writer::new(Vec::with_capacity(2048 + size));
    let failed = |e| RenderError::new("RSS 1.0 document", &snapshot.slug, e);
    write(&mut xml, snapshot).map_err(failed)?;
    Ok(xml.into_inner())
}

/// The entries that the document shows: of several at one address the newest, since the address is
/// what an item is named by.
pub(super) fn shown(snapshot: &Snapshot) -> Vec<&Article> {
    let mut seen = HashSet::new();
    snapshot.entries.iter().filter(|article| seen.insert(text::uri(&article.url))).collect()
}

fn write(xml: &mut Xml, snapshot: &Snapshot) -> std::io::Result<()> {
    let articles = shown(snapshot);
    let entries: Vec<Entry<'_>> = articles.into_iter().map(Entry::of).collect();
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("rdf:RDF").with_attributes(NAMESPACES)))?;
    channel(xml, snapshot, &entries)?;
    for entry in &entries {
        item(xml, snapshot, entry)?;
    }
    xml.write_event(Event::End(BytesEnd::new("rdf:RDF")))
}

fn channel(xml: &mut Xml, snapshot: &Snapshot, entries: &[Entry<'_>]) -> std::io::Result<()> {
    let site = text::uri(&snapshot.site_url);
    let start = BytesStart::new("channel").with_attributes([("rdf:about", &*site)]);
    xml.write_event(Event::Start(start))?;
    element(xml, "title", &text::line(&snapshot.title))?;
    element(xml, "link", &site)?;
    element(xml, "description", &text::line(&snapshot.description))?;
    if let Some(language) = &snapshot.language {
        element(xml, "dc:language", language.as_str())?;
    }
    element(xml, "dc:date", &whole_seconds(snapshot.changed_at).to_rfc3339())?;
    xml.write_event(Event::Start(BytesStart::new("items")))?;
    xml.write_event(Event::Start(BytesStart::new("rdf:Seq")))?;
    for entry in entries {
        let line = BytesStart::new("rdf:li").with_attributes([("rdf:resource", &*entry.link)]);
        xml.write_event(Event::Empty(line))?;
    }
    for name in ["rdf:Seq", "items", "channel"] {
        xml.write_event(Event::End(BytesEnd::new(name)))?;
    }
    Ok(())
}

fn item(xml: &mut Xml, snapshot: &Snapshot, entry: &Entry<'_>) -> std::io::Result<()> {
    let start = BytesStart::new("item").with_attributes([("rdf:about", &*entry.link)]);
    xml.write_event(Event::Start(start))?;
    element(xml, "title", &entry.title)?;
    element(xml, "link", &entry.link)?;
    element(xml, "dc:date", &entry.published.to_rfc3339())?;
    for author in &entry.authors {
        element(xml, "dc:creator", &author.name)?;
    }
    for Category { word, .. } in &entry.categories {
        element(xml, "dc:subject", word)?;
    }
    if snapshot.language.as_ref() != Some(entry.language) {
        element(xml, "dc:language", entry.language.as_str())?;
    }
    if !entry.rights.is_empty() {
        element(xml, "dc:rights", &entry.rights)?;
    }
    // Readers take a description for HTML.
    element(xml, "description", &text::html(&entry.summary))?;
    if snapshot.content == Content::Full && !entry.body.is_empty() {
        element(xml, "content:encoded", &entry.body)?;
    }
    xml.write_event(Event::End(BytesEnd::new("item")))
}

fn element(xml: &mut Xml, name: &str, text: &str) -> std::io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(text)).map(|_| ())
}
