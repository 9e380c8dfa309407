//! A restart serves what was kept and publishes what was acknowledged; two processes may write.

use std::time::Duration;

use jarshy::{
    clock::Clock,
    config::{self, Overrides},
    ingest::{Intake, Origin, article_json::candidate_from_json},
    model::{ArticleId, Millis},
    store::Store,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    publish::{SITE, etags, feed, hours_ago, sql},
    running::{NOW, Running, SETTINGS},
};

fn again(r: Running, settings: &str) -> Running {
    let clock = r.clock.clone();
    Running::on(r.stop(), settings, clock)
}

/// Writes to the folder as `jarshy import` does, with nothing but the store.
fn write_beside(folder: &std::path::Path, articles: &[(String, Millis)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let flags = Overrides { data: Some(folder.to_owned()), ..Overrides::default() };
        let config = config::parse(SETTINGS, "test.toml", &[], &flags).unwrap();
        let store = Store::open(&config.store).await.unwrap();
        let clock = Clock::manual(NOW);
        let intake = Intake::new(store, config.site.clone(), &config.limits, clock);
        let candidates = articles.iter().map(|(id, at)| {
            let article = json!({"title": id, "url": format!("https://news.example/{id}/"),
                "body_html": format!("<p>{id}</p>"), "published_at": at.to_rfc3339()});
            let id = ArticleId::parse(id).unwrap();
            candidate_from_json(article.to_string().as_bytes(), Some(&id)).unwrap()
        });
        let origin = Origin::Source { name: "test".into() };
        for answer in intake.take_many(candidates.collect(), &origin).await {
            answer.unwrap();
        }
    });
}

fn numbered(count: i64) -> Vec<(String, Millis)> {
    (0..count).map(|n| (format!("a{n:04}"), NOW.plus(-n * 1000))).collect()
}

fn bytes(r: &Running) -> [Vec<u8>; 3] {
    ["rss", "atom", "json"].map(|format| r.get(&format!("/feeds/news.{format}"), &[]).body)
}

/// The process died after it had kept one feed and before it had kept another.
#[test]
fn a_feed_that_was_not_kept_is_there_from_the_first_answer() {
    let settings = format!("{SETTINGS}[[feeds]]\nslug = \"second\"\nlanguage = \"mixed\"\n");
    let r = Running::with(&settings);
    r.publish("a", "А", NOW);
    r.settle();
    sql(&r, "DELETE FROM documents WHERE feed = 'news'");
    let r = again(r, &settings);
    assert_eq!(r.get("/feeds/news.json", &[]).status, 200);
    assert_eq!(r.titles("news"), ["А"]);
    assert_eq!(r.titles("second"), ["А"]);
}

#[test]
fn kept_documents_are_served_at_once_and_stay_the_same() {
    let r = Running::start();
    for n in 0..4 {
        r.publish(&format!("a{n}"), &format!("a{n}"), hours_ago(n));
    }
    r.until("all are there", |r| (r.titles("news").len() == 4).then_some(()));
    r.withdraw("a0");
    r.until_titles("news", &["a1", "a2", "a3"]);
    r.settle();
    let (tags, before) = (etags(&r, "news"), bytes(&r));
    r.clock.turn(Duration::from_secs(5000));
    let r = again(r, SETTINGS);
    assert_eq!(etags(&r, "news"), tags, "at once");
    assert!(bytes(&r) == before);
    r.settle();
    assert_eq!(etags(&r, "news"), tags, "after regeneration");
    assert!(bytes(&r) == before);
}

/// Entries that grew too old leave for good, and a restart does not forget when.
#[test]
fn a_restart_moves_no_date_of_a_feed_that_lost_old_entries() {
    let settings = format!("{SITE}{}", feed("news", "select = { max_age = \"1d\" }"));
    let r = Running::with(&settings);
    r.put("a", hours_ago(1), json!({}));
    r.put("b", hours_ago(20), json!({}));
    r.until_titles("news", &["a", "b"]);
    r.clock.turn(Duration::from_secs(5 * 3600));
    r.until_titles("news", &["a"]);
    r.settle();
    let tags = etags(&r, "news");
    let r = again(r, &settings);
    r.settle();
    assert_eq!(etags(&r, "news"), tags);
}

