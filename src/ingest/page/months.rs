//! Dates as Russian, Kazakh and English pages write them.

use chrono::{NaiveDate, NaiveDateTime};

/// How months begin, in the languages of the newsrooms; the longest match decides.
const MONTHS: &[(&str, u32)] = &[
    // Russian.
    ("янв", 1),
    ("фев", 2),
    ("мар", 3),
    ("апр", 4),
    ("май", 5),
    ("мая", 5),
    ("июн", 6),
    ("июл", 7),
    ("авг", 8),
    ("сен", 9),
    ("окт", 10),
    ("ноя", 11),
    ("дек", 12),
    // Kazakh in Cyrillic, long and short.
    ("қаң", 1),
    ("ақп", 2),
    ("нау", 3),
    ("сәу", 4),
    ("мам", 5),
    ("мау", 6),
    ("шіл", 7),
    ("там", 8),
    ("қыр", 9),
    ("қаз", 10),
    ("қар", 11),
    ("жел", 12),
    // Kazakh in Latin.
    ("qań", 1),
    ("qan", 1),
    ("aqp", 2),
    ("nau", 3),
    ("sáý", 4),
    ("sau", 4),
    ("mam", 5),
    ("maý", 6),
    ("mau", 6),
    ("shil", 7),
    ("tam", 8),
    ("qyr", 9),
    ("qaz", 10),
    ("qar", 11),
    ("jel", 12),
    // English.
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
];

fn month(word: &str) -> Option<u32> {
    let word = word.to_lowercase();
    if word.chars().count() > 12 {
        return None;
    }
    MONTHS.iter().find(|(start, _)| word.starts_with(start)).map(|(_, month)| *month)
}

/// The local date and time at the start of a line, such as «19 Авг 2020 12:01», «2020 ж. 19 тамыз,
/// 12:01», «19.08.2020 12:01» or «2020-08-19 12:01»; midnight where no time is given.
pub(super) fn local_date(line: &str) -> Option<NaiveDateTime> {
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '|' | '/' | '«' | '»' | '(' | ')'))
        .filter(|word| !word.is_empty())
        .take(12)
        .collect();
    let date = words.iter().find_map(|word| numeric_date(word)).or_else(|| named_date(&words))?;
    let time = words.iter().find_map(|word| clock_time(word)).unwrap_or((0, 0));
    date.and_hms_opt(time.0, time.1, 0)
}

fn numeric_date(word: &str) -> Option<NaiveDate> {
    let word = word.trim_end_matches(['.', 'г']);
    let parts: Vec<&str> = word.split(['.', '-']).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
    if year.len() != 4 {
        return None;
    }
    // `2020-08-19T12:01` has its time behind the day.
    let day = day.split('T').next()?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// A day, a month's name and a year, in any order, with words such as «года» and «жылғы» between.
fn named_date(words: &[&str]) -> Option<NaiveDate> {
    let at = words.iter().position(|word| month(word).is_some())?;
    let month = month(words[at])?;
    let number = |word: &&str| -> Option<u32> {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse().ok()
    };
    let near = &words[at.saturating_sub(3)..words.len().min(at + 4)];
    let numbers: Vec<u32> = near.iter().filter(|w| !w.contains(':')).filter_map(number).collect();
    let year = numbers.iter().copied().find(|n| (1900..=2200).contains(n))?;
    let day = numbers.iter().copied().find(|n| (1..=31).contains(n))?;
    NaiveDate::from_ymd_opt(year as i32, month, day)
}

fn clock_time(word: &str) -> Option<(u32, u32)> {
    let word = word.split('T').next_back()?;
    let mut parts = word.split(':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let (hour, minute) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
    (hour < 24 && minute < 60).then_some((hour, minute))
}
