//! Feeds that make themselves: out of sections, languages, tags and authors, when there are enough.

use serde_json::json;

use crate::{
    publish::{feed, hours_ago},
    running::{NOW, Running},
};

fn settings(auto: &str) -> String {
    let site = crate::publish::SITE.replace("sections = false\nlanguages = false\n", auto);
    format!("{site}{}", feed("news", ""))
}

const SECTIONS: &str = "sections = true\nlanguages = false\narticles_min = 2\n";

fn put(r: &Running, id: &str, hour: i64, section: &str) {
    r.put(id, hours_ago(hour), json!({"sections": [section]}));
}

#[test]
fn it_appears_when_there_are_enough_and_ends_when_it_is_empty() {
    let r = Running::with(&settings(SECTIONS));
    put(&r, "a", 1, "Sport");
    r.settle();
    assert_eq!(r.get("/feeds/section-sport.rss", &[]).status, 404);
    put(&r, "b", 2, "Sport");
    r.until_titles("section-sport", &["a", "b"]);
    // A feed is served before it is counted and listed.
    r.settle();
    assert!(r.metric("feed_generations_total{feed=\"auto\",result=\"success\"}") >= 1.0);
    assert!(r.get("/feeds.opml", &[]).text().contains("section-sport"));
    r.withdraw("a");
    r.until_titles("section-sport", &["b"]);
    r.withdraw("b");
    r.until_status("/feeds/section-sport.rss", 404);
    r.settle();
    assert!(!r.get("/feeds.opml", &[]).text().contains("section-sport"));
    put(&r, "c", 1, "Sport");
    put(&r, "d", 2, "Sport");
    r.until_titles("section-sport", &["c", "d"]);
}

#[test]
fn no_empty_document_is_ever_served() {
    let r = Running::with(&settings(SECTIONS));
    for round in 0..5 {
        put(&r, "a", 1, "Sport");
        put(&r, "b", 2, "Sport");
        r.until_titles("section-sport", &["a", "b"]);
        r.withdraw("a");
        r.withdraw("b");
        r.until("it is gone", |r| {
            let reply = r.get("/feeds/section-sport.json", &[]);
            if reply.status == 200 {
                let items = reply.json()["items"].as_array().unwrap().len();
                assert!(items > 0, "round {round}: {}", reply.text());
            }
            (reply.status == 404).then_some(())
        });
    }
}

#[test]
fn once_served_it_stays_until_it_is_empty_also_over_a_restart() {
    let r = Running::with(&settings(SECTIONS));
    put(&r, "a", 1, "Sport");
    put(&r, "b", 2, "Sport");
    r.until_titles("section-sport", &["a", "b"]);
    r.withdraw("a");
    r.until_titles("section-sport", &["b"]);
    r.settle();
    let clock = r.clock.clone();
    let r = Running::on(r.stop(), &settings(SECTIONS), clock.clone());
    assert_eq!(r.titles("section-sport"), ["b"]);
    r.withdraw("b");
    r.until_status("/feeds/section-sport.rss", 404);
    r.settle();
    put(&r, "c", 3, "Sport");
    r.until_titles("news", &["c"]);
    r.settle();
    assert_eq!(r.get("/feeds/section-sport.rss", &[]).status, 404, "one is too few again");
    let r = Running::on(r.stop(), &settings(SECTIONS), clock);
    r.settle();
    assert_eq!(r.get("/feeds/section-sport.rss", &[]).status, 404);
    put(&r, "d", 4, "Sport");
    r.until_titles("section-sport", &["c", "d"]);
}

/// What is not yet public does not count, and its words are not told.
#[test]
fn what_is_scheduled_makes_no_feed_before_its_time() {
    let r = Running::with(&settings(SECTIONS));
    r.put("a", NOW.plus(1000), json!({"sections": ["Secret"]}));
    r.put("b", NOW.plus(2000), json!({"sections": ["Secret"]}));
    put(&r, "c", 1, "Secret");
    r.until_titles("news", &["c"]);
    r.settle();
    assert_eq!(r.get("/feeds/section-secret.rss", &[]).status, 404);
    r.clock.turn(std::time::Duration::from_secs(2));
    r.until_titles("section-secret", &["b", "a", "c"]);
}

#[test]
fn spellings_with_one_slug_share_a_feed_also_after_a_restart() {
    let r = Running::with(&settings(SECTIONS));
    put(&r, "a", 1, "Спорт");
    put(&r, "b", 2, "Sport");
    r.until_titles("section-sport", &["a", "b"]);
    r.settle();
    assert!(once(&r, "section-sport") == r.get("/feeds/section-sport.json", &[]).body);
    let clock = r.clock.clone();
    let r = Running::on(r.stop(), &settings(SECTIONS), clock);
    assert_eq!(r.titles("section-sport"), ["a", "b"]);
    put(&r, "c", 3, "Sport");
    put(&r, "d", 4, "Спорт");
    r.until_titles("section-sport", &["a", "b", "c", "d"]);
}

fn once(r: &Running, slug: &str) -> Vec<u8> {
    let config = r.daemon.as_ref().unwrap().config();
    let settings = jarshy::publish::Settings::from(&*config);
    let store = r.daemon.as_ref().unwrap().parts().store.clone();
    let format = jarshy::model::Format::Json;
    let once = jarshy::publish::render_once(&store, &settings, slug, format, NOW);
    r.runtime.block_on(once).unwrap()
}

#[test]
fn rendering_once_calls_it_as_the_daemon_does() {
    let r = Running::with(&settings(SECTIONS));
    put(&r, "b", 1, "Sport");
    r.settle();
    put(&r, "a", 2, "Спорт");
    r.until_titles("section-sport", &["b", "a"]);
    assert_eq!(r.get("/feeds/section-sport.json", &[]).json()["title"], "Sport");
    assert!(once(&r, "section-sport") == r.get("/feeds/section-sport.json", &[]).body);
}

#[test]
fn the_largest_are_kept_when_there_is_no_room_for_all() {
    let r = Running::with(&settings(SECTIONS));
    for (n, section) in ["Aa", "Aa", "Bb", "Bb", "Bb", "Cc", "Cc", "Cc", "Cc"].iter().enumerate() {
        put(&r, &format!("a{n}"), n as i64, section);
    }
    for slug in ["aa", "bb", "cc"] {
        r.until_status(&format!("/feeds/section-{slug}.rss"), 200);
    }
    r.settle();
    r.reload(&settings(&format!("{SECTIONS}feeds_max = 2\n")));
    r.until_status("/feeds/section-aa.rss", 404);
    r.until_status("/feeds/section-bb.rss", 200);
    r.until_status("/feeds/section-cc.rss", 200);
    let feeds = r.api("GET", "/api/v1/feeds", "").text();
    assert!(!feeds.contains("section-aa"), "{feeds}");
}

#[test]
fn a_kind_switched_on_by_a_reload_is_filled_and_switched_off_is_gone() {
    let off = "sections = false\nlanguages = false\narticles_min = 2\n";
    let r = Running::with(&settings(off));
    put(&r, "a", 1, "Sport");
    put(&r, "b", 2, "Sport");
    r.until_titles("news", &["a", "b"]);
    for _ in 0..2 {
        r.reload(&settings(SECTIONS));
        r.until_titles("section-sport", &["a", "b"]);
        r.reload(&settings(off));
        assert_eq!(r.get("/feeds/section-sport.rss", &[]).status, 404);
    }
}
