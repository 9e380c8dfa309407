//! A hit that is sent again with its Idempotency-Key gets the first verdict and counts nothing.

use std::time::Duration;

use jarshy::{
    clock::Clock,
    config,
    model::Verdict,
    views::{Hit, IdempotencyKey, NotKept, Target},
};
use rusqlite::Connection;

use crate::{
    running::{BROWSER, NOW, Running, SETTINGS},
    views::{Newsroom, agreed_sum, hit, settings},
    wire::{self, Reply},
};

fn newsroom() -> Running {
    let running = Running::start();
    running.publish("a", "A", NOW);
    running.publish("b", "B", NOW);
    running.until("b can be viewed", |r| (r.get("/count/b.json", &[]).status == 200).then_some(()));
    running
}

fn post(running: &Running, path: &str, key: &str) -> Reply {
    // Each visitor asks not to be tracked, so that nothing is a repeat.
    let headers = [("User-Agent", BROWSER), ("DNT", "1"), ("Idempotency-Key", key)];
    wire::ask(running.public(), "POST", path, &headers, b"")
}

fn verdict(running: &Running, path: &str, key: &str) -> String {
    let reply = post(running, path, key);
    reply
        .header("jarshy-view")
        .unwrap_or_else(|| panic!("{} {}", reply.status, reply.text()))
        .to_owned()
}

fn counted(running: &Running, id: &str) -> u64 {
    running.get(&format!("/count/{id}.json"), &[]).json()["counted"].as_u64().unwrap()
}

#[test]
fn a_replay_gets_the_first_verdict_for_a_day_and_over_a_restart() {
    let running = newsroom();
    assert_eq!(verdict(&running, "/v/a", "\"one\""), "counted");
    assert_eq!(verdict(&running, "/v/a", "\"one\""), "counted");
    assert_eq!(verdict(&running, "/v/a", "one"), "counted", "with quotes or without is the same");
    assert_eq!(counted(&running, "a"), 1);
    assert_eq!(verdict(&running, "/v/a", "two"), "counted");
    assert_eq!(verdict(&running, "/v/b", "one"), "counted", "a key belongs to its article");
    assert_eq!((counted(&running, "a"), counted(&running, "b")), (2, 1));
    assert_eq!(running.metric("hit_replays_total"), 2.0);
    assert_eq!(
        running.metric("hit_verdicts_total{verdict=\"counted\"}"),
        3.0,
        "replays are no hits"
    );
    running.clock.turn(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(verdict(&running, "/v/a", "one"), "counted");
    assert_eq!(counted(&running, "a"), 2);
    let now = running.clock.now();
    let again = Running::on(running.stop(), SETTINGS, Clock::manual(now));
    assert_eq!(verdict(&again, "/v/a", "one"), "counted");
    assert_eq!(counted(&again, "a"), 2, "kept over a restart");
    again.clock.turn(Duration::from_secs(1));
    assert_eq!(verdict(&again, "/v/a", "one"), "counted");
    assert_eq!(counted(&again, "a"), 3, "a day later it is another hit");
    assert_eq!(verdict(&again, "/v/a", "one"), "counted");
    assert_eq!(counted(&again, "a"), 3, "which has its own day");
}

#[test]
fn the_first_verdict_stands_whatever_the_replay_looks_like() {
    let running = newsroom();
    let send = |path: &str, agent: &str, key: &str| {
        let headers = [("User-Agent", agent), ("Idempotency-Key", key)];
        let reply = wire::ask(running.public(), "POST", path, &headers, b"");
        reply.header("jarshy-view").unwrap().to_owned()
    };
    assert_eq!(send("/v/a", "curl/8.0", "k1"), "bot");
    assert_eq!(send("/v/a", BROWSER, "k1"), "bot");
    assert_eq!(send("/v/a", BROWSER, "k2"), "counted");
    assert_eq!(send("/v/a", BROWSER, "k3"), "repeat");
    assert_eq!(send("/v/a", BROWSER, "k3"), "repeat");
    assert_eq!(send("/v/a", "curl/8.0", "k2"), "counted");
    assert_eq!(send("/v?url=https://news.example/b/", BROWSER, "k4"), "counted");
    assert_eq!(send("/v?url=https://news.example/b/", BROWSER, "k4"), "counted");
    let pixel = [("User-Agent", BROWSER), ("Idempotency-Key", "k2")];
    assert_eq!(running.get("/v/a.gif", &pixel).header("jarshy-view"), Some("counted"));
    assert_eq!((counted(&running, "a"), counted(&running, "b")), (1, 1));
    assert_eq!(running.metric("hit_replays_total"), 5.0);
}

#[test]
fn what_is_no_key_is_refused_in_a_sentence_and_counts_nothing() {
    let running = newsroom();
    let long = "k".repeat(65);
    let quoted_long = format!("\"{long}\"");
    for key in
        ["", "\"\"", "a b", "\"a b\"", "\"a", "a\"b", "\"a\\x\"", "ключ", &long, &quoted_long]
    {
        let reply = post(&running, "/v/a", key);
        assert_eq!(reply.status, 400, "{key}");
        assert!(reply.text().contains("1 to 64 visible characters"), "{}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let two = [("User-Agent", BROWSER), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(wire::ask(running.public(), "POST", "/v/a", &two, b"").status, 400);
    assert_eq!(counted(&running, "a"), 0);
    let longest = "k".repeat(64);
    for key in
        [longest.as_str(), "\"a\\\"\\\\\"", "  padded  ", "8e03978e-40d5-43dd-bc93-6894a57f9324"]
    {
        assert_eq!(verdict(&running, "/v/a", key), "counted", "{key}");
        assert_eq!(verdict(&running, "/v/a", key), "counted", "{key}");
    }
    assert_eq!(counted(&running, "a"), 4);
}

fn with_key<'a>(id: &'a str, key: &str) -> Hit<'a> {
    let key = IdempotencyKey::parse(key.as_bytes()).unwrap();
    let plain = hit(id, "192.0.2.1");
    let headers = jarshy::views::HitHeaders { sec_gpc: Some(b"1"), ..plain.headers };
    Hit { headers, idempotency_key: Some(key), target: Target::Id(id), ..plain }
}

#[tokio::test]
async fn a_retry_after_a_refused_commit_counts_once() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let disk = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
    disk.busy_timeout(Duration::from_secs(30)).unwrap();
    disk.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    assert_eq!(newsroom.views.hit(with_key("a0", "k")).await, Err(NotKept::Refused));
    assert_eq!(newsroom.views.hit(with_key("a0", "k")).await, Err(NotKept::Refused));
    disk.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(newsroom.views.hit(with_key("a0", "k")).await, Ok(Verdict::Counted));
    assert_eq!(newsroom.views.hit(with_key("a0", "k")).await, Ok(Verdict::Counted));
    assert_eq!(newsroom.views.count("a0").unwrap().counted, 1);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test]
