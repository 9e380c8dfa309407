//! A data folder full of made-up articles, and the settings that go with it.
//!
//! Words are made of Russian and Kazakh syllables with a fixed seed: the same folder every time, and
//! text that compresses about as news does.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, bail};
use jarshy::{
    clock::Clock,
    config::{self, Overrides},
    ingest::{Candidate, Intake, Origin, article_json::candidate_from_value},
    model::{Article, ArticleId},
    store::Store,
};
use serde_json::json;

use crate::arguments::Arguments;

/// Articles handed over at once.
const CHUNK: u64 = 1000;
const VOCABULARY: usize = 6000;
const SITE: &str = "[site]\ntitle = \"Түркістан жаңалықтары\"\nurl = \"https://news.example\"\n\
    language = \"ru\"\n";
/// 2020-01-01; articles are a minute apart from there.
const FIRST_MINUTE: u64 = 26_297_280;
const SYLLABLES: &str = "ба ве го де жи за ки лу мо на об пр ре ста ту фи хо ци че ша ық ең тү \
    жар қа ғы ұл іс ор тан лық дар ның мен бір ско ние тель ова ность пере при раз";

/// `--folder DIR --articles N --feeds F --listen A --ops A [--sizes] [--whole]`; `--whole`: the first
/// feed holds every article.
pub fn seed(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Path::new(arguments.text("folder")?);
    let articles: u64 = arguments.number("articles", 1000)?;
    fs::create_dir_all(folder)?;
    let text = settings(arguments, folder)?;
    fs::write(folder.join("jarshy.toml"), &text)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fill(&text, articles, arguments.number("feeds", 100)?))?;
    println!("{articles} articles");
    Ok(())
}

fn settings(arguments: &Arguments, folder: &Path) -> anyhow::Result<String> {
    let (listen, ops) = (arguments.address("listen")?, arguments.address("ops")?);
    let feeds: usize = arguments.number("feeds", 100)?;
    let mut text = format!(
        "{SITE}[public]\nlisten = \"{listen}\"\nurl = \"https://feeds.news.example\"\n\
         [ops]\nlisten = \"{ops}\"\n[store]\ndata = {:?}\n[log]\nlevel = \"warn\"\n\
         [feeds_auto]\nsections = false\nlanguages = false\n",
        folder.join("data")
    );
    for feed in 0..feeds {
        write!(
            text,
            "[[feeds]]\nslug = \"feed-{feed}\"\ntitle = \"Раздел {feed}\"\nlanguage = \"mixed\"\n\
             entries = 50\n"
        )?;
        if feed > 0 || !arguments.has("whole") {
            writeln!(text, "select = {{ sections = [{:?}] }}", section(feed as u64))?;
        }
    }
    // Of every article: one of about 40 kB in gzip and one of about 6 kB.
    for (slug, entries) in [("large", 62), ("small", 8)] {
        if arguments.has("sizes") {
            write!(
                text,
                "[[feeds]]\nslug = \"{slug}\"\ntitle = \"Новости\"\nlanguage = \"mixed\"\n\
                 entries = {entries}\n"
            )?;
        }
    }
    Ok(text)
}

/// The section that the feed with this number is of.
pub fn section(feed: u64) -> String {
    format!("Раздел {feed}")
}

async fn fill(settings: &str, articles: u64, feeds: u64) -> anyhow::Result<Store> {
    let config = config::parse(settings, "jarshy.toml", &[], &Overrides::default())?;
    let store = Store::open(&config.store).await?;
    let intake = Intake::new(store.clone(), config.site.clone(), &config.limits, Clock::system());
    let origin = Origin::Source { name: "bench".into() };
    let mut words = Words::new(1);
    for from in (0..articles).step_by(CHUNK as usize) {
        let numbers = from..articles.min(from + CHUNK);
        let chunk = numbers.map(|n| candidate(n, feeds, &mut words));
        let chunk = chunk.collect::<anyhow::Result<Vec<Candidate>>>()?;
        for taken in intake.take_many(chunk, &origin).await {
            if let Err(refusal) = taken {
                bail!("an article was refused: {refusal}");
            }
        }
    }
    Ok(store)
}

fn id(number: u64) -> anyhow::Result<ArticleId> {
    ArticleId::parse(&format!("bench-{number:07}")).context("the id is one")
}

fn candidate(number: u64, feeds: u64, words: &mut Words) -> anyhow::Result<Candidate> {
    let id = id(number)?;
    let minute = jarshy::model::Millis(((FIRST_MINUTE + number) * 60_000) as i64);
    let value = json!({
        "title": words.sentence(7),
        "url": format!("https://news.example/{id}/"),
        "summary": words.sentence(20),
        "body_html": words.body(3 + number % 4),
        "sections": [section(number % feeds.max(1))],
        "authors": [{"name": format!("Автор {}", number % 40)}],
        "published_at": minute.to_rfc3339(),
    });
    Ok(candidate_from_value(value, Some(&id))?)
}

/// So many articles, newest first, as a store has them.
pub async fn articles(count: usize) -> anyhow::Result<Vec<Article>> {
    let folder = tempfile::tempdir()?;
    let settings = format!("{SITE}[store]\ndata = {:?}\n", folder.path());
    let store = fill(&settings, count as u64, 100).await?;
    let ids: Vec<ArticleId> = (0..count as u64).rev().filter_map(|n| id(n).ok()).collect();
    let stored = store.articles_by_id(&ids).await?;
    let mut articles: Vec<Article> = stored.into_iter().map(|stored| stored.article).collect();
    articles.sort_by_key(|article| std::cmp::Reverse(article.published_at));
    Ok(articles)
}

/// Made-up words, the first of them more often than the last.
pub struct Words {
    state: u64,
    vocabulary: Vec<String>,
}

impl Words {
    /// The same seed makes the same words.
    pub fn new(seed: u64) -> Words {
        let syllables: Vec<&str> = SYLLABLES.split_whitespace().collect();
        let mut words = Words { state: seed, vocabulary: Vec::new() };
        for _ in 0..VOCABULARY {
            let length = 1 + words.below(4);
            let word = (0..length).map(|_| syllables[words.below(syllables.len())]).collect();
            words.vocabulary.push(word);
        }
        words
    }

    /// A number below `limit` (a linear congruential generator after Knuth's MMIX).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % limit.max(1)
    }

    /// So many words.
    pub fn sentence(&mut self, length: usize) -> String {
        let mut sentence = String::new();
        for _ in 0..length {
            let rank = self.below(VOCABULARY) * self.below(VOCABULARY) / VOCABULARY;
            sentence.push_str(&self.vocabulary[rank]);
            sentence.push(' ');
        }
        sentence.trim_end().to_owned()
    }

    /// So many paragraphs, a link in each.
    pub fn body(&mut self, paragraphs: u64) -> String {
        let mut body = String::new();
        for _ in 0..paragraphs {
            let (text, page) = (self.sentence(35), self.below(100_000));
            body +=
                &format!("<p>{text} <a href=\"https://news.example/{page}/\">{page}</a>.</p>\n");
        }
        body
    }
}
