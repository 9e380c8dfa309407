//! A backup beside a daemon at work, and a restore: the same articles, documents and totals. A backup
//! is there as a whole or not at all, and whatever is not what it was is refused.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use jarshy::{
    clock::Clock,
    store::backup::{self, Manifest},
};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    publish::hours_ago,
    running::{BROWSER, NOW, Running, SETTINGS},
    wire,
};

/// Exit code, standard output, standard error.
fn jarshy(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jarshy"));
    let output = command.env_clear().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn copy(data: &Path, to: &Path) -> Manifest {
    backup::backup(data, to, NOW, &mut |_, _| ()).unwrap()
}

fn put_back(from: &Path, data: &Path) -> (i32, String, String) {
    jarshy(&["restore", &from.display().to_string(), "--data", &data.display().to_string()])
}

fn hit(r: &Running, article: &str, visitor: u64) -> u16 {
    let from = format!("20.{}.{}.{}", visitor >> 16 & 255, visitor >> 8 & 255, visitor & 255);
    let headers = [("User-Agent", BROWSER), ("X-Forwarded-For", from.as_str())];
    wire::ask(r.public(), "POST", &format!("/v/{article}"), &headers, b"").status
}

/// ETags of every document and totals of every article: what readers hold.
fn told(r: &Running, articles: &[&str]) -> BTreeMap<String, String> {
    let formats = ["rss", "atom", "json"].map(|format| format!("/feeds/news.{format}"));
    let etags = formats.into_iter().map(|path| {
        let etag = r.get(&path, &[]).header("etag").unwrap().to_owned();
        (path, etag)
    });
    let totals = articles.iter().map(|id| {
        let count = r.get(&format!("/count/{id}.json"), &[]).json();
        ((*id).to_owned(), count["total"].to_string())
    });
    etags.chain(totals).collect()
}

fn newsroom() -> Running {
    let r = Running::start();
    for n in 0..4 {
        r.put(&format!("a{n}"), hours_ago(n), json!({"carried_over_views": 800 + n}));
    }
    r.until("all are there", |r| (r.titles("news").len() == 4).then_some(()));
    r.withdraw("a3");
    r.until_titles("news", &["a0", "a1", "a2"]);
    for visitor in 0..25 {
        assert_eq!(hit(&r, &format!("a{}", visitor % 3), visitor), 204);
    }
    r.settle();
    r
}

#[test]
fn wiped_and_restored_it_is_what_it_was() {
    let r = newsroom();
    let before = told(&r, &["a0", "a1", "a2"]);
    let changes = r.api("GET", "/api/v1/changes", "").json();
    let place = TempDir::new().unwrap();
    let to = place.path().join("backup");
    let data = r.data().display().to_string();
    let (code, out, err) = jarshy(&["backup", &to.display().to_string(), "--data", &data]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("4 articles up to revision 5 and 25 views"), "{out}");
    // What comes after the backup is not in it.
    r.put("late", NOW, json!({}));
    assert_eq!(hit(&r, "a0", 999), 204);
    let (token, clock) = (r.token.clone(), r.clock.clone());
    drop(r.stop());

    let data = TempDir::new().unwrap();
    let into = data.path().join("not-there-yet");
    let (code, out, err) = put_back(&to, &into);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("4 articles up to revision 5 and 25 views"), "{out}");
    for name in ["jarshy.db", "views.db"] {
        fs::rename(into.join(name), data.path().join(name)).unwrap();
    }
    fs::remove_dir_all(&into).unwrap();
    let mut r = Running::on(data, SETTINGS, clock);
    r.token = token;
    assert_eq!(told(&r, &["a0", "a1", "a2"]), before);
    assert_eq!(r.api("GET", "/api/v1/changes", "").json(), changes, "tokens and revisions too");
    // And it goes on from there.
    r.put("after", NOW, json!({}));
    r.until_titles("news", &["after", "a0", "a1", "a2"]);
    assert_eq!(hit(&r, "a0", 5000), 204);
}

