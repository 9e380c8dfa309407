//! The API over HTTP: articles in, lists and changes out, every mistake named.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Request, StatusCode},
    response::IntoResponse,
};
use jarshy::{
    config::{self, Limits, Overrides},
    ingest::source::{Parts, Sources},
    jobs::Jobs,
    metrics::Metrics,
    model::Guid,
    outbound::Outbound,
    publish::{self, Publisher},
    store::{DbError, Put, Scope},
    views::Views,
    web::{AccessLog, Api, LogLevel, Problem, StoreErrors, router},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::desk::{Desk, NOON, at, desk, id, limits, story, story_with};

struct Client {
    desk: Desk,
    api: Arc<Api>,
    routes: Router,
    described: Value,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    store_errors: Option<StoreErrors>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.body.split(|b| *b == b'\n').filter(|l| !l.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    fn etag(&self) -> &str {
        self.header("etag")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts that it is a problem of this status; answers its detail.
    fn problem(&self, status: u16) -> String {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status.as_u16(), status, "{text}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{text}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(!problem["title"].as_str().unwrap().is_empty());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

/// The API over a desk: every feature is there, none of its tasks runs.
async fn whole_api(desk: &Desk) -> Api {
    let config = config::parse("", "test.toml", &[], &Overrides::default()).unwrap();
    let metrics = Arc::new(Metrics::new(10).unwrap());
    let settings = publish::Settings::from(&config);
    let (store, clock) = (desk.store.clone(), desk.clock.clone());
    let (publisher, _) =
        Publisher::load(store.clone(), settings, metrics.clone(), clock.clone()).await.unwrap();
    let limit = Duration::from_secs(1);
    let zone = config.site.time_zone;
    let jobs = Jobs::start(vec![], store.clone(), clock.clone(), zone, limit, |_| ()).await;
    let outbound = Outbound::new(&config.outbound).unwrap();
    let pulled = Parts {
        store: store.clone(),
        intake: desk.intake.clone(),
        outbound: outbound.clone(),
        clock: clock.clone(),
    };
    let sources = Sources::start(pulled, &[], &config.pull).await.unwrap();
    let on_commit = Box::new(|_| ());
    let views =
        Views::open(desk.folder(), &config.views, &[], vec![], limit, clock.clone(), on_commit);
    Api {
        store,
        intake: desk.intake.clone(),
        publisher,
        sources,
        outbound,
        views: views.unwrap(),
        jobs: jobs.unwrap(),
        metrics,
        clock,
        limits: Arc::new(ArcSwap::from_pointee(limits())),
        zone: Arc::new(ArcSwap::from_pointee(zone)),
        log: LogLevel::new("info", |_| Ok(())),
        access: AccessLog::new(false),
        reload_fault: Arc::default(),
    }
}

async fn client() -> Client {
    let desk = desk().await;
    let token = desk.store.create_token(Scope::Write, None, None, NOON).await.unwrap().text;
    let api = Arc::new(whole_api(&desk).await);
    let (routes, described) = router(api.clone());
    let described = serde_json::to_value(described).unwrap();
    Client { desk, api, routes, described, token }
}

impl Client {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let store_errors = parts.extensions.get().copied();
        Answer { status: parts.status, headers: parts.headers, body, store_errors }
    }

    /// A request with this client's token and these headers.
    async fn ask(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, uri: &str) -> Answer {
        self.ask("GET", uri, &[], "").await
    }

    async fn put(&self, article: &str, story: &Value) -> Answer {
        self.put_if(article, story, &[]).await
    }

    async fn put_if(&self, article: &str, story: &Value, headers: &[(&str, &str)]) -> Answer {
        let uri = format!("/api/v1/articles/{article}");
        let kind = ("content-type", "application/json; charset=utf-8");
        self.ask("PUT", &uri, &[&[kind], headers].concat(), story.to_string()).await
    }

    async fn patch(&self, article: &str, patch: &str, headers: &[(&str, &str)]) -> Answer {
        let uri = format!("/api/v1/articles/{article}");
        let kind = ("content-type", "application/merge-patch+json");
        self.ask("PATCH", &uri, &[&[kind], headers].concat(), patch.to_owned()).await
    }

    async fn post(&self, kind: &str, body: impl Into<Body>) -> Answer {
        self.ask("POST", "/api/v1/articles", &[("content-type", kind)], body).await
    }
}

#[tokio::test]
async fn an_article_lives_from_put_to_tombstone() {
    let client = client().await;
    let created = client.put("acc-1", &story()).await;
    assert_eq!((created.status, created.etag()), (StatusCode::CREATED, "\"r1\""));
    let article = created.json();
    assert_eq!(article["guid"], "tag:turkestan.example,2026-11-24:acc-1");
    assert_eq!(article["published_at"], "2026-11-23T12:00:00Z");
    assert_eq!(article["status"], "published");
    assert!(article.get("byline").is_none(), "absent values are left out");

    let same = client.put("acc-1", &story()).await;
    assert_eq!((same.status, same.etag()), (StatusCode::OK, "\"r1\""));
    let read = client.get("/api/v1/articles/acc-1").await;
    assert_eq!((read.status, read.json()), (StatusCode::OK, article.clone()));
    // What was read may be sent back.
    let back = client.put("acc-1", &article).await;
    assert_eq!((back.status, back.etag()), (StatusCode::OK, "\"r1\""));

    let patched = client.patch("acc-1", r#"{"title":"Уточнено","summary":null}"#, &[]).await;
    assert_eq!((patched.status, patched.etag()), (StatusCode::OK, "\"r2\""));
    let expected = json!(["Уточнено", "", article["guid"], article["published_at"]]);
    let now = patched.json();
    assert_eq!(json!([now["title"], now["summary"], now["guid"], now["published_at"]]), expected);

    for _ in 0..2 {
        let gone = client.ask("DELETE", "/api/v1/articles/acc-1?reason=суд", &[], "").await;
        assert_eq!((gone.status, gone.etag()), (StatusCode::OK, "\"r3\""));
        assert_eq!(gone.json()["status"], "withdrawn");
    }
    let marks = client.desk.store.article(&id("acc-1")).await.unwrap().unwrap().marks;
    assert_eq!(marks.withdrawn.unwrap().reason.as_deref(), Some("суд"));
    assert!(client.patch("acc-1", r#"{"title":"x"}"#, &[]).await.problem(422).contains("status"));
    let back = client.patch("acc-1", r#"{"status":"published"}"#, &[]).await;
    assert_eq!(back.json()["status"], "published");
}

#[tokio::test]
async fn bad_bodies_are_refused_by_name() {
    let client = client().await;
    let cases = [
        (story_with(json!({"titel": "x"})), "titel", "title"),
        (story_with(json!({"title": null})), "title", "missing"),
        (story_with(json!({"title": 7})), "title", "the number 7"),
        (story_with(json!({"url": "javascript:alert(1)"})), "url", "http"),
        (story_with(json!({"url": null})), "url", "missing"),
        (story_with(json!({"published_at": "19 Авг 2020 12:01"})), "published_at", "RFC 3339"),
        (story_with(json!({"published_at": null})), "published_at", "draft"),
        (story_with(json!({"status": "withdrawn"})), "status", "DELETE"),
        (story_with(json!({"status": "live"})), "status", "`live`"),
        (story_with(json!({"id": "acc-3"})), "id", "acc-2"),
        (story_with(json!({"sections": "Общество"})), "sections", "list"),
        (story_with(json!({"sections": ["а", 5]})), "sections[1]", "text"),
        (story_with(json!({"authors": [{"nmae": "x", "name": "y"}]})), "authors[0].nmae", "name"),
        (story_with(json!({"source": {"url": "https://a.example"}})), "source.name", "missing"),
        (
            story_with(json!({"media": [{"url": "/a.jpg", "type": "image/jpeg"}]})),
            "media[0].url",
            "",
        ),
        (
            story_with(
                json!({"media": [{"url": "https://a.example", "type": "a/b", "bytes": -1}]}),
            ),
            "media[0].bytes",
            "whole number",
        ),
        (story_with(json!({"carried_over_views": 1.5})), "carried_over_views", "1.5"),
        (story_with(json!({"language": "русский"})), "language", "language tag"),
        (story_with(json!({"guid": "a\u{1}b"})), "guid", "control"),
        (story_with(json!({"title": "ж".repeat(1001)})), "title", "1000"),
    ];
    for (body, field, says) in cases {
        let answer = client.put("acc-2", &body).await;
        let detail = answer.problem(422);
        assert!(detail.contains(field) && detail.contains(says), "{field}: {detail}");
        assert_eq!(answer.json()["field"], field);
    }
    for body in ["{", "", "{\"title\": \"a\"\n,}", "\u{feff}{}", "{\"title\":\"\\ud800\"}"] {
        let answer = client.ask("PUT", "/api/v1/articles/acc-2", &[], body).await;
        assert!(answer.problem(400).contains("line"), "{body}");
    }
    let list = client.ask("PUT", "/api/v1/articles/acc-2", &[], "[1]").await;
    assert!(list.problem(400).contains("a list"));
    let nested = "[".repeat(100_000);
    client.ask("PUT", "/api/v1/articles/acc-2", &[], nested).await.problem(400);
    let utf16 = client.ask("PUT", "/api/v1/articles/acc-2", &[], vec![0xff, 0xfe, 0x7b, 0]).await;
    utf16.problem(400);
    client.get("/api/v1/articles/acc-2").await.problem(404);
    assert_eq!(*client.desk.store.revisions().borrow(), 0, "nothing was kept");
}

#[tokio::test]
async fn bodies_are_bounded_and_of_the_right_kind() {
    let client = client().await;
    let uri = "/api/v1/articles/a";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let wrong = client.ask("PUT", uri, &form, story().to_string()).await;
    assert!(wrong.problem(415).contains("application/json"));
    let packed = [("content-encoding", "gzip")];
    client.ask("PUT", uri, &packed, story().to_string()).await.problem(415);
    let long = story_with(json!({"body_html": "x".repeat(300 << 10)})).to_string();
    assert!(client.ask("PUT", uri, &[], long.clone()).await.problem(413).contains("262144"));
    let announced = [("content-length", "999999999")];
    client.ask("PUT", uri, &announced, "{}").await.problem(413);
    let drip = Body::new(Drip { chunks: 300, ends: true });
    client.ask("PUT", uri, &[], drip).await.problem(413);
    let many = format!("[{}0]", "0,".repeat(100_000));
    let padded = "x".repeat(70_000);
    for (fields, says) in [
        (json!({"tags": vec!["x"; 1001]}), "`tags` has 1001 elements, at most 1000"),
        (json!({"tags": [padded]}), "`tags[0]` has 70000 bytes, at most 65536"),
        (json!({"title": padded}), "`title` has 70000 bytes"),
        (json!({ (padded.as_str()): 1 }), "is not a field here; known are"),
    ] {
        let refused = client.put("a", &story_with(fields)).await;
        assert!(refused.problem(422).contains(says), "{}", refused.problem(422));
    }
    let numbers = format!("{{\"tags\":{many}}}");
    client.ask("PUT", uri, &[], numbers).await.problem(422);
    let html = story_with(json!({"body_html": "x".repeat(100 << 10)}));
    let answer = client.put("a", &html).await;
    assert!(answer.problem(413).contains("body_html"));
}

/// A body that gives no length and comes in chunks; after those it ends, or never does.
struct Drip {
    chunks: usize,
    ends: bool,
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        match self.chunks.checked_sub(1) {
            Some(left) => {
                self.chunks = left;
                Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&[b' '; 1024])))))
            }
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let client = client().await;
    let soon = Limits { body_timeout: Duration::from_millis(5), ..limits() };
    client.api.limits.store(Arc::new(soon));
    let never = Body::new(Drip { chunks: 1, ends: false });
    client.ask("PUT", "/api/v1/articles/a", &[], never).await.problem(408);
}

#[tokio::test]
async fn only_tokens_of_the_right_scope_are_let_in() {
    let client = client().await;
    let store = &client.desk.store;
    let ask = async |method: &str, authorization: &str| {
        let mut request = Request::builder().method(method).uri("/api/v1/articles/a");
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        client.send(request.body(Body::from(story().to_string())).unwrap()).await
    };
    let nobody = ask("PUT", "").await;
    nobody.problem(401);
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    let (real_id, secret) = client.token["jsy_".len()..].split_once('_').unwrap();
    for bad in [
        "Bearer".to_owned(),
        format!("Basic {}", client.token),
        format!("Bearer jsy_{real_id}_{}x", &secret[1..]),
        format!("Bearer jsy_{real_id}_"),
        format!("Bearer jsy_unknown_{secret}"),
    ] {
        let refused = ask("PUT", &bad).await;
        assert!(!refused.problem(401).contains(secret));
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    let reader = store.create_token(Scope::Read, None, None, NOON).await.unwrap();
    let bearer = format!("bearer {}", reader.text);
    let refused = ask("PUT", &bearer).await;
    assert!(refused.problem(403).contains("`write`"));
    assert!(refused.header("www-authenticate").contains("insufficient_scope"));
    ask("GET", &bearer).await.problem(404);
    store.revoke_token(&reader.id, NOON).await.unwrap();
    ask("GET", &bearer).await.problem(401);
    let admin = store.create_token(Scope::Admin, None, Some(NOON.plus(1000)), NOON).await.unwrap();
    let bearer = format!("Bearer {}", admin.text);
    assert_eq!(ask("PUT", &bearer).await.status, StatusCode::CREATED);
    client.desk.clock.turn(Duration::from_secs(1));
    ask("PUT", &bearer).await.problem(401);
}

#[tokio::test]
async fn if_match_is_honoured() {
    let client = client().await;
    client.put_if("a", &story(), &[("if-match", "*")]).await.problem(412);
    client.put_if("a", &story(), &[("if-match", "\"r1\"")]).await.problem(412);
    let only_new = [("if-none-match", "*")];
    assert_eq!(client.put_if("a", &story(), &only_new).await.status, StatusCode::CREATED);
    client.put_if("a", &story(), &only_new).await.problem(412);
    client.patch("a", "{}", &only_new).await.problem(412);

    let stale = [("if-match", "\"stale\"")];
    let detail = client.patch("a", r#"{"title":"нет"}"#, &stale).await.problem(412);
    assert!(detail.contains("\"r1\""), "{detail}");
    client.patch("a", r#"{"title":"нет"}"#, &[("if-match", "W/\"r1\"")]).await.problem(412);
    let good = [("if-match", "\"x\", \"r1\"")];
    assert_eq!(client.patch("a", r#"{"title":"да"}"#, &good).await.etag(), "\"r2\"");
    client.ask("DELETE", "/api/v1/articles/a", &good, "").await.problem(412);
    let any = [("if-match", "*")];
    assert_eq!(client.put_if("a", &story(), &any).await.etag(), "\"r3\"");

    let fresh = [("if-none-match", "W/\"r3\"")];
    let unchanged = client.ask("GET", "/api/v1/articles/a", &fresh, "").await;
    assert_eq!((unchanged.status, unchanged.etag()), (StatusCode::NOT_MODIFIED, "\"r3\""));
    let head = client.ask("HEAD", "/api/v1/articles/a", &[], "").await;
    assert_eq!((head.status, head.etag(), head.body.len()), (StatusCode::OK, "\"r3\"", 0));
}

#[tokio::test]
async fn patches_follow_rfc_7396() {
    let client = client().await;
    let whole = story_with(json!({
        "tags": ["a", "b"], "source": {"name": "Казинформ", "url": "https://inform.example"},
        "byline": "Наш корр.", "carried_over_views": 809, "title": "1 &lt;b&gt; 2",
    }));
    client.put("a", &whole).await;
    let patch = r#"{"tags":["c"],"source":{"url":null},"byline":null,"carried_over_views":null}"#;
    let patched = client.patch("a", patch, &[]).await;
    assert_eq!(patched.status, StatusCode::OK);
    let article = patched.json();
    assert_eq!(article["tags"], json!(["c"]));
    assert_eq!(article["source"], json!({"name": "Казинформ"}));
    assert_eq!(article.get("byline"), None);
    assert_eq!(article["carried_over_views"], 809, "kept where missing");
    assert_eq!(article["title"], "1 <b> 2", "what is not patched is not parsed once more");
    assert_eq!(article["updated_at"], "2026-11-23T12:00:00Z");
    assert_eq!(client.patch("a", "{}", &[]).await.etag(), patched.etag());

    assert!(client.patch("a", r#"{"titel":null}"#, &[]).await.problem(422).contains("titel"));
    assert!(client.patch("a", r#"{"title":null}"#, &[]).await.problem(422).contains("title"));
    assert!(client.patch("a", r#"{"guid":"other"}"#, &[]).await.problem(409).contains("guid"));
    client.patch("a", "[]", &[]).await.problem(400);
    client.patch("nobody", "{}", &[]).await.problem(404);
    let uri = "/api/v1/articles/a";
    let kind = [("content-type", "application/json-patch+json")];
    let wrong = client.ask("PATCH", uri, &kind, "[]").await;
    assert!(wrong.problem(415).contains("merge-patch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_different_fields_at_once_all_stand() {
    let client = Arc::new(client().await);
    client.put("a", &story()).await;
    let patches = ["title", "summary", "byline", "rights", "family"].map(|field| {
        let client = client.clone();
        tokio::spawn(async move {
            let patch = json!({field: format!("новое {field}")}).to_string();
            client.patch("a", &patch, &[]).await.status
        })
    });
    for patch in patches {
        assert_eq!(patch.await.unwrap(), StatusCode::OK);
    }
    let article = client.get("/api/v1/articles/a").await.json();
    for field in ["title", "summary", "byline", "rights", "family"] {
        assert_eq!(article[field], format!("новое {field}"));
    }
}

#[tokio::test]
async fn many_articles_are_taken_each_on_its_own() {
    let client = client().await;
    let named = |id: &str| story_with(json!({"id": id})).to_string();
    let lines = [
        named("a"),
        String::new(),
        "{\"title\": ".into(),
        story_with(json!({"id": "b", "titel": 1})).to_string(),
        story().to_string(),
        named("c") + "\r",
        named("a"),
        named("d/e"),
        "7".into(),
    ];
    let answer = client.post("application/x-ndjson", lines.join("\n")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let told: Vec<Value> = answer
        .lines()
        .iter()
        .map(|l| json!([l["line"], l["id"], l["status"], l["outcome"], l["field"]]))
        .collect();
    let expected = json!([
        [1, "a", 201, "created", null],
        [3, null, 400, "refused", null],
        [4, "b", 422, "refused", "titel"],
        [5, null, 422, "refused", "id"],
        [6, "c", 201, "created", null],
        [7, "a", 200, "unchanged", null],
        [8, "d/e", 422, "refused", "id"],
        [9, null, 400, "refused", null],
    ]);
    assert_eq!(Value::Array(told), expected);

    let array = format!(" [{},{}]", named("x"), named("y"));
    let answer = client.post("application/json", array).await;
    let outcomes: Vec<Value> = answer.lines().iter().map(|l| l["outcome"].clone()).collect();
    assert_eq!(outcomes, ["created", "created"]);
    assert!(answer.lines()[0]["revision"].as_i64().unwrap() > 0);
    for (body, status) in [("[{}", 400), ("", 400), (" \n ", 400), ("[1,]", 400)] {
        client.post("application/json", body).await.problem(status);
    }
    let one = serde_json::to_string_pretty(&story_with(json!({"id": "z"}))).unwrap();
    assert_eq!(client.post("application/json", one).await.lines()[0]["outcome"], "created");
    client.post("application/json", "[]").await;
    client.post("text/csv", "a,b").await.problem(415);
    let many = "1\n".repeat(10_001);
    client.post("application/x-ndjson", many).await.problem(413);
    let many = format!("[{}1]", "1,".repeat(10_000));
    assert!(client.post("application/json", many).await.problem(400).contains("10000"));
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let client = client().await;
    for n in 0..7 {
        let day = format!("2026-11-{:02}T08:00:00Z", 10 + n / 2);
        let section = if n % 2 == 0 { "Общество" } else { "Спорт%" };
        let title = format!("Новость {n} ЖАҢАЛЫҚ");
        let story = json!({"published_at": day, "sections": [section], "title": title});
        client.put(&format!("n-{n}"), &story_with(story)).await;
    }
    client.put("draft", &story_with(json!({"status": "draft", "published_at": null}))).await;
    let mut seen = Vec::new();
    let mut uri = "/api/v1/articles?limit=3".to_owned();
    loop {
        let page = client.get(&uri).await.json();
        let ids = page["articles"].as_array().unwrap().iter().map(|a| a["id"].clone());
        seen.extend(ids);
        let Some(next) = page.get("next") else { break };
        uri = format!("/api/v1/articles?limit=3&cursor={}", next.as_str().unwrap());
    }
    assert_eq!(seen, ["n-6", "n-5", "n-4", "n-3", "n-2", "n-1", "n-0", "draft"]);

    let ids = async |query: &str| -> Vec<Value> {
        let page = client.get(&format!("/api/v1/articles?{query}")).await.json();
        page["articles"].as_array().unwrap().iter().map(|a| a["id"].clone()).collect()
    };
    assert_eq!(ids("section=%D0%A1%D0%BF%D0%BE%D1%80%D1%82%25").await, ["n-5", "n-3", "n-1"]);
    assert_eq!(ids("q=%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D1%8C+3").await, ["n-3"]);
    assert_eq!(ids("status=draft").await, ["draft"]);
    assert_eq!(ids("status=withdrawn&section=&q=").await, Vec::<Value>::new());
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let client = client().await;
    let cases = [
        ("/api/v1/articles?sektion=a", "sektion"),
        ("/api/v1/articles?limit=0", "limit"),
        ("/api/v1/articles?limit=51", "limit"),
        ("/api/v1/articles?limit=ten", "limit"),
        ("/api/v1/articles?status=live", "status"),
        ("/api/v1/articles?q=a&q=b", "q"),
        ("/api/v1/articles?q=%00", "q"),
        ("/api/v1/articles?cursor=abc", "cursor"),
        ("/api/v1/articles/a?x=1", "x"),
        ("/api/v1/articles/a%2Fb", "id"),
        ("/api/v1/changes?since=-1", "since"),
        ("/api/v1/changes?until=1", "until"),
        ("/api/v1/openapi.json?a", "a"),
    ];
    for (uri, field) in cases {
        let answer = client.get(uri).await;
        assert!(answer.problem(400).contains(field), "{uri}");
        assert_eq!(answer.json()["field"], field);
    }
    client.get("/api/v1/nothing").await.problem(404);
    let wrong = client.ask("POST", "/api/v1/changes", &[], "").await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn changes_show_what_the_public_may_know_and_no_more() {
    let client = client().await;
    // More hidden articles than fit an answer must not look like the end of the log.
    for n in 0..60 {
        let draft = json!({"id": format!("d-{n}"), "status": "draft", "title": "Тайна"});
        client.post("application/json", json!([story_with(draft)]).to_string()).await;
    }
    client.put("due", &story_with(json!({"published_at": "2026-11-24T13:00:00Z"}))).await;
    client.put("a", &story()).await;
    client.put("b", &story()).await;
    client.put("a", &story_with(json!({"title": "Уточнено"}))).await;
    client.put("b", &story_with(json!({"status": "draft", "title": "Тайна"}))).await;
    let mut since = 0;
    let mut changes = Vec::new();
    loop {
        let answer = client.get(&format!("/api/v1/changes?since={since}&limit=1")).await.json();
        let page = answer["changes"].as_array().unwrap().clone();
        let next = answer["next"].as_i64().unwrap();
        if page.is_empty() {
            assert_eq!(next, 65);
            break;
        }
        assert!(next > since);
        since = next;
        changes.extend(page);
    }
    let told: Vec<Value> =
        changes.iter().map(|c| json!([c["revision"], c["id"], c["kind"]])).collect();
    assert_eq!(told, [json!([64, "a", "upsert"]), json!([65, "b", "withdraw"])]);
    assert_eq!(changes[0]["article"]["title"], "Уточнено");
    assert!(changes[1].get("article").is_none());
    assert!(!Value::Array(changes).to_string().contains("Тайна"));

    client.desk.clock.turn(Duration::from_secs(3600));
    client.desk.intake.release_due().await.unwrap();
    let answer = client.get("/api/v1/changes?since=65").await.json();
    assert_eq!(answer["changes"][0]["id"], "due");
    assert_eq!(answer["changes"][0]["article"]["status"], "published");
    let end = client.get("/api/v1/changes?since=66").await.json();
    assert_eq!(end, json!({"changes": [], "next": 66}));
    // Never given out here: an empty answer would keep a mirror of another store waiting for ever.
    for since in [67, 1000, i64::MAX] {
        let beyond = client.get(&format!("/api/v1/changes?since={since}")).await;
        assert_eq!(beyond.status, 410, "{since}");
        let beyond = beyond.json();
        assert_eq!(beyond["field"], "since");
        let detail = beyond["detail"].as_str().unwrap();
        assert!(detail.contains("the newest is 66") && detail.contains("`since=0`"), "{detail}");
    }
}

#[tokio::test]
async fn large_articles_make_short_pages_and_none_is_lost() {
    let client = client().await;
    client.put("n-0", &story()).await;
    let small = client.desk.store.article(&id("n-0")).await.unwrap().unwrap();
    let large = |n: u32| {
        let mut article = small.article.clone();
        (article.id, article.guid) = (id(&format!("n-{n}")), Guid::parse(&n.to_string()).unwrap());
        article.body_html = "ж".repeat(110 << 10);
        Put { article, marks: small.marks.clone(), expected: None, note: None }
    };
    client.desk.store.put_articles((1..45).map(large).collect()).await;
    let (mut next, mut pages) = (String::new(), Vec::new());
    while pages.len() < 3 {
        let page = client.get(&format!("/api/v1/articles?limit=50{next}")).await.json();
        pages.push(page["articles"].as_array().unwrap().len());
        let Some(cursor) = page.get("next") else { break };
        next = format!("&cursor={}", cursor.as_str().unwrap());
    }
    assert_eq!(pages, [40, 5]);
    let changes = client.get("/api/v1/changes?limit=50").await.json();
    assert_eq!(changes["changes"].as_array().unwrap().len(), 40);
    let rest = client.get(&format!("/api/v1/changes?since={}", changes["next"])).await.json();
    assert_eq!(rest["changes"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_failing_store_is_told_and_counted() {
    let client = client().await;
    client.put("a", &story()).await;
    let conn = rusqlite_lock(client.desk.folder());
    let busy = client.put("a", &story_with(json!({"title": "б"}))).await;
    busy.problem(503);
    assert_eq!(busy.header("retry-after"), "1");
    assert_eq!(busy.store_errors, Some(StoreErrors(1)));
    let many = json!([story_with(json!({"id": "b"})), story_with(json!({"id": "c"}))]);
    let answer = client.post("application/json", many.to_string()).await;
    assert_eq!(answer.lines()[1]["status"], 503);
    assert_eq!(answer.store_errors, Some(StoreErrors(2)));
    drop(conn);
    assert_eq!(client.put("a", &story()).await.store_errors, None);
}

#[tokio::test]
async fn a_full_disk_is_507() {
    let answer = Problem::from(DbError::Full).into_response();
    assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(answer.extensions().get(), Some(&StoreErrors(1)));
}

/// Another process in the middle of a write.
fn rusqlite_lock(folder: &std::path::Path) -> rusqlite::Connection {
    let conn = rusqlite::Connection::open(folder.join("jarshy.db")).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    conn
}

#[tokio::test]
async fn the_description_is_made_from_the_routes() {
    let client = client().await;
    let document = client.get("/api/v1/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    let described = document.json();
    assert_eq!(described, client.described);
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(described["info"]["title"], "jarshy");
    assert_eq!(described["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(described["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let article = &described["paths"]["/api/v1/articles/{id}"];
    for method in ["get", "put", "patch", "delete"] {
        let problem = &article[method]["responses"]["default"]["content"];
        assert!(problem.get("application/problem+json").is_some(), "{method}");
    }
    // Every reference leads somewhere.
    let text = described.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let path = reference.split('"').next().unwrap();
        assert!(described.pointer(path.trim_start_matches('#')).is_some(), "{path}");
    }
    let mut operations: Vec<&str> = text
        .split("\"operationId\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let count = operations.len();
    operations.sort_unstable();
    operations.dedup();
    assert!(count >= 7 && operations.len() == count, "names are unique: {operations:?}");
    let input = &described["components"]["schemas"]["ArticleInput"];
    assert_eq!(input["required"], json!(["title", "url"]));
    let names: Vec<&String> = input["properties"].as_object().unwrap().keys().collect();
    let mut fields = jarshy::ingest::article_json::FIELDS.to_vec();
    fields.sort_unstable();
    let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, fields, "the schema and the reader know the same fields");
}

#[tokio::test]
async fn times_are_utc_whatever_zone_they_came_in() {
    let client = client().await;
    let story = story_with(json!({"published_at": "2026-11-24T16:59:59.5+05:00"}));
    let article = client.put("a", &story).await.json();
    assert_eq!(article["published_at"], "2026-11-24T11:59:59.500Z");
    let stored = client.desk.store.article(&id("a")).await.unwrap().unwrap().article;
    assert_eq!(stored.published_at, Some(at("2026-11-24T11:59:59.5Z")));
}
