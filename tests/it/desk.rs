//! A small newsroom for tests: a store in a folder of its own, an intake, a clock that is turned.

use std::{path::Path, time::Duration};

use jarshy::{
    clock::Clock,
    config::{self, Limits, Site},
    ingest::{Candidate, Intake, Origin, article_json::candidate_from_value},
    model::{ArticleId, Language, Millis, WebUrl},
    store::Store,
};
use serde_json::{Value, json};

/// 2026-11-24T12:00:00Z.
pub const NOON: Millis = Millis(1_795_521_600_000);

pub struct Desk {
    pub store: Store,
    pub intake: Intake,
    pub clock: Clock,
    folder: tempfile::TempDir,
}

pub async fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOON);
    let store = Store::open(&store_settings(folder.path())).await.unwrap();
    let intake = Intake::new(store.clone(), site(), &limits(), clock.clone());
    Desk { store, intake, clock, folder }
}

impl Desk {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

pub fn store_settings(folder: &Path) -> config::Store {
    config::Store {
        data: folder.to_owned(),
        busy_timeout: Duration::from_millis(100),
        readers: 2,
        write_queue_max: 64,
        free_bytes_min: 0,
        free_bytes_warn: 0,
    }
}

pub fn site() -> Site {
    Site {
        title: "Түркістан жаңалықтары".into(),
        url: WebUrl::parse("https://turkestan.example").unwrap(),
        origins: vec!["https://turkestan.example".into()],
        language: Language::parse("ru").unwrap(),
        time_zone: "Asia/Almaty".parse().unwrap(),
        rights: String::new(),
        logo: None,
        icon: None,
    }
}

pub fn limits() -> Limits {
    let seconds = Duration::from_secs;
    Limits {
        connections_max: 100,
        connections_per_address_max: 100,
        connection_age_max: seconds(3600),
        descriptors_reserved: 64,
        header_bytes_max: 32 << 10,
        headers_max: 100,
        uri_bytes_max: 8 << 10,
        body_bytes_max: 256 << 10,
        hit_body_bytes_max: 4 << 10,
        ping_body_bytes_max: 16 << 10,
        header_timeout: seconds(10),
        body_timeout: seconds(30),
        idle_timeout: seconds(75),
        write_timeout: seconds(30),
        write_bytes_per_second_min: 4 << 10,
        api_requests_max: 64,
        exports_max: 8,
        drain_timeout: seconds(20),
        article_bytes_max: 64 << 10,
        html_depth_max: 64,
        list_max: 50,
    }
}

pub fn id(text: &str) -> ArticleId {
    ArticleId::parse(text).unwrap()
}

pub fn at(text: &str) -> Millis {
    Millis::from_rfc3339(text).unwrap()
}

/// The Article JSON of the tests: published a day before noon.
pub fn story() -> Value {
    json!({
        "title": "Наводнение: жаңалық «сегодня»",
        "url": "https://turkestan.example/2026/11/flood/",
        "summary": "Вода поднялась.",
        "body_html": "<p>Текст <script>alert(1)</script><a href='/x'>ссылка</a></p>",
        "sections": ["Общество"],
        "authors": [{"name": "Тест"}],
        "published_at": "2026-11-23T12:00:00Z",
    })
}

/// [`story`] with fields changed; `null` takes one away.
pub fn story_with(changes: Value) -> Value {
    let mut story = story();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => story.as_object_mut().unwrap().remove(name),
            value => story.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    story
}

pub fn candidate(article: &str, changes: Value) -> Candidate {
    candidate_from_value(story_with(changes), Some(&id(article))).unwrap()
}

pub fn api() -> Origin {
    Origin::Api { by: "tok1".into() }
}

pub fn wxr() -> Origin {
    Origin::Source { name: "wxr:wp".into() }
}
