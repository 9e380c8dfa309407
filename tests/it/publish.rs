//! On change: what was acknowledged is soon in every feed it belongs to, and moves nothing else.

use jarshy::model::Millis;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;

use crate::running::{NOW, Running};

const HOUR: i64 = 3_600_000;

pub fn with_feeds(feeds: &str) -> Running {
    Running::with(&format!("{SITE}{feeds}"))
}

pub const SITE: &str = r#"
[site]
title = "Test"
url = "https://news.example"
language = "ru"
time_zone = "Asia/Almaty"
[public]
url = "https://feeds.news.example"
[feeds_auto]
sections = false
languages = false
"#;

pub fn feed(slug: &str, more: &str) -> String {
    format!("[[feeds]]\nslug = \"{slug}\"\ntitle = \"{slug}\"\nlanguage = \"mixed\"\n{more}\n")
}

pub fn hours_ago(hours: i64) -> Millis {
    NOW.plus(-hours * HOUR)
}

/// Titles of each format's document.
fn all_titles(r: &Running, slug: &str) -> [Vec<String>; 3] {
    ["rss", "atom", "json"].map(|format| {
        let reply = r.get(&format!("/feeds/{slug}.{format}"), &[]);
        assert_eq!(reply.status, 200, "{format}: {}", reply.text());
        let feed = feed_rs::parser::parse(&reply.body[..]).unwrap();
        feed.entries.into_iter().map(|e| e.title.unwrap().content).collect()
    })
}

/// Tag and date of each format's document, once no date is held back for its own second.
pub fn etags(r: &Running, slug: &str) -> [(String, String); 3] {
    r.clock.turn(std::time::Duration::from_secs(1));
    ["rss", "atom", "json"].map(|format| {
        let reply = r.get(&format!("/feeds/{slug}.{format}"), &[]);
        let header = |name| reply.header(name).unwrap_or_default().to_owned();
        (header("etag"), header("last-modified"))
    })
}

fn modified_at(r: &Running, slug: &str) -> std::time::SystemTime {
    let reply = r.get(&format!("/feeds/{slug}.rss"), &[]);
    httpdate::parse_http_date(reply.header("last-modified").unwrap()).unwrap()
}

pub fn last_build(r: &Running, slug: &str) -> Millis {
    let reply = r.get(&format!("/feeds/{slug}.atom"), &[]);
    let feed = feed_rs::parser::parse(&reply.body[..]).unwrap();
    Millis(feed.updated.unwrap().timestamp_millis())
}

#[test]
fn an_article_is_in_all_three_formats() {
    let r = Running::start();
    r.publish("a", "Первая", NOW);
    r.until_titles("news", &["Первая"]);
    for titles in all_titles(&r, "news") {
        assert_eq!(titles, ["Первая"]);
    }
}

#[test]
fn a_correction_keeps_guid_and_published_and_moves_updated() {
    let r = Running::start();
    r.publish("a", "Первая", hours_ago(5));
    r.until_titles("news", &["Первая"]);
    let before = r.items("news").remove(0);
    r.clock.turn(std::time::Duration::from_secs(600));
    r.publish("a", "Исправлена", hours_ago(5));
    r.until_titles("news", &["Исправлена"]);
    let after = r.items("news").remove(0);
    assert_eq!(before["id"], after["id"]);
    assert_eq!(before["date_published"], after["date_published"]);
    assert_eq!(after["date_modified"], NOW.plus(600_000).to_rfc3339());
    assert_eq!(last_build(&r, "news"), NOW.plus(600_000));
}

#[test]
fn saving_the_same_again_moves_nothing() {
    let r = Running::start();
    r.publish("a", "Первая", hours_ago(1));
    r.until_titles("news", &["Первая"]);
    r.settle();
    let before = etags(&r, "news");
    for _ in 0..3 {
        r.clock.turn(std::time::Duration::from_secs(100));
        r.publish("a", "Первая", hours_ago(1));
    }
    r.settle();
    assert_eq!(etags(&r, "news"), before);
}

#[test]
fn a_withdrawal_leaves_every_feed_and_the_next_moves_up() {
    let r = with_feeds(&format!("{}{}", feed("news", "entries = 2"), feed("all", "")));
    for (n, id) in ["a", "b", "c"].into_iter().enumerate() {
        r.put(id, hours_ago(n as i64), json!({}));
    }
    r.until_titles("news", &["a", "b"]);
    r.until_titles("all", &["a", "b", "c"]);
    r.clock.turn(std::time::Duration::from_secs(600));
    r.withdraw("a");
    r.until_titles("news", &["b", "c"]);
    r.until_titles("all", &["b", "c"]);
    assert_eq!(last_build(&r, "news"), NOW.plus(600_000), "a removal is a change");
    for titles in all_titles(&r, "news") {
        assert_eq!(titles, ["b", "c"]);
    }
    r.put("a", hours_ago(0), json!({}));
    r.until_titles("news", &["a", "b"]);
}

