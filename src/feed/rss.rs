//! RSS 2.0 (rssboard.org/rss-specification) with `content:encoded`, Dublin Core and `atom:link`.
//!
//! Never writes `author` (it wants an e-mail address) and no `ttl` (readers take it as a reason to
//! wait). Namespaces are declared for what is used, no more.

use std::collections::BTreeMap;

use ::rss::{
    Category, Channel, Enclosure, Guid, Item, Source,
    extension::{Extension, ExtensionMap, dublincore::DublinCoreExtension},
};

use crate::{
    config::Content,
    model::{Format, Media},
};

use super::{GENERATOR, RenderError, Snapshot, entry::Entry, text};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const DCTERMS: &str = "http://purl.org/dc/terms/";

/// The RSS document of a snapshot.
pub(super) fn render(snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    let channel = channel(snapshot);
    let failed = |e| RenderError::new("RSS document", &snapshot.slug, e);
    channel.write_to(Vec::with_capacity(size_hint(snapshot))).map_err(failed)
}

fn size_hint(snapshot: &Snapshot) -> usize {
    2048 + snapshot.entries.iter().map(|entry| entry.body_html.len() + 2048).sum::<usize>()
}

fn channel(snapshot: &Snapshot) -> Channel {
    let items: Vec<Item> =
        snapshot.entries.iter().map(|article| item(&Entry::of(article), snapshot)).collect();
    let mut namespaces = BTreeMap::from([("atom".to_owned(), ATOM.to_owned())]);
    if items.iter().any(|item| item.extensions.contains_key("dcterms")) {
        namespaces.insert("dcterms".into(), DCTERMS.into());
    }
    let links = snapshot.formats.iter().filter(|format| **format != Format::Rss);
    let links = links.map(|format| atom_link(snapshot, *format, "alternate"));
    let links = std::iter::once(atom_link(snapshot, Format::Rss, "self")).chain(links).collect();
    Channel {
        title: text::line(&snapshot.title).into_owned(),
        link: text::uri(&snapshot.site_url).into_owned(),
        description: text::html(&text::line(&snapshot.description)),
        language: snapshot.language.as_ref().map(ToString::to_string),
        last_build_date: Some(snapshot.changed_at.to_rfc822()),
        generator: Some(GENERATOR.to_owned()),
        extensions: ExtensionMap::from([("atom".into(), BTreeMap::from([("link".into(), links)]))]),
        namespaces,
        items,
        ..Channel::default()
    }
}

fn atom_link(snapshot: &Snapshot, format: Format, rel: &str) -> Extension {
    let attrs = [
        ("href", snapshot.self_url(format)),
        ("rel", rel.to_owned()),
        ("type", format.media_type().to_owned()),
    ];
    let attrs = attrs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Extension { name: "atom:link".into(), attrs, ..Extension::default() }
}

fn item(entry: &Entry<'_>, snapshot: &Snapshot) -> Item {
    let guid = entry.guid.as_str();
    let full = snapshot.content == Content::Full && !entry.body.is_empty();
    Item {
        title: Some(entry.title.to_string()),
        link: Some(entry.link.to_string()),
        // Readers take a description for HTML.
        description: Some(text::html(&entry.summary)).filter(|text| !text.is_empty()),
        categories: entry.categories.iter().map(|word| category(word)).collect(),
        enclosure: entry.main_enclosure().map(enclosure),
        guid: Some(Guid { value: guid.to_owned(), permalink: guid == entry.link }),
        pub_date: Some(entry.published.to_rfc822()),
        source: source(entry),
        content: full.then(|| entry.body.to_string()),
        extensions: modified(entry),
        dublin_core_ext: dublin_core(entry, snapshot),
        ..Item::default()
    }
}

fn category(word: &str) -> Category {
    Category { name: word.to_owned(), domain: None }
}

/// Length 0 says that it is not known.
fn enclosure(media: &Media) -> Enclosure {
    Enclosure {
        url: text::uri(&media.url).into_owned(),
        length: media.bytes.unwrap_or(0).to_string(),
        mime_type: text::media_type(&media.media_type).to_owned(),
    }
}

fn source(entry: &Entry<'_>) -> Option<Source> {
    let source = entry.source.as_ref()?;
    let url = source.url.as_ref()?.to_string();
    Some(Source { url, title: Some(source.name.to_string()) })
}

/// An edit never moves `pubDate`, which would float the item to the top as new.
fn modified(entry: &Entry<'_>) -> ExtensionMap {
    let Some(time) = entry.modified else { return ExtensionMap::new() };
    let element = Extension {
        name: "dcterms:modified".into(),
        value: Some(time.to_rfc3339()),
        ..Extension::default()
    };
    ExtensionMap::from([("dcterms".into(), BTreeMap::from([("modified".into(), vec![element])]))])
}

/// Authors, rights, and the language where it is not the feed's.
fn dublin_core(entry: &Entry<'_>, snapshot: &Snapshot) -> Option<DublinCoreExtension> {
    let own = Some(entry.language).filter(|own| snapshot.language.as_ref() != Some(*own));
    let rights = Some(&entry.rights).filter(|rights| !rights.is_empty());
    let terms = DublinCoreExtension {
        creators: entry.authors.iter().map(|author| author.name.to_string()).collect(),
        languages: own.iter().map(ToString::to_string).collect(),
        rights: rights.iter().map(ToString::to_string).collect(),
        ..DublinCoreExtension::default()
    };
    (terms != DublinCoreExtension::default()).then_some(terms)
}
