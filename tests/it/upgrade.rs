//! A database of an older jarshy is moved to the newer schema with a copy kept; one that cannot be
//! moved stays as it was. The databases in `tests/data/store` are what real daemons left.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use jarshy::{
    clock::Clock,
    config,
    metrics::Metrics,
    publish::{self, Publisher},
    store::{Store, Writer},
};
use rusqlite::Connection;
use serde::Deserialize;
use tempfile::TempDir;

use crate::running::{NOW, Running, SETTINGS, settings_of};

/// What the daemon that left the fixture had told its readers.
#[derive(Deserialize)]
struct Expected {
    etags: BTreeMap<String, String>,
    totals: BTreeMap<String, u64>,
}

const EXPECTED: &str = include_str!("../data/store/v1/expected.json");
const ARTICLES: &str = include_str!("../data/store/v1/jarshy.sql");
const VIEWS: &str = include_str!("../data/store/v1/views.sql");

/// A data folder of schema 1.
fn old_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in [("jarshy.db", ARTICLES), ("views.db", VIEWS)] {
        let conn = Connection::open(folder.path().join(name)).unwrap();
        conn.pragma_update(None, "journal_mode", "WAL").unwrap();
        conn.execute_batch(text).unwrap();
    }
    folder
}

fn schema(path: &Path) -> i64 {
    let conn = Connection::open(path).unwrap();
    conn.query_row("SELECT MAX(version) FROM schema_version", [], |row| row.get(0)).unwrap()
}

fn names(folder: &Path, start: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    let is_log = |name: &str| name.ends_with("-wal") || name.ends_with("-shm");
    let ours = |name: &String| name.starts_with(start) && !is_log(name);
    let mut names: Vec<_> = names.filter(ours).collect();
    names.sort();
    names
}

fn open(path: &Path, migrations: &[&str]) -> Result<Writer, String> {
    Writer::open(path, Duration::from_secs(1), migrations).map_err(|e| e.to_string())
}

#[tokio::test]
async fn documents_of_schema_1_are_served_as_they_were() {
    let folder = old_folder();
    let expected: Expected = serde_json::from_str(EXPECTED).unwrap();
    let config = settings_of(SETTINGS, folder.path());
    let store = Store::open(&config.store).await.unwrap();
    let metrics = Arc::new(Metrics::new(10).unwrap());
    let settings = publish::Settings::from(&config);
    let (publisher, _) =
        Publisher::load(store, settings, metrics, Clock::manual(NOW)).await.unwrap();
    for (path, etag) in expected.etags {
        let document = publisher.shelf().get(&path).unwrap();
        let plain = document.variants.iter().find(|v| v.encoding.as_header().is_none()).unwrap();
        assert_eq!(plain.etag, etag, "{path}");
    }
}

#[test]
fn articles_and_totals_of_schema_1_are_what_they_were() {
    let expected: Expected = serde_json::from_str(EXPECTED).unwrap();
    let r = Running::on(old_folder(), SETTINGS, Clock::manual(NOW));
    for (article, total) in expected.totals {
        let count = r.get(&format!("/count/{article}.json"), &[]).json();
        assert_eq!(count["total"], total, "{article}");
    }
    let changes = r.api("GET", "/api/v1/changes?limit=100", "").json();
    let kinds: Vec<_> = changes["changes"].as_array().unwrap().iter().map(kind_of).collect();
    assert_eq!(
        kinds,
        ["flood upsert", "school upsert", "harvest upsert", "bridge upsert", "gone withdraw"]
    );
    r.clock.turn(Duration::from_secs(2 * 86_400));
    r.until("what was scheduled then appears now", |r| {
        r.titles("news").contains(&"later".to_owned()).then_some(())
    });
    // The copies are the old databases, whole.
    for (name, copies) in [("jarshy.db", "jarshy.db.v1-"), ("views.db", "views.db.v1-")] {
        let moved = schema(&r.data().join(name)) > 1;
        let copies = names(r.data(), copies);
        assert_eq!(copies.len(), usize::from(moved), "{name}: {copies:?}");
        copies.iter().for_each(|copy| assert_eq!(schema(&r.data().join(copy)), 1));
    }
}

