//! The level of the log while the daemon runs: by the API for a while, by a reload for good.

use std::time::Duration;

use serde_json::json;

use crate::{
    binary::Binary,
    running::{NOW, Running, SETTINGS},
    wire,
};
use jarshy::store::Scope;

fn set(r: &Running, body: serde_json::Value) -> wire::Reply {
    r.api("PUT", "/api/v1/log", &body.to_string())
}

fn level(r: &Running) -> serde_json::Value {
    r.api("GET", "/api/v1/log", "").json()
}

#[test]
fn another_level_ends_by_itself() {
    let r = Running::start();
    assert_eq!(level(&r), json!({"level": "info", "settings": "info"}));
    let reply = set(&r, json!({"level": "info,jarshy::views=debug", "for": "10m"}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let until = NOW.plus(600_000).to_rfc3339();
    let now = json!({"level": "info,jarshy::views=debug", "settings": "info", "until": until});
    assert_eq!(reply.json(), now);
    assert_eq!(level(&r), now);
    r.clock.turn(Duration::from_secs(599));
    assert_eq!(level(&r), now);
    r.clock.turn(Duration::from_secs(1));
    r.until("the settings' level is back", |r| {
        (level(r) == json!({"level": "info", "settings": "info"})).then_some(())
    });
}

#[test]
fn a_later_change_takes_the_place_of_an_earlier_one() {
    let r = Running::start();
    set(&r, json!({"level": "debug", "for": "1m"}));
    set(&r, json!({"level": "trace", "for": "1h"}));
    r.clock.turn(Duration::from_secs(120));
    set(&r, json!({"level": "warn"}));
    r.clock.turn(Duration::from_secs(7200));
    assert_eq!(level(&r), json!({"level": "warn", "settings": "info"}));
    r.reload(&format!("{SETTINGS}[log]\nlevel = \"error\"\n"));
    assert_eq!(level(&r), json!({"level": "error", "settings": "error"}));
}

#[test]
fn mistakes_are_told_and_change_nothing() {
    let r = Running::start();
    for (body, status, named) in [
        (json!({"level": "lots"}).to_string(), 422, "`lots` is not a level"),
        (json!({"level": ""}).to_string(), 422, "`level`"),
        (json!({"level": "info,a=b"}).to_string(), 422, "not a filter"),
        (json!({"level": "info", "for": "10"}).to_string(), 422, "`for`"),
        (json!({"level": "info", "for": "99999d"}).to_string(), 422, "longer than ten years"),
        (json!({"levle": "info"}).to_string(), 422, "levle"),
        (json!({"level": 3}).to_string(), 422, "invalid type"),
        (json!({}).to_string(), 422, "level"),
        ("{".to_owned(), 400, "EOF"),
        (String::new(), 400, "EOF"),
    ] {
        let reply = r.api("PUT", "/api/v1/log", &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
        assert!(reply.json()["detail"].as_str().unwrap().contains(named), "{}", reply.text());
    }
    assert_eq!(level(&r), json!({"level": "info", "settings": "info"}));
}

#[test]
fn only_an_admin_may() {
    let r = Running::start();
    let store = r.daemon.as_ref().unwrap().parts().store.clone();
    let token = r.runtime.block_on(store.create_token(Scope::Write, None, None, NOW)).unwrap();
    let bearer = format!("Bearer {}", token.text);
    let ask = |method: &str, headers: &[(&str, &str)], body: &str| {
        wire::ask(r.ops(), method, "/api/v1/log", headers, body.as_bytes()).status
    };
    let headers = [("Authorization", bearer.as_str())];
    assert_eq!(ask("GET", &headers, ""), 200);
    assert_eq!(ask("PUT", &headers, "{\"level\":\"debug\"}"), 403);
    assert_eq!(ask("PUT", &[], "{\"level\":\"debug\"}"), 401);
    assert_eq!(level(&r)["level"], "info");
}

/// The binary's own log follows the API and the settings.
#[test]
fn the_log_really_says_more_and_less() {
    let daemon = Binary::serve("[log]\nlevel = \"warn\"\n");
    let debug = |line: &serde_json::Value| line["level"] == "DEBUG";
    daemon.api("POST", "/api/v1/jobs/measure-disk/run", "");
    assert!(!daemon.log().iter().any(debug), "{}", daemon.log_text());
    assert_eq!(daemon.api("PUT", "/api/v1/log", "{\"level\":\"debug\"}").status, 200);
    daemon.api("POST", "/api/v1/jobs/measure-disk/run", "");
    daemon.until_logged("the job at debug", |l| debug(l) && l["job"] == "measure-disk");
    daemon.reload("[log]\nlevel = \"error\"\n");
    crate::binary::until("the settings' level", || {
        let told = daemon.api("GET", "/api/v1/log", "").json();
        (told == json!({"level": "error", "settings": "error"})).then_some(())
    });
    let lines = daemon.log().len();
    daemon.api("POST", "/api/v1/jobs/measure-disk/run", "");
    let later: Vec<_> = daemon.log().into_iter().skip(lines).collect();
    assert!(!later.iter().any(|line| line["job"] == "measure-disk"), "{later:?}");
    assert!(daemon.data().join("lock").exists());
}
