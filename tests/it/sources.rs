//! Sources: what others publish comes in by itself, politely; a source that fails harms nothing.

use std::{io::Write, time::Duration};

use jarshy::{
    clock::Clock,
    config::{self, Overrides},
    model::Millis,
};
use serde_json::Value;

use crate::{
    running::{NOW, Running, SETTINGS},
    upstream::{Upstream, answer},
};

const LOOPBACK: &str = "[outbound]\nnetworks_allowed = [\"127.0.0.1\"]\n";
const RSS: [(&str, &str); 1] = [("Content-Type", "application/rss+xml")];

/// Settings with one feed as a source; `more` are further keys of it.
pub fn settings(url: &str, more: &str) -> String {
    format!("{SETTINGS}{LOOPBACK}{}", source("agency", url, more))
}

pub fn source(name: &str, url: &str, more: &str) -> String {
    format!("[[sources]]\nkind = \"feed\"\nname = \"{name}\"\nurl = \"{url}\"\n{more}\n")
}

/// An RSS feed of entries with these titles, an hour between them, the first the newest.
pub fn rss(titles: &[&str]) -> String {
    let items = titles.iter().enumerate().map(|(at, title)| {
        let published = NOW.plus(-3_600_000 * (at as i64 + 1)).to_rfc822();
        item(title, &format!("<pubDate>{published}</pubDate>"))
    });
    channel(&items.collect::<String>())
}

fn item(title: &str, more: &str) -> String {
    format!(
        "<item><title>{title}</title><link>https://agency.example/{title}</link>\
         <guid isPermaLink=\"false\">urn:{title}</guid>{more}</item>"
    )
}

fn channel(items: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\" \
         xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel><title>Agency</title>\
         <link>https://agency.example</link><description>d</description>{items}</channel></rss>"
    )
}

fn tagged(titles: &[&str], etag: &str) -> Vec<u8> {
    answer("200 OK", &[RSS[0], ("ETag", etag)], rss(titles))
}

/// The state of the first source.
pub fn state(r: &Running) -> Value {
    r.api("GET", "/api/v1/sources", "").json()["sources"][0].clone()
}

fn until_failures(r: &Running, failures: u64) -> Value {
    r.until(&format!("{failures} failures"), |r| {
        Some(state(r)).filter(|s| s["failures"] == failures && s["running_since"].is_null())
    })
}

/// The pull that a turn of the clock, or a request, made due.
pub fn until_asked(upstream: &Upstream, r: &Running, times: usize) {
    r.until(&format!("asked {times} times"), |r| {
        let is_idle = state(r)["running_since"].is_null();
        (upstream.asked().len() >= times && is_idle).then_some(())
    });
    assert_eq!(upstream.asked().len(), times);
}

