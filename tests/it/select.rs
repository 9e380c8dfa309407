//! Which feeds hold which articles.

use std::time::Duration;

use jarshy::{
    config::{FeedConfig, FeedLanguage, FeedsAuto},
    feed::{
        Snapshot,
        auto::{self, AutoKind},
        select::{Membership, membership},
    },
    model::{Article, Author, Millis, Status},
};

use crate::newsroom::*;

const ALL: FeedsAuto = FeedsAuto {
    sections: true,
    languages: true,
    tags: true,
    authors: true,
    articles_min: 1,
    feeds_max: 10,
};

fn from(time: &str) -> Option<Membership> {
    Some(Membership { visible_from: at(time), visible_until: None })
}

#[test]
fn a_published_article_is_visible_from_its_publication() {
    assert_eq!(membership(&news(), &article("a")), from("2026-11-20T06:00:00Z"));
}

#[test]
fn drafts_withdrawn_and_undated_articles_are_in_no_feed() {
    for status in [Status::Draft, Status::Withdrawn] {
        let hidden = Article { status, ..article("a") };
        assert_eq!(membership(&news(), &hidden), None);
    }
    let undated = Article { published_at: None, ..article("a") };
    assert_eq!(membership(&news(), &undated), None);
}

#[test]
fn an_embargo_or_a_schedule_moves_the_first_moment() {
    let embargo = Some(at("2026-12-01T00:00:00Z"));
    let held = Article { embargo_until: embargo, ..article("a") };
    assert_eq!(membership(&news(), &held), from("2026-12-01T00:00:00Z"));
    let scheduled = Article { status: Status::Scheduled, ..article("a") };
    assert_eq!(membership(&news(), &scheduled), from("2026-11-20T06:00:00Z"));
    let past = Article { embargo_until: Some(Millis(0)), ..article("a") };
    assert_eq!(membership(&news(), &past), from("2026-11-20T06:00:00Z"));
}

#[test]
fn a_maximum_age_ends_it_and_may_leave_nothing() {
    let mut feed = news();
    feed.select.max_age = Some(Duration::from_secs(86_400));
    let found = membership(&feed, &article("a")).unwrap();
    assert_eq!(found.visible_until, Some(at("2026-11-21T06:00:00Z")));
    let embargo = Some(at("2026-11-21T06:00:00Z"));
    assert_eq!(membership(&feed, &Article { embargo_until: embargo, ..article("a") }), None);
    feed.select.max_age = Some(Duration::MAX);
    assert_eq!(membership(&feed, &article("a")).unwrap().visible_until, Some(Millis(i64::MAX)));
}

#[test]
fn a_feed_of_one_language_holds_no_other() {
    let mut feed = news();
    feed.language = FeedLanguage::One(language("kk"));
    assert_eq!(membership(&feed, &article("a")), None);
    let latin = Article { language: language("kk-Latn"), ..article("a") };
    assert_eq!(membership(&feed, &latin), None);
    let kazakh = Article { language: language("kk"), ..article("a") };
    assert!(membership(&feed, &kazakh).is_some());
}

#[test]
fn every_condition_must_hold_and_any_word_of_it_is_enough() {
    let entry = Article {
        tags: vec!["дом".into(), "школа".into()],
        authors: vec![Author { name: "Айгүл".into(), url: None }],
        ..article("a")
    };
    let mut feed = news();
    feed.select.sections = vec!["Спорт".into(), "Общество".into()];
    feed.select.tags = vec!["школа".into()];
    feed.select.authors = vec!["Айгүл".into()];
    feed.select.languages = vec![language("kk"), language("ru")];
    assert!(membership(&feed, &entry).is_some());
    let changes: [fn(&mut FeedConfig); 4] = [
        |f| f.select.sections = vec!["общество".into()],
        |f| f.select.tags = vec!["мост".into()],
        |f| f.select.authors = vec!["Айг".into()],
        |f| f.select.languages = vec![language("kk")],
    ];
    for change in changes {
        let mut other = feed.clone();
        change(&mut other);
        assert_eq!(membership(&other, &entry), None);
    }
}

#[test]
fn words_make_feeds_of_their_own() {
    let entry = Article {
        sections: vec!["Өскемен".into(), "Oskemen".into(), "!!!".into()],
        tags: vec!["Дом".into()],
        authors: vec![Author { name: "Ә. Қалиев".into(), url: None }],
        ..article("a")
    };
    let feeds = auto::candidates(&ALL, &entry);
    let slugs: Vec<&str> = feeds.iter().map(|feed| feed.slug.as_str()).collect();
    assert_eq!(slugs, ["section-oskemen", "language-ru", "tag-dom", "author-a-qaliev"]);
    let none = FeedsAuto { sections: false, languages: false, tags: false, authors: false, ..ALL };
    assert_eq!(auto::candidates(&none, &entry), []);
}

#[test]
fn an_automatic_feed_holds_the_articles_that_made_it() {
    let entry = Article {
        tags: vec!["Дом".into()],
        authors: vec![Author { name: "Айгүл".into(), url: None }],
        ..article("a")
    };
    let other = Article { sections: vec![], language: language("kk"), ..article("b") };
    for feed in auto::candidates(&ALL, &entry) {
        let declared = auto::declaration(&feed);
        assert!(membership(&declared, &entry).is_some(), "{feed:?}");
        assert!(membership(&declared, &other).is_none(), "{feed:?}");
        if feed.kind == AutoKind::Language {
            assert_eq!(declared.title, "Русский");
            assert_eq!(declared.language, FeedLanguage::One(language("ru")));
        }
    }
}

#[test]
fn two_spellings_with_one_slug_share_a_feed() {
    let cyrillic = Article { sections: vec!["Өскемен".into()], ..article("a") };
    let latin = Article { sections: vec!["Oskemen".into()], ..article("b") };
    let mut feed = auto::declaration(&auto::candidates(&ALL, &cyrillic)[0]);
    auto::add_spelling(&mut feed, &auto::candidates(&ALL, &latin)[0]);
    assert!(membership(&feed, &cyrillic).is_some() && membership(&feed, &latin).is_some());
}

#[test]
fn a_snapshot_changes_with_its_entries_and_with_removals() {
    let make = |entries, removed| Snapshot::new(&news(), &site(), &public(), entries, removed);
    assert_eq!(make(vec![], None).changed_at, Millis(0));
    assert_eq!(make(vec![article("a")], None).changed_at, at("2026-11-20T06:00:00Z"));
    let removed = at("2026-11-22T00:00:00Z");
    assert_eq!(make(vec![article("a")], Some(removed)).changed_at, removed);
    assert_eq!(make(rich_articles(), None).language, None);
    assert_eq!(make(vec![article("a")], None).language, Some(language("ru")));
}
