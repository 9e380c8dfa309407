//! Tells an excerpt that an editor wrote from the one that WordPress makes by itself.
//!
//! REST shows both alike, and a made one is no summary of the newsroom. Refuses to be clever: what is
//! not clearly made by WordPress is taken for written.

use std::sync::LazyLock;

use regex::Regex;

use crate::ingest::clean::plain_text;

/// What WordPress and themes put at the end of an excerpt they cut.
const CUT_MARKS: &[&str] = &["[…]", "[...]", "…", "...", "→", "»"];
/// Letters that must agree before a theme's «read more» behind them is forgiven.
const LETTERS_SURE: usize = 100;

/// True for an excerpt made of the content's first words; an empty one counts as made.
pub(super) fn is_made(excerpt: &str, content: &str) -> bool {
    let excerpt = letters(excerpt);
    // Excerpts end where the first page ends. Tables stay in them, other figures do not.
    let first = before_break(content);
    excerpt.is_empty()
        || [content, first, &without_figures(content), &without_figures(first)]
            .into_iter()
            .any(|content| is_made_of(&excerpt, &letters(content)))
}

/// The content before «read more» or its second page.
fn before_break(content: &str) -> &str {
    let breaks = ["<!--more", "<!--nextpage", "<span id=\"more-"];
    let end = breaks.iter().filter_map(|sign| content.find(sign)).min();
    &content[..end.unwrap_or(content.len())]
}

fn is_made_of(excerpt: &str, content: &str) -> bool {
    let cut = CUT_MARKS.iter().find_map(|mark| excerpt.strip_suffix(mark));
    if excerpt == content || cut.is_some_and(|words| content.contains(words)) {
        return true;
    }
    let length = excerpt.chars().count();
    // Reusable blocks at the start are left out too: then it is all the rest.
    if length >= LETTERS_SURE && content.ends_with(excerpt) {
        return true;
    }
    // All of it without a mark is an excerpt that somebody copied from the text.
    let agree = excerpt.chars().zip(content.chars()).take_while(|(a, b)| a == b).count();
    agree < length && agree >= LETTERS_SURE && agree * 10 >= length * 7
}

/// The text alone: WordPress's excerpts lose spaces at tags and breaks.
fn letters(html: &str) -> String {
    plain_text(html).chars().filter(|c| !c.is_whitespace() && *c != '\u{a0}').collect()
}

/// Captions, players and scripts, which WordPress leaves out of excerpts.
fn without_figures(html: &str) -> String {
    static FIGURES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let names = ["figure", "audio", "video", "iframe", "script", "style"];
        let each = names.map(|name| format!("<{name}[ >].*?</{name}>"));
        Regex::new(&format!("(?si){}", each.join("|"))).ok()
    });
    FIGURES.as_ref().map_or_else(|| html.to_owned(), |f| f.replace_all(html, "").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<p>Бірінші сөйлем.</p>\n<p>Екінші сөйлем, ұзағырақ.</p>";

    #[test]
    fn the_first_words_with_a_mark_are_made() {
        assert!(is_made("<p>Бірінші сөйлем. Екінші [&hellip;]</p>\n", TEXT));
        assert!(is_made("<p>Бірінші сөйлем. Екінші сөйлем, ұзағырақ.</p>", TEXT));
        assert!(is_made("", TEXT));
    }

    #[test]
    fn other_words_and_a_copied_sentence_are_written() {
        assert!(!is_made("<p>Қысқаша: бәрі жақсы.</p>", TEXT));
        assert!(!is_made("<p>Бірінші сөйлем.</p>", TEXT));
    }

    #[test]
    fn captions_do_not_hide_what_is_made() {
        let html =
            format!("<figure><img src=\"a.jpg\"><figcaption>Сурет</figcaption></figure>{TEXT}");
        assert!(is_made("<p>Бірінші сөйлем. [&hellip;]</p>", &html));
    }
}