fn pull(r: &Running) {
    assert_eq!(r.api("POST", "/api/v1/sources/agency/pull", "").status, 202);
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

#[test]
fn a_feed_comes_in_and_an_unchanged_one_costs_one_request() {
    let upstream = Upstream::saying(tagged(&["b", "a"], "W/\"one\""));
    let r = Running::with(&settings(&upstream.url("/feed/"), "section = \"Agency\""));
    r.until_titles("news", &["b", "a"]);
    let items = r.items("news");
    assert_eq!(
        (&items[0]["id"], &items[0]["url"]),
        (&"urn:b".into(), &"https://agency.example/b".into())
    );
    let known = r.until("the pull is noted", |r| {
        Some(state(r)).filter(|s| s["last_success_at"].is_string())
    });
    assert_eq!(known["kind"], "feed");
    assert_eq!((&known["articles"]["created"], &known["failures"]), (&2.into(), &0.into()));
    upstream.now_says(answer("304 Not Modified", &[], ""));
    r.clock.turn(minutes(60));
    until_asked(&upstream, &r, 2);
    let asked = &upstream.asked()[1];
    // The tag as the feed's own server wrote it, before a proxy made it weak.
    assert_eq!(asked.header("if-none-match"), Some("\"one\""));
    let known = r.until("noted", |r| Some(state(r)).filter(|s| s["requests"] == 2));
    assert_eq!(known["articles"]["created"], 2);
    assert_eq!(r.titles("news"), ["b", "a"]);
    for (series, value) in [
        ("source_pulls_total{source=\"agency\",result=\"success\"}", 1.0),
        ("source_pulls_total{source=\"agency\",result=\"same\"}", 1.0),
        ("source_pulls_total{source=\"agency\",result=\"failure\"}", 0.0),
        ("source_articles_total{source=\"agency\",outcome=\"created\"}", 2.0),
        ("source_articles_total{source=\"agency\",outcome=\"withdrawn\"}", 0.0),
        ("source_requests_total{source=\"agency\"}", 2.0),
        ("source_failures_in_a_row{source=\"agency\"}", 0.0),
        ("source_progress_ratio{source=\"agency\"}", 1.0),
        (
            "source_last_success_timestamp_seconds{source=\"agency\"}",
            NOW.plus(3_600_000).seconds() as f64,
        ),
    ] {
        assert_eq!(r.metric(series), value, "{series}");
    }
}

#[test]
fn what_leaves_the_window_stays_and_what_was_corrected_comes_again() {
    let upstream = Upstream::saying(answer("200 OK", &RSS, rss(&["b", "a"])));
    let r = Running::with(&settings(&upstream.url("/"), ""));
    r.until_titles("news", &["b", "a"]);
    let newer = NOW.to_rfc822();
    let corrected = NOW.plus(-3_600_000).to_rfc822();
    let body = channel(&format!(
        "{}{}",
        item("c", &format!("<pubDate>{newer}</pubDate>")),
        item("b", &format!("<pubDate>{corrected}</pubDate><description>Уточнено</description>"))
    ));
    upstream.now_says(answer("200 OK", &RSS, body));
    pull(&r);
    r.until_titles("news", &["c", "b", "a"]);
    r.until("the correction is there", |r| {
        r.items("news")[1]["content_html"].as_str()?.contains("Уточнено").then_some(())
    });
    upstream.now_says(answer("200 OK", &RSS, channel("")));
    pull(&r);
    until_asked(&upstream, &r, 3);
    r.settle();
    assert_eq!(r.titles("news"), ["c", "b", "a"]);
}

#[test]
fn a_source_that_fails_is_asked_less_and_leaves_everything_as_it_was() {
    let upstream = Upstream::saying(tagged(&["a"], "\"one\""));
    let r = Running::with(&settings(&upstream.url("/"), ""));
    r.until_titles("news", &["a"]);
    until_asked(&upstream, &r, 1);
    let whole = rss(&["b", "a"]);
    let cut = &whole[..whole.len() - 60];
    let nested = format!("{}{}", "<a>".repeat(1000), "</a>".repeat(1000));
    let failures: [(Vec<u8>, &str); 8] = [
        (answer("500 Oops", &[], "<rss/>"), "answered 500"),
        (answer("403 Forbidden", &[], ""), "answered 403: a feed is expected there"),
        (answer("200 OK", &RSS, cut), "cut short"),
        (answer("200 OK", &RSS, "<html><body>Error</body></html>"), "no RSS, Atom or JSON feed"),
        (answer("200 OK", &RSS, "{\"no\": \"feed\"}"), "no RSS, Atom or JSON feed"),
        (answer("200 OK", &RSS, nested), "nested deeper"),
        (answer("200 OK", &RSS, [0xff, 0xfe, 0x00, 0xd8].repeat(50)), "is not taken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<rss".to_vec(), "broke off"),
    ];
    for (at, (bytes, why)) in failures.into_iter().enumerate() {
        upstream.now_says(bytes);
        r.clock.turn(minutes(61));
        let state = until_failures(&r, at as u64 + 1);
        let said = state["last_error"].as_str().unwrap();
        assert!(said.contains(why), "{why}: {said}");
        let due = Millis::from_rfc3339(state["due_at"].as_str().unwrap()).unwrap();
        let attempt = Millis::from_rfc3339(state["last_attempt_at"].as_str().unwrap()).unwrap();
        let (wait, most) = (due.0 - attempt.0, (5000 << at).min(900_000));
        assert!((most / 2..=most).contains(&wait), "after failure {at}: {wait} ms");
    }
    assert_eq!(r.metric("source_failures_in_a_row{source=\"agency\"}"), 8.0);
    assert_eq!(crate::wire::get(r.ops(), "/readyz", &[]).status, 200);
    assert_eq!(r.titles("news"), ["a"]);
    upstream.now_says(answer("200 OK", &RSS, whole));
    r.clock.turn(minutes(16));
    r.until_titles("news", &["b", "a"]);
    let state = until_failures(&r, 0);
    assert!(state.get("last_error").is_none(), "{state}");
}

#[test]
fn a_feed_is_left_alone_as_long_as_it_wants() {
    let hour = [RSS[0], ("Cache-Control", "public, max-age=7200")];
    let upstream = Upstream::saying(answer("200 OK", &hour, rss(&["a"])));
    let r = Running::with(&settings(&upstream.url("/"), ""));
    until_asked(&upstream, &r, 1);
    let due = |r: &Running, after: i64| {
        let due = NOW.plus(after).to_rfc3339();
        r.until(&format!("due at {due}"), |r| (state(r)["due_at"] == due.as_str()).then_some(()));
    };
    due(&r, 7_200_000);
    let ttl = rss(&["a"]).replace("<item>", "<ttl>180</ttl><item>");
    upstream.now_says(answer("200 OK", &RSS, ttl));
    pull(&r);
    due(&r, 3 * 3_600_000);
    upstream.now_says(answer("503 Busy", &[("Retry-After", "14400")], ""));
    pull(&r);
    due(&r, 4 * 3_600_000);
    upstream.now_says(answer("429 Slow", &[("Retry-After", "Wed, 25 Nov 2026 00:00:00 GMT")], ""));
    pull(&r);
    due(&r, 12 * 3_600_000);
    upstream.now_says(answer("503 Busy", &[("Retry-After", "99999999999")], ""));
    pull(&r);
    due(&r, 24 * 3_600_000);
}

#[test]
fn a_feed_is_asked_as_often_as_it_changes() {
    let quiet =
        rss(&["a"]).replace(&NOW.plus(-3_600_000).to_rfc822(), "Tue, 01 Sep 2026 12:00:00 GMT");
    let upstream = Upstream::saying(answer("200 OK", &RSS, rss(&["d", "c", "b", "a"])));
    let r = Running::with(&settings(&upstream.url("/"), "every = \"1m\"\nevery_max = \"2h\""));
    let due = |r: &Running, after: i64| {
        let due = NOW.plus(after).to_rfc3339();
        r.until(&format!("due at {due}"), |r| (state(r)["due_at"] == due.as_str()).then_some(()));
    };
    // An entry an hour: asked every half hour.
    due(&r, 1_800_000);
    upstream.now_says(answer("200 OK", &RSS, quiet));
    pull(&r);
    due(&r, 2 * 3_600_000);
}

#[test]
fn a_feed_that_is_gone_is_asked_no_more() {
    let upstream = Upstream::saying(answer("410 Gone", &[], ""));
    let r = Running::with(&settings(&upstream.url("/"), ""));
    let known = until_failures(&r, 1);
    assert_eq!((&known["gone"], &known["due_at"]), (&true.into(), &Value::Null));
    assert!(known["last_error"].as_str().unwrap().contains("410"), "{known}");
    let folder = r.stop();
    let later = Clock::manual(NOW.plus(30 * 86_400_000));
    let r = Running::on(folder, &settings(&upstream.url("/"), ""), later);
    assert_eq!(state(&r)["gone"], true);
    upstream.now_says(answer("200 OK", &RSS, rss(&["a"])));
    pull(&r);
    r.until_titles("news", &["a"]);
    assert_eq!(upstream.asked().len(), 2);
    assert_eq!(until_failures(&r, 0)["gone"], false);
}

#[test]
fn a_feed_that_moved_for_good_is_followed_each_time_and_says_so() {
    let upstream = Upstream::start(|asked, stream| {
        let bytes = match (asked.path.as_str(), asked.header("if-none-match")) {
            ("/old", _) => answer("301 Moved", &[("Location", "/new?key=s3cret")], ""),
            (_, Some("\"one\"")) => answer("304 Not Modified", &[], ""),
            _ => tagged(&["a"], "\"one\""),
        };
        let _ = stream.write_all(&bytes);
    });
    let r = Running::with(&settings(&upstream.url("/old"), ""));
    r.until_titles("news", &["a"]);
    until_asked(&upstream, &r, 2);
    for round in 1..=2 {
        pull(&r);
        until_asked(&upstream, &r, 2 + 2 * round);
        let asked: Vec<String> = upstream.asked().into_iter().map(|a| a.path).collect();
        assert_eq!(asked[2 * round..], ["/old", "/new?key=s3cret"], "nothing is asked by heart");
        let note = state(&r)["note"].as_str().unwrap().to_owned();
        let to = upstream.url("/new?…");
        assert!(note.contains("moved permanently") && note.contains(&to), "{note}");
        assert!(note.contains("`url`") && !note.contains("s3cret"), "{note}");
    }
}

#[test]
fn one_redirect_of_a_stranger_moves_no_feed() {
    let portal = Upstream::saying(tagged(&["portal"], "\"portal\""));
    let to = portal.url("/feed/");
    let upstream = Upstream::saying(answer("301 Moved", &[("Location", &to)], ""));
    let r = Running::with(&settings(&upstream.url("/feed/"), ""));
    r.until_titles("news", &["portal"]);
    r.until("noted", |r| state(r)["note"].is_string().then_some(()));
    // The feed itself was never seen, however much it thinks that the stranger's tag is its own.
    let whole = Upstream::start(|asked, stream| {
        let bytes = match asked.header("if-none-match") {
            Some(_) => answer("304 Not Modified", &[], ""),
            None => tagged(&["a"], "\"one\""),
        };
        let _ = stream.write_all(&bytes);
    });
    upstream.now_does(move |_, stream| {
        let _ = stream.write_all(&answer("307 Go", &[("Location", &whole.url("/"))], ""));
    });
    pull(&r);
    r.until("the feed itself is read", |r| {
        r.titles("news").contains(&"a".to_owned()).then_some(())
    });
    r.until("nothing is to be said", |r| state(r)["note"].is_null().then_some(()));
    assert_eq!(portal.asked().len(), 1);
    upstream.now_says(tagged(&["b"], "\"two\""));
    pull(&r);
    r.until("it is read where it is", |r| r.titles("news").contains(&"b".to_owned()).then_some(()));
}

#[test]
fn a_key_in_an_address_is_shown_nowhere() {
    let nowhere = "<item><title>x</title><link></link><guid>urn:x</guid></item>";
    let fragment = "<item><title>y</title><link>#y</link><guid>urn:y</guid></item>";
    let feed = channel(&format!("{}{nowhere}{fragment}", item("a", "")));
    let upstream = Upstream::saying(answer("200 OK", &RSS, feed));
    let settings = settings(&upstream.url("/feed/?key=s3cret#s3cret"), "");
    let r = Running::with(&settings);
    until_asked(&upstream, &r, 1);
    assert_eq!(upstream.asked()[0].path, "/feed/?key=s3cret");
    let shown = |r: &Running| {
        for path in ["/api/v1/sources", "/api/v1/articles", "/api/v1/jobs"] {
            let text = r.api("GET", path, "").text();
            assert!(!text.contains("s3cret"), "{path}: {text}");
        }
        assert!(!r.get("/feeds/news.json", &[]).text().contains("s3cret"));
        state(r)
    };
    r.until("they are there", |r| (!r.titles("news").is_empty()).then_some(()));
    assert_eq!(shown(&r)["url"], upstream.url("/feed/?…").as_str());
    let cases =
        [answer("200 OK", &RSS, "<html/>"), answer("500 No", &[], ""), answer("410 Gone", &[], "")];
    for (at, bytes) in cases.into_iter().enumerate() {
        upstream.now_says(bytes);
        pull(&r);
        until_failures(&r, at as u64 + 1);
        shown(&r);
    }
    let folder = r.stop();
    let config = folder.path().join("j.toml");
    std::fs::write(&config, &settings).unwrap();
    for args in [["sources", "--config"], ["check", "--config"]] {
        let args = [&args[..], &[config.to_str().unwrap()]].concat();
        let (_, out, err) = crate::import::jarshy(folder.path(), &args, b"");
        assert!(!out.contains("s3cret") && !err.contains("s3cret"), "{out}{err}");
    }
    std::fs::remove_file(&config).unwrap();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let is_there = bytes.windows(6).any(|six| six == b"s3cret");
            assert!(!is_there, "{} holds the key", entry.path().display());
        }
    }
}