#[test]
fn what_nobody_can_see_touches_no_document() {
    let r = with_feeds(&feed("news", "entries = 3"));
    for n in 0..6 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until_titles("news", &["a0", "a1", "a2"]);
    r.settle();
    let (before, made) = (etags(&r, "news"), made_anew(&r));
    r.clock.turn(std::time::Duration::from_secs(600));
    r.put("a4", hours_ago(4), json!({"title": "Правка"}));
    r.put("old", hours_ago(100), json!({}));
    r.withdraw("a5");
    r.settle();
    assert_eq!(etags(&r, "news"), before);
    assert_eq!(made_anew(&r), made, "no document was made");
}

/// One commit, so that publishing sees both changes together.
#[test]
fn a_withdrawal_out_of_sight_moves_no_date_whatever_else_changes() {
    let r = with_feeds(&feed("news", "entries = 2"));
    for n in 0..4 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until_titles("news", &["a0", "a1"]);
    r.settle();
    let before = last_build(&r, "news");
    r.clock.turn(std::time::Duration::from_secs(600));
    let line = |n: i64, more: serde_json::Value| {
        let mut article = json!({"id": format!("a{n}"), "title": format!("a{n}"),
            "url": format!("https://news.example/a{n}/"), "body_html": format!("<p>a{n}</p>"),
            "published_at": hours_ago(n).to_rfc3339()});
        article.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{article}\n")
    };
    let lines = line(0, json!({"tags": ["новое"]})) + &line(3, json!({"status": "draft"}));
    let headers = [("Content-Type", "application/x-ndjson")];
    let reply = r.api_with("POST", "/api/v1/articles", &headers, &lines);
    assert_eq!(reply.status, 200, "{}", reply.text());
    r.until("the tag is there", |r| r.items("news")[0]["tags"].is_array().then_some(()));
    assert_eq!(last_build(&r, "news"), before, "a tag is no editorial change");
}

fn made_anew(r: &Running) -> f64 {
    r.metric("feed_generations_total{feed=\"news\",result=\"success\"}")
}

#[test]
fn a_back_dated_article_enters_at_its_place() {
    let r = with_feeds(&feed("news", "entries = 3"));
    r.put("a", hours_ago(0), json!({}));
    r.put("c", hours_ago(4), json!({}));
    r.until_titles("news", &["a", "c"]);
    r.put("b", hours_ago(2), json!({}));
    r.until_titles("news", &["a", "b", "c"]);
}

/// RFC 9110 §8.8.2.1 wants no date of the future; a client that knows nothing but dates sees every
/// change all the same.
#[test]
fn many_changes_in_a_second_are_seen_by_date_and_none_is_of_the_future() {
    let r = Running::start();
    r.publish("a", "0", hours_ago(1));
    r.until_titles("news", &["0"]);
    let get = |since: &str| r.get("/feeds/news.rss", &[("If-Modified-Since", since)]);
    for n in 1..6 {
        let seen = modified_at(&r, "news");
        let title = n.to_string();
        r.publish("a", &title, hours_ago(1));
        r.until("the change is there", |r| (all_titles(r, "news")[0][0] == title).then_some(()));
        assert_eq!(modified_at(&r, "news"), system_time(NOW), "not later than the answer");
        assert_eq!(get(&httpdate::fmt_http_date(seen)).status, 200, "change {n}");
    }
    r.clock.turn(std::time::Duration::from_millis(1700));
    let settled = modified_at(&r, "news");
    assert_eq!(settled, system_time(NOW.plus(1000)), "however many changes there were");
    assert_eq!(get(&httpdate::fmt_http_date(settled)).status, 304);
    r.publish("a", "6", hours_ago(1));
    r.until("the change is there", |r| (all_titles(r, "news")[0][0] == "6").then_some(()));
    assert_eq!(get(&httpdate::fmt_http_date(settled)).status, 200);
}

fn system_time(at: Millis) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.0 as u64)
}

