//! Commands: what they print, where they print it, and with which code they end.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::desk::{api, candidate, desk};

/// Exit code, standard output, standard error.
type Ran = (i32, String, String);

fn jarshy_in(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jarshy"));
    // A backtrace would be shown if a command ever printed one.
    let command = command.env_clear().env("RUST_BACKTRACE", "1").current_dir(folder);
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn jarshy(arguments: &[&str]) -> Ran {
    jarshy_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

#[test]
fn help_lists_every_command() {
    let (code, out, err) = jarshy(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("Turns a newsroom's articles into feeds"), "{out}");
    for command in [
        "demo",
        "serve",
        "check",
        "import",
        "render",
        "articles",
        "feeds",
        "sources",
        "stats",
        "token",
        "backup",
        "restore",
        "ready",
        "settings",
        "man",
        "completions",
    ] {
        assert!(out.contains(&format!("\n  {command} ")), "{command} is missing:\n{out}");
        let (code, out, err) = jarshy(&[command, "--help"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.contains("--config <FILE>") && out.contains("--data <DIR>"), "{out}");
    }
    assert!(!out.contains('\u{1b}'), "no colours without a terminal");
    let (code, out, _) = jarshy(&["--version"]);
    assert_eq!((code, out), (0, format!("jarshy {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["chekc"][..], &["token", "create"], &["check", "--colour"], &[]] {
        let (code, out, err) = jarshy(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}");
        assert!(err.contains("Usage: jarshy"), "{err}");
    }
    let (code, _, err) = jarshy(&["token", "create", "--scope", "read", "--expires", "soon"]);
    assert_eq!(code, 2);
    assert!(err.contains("`soon` is not a duration; write for example 90d"), "{err}");
}

#[test]
fn check_says_all_that_is_wrong_and_ends_with_1() {
    let (code, out, err) = jarshy(&["check", "--config", "tests/data/settings/wrong.toml"]);
    assert_eq!((code, out.as_str()), (1, ""));
    let lines: Vec<_> = err.lines().collect();
    assert_eq!(
        lines,
        [
            "tests/data/settings/wrong.toml:3: site.time_zone: `Asia/Almata` is not a time zone of the tz database; did you mean Asia/Almaty?",
            "tests/data/settings/wrong.toml:6: public.lisen: there is no such key; did you mean public.listen?",
            "tests/data/settings/wrong.toml:7: public.max_age: 60 has no unit; write for example \"60s\"",
            "tests/data/settings/wrong.toml:10: feeds[0].slug: `section-news` begins with `section-`, as feeds made by themselves do; write for example \"news\"",
            "tests/data/settings/wrong.toml:11: feeds[0].schedule: `0 0 31 2 *` never fires: there is no such day; write for example \"*/10 * * * *\"",
        ]
    );
}

#[test]
fn check_speaks_json_to_scripts() {
    let arguments = ["check", "--json", "--config", "tests/data/settings/wrong.toml"];
    let (code, out, err) = jarshy(&arguments);
    assert_eq!((code, err.as_str()), (1, ""));
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["ok"], said["faults"].as_array().unwrap().len()), (&false.into(), 5));
    assert_eq!(said["faults"][1]["at"], "tests/data/settings/wrong.toml:6");
    assert_eq!(said["faults"][1]["key"], "public.lisen");
    let (code, out, _) = jarshy(&["check", "--json", "--config", "config/newsroom.toml"]);
    assert_eq!((code, out.as_str()), (0, "{\"faults\":[],\"ok\":true,\"warnings\":[]}\n"));
}

#[test]
fn check_takes_good_settings_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = jarshy_in(folder.path(), &["check"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "the settings are good: 0 feeds, public on 127.0.0.1:8080, ops on 127.0.0.1:9464, data in data\n"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    let (code, _, err) = jarshy_in(folder.path(), &["check", "--config", "no.toml"]);
    assert_eq!(code, 1);
    assert!(err.starts_with("no.toml: the file cannot be read"), "{err}");
}

#[tokio::test]
async fn check_warns_of_a_section_that_no_article_has() {
    let desk = desk().await;
    let small = ["check", "--config", "tests/data/settings/small.toml", "--data"];
    let check = || jarshy(&[&small[..], &[desk.folder().to_str().unwrap()]].concat());
    assert_eq!(check().1.lines().count(), 1, "no articles, no warnings");
    let sport = candidate("a", json!({ "sections": ["Спорт", "Общество"] }));
    desk.intake.take(sport, &api(), None).await.unwrap();
    let (code, out, err) = check();
    assert_eq!((code, err.as_str()), (0, ""));
    let warning = "warning: feeds[0].select.sections: no article has the section \"Спотр\", which the feed sport selects; did you mean \"Спорт\"?";
    assert_eq!(out.lines().next(), Some(warning));
}

#[test]
fn a_token_is_made_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let data = ["--data", folder.path().to_str().unwrap()];
        jarshy(&[arguments, &data].concat())
    };
    let (code, out, err) = run(&["token", "list"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("name the daemon with --config FILE or --data DIR"), "{err}");

    let (code, token, err) =
        run(&["token", "create", "--scope", "write", "--name", "cms", "--expires", "90d"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(token.starts_with("jsy_") && token.lines().count() == 1, "{token}");
    let (_, out, _) = run(&["token", "create", "--scope", "admin", "--json"]);
    let admin: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(admin["token"].as_str().unwrap().starts_with("jsy_"));

    let (_, out, _) = run(&["token", "list"]);
    assert_eq!(out.lines().count(), 3);
    assert!(out.contains(" write ") && out.contains(" cms") && out.contains(" never "), "{out}");
    let secret = token.trim().rsplit('_').next().unwrap();
    assert!(!out.contains(secret), "a list shows no secret");

    let (code, out, _) = run(&["token", "revoke", token.trim()]);
    let id = token.split('_').nth(1).unwrap();
    assert_eq!((code, out), (0, format!("the token {id} is revoked\n")));
    let (_, out, _) = run(&["token", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    let state = |id: &str| {
        let tokens = list.as_array().unwrap();
        tokens.iter().find(|token| token["id"] == id).unwrap()["state"].clone()
    };
    assert_eq!(
        (state(id), state(admin["id"].as_str().unwrap())),
        ("revoked".into(), "valid".into())
    );
    let (code, _, err) = run(&["token", "revoke", "nobody"]);
    assert_eq!(code, 1);
    assert_eq!(err, "jarshy: there is no token `nobody`; `jarshy token list` shows them\n");
}

#[test]
fn a_system_that_fails_ends_with_3_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data");
    let create = ["token", "create", "--scope", "read", "--data", data.to_str().unwrap()];
    let (code, out, err) = jarshy(&create);
    assert_eq!((code, out.as_str(), err.lines().count()), (3, "", 1), "{err}");
    assert!(err.contains("check its permissions, or name another folder with --data"), "{err}");
    std::fs::write(folder.path().join("jarshy.db"), "this is no database at all").unwrap();
    let list = ["token", "list", "--data", folder.path().to_str().unwrap()];
    let (code, _, err) = jarshy(&list);
    assert_eq!((code, err.lines().count()), (3, 1), "{err}");
}

#[test]
fn nobody_who_stops_reading_makes_a_command_fail() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jarshy"))
        .args(["check", "--config", "config/newsroom.toml"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn sources_are_shown_with_how_far_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "[[sources]]\nkind = \"feed\"\nname = \"agency\"\nurl = \"http://127.0.0.1:9/\"\n\
        [[sources]]\nkind = \"wordpress\"\nname = \"site\"\nurl = \"http://127.0.0.1:9\"\n";
    std::fs::write(folder.path().join("j.toml"), settings).unwrap();
    let (code, out, _) = jarshy_in(folder.path(), &["check", "--config", "j.toml"]);
    let found = "0 feeds, 2 sources (feed agency, wordpress site), public on";
    assert!(code == 0 && out.contains(found), "{out}");
    let line = b"{\"id\":\"a\",\"title\":\"A\",\"url\":\"https://a.example/\",\"published_at\":\"2020-01-01T00:00:00Z\"}";
    std::fs::write(folder.path().join("a.jsonl"), line).unwrap();
    let (code, _, err) =
        jarshy_in(folder.path(), &["import", "jsonl", "a.jsonl", "--config", "j.toml"]);
    assert_eq!(code, 0, "{err}");
    let (code, out, err) = jarshy_in(folder.path(), &["sources", "--config", "j.toml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[1].starts_with("agency           feed       never"), "{out}");
    assert!(lines[2].ends_with("not pulled yet; `jarshy serve` does it"), "{out}");
    let (_, out, _) = jarshy_in(folder.path(), &["sources", "--config", "j.toml", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said[1]["kind"], &said[1]["failures"]), (&json!("wordpress"), &json!(0)));
}

#[test]
fn ready_says_whether_the_running_daemon_is() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = jarshy(&["ready", "--data", folder.path().to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("jarshy: no daemon runs: there is no "), "{err}");
    let running = crate::running::Running::start();
    let data = running.data().to_str().unwrap().to_owned();
    assert_eq!(jarshy(&["ready", "--data", &data]), (0, "ready\n".into(), String::new()));
    // One that was killed leaves its address behind.
    let gone = format!("{{\"ops\":\"{}\"}}", closed_port());
    std::fs::write(folder.path().join("daemon.json"), gone).unwrap();
    let (code, _, err) = jarshy(&["ready", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(err.contains("does not answer") && err.ends_with("is it running?\n"), "{err}");
}

fn closed_port() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
