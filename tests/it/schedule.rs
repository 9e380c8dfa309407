//! What has a time appears at its time, and what is not for the public never does.

use std::time::Duration;

use serde_json::json;

use crate::{
    publish::{hours_ago, last_build},
    running::{NOW, Running},
};

const HOUR: i64 = 3_600_000;

fn turn(r: &Running, minutes: u64) {
    r.clock.turn(Duration::from_secs(minutes * 60));
}

#[test]
fn a_scheduled_article_appears_at_its_time_and_not_before() {
    for status in ["scheduled", "published"] {
        let r = Running::start();
        r.put("a", NOW.plus(HOUR), json!({"status": status}));
        let stored = r.api("GET", "/api/v1/articles/a", "").json();
        assert_eq!(stored["status"], "scheduled");
        turn(&r, 59);
        r.settle();
        assert_eq!(r.titles("news"), Vec::<String>::new());
        turn(&r, 1);
        r.until_titles("news", &["a"]);
        assert_eq!(r.items("news")[0]["date_published"], NOW.plus(HOUR).to_rfc3339());
    }
}

#[test]
fn an_embargo_holds_until_its_end() {
    let r = Running::start();
    r.put("a", hours_ago(3), json!({"embargo_until": NOW.plus(HOUR).to_rfc3339()}));
    turn(&r, 59);
    r.settle();
    assert_eq!(r.titles("news"), Vec::<String>::new());
    turn(&r, 1);
    r.until_titles("news", &["a"]);
}

#[test]
fn an_embargo_set_later_takes_the_article_out_until_its_end() {
    let r = Running::start();
    r.put("a", hours_ago(3), json!({}));
    r.until_titles("news", &["a"]);
    turn(&r, 10);
    r.put("a", hours_ago(3), json!({"embargo_until": NOW.plus(HOUR).to_rfc3339()}));
    r.until_titles("news", &[]);
    assert_eq!(last_build(&r, "news"), NOW.plus(HOUR / 6), "a removal is a change");
    turn(&r, 50);
    r.until_titles("news", &["a"]);
}

#[test]
fn a_draft_is_in_no_document() {
    let r = Running::start();
    let canary = json!({"status": "draft", "title": "КАНАРЕЙКА",
        "body_html": "<p>КАНАРЕЙКА</p>", "sections": ["КАНАРЕЙКА"]});
    r.put("draft", hours_ago(1), canary);
    let later = json!({"title": "КАНАРЕЙКА", "body_html": "<p>КАНАРЕЙКА</p>",
        "sections": ["КАНАРЕЙКА"], "tags": ["КАНАРЕЙКА"]});
    for n in 0..4 {
        r.put(&format!("later{n}"), NOW.plus(HOUR), later.clone());
    }
    r.publish("a", "Видна", hours_ago(1));
    r.until_titles("news", &["Видна"]);
    r.settle();
    let paths = ["news.rss", "news.atom", "news.json"].map(|name| format!("/feeds/{name}"));
    for path in paths.iter().map(String::as_str).chain(["/feeds.opml"]) {
        assert!(!r.get(path, &[]).text().contains("КАНАРЕЙКА"), "{path}");
    }
    let feeds = r.api("GET", "/api/v1/feeds", "").text();
    assert!(!feeds.to_lowercase().contains("канарейка"), "{feeds}");
    assert!(!feeds.contains("section-kanare"), "{feeds}");
}

#[test]
fn a_scheduled_article_may_be_moved() {
    let r = Running::start();
    r.put("a", NOW.plus(HOUR), json!({}));
    r.put("a", NOW.plus(3 * HOUR), json!({}));
    turn(&r, 120);
    r.settle();
    assert_eq!(r.titles("news"), Vec::<String>::new());
    r.put("a", NOW.plus(2 * HOUR), json!({}));
    r.until_titles("news", &["a"]);
}

#[test]
fn what_is_due_sooner_than_what_is_waited_for_is_not_late() {
    let r = Running::start();
    r.put("late", NOW.plus(10 * HOUR), json!({}));
    r.settle();
    r.put("soon", NOW.plus(HOUR), json!({}));
    turn(&r, 60);
    r.until_titles("news", &["soon"]);
}

#[test]
fn what_came_due_during_a_stop_is_published_at_the_start() {
    let r = Running::start();
    r.put("a", NOW.plus(HOUR), json!({}));
    r.settle();
    let clock = r.clock.clone();
    let folder = r.stop();
    clock.turn(Duration::from_secs(7200));
    let r = Running::on(folder, crate::running::SETTINGS, clock);
    r.until_titles("news", &["a"]);
}
