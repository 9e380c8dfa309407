//! The ops listener over HTTP: who may do what, health and its reasons, errors a program can read.

use crate::{
    running::{BROWSER, NOW, Running},
    wire,
};
use jarshy::store::Scope;

/// A source that may not be reached, of the same name as a job.
const FEED: &str = "[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n\
    [[sources]]\nkind = \"feed\"\nname = \"check-databases\"\nurl = \"http://127.0.0.1:9/\"\n";

/// Every route of the contract: method, address, the least scope that may.
const ROUTES: [(&str, &str, Scope); 19] = [
    ("GET", "/api/v1/articles", Scope::Read),
    ("GET", "/api/v1/articles/{id}", Scope::Read),
    ("GET", "/api/v1/changes", Scope::Read),
    ("GET", "/api/v1/feeds", Scope::Read),
    ("GET", "/api/v1/jobs", Scope::Read),
    ("GET", "/api/v1/sources", Scope::Read),
    ("GET", "/api/v1/views", Scope::Read),
    ("GET", "/api/v1/views/{id}", Scope::Read),
    ("GET", "/api/v1/openapi.json", Scope::Read),
    ("PUT", "/api/v1/articles/{id}", Scope::Write),
    ("PATCH", "/api/v1/articles/{id}", Scope::Write),
    ("DELETE", "/api/v1/articles/{id}", Scope::Write),
    ("POST", "/api/v1/articles", Scope::Write),
    ("GET", "/api/v1/audit", Scope::Read),
    ("POST", "/api/v1/articles/{id}/withdraw", Scope::Write),
    ("POST", "/api/v1/articles/{id}/restore", Scope::Write),
    ("POST", "/api/v1/feeds/{slug}/regenerate", Scope::Write),
    ("POST", "/api/v1/jobs/{name}/run", Scope::Write),
    ("POST", "/api/v1/sources/{name}/pull", Scope::Write),
];

fn address(path: &str) -> String {
    path.replace("{id}", "a").replace("{slug}", "news").replace("{name}", "check-databases")
}

fn body(method: &str, path: &str) -> &'static [u8] {
    match (method, path.ends_with("}")) {
        ("PUT", _) => b"{\"title\":\"A\",\"url\":\"https://news.example/a/\",\"published_at\":\"2020-01-01T00:00:00Z\"}",
        ("PATCH", _) => b"{\"title\":\"B\"}",
        ("POST", false) if path.ends_with("articles") => b"[]",
        _ => b"",
    }
}

#[test]
fn each_route_asks_for_its_scope() {
    let running = Running::with(FEED);
    running.publish("a", "A", NOW);
    let store = running.daemon.as_ref().unwrap().parts().store.clone();
    let token = |scope| {
        let made = running.runtime.block_on(store.create_token(scope, None, None, NOW));
        format!("Bearer {}", made.unwrap().text)
    };
    let tokens = [Scope::Read, Scope::Write, Scope::Admin].map(|scope| (scope, token(scope)));
    let bad = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        "Bearer x".into(),
        "Basic YTpi".into(),
        "Bearer jsy_a_b".into(),
        "Bearer jsy__".into(),
        format!("Bearer jsy_{}", "a".repeat(10_000)),
        format!("{}x", tokens[2].1),
        tokens[2].1.replace("Bearer ", ""),
        "Bearer \u{442}".into(),
    ];
    for (method, path, need) in ROUTES {
        let path = address(path);
        let ask = |headers: &[(&str, &str)]| {
            wire::ask(running.ops(), method, &path, headers, body(method, &path))
        };
        let none = ask(&[]);
        assert_eq!(
            (none.status, none.header("www-authenticate")),
            (401, Some("Bearer")),
            "{method} {path}"
        );
        assert_eq!(none.header("content-type"), Some("application/problem+json"));
        for bad in &bad {
            assert_eq!(ask(&[("Authorization", bad)]).status, 401, "{method} {path} {bad}");
        }
        let two = [("Authorization", &*tokens[2].1), ("Authorization", &*tokens[2].1)];
        assert_eq!(ask(&two).status, 401, "{method} {path} twice");
        for (scope, token) in &tokens {
            let reply = ask(&[("Authorization", token)]);
            if *scope < need {
                assert_eq!(reply.status, 403, "{method} {path} {scope:?}");
                assert!(reply.header("www-authenticate").unwrap().contains("insufficient_scope"));
            } else {
                assert!(
                    reply.status < 300,
                    "{method} {path} {scope:?}: {} {}",
                    reply.status,
                    reply.text()
                );
            }
        }
    }
}

