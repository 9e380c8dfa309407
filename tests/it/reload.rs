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
    assert_eq!(r.reload(&text), ["metrics.sections_max"]);
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

/// The binary with its signals: a bad file keeps the old settings and is counted, a good one is
/// followed, and SIGTERM ends with code 0.
#[test]
fn the_binary_reloads_by_sighup_and_ends_by_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jarshy.toml");
    let settings = |feed: &str| {
        format!(
            "[public]\nlisten = \"127.0.0.1:0\"\n[ops]\nlisten = \"127.0.0.1:0\"\n[store]\n\
             data = {:?}\n[[feeds]]\nslug = \"{feed}\"\n",
            folder.path()
        )
    };
    std::fs::write(&file, settings("old")).unwrap();
    let mut daemon = std::process::Command::new(env!("CARGO_BIN_EXE_jarshy"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let signal = |name: &str| {
        let id = daemon.id().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    let (public, ops) = wait("daemon.json is there", || {
        let text = std::fs::read_to_string(folder.path().join("daemon.json")).ok()?;
        let said: serde_json::Value = serde_json::from_str(&text).ok()?;
        let at = |key: &str| said[key].as_str()?.parse::<std::net::SocketAddr>().ok();
        Some((at("public")?, at("ops")?))
    });
    let answers = |path: &str| crate::wire::get(public, path, &[]).status;
    let reloaded = |value: &str| {
        let page = crate::wire::get(ops, "/metrics", &[]).text();
        page.contains(&format!("jarshy_config_last_reload_successful {value}\n")).then_some(())
    };
    wait("the old feed", || (answers("/feeds/old.rss") == 200).then_some(()));

    std::fs::write(&file, "[site]\nurl = \"nope\"\n").unwrap();
    signal("-HUP");
    wait("the bad file is counted", || reloaded("0"));
    assert_eq!(answers("/feeds/old.rss"), 200);

    std::fs::write(&file, settings("new")).unwrap();
    signal("-HUP");
    wait("the new feed", || (answers("/feeds/new.rss") == 200).then_some(()));
    wait("the good file is counted", || reloaded("1"));
    assert_eq!(answers("/feeds/old.rss"), 404);

    signal("-TERM");
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}

/// Asks until there is an answer; a test that waits for ever fails after twenty seconds.
fn wait<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
