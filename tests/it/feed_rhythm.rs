//! How often a feed really changes, as readers and caches are told.

use std::time::Duration;

use jarshy::{
    feed::{Snapshot, rhythm::Rhythm},
    model::{Article, Format},
};

use crate::{
    newsroom::*,
    publish::hours_ago,
    running::{Running, SETTINGS},
};

/// Entries, newest first, so many minutes apart.
fn every(minutes: i64, count: i64) -> Vec<Article> {
    let entry = |n: i64| {
        let mut entry = article(&format!("a{n}"));
        entry.published_at = Some(at("2026-11-24T12:00:00Z").plus(-n * minutes * 60_000));
        entry
    };
    (0..count).map(entry).collect()
}

fn max_age(minutes: i64) -> u64 {
    let rhythm = Rhythm::of(&every(minutes, 12)).unwrap();
    rhythm.max_age(Duration::from_secs(60), Duration::from_secs(1800)).as_secs()
}

#[test]
fn a_quarter_of_the_usual_time_within_the_bounds() {
    for (minutes, seconds) in
        [(0, 60), (1, 60), (5, 60), (8, 120), (30, 300), (60, 900), (100, 1200), (1440, 1800)]
    {
        assert_eq!(max_age(minutes), seconds, "an entry each {minutes} minutes");
    }
}

#[test]
fn updates_are_the_usual_words() {
    for (minutes, period, frequency) in [
        (0, "hourly", 60),
        (7, "hourly", 6),
        (60, "hourly", 1),
        (61, "daily", 12),
        (1440, "daily", 1),
        (3 * 1440, "weekly", 1),
        (20 * 1440, "monthly", 1),
        (400 * 1440, "yearly", 1),
    ] {
        let updates = Rhythm::of(&every(minutes, 12)).unwrap().updates();
        assert_eq!((updates.period, updates.frequency), (period, frequency), "{minutes} minutes");
    }
}

#[test]
fn one_night_does_not_move_it_and_two_entries_tell_nothing() {
    let mut entries = every(10, 12);
    let usual = Rhythm::of(&entries);
    for entry in &mut entries[5..] {
        entry.published_at = entry.published_at.map(|at| at.plus(-9 * 3_600_000));
    }
    assert_eq!(Rhythm::of(&entries), usual);
    assert_eq!(Rhythm::of(&every(10, 2)), None);
}

#[test]
fn rss_says_it_in_both_ways() {
    let document = document(Format::Rss, &snapshot(every(60, 6)));
    assert!(document.contains("<ttl>15</ttl>"), "{document}");
    assert!(document.contains(
        "<sy:updateFrequency>1</sy:updateFrequency><sy:updatePeriod>hourly</sy:updatePeriod>"
    ));
    assert!(document.contains("xmlns:sy=\"http://purl.org/rss/1.0/modules/syndication/\""));
    let few = Snapshot::new(&news(), &site(), &public(), every(60, 2), None);
    assert!(!crate::newsroom::document(Format::Rss, &few).contains("<ttl>"));
}

/// Also after a restart, before anything is made anew.
#[test]
fn caches_are_told_the_same_before_and_after_a_restart() {
    let r = Running::start();
    for n in 0..4 {
        r.put(&format!("a{n}"), hours_ago(n), serde_json::json!({}));
    }
    r.settle();
    let told = |r: &Running| {
        r.until("an article an hour is told", |r| {
            let reply = r.get("/feeds/news.atom", &[]);
            let told = reply.header("cache-control")?.contains("max-age=900,");
            told.then(|| reply.header("etag").unwrap().to_owned())
        })
    };
    let before = told(&r);
    let clock = r.clock.clone();
    let r = Running::on(r.stop(), SETTINGS, clock);
    let reply = r.get("/feeds/news.atom", &[]);
    assert!(reply.header("cache-control").unwrap().contains("max-age=900,"), "{}", reply.head);
    assert_eq!(told(&r), before);
}
