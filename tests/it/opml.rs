//! The list of feeds as OPML 2.0.

use jarshy::{
    feed::opml::{self, Outline},
    model::FeedSlug,
};

use crate::newsroom::*;

#[test]
fn the_golden_list_is_byte_for_byte_the_same() {
    let outline = |slug: &str, title: &str, tag: Option<&str>| Outline {
        title: title.into(),
        slug: FeedSlug::parse(slug).unwrap(),
        language: tag.map(language),
        description: "A & B <\u{1}\n\"все\">".into(),
    };
    let outlines = [outline("news", "Новости", Some("ru")), outline("empty", " \u{b}", None)];
    let changed = at("2026-11-24T12:00:00Z");
    let list = opml::render("Түркістан\u{0}", &public(), &site(), &outlines, changed).unwrap();
    let list = String::from_utf8(list).unwrap();
    strictly_parsed(&list);
    assert_golden("feeds.opml", &list);
}

fn strictly_parsed(document: &str) {
    for event in xml::EventReader::from_str(document) {
        event.unwrap();
    }
}
