//! Atom 1.0 as readers get it.

use jarshy::{
    config::{Content, FeedLanguage},
    feed::{self, Snapshot},
    model::{Article, Format, Guid},
};

use crate::newsroom::*;

fn atom(entries: Vec<Article>) -> String {
    document(Format::Atom, &snapshot(entries))
}

#[test]
fn the_golden_feed_is_byte_for_byte_the_same() {
    assert_golden("news.atom", &atom(rich_articles()));
}

#[test]
fn the_feed_has_an_id_an_author_and_links_to_its_other_formats() {
    let document = atom(vec![]);
    assert!(document.contains("<id>https://feeds.turkestan.example/feeds/news.atom</id>"));
    assert!(document.contains("<author><name>Түркістан жаңалықтары</name>"));
    assert!(document.contains(r#"href="https://feeds.turkestan.example/feeds/news.json" rel="alternate" type="application/feed+json""#));
    assert_eq!(document.matches(r#"rel="self""#).count(), 1);
}

#[test]
fn a_guid_that_is_an_iri_is_the_id_and_any_other_makes_a_stable_one() {
    let mut odd = article("a");
    odd.guid = Guid::parse("25 at turkestan").unwrap();
    let mut iri = article("b");
    iri.guid = Guid::parse("https://turkestan.example/жилье").unwrap();
    let document = atom(vec![odd, iri]);
    let made = feed::entry_id(Format::Atom, "25 at turkestan");
    assert_eq!(made, "urn:uuid:532010ea-a812-839f-895c-e39500ef89b9", "never changes");
    assert!(document.contains(&format!("<id>{made}</id>")));
    assert!(document.contains("<id>https://turkestan.example/жилье</id>"));
    for guid in ["123", "a b:c", ":x", "x:", "1x:y", "урн:а", "http://a/<b>"] {
        assert!(feed::entry_id(Format::Atom, guid).starts_with("urn:uuid:"), "{guid}");
    }
    assert_eq!(feed::entry_id(Format::Atom, &made), made, "an id of ours stays");
}

#[test]
fn entries_say_their_language_only_where_it_is_not_the_feeds() {
    let mut feed = news();
    feed.language = FeedLanguage::One(language("kk"));
    let snapshot = Snapshot::new(&feed, &site(), &public(), rich_articles(), None);
    let document = document(Format::Atom, &snapshot);
    assert!(document.contains(r#"xml:lang="kk""#));
    assert!(document.contains(r#"<content xml:lang="ru" type="html">"#));
    assert!(document.contains("<title>Түркістанда"));
}

#[test]
fn updated_is_the_last_edit_and_never_before_publication() {
    let mut early = article("a");
    early.updated_at = at("2026-11-19T06:00:00Z");
    let document = atom(vec![early]);
    assert_eq!(document.matches("<updated>2026-11-20T06:00:00+00:00</updated>").count(), 2);
    assert!(document.contains("<published>2026-11-20T06:00:00+00:00</published>"));
}

#[test]
fn an_unknown_length_is_left_out() {
    let document = atom(rich_articles());
    assert!(document.contains(r#"href="https://turkestan.example/a/25.mp3" rel="enclosure" type="audio/mpeg" title="Мавзолей &amp; площадь"/>"#));
    assert!(document.contains(r#"length="204800""#));
}

#[test]
fn a_source_is_linked_not_faked() {
    let document = atom(rich_articles());
    assert!(
        document.contains(r#"<link href="https://kaztag.example/rss" rel="via" title="КазТАГ"/>"#)
    );
    assert!(!document.contains("<source>") && !document.contains("1970"));
}

#[test]
fn a_summary_feed_carries_no_bodies() {
    let mut summary = snapshot(rich_articles());
    summary.content = Content::Summary;
    let document = document(Format::Atom, &summary);
    assert!(!document.contains("<content"));
    assert_eq!(document.matches("<summary").count(), 2);
}