#[test]
fn five_hundred_at_once_all_arrive() {
    let r = with_feeds(&feed("news", "entries = 500"));
    std::thread::scope(|scope| {
        for part in 0..10 {
            let r = &r;
            scope.spawn(move || {
                for n in 0..50 {
                    let n = part * 50 + n;
                    r.put(&format!("a{n:03}"), NOW.plus(-n * 1000), json!({}));
                }
            });
        }
    });
    let expected: Vec<String> = (0..500).map(|n| format!("a{n:03}")).collect();
    r.until("all are there", |r| (r.titles("news") == expected).then_some(()));
}

/// A newsroom's first import, or a busy hour: every entry of the window is pushed out at once.
#[test]
fn a_whole_window_may_be_pushed_out_at_once() {
    let r = with_feeds(&feed("news", "entries = 5"));
    for n in 0..5 {
        r.put(&format!("old{n}"), hours_ago(100 + n), json!({}));
    }
    r.until("five are there", |r| (r.titles("news").len() == 5).then_some(()));
    let articles: Vec<_> = (0..40)
        .map(|n| {
            json!({"id": format!("new{n:02}"), "title": format!("new{n:02}"),
                "url": format!("https://news.example/new{n}/"), "body_html": "<p>x</p>",
                "published_at": hours_ago(n).to_rfc3339()})
        })
        .collect();
    let lines: String = articles.iter().map(|a| format!("{a}\n")).collect();
    let headers = [("Content-Type", "application/x-ndjson")];
    let reply = r.api_with("POST", "/api/v1/articles", &headers, &lines);
    assert_eq!(reply.status, 200, "{}", reply.text());
    r.until_titles("news", &["new00", "new01", "new02", "new03", "new04"]);
    assert_eq!(failures(&r), Vec::<String>::new());
}

fn failures(r: &Running) -> Vec<String> {
    let feeds = r.api("GET", "/api/v1/feeds", "").json();
    let feeds = feeds["feeds"].as_array().unwrap().clone();
    feeds.iter().filter_map(|f| f["failure"]["why"].as_str().map(str::to_owned)).collect()
}

#[test]
fn too_old_leaves_when_the_clock_is_turned() {
    let r = with_feeds(&feed("news", "select = { max_age = \"1d\" }"));
    for n in 0..10 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until("ten are there", |r| (r.titles("news").len() == 10).then_some(()));
    r.clock.turn(std::time::Duration::from_secs(15 * 3600));
    r.until("the oldest left", |r| (r.titles("news").len() == 9).then_some(()));
    assert_eq!(last_build(&r, "news"), NOW.plus(15 * HOUR));
    r.clock.turn(std::time::Duration::from_secs(30 * 3600));
    r.until_titles("news", &[]);
    assert_eq!(failures(&r), Vec::<String>::new());
}

/// What ends far below the window is no change of the feed.
#[test]
fn too_old_outside_the_window_moves_nothing() {
    let r = with_feeds(&feed("news", "entries = 2\nselect = { max_age = \"1d\" }"));
    for n in 0..6 {
        r.put(&format!("a{n}"), hours_ago(n * 2), json!({}));
    }
    r.until_titles("news", &["a0", "a1"]);
    r.settle();
    let before = etags(&r, "news");
    r.clock.turn(std::time::Duration::from_secs(20 * 3600));
    r.settle();
    assert_eq!(etags(&r, "news"), before);
}

#[test]
fn selections_hold_what_they_say() {
    let feeds = [
        feed("news", ""),
        feed("sport", "select = { sections = [\"Спорт\"] }"),
        feed("tagged", "select = { tags = [\"важно\"] }"),
        feed("by-a", "select = { authors = [\"Айгүл\"] }"),
        feed("kk", "select = { languages = [\"kk\"] }"),
        feed("none", "select = { sections = [\"Ничего\"] }"),
    ];
    let r = with_feeds(&feeds.concat());
    r.put("s", hours_ago(1), json!({"sections": ["Общество", "Спорт"]}));
    r.put("t", hours_ago(2), json!({"tags": ["важно"]}));
    r.put("p", hours_ago(3), json!({"authors": [{"name": "Айгүл"}]}));
    r.put("k", hours_ago(4), json!({"language": "kk"}));
    r.until_titles("news", &["s", "t", "p", "k"]);
    for (slug, title) in [("sport", "s"), ("tagged", "t"), ("by-a", "p"), ("kk", "k")] {
        r.until_titles(slug, &[title]);
    }
    for titles in all_titles(&r, "none") {
        assert_eq!(titles, Vec::<String>::new(), "a valid empty feed");
    }
    r.put("s", hours_ago(1), json!({"sections": ["Общество"], "tags": ["важно"]}));
    r.until_titles("sport", &[]);
    r.until_titles("tagged", &["s", "t"]);
}

