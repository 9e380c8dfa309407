//! Other settings take effect without a restart, and publishing goes on.

use serde_json::json;

use crate::{
    publish::{SITE, feed, hours_ago},
    running::{NOW, Running},
};

fn settings(feeds: &[String]) -> String {
    format!("{SITE}{}", feeds.concat())
}

fn start(count: i64) -> Running {
    let r = Running::with(&settings(&[feed("news", "")]));
    for n in 0..count {
        r.put(&format!("a{n}"), hours_ago(n), json!({"sections": ["Спорт"]}));
    }
    r.until("all are there", |r| (r.titles("news").len() == count as usize).then_some(()));
    r
}

#[test]
fn a_new_feed_appears_filled() {
    let r = start(3);
    let new = feed("sport", "select = { sections = [\"Спорт\"] }");
    assert_eq!(r.reload(&settings(&[feed("news", ""), new])), Vec::<&str>::new());
    r.until_titles("sport", &["a0", "a1", "a2"]);
}

#[test]
fn a_new_title_shows() {
    let r = start(1);
    let renamed = feed("news", "").replace("title = \"news\"", "title = \"Иначе\"");
    r.reload(&settings(&[renamed]));
    r.until("the title shows", |r| {
        (r.get("/feeds/news.json", &[]).json()["title"] == "Иначе").then_some(())
    });
    r.until("the list says so too", |r| {
        r.api("GET", "/api/v1/feeds", "").text().contains("Иначе").then_some(())
    });
}

#[test]
fn a_removed_feed_is_404_in_every_format() {
    let r = Running::with(&settings(&[feed("news", ""), feed("gone", "")]));
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("gone", &["a"]);
    r.reload(&settings(&[feed("news", "")]));
    for format in ["rss", "atom", "json"] {
        assert_eq!(r.get(&format!("/feeds/gone.{format}"), &[]).status, 404);
    }
    assert_eq!(r.regenerate("gone").status, 404);
    assert!(!r.get("/feeds.opml", &[]).text().contains("gone"));
}

#[test]
fn a_changed_selection_is_filled_while_publishing_goes_on() {
    let r = start(8);
    let sport = feed("sport", "select = { sections = [\"Ничего\"] }");
    r.reload(&settings(&[feed("news", ""), sport]));
    r.until_status("/feeds/sport.json", 200);
    let sport = feed("sport", "select = { sections = [\"Спорт\"] }");
    r.reload(&settings(&[feed("news", ""), sport]));
    r.put("new", NOW, json!({"sections": ["Спорт"]}));
    let expected = ["new", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
    r.until_titles("news", &expected);
    r.until_titles("sport", &expected);
}

#[test]
fn fewer_entries_are_shown_when_fewer_are_asked_for() {
    let r = start(30);
    r.reload(&settings(&[feed("news", "entries = 2")]));
    r.until_titles("news", &["a0", "a1"]);
    r.reload(&settings(&[feed("news", "entries = 5")]));
    r.until_titles("news", &["a0", "a1", "a2", "a3", "a4"]);
    assert_eq!(r.regenerate("news").status, 200);
}

/// A reload between a change and its keeping never serves what was before.
#[test]
fn a_reload_does_not_go_back_to_kept_documents() {
    let r = start(2);
    r.settle();
    crate::publish::sql(
        &r,
        "CREATE TRIGGER broken BEFORE INSERT ON documents
        BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    r.put("new", NOW.plus(-1), json!({}));
    r.until_titles("news", &["a0", "new", "a1"]);
    let before = crate::publish::etags(&r, "news");
    r.reload(&settings(&[feed("news", ""), feed("other", "")]));
    assert_eq!(crate::publish::etags(&r, "news"), before);
}

/// The store refuses in the middle of it.
#[test]
fn a_reload_that_fails_leaves_everything_as_it_was() {
    let scheduled = |slug: &str| feed(slug, "schedule = \"0 5 * * *\"");
    let r = Running::with(&settings(&[scheduled("news"), scheduled("gone")]));
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("gone", &["a"]);
    r.settle();
    let before = [crate::publish::etags(&r, "news"), crate::publish::etags(&r, "gone")];
    for table in ["feed_states", "feed_entries", "documents"] {
        let trigger = format!("BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END");
        crate::publish::sql(&r, &format!("CREATE TRIGGER broken {trigger}"));
        let text = settings(&[feed("news", "entries = 1"), feed("other", "")]);
        let config = crate::running::settings_of(&text, r.data());
        let daemon = r.daemon.as_ref().unwrap();
        assert!(r.runtime.block_on(daemon.reload(config)).is_err());
        crate::publish::sql(&r, "DROP TRIGGER broken");
        assert_eq!(r.get("/feeds/other.rss", &[]).status, 404);
        let after = [crate::publish::etags(&r, "news"), crate::publish::etags(&r, "gone")];
        assert_eq!(after, before);
        let jobs = r.api("GET", "/api/v1/jobs", "").text();
        assert!(jobs.contains("regenerate-gone"), "{jobs}");
    }
    r.put("b", hours_ago(2), json!({}));
    r.until_titles("news", &["a", "b"]);
    r.until_titles("gone", &["a", "b"]);
    assert_eq!(r.regenerate("gone").status, 200);
}

#[test]
fn what_needs_a_restart_is_named() {
    let r = start(0);
    let text = settings(&[feed("news", "")]) + "[metrics]\nsections_max = 7\n";
    assert_eq!(r.reload(&text), ["metrics"]);
}

#[test]
fn whoever_asks_for_a_feed_that_a_reload_takes_away_has_an_answer() {
    let r = Running::with(&settings(&[feed("news", ""), feed("gone", "")]));
    for round in 0..20 {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| r.regenerate("gone").status);
            r.reload(&settings(&[feed("news", "")]));
            let status = asked.join().unwrap();
            assert!(matches!(status, 200 | 404 | 503), "round {round}: {status}");
        });
        r.reload(&settings(&[feed("news", ""), feed("gone", "")]));
    }
}
