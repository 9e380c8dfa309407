//! A small bilingual newsroom for the tests of feeds: settings, articles, snapshots.

use std::{fs, path::Path};

use jarshy::{
    config::{self, Content, FeedConfig, FeedLanguage, Select},
    feed::{self, Snapshot, guard},
    model::{
        Article, ArticleId, Author, FeedSlug, Format, Guid, Language, Media, MediaRole, Millis,
        Source, Status, WebUrl,
    },
};

pub fn url(text: &str) -> WebUrl {
    WebUrl::parse(text).unwrap()
}

pub fn language(tag: &str) -> Language {
    Language::parse(tag).unwrap()
}

pub fn at(time: &str) -> Millis {
    Millis::from_rfc3339(time).unwrap()
}

pub fn site() -> config::Site {
    config::Site {
        title: "Түркістан жаңалықтары".into(),
        url: url("https://turkestan.example"),
        origins: vec![],
        language: language("ru"),
        time_zone: chrono_tz::Asia::Almaty,
        rights: "© 2026 Түркістан <жаңалықтары>".into(),
        logo: Some(url("https://turkestan.example/логотип.png")),
        icon: Some(url("https://turkestan.example/icon.png")),
    }
}

pub fn public() -> config::Public {
    config::Public {
        listen: "127.0.0.1:0".parse().unwrap(),
        url: url("https://feeds.turkestan.example"),
        trusted_proxies: vec![],
        max_age: std::time::Duration::from_secs(60),
        max_age_max: std::time::Duration::from_secs(1800),
        hubs: vec![url("https://hub.example/?a=1&b=2")],
        stale_while_revalidate: std::time::Duration::from_secs(600),
        stale_if_error: std::time::Duration::from_secs(86_400),
    }
}

pub fn news() -> FeedConfig {
    FeedConfig {
        slug: FeedSlug::parse("news").unwrap(),
        title: "Новости".into(),
        language: FeedLanguage::Mixed,
        formats: Format::ALL.to_vec(),
        content: Content::Full,
        entries: 50,
        schedule: None,
        select: Select::default(),
        moved_from: Vec::new(),
    }
}

/// A plain published article.
pub fn article(id: &str) -> Article {
    Article {
        id: ArticleId::parse(id).unwrap(),
        guid: Guid::parse(&format!("tag:turkestan.example,2026-11-24:{id}")).unwrap(),
        url: url(&format!("https://turkestan.example/{id}/")),
        slug: None,
        title: format!("Статья {id}"),
        summary: String::new(),
        body_html: "<p>Первый абзац.</p><p>Второй.</p>".into(),
        language: language("ru"),
        family: None,
        sections: vec!["Общество".into()],
        tags: vec![],
        authors: vec![],
        byline: None,
        source: None,
        rights: None,
        media: vec![],
        published_at: Some(at("2026-11-20T06:00:00Z")),
        updated_at: at("2026-11-20T06:00:00Z"),
        status: Status::Published,
        embargo_until: None,
        carried_over: None,
    }
}

pub fn picture(role: MediaRole, address: &str) -> Media {
    Media {
        url: url(address),
        media_type: "image/jpeg".into(),
        bytes: Some(204_800),
        width: Some(1280),
        height: Some(720),
        duration_seconds: None,
        role,
        credit: None,
        alt: Some("Мавзолей & площадь".into()),
    }
}

/// Two believable articles that use everything an entry can carry.
pub fn rich_articles() -> Vec<Article> {
    let mut kazakh = article("wp-31");
    kazakh.title = "Түркістанда «Көшпенділер» фестивалі өтті & аяқталды".into();
    kazakh.summary = "Үш күн, 40 команда <тегін>.".into();
    kazakh.body_html = "<p>Қазақстан, <b>Өскемен</b> &amp; Әулиеата.</p>".into();
    kazakh.language = language("kk");
    kazakh.authors = vec![
        Author {
            name: "Айгүл Әбенова".into(),
            url: Some(url("https://turkestan.example/a/aigul")),
        },
        Author { name: "Ә. Қалиев".into(), url: None },
    ];
    kazakh.tags = vec!["фестиваль".into(), "Общество".into()];
    kazakh.media = vec![picture(
        MediaRole::Lead,
        "https://turkestan.example/i/фото 1.jpg".replace(' ', "_").as_str(),
    )];
    kazakh.media[0].credit = Some("Фото: Д. Сейтқали <студия>".into());
    let mut small = picture(MediaRole::Lead, "https://turkestan.example/i/small.jpg");
    (small.width, small.height, small.bytes) = (Some(320), Some(180), None);
    kazakh.media.push(small);
    kazakh.published_at = Some(at("2026-11-24T09:30:15Z"));
    kazakh.updated_at = at("2026-11-24T11:00:00.250Z");

    let mut russian = article("wp-25");
    russian.guid = Guid::parse("https://turkestan.example/?p=25").unwrap();
    russian.url = url("https://turkestan.example/2020/08/19/жилье/");
    russian.title = "Жильё для очередников: \"ключи\" <вручены>".into();
    russian.body_html = "<p>В городе сдали дом ]]&gt; и&nbsp;школу.</p><pre>a[b[0]]>c</pre>".into();
    russian.byline = Some("Пресс-служба акимата".into());
    russian.rights = Some("© Түркістан жаңалықтары".into());
    russian.source =
        Some(Source { name: "КазТАГ".into(), url: Some(url("https://kaztag.example/rss")) });
    let mut sound = picture(MediaRole::Enclosure, "https://turkestan.example/a/25.mp3");
    sound.media_type = "audio/mpeg".into();
    sound.bytes = None;
    sound.duration_seconds = Some(83.5);
    russian.media = vec![picture(MediaRole::Lead, "https://turkestan.example/i/25.jpg"), sound];
    russian.published_at = Some(at("2020-08-19T06:01:00Z"));
    russian.updated_at = at("2020-08-19T06:01:00Z");
    vec![kazakh, russian]
}

pub fn snapshot(entries: Vec<Article>) -> Snapshot {
    Snapshot::new(&news(), &site(), &public(), entries, None)
}

pub fn bounds() -> guard::Bounds {
    guard::Bounds { bytes_max: 64 << 20, shrink_max: 0.5 }
}

/// The document of a snapshot, which the guard lets pass.
pub fn document(format: Format, snapshot: &Snapshot) -> String {
    let bytes = feed::render(format, snapshot).unwrap();
    guard::check(format, &bytes, snapshot, &bounds(), None)
        .unwrap_or_else(|fault| panic!("{format:?}: {fault}\n{}", String::from_utf8_lossy(&bytes)));
    String::from_utf8(bytes).unwrap()
}

/// Compares with a document in `tests/data/golden`; `GOLDEN=write` writes it anew.
pub fn assert_golden(name: &str, document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden").join(name);
    if std::env::var_os("GOLDEN").is_some_and(|mode| mode == "write") {
        fs::write(&path, document).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(document, golden, "differs from {name}; GOLDEN=write takes it over");
}
