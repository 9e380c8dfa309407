//! A feed that was renamed answers 301 at its old addresses, and who still asks is counted.

use jarshy::config::{Overrides, parse};

use crate::{
    running::{NOW, Running},
    wire::ask,
};

const SETTINGS: &str = r#"
[public]
url = "https://feeds.news.example"
[[feeds]]
slug = "news"
title = "News"
language = "mixed"
moved_from = ["novosti", "section-obshchestvo"]
[[feeds]]
slug = "short"
title = "Short"
language = "mixed"
formats = ["atom"]
moved_from = ["old-short"]
[feeds_auto]
articles_min = 1
[takeover]
addresses = "serve"
"#;

fn location(running: &Running, path: &str) -> (u16, String) {
    let reply = running.get(path, &[("User-Agent", "Feedly/1.0 (12 subscribers)")]);
    (reply.status, reply.header("location").unwrap_or_default().to_owned())
}

#[test]
fn each_old_address_leads_to_the_new_one_in_its_format() {
    let running = Running::with(SETTINGS);
    let to = |path: &str| location(&running, path);
    let here = "https://feeds.news.example/feeds";
    for format in ["rss", "atom", "json"] {
        assert_eq!(to(&format!("/feeds/novosti.{format}")), (301, format!("{here}/news.{format}")));
    }
    assert_eq!(to("/feeds/novosti"), (301, format!("{here}/news")));
    // A format that the feed does not have leads to one that it has.
    assert_eq!(to("/feeds/old-short.rss"), (301, format!("{here}/short.atom")));
    assert_eq!(to("/feeds/novosti.xml").0, 404);
    let reply = running.get("/feeds/novosti.rss", &[]);
    assert_eq!(reply.text(), format!("This feed has moved to {here}/news.rss\n"));
    assert!(reply.header("cache-control").unwrap().starts_with("public, max-age="));
    let head = ask(running.public(), "HEAD", "/feeds/novosti.rss", &[], b"");
    assert_eq!((head.status, head.body.len()), (301, 0));
    assert_eq!(ask(running.public(), "PUT", "/feeds/novosti.rss", &[], b"").status, 405);
}

#[test]
fn who_still_asks_is_counted() {
    let running = Running::with(SETTINGS);
    let count = |agent: &str, feed: &str| {
        running.metric(&format!("feed_moved_requests_total{{agent=\"{agent}\",feed=\"{feed}\"}}"))
    };
    for agent in ["feed_reader", "bot", "other"] {
        assert_eq!((count(agent, "news"), count(agent, "short")), (0.0, 0.0));
    }
    location(&running, "/feeds/novosti.rss");
    location(&running, "/feeds/novosti.atom");
    running.get("/feeds/novosti.rss", &[("User-Agent", "curl/8.5")]);
    running.get("/feeds/novosti", &[("User-Agent", crate::running::BROWSER)]);
    assert_eq!(
        (count("feed_reader", "news"), count("bot", "news"), count("other", "news")),
        (2.0, 1.0, 1.0)
    );
    assert_eq!(count("feed_reader", "short"), 0.0);
    assert!(!running.metrics().contains("novosti"));
}

#[test]
fn a_declared_feed_may_take_the_place_of_an_automatic_one() {
    let running = Running::with(SETTINGS);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running.settle();
    let (status, to) = location(&running, "/feeds/section-obshchestvo.rss");
    assert_eq!((status, to.as_str()), (301, "https://feeds.news.example/feeds/news.rss"));
}

#[test]
fn a_feed_is_renamed_while_it_runs() {
    let before = "[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n\
                  [[feeds]]\nslug = \"old\"\ntitle = \"O\"\nlanguage = \"mixed\"\n";
    let running = Running::with(before);
    running.publish("a", "A", NOW);
    running.until_titles("old", &["A"]);
    let guid = running.items("old")[0]["id"].clone();
    let after = before.replace("\"old\"", "\"new\"") + "moved_from = [\"old\"]\n";
    running.reload(&after);
    assert_eq!(location(&running, "/feeds/old.json").0, 301);
    running.until_titles("new", &["A"]);
    assert_eq!(running.items("new")[0]["id"], guid, "nothing looks new to its subscribers");
}

#[test]
fn an_old_address_leads_to_one_feed_only() {
    let faults = |text: &str| {
        let errors = parse(text, "t.toml", &[], &Overrides::default()).unwrap_err();
        errors.0.iter().map(|fault| fault.to_string()).collect::<Vec<_>>()
    };
    let two = "[[feeds]]\nslug = \"a\"\nmoved_from = [\"b\", \"c\"]\n\
               [[feeds]]\nslug = \"b\"\nmoved_from = [\"c\", \"No\"]\n";
    assert_eq!(
        faults(two),
        [
            "t.toml:3: feeds[0].moved_from: `b` is the slug of the feed at t.toml:5; an old address can lead to one feed only",
            "t.toml:6: feeds[1].moved_from: `No` is no slug: a feed slug is 1 to 100 characters of a-z 0-9 -; write for example [\"old-news\"]",
        ]
    );
    let twice = "[[feeds]]\nslug = \"a\"\nmoved_from = [\"c\"]\n\
                 [[feeds]]\nslug = \"b\"\nmoved_from = [\"c\"]\n";
    assert_eq!(
        faults(twice),
        [
            "t.toml:6: feeds[1].moved_from: `c` stands at t.toml:3 too; an old address can lead to one feed only"
        ]
    );
    let lost = "[takeover]\naddresses = \"serve\"\nfeed = \"nevs\"\n[[feeds]]\nslug = \"news\"\n";
    assert_eq!(
        faults(lost),
        ["t.toml:3: takeover.feed: no [[feeds]] has the slug `nevs`; did you mean news?"]
    );
    let moved = "[takeover]\naddresses = \"serve\"\nfeed = \"old\"\n\
                 [[feeds]]\nslug = \"fresh\"\nmoved_from = [\"old\"]\n";
    assert_eq!(
        faults(moved),
        ["t.toml:3: takeover.feed: no [[feeds]] has the slug `old`; it moved to fresh"]
    );
    let taken =
        "[[feeds]]\nslug = \"wp-tag-x\"\n[takeover]\naddresses = \"maybe\"\ntag_base = \"/\"\n";
    assert_eq!(faults(taken).len(), 3, "{:?}", faults(taken));
}
