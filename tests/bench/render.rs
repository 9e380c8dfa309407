//! Rendering alone, of the same entries: jarshy, templates as a site generator has them, and the bare
//! crates. One thread, in turns, no network and no store.
//!
//! The other two say less than jarshy does (no media, no alternates, no check of characters), so what
//! is compared is what a publisher would have without it.

use std::time::{Duration, Instant};

use anyhow::Context;
use atom_syndication as atom;
use jarshy::{
    config::{self, Overrides},
    feed::{self, Snapshot},
    model::{Article, Format, Millis},
};
use minijinja::{Environment, Value, value::Serde};
use serde::Serialize;
use serde_json::json;

use crate::arguments::Arguments;

const SETTINGS: &str = "[site]\ntitle = \"Түркістан жаңалықтары\"\nurl = \"https://news.example\"\n\
    language = \"ru\"\n[public]\nurl = \"https://feeds.news.example\"\n[[feeds]]\nslug = \"news\"\n\
    title = \"Новости\"\nlanguage = \"ru\"\nentries = 500\n";

/// `--entries N --milliseconds M --rounds R`: a line for each round, format and way: documents,
/// seconds, bytes of a document.
pub fn render(arguments: &Arguments) -> anyhow::Result<()> {
    let entries: usize = arguments.number("entries", 50)?;
    let time = Duration::from_millis(arguments.number("milliseconds", 500)?);
    let snapshot = snapshot(entries)?;
    let templates = templates()?;
    let page = Value::from(Serde(Page::of(&snapshot)));
    for _ in 0..arguments.number("rounds", 5)? {
        for format in Format::ALL {
            let case = format!("render/{}, {entries} entries", format.as_str());
            let ways: [(&str, &Way); 3] = [
                ("jarshy", &|| Ok(feed::render(format, &snapshot)?)),
                ("templates", &|| from_template(&templates, format, &page)),
                ("bare crate", &|| bare(format, &snapshot)),
            ];
            for (name, way) in ways {
                let (documents, seconds, bytes) = again(time, way)?;
                println!("{case}/{name}\t{documents}\t{seconds:.6}\t{bytes}");
            }
        }
    }
    Ok(())
}

type Way<'a> = dyn Fn() -> anyhow::Result<Vec<u8>> + 'a;

/// As often as fits into `time`.
fn again(time: Duration, way: &Way) -> anyhow::Result<(u64, f64, usize)> {
    let bytes = way()?.len();
    let (began, mut documents) = (Instant::now(), 0);
    while began.elapsed() < time {
        std::hint::black_box(way()?);
        documents += 1;
    }
    Ok((documents, began.elapsed().as_secs_f64(), bytes))
}

fn snapshot(entries: usize) -> anyhow::Result<Snapshot> {
    let config = config::parse(SETTINGS, "bench", &[], &Overrides::default())?;
    let feed = config.feeds.first().context("a feed is declared")?;
    let articles = tokio::runtime::Runtime::new()?.block_on(crate::seed::articles(entries))?;
    Ok(Snapshot::new(feed, &config.site, &config.public, articles, None))
}

/// What a template is given.
#[derive(Serialize)]
struct Page<'a> {
    title: &'a str,
    site: &'a str,
    public: &'a str,
    language: &'a str,
    changed: Times,
    entries: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    title: &'a str,
    url: &'a str,
    guid: &'a str,
    published: Times,
    updated: Times,
    authors: Vec<&'a str>,
    categories: Vec<&'a String>,
    summary: &'a str,
    body: &'a str,
}

#[derive(Serialize)]
struct Times {
    rfc822: String,
    rfc3339: String,
}

impl Times {
    fn of(time: Millis) -> Times {
        Times { rfc822: time.to_rfc822(), rfc3339: time.to_rfc3339() }
    }
}

