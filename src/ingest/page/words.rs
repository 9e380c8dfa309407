//! Words on Russian, Kazakh and English pages that say what a line is.

use crate::ingest::wxr::parse_views;

/// What stands before the number of views.
const VIEWS: &[&str] = &[
    "количество просмотров",
    "просмотров",
    "просмотры",
    "просмотрено",
    "прочитали",
    "прочитано",
    "қаралым саны",
    "қаралым",
    "қаралды",
    "көрілім",
    "оқылды",
    "qaralym",
    "views",
    "page views",
];

/// Where the comment form begins.
const COMMENTS: &[&str] = &[
    "добавить комментарий",
    "оставить комментарий",
    "оставьте комментарий",
    "комментарии",
    "ваш e-mail не будет опубликован",
    "пікір қалдыру",
    "пікір жазу",
    "пікірлер",
    "жауап қалдыру",
    "leave a reply",
    "leave a comment",
    "post a comment",
    "comments",
];

/// How the line begins that says who wrote the text.
const BYLINES: &[&str] = &[
    "пресс-служба",
    "пресс служба",
    "автор",
    "текст:",
    "материал подготовил",
    "подготовил",
    "источник",
    "фото:",
    "собств. корр",
    "корреспондент",
    "баспасөз қызметі",
    "мәтін:",
    "дереккөз",
    "press service",
    "by ",
    "source:",
];
/// Words of bodies that sign texts, where they end a line: «Облыс әкімінің баспасөз қызметі».
const BYLINE_ENDS: &[&str] = &["баспасөз қызметі", "пресс-служба", "press office", "press service"];

/// The number of views in a line such as «Количество просмотров: 809» or «809 қаралым».
pub(super) fn views(line: &str) -> Option<u64> {
    let line = line.trim().to_lowercase();
    if line.chars().count() > 60 {
        return None;
    }
    let trim = |text: &str| {
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '–' | '—' | '.'))
            .to_owned()
    };
    VIEWS.iter().find_map(|word| {
        let number = match (line.strip_prefix(word), line.strip_suffix(word)) {
            (Some(after), _) => trim(after),
            (None, Some(before)) => trim(before),
            (None, None) => return None,
        };
        parse_views(&number)
    })
}

/// True for the first line of a comment form or of comments.
pub(super) fn begins_comments(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    COMMENTS.iter().any(|word| {
        line.strip_prefix(word).is_some_and(|rest| {
            // «Комментарии экспертов разошлись …» is a sentence, not a heading.
            rest.chars().count() <= 40
                && !rest.starts_with(char::is_alphabetic)
                && !is_sentence(rest)
        })
    })
}

fn is_sentence(rest: &str) -> bool {
    let words = rest.split_whitespace().count();
    words > 0 && rest.trim_start().starts_with(char::is_alphabetic) && words > 3
}

/// True for a short line that says who wrote the text.
pub(super) fn is_byline(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    let is_sentence = line.ends_with(['.', '!', '?', '…', ':', ';']);
    !is_sentence
        && (BYLINES.iter().any(|word| line.starts_with(word))
            || BYLINE_ENDS.iter().any(|word| line.ends_with(word)))
}