async fn an_acknowledged_key_is_in_the_files_at_that_moment() {
    for fold_every in [Duration::ZERO, Duration::from_secs(3600)] {
        let settings = config::Views { fold_every, ..settings() };
        let newsroom = Newsroom::with_articles(&settings, 1).await;
        for number in 0..5 {
            let key = format!("k{number}");
            newsroom.views.hit(with_key("a0", &key)).await.unwrap();
        }
        // While a transaction of ours is open nobody writes: the copy is as after kill -9.
        let still = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
        still.busy_timeout(Duration::from_secs(30)).unwrap();
        still.execute_batch("BEGIN IMMEDIATE").unwrap();
        let copy = tempfile::TempDir::new().unwrap();
        for name in ["views.db", "views.db-wal"] {
            std::fs::copy(newsroom.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        still.execute_batch("ROLLBACK").unwrap();
        let views = crate::views::open(copy.path(), &settings, &newsroom.clock);
        views.roster().catch_up(&newsroom.store).await.unwrap();
        for number in 0..5 {
            let key = format!("k{number}");
            assert_eq!(views.hit(with_key("a0", &key)).await, Ok(Verdict::Counted));
        }
        assert_eq!(views.count("a0").unwrap().counted, 5);
        assert_eq!(views.writer_numbers().replays, 5);
        assert_eq!(views.hit(with_key("a0", "k5")).await, Ok(Verdict::Counted));
        assert_eq!(views.count("a0").unwrap().counted, 6);
    }
}

#[tokio::test]
async fn there_are_only_so_many_keys_and_the_oldest_goes_first() {
    let few = config::Views { idempotency_keys_max: 3, ..settings() };
    let mut newsroom = Newsroom::with_articles(&few, 1).await;
    for key in ["k1", "k2", "k3", "k4", "k5"] {
        newsroom.views.hit(with_key("a0", key)).await.unwrap();
    }
    assert_eq!(newsroom.views.writer_numbers().keys_forgotten, 2);
    for restarted in [false, true] {
        if restarted {
            newsroom.restart(&few).await;
        }
        for key in ["k3", "k4", "k5"] {
            newsroom.views.hit(with_key("a0", key)).await.unwrap();
        }
        assert_eq!(newsroom.views.count("a0").unwrap().counted, 5, "restarted: {restarted}");
    }
    newsroom.views.hit(with_key("a0", "k1")).await.unwrap();
    assert_eq!(newsroom.views.count("a0").unwrap().counted, 6, "it was forgotten");
    newsroom.views.stop().await;
    let disk = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
    let rows: i64 =
        disk.query_row("SELECT COUNT(*) FROM idempotency_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3, "nor does the disk keep more");
    let none = config::Views { idempotency_keys_max: 0, ..settings() };
    newsroom.restart(&none).await;
    newsroom.views.hit(with_key("a0", "k9")).await.unwrap();
    newsroom.views.hit(with_key("a0", "k9")).await.unwrap();
    assert_eq!(newsroom.views.count("a0").unwrap().counted, 8, "none is remembered");
}