#[test]
fn what_grew_too_old_during_a_stop_is_gone_after_it() {
    let settings = format!("{SITE}{}", feed("news", "select = { max_age = \"1d\" }"));
    let r = Running::with(&settings);
    for n in 0..12 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until("all are there", |r| (r.titles("news").len() == 12).then_some(()));
    r.settle();
    let clock = r.clock.clone();
    let folder = r.stop();
    clock.turn(Duration::from_secs(100 * 3600));
    let r = Running::on(folder, &settings, clock);
    r.until_titles("news", &[]);
    let reply = r.regenerate("news");
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[test]
fn what_was_acknowledged_and_not_published_is_published_at_the_start() {
    let r = Running::start();
    r.publish("a", "a", hours_ago(9));
    r.until_titles("news", &["a"]);
    let clock = r.clock.clone();
    let folder = r.stop();
    write_beside(folder.path(), &[("b".into(), hours_ago(5)), ("c".into(), hours_ago(7))]);
    let r = Running::on(folder, SETTINGS, clock);
    r.until_titles("news", &["b", "c", "a"]);
}

#[test]
fn another_process_writes_and_it_is_published() {
    let r = Running::start();
    r.publish("a", "a", hours_ago(9));
    r.until_titles("news", &["a"]);
    write_beside(r.data(), &[("b".into(), hours_ago(5))]);
    r.until_titles("news", &["b", "a"]);
}

#[test]
fn a_feed_no_longer_declared_is_gone_and_forgotten() {
    let two = format!("{SITE}{}{}", feed("news", ""), feed("extra", ""));
    let one = format!("{SITE}{}", feed("news", ""));
    let r = Running::with(&two);
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("extra", &["a"]);
    r.settle();
    let r = again(r, &one);
    assert_eq!(r.get("/feeds/extra.rss", &[]).status, 404);
    r.settle();
    let conn = rusqlite::Connection::open(r.data().join("jarshy.db")).unwrap();
    for table in ["feed_entries", "feed_states", "documents"] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE feed = 'extra'");
        let count: i64 = conn.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

#[test]
fn a_format_no_longer_declared_is_gone() {
    let all = format!("{SITE}{}", feed("news", ""));
    let one = format!("{SITE}{}", feed("news", "formats = [\"rss\"]"));
    let r = Running::with(&all);
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("news", &["a"]);
    r.settle();
    r.reload(&one);
    r.until_status("/feeds/news.json", 404);
    assert_eq!(r.get("/feeds/news.rss", &[]).status, 200);
    r.settle();
    let r = again(r, &one);
    assert_eq!(r.get("/feeds/news.json", &[]).status, 404);
    assert_eq!(r.get("/feeds/news.rss", &[]).status, 200);
}

#[test]
fn a_changed_selection_is_filled_anew_over_many_pages() {
    let folder = TempDir::new().unwrap();
    write_beside(folder.path(), &numbered(1200));
    let none = "entries = 500\nselect = { tags = [\"nothing\"] }";
    let settings = |more: &str| format!("{SITE}{}{}", feed("news", more), feed("all", ""));
    let r = Running::on(folder, &settings(none), Clock::manual(NOW));
    r.until("all is filled", |r| (r.titles("all").len() == 50).then_some(()));
    r.settle();
    assert_eq!(r.titles("news"), Vec::<String>::new());
    let r = again(r, &settings("entries = 500"));
    let expected: Vec<String> = numbered(500).into_iter().map(|(id, _)| id).collect();
    r.until("news is filled", |r| (r.titles("news") == expected).then_some(()));
    let conn = rusqlite::Connection::open(r.data().join("jarshy.db")).unwrap();
    r.until("every page is filled", |_| {
        let sql = "SELECT COUNT(*) FROM feed_entries WHERE feed = 'news'";
        let count: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        (count == 1200).then_some(())
    });
}

/// A daemon that dies while many articles were withdrawn must not take that for a loss.
#[test]
fn withdrawals_published_by_a_daemon_that_died_are_no_loss_without_reason() {
    let r = Running::start();
    for n in 0..12 {
        r.publish(&format!("a{n}"), &format!("a{n}"), hours_ago(n));
    }
    r.until("all are there", |r| (r.titles("news").len() == 12).then_some(()));
    r.settle();
    // As if it died before the documents of the withdrawals were kept.
    crate::publish::sql(
        &r,
        "CREATE TRIGGER broken BEFORE INSERT ON documents
        BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    (0..12).for_each(|n| r.withdraw(&format!("a{n}")));
    r.until_titles("news", &[]);
    let clock = r.clock.clone();
    crate::publish::sql(&r, "DROP TRIGGER broken; UPDATE feed_states SET dirty = 1");
    let r = Running::on(r.stop(), SETTINGS, clock);
    r.until_titles("news", &[]);
    assert_eq!(r.regenerate("news").status, 200);
}
