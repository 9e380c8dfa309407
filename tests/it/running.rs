//! A daemon in this process: port 0, a folder of its own, a clock that the test turns.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use jarshy::{
    clock::Clock,
    config::{self, Config, Overrides},
    daemon::Daemon,
    model::Millis,
    store::Scope,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::wire::{self, Reply};

/// The day that manual clocks begin with: 2026-11-24T12:00:00Z.
pub const NOW: Millis = Millis(1_795_521_600_000);

pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

pub const SETTINGS: &str = r#"
[site]
title = "Test"
url = "https://news.example"
language = "ru"
time_zone = "Asia/Almaty"
[public]
url = "https://feeds.news.example"
[[feeds]]
slug = "news"
title = "Новости"
language = "mixed"
entries = 50
"#;

/// A daemon and the runtime it lives in.
pub struct Running {
    pub daemon: Option<Daemon>,
    pub clock: Clock,
    pub token: String,
    pub runtime: Arc<Runtime>,
    folder: TempDir,
}

impl Running {
    /// With one feed, `news`.
    pub fn start() -> Running {
        Running::with(SETTINGS)
    }

    /// With these settings; listeners and folder are the test's own.
    pub fn with(settings: &str) -> Running {
        Running::on(tempfile::tempdir().unwrap(), settings, Clock::manual(NOW))
    }

    /// On a folder that an earlier daemon left.
    pub fn on(folder: TempDir, settings: &str, clock: Clock) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let config = settings_of(settings, folder.path());
        let daemon = runtime.block_on(Daemon::start(config, clock.clone())).unwrap();
        let store = daemon.parts().store.clone();
        let token = runtime.block_on(store.create_token(Scope::Admin, None, None, NOW)).unwrap();
        let token = token.text;
        Running { daemon: Some(daemon), clock, token, runtime: Arc::new(runtime), folder }
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    pub fn public(&self) -> SocketAddr {
        self.daemon().public
    }

    pub fn ops(&self) -> SocketAddr {
        self.daemon().ops
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the daemon in order and keeps its folder.
    pub fn stop(mut self) -> TempDir {
        let daemon = self.daemon.take().unwrap();
        self.runtime.block_on(daemon.stop());
        self.folder
    }

    pub fn reload(&self, settings: &str) -> Vec<&'static str> {
        let config = settings_of(settings, self.folder.path());
        self.runtime.block_on(self.daemon().reload(config)).unwrap()
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        wire::get(self.public(), path, headers)
    }

    /// An API call with an admin's token.
    pub fn api(&self, method: &str, path: &str, body: &str) -> Reply {
        self.api_with(method, path, &[("Content-Type", "application/json")], body)
    }

    pub fn api_with(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend_from_slice(more);
        wire::ask(self.ops(), method, path, &headers, body.as_bytes())
    }

    /// PUTs an article of a title and a time, in the section «Общество».
    pub fn publish(&self, id: &str, title: &str, at: Millis) -> Reply {
        let article = serde_json::json!({
            "title": title,
            "url": format!("https://news.example/{id}/"),
            "body_html": format!("<p>{title}</p>"),
            "sections": ["Общество"],
            "published_at": at.to_rfc3339(),
        });
        let reply = self.api("PUT", &format!("/api/v1/articles/{id}"), &article.to_string());
        assert!(matches!(reply.status, 200 | 201), "{} {}", reply.status, reply.text());
        reply
    }

    /// The page for Prometheus.
    pub fn metrics(&self) -> String {
        wire::get(self.ops(), "/metrics", &[]).text()
    }

    /// The value of one series, written as in the page for Prometheus without `jarshy_`.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.metrics();
        let line = page.lines().find_map(|l| l.strip_prefix("jarshy_")?.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("no {series} in\n{page}"));
        value.trim().parse().unwrap()
    }

    /// PUTs an article that appeared at `at`; `more` says what is not as usual.
    pub fn put(&self, id: &str, at: Millis, more: serde_json::Value) -> Reply {
        let mut article = serde_json::json!({
            "title": id,
            "url": format!("https://news.example/{id}/"),
            "body_html": format!("<p>{id}</p>"),
            "published_at": at.to_rfc3339(),
        });
        let fields = article.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let reply = self.api("PUT", &format!("/api/v1/articles/{id}"), &article.to_string());
        assert!(matches!(reply.status, 200 | 201), "{} {}", reply.status, reply.text());
        reply
    }

    pub fn withdraw(&self, id: &str) {
        let reply = self.api("DELETE", &format!("/api/v1/articles/{id}"), "");
        assert!(matches!(reply.status, 200 | 204), "{} {}", reply.status, reply.text());
    }

    pub fn regenerate(&self, feed: &str) -> Reply {
        self.api("POST", &format!("/api/v1/feeds/{feed}/regenerate"), "")
    }

    /// Returns when every change that was acknowledged before has been published, or has turned out
    /// not to concern any feed: two whole rounds later.
    pub fn settle(&self) {
        for _ in 0..3 {
            let reply = self.regenerate("news");
            assert!(matches!(reply.status, 200 | 500), "{} {}", reply.status, reply.text());
        }
    }

    /// Titles of a feed's JSON document.
    pub fn titles(&self, feed: &str) -> Vec<String> {
        self.items(feed).iter().map(|i| i["title"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns once a feed's address answers with this status.
    pub fn until_status(&self, path: &str, status: u16) {
        self.until(&format!("{path} answers {status}"), |r| {
            (r.get(path, &[]).status == status).then_some(())
        });
    }

    /// The items of a JSON feed.
    pub fn items(&self, feed: &str) -> Vec<serde_json::Value> {
        let reply = self.get(&format!("/feeds/{feed}.json"), &[]);
        if reply.status != 200 {
            return Vec::new();
        }
        reply.json()["items"].as_array().unwrap().clone()
    }

    /// Asks until `done` holds; a test that waits for ever fails after twenty seconds.
    pub fn until<T>(&self, what: &str, mut done: impl FnMut(&Running) -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = done(self) {
                return found;
            }
            assert!(std::time::Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Returns once a feed holds just these titles, newest first.
    pub fn until_titles(&self, feed: &str, titles: &[&str]) {
        self.until(&format!("{feed} holds {titles:?}"), |r| {
            let items = r.items(feed);
            let found: Vec<&str> = items.iter().filter_map(|i| i["title"].as_str()).collect();
            (found == titles).then_some(())
        });
    }
}

/// Settings with the test's own listeners and folder.
pub fn settings_of(settings: &str, folder: &Path) -> Config {
    let flags = Overrides {
        data: Some(folder.to_owned()),
        listen: Some("127.0.0.1:0".into()),
        ops_listen: Some("127.0.0.1:0".into()),
    };
    config::parse(settings, "test.toml", &[], &flags).unwrap()
}