#[test]
fn a_pull_that_hangs_is_ended() {
    let upstream = Upstream::start(|_, _| std::thread::sleep(Duration::from_secs(60)));
    let settings = settings(&upstream.url("/"), "") + "[pull]\ntime_limit = \"300ms\"\n";
    let r = Running::with(&settings);
    let known = until_failures(&r, 1);
    assert!(known["last_error"].as_str().unwrap().contains("pull.time_limit"), "{known}");
    // One that hangs does not hold up the end.
    pull(&r);
    r.stop();
}

#[test]
fn entries_that_nobody_can_know_again_are_refused_with_a_reason() {
    let nameless = "<item><title>x</title><pubDate>Tue, 24 Nov 2026 10:00:00 GMT</pubDate></item>";
    let placeless = "<item><title>x</title><guid isPermaLink=\"false\">urn:x</guid></item>";
    let twice = item("a", "").repeat(2);
    let linked = "<item><title>linked</title><link>/b?x=1</link></item>";
    let feed = channel(&format!("{nameless}{placeless}{twice}{linked}"));
    let upstream = Upstream::saying(answer("200 OK", &RSS, feed));
    let r = Running::with(&settings(&upstream.url("/feeds/x"), ""));
    until_asked(&upstream, &r, 1);
    r.until("both are there", |r| (r.items("news").len() == 2).then_some(()));
    let known = state(&r);
    assert_eq!(
        (&known["articles"]["created"], &known["articles"]["refused"]),
        (&2.into(), &3.into())
    );
    let note = known["note"].as_str().unwrap();
    assert!(
        note.contains("3 of the feed's entries") && note.contains("neither a guid nor a link"),
        "{note}"
    );
    // Without a date: of the moment when they were first seen, also when they are seen again.
    let dates = |r: &Running| -> Vec<Value> {
        r.items("news").iter().map(|i| i["date_published"].clone()).collect()
    };
    let before = dates(&r);
    let urls: Vec<Value> = r.items("news").iter().map(|i| i["url"].clone()).collect();
    assert!(urls.contains(&upstream.url("/b?x=1").into()), "{urls:?}");
    r.clock.turn(minutes(90));
    until_asked(&upstream, &r, 2);
    r.until("unchanged", |r| (state(r)["articles"]["unchanged"] == 2).then_some(()));
    assert_eq!(dates(&r), before);
}

