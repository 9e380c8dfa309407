//! The editor's button: taken back and brought back, with a reason that is kept.

use jarshy::{
    ingest::{Origin, Outcome, article_json::candidate_from_value},
    model::ArticleId,
};
use serde_json::{Value, json};

use crate::running::{NOW, Running};

fn act(r: &Running, id: &str, verb: &str, reason: &str) -> Value {
    let body = json!({ "reason": reason }).to_string();
    let reply = r.api("POST", &format!("/api/v1/articles/{id}/{verb}"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn log(r: &Running, query: &str) -> Vec<Value> {
    let reply = r.api("GET", &format!("/api/v1/audit?{query}"), "");
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["entries"].as_array().unwrap().clone()
}

#[test]
fn a_story_is_taken_back_and_brought_back_to_its_place() {
    let r = Running::start();
    r.publish("old", "Старая", NOW.plus(-7_200_000));
    let before = r.publish("story", "Новость", NOW.plus(-3_600_000)).json();
    r.publish("new", "Свежая", NOW.plus(-1000));
    r.settle();
    assert_eq!(r.titles("news"), ["Свежая", "Новость", "Старая"]);

    let gone = act(&r, "story", "withdraw", "суд");
    assert_eq!(gone["status"], "withdrawn");
    r.settle();
    assert_eq!(r.titles("news"), ["Свежая", "Старая"]);

    let back = act(&r, "story", "restore", "решение отменено");
    assert_eq!(back, before, "it is back as it stood, guid and dates too");
    r.settle();
    assert_eq!(r.titles("news"), ["Свежая", "Новость", "Старая"]);
}

#[test]
fn the_audit_log_tells_who_and_why_whichever_way_it_went() {
    let r = Running::start();
    r.publish("a", "А", NOW);
    r.publish("b", "Б", NOW);
    act(&r, "a", "withdraw", "жалоба");
    act(&r, "a", "withdraw", "ещё раз"); // changes nothing, so nothing is noted
    act(&r, "a", "restore", "");
    r.api("DELETE", "/api/v1/articles/b?reason=ошибка", "");
    r.publish("b", "Б снова", NOW); // a PUT brings it back

    let entries = log(&r, "");
    let told: Vec<_> = entries
        .iter()
        .map(|e| (e["article"].as_str(), e["action"].as_str(), e["reason"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("b"), Some("restore"), None),
            (Some("b"), Some("withdraw"), Some("ошибка")),
            (Some("a"), Some("restore"), None),
            (Some("a"), Some("withdraw"), Some("жалоба")),
        ]
    );
    let actor = r.token.split('_').nth(1).unwrap();
    assert!(entries.iter().all(|e| e["actor"] == actor && e["at"] == NOW.to_rfc3339()));
    assert_eq!(entries[0]["status_before"], "withdrawn");
    assert_eq!(log(&r, "article=a").len(), 2);
    let page = r.api("GET", "/api/v1/audit?limit=3", "").json();
    assert_eq!(log(&r, &format!("cursor={}", page["next"])).len(), 1);
}

#[test]
fn a_draft_comes_back_as_a_draft_and_a_late_one_as_scheduled() {
    let r = Running::start();
    r.put("draft", NOW, json!({"status": "draft"}));
    r.put("later", NOW.plus(3_600_000), json!({}));
    for (id, status) in [("draft", "draft"), ("later", "scheduled")] {
        act(&r, id, "withdraw", "");
        assert_eq!(act(&r, id, "restore", "")["status"], status);
    }
    r.settle();
    assert_eq!(r.titles("news"), [""; 0]);
}

#[test]
fn the_log_outlives_the_daemon() {
    let r = Running::start();
    r.put("draft", NOW, json!({"status": "draft"}));
    act(&r, "draft", "withdraw", "рано");
    let clock = r.clock.clone();
    let r = Running::on(r.stop(), crate::running::SETTINGS, clock);
    assert_eq!(log(&r, "article=draft")[0]["reason"], "рано");
    assert_eq!(act(&r, "draft", "restore", "")["status"], "draft");
}

#[test]
fn a_wrong_press_is_named_and_changes_nothing() {
    let r = Running::start();
    r.publish("a", "А", NOW);
    let post = |path: &str, body: &str| r.api("POST", &format!("/api/v1/articles/{path}"), body);
    let long = json!({"reason": "я".repeat(501)}).to_string();
    for (path, body, status, says) in [
        ("nope/withdraw", "", 404, "nope"),
        ("nope/restore", "", 404, "nope"),
        ("a/withdraw", r#"{"raeson":"x"}"#, 422, "raeson"),
        ("a/withdraw", "суд", 422, "JSON"),
        ("a/withdraw", r#"{"reason":"a\u0000b"}"#, 400, "reason"),
        ("a/withdraw", &long, 400, "500 characters"),
        ("a/withdraw?why=x", "", 400, "why"),
        ("a%2F/withdraw", "", 400, "id"),
    ] {
        let reply = post(path, body);
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.text());
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{path}: {detail}");
    }
    let stale = r.api_with("POST", "/api/v1/articles/a/withdraw", &[("If-Match", "\"9\"")], "");
    assert_eq!(stale.status, 412);
    assert_eq!(r.api("GET", "/api/v1/articles/a", "").json()["status"], "published");
    assert!(log(&r, "").is_empty());
}

#[test]
fn a_withdrawal_made_here_outlives_one_that_the_source_made_before() {
    let r = Running::start();
    let (intake, runtime) = (r.daemon.as_ref().unwrap().parts().intake.clone(), r.runtime.clone());
    let origin = Origin::Source { name: "wordpress:wp".into() };
    let story = |status: &str| {
        let story = json!({"id": "wp-1", "title": "Ложь", "url": "https://news.example/1/",
            "body_html": format!("<p>{status}</p>"), "status": status,
            "published_at": NOW.plus(-60_000).to_rfc3339()});
        candidate_from_value(story, None).unwrap()
    };
    let take = |status| runtime.block_on(intake.take(story(status), &origin, None)).unwrap();
    take("published");
    let id = ArticleId::parse("wp-1").unwrap();
    let trashed = intake.withdraw(&id, "wordpress:wp", Some("in the trash".into()), None);
    assert!(runtime.block_on(trashed).unwrap().newly);

    let before = r.api("GET", "/api/v1/articles/wp-1", "").header("etag").map(str::to_owned);
    act(&r, "wp-1", "withdraw", "решение суда");
    let newest = &log(&r, "article=wp-1")[0];
    assert_eq!(newest["reason"], "решение суда");
    assert_eq!(newest["actor"], r.token.split('_').nth(1).unwrap());
    assert_ne!(r.api("GET", "/api/v1/articles/wp-1", "").header("etag").map(str::to_owned), before);
    // Somebody takes it out of the trash of the CMS.
    assert_eq!(take("published").outcome, Outcome::Withheld);
    r.settle();
    assert_eq!(r.titles("news"), [""; 0]);
    // Again by an editor it is one and the same; by the source it stays the editor's.
    act(&r, "wp-1", "withdraw", "ещё раз");
    let again = intake.withdraw(&id, "wordpress:wp", None, None);
    assert!(!runtime.block_on(again).unwrap().newly);
    assert_eq!(log(&r, "article=wp-1").len(), 2);
    // A restoration brings back what it was before either.
    assert_eq!(act(&r, "wp-1", "restore", "")["status"], "published");
}
