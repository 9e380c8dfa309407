//! The allow-list: which tags and attributes an article may hold, and how players become links.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::links;
use crate::model::WebUrl;

/// Tags that an article may hold.
const TAGS: &[&str] = &[
    "a",
    "abbr",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Tags that go with all they hold.
const TAGS_WITH_CONTENT: &[&str] = &[
    "script", "style", "svg", "math", "title", "template", "object", "applet", "noembed",
    "noframes", "noscript", "select", "textarea", "xmp", "frameset",
];

const ATTRIBUTES_ANYWHERE: &[&str] = &["lang", "title", "dir"];

const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("a", &["href", "hreflang", "rel"]),
    ("audio", &["src", "controls"]),
    ("blockquote", &["cite"]),
    ("col", &["span"]),
    ("colgroup", &["span"]),
    ("del", &["cite", "datetime"]),
    ("details", &["open"]),
    ("img", &["src", "srcset", "sizes", "alt", "width", "height"]),
    ("ins", &["cite", "datetime"]),
    ("li", &["value"]),
    ("ol", &["start", "reversed", "type"]),
    ("q", &["cite"]),
    ("source", &["src", "srcset", "sizes", "type", "media"]),
    ("td", &["colspan", "rowspan", "headers"]),
    ("th", &["colspan", "rowspan", "headers", "scope"]),
    ("time", &["datetime"]),
    ("video", &["src", "poster", "width", "height", "controls"]),
];

/// True for a tag that stays.
pub(super) fn is_allowed(tag: &str) -> bool {
    TAGS.binary_search(&tag).is_ok()
}

/// The allow-list for one article.
pub(super) struct Rules {
    strict: Builder<'static>,
    with_players: Builder<'static>,
}

impl Rules {
    /// Rules that resolve links against the article's page.
    pub(super) fn new(base: &WebUrl) -> Rules {
        let mut with_players = builder(base);
        with_players.add_tags(["iframe"]).add_tag_attributes("iframe", ["src"]);
        Rules { strict: builder(base), with_players }
    }

    /// One pass; players that are still there are dropped.
    pub(super) fn clean(&self, html: &str) -> String {
        without_empty_pictures(&self.strict.clean(html).to_string())
    }

    /// One pass in which the players of known film hosts become links.
    pub(super) fn clean_players(&self, html: &str) -> String {
        if !html.to_ascii_lowercase().contains("<iframe") {
            return self.clean(html);
        }
        self.clean(&players_as_links(&self.with_players.clean(html).to_string()))
    }
}

fn builder(base: &WebUrl) -> Builder<'static> {
    let attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(TAGS_WITH_CONTENT.iter().copied().collect())
        .generic_attributes(ATTRIBUTES_ANYWHERE.iter().copied().collect())
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(None)
        .strip_comments(true);
    // A `WebUrl` parses; were it not so, relative links would be dropped, not kept relative.
    let base = Url::parse(base.as_str()).ok();
    builder.attribute_filter(move |element, attribute, value| {
        filter_attribute(base.as_ref(), element, attribute, value)
    });
    builder
}

fn filter_attribute<'v>(
    base: Option<&Url>,
    element: &str,
    attribute: &str,
    value: &'v str,
) -> Option<Cow<'v, str>> {
    if links::holds_address(element, attribute) {
        return links::absolute(base?, element, value).map(Cow::Owned);
    }
    match attribute {
        "srcset" => links::absolute_srcset(base?, value).map(Cow::Owned),
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Pictures without an address show nothing. The input is what the serializer wrote.
fn without_empty_pictures(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("<img") {
        let (before, tag_on) = rest.split_at(at);
        let (tag, after) = tag_on.split_at(tag_end(tag_on));
        kept.push_str(before);
        if tag.contains(" src=\"") || tag.contains(" srcset=\"") {
            kept.push_str(tag);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Replaces `<iframe src="…">…</iframe>`, as the serializer wrote it, by a link or nothing.
fn players_as_links(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("<iframe") {
        let (before, tag_on) = rest.split_at(at);
        let (tag, after) = tag_on.split_at(tag_end(tag_on));
        kept.push_str(before);
        if let Some(page) = attribute_of(tag, "src").and_then(|src| links::page_of_player(&src)) {
            let page = super::escaped(&page).replace('"', "%22");
            kept.push_str(&format!("<p><a href=\"{page}\">{page}</a></p>"));
        }
        rest = after.find("</iframe>").map_or("", |end| &after[end + "</iframe>".len()..]);
    }
    kept.push_str(rest);
    kept
}

/// Where a tag ends that the serializer wrote: after the first `>` outside of quotes.
fn tag_end(tag_on: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in tag_on.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at + 1,
            _ => {}
        }
    }
    tag_on.len()
}

/// The value of an attribute of a tag that the serializer wrote.
fn attribute_of(tag: &str, name: &str) -> Option<String> {
    let (_, on) = tag.split_once(&format!(" {name}=\""))?;
    let value = on.split('"').next()?;
    Some(value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}