#[test]
fn summary_feeds_carry_no_body() {
    let r = with_feeds(&format!("{}{}", feed("news", ""), feed("short", "content = \"summary\"")));
    let body = "<p>Начало.</p>".to_owned() + &"<p>слово </p>".repeat(400) + "<p>ХВОСТ</p>";
    r.put("a", NOW, json!({"summary": "Кратко", "body_html": body}));
    r.until_titles("news", &["a"]);
    r.until_titles("short", &["a"]);
    for format in ["rss", "atom", "json"] {
        assert!(r.get(&format!("/feeds/news.{format}"), &[]).text().contains("ХВОСТ"));
        let short = r.get(&format!("/feeds/short.{format}"), &[]).text();
        assert!(short.contains("Кратко") && !short.contains("ХВОСТ"), "{format}: {short}");
    }
}

#[test]
fn nasty_articles_break_no_feed() {
    let r = Running::start();
    let nasty = [
        "<p>]]></p><![CDATA[ x ]]>",
        "<p>\u{0}\u{1}\u{b}\u{1f}\u{7f}\u{fffe}\u{ffff}</p>",
        "<script>alert(1)</script><p onclick=x>&bogus; & &amp;lt;</p>",
        "<p>\u{1F469}\u{200D}\u{1F4BB} \u{202E}right\u{2028}\u{2029}</p>",
        "<<<<>>>>&&&&\"'",
        "<p><a href=\"javascript:alert(1)\">x</a><img src=\"//x/y.png?a=1&b=2\"></p>",
    ];
    for (n, body) in nasty.into_iter().enumerate() {
        let title = format!("<b>T{n}</b> & ]]> \u{1}");
        r.put(&format!("n{n}"), hours_ago(n as i64), json!({"title": title, "body_html": body}));
    }
    r.until("all are there", |r| (r.titles("news").len() == nasty.len()).then_some(()));
    all_titles(&r, "news");
    assert_eq!(failures(&r), Vec::<String>::new());
}

#[test]
fn a_document_too_big_is_cut_at_its_oldest_entries() {
    let settings = "[publish]\ndocument_bytes_max = \"64 KiB\"\n".to_owned() + &feed("news", "");
    let r = with_feeds(&settings);
    let body = format!("<p>{}</p>", "x".repeat(20_000));
    for n in 0..5 {
        r.put(&format!("a{n}"), hours_ago(n), json!({"body_html": body}));
    }
    r.until("the newest are there", |r| (r.titles("news") == ["a0", "a1"]).then_some(()));
    r.settle();
    assert!(r.metric("feed_entries_cut_total") > 0.0);
    assert_eq!(failures(&r), Vec::<String>::new());
    // What was cut is as invisible as what does not fit the window, and comes back.
    r.withdraw("a0");
    r.until("the next moves up", |r| (r.titles("news") == ["a1", "a2"]).then_some(()));
}

/// Half of the window makes room for one article, which is a reason to leave.
#[test]
fn a_big_article_may_push_out_more_than_shrink_max() {
    let settings = "[publish]\ndocument_bytes_max = \"64 KiB\"\nshrink_max = 0.5\n".to_owned()
        + &feed("news", "");
    let r = with_feeds(&settings);
    let body = |words: usize| format!("<p>{}</p>", "слово ".repeat(words));
    for n in 1..10 {
        r.put(&format!("a{n}"), hours_ago(n), json!({"body_html": body(200)}));
    }
    r.until("all are there", |r| (r.titles("news").len() == 9).then_some(()));
    r.put("a0", hours_ago(0), json!({"body_html": body(5200)}));
    r.until("it is there", |r| (r.titles("news")[0] == "a0").then_some(()));
    let titles = r.titles("news");
    assert!((2..4).contains(&titles.len()), "{titles:?}");
    assert_eq!(failures(&r), Vec::<String>::new());
}

/// What stands below the last good documents may be what keeps the next ones from being made.
#[test]
fn a_feed_that_failed_is_tried_again_when_any_of_its_articles_changes() {
    let settings = "[publish]\ndocument_bytes_max = \"64 KiB\"\n".to_owned();
    let r = with_feeds(&(settings + &feed("news", "entries = 1")));
    r.put("a", hours_ago(1), json!({}));
    let huge = format!("<p>{}</p>", "x".repeat(100_000));
    r.put("b", hours_ago(2), json!({"body_html": huge}));
    r.until_titles("news", &["a"]);
    r.settle();
    r.withdraw("a");
    r.until("the failure is named", |r| failures(r).first().cloned());
    assert_eq!(r.titles("news"), ["a"], "the last good document");
    r.put("b", hours_ago(2), json!({}));
    r.until_titles("news", &["b"]);
    r.until("the failure is over", |r| failures(r).is_empty().then_some(()));
}