#[test]
fn what_was_withdrawn_here_does_not_come_back() {
    let upstream = Upstream::saying(answer("200 OK", &RSS, rss(&["b", "a"])));
    let r = Running::with(&settings(&upstream.url("/"), ""));
    r.until_titles("news", &["b", "a"]);
    let articles = r.api("GET", "/api/v1/articles", "").json();
    let first =
        articles["articles"].as_array().unwrap().iter().find(|a| a["title"] == "b").unwrap();
    let id = first["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("agency-") && id.len() == "agency-".len() + 16, "{id}");
    r.withdraw(&id);
    r.until_titles("news", &["a"]);
    pull(&r);
    until_asked(&upstream, &r, 2);
    r.settle();
    assert_eq!(r.titles("news"), ["a"]);
}

#[test]
fn a_reload_starts_changes_and_ends_sources() {
    let (one, two) =
        (Upstream::saying(tagged(&["a"], "\"1\"")), Upstream::saying(tagged(&["b"], "\"2\"")));
    let none = format!("{SETTINGS}{LOOPBACK}");
    let r = Running::with(&none);
    assert_eq!(r.api("GET", "/api/v1/sources", "").json()["sources"], Value::Array(vec![]));
    assert_eq!(r.api("POST", "/api/v1/sources/agency/pull", "").status, 404);
    r.reload(&settings(&one.url("/"), ""));
    r.until_titles("news", &["a"]);
    until_asked(&one, &r, 1);
    // The same again changes nothing, another interval asks at once and goes on where it was.
    r.reload(&settings(&one.url("/"), ""));
    r.reload(&settings(&one.url("/"), "every = \"10m\""));
    until_asked(&one, &r, 2);
    assert_eq!(one.asked()[1].header("if-none-match"), Some("\"1\""));
    assert_eq!(state(&r)["requests"], 2, "counters go on");
    // Another address is read anew.
    r.reload(&settings(&two.url("/"), ""));
    r.until_titles("news", &["a", "b"]);
    assert_eq!(two.asked()[0].header("if-none-match"), None);
    r.reload(&none);
    assert_eq!(r.api("GET", "/api/v1/sources", "").json()["sources"], Value::Array(vec![]));
    assert!(!r.metrics().contains("agency"));
    r.clock.turn(minutes(600));
    r.settle();
    assert_eq!((one.asked().len(), two.asked().len()), (2, 1));
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let upstream = Upstream::saying(tagged(&["a"], "\"one\""));
    let settings = settings(&upstream.url("/"), "");
    let r = Running::with(&settings);
    r.until_titles("news", &["a"]);
    until_asked(&upstream, &r, 1);
    r.until("noted", |r| state(r)["last_success_at"].is_string().then_some(()));
    let folder = r.stop();
    upstream.now_says(answer("304 Not Modified", &[], ""));
    let r = Running::on(folder, &settings, Clock::manual(NOW.plus(3_600_000)));
    until_asked(&upstream, &r, 2);
    assert_eq!(upstream.asked()[1].header("if-none-match"), Some("\"one\""));
    assert_eq!(r.titles("news"), ["a"]);
}

#[test]
fn nothing_inside_is_asked_unless_the_settings_say_so() {
    let upstream = Upstream::saying(tagged(&["a"], "\"one\""));
    let closed = format!("{SETTINGS}{}", source("agency", &upstream.url("/"), ""));
    let r = Running::with(&closed);
    let known = until_failures(&r, 1);
    assert!(known["last_error"].as_str().unwrap().contains("outbound.networks_allowed"), "{known}");
    assert!(upstream.asked().is_empty());
    r.reload(&settings(&upstream.url("/"), ""));
    pull(&r);
    r.until_titles("news", &["a"]);
}

#[test]
fn sources_beyond_the_labels_share_one() {
    let upstream = Upstream::saying(tagged(&[], "\"one\""));
    let sources: Vec<String> =
        (0..4).map(|n| source(&format!("s{n}"), &upstream.url("/"), "")).collect();
    let limit = "[metrics]\nsources_max = 2\n";
    let r = Running::with(&format!("{SETTINGS}{LOOPBACK}{limit}{}", sources.concat()));
    r.until("all were pulled", |r| {
        let same = |label: &str| {
            r.metric(&format!("source_pulls_total{{source=\"{label}\",result=\"same\"}}"))
        };
        (same("s0") == 1.0 && same("s1") == 1.0 && same("other") == 2.0).then_some(())
    });
    assert!(!r.metrics().contains("\"s2\""));
    r.metrics();
    assert_eq!(r.metric("label_overflow_total{label=\"source\"}"), 2.0);
}

fn faults(text: &str) -> Vec<String> {
    let flags = Overrides::default();
    match config::parse(text, "jarshy.toml", &[], &flags) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn each_mistake_has_its_sentence() {
    let wordpress =
        "[[sources]]\nkind = \"wordpress\"\nname = \"site\"\nurl = \"https://a.example\"\n";
    let feed = "[[sources]]\nkind = \"feed\"\nname = \"agency\"\nurl = \"https://a.example/rss\"\n";
    let cases = [
        (
            "[[sources]]\nname = \"x\"".to_owned(),
            "jarshy.toml:1: sources[0].kind: is missing; write for example \"wordpress\" or \"feed\"",
        ),
        (
            "[[sources]]\nkind = \"feed\"\nurl = \"https://a.example\"".into(),
            "jarshy.toml:1: sources[0].name: is missing; write for example \"site\"",
        ),
        (
            "[[sources]]\nkind = \"feed\"\nname = \"a\"".into(),
            "jarshy.toml:1: sources[0].url: is missing; write for example \"https://news.example/feed/\"",
        ),
        (
            feed.replace("https", "ftp"),
            "jarshy.toml:4: sources[0].url: `ftp://a.example/rss` is not an absolute http or https URL; write for example \"https://news.example/feed/\"",
        ),
        (
            feed.replace("a.example/rss", "user:s3cret@a.example/rss?key=s3cret"),
            "jarshy.toml:4: sources[0].url: `https://a.example/rss?…` is not an absolute http or https URL: it contains a user name or password; write for example \"https://news.example/feed/\"",
        ),
        (
            feed.replace("https://a.example/rss", "https://user:s3 cret@a.example/rss"),
            "jarshy.toml:4: sources[0].url: `https://a.example/rss` is not an absolute http or https URL: it contains spaces or control characters; write for example \"https://news.example/feed/\"",
        ),
        (
            wordpress.replace("a.example", "a.example/?key=s3cret"),
            "jarshy.toml:4: sources[0].url: `https://a.example/?…` has a query or a fragment; write for example \"https://news.example\"",
        ),
        (
            feed.replace("agency", "Ағ"),
            "jarshy.toml:3: sources[0].name: `Ағ` is not 1 to 40 characters of a-z 0-9 -; write for example \"site\"",
        ),
        (
            feed.replace("agency", "other"),
            "jarshy.toml:3: sources[0].name: `other` is what sources without series of their own share; write for example \"site\"",
        ),
        (
            format!("{feed}{feed}prefix = \"b\"\n"),
            "jarshy.toml:7: sources[1].name: `agency` is the name of the source at jarshy.toml:3 too; choose another",
        ),
        (
            format!("{wordpress}{}", wordpress.replace("\"site\"", "\"b\"")),
            "jarshy.toml:5: sources[1].prefix: `wp` is the prefix of the source at jarshy.toml:1 too; choose another",
        ),
        (
            format!("{feed}every = \"5\"\n"),
            "jarshy.toml:5: sources[0].every: `5` has no unit; write for example \"5m\"",
        ),
        (
            format!("{feed}every = \"100ms\"\n"),
            "jarshy.toml:5: sources[0].every: it is shorter than a second; write for example \"5m\"",
        ),
        (
            format!("{feed}every = \"2h\"\nevery_max = \"1h\"\n"),
            "jarshy.toml:6: sources[0].every_max: it is shorter than `every`; make it longer",
        ),
        (format!("{feed}user = \"x\"\n"), "jarshy.toml:5: sources[0].user: there is no such key"),
        (
            format!("{wordpress}evry = \"5m\"\n"),
            "jarshy.toml:5: sources[0].evry: there is no such key; did you mean every?",
        ),
        (
            format!("{wordpress}user = \"jarshy\"\n"),
            "jarshy.toml:5: sources[0].user: needs password_file too: a file that holds the application password",
        ),
        (
            format!("{wordpress}user = \"jarshy\"\npassword_file = \"/no/such\"\n"),
            "jarshy.toml:6: sources[0].password_file: /no/such cannot be read (No such file or directory (os error 2)); check its permissions; write for example \"/etc/jarshy/wordpress.password\"",
        ),
        (
            format!("{wordpress}types = []\n"),
            "jarshy.toml:5: sources[0].types: the list is empty; write for example [\"posts\"]",
        ),
        (
            format!("{wordpress}types = [\"po/sts\"]\n"),
            "jarshy.toml:5: sources[0].types: `po/sts` is no REST name of a post type, such as posts or pages; write for example [\"posts\"]",
        ),
        (
            format!("{wordpress}page_size = 101\n"),
            "jarshy.toml:5: sources[0].page_size: 101 is not between 2 and 100; write for example 100",
        ),
        (
            format!("{wordpress}prefix = \"a b\"\n"),
            "jarshy.toml:5: sources[0].prefix: `a b` is not 1 to 40 characters of A-Z a-z 0-9 _ -; write for example \"wp\"",
        ),
        (
            "[outbound]\nnetworks_allowed = [\"localhost\"]\n".into(),
            "jarshy.toml:2: outbound.networks_allowed: `localhost` is not a network or an IP address; write for example []",
        ),
        (
            "[pull]\nretry_min = \"1h\"\n".into(),
            "jarshy.toml:2: pull.retry_max: it is shorter than pull.retry_min; make it longer",
        ),
    ];
    for (text, fault) in cases {
        assert_eq!(faults(&text), [fault], "{text}");
    }
    let many: String =
        (0..101).map(|n| source(&format!("s{n}"), "https://a.example", "")).collect();
    assert_eq!(faults(&many).len(), 1);
}

#[test]
fn the_commented_sources_of_the_defaults_are_taken() {
    let defaults = include_str!("../../config/default.toml");
    let begin = defaults.find("# [[sources]]").unwrap();
    let commented = defaults[begin..].lines().take_while(|line| line.starts_with('#'));
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "abcd efgh\n").unwrap();
    let text: String = commented.map(|line| format!("{}\n", &line[1..])).collect();
    let text = text.replace("/etc/jarshy/wordpress.password", password.to_str().unwrap());
    let config = config::parse(&text, "x.toml", &[], &Overrides::default()).unwrap();
    let kinds: Vec<&str> = config.sources.iter().map(|source| source.kind.as_str()).collect();
    assert_eq!(kinds, ["wordpress", "feed"]);
    let shortest = "[[sources]]\nkind = \"wordpress\"\nname = \"site\"\nurl = \"https://a.example/\"\n\
        [[sources]]\nkind = \"feed\"\nname = \"agency\"\nurl = \"https://a.example/rss\"\n";
    let short = config::parse(shortest, "x.toml", &[], &Overrides::default()).unwrap();
    let (config::SourceKind::WordPress(said), config::SourceKind::WordPress(usual)) =
        (&config.sources[0].kind, &short.sources[0].kind)
    else {
        panic!("{:?}", config.sources)
    };
    let told = config::WordPressSource {
        url: usual.url.clone(),
        user: None,
        password_file: None,
        ..said.clone()
    };
    assert_eq!(told, *usual, "what the comments say is what holds without them");
}
