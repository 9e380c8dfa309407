//! Little room on the disk: articles are refused first, then hits, feeds are served on, and all of it
//! ends by itself. (`tests/faults/full-disk` fills a real disk.)

use serde_json::json;

use crate::{
    desk::store_settings,
    publish::hours_ago,
    running::{BROWSER, NOW, Running, SETTINGS},
    wire::{self, Reply},
};
use jarshy::{
    config,
    store::{DbError, Room, RoomLevel},
};

/// Bytes that are left on the disk of these tests, in MiB.
fn room() -> usize {
    let settings = store_settings(&std::env::temp_dir());
    (Room::new(&settings).free() >> 20) as usize
}

/// Settings under which the disk of these tests is as low as `level` says.
fn settings(level: RoomLevel) -> String {
    let room = room();
    let (min, warn) = match level {
        RoomLevel::Plenty => (0, 0),
        RoomLevel::Low => (0, 2 * room),
        RoomLevel::ReadOnly => (2 * room, 2 * room),
        RoomLevel::Reserve => (16 * room, 16 * room),
    };
    format!("{SETTINGS}[store]\nfree_bytes_min = \"{min} MiB\"\nfree_bytes_warn = \"{warn} MiB\"\n")
}

fn put(r: &Running, id: &str) -> Reply {
    let article = json!({
        "title": id, "url": format!("https://news.example/{id}/"), "body_html": "<p>x</p>",
        "published_at": NOW.to_rfc3339(),
    });
    r.api("PUT", &format!("/api/v1/articles/{id}"), &article.to_string())
}

fn hit(r: &Running, article: &str, visitor: u8) -> Reply {
    let from = format!("192.0.2.{visitor}");
    let headers = [("User-Agent", BROWSER), ("X-Forwarded-For", from.as_str())];
    wire::ask(r.public(), "POST", &format!("/v/{article}"), &headers, b"")
}

fn ready(r: &Running) -> (u16, String, String) {
    let reply = wire::get(r.ops(), "/readyz", &[]);
    let told = reply.json();
    (reply.status, told["reasons"].to_string(), told["warnings"].to_string())
}

#[test]
fn articles_are_refused_while_hits_count_and_feeds_are_served() {
    let r = Running::start();
    for n in 0..2 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until_titles("news", &["a0", "a1"]);
    r.reload(&settings(RoomLevel::ReadOnly));
    assert_eq!(r.metric("read_only"), 1.0);
    let reply = put(&r, "new");
    assert_eq!(reply.status, 507, "{}", reply.text());
    assert_eq!(reply.header("retry-after"), Some("60"));
    assert!(reply.text().contains("store.free_bytes_min"), "{}", reply.text());
    assert_eq!(r.api("GET", "/api/v1/articles/new", "").status, 404, "nothing half");
    let many = r.api("POST", "/api/v1/articles", &json!([{
        "id": "m", "title": "m", "url": "https://news.example/m/", "published_at": NOW.to_rfc3339(),
    }]).to_string());
    assert!(many.text().contains("507"), "{}", many.text());

    let reply = hit(&r, "a0", 1);
    assert_eq!((reply.status, reply.header("jarshy-view")), (204, Some("counted")));
    assert_eq!(r.get("/count/a0.json", &[]).json()["counted"], 1);
    assert_eq!(r.get("/feeds/news.rss", &[]).status, 200);
    let (status, reasons, _) = ready(&r);
    assert_eq!(status, 503);
    assert!(reasons.contains("read-only") && reasons.contains("articles are refused"), "{reasons}");
    // A takedown must reach readers whatever the disk says; it is small.
    r.withdraw("a1");
    r.until_titles("news", &["a0"]);

    r.reload(&settings(RoomLevel::Plenty));
    assert_eq!(put(&r, "new").status, 201);
    assert_eq!(r.metric("read_only"), 0.0);
    assert_eq!(ready(&r).0, 200);
}

#[test]
fn the_last_of_the_room_is_for_what_was_acknowledged() {
    let r = Running::start();
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("news", &["a"]);
    r.until("it can be viewed", |r| (hit(r, "a", 1).status == 204).then_some(()));
    let counted = r.get("/count/a.json", &[]).json()["counted"].clone();
    r.reload(&settings(RoomLevel::Reserve));
    let reply = hit(&r, "a", 2);
    assert_eq!((reply.status, reply.header("jarshy-view")), (503, None));
    assert_eq!(put(&r, "b").status, 507);
    assert_eq!(r.get("/count/a.json", &[]).json()["counted"], counted);
    assert_eq!(r.get("/feeds/news.json", &[]).status, 200);
    assert!(ready(&r).1.contains("articles and views are refused"));
    r.reload(&settings(RoomLevel::Plenty));
    let reply = hit(&r, "a", 2);
    assert_eq!(reply.header("jarshy-view"), Some("counted"), "what was refused is no repeat");
}

#[test]
fn low_is_a_warning_and_no_reason() {
    let r = Running::with(&settings(RoomLevel::Low));
    let (status, reasons, warnings) = ready(&r);
    assert_eq!((status, reasons.as_str()), (200, "[]"));
    assert!(warnings.contains("less than store.free_bytes_warn"), "{warnings}");
    assert_eq!(put(&r, "a").status, 201);
    assert_eq!(r.metric("read_only"), 0.0);
    assert!(r.metric("data_free_bytes") > 0.0);
}

/// `jarshy import` writes past the daemon, and stops too.
#[test]
fn an_import_stops() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jarshy.toml");
    let min = 2 * room();
    std::fs::write(&file, format!("[store]\nfree_bytes_min = \"{min} MiB\"\n")).unwrap();
    let data = folder.path().display().to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_jarshy"));
    let arguments = ["import", "wxr", "tests/data/wordpress/small.wxr.xml", "--data", &data];
    let output = command.env_clear().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("less room than store.free_bytes_min"), "{said}");
}

/// Whoever asks is answered by a measure of this second, also where nobody watches.
#[test]
fn a_room_measures_itself() {
    let folder = tempfile::tempdir().unwrap();
    let few = config::Store { free_bytes_min: 0, ..store_settings(folder.path()) };
    let room = Room::new(&few);
    assert_eq!((room.level(), room.check()), (RoomLevel::Plenty, Ok(())));
    room.reconfigure(&config::Store { free_bytes_min: 1 << 60, ..few });
    assert_eq!((room.level(), room.check()), (RoomLevel::Reserve, Err(DbError::NoRoom)));
}
