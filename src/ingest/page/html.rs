//! A saved HTML page: the article is found by what pages say of themselves (schema.org, Open Graph,
//! the class names of WordPress), else by where the most paragraphs stand.

use chrono::NaiveDateTime;
use scraper::{ElementRef, Html, Selector};

use super::{months::local_date, words};
use crate::{ingest::clean::plain_text, model::Millis};

/// Where the text of an article stands, the surest first.
const BODIES: &[&str] = &[
    "[itemprop=articleBody]",
    ".entry-content",
    ".post-content",
    ".article-content",
    ".article__text",
    ".article-body",
    ".td-post-content",
    ".single-content",
    ".news-text",
    "article",
    "main",
];
const TITLES: &[&str] = &[
    "article h1",
    "h1.entry-title",
    "h1[itemprop=headline]",
    "h1",
    "[property='og:title']",
    "title",
];
const DATES: &[&str] = &[
    "[property='article:published_time']",
    "[itemprop=datePublished]",
    "time[datetime]",
    "[name='pubdate']",
    "[name='date']",
];
const BYLINES: &[&str] = &[
    "[itemprop=author]",
    ".byline",
    ".entry-author",
    ".post-author",
    "[rel=author]",
    "[name=author]",
];
/// What stands within an article without being it.
const NOT_TEXT: &str = "script, style, form, nav, aside, .comments, #comments, .comment-respond, \
    .sharedaddy, .share, .related, .post-views, .entry-meta, h1, time";
/// Short texts in which date and views are looked for.
const LINES_MAX: usize = 20_000;

/// What a page says of its article.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub address: Option<String>,
    pub title: String,
    pub summary: String,
    pub moment: Option<Millis>,
    pub date: Option<NaiveDateTime>,
    pub views: Option<u64>,
    pub body_html: String,
    pub byline: Option<String>,
    pub picture: Option<String>,
    pub language: Option<String>,
}

/// Reads a page whose size and depth were checked.
pub(super) fn read(html: &str) -> Found {
    let mut page = Html::parse_document(html);
    let mut found = about(&page);
    for line in lines(&page) {
        found.views = found.views.or_else(|| words::views(&line));
        if found.date.is_none() && line.chars().count() <= 60 {
            found.date = local_date(&line);
        }
    }
    let drop: Vec<_> = all(&page, NOT_TEXT).map(|e| e.id()).collect();
    for id in drop {
        if let Some(mut node) = page.tree.get_mut(id) {
            node.detach();
        }
    }
    found.body_html = body(&page).map(|body| body.inner_html()).unwrap_or_default();
    found
}

fn about(page: &Html) -> Found {
    let date = DATES.iter().find_map(|at| first(page, at)).map(|element| value(&element));
    let moment = date.as_deref().and_then(|text| Millis::from_rfc3339(text.trim()).ok());
    let some = |text: String| Some(text).filter(|t| !t.is_empty());
    Found {
        address: first(page, "link[rel=canonical]").and_then(|e| e.attr("href").map(str::to_owned)),
        title: TITLES
            .iter()
            .find_map(|at| first(page, at).map(|e| value(&e)).and_then(some))
            .unwrap_or_default(),
        summary: first(page, "[property='og:description']").map(|e| value(&e)).unwrap_or_default(),
        moment,
        date: date.filter(|_| moment.is_none()).and_then(|text| local_date(&text)),
        byline: BYLINES.iter().find_map(|at| first(page, at).map(|e| value(&e)).and_then(some)),
        picture: first(page, "[property='og:image']").map(|e| value(&e)),
        language: first(page, "html[lang]").and_then(|e| e.attr("lang").map(str::to_owned)),
        ..Found::default()
    }
}

/// `content` of a meta element, `datetime` of a time, else the text.
fn value(element: &ElementRef<'_>) -> String {
    let attribute = element.attr("content").or_else(|| element.attr("datetime"));
    attribute.map_or_else(|| plain_text(&element.inner_html()), str::to_owned)
}

fn all<'a>(page: &'a Html, selector: &str) -> impl Iterator<Item = ElementRef<'a>> {
    let found =
        Selector::parse(selector).map(|selector| page.select(&selector).collect::<Vec<_>>());
    found.unwrap_or_default().into_iter()
}

fn first<'a>(page: &'a Html, selector: &str) -> Option<ElementRef<'a>> {
    all(page, selector).next()
}

/// The texts of elements that hold nothing but text.
fn lines(page: &Html) -> Vec<String> {
    let texts =
        page.tree.nodes().filter_map(|node| node.value().as_text().map(|t| t.trim().to_owned()));
    let mut lines: Vec<String> = texts.filter(|t| !t.is_empty()).take(LINES_MAX).collect();
    // «Количество просмотров: <b>809</b>» stands in two nodes.
    let joined: Vec<String> = lines.windows(2).map(|two| two.join(" ")).collect();
    lines.extend(joined);
    lines
}

/// The element with the text.
fn body(page: &Html) -> Option<ElementRef<'_>> {
    let has_text = |e: &ElementRef<'_>| e.text().any(|text| !text.trim().is_empty());
    BODIES.iter().find_map(|at| all(page, at).find(has_text)).or_else(|| densest(page))
}

/// The parent of the most text in paragraphs.
fn densest(page: &Html) -> Option<ElementRef<'_>> {
    let mut sizes = std::collections::HashMap::new();
    for paragraph in all(page, "p") {
        if let Some(parent) = paragraph.parent().filter(|p| p.value().is_element()) {
            *sizes.entry(parent.id()).or_insert(0) += paragraph.text().map(str::len).sum::<usize>();
        }
    }
    let (id, _) = sizes.into_iter().max_by_key(|(id, size)| (*size, std::cmp::Reverse(*id)))?;
    page.tree.get(id).and_then(ElementRef::wrap).or_else(|| first(page, "body"))
}