/// The database of a test's daemon, through a door of its own.
pub fn sql(r: &Running, text: &str) {
    let conn = rusqlite::Connection::open(r.data().join("jarshy.db")).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    conn.execute_batch(text).unwrap();
}

/// Entries that vanish from the store without a reason are not believed.
#[test]
fn a_guard_fault_keeps_the_last_good_document_and_is_named() {
    let r = Running::start();
    for n in 0..12 {
        r.publish(&format!("a{n}"), &format!("a{n}"), hours_ago(n));
    }
    r.until("all are there", |r| (r.titles("news").len() == 12).then_some(()));
    r.settle();
    let before = etags(&r, "news");
    sql(&r, "DELETE FROM feed_entries WHERE feed = 'news'");
    assert_eq!(r.regenerate("news").status, 500);
    assert_eq!(etags(&r, "news"), before);
    assert!(failures(&r)[0].contains("vanish"), "{:?}", failures(&r));
    let ready = crate::wire::get(r.ops(), "/readyz", &[]);
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("news"), "{}", ready.text());
    assert!(r.metric("feed_generations_total{feed=\"news\",result=\"failure\"}") >= 1.0);
}

#[test]
fn a_failing_store_leaves_feeds_served_and_recovers() {
    let r = Running::start();
    r.publish("a", "Первая", hours_ago(1));
    r.until_titles("news", &["Первая"]);
    r.settle();
    sql(
        &r,
        "CREATE TRIGGER broken BEFORE INSERT ON feed_entries
             BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    r.publish("b", "Вторая", NOW);
    r.until("the failure is counted", |r| (r.metric("store_errors_total") > 0.0).then_some(()));
    assert_eq!(r.titles("news"), ["Первая"]);
    sql(&r, "DROP TRIGGER broken");
    r.until_titles("news", &["Вторая", "Первая"]);
}

/// Keeping documents is not what serves them.
#[test]
fn a_store_that_keeps_no_documents_still_publishes() {
    let r = Running::start();
    r.publish("a", "Первая", hours_ago(1));
    r.until_titles("news", &["Первая"]);
    sql(
        &r,
        "CREATE TRIGGER broken BEFORE INSERT ON documents
             BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    r.publish("b", "Вторая", NOW);
    r.until_titles("news", &["Вторая", "Первая"]);
    r.withdraw("a");
    r.until_titles("news", &["Вторая"]);
    let ready = |r: &Running| crate::wire::get(r.ops(), "/readyz", &[]);
    r.until("it is named", |r| ready(r).text().contains("publishing cannot").then_some(()));
    assert_eq!(ready(&r).status, 503);
    sql(&r, "DROP TRIGGER broken");
    r.until("it is ready again", |r| (ready(r).status == 200).then_some(()));
    r.until_titles("news", &["Вторая"]);
}

/// A feed that is new or selects anew is filled, and after a start every feed is looked at, whether
/// documents can be kept or not.
#[test]
fn a_store_that_keeps_no_documents_still_fills_feeds() {
    let news = feed("news", "");
    let r = with_feeds(&news);
    r.put("a", hours_ago(1), json!({}));
    r.until_titles("news", &["a"]);
    r.settle();
    sql(
        &r,
        "CREATE TRIGGER broken BEFORE INSERT ON documents
             BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    r.put("b", hours_ago(2), json!({}));
    r.until_titles("news", &["a", "b"]);
    let renamed = news.replace("title = \"news\"", "title = \"Иначе\"");
    r.reload(&format!("{SITE}{renamed}{}", feed("extra", "")));
    r.until_titles("extra", &["a", "b"]);
    r.until("the title shows", |r| {
        (r.get("/feeds/news.json", &[]).json()["title"] == "Иначе").then_some(())
    });
}

#[test]
fn running_a_job_that_changes_nothing_says_same() {
    let r = with_feeds(&feed("news", "schedule = \"*/10 * * * *\""));
    r.publish("a", "Первая", hours_ago(1));
    r.until_titles("news", &["Первая"]);
    r.settle();
    let same = "feed_generations_total{feed=\"news\",result=\"same\"}";
    let (before, counted) = (etags(&r, "news"), r.metric(same));
    let reply = r.api("POST", "/api/v1/jobs/regenerate-news/run", "");
    assert!(matches!(reply.status, 200 | 202), "{} {}", reply.status, reply.text());
    r.until("it ran", |r| (r.metric(same) > counted).then_some(()));
    assert_eq!(etags(&r, "news"), before);
    let jobs = r.api("GET", "/api/v1/jobs", "").text();
    // Noon is 17:00 in Almaty; the next ten minutes are the same in both.
    assert!(jobs.contains("12:10:00") || jobs.contains("17:10:00"), "{jobs}");
}

#[derive(Clone, Debug)]
enum Act {
    Put(u8, i64, bool),
    Retitle(u8),
    Withdraw(u8),
    Turn(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..12_u8, -30..6_i64, any::<bool>()).prop_map(|(i, h, s)| Act::Put(i, h, s)),
        2 => (0..12_u8).prop_map(Act::Retitle),
        2 => (0..12_u8).prop_map(Act::Withdraw),
        2 => (1..8_u64).prop_map(Act::Turn),
    ]
}

fn perform(r: &Running, act: &Act, step: usize) {
    match act {
        Act::Put(id, hours, sport) => {
            let at = NOW.plus(hours * HOUR + i64::from(*id));
            let section = if *sport { "Спорт" } else { "Общество" };
            r.put(&format!("a{id}"), at, json!({"sections": [section]}));
        }
        Act::Retitle(id) => {
            let body = json!({"title": format!("a{id} {step}")}).to_string();
            let reply = r.api_with(
                "PATCH",
                &format!("/api/v1/articles/a{id}"),
                &[("Content-Type", "application/merge-patch+json")],
                &body,
            );
            assert!(matches!(reply.status, 200 | 404 | 409 | 422), "{}", reply.text());
        }
        Act::Withdraw(id) => drop(r.api("DELETE", &format!("/api/v1/articles/a{id}"), "")),
        Act::Turn(hours) => r.clock.turn(std::time::Duration::from_secs(hours * 3600)),
    }
}

/// What a feed should hold, from the articles themselves.
fn rendered_once(r: &Running, settings: &str, slug: &str) -> Vec<String> {
    let config = crate::running::settings_of(settings, r.data());
    let settings = jarshy::publish::Settings::from(&config);
    let store = r.daemon.as_ref().unwrap().parts().store.clone();
    let format = jarshy::model::Format::Json;
    let now = r.clock.now();
    let once = jarshy::publish::render_once(&store, &settings, slug, format, now);
    let bytes = r.runtime.block_on(once).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let items = json["items"].as_array().unwrap().iter();
    items.map(|i| i["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn whatever_happens_every_feed_is_what_its_articles_make_it() {
    let feeds = [
        feed("news", "entries = 4"),
        feed("sport", "entries = 3\nselect = { sections = [\"Спорт\"] }"),
        feed("day", "select = { max_age = \"1d\" }"),
    ];
    let settings = format!("{SITE}{}", feeds.concat());
    let config = ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(act(), 1..40), |acts| {
            let r = Running::with(&settings);
            for (step, act) in acts.iter().enumerate() {
                perform(&r, act, step);
            }
            for slug in ["news", "sport", "day"] {
                r.until(&format!("{slug} is right after {acts:?}"), |r| {
                    (r.titles(slug) == rendered_once(r, &settings, slug)).then_some(())
                });
            }
            assert_eq!(failures(&r), Vec::<String>::new(), "{acts:?}");
            drop(r.stop());
            Ok(())
        })
        .unwrap();
}

#[test]
fn rendering_once_gives_the_served_bytes() {
    let r = Running::start();
    for n in 0..5 {
        r.publish(&format!("a{n}"), &format!("a{n}"), hours_ago(n));
    }
    r.until("all are there", |r| (r.titles("news").len() == 5).then_some(()));
    let config = r.daemon.as_ref().unwrap().config();
    let settings = jarshy::publish::Settings::from(&*config);
    let store = r.daemon.as_ref().unwrap().parts().store.clone();
    for format in jarshy::model::Format::ALL {
        let once = jarshy::publish::render_once(&store, &settings, "news", format, NOW);
        let bytes = r.runtime.block_on(once).unwrap();
        let served = r.get(&format!("/feeds/news.{}", format.as_str()), &[]);
        assert!(bytes == served.body, "{format:?}");
    }
}