/// Revisions that were given out after the backup are never given out again, and whoever has read
/// that far is told.
#[test]
fn a_mirror_that_is_ahead_of_a_restored_store_is_told_to_begin_anew() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let to = place.path().join("backup");
    copy(r.data(), &to);
    r.put("lost", NOW, json!({}));
    let ahead = r.api("GET", "/api/v1/changes", "").json()["next"].as_i64().unwrap();
    assert_eq!(ahead, 6);
    let tag = r.api("GET", "/api/v1/articles/lost", "").header("etag").unwrap().to_owned();
    let clock = r.clock.clone();
    drop(r.stop());
    let data = TempDir::new().unwrap();
    assert_eq!(put_back(&to, data.path()).0, 0);

    let r = Running::on(data, SETTINGS, clock);
    let reply = r.api("GET", "/api/v1/changes?since=6", "");
    assert_eq!(reply.status, 410, "{}", reply.text());
    assert_eq!(reply.json()["field"], "since");
    assert!(reply.text().contains("read them all again with `since=0`"), "{}", reply.text());
    for (since, count) in [(0, 4), (5, 0)] {
        let reply = r.api("GET", &format!("/api/v1/changes?since={since}"), "");
        assert_eq!(reply.json()["changes"].as_array().unwrap().len(), count, "{since}");
    }
    r.put("new", NOW, json!({}));
    let next = r.api("GET", "/api/v1/changes?since=5", "").json();
    assert_eq!(next["changes"][0]["id"], "new");
    assert!(next["next"].as_i64().unwrap() > 1_000_000_000, "{next}");
    assert_eq!(r.api("GET", &format!("/api/v1/changes?since={}", next["next"]), "").status, 200);
    // An edit decided on what was lost does not meet another article of the same revision.
    let body = json!({"title": "x"}).to_string();
    let headers = [("Content-Type", "application/json"), ("If-Match", tag.as_str())];
    assert_eq!(r.api_with("PATCH", "/api/v1/articles/new", &headers, &body).status, 412);
    // Publishing has nothing to wait for.
    r.settle();
    assert_eq!(r.metric("store_revision"), next["next"].as_f64().unwrap());
}

#[test]
fn one_backup_restored_twice_gives_no_revision_out_twice() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let backup = |name: &str| place.path().join(name);
    copy(r.data(), &backup("first"));
    let clock = r.clock.clone();
    drop(r.stop());
    // From here on revisions stand near the present time in microseconds.
    let data = TempDir::new().unwrap();
    assert_eq!(put_back(&backup("first"), data.path()).0, 0);
    copy(data.path(), &backup("second"));
    let mut given_out = 0;
    for round in 0..2 {
        let data = TempDir::new().unwrap();
        assert_eq!(put_back(&backup("second"), data.path()).0, 0);
        let r = Running::on(data, SETTINGS, clock.clone());
        if round == 1 {
            let reply = r.api("GET", &format!("/api/v1/changes?since={given_out}"), "");
            assert_eq!(reply.status, 410, "{}", reply.text());
        }
        r.put(&format!("new{round}"), NOW, json!({}));
        let next = r.api("GET", "/api/v1/changes?since=5", "").json()["next"].as_i64().unwrap();
        assert!(next > given_out, "{next} after {given_out}");
        given_out = next;
        drop(r.stop());
    }
}

/// The older backup is restored after a newer one was: whoever follows by HTTP never waits for revisions
/// that come below the one it has.
#[test]
fn a_chain_of_restores_silences_no_mirror() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let backup = |name: &str| place.path().join(name);
    copy(r.data(), &backup("first"));
    let clock = r.clock.clone();
    drop(r.stop());
    let live = |from: &str, put: &str| {
        let data = TempDir::new().unwrap();
        assert_eq!(put_back(&backup(from), data.path()).0, 0);
        let r = Running::on(data, SETTINGS, clock.clone());
        r.put(put, NOW, json!({}));
        let next = r.api("GET", "/api/v1/changes?since=0", "").json()["next"].as_i64().unwrap();
        (r, next)
    };
    let (r, one) = live("first", "b");
    copy(r.data(), &backup("second"));
    drop(r.stop());
    let (r, two) = live("second", "c");
    drop(r.stop());
    let (r, three) = live("first", "d");
    assert!(one < two && two < three && three < 1 << 53, "{one}, {two}, {three}");
    for lost in [one, two, three + 1] {
        let reply = r.api("GET", &format!("/api/v1/changes?since={lost}"), "");
        assert_eq!(reply.status, 410, "{lost} of {three}: {}", reply.text());
        assert!(reply.text().contains("`since=0`"), "{}", reply.text());
    }
    assert_eq!(r.api("GET", &format!("/api/v1/changes?since={three}"), "").status, 200);
}