fn kind_of(change: &serde_json::Value) -> String {
    format!("{} {}", change["id"].as_str().unwrap(), change["kind"].as_str().unwrap())
}

#[test]
fn a_copy_is_kept_before_the_first_step() {
    let folder = old_folder();
    let path = folder.path().join("views.db");
    drop(open(&path, &["", "DELETE FROM views; CREATE TABLE second (n BIGINT) @STRICT"]).unwrap());
    assert_eq!(schema(&path), 2);
    let copies = names(folder.path(), "views.db.v");
    assert_eq!(copies.len(), 1, "{copies:?}");
    assert!(copies[0].starts_with("views.db.v1-2"), "{copies:?}");
    let copy = Connection::open(folder.path().join(&copies[0])).unwrap();
    let views = |conn: &Connection| -> i64 {
        conn.query_row("SELECT COALESCE(SUM(n), 0) FROM views", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((views(&copy), views(&Connection::open(&path).unwrap())), (8, 0));
    // Opened again there is nothing to move, and nothing to copy.
    drop(open(&path, &["", ""]).unwrap());
    assert_eq!(names(folder.path(), "views.db.v").len(), 1);
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was() {
    let folder = old_folder();
    let path = folder.path().join("views.db");
    let error = open(&path, &["", "DELETE FROM views", "CREATE TABLE broken ("]).unwrap_err();
    assert!(error.contains("stays at schema 1, it was not moved to 3"), "{error}");
    assert_eq!(schema(&path), 1);
    let conn = Connection::open(&path).unwrap();
    let views: i64 = conn.query_row("SELECT SUM(n) FROM views", [], |row| row.get(0)).unwrap();
    assert_eq!(views, 8, "the first of the two steps was taken back too");
    drop(conn);
    drop(open(&path, &["", "SELECT 1", "SELECT 1"]).unwrap());
    assert_eq!(schema(&path), 3);
}

#[test]
fn the_last_three_copies_stay() {
    let folder = old_folder();
    let old = ["v1-20200101T000000Z", "v2-20210101T000000Z", "v1-20220101T000000Z"];
    for name in old.iter().chain(&["notes", "v1-mine"]) {
        fs::write(folder.path().join(format!("views.db.{name}")), "x").unwrap();
    }
    drop(open(&folder.path().join("views.db"), &["", "SELECT 1"]).unwrap());
    let left = names(folder.path(), "views.db.");
    for gone_or_not in ["v2-20210101T000000Z", "v1-20220101T000000Z", "notes", "v1-mine"] {
        assert!(left.contains(&format!("views.db.{gone_or_not}")), "{left:?}");
    }
    assert!(!left.contains(&"views.db.v1-20200101T000000Z".to_owned()), "{left:?}");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = old_folder();
    let path = folder.path().join("views.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("INSERT INTO schema_version VALUES (99)").unwrap();
    drop(conn);
    let error = open(&path, &["", ""]).unwrap_err();
    assert!(error.contains("has schema 99, this jarshy knows up to 2"), "{error}");
    assert_eq!(names(folder.path(), "views.db.v"), Vec::<String>::new());
}

/// `import` beside a daemon that is being upgraded: one moves the file, the other finds it moved.
#[test]
fn two_that_upgrade_at_once_both_succeed() {
    let folder = old_folder();
    let path = folder.path().join("jarshy.db");
    let steps = ["", "CREATE TABLE once (n BIGINT) @STRICT"];
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| Writer::open(&path, Duration::from_secs(10), &steps).map(drop)))
            .collect();
        for thread in opened {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(schema(&path), 2);
}

/// The settings of tests that need no daemon.
#[test]
fn a_read_only_command_upgrades_too() {
    let folder = old_folder();
    let settings = config::parse("", "t", &[], &config::Overrides::default()).unwrap().store;
    let settings = config::Store { data: folder.path().to_owned(), ..settings };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(Store::open(&settings)).unwrap();
    assert_eq!(*store.revisions().borrow(), 8);
}
