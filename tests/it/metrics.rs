//! The page for Prometheus: complete from the start, few series, exact numbers, nobody's data.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
};

use crate::{
    running::{BROWSER, NOW, Running},
    wire,
};

const FEED: &str = "[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n";

/// A label and some of its words.
type Closed = (&'static str, &'static [&'static str]);

/// Closed label sets of the contract; every combination is there from the start, at 0.
const CLOSED: &[(&str, &[Closed])] = &[
    (
        "feed_requests_total",
        &[("feed", &["news", "auto"]), ("outcome", &["full", "unchanged", "head", "error"])],
    ),
    ("feed_response_bytes_total", &[("feed", &["news", "auto"])]),
    ("feed_generations_total", &[("feed", &["auto"]), ("result", &["success", "failure", "same"])]),
    (
        "hit_verdicts_total",
        &[(
            "verdict",
            &["counted", "repeat", "bot", "prefetch", "foreign", "unknown", "invalid", "overflow"],
        )],
    ),
    ("label_overflow_total", &[("label", &["feed", "section"])]),
    (
        "limit_hits_total",
        &[(
            "limit",
            &["connections", "headers", "uri", "body", "header_time", "body_time", "write_time"],
        )],
    ),
    (
        "takeover_requests_total",
        &[
            ("kind", &["main", "category", "tag", "author", "comments", "search", "unknown"]),
            ("agent", &["feed_reader", "bot", "other"]),
        ],
    ),
    ("view_commit_errors_total", &[]),
    ("store_errors_total", &[]),
    ("purges_total", &[("result", &["success", "failure"])]),
    (
        "job_runs_total",
        &[
            ("job", &["check-databases", "regenerate"]),
            ("result", &["success", "failure", "panic", "timeout", "skipped"]),
        ],
    ),
    (
        "http_requests_total",
        &[
            ("route", &["document", "feed", "takeover", "hit", "pixel", "count", "other"]),
            (
                "code",
                &["200", "204", "301", "304", "400", "404", "405", "406", "413", "414", "503"],
            ),
        ],
    ),
];

/// The rest of the contract.
const PRESENT: &[&str] = &[
    "jarshy_article_views_total{",
    "jarshy_feed_generation_duration_seconds_bucket{",
    "jarshy_feed_last_success_timestamp_seconds{feed=\"news\"}",
    "jarshy_feed_due_timestamp_seconds{feed=\"news\"}",
    "jarshy_feed_entries{feed=\"news\"}",
    "jarshy_feed_newest_entry_timestamp_seconds{feed=\"news\"}",
    "jarshy_publish_to_ready_seconds_bucket{",
    "jarshy_http_request_duration_seconds_bucket{route=",
    "jarshy_job_last_success_timestamp_seconds{job=",
    "jarshy_job_duration_seconds_bucket{job=",
    "jarshy_view_commit_duration_seconds_bucket{",
    "jarshy_store_articles{status=\"published\"}",
    "jarshy_store_articles{status=\"draft\"}",
    "jarshy_store_articles{status=\"scheduled\"}",
    "jarshy_store_articles{status=\"withdrawn\"}",
    "jarshy_store_revision ",
    "jarshy_data_free_bytes ",
    "jarshy_config_last_reload_successful 1",
    "jarshy_config_last_reload_success_timestamp_seconds ",
    "jarshy_build_info{",
    "process_resident_memory_bytes ",
    "process_open_fds ",
    "process_start_time_seconds ",
];

/// Labels that exist at all.
const LABELS: &[&str] = &[
    "section", "channel", "verdict", "feed", "outcome", "result", "route", "code", "job", "status",
    "label", "limit", "version", "revision", "le", "kind", "agent",
];

fn series(page: &str) -> Vec<(&str, &str)> {
    page.lines().filter(|l| !l.starts_with('#')).map(|l| l.rsplit_once(' ').unwrap()).collect()
}

/// Label values by label, as far as these texts hold no quotes and commas.
fn labels(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, _) in series(page) {
        let Some((_, inner)) = name.split_once('{') else { continue };
        for pair in inner.trim_end_matches('}').split(',') {
            let (label, value) = pair.split_once('=').unwrap();
            found.entry(label.into()).or_default().insert(value.trim_matches('"').into());
        }
    }
    found
}

fn combinations(labels: &[(&str, &[&str])]) -> Vec<Vec<(String, String)>> {
    labels.iter().fold(vec![vec![]], |all, (label, values)| {
        let longer = |so_far: &Vec<(String, String)>| {
            let so_far = so_far.clone();
            values
                .iter()
                .map(move |v| [&so_far[..], &[((*label).into(), (*v).into())]].concat())
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(longer).collect()
    })
}

#[test]
fn everything_is_there_from_the_start() {
    let running = Running::with(FEED);
    let page = running.metrics();
    for (name, labels) in CLOSED {
        for combination in combinations(labels) {
            let line = series(&page).into_iter().find(|(series, _)| {
                series.split('{').next() == Some(&format!("jarshy_{name}"))
                    && combination.iter().all(|(l, v)| series.contains(&format!("{l}=\"{v}\"")))
            });
            let (_, value) = line.unwrap_or_else(|| panic!("no {name} with {combination:?}"));
            // Jobs may run once at the start.
            if !name.starts_with("job_") {
                assert_eq!(value, "0", "{name} {combination:?}");
            }
        }
    }
    for start in PRESENT {
        assert!(page.lines().any(|l| l.starts_with(start)), "no {start} in\n{page}");
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let running = Running::with(FEED);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    wire::ask(running.public(), "POST", "/v/a", &[("User-Agent", BROWSER)], b"");
    let reply = wire::get(running.ops(), "/metrics", &[]);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|e| {
        panic!("promtool does not start ({e}): install the package `prometheus`, which brings it")
    });
    child.stdin.take().unwrap().write_all(&reply.body).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn counters_move_as_promised() {
    let running = Running::with(FEED);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    let outcome =
        |o: &str| running.metric(&format!("feed_requests_total{{feed=\"news\",outcome=\"{o}\"}}"));
    let bytes = || running.metric("feed_response_bytes_total{feed=\"news\"}");
    let before =
        (outcome("full"), outcome("unchanged"), outcome("head"), outcome("error"), bytes());
    let path = "/feeds/news.rss";
    let whole = running.get(path, &[]);
    let zipped = running.get(path, &[("Accept-Encoding", "gzip")]);
    let tag = whole.header("etag").unwrap();
    running.get(path, &[("If-None-Match", tag)]);
    wire::ask(running.public(), "HEAD", path, &[], b"");
    wire::ask(running.public(), "POST", path, &[], b"");
    running.get("/feeds/news", &[("Accept", "image/png")]);
    let after = (outcome("full"), outcome("unchanged"), outcome("head"), outcome("error"), bytes());
    let sent = (whole.body.len() + zipped.body.len()) as f64;
    assert_eq!(
        after,
        (before.0 + 2.0, before.1 + 1.0, before.2 + 1.0, before.3 + 2.0, before.4 + sent)
    );
    let route = |route: &str, code: u16| {
        running.metric(&format!("http_requests_total{{code=\"{code}\",route=\"{route}\"}}"))
    };
    assert_eq!(route("document", 304), 1.0);
    assert_eq!(route("document", 405), 1.0);
    assert_eq!(route("feed", 406), 1.0);
    running.get("/no/such/path", &[]);
    assert_eq!(route("other", 404), 1.0);
    wire::ask(running.public(), "POST", "/v/a", &[("User-Agent", BROWSER)], b"");
    running.get("/v/a.gif", &[("User-Agent", BROWSER)]);
    assert_eq!((route("hit", 204), route("pixel", 200)), (1.0, 1.0));
    assert_eq!(running.metric("article_views_total{section=\"Общество\",channel=\"script\"}"), 1.0);
    assert_eq!(running.metric("hit_verdicts_total{verdict=\"repeat\"}"), 1.0);
    assert!(running.metric("publish_to_ready_seconds_count") >= 1.0);
    let generated = running.metric("publish_to_ready_seconds_count");
    running.publish("b", "B", NOW);
    running.until_titles("news", &["B", "A"]);
    running.until("the second is measured too", |r| {
        (r.metric("publish_to_ready_seconds_count") > generated).then_some(())
    });
    assert_eq!(running.metric("feed_entries{feed=\"news\"}"), 2.0);
    assert_eq!(
        running.metric("feed_newest_entry_timestamp_seconds{feed=\"news\"}"),
        NOW.0 as f64 / 1000.0
    );
    running.until("the store is counted", |r| {
        (r.metric("store_articles{status=\"published\"}") == 2.0).then_some(())
    });
    assert!(running.metric("store_revision") >= 2.0);
}

#[test]
fn articles_make_no_series_and_nobody_is_named() {
    let running = Running::with(FEED);
    running.publish("a-0", "A", NOW);
    running.until_titles("news", &["A"]);
    let view = |n: usize| {
        let who = format!("{BROWSER} Canary/{n}");
        let reply =
            wire::ask(running.public(), "POST", &format!("/v/a-{n}"), &[("User-Agent", &who)], b"");
        assert_eq!(reply.status, 204);
    };
    view(0);
    let one = running.metrics();
    let names = |page: &str| {
        series(page).iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>()
    };
    for chunk in 0..4 {
        let lines = (1..=500).map(|n| {
            let n = chunk * 500 + n;
            let article = serde_json::json!({
                "id": format!("a-{n}"), "title": format!("T{n}"), "sections": ["Общество"],
                "url": format!("https://news.example/a-{n}/"), "published_at": NOW.to_rfc3339(),
            });
            article.to_string() + "\n"
        });
        let body: String = lines.collect();
        let kind = [("Content-Type", "application/x-ndjson")];
        assert_eq!(running.api_with("POST", "/api/v1/articles", &kind, &body).status, 200);
    }
    running.until("the last one is known", |r| {
        (r.get("/count/a-2000.json", &[]).status == 200).then_some(())
    });
    (1..200).for_each(|n| view(n * 10));
    let many = running.metrics();
    assert_eq!(names(&one), names(&many));
    for (label, values) in labels(&many) {
        assert!(LABELS.contains(&label.as_str()), "a new label: {label}");
        for value in values {
            let strange = ["Canary", "Mozilla", "127.0.0.1", "a-1", "news.example"];
            assert!(!strange.iter().any(|s| value.contains(s)), "{label}={value}");
            // Titles of sections are the newsroom's words; nothing else may look like an address.
            assert!(
                label == "section" || label == "revision" || !value.contains('/'),
                "{label}={value}"
            );
        }
    }
    let all = series(&many);
    let distinct: BTreeSet<&str> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(distinct.len(), all.len(), "each series once");
    for (name, value) in all {
        let family = name.split('{').next().unwrap();
        if ["_total", "_count", "_bucket"].iter().any(|end| family.ends_with(end))
            && family.starts_with("jarshy_")
        {
            assert!(value.parse::<u64>().is_ok(), "{name} {value}");
        }
    }
}

#[test]
fn at_every_maximum_there_are_at_most_5000_series() {
    let mut settings = String::from("[feeds_auto]\nsections = false\nlanguages = false\n");
    for n in 0..205 {
        settings += &format!(
            "[[feeds]]\nslug = \"f-{n:03}\"\ntitle = \"F\"\nlanguage = \"mixed\"\nformats = [\"json\"]\n\
             select = {{ sections = [\"S{n}\"] }}\n"
        );
    }
    let running = Running::with(&settings);
    for n in 0..60 {
        let article = serde_json::json!({
            "title": format!("T{n}"), "url": format!("https://news.example/{n}/"),
            "sections": [format!("S{n}")], "published_at": NOW.to_rfc3339(),
        });
        assert_eq!(
            running.api("PUT", &format!("/api/v1/articles/a-{n}"), &article.to_string()).status,
            201
        );
    }
    running.until("the last one is known", |r| {
        (r.get("/count/a-59.json", &[]).status == 200).then_some(())
    });
    for n in 0..60 {
        let reply = running.get(&format!("/v/a-{n}.gif"), &[("User-Agent", BROWSER)]);
        assert_eq!(reply.header("jarshy-view"), Some("counted"));
    }
    let sections = |page: &str| {
        let lines = page.lines().filter(|l| l.starts_with("jarshy_article_views_total{"));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    running.metrics();
    let page = running.metrics();
    let count = series(&page).len();
    assert!(count <= 5000, "{count} series");
    let found = labels(&page);
    assert!(
        found["section"].contains("other") && found["section"].len() <= 52,
        "{:?}",
        found["section"]
    );
    assert!(found["feed"].contains("other") && found["feed"].len() <= 202, "{:?}", found["feed"]);
    assert_eq!(running.metric("article_views_total{section=\"other\",channel=\"pixel\"}"), 10.0);
    assert_eq!(running.metric("label_overflow_total{label=\"section\"}"), 10.0);
    assert_eq!(running.metric("label_overflow_total{label=\"feed\"}"), 5.0);
    let before = sections(&page);
    let folder = running.stop();
    let again = Running::on(folder, &settings, jarshy::clock::Clock::manual(NOW));
    assert_eq!(sections(&again.metrics()), before, "a restart moves no section");
}