#[test]
fn the_description_lists_every_route() {
    let running = Running::with(FEED);
    let described = running.api("GET", "/api/v1/openapi.json", "").json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(described["info"]["title"].is_string() && described["info"]["version"].is_string());
    for (method, path, _) in ROUTES.iter().filter(|(_, path, _)| !path.ends_with(".json")) {
        let operation = &described["paths"][path][method.to_lowercase()];
        assert!(operation["responses"].is_object(), "{method} {path} is not described");
        assert!(operation["operationId"].is_string(), "{method} {path}");
    }
}

#[test]
fn mistakes_are_problems_that_name_what_is_wrong() {
    let running = Running::with(FEED);
    for (method, path, status, named) in [
        ("GET", "/api/v1/nothing", 404, "openapi"),
        ("GET", "/", 404, ""),
        ("GET", "/feeds/news.rss", 404, ""),
        ("GET", "/v/a.gif", 404, ""),
        ("BREW", "/api/v1/articles", 405, "Allow"),
        ("DELETE", "/api/v1/changes", 405, "Allow"),
        ("POST", "/metrics", 405, "Allow"),
        ("GET", "/api/v1/articles?sction=x", 400, "sction"),
        ("GET", "/api/v1/articles?limit=0", 400, "limit"),
        ("GET", "/api/v1/articles?limit=1&limit=2", 400, "limit"),
        ("GET", "/api/v1/articles?status=nope", 400, "status"),
        ("GET", "/api/v1/articles?cursor=%00", 400, "cursor"),
        ("GET", "/api/v1/changes?since=x", 400, "since"),
        ("GET", "/api/v1/changes?since=-1", 400, "since"),
        ("GET", "/api/v1/views?window=soon", 400, "window"),
        ("GET", "/api/v1/views?top=99999999999999999999", 400, "top"),
        ("GET", "/api/v1/views/a?by=week", 400, "by"),
        ("GET", "/api/v1/views/a?from=x", 400, "from"),
        ("GET", "/api/v1/feeds?x", 400, "x"),
        ("GET", "/api/v1/jobs?x=1", 400, "x"),
        ("GET", "/api/v1/openapi.json?x=1", 400, "x"),
        ("GET", "/api/v1/articles/%ff", 400, ""),
        ("GET", "/api/v1/articles/a%2Fb", 400, "id"),
        ("GET", "/api/v1/articles/nope", 404, "nope"),
        ("DELETE", "/api/v1/articles/nope", 404, "nope"),
        ("GET", "/api/v1/views/nope", 404, "nope"),
        ("POST", "/api/v1/feeds/nope/regenerate", 404, "nope"),
        ("POST", "/api/v1/feeds/%2e%2e/regenerate", 404, ""),
        ("POST", "/api/v1/jobs/nope/run", 404, "nope"),
    ] {
        let reply = running.api(method, path, "");
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json"),
            "{method} {path}"
        );
        let problem = reply.json();
        assert_eq!(problem["status"], status, "{method} {path}");
        let told = format!("{} {}", problem["detail"], problem["field"]);
        assert!(told.contains(named), "{method} {path}: {told}");
        assert_eq!(status == 405, reply.header("allow").is_some(), "{method} {path}");
    }
    let head = "GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n";
    let reply = wire::raw(running.ops(), head.as_bytes()).unwrap();
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (400, Some("application/problem+json"))
    );
}