/// Writers of both databases at work while several copies are made: each is of one moment.
#[test]
fn every_backup_under_load_is_consistent() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(25));
    let copies: Vec<(u64, PathBuf, u64)> = std::thread::scope(|scope| {
        for thread in 0..2 {
            let (r, done, acknowledged) = (&r, &done, &acknowledged);
            scope.spawn(move || {
                let mut visitor = 100_000 * (thread + 1);
                while !done.load(Ordering::SeqCst) {
                    visitor += 1;
                    // A new article, and a view of it at once.
                    let id = format!("n{visitor}");
                    if visitor % 8 == 0 {
                        r.put(&id, NOW, json!({}));
                        r.until("it can be viewed", |r| {
                            (r.get(&format!("/count/{id}.json"), &[]).status == 200).then_some(())
                        });
                        assert_eq!(hit(r, &id, visitor), 204);
                    } else {
                        assert_eq!(hit(r, "a0", visitor), 204);
                    }
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let copies = (0..5).map(|n| {
            let to = place.path().join(format!("b{n}"));
            let floor = acknowledged.load(Ordering::SeqCst);
            copy(r.data(), &to);
            // One more for each writer may be under way.
            (floor, to, acknowledged.load(Ordering::SeqCst) + 2)
        });
        let copies = copies.collect();
        done.store(true, Ordering::SeqCst);
        copies
    });
    for (floor, folder, ceiling) in copies {
        let manifest = backup::read_manifest(&folder).unwrap();
        let views = manifest.views as u64;
        assert!((floor..=ceiling).contains(&views), "{floor} <= {views} <= {ceiling}");
        let conn = Connection::open(folder.join("views.db")).unwrap();
        let articles = folder.join("jarshy.db").display().to_string();
        conn.execute("ATTACH ?1 AS j", [articles]).unwrap();
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let strangers = "SELECT COUNT(*) FROM (SELECT article FROM views UNION SELECT article FROM
             unfolded_views) WHERE article NOT IN (SELECT id FROM j.articles)";
        assert_eq!(number(strangers), 0, "a view of an article that the copy does not know");
        let sums = ["article_counts", "section_counts", "views"]
            .map(|table| number(&format!("SELECT COALESCE(SUM(n), 0) FROM {table}")));
        assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let to = place.path().join("b");
    copy(r.data(), &to);
    let before = fs::read(to.join("jarshy.db")).unwrap();
    let (data, to_text) = (r.data().display().to_string(), to.display().to_string());
    let (code, _, err) = jarshy(&["backup", &to_text, "--data", &data]);
    assert_eq!(code, 1);
    assert!(err.contains("is not empty; name a new one"), "{err}");
    // The folder of a running daemon, and any other that holds something.
    for folder in [r.data(), place.path()] {
        let (code, _, err) = put_back(&to, folder);
        assert_eq!(code, 1);
        assert!(err.contains("is not empty; a restore never overwrites"), "{err}");
    }
    assert_eq!(fs::read(to.join("jarshy.db")).unwrap(), before);
    assert_eq!(r.get("/feeds/news.rss", &[]).status, 200);
    let (new, nothing) = (place.path().join("new"), place.path().display().to_string());
    let (code, _, err) = jarshy(&["backup", &new.display().to_string(), "--data", &nothing]);
    assert_eq!(code, 1);
    assert!(err.contains("there is no jarshy.db in"), "{err}");
}

#[test]
fn an_empty_folder_takes_a_backup() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    copy(r.data(), place.path());
    let mut names: Vec<_> =
        fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["backup.json", "jarshy.db", "views.db"]);
}

/// Each kind of damage, and what the restore says of it; the folder is as empty as before.
#[test]
fn what_is_not_what_it_was_is_refused() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let good = place.path().join("good");
    copy(r.data(), &good);
    type Break = fn(&Path);
    let breaks: [(&str, Break); 6] = [
        ("is not what it was when the backup was made", |folder| {
            let mut bytes = fs::read(folder.join("views.db")).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(folder.join("views.db"), bytes).unwrap();
        }),
        ("is not what it was when the backup was made", |folder| {
            let bytes = fs::read(folder.join("jarshy.db")).unwrap();
            fs::write(folder.join("jarshy.db"), &bytes[..bytes.len() - 4096]).unwrap();
        }),
        ("views.db: No such file", |folder| fs::remove_file(folder.join("views.db")).unwrap()),
        ("name a folder that `jarshy backup` made", |folder| {
            fs::remove_file(folder.join("backup.json")).unwrap();
        }),
        ("is not what a backup has", |folder| fs::write(folder.join("backup.json"), "{").unwrap()),
        ("which is newer: restore it with that one", |folder| {
            let text = fs::read_to_string(folder.join("backup.json")).unwrap();
            let mut told: serde_json::Value = serde_json::from_str(&text).unwrap();
            told["files"][1]["schema"] = json!(99);
            fs::write(folder.join("backup.json"), told.to_string()).unwrap();
        }),
    ];
    for (number, (sentence, damage)) in breaks.into_iter().enumerate() {
        let bad = place.path().join(format!("bad{number}"));
        fs::create_dir(&bad).unwrap();
        for entry in fs::read_dir(&good).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), bad.join(entry.file_name())).unwrap();
        }
        damage(&bad);
        let data = TempDir::new().unwrap();
        let (code, _, err) = put_back(&bad, data.path());
        assert_eq!(code, 1, "{err}");
        assert!(err.contains(sentence), "{err}");
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0, "{sentence}");
        let new = data.path().join("new");
        assert_eq!(put_back(&bad, &new).0, 1);
        assert!(!new.exists(), "{sentence}");
    }
}