impl<'a> Page<'a> {
    fn of(snapshot: &'a Snapshot) -> Page<'a> {
        Page {
            title: &snapshot.title,
            site: snapshot.site_url.as_str(),
            public: snapshot.public_url.as_str(),
            language: snapshot.language.as_ref().map_or("", |language| language.as_str()),
            changed: Times::of(snapshot.changed_at),
            entries: snapshot.entries.iter().map(Line::of).collect(),
        }
    }
}

impl<'a> Line<'a> {
    fn of(article: &'a Article) -> Line<'a> {
        Line {
            title: &article.title,
            url: article.url.as_str(),
            guid: article.guid.as_str(),
            published: Times::of(published(article)),
            updated: Times::of(article.updated_at),
            authors: article.authors.iter().map(|author| author.name.as_str()).collect(),
            categories: article.sections.iter().chain(&article.tags).collect(),
            summary: &article.summary,
            body: &article.body_html,
        }
    }
}

fn published(article: &Article) -> Millis {
    article.published_at.unwrap_or(article.updated_at)
}

fn templates() -> anyhow::Result<Environment<'static>> {
    let mut templates = Environment::new();
    // The ending of the name decides what is escaped: these are XML and JSON.
    templates.set_auto_escape_callback(|name| match name {
        "json" => minijinja::AutoEscape::None,
        _ => minijinja::AutoEscape::Html,
    });
    templates.add_template("rss", include_str!("templates/feed.rss"))?;
    templates.add_template("atom", include_str!("templates/feed.atom"))?;
    templates.add_template("json", include_str!("templates/feed.json"))?;
    Ok(templates)
}

fn from_template(
    templates: &Environment<'_>,
    format: Format,
    page: &Value,
) -> anyhow::Result<Vec<u8>> {
    Ok(templates.get_template(format.as_str())?.render(page)?.into_bytes())
}

/// The same entries by the crate of the format, with nothing added.
fn bare(format: Format, snapshot: &Snapshot) -> anyhow::Result<Vec<u8>> {
    match format {
        Format::Atom => Ok(bare_atom(snapshot).write_to(Vec::new())?),
        Format::Json => Ok(serde_json::to_vec(&bare_json(snapshot))?),
        Format::Rss | Format::Rdf => Ok(bare_rss(snapshot).write_to(Vec::new())?),
    }
}

fn bare_rss(snapshot: &Snapshot) -> rss::Channel {
    let item = |article: &Article| rss::Item {
        title: Some(article.title.clone()),
        link: Some(article.url.to_string()),
        guid: Some(rss::Guid { value: article.guid.to_string(), permalink: false }),
        pub_date: Some(published(article).to_rfc822()),
        categories: article.sections.iter().map(|s| rss::Category::from(s.clone())).collect(),
        description: Some(article.summary.clone()),
        content: Some(article.body_html.clone()),
        dublin_core_ext: Some(rss::extension::dublincore::DublinCoreExtension {
            creators: article.authors.iter().map(|author| author.name.clone()).collect(),
            ..Default::default()
        }),
        ..Default::default()
    };
    rss::Channel {
        title: snapshot.title.clone(),
        link: snapshot.site_url.to_string(),
        description: snapshot.description.clone(),
        items: snapshot.entries.iter().map(item).collect(),
        ..Default::default()
    }
}

fn bare_atom(snapshot: &Snapshot) -> atom::Feed {
    let person = |name: &str| atom::Person { name: name.to_owned(), ..Default::default() };
    let entry = |article: &Article| atom::Entry {
        title: atom::Text::plain(article.title.clone()),
        id: article.guid.to_string(),
        updated: article.updated_at.utc().fixed_offset(),
        published: Some(published(article).utc().fixed_offset()),
        authors: article.authors.iter().map(|author| person(&author.name)).collect(),
        links: vec![atom::Link { href: article.url.to_string(), ..Default::default() }],
        summary: Some(atom::Text::plain(article.summary.clone())),
        content: Some(atom::Content {
            value: Some(article.body_html.clone()),
            content_type: Some("html".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    atom::Feed {
        title: atom::Text::plain(snapshot.title.clone()),
        id: snapshot.self_url(Format::Atom),
        updated: snapshot.changed_at.utc().fixed_offset(),
        entries: snapshot.entries.iter().map(entry).collect(),
        ..Default::default()
    }
}

fn bare_json(snapshot: &Snapshot) -> serde_json::Value {
    let item = |article: &Article| {
        json!({
            "id": article.guid.as_str(),
            "url": article.url.as_str(),
            "title": article.title,
            "content_html": article.body_html,
            "summary": article.summary,
            "date_published": published(article).to_rfc3339(),
            "authors": article.authors.iter().map(|a| json!({"name": a.name})).collect::<Vec<_>>(),
            "tags": article.sections,
        })
    };
    json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": snapshot.title,
        "items": snapshot.entries.iter().map(item).collect::<Vec<_>>(),
    })
}