#[test]
fn bodies_that_are_wrong_do_no_harm() {
    let running = Running::with(FEED);
    let deep = "[".repeat(100_000);
    let wide =
        format!("{{{}}}", (0..20_000).map(|n| format!("\"f{n}\":1")).collect::<Vec<_>>().join(","));
    let long = format!("{{\"title\":\"{}\"}}", "a".repeat(3_000_000));
    let twice = "{\"title\":\"A\",\"title\":\"B\",\"url\":\"https://news.example/a/\"}";
    for text in
        ["", "{", "null", "[]", "1e999", "\"x\"", "\u{0}", "{}", twice, &*deep, &*wide, &*long]
    {
        for (method, path) in [
            ("PUT", "/api/v1/articles/a"),
            ("PATCH", "/api/v1/articles/a"),
            ("POST", "/api/v1/articles"),
        ] {
            let reply = running.api(method, path, text);
            let first: String = text.chars().take(20).collect();
            assert!(
                (200..500).contains(&reply.status),
                "{method} {path} {first}: {} {}",
                reply.status,
                reply.text()
            );
            assert!(reply.body.len() < 20_000_000);
        }
    }
    let bomb = [("Content-Encoding", "gzip"), ("Content-Type", "application/json")];
    assert_eq!(running.api_with("PUT", "/api/v1/articles/a", &bomb, "\u{1f}").status, 415);
    assert_eq!(
        running.api_with("PUT", "/api/v1/articles/a", &[("Content-Type", "text/html")], "x").status,
        415
    );
    assert_eq!(wire::get(running.ops(), "/healthz", &[]).status, 200);
}

#[test]
fn feeds_and_jobs_can_be_seen_and_started() {
    let running = Running::with(FEED);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    let feeds = running.api("GET", "/api/v1/feeds", "").text();
    assert!(feeds.contains("\"news\""), "{feeds}");
    let made = running.api("POST", "/api/v1/feeds/news/regenerate", "");
    assert_eq!(made.status, 200, "{}", made.text());
    let run = running.api("POST", "/api/v1/jobs/check-databases/run", "");
    assert!((200..300).contains(&run.status), "{}", run.text());
    running.until("the job ran", |r| {
        let series = "job_runs_total{job=\"check-databases\",result=\"success\"}";
        (r.metric(series) >= 1.0).then_some(())
    });
    assert!(running.api("GET", "/api/v1/jobs", "").text().contains("check-databases"));
}

#[test]
fn readiness_says_why_not_and_recovers() {
    let running = Running::with(&format!("[store]\nbusy_timeout = \"50ms\"\n{FEED}"));
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    let ready = |r: &Running| wire::get(r.ops(), "/readyz", &[]);
    running.until("it is ready", |r| (ready(r).status == 200).then_some(()));
    assert_eq!(ready(&running).json()["reasons"], serde_json::json!([]));
    let lock = rusqlite::Connection::open(running.data().join("views.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let hit = |r: &Running| wire::ask(r.public(), "POST", "/v/a", &[("User-Agent", BROWSER)], b"");
    let refused = hit(&running);
    assert_eq!((refused.status, refused.header("cache-control")), (503, Some("no-store")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.header("jarshy-view"), None, "no verdict is promised");
    let reply = ready(&running);
    assert_eq!(reply.status, 503);
    assert!(reply.json()["reasons"][0].as_str().unwrap().contains("views"), "{}", reply.text());
    assert!(running.metric("view_commit_errors_total") >= 1.0);
    assert_eq!(running.get("/feeds/news.rss", &[]).status, 200, "feeds go on");
    assert_eq!(wire::get(running.ops(), "/healthz", &[]).status, 200, "alive all the same");
    lock.execute_batch("ROLLBACK").unwrap();
    running.until("it is ready again", |r| {
        (hit(r).status == 204 && ready(r).status == 200).then_some(())
    });
}

#[test]
fn a_feed_that_cannot_be_made_is_a_reason_and_its_last_good_document_stays() {
    let running = Running::with(FEED);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    let small = format!("[publish]\ndocument_bytes_max = \"1 KiB\"\n{FEED}");
    running.reload(&small);
    let long = serde_json::json!({
        "title": "Long", "url": "https://news.example/long/", "published_at": NOW.to_rfc3339(),
        "body_html": format!("<p>{}</p>", "x".repeat(5000)),
    });
    assert_eq!(running.api("PUT", "/api/v1/articles/long", &long.to_string()).status, 201);
    let reply = running.until("the feed fails", |r| {
        let reply = wire::get(r.ops(), "/readyz", &[]);
        (reply.status == 503).then_some(reply)
    });
    let reasons = reply.json()["reasons"].clone();
    assert!(reasons[0].as_str().unwrap().contains("feed news"), "{reasons}");
    assert!(running.metric("feed_generations_total{feed=\"news\",result=\"failure\"}") >= 1.0);
    assert_eq!(running.items("news")[0]["title"], "A", "the last good document is served");
    running.reload(FEED);
    running
        .until("it recovers", |r| (wire::get(r.ops(), "/readyz", &[]).status == 200).then_some(()));
}
