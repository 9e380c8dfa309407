//! WordPress's own paragraphs: `wpautop` (wp-includes/formatting.php, 6.1) step by step.
//!
//! Readers of the old feeds know these paragraphs, so this follows WordPress and not taste.

use std::sync::LazyLock;

use regex::{Captures, Regex};

const BLOCKS: &str = "(?:table|thead|tfoot|caption|col|colgroup|tbody|tr|td|th|div|dl|dd|dt|ul|ol|li|pre|form|map|area|blockquote|address|style|p|h[1-6]|hr|fieldset|legend|section|article|aside|hgroup|header|footer|nav|figure|figcaption|details|menu|summary)";
const S: &str = r"[ \t\n\r\x0B\x0C]";
const NEWLINE_IN_TAG: &str = " <!-- wpnl --> ";
const PRE_START: &str = "<pre wp-pre-tag-";
const NEWLINE_KEPT: &str = "<WPPreserveNewline />";

/// A replacement of every match; `BLOCKS` and `S` may be used as `@B` and `@S`.
struct Rule {
    pattern: Regex,
    by: &'static str,
}

fn rules(list: &[(&str, &'static str)]) -> Vec<Rule> {
    let rule = |(pattern, by): &(&str, &'static str)| {
        let pattern = pattern.replace("@B", BLOCKS).replace("@S", S);
        // The patterns are constants; a broken one would fail every test of this file.
        Regex::new(&pattern).ok().map(|pattern| Rule { pattern, by })
    };
    list.iter().filter_map(rule).collect()
}

fn apply(rules: &[Rule], mut text: String) -> String {
    for rule in rules {
        if let std::borrow::Cow::Owned(changed) = rule.pattern.replace_all(&text, rule.by) {
            text = changed;
        }
    }
    text
}

/// Before the newlines within tags are hidden.
static AROUND_BLOCKS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"<br@S*/?>@S*<br@S*/?>", "\n\n"),
        (r"(<@B(?:@S|[/>]))", "\n\n$1"),
        (r"(</@B>)", "$1\n\n"),
        (r"(<hr@S*?/?>)", "$1\n\n"),
    ])
});

static OPTIONS: LazyLock<Vec<Rule>> =
    LazyLock::new(|| rules(&[(r"@S*<option", "<option"), (r"</option>@S*", "</option>")]));

/// Only where there is an `</object>`.
static OBJECTS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(<object[^>]*>)@S*", "$1"),
        (r"@S*</object>", "</object>"),
        (r"@S*(</?(?:param|embed)[^>]*>)@S*", "$1"),
    ])
});

/// Only where there is a `<source` or `<track`.
static PLAYERS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"([<\[](?:audio|video)[^>\]]*[>\]])@S*", "$1"),
        (r"@S*([<\[]/(?:audio|video)[>\]])", "$1"),
        (r"@S*(<(?:source|track)[^>]*>)@S*", "$1"),
    ])
});

static CAPTIONS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"@S*(<figcaption[^>]*>)", "$1"),
        (r"</figcaption>@S*", "</figcaption>"),
        (r"\n\n+", "\n\n"),
    ])
});

static WRAPPED: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"<p>@S*</p>", ""),
        (r"<p>([^<]+)</(div|address|form)>", "<p>$1</p></$2>"),
        (r"<p>@S*(</?@B[^>]*>)@S*</p>", "$1"),
        (r"<p>(<li.+?)</p>", "$1"),
        (r"(?i)<p><blockquote([^>]*)>", "<blockquote$1><p>"),
        (r"</blockquote></p>", "</p></blockquote>"),
        (r"<p>@S*(</?@B[^>]*>)", "$1"),
        (r"(</?@B[^>]*>)@S*</p>", "$1"),
    ])
});

static AROUND_BREAKS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(</?@B[^>]*>)@S*<br />", "$1"),
        (r"<br />(@S*</?(?:p|li|div|dl|dd|dt|th|pre|td|ul|ol)[^>]*>)", "$1"),
        (r"\n</p>$", "</p>"),
    ])
});

static BLANK_LINES: LazyLock<Vec<Rule>> = LazyLock::new(|| rules(&[(r"\n@S*\n", "\u{1}\u{1}")]));

static KEPT_AS_IS: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[(r"(?s)<script.*?</script>|<style.*?</style>|<svg.*?</svg>|<math.*?</math>", "")])
});

