//! The store is locked, moved away, deleted or replaced: feeds are served, what cannot be kept is
//! refused and said, and work is taken up again by itself.

use std::{fs, path::PathBuf};

use crate::{
    running::{BROWSER, NOW, Running},
    wire::{self, Reply},
};

const SETTINGS: &str = "[store]\nbusy_timeout = \"50ms\"\n\
    [[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n";
const FORMATS: [&str; 3] = ["rss", "atom", "json"];

fn newsroom() -> Running {
    let running = Running::with(SETTINGS);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running
}

fn hit(running: &Running, visitor: u8) -> Reply {
    let from = format!("192.0.2.{visitor}");
    let headers = [("User-Agent", BROWSER), ("X-Forwarded-For", from.as_str())];
    wire::ask(running.public(), "POST", "/v/a", &headers, b"")
}

fn put(running: &Running, id: &str) -> Reply {
    let article = serde_json::json!({
        "title": id, "url": format!("https://news.example/{id}/"), "body_html": "<p>x</p>",
        "published_at": NOW.to_rfc3339(),
    });
    running.api("PUT", &format!("/api/v1/articles/{id}"), &article.to_string())
}

fn ready(running: &Running) -> Reply {
    wire::get(running.ops(), "/readyz", &[])
}

/// Everything that needs no write.
fn serves_on(running: &Running) {
    for format in FORMATS {
        let path = format!("/feeds/news.{format}");
        let whole = running.get(&path, &[]);
        assert_eq!(whole.status, 200, "{path}");
        let tag = whole.header("etag").unwrap();
        assert_eq!(running.get(&path, &[("If-None-Match", tag)]).status, 304, "{path}");
    }
    for path in ["/feeds.opml", "/feeds/news", "/count/a.json"] {
        assert_eq!(running.get(path, &[]).status, 200, "{path}");
    }
    for path in ["/healthz", "/metrics"] {
        assert_eq!(wire::get(running.ops(), path, &[]).status, 200, "{path}");
    }
}

fn is_refused(running: &Running, id: &str) {
    let reply = put(running, id);
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("nothing was kept"));
}

fn is_named(running: &Running, words: &str) {
    let reply = ready(running);
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains(words), "{}", reply.text());
}

fn is_whole_again(running: &Running) {
    running.until("it is ready by itself", |r| (ready(r).status == 200).then_some(()));
}

#[test]
fn another_process_that_locks_the_articles_stops_no_feed_and_no_view() {
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let running = newsroom();
        let other = rusqlite::Connection::open(running.data().join("jarshy.db")).unwrap();
        other.execute_batch(lock).unwrap();
        is_refused(&running, "b");
        is_named(&running, "jarshy.db");
        serves_on(&running);
        let reply = hit(&running, 1);
        assert_eq!((reply.status, reply.header("jarshy-view")), (204, Some("counted")));
        is_refused(&running, "b");
        other.execute_batch("ROLLBACK").unwrap();
        is_whole_again(&running);
        assert_eq!(put(&running, "b").status, 201);
        running.until_titles("news", &["b", "A"]);
    }
}

#[test]
fn a_data_folder_that_is_moved_away_takes_nothing_until_it_is_back() {
    let running = newsroom();
    assert_eq!(hit(&running, 1).status, 204);
    let away = running.data().with_extension("away");
    fs::rename(running.data(), &away).unwrap();
    is_refused(&running, "b");
    assert_eq!(hit(&running, 2).status, 503);
    is_named(&running, "jarshy.db was deleted, moved or replaced");
    is_named(&running, "views are refused");
    serves_on(&running);
    fs::rename(&away, running.data()).unwrap();
    is_whole_again(&running);
    assert_eq!(put(&running, "b").status, 201);
    assert_eq!(hit(&running, 2).status, 204, "it was refused, so it counts now");
    assert_eq!(running.get("/count/a.json", &[]).json()["counted"], 2);
    let folder = running.stop();
    let again = Running::on(folder, SETTINGS, jarshy::clock::Clock::manual(NOW));
    assert_eq!(again.get("/count/a.json", &[]).json()["counted"], 2);
    assert_eq!(again.api("GET", "/api/v1/articles/b", "").status, 200);
}

/// Never a fresh database in the place of one that is missing, nor a foreign one that is there.
#[test]
fn deleted_or_replaced_databases_are_not_written_to() {
    for replaced in [false, true] {
        let running = newsroom();
        assert_eq!(hit(&running, 1).status, 204);
        let files = ["jarshy.db", "views.db"].map(|name| running.data().join(name));
        for file in &files {
            let copy = fs::read(file).unwrap();
            fs::remove_file(file).unwrap();
            if replaced {
                fs::write(file, copy).unwrap();
            }
        }
        let before = files.each_ref().map(|file| fs::read(file).ok());
        for visitor in 2..5 {
            is_refused(&running, "b");
            assert_eq!(hit(&running, visitor).status, 503);
        }
        is_named(&running, "restore a backup");
        serves_on(&running);
        assert_eq!(files.map(|file: PathBuf| fs::read(file).ok()), before, "nothing is made there");
    }
}