/// A name in `backup.json` is no way out of the folder.
#[test]
fn a_manifest_names_only_our_files() {
    let r = newsroom();
    let place = TempDir::new().unwrap();
    let bad = place.path().join("bad");
    copy(r.data(), &bad);
    let text = fs::read_to_string(bad.join("backup.json")).unwrap();
    fs::write(bad.join("backup.json"), text.replace("views.db", "../../views.db")).unwrap();
    let (code, _, err) = put_back(&bad, &place.path().join("new"));
    assert_eq!(code, 1);
    assert!(err.contains("newer"), "{err}");
}

#[test]
fn a_damaged_database_makes_no_backup_and_leaves_nothing() {
    let r = newsroom();
    let data = TempDir::new().unwrap();
    let path = data.path().join("jarshy.db");
    let conn = Connection::open(r.data().join("jarshy.db")).unwrap();
    conn.execute("VACUUM INTO ?1", [path.display().to_string()]).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 * 3..4096 * 6].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let place = TempDir::new().unwrap();
    let to = place.path().join("b").display().to_string();
    let (code, _, err) = jarshy(&["backup", &to, "--data", &data.path().display().to_string()]);
    assert_eq!(code, 3);
    assert!(err.contains("jarshy.db is damaged"), "{err}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// A restore that was cut off must not be taken for a newsroom without articles.
#[test]
fn a_folder_with_half_a_restore_is_refused() {
    let data = TempDir::new().unwrap();
    fs::write(data.path().join("restoring"), "").unwrap();
    let data = data.path().display().to_string();
    let (code, _, err) = jarshy(&["token", "create", "--scope", "read", "--data", &data]);
    assert_eq!(code, 3);
    assert!(err.contains("empty the folder and restore again"), "{err}");
}

/// A demo's settings stand in its folder.
#[test]
fn settings_in_the_folder_come_along() {
    let r = newsroom();
    fs::write(r.data().join("jarshy.toml"), "[site]\ntitle = \"T\"\n").unwrap();
    let clock = Clock::manual(NOW.plus(Duration::from_secs(3600).as_millis() as i64));
    let place = TempDir::new().unwrap();
    let to = place.path().join("b");
    let made = backup::backup(r.data(), &to, clock.now(), &mut |_, _| ()).unwrap();
    assert_eq!(made.made_at, "2026-11-24T13:00:00Z");
    let data = TempDir::new().unwrap();
    assert_eq!(put_back(&to, data.path()).0, 0);
    let kept = fs::read_to_string(data.path().join("jarshy.toml")).unwrap();
    assert_eq!(kept, "[site]\ntitle = \"T\"\n");
}
