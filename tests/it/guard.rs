//! What is not published.

use jarshy::{
    feed::{
        self,
        guard::{self, Bounds, GuardFault, Previous},
    },
    model::{Article, Format, Guid},
};

use proptest::prelude::*;

use crate::newsroom::*;

fn fault(format: Format, document: &str, entries: Vec<Article>) -> GuardFault {
    guard::check(format, document.as_bytes(), &snapshot(entries), &bounds(), None).unwrap_err()
}

#[test]
fn a_document_over_the_bound_is_refused() {
    let entries = snapshot(vec![article("a")]);
    let bytes = feed::render(Format::Rss, &entries).unwrap();
    let tight = Bounds { bytes_max: bytes.len() - 1, ..bounds() };
    let refused = guard::check(Format::Rss, &bytes, &entries, &tight, None).unwrap_err();
    assert!(refused.to_string().contains("publish.document_bytes_max"), "{refused}");
    let exact = Bounds { bytes_max: bytes.len(), ..bounds() };
    guard::check(Format::Rss, &bytes, &entries, &exact, None).unwrap();
}

#[test]
fn what_strict_parsers_refuse_is_refused() {
    for format in [Format::Rss, Format::Atom] {
        let good = document(format, &snapshot(vec![article("a")]));
        let end = good.len();
        let (text, markup) = (good.find("Статья").unwrap(), good.rfind("</").unwrap());
        let breaks = [
            (text, "\u{1}"),
            (text, "\u{b}"),
            (text, "\u{fffe}"),
            (text, "&#1;"),
            (text, "&#xFFFF;"),
            (text, "&nbsp;"),
            (text, "&"),
            (text, "<"),
            (text, "]]>"),
            (text, "<p>"),
            (text, "<x:y/>"),
            (text, r#"<y a="1" a="2"/>"#),
            (text, r#"<y xmlns:p="u" xmlns:q="u" p:a="1" q:a="2"/>"#),
            (text, r#"<y a="<"/>"#),
            (text, "<y a=1/>"),
            (text, "<!-- a -- b -->"),
            (text, "<!-- fine, but never ours -->"),
            (text, "<?php echo 1 ?>"),
            (text, "<![CDATA[\u{1}]]>"),
            (text, "<![CDATA[ open "),
            (0, " "),
            (0, "\u{feff}"),
            (0, "<b>notice</b>"),
            (end, "<rss/>"),
            (end, "text"),
            (end, "\u{0}"),
            (markup, "</x>"),
        ];
        for (at, insert) in breaks {
            let mut bad = good.clone();
            bad.insert_str(at, insert);
            let refused = fault(format, &bad, vec![article("a")]);
            let kind = matches!(refused, GuardFault::IllFormed(_) | GuardFault::Beginning { .. });
            assert!(kind, "{format:?} {insert:?}: {refused}");
        }
        let at = good.find("?>").unwrap() + 2;
        let mut doctype = good.clone();
        doctype.insert_str(at, "<!DOCTYPE rss [<!ENTITY a \"b\">]>");
        assert!(matches!(fault(format, &doctype, vec![article("a")]), GuardFault::IllFormed(_)));
        let deep = "<y>".repeat(70) + &"</y>".repeat(70);
        let mut deeper = good.clone();
        deeper.insert_str(text, &deep);
        assert!(fault(format, &deeper, vec![article("a")]).to_string().contains("deeper"));
        let cut = &good[..markup];
        assert!(matches!(fault(format, cut, vec![article("a")]), GuardFault::IllFormed(_)));
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for format in Format::ALL {
        let entries = snapshot(vec![article("a")]);
        let mut bytes = feed::render(format, &entries).unwrap();
        let at = bytes.iter().position(|byte| *byte >= 0x80).unwrap();
        bytes[at] = 0xff;
        let refused = guard::check(format, &bytes, &entries, &bounds(), None);
        assert!(matches!(refused, Err(GuardFault::IllFormed(_))), "{format:?} {refused:?}");
    }
}

#[test]
fn json_that_is_not_a_json_feed_is_refused() {
    for bad in ["{", "{}", "{\"version\":\"https://jsonfeed.org/version/1.1\"}", "[]", " {}"] {
        assert!(guard::contents(Format::Json, bad.as_bytes()).is_err(), "{bad}");
    }
    let wrong = r#"{"version":"2","items":[]}"#;
    assert_eq!(guard::contents(Format::Json, wrong.as_bytes()), Err(GuardFault::WrongRoot));
    let twice = r#"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"a","id":"b"}]}"#;
    assert!(guard::contents(Format::Json, twice.as_bytes()).is_err());
}

#[test]
fn another_formats_document_is_refused() {
    let rss = document(Format::Rss, &snapshot(vec![]));
    assert_eq!(fault(Format::Atom, &rss, vec![]), GuardFault::WrongRoot);
    let atom = document(Format::Atom, &snapshot(vec![]));
    assert_eq!(fault(Format::Rss, &atom, vec![]), GuardFault::WrongRoot);
}

#[test]
fn entries_are_all_there_once_and_in_order() {
    for format in Format::ALL {
        let two = document(format, &snapshot(vec![article("a"), article("b")]));
        for other in [
            vec![article("b"), article("a")],
            vec![article("a")],
            vec![article("a"), article("b"), article("c")],
            vec![],
        ] {
            let refused = fault(format, &two, other);
            assert!(matches!(refused, GuardFault::Entries { .. }), "{format:?} {refused}");
        }
    }
}

#[test]
fn a_guid_twice_is_refused_and_the_article_named() {
    let twice = Article { guid: article("a").guid, ..article("b") };
    for format in Format::ALL {
        let entries = snapshot(vec![article("a"), twice.clone()]);
        let bytes = feed::render(format, &entries).unwrap();
        let refused = guard::check(format, &bytes, &entries, &bounds(), None).unwrap_err();
        assert!(
            matches!(&refused, GuardFault::Duplicate { article, .. } if article == "b"),
            "{refused}"
        );
    }
}

/// Checks a feed of `now` against one of `before`, `left` of which left for a reason.
fn follow(
    format: Format,
    before: &[Article],
    now: Vec<Article>,
    left: usize,
) -> Result<(), GuardFault> {
    let old =
        guard::contents(format, document(format, &snapshot(before.to_vec())).as_bytes()).unwrap();
    let previous = Previous { guids: &old.ids, links: &old.links, left };
    let entries = snapshot(now);
    let bytes = feed::render(format, &entries).unwrap();
    guard::check(format, &bytes, &entries, &bounds(), Some(&previous))
}

fn many(ids: std::ops::Range<usize>) -> Vec<Article> {
    ids.rev().map(|id| article(&format!("a{id}"))).collect()
}

#[test]
fn a_sudden_loss_is_refused_and_an_explained_one_is_not() {
    for format in Format::ALL {
        assert_eq!(follow(format, &many(0..10), many(5..10), 0), Ok(()), "half is the bound");
        let refused = follow(format, &many(0..10), many(6..10), 0).unwrap_err();
        assert!(matches!(refused, GuardFault::Shrunk { missing: 6, before: 10, .. }), "{refused}");
        assert_eq!(follow(format, &many(0..10), many(6..10), 1), Ok(()));
        assert_eq!(follow(format, &many(0..10), many(8..18), 8), Ok(()), "pushed out");
        assert_eq!(follow(format, &many(0..0), many(0..3), 0), Ok(()));
    }
}

#[test]
fn an_entry_that_stays_keeps_its_guid() {
    for format in Format::ALL {
        let mut now = many(0..10);
        now[3].guid = Guid::parse("tag:turkestan.example,2026-11-24:other").unwrap();
        let refused = follow(format, &many(0..10), now.clone(), 0).unwrap_err();
        assert!(matches!(refused, GuardFault::Churn { .. }), "{format:?} {refused}");
        assert_eq!(
            follow(format, &many(0..10), now, 1),
            Ok(()),
            "another article took the address"
        );
    }
}

#[test]
fn article_guids_serve_as_previous_ids_of_atom() {
    let odd = Article { guid: Guid::parse("25 at turkestan").unwrap(), ..article("a") };
    let guids = [odd.guid.as_str().to_owned()];
    let previous = Previous { guids: &guids, links: &[], left: 0 };
    let entries = snapshot(vec![odd]);
    let bytes = feed::render(Format::Atom, &entries).unwrap();
    guard::check(Format::Atom, &bytes, &entries, &bounds(), Some(&previous)).unwrap();
}

/// What the strict parser says of the whole document, without any short cut.
fn strict_ids(format: Format, document: &str) -> Option<Vec<String>> {
    use xml::reader::{EventReader, ParserConfig, XmlEvent};
    let config = ParserConfig::new()
        .allow_multiple_root_elements(false)
        .ignore_comments(false)
        .cdata_to_characters(true)
        .whitespace_to_characters(true);
    let wanted = if format == Format::Rss { ("item", "guid") } else { ("entry", "id") };
    let (mut open, mut ids) = (vec![], vec![]);
    for event in EventReader::new_with_config(document.as_bytes(), config) {
        match event.ok()? {
            XmlEvent::StartElement { name, .. } => {
                open.push(name.local_name);
                if open.last().is_some_and(|name| name == wanted.0) {
                    ids.push(String::new());
                }
            }
            XmlEvent::EndElement { .. } => drop(open.pop()),
            XmlEvent::Characters(text) if open.ends_with(&[wanted.0.into(), wanted.1.into()]) => {
                ids.last_mut()?.push_str(&text);
            }
            XmlEvent::Characters(_) | XmlEvent::StartDocument { .. } | XmlEvent::EndDocument => {}
            _ => return None,
        }
    }
    Some(ids)
}

const PIECES: &[&str] = &[
    "<",
    ">",
    "&",
    "\"",
    "'",
    "/",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<a b='",
    "<a>",
    "</a>",
    "<a b=\"x>y\"/>",
    "&amp;",
    "&#1;",
    "&#65;",
    "&x;",
    "\u{1}",
    "\u{fffe}",
    "text",
    " ",
    "<guid>",
    "<a/>",
    "<a></a>",
    "<p:a/>",
    "xmlns:p=\"u\"",
    "</guid>",
    "<id>",
    "<link>",
    "<!DOCTYPE a>",
    "x:y",
    "=",
    "</rss>",
    "</feed>",
];

#[test]
fn the_short_cut_leaves_no_hole() {
    let holes = [
        "</rss><a></a><a></a>",
        "</rss>text<a/>",
        "<a b=\"/>\"/><a b=\"/><a/></rss>",
        "<a b=\"'\" c='/>'/><a b=\"'\" c='/><a/></rss>",
        "<a xmlns:p=\"u\"><p:b/></a><p:b/></rss>",
        "<p:b/><p:b/></rss>",
        "<a></a><a></b></rss>",
        "<a></a><a>&x;</a></rss>",
        "<a></a><a>\u{1}</a></rss>",
        "<a></a><a><![CDATA[\u{fffe}]]></a></rss>",
        "<a></a><a>]]></a></rss>",
        "<a>text<![CDATA[<a></a>]]></rss>",
        "<!-- <![CDATA[ --> <a ]]> --></rss>",
    ];
    for hole in holes {
        let bad = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><rss>{hole}");
        assert_eq!(strict_ids(Format::Rss, &bad), None, "{hole}");
        assert!(guard::contents(Format::Rss, bad.as_bytes()).is_err(), "{hole}");
    }
}

#[test]
fn the_short_cut_loses_no_part_of_an_id() {
    let odd = "<channel><a/><item><guid>ab<a/>zz</guid></item></channel></rss>";
    let odd = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><rss>{odd}");
    assert_eq!(strict_ids(Format::Rss, &odd), Some(vec!["abzz".to_owned()]));
    assert!(guard::contents(Format::Rss, odd.as_bytes()).is_err(), "an id holds an element");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_short_cut_is_as_strict_as_the_parser(
        format in prop::sample::select(vec![Format::Rss, Format::Atom]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, prop::sample::select(PIECES)), 1..4),
    ) {
        let mut broken: Vec<char> = document(format, &snapshot(rich_articles())).chars().collect();
        for (place, remove, insert) in edits {
            // The declaration at the start is checked on its own.
            let at = 40 + place.index(broken.len() - 40);
            let end = (at + remove).min(broken.len());
            broken.splice(at..end, insert.chars());
        }
        let broken: String = broken.into_iter().collect();
        if let Ok(contents) = guard::contents(format, broken.as_bytes()) {
            prop_assert_eq!(Some(contents.ids), strict_ids(format, &broken), "{}", broken);
        }
    }
}