/// Text with blank lines as HTML with paragraphs.
pub(in crate::ingest) fn with_paragraphs(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let (text, kept) = without_pre(&format!("{text}\n"));
    let text = apply(&AROUND_BLOCKS, text).replace("\r\n", "\n").replace('\r', "\n");
    let text = around_media(newlines_in_tags_hidden(&text));
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    let parted = apply(&BLANK_LINES, text);
    for paragraph in parted.split("\u{1}\u{1}").filter(|p| !p.is_empty()) {
        html.push_str("<p>");
        html.push_str(paragraph.trim_matches('\n'));
        html.push_str("</p>\n");
    }
    let html = with_breaks(apply(&WRAPPED, html));
    let html = with_pre(&apply(&AROUND_BREAKS, html), &kept);
    html.replace(NEWLINE_IN_TAG, "\n").replace(NEWLINE_IN_TAG.trim(), "\n")
}

fn around_media(text: String) -> String {
    let mut text = apply(&OPTIONS, text);
    if text.contains("</object>") {
        text = apply(&OBJECTS, text);
    }
    if text.contains("<source") || text.contains("<track") {
        text = apply(&PLAYERS, text);
    }
    apply(&CAPTIONS, text)
}

fn placeholder(at: usize) -> String {
    format!("{PRE_START}{at}></pre>")
}

/// Puts back what waited outside.
fn with_pre(html: &str, kept: &[String]) -> String {
    let mut parts = html.split(PRE_START);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let numbered = part.split_once("></pre>");
        let pre =
            numbered.and_then(|(at, rest)| Some((kept.get(at.parse::<usize>().ok()?)?, rest)));
        let (pre, rest) = pre.map_or((PRE_START, part), |(pre, rest)| (pre.as_str(), rest));
        out.push_str(pre);
        out.push_str(rest);
    }
    out
}

/// `<pre>` is not touched: it waits outside.
fn without_pre(text: &str) -> (String, Vec<String>) {
    let mut kept = Vec::new();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((part, after)) = rest.split_once("</pre>") {
        rest = after;
        let Some(start) = part.find("<pre") else {
            out.push_str(part);
            continue;
        };
        out.push_str(&part[..start]);
        out.push_str(&placeholder(kept.len()));
        kept.push(format!("{}</pre>", &part[start..]));
    }
    out.push_str(rest);
    (out, kept)
}

/// Newlines inside of tags and comments become a placeholder.
fn newlines_in_tags_hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, on) = rest.split_at(at);
        out.push_str(before);
        let close = match on {
            _ if on.starts_with("<!--") => "-->",
            _ if on.starts_with("<![CDATA[") => "]]>",
            _ => ">",
        };
        let end = on.find(close).map_or(on.len(), |end| end + close.len());
        out.push_str(&on[..end].replace('\n', NEWLINE_IN_TAG));
        rest = &on[end..];
    }
    out.push_str(rest);
    out
}

/// Single newlines become `<br />`, but not those after one.
fn with_breaks(html: String) -> String {
    let html = match KEPT_AS_IS.first() {
        Some(rule) => {
            let keep = |found: &Captures<'_>| found[0].replace('\n', NEWLINE_KEPT);
            rule.pattern.replace_all(&html, keep).into_owned()
        }
        None => html,
    };
    let html = html.replace("<br>", "<br />").replace("<br/>", "<br />");
    broken_lines(&html).replace(NEWLINE_KEPT, "\n")
}

/// `preg_replace('|(?<!<br />)\s*\n|', "<br />\n", …)`
fn broken_lines(html: &str) -> String {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let bytes = html.as_bytes();
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if !is_space(&bytes[at]) {
            at += 1;
            continue;
        }
        let run = bytes[at..].iter().take_while(|b| is_space(b)).count();
        let newline = bytes[at..at + run].iter().rposition(|b| *b == b'\n');
        let after_break = html[..at].ends_with("<br />");
        let start = at + usize::from(after_break);
        if let Some(end) = newline.map(|n| at + n).filter(|end| *end >= start) {
            out.push_str(&html[copied..start]);
            out.push_str("<br />\n");
            copied = end + 1;
        }
        at += run;
    }
    out.push_str(&html[copied..]);
    out
}
