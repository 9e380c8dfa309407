//! One value of the settings: from what was written to what is meant. Every refusal says what is
//! wrong; the caller adds where, and an example.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use chrono::{TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use super::layers::{At, Found, Plain, cut, read_toml};
use crate::model::{Language, WebUrl};

/// Ten years; a longer one is a mistake, and adding it to a time must not overflow.
const DURATION_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);
/// Items of one list.
const LIST_MAX: usize = 1000;
/// Bytes of one text; a longer title or name is a mistake.
const TEXT_BYTES_MAX: usize = 4096;

/// What a value is, or what is wrong with it.
pub(super) type Parsed<T> = Result<T, String>;

pub(super) fn text(value: &Plain) -> Parsed<String> {
    let text = match value {
        Plain::Raw(text) | Plain::Text(text) => text,
        other => return Err(format!("this is {}", other.kind())),
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the text is longer than {TEXT_BYTES_MAX} bytes"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err("the text contains control characters".into());
    }
    Ok(text.clone())
}

pub(super) fn words(value: &Plain) -> Parsed<String> {
    text(value)
        .and_then(|t| if t.trim().is_empty() { Err("the text is empty".into()) } else { Ok(t) })
}

/// What a header can carry everywhere: printable ASCII, or nothing.
pub(super) fn header_value(value: &Plain) -> Parsed<String> {
    let text = text(value)?;
    let good = |c: char| c == ' ' || c.is_ascii_graphic();
    match text.chars().all(good) {
        true => Ok(text.trim().to_owned()),
        false => Err(format!("`{}` is more than printable ASCII", cut(&text))),
    }
}

pub(super) fn truth(value: &Plain) -> Parsed<bool> {
    match value {
        Plain::Truth(truth) => Ok(*truth),
        Plain::Raw(text) => {
            text.trim().parse().map_err(|_| format!("`{}` is neither true nor false", cut(text)))
        }
        other => Err(format!("this is {}", other.kind())),
    }
}

pub(super) fn whole(value: &Plain) -> Parsed<i64> {
    match value {
        Plain::Whole(number) => Ok(*number),
        Plain::Raw(text) => text
            .trim()
            .replace('_', "")
            .parse()
            .map_err(|_| format!("`{}` is not a whole number", cut(text))),
        other => Err(format!("this is {}", other.kind())),
    }
}

/// A whole number within bounds.
pub(super) fn count(value: &Plain, min: usize, max: usize) -> Parsed<usize> {
    let number = whole(value)?;
    let count = usize::try_from(number).ok().filter(|n| (min..=max).contains(n));
    count.ok_or_else(|| format!("{number} is not between {min} and {max}"))
}

/// A share of a whole, 0 to 1.
pub(super) fn share(value: &Plain) -> Parsed<f64> {
    let number = match value {
        Plain::Real(number) => *number,
        Plain::Whole(number) => *number as f64,
        Plain::Raw(text) => {
            text.trim().parse().map_err(|_| format!("`{}` is not a number", cut(text)))?
        }
        other => return Err(format!("this is {}", other.kind())),
    };
    let within = (0.0..=1.0).contains(&number);
    within.then_some(number).ok_or_else(|| format!("{number} is not between 0 and 1"))
}

/// `500ms`, `30s`, `10m`, `1h`, `7d`.
pub(super) fn duration(value: &Plain) -> Parsed<Duration> {
    let text = with_unit(value)?;
    let (number, unit) = number_and_unit(&text);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => return Err(format!("`{}` has no unit", cut(&text))),
        _ => return Err(format!("`{}` is not a duration", cut(&text))),
    };
    let number: u64 = number.parse().map_err(|_| format!("`{}` is not a duration", cut(&text)))?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .filter(|d| *d <= DURATION_MAX)
        .ok_or_else(|| format!("`{}` is longer than ten years", cut(&text)))
}

/// A duration as the settings write it, for flags: `500ms`, `30s`, `10m`, `1h`, `7d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(&Plain::Raw(text.to_owned())).map_err(|why| with_example(why, "90d"))
}

/// A level of the log or a filter, as `log.level` takes it.
pub fn parse_log_level(text: &str) -> Result<String, String> {
    log_level(&Plain::Raw(text.to_owned())).map_err(|why| with_example(why, "info"))
}

/// `4096 B`, `64 KiB`, `8 MiB`, `1 GiB`, and the decimal `kB`, `MB`, `GB`; bytes.
pub(super) fn size(value: &Plain) -> Parsed<usize> {
    let text = with_unit(value)?;
    let (number, unit) = number_and_unit(&text);
    let bytes: usize = match unit {
        "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "" => return Err(format!("`{}` has no unit", cut(&text))),
        _ => return Err(format!("`{}` is not a size", cut(&text))),
    };
    let number: usize = number.parse().map_err(|_| format!("`{}` is not a size", cut(&text)))?;
    number.checked_mul(bytes).ok_or_else(|| format!("`{}` is too large", cut(&text)))
}

fn with_unit(value: &Plain) -> Parsed<String> {
    match value {
        Plain::Whole(number) => Err(format!("{number} has no unit")),
        other => text(other).map(|t| t.trim().to_owned()),
    }
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

pub(super) fn address(value: &Plain) -> Parsed<SocketAddr> {
    let text = text(value)?;
    text.trim().parse().map_err(|_| {
        let why = match text.trim().parse::<IpAddr>() {
            Ok(_) => "has no port",
            Err(_) => "is not an IP address with a port",
        };
        format!("`{}` {why}", cut(&text))
    })
}

pub(super) fn network(value: &Plain) -> Parsed<IpNet> {
    let text = text(value)?;
    let one = |text: &str| text.parse::<IpAddr>().map(IpNet::from);
    text.trim()
        .parse::<IpNet>()
        .or_else(|_| one(text.trim()))
        .map_err(|_| format!("`{}` is not a network or an IP address", cut(&text)))
}

pub(super) fn url(value: &Plain) -> Parsed<WebUrl> {
    WebUrl::parse(text(value)?.trim()).map_err(|e| e.to_string())
}

/// A URL; empty is none.
pub(super) fn optional_url(value: &Plain) -> Parsed<Option<WebUrl>> {
    if text(value)?.trim().is_empty() { Ok(None) } else { url(value).map(Some) }
}

/// A URL to which paths are added: no query or fragment, and no slash at the end.
pub(super) fn root_url(value: &Plain) -> Parsed<WebUrl> {
    let url = url(value)?;
    if url.as_str().contains(['?', '#']) {
        return Err(format!("`{}` has a query or a fragment", cut(&url.shown())));
    }
    WebUrl::parse(url.as_str().trim_end_matches('/')).map_err(|e| e.to_string())
}

/// An address with `{path}` or `{url}` in it, which stand for a document's; empty is none.
pub(super) fn url_template(value: &Plain) -> Parsed<Option<String>> {
    let template = text(value)?.trim().to_owned();
    if template.is_empty() {
        return Ok(None);
    }
    let names = ["{path}", "{url}", "{path_encoded}", "{url_encoded}"];
    // `{url}` alone is the document's own address.
    let filled = names
        .iter()
        .fold(template.replace("{url}", "http://feeds.example/x"), |t, n| t.replace(n, "/x"));
    if let Some(at) = filled.find(['{', '}']) {
        // What follows it may be a key.
        let end = filled[at..].find('}').map_or(at + 1, |end| at + end + 1);
        return Err(format!(
            "`{}` holds another brace than those of {}",
            cut(&filled[at..end]),
            names.join(" ")
        ));
    }
    WebUrl::parse(&filled).map(|_| Some(template)).map_err(|e| e.to_string())
}

/// The name of an HTTP method.
pub(super) fn method(value: &Plain) -> Parsed<String> {
    let text = text(value)?.trim().to_owned();
    let good = (1..=20).contains(&text.len()) && text.chars().all(|c| c.is_ascii_uppercase());
    if good { Ok(text) } else { Err(format!("`{}` is no method", cut(&text))) }
}

/// Scheme, host and port as browsers send them.
pub(super) fn origin(value: &Plain) -> Parsed<String> {
    let url = url(value)?;
    let path = url::Url::parse(url.as_str()).map_err(|e| e.to_string())?;
    if path.path() != "/" || url.as_str().contains(['?', '#']) {
        return Err(format!("`{}` is more than an origin, which is {}", url, url.origin()));
    }
    Ok(url.origin())
}

pub(super) fn language(value: &Plain) -> Parsed<Language> {
    Language::parse(text(value)?.trim()).map_err(|e| e.to_string())
}

pub(super) fn zone(value: &Plain) -> Parsed<Tz> {
    let text = text(value)?;
    text.trim().parse().map_err(|_| {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        format!(
            "`{}` is not a time zone of the tz database{}",
            cut(&text),
            did_you_mean(&text, names)
        )
    })
}

/// A level (`info`), or a filter of `tracing` whose every part is one or names its target's.
pub(super) fn log_level(value: &Plain) -> Parsed<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    // The parser of `tracing` miscounts after a space before a part: it cuts names short, and panics
    // where that falls within a letter.
    let text = words(value)?.split(',').map(str::trim).collect::<Vec<_>>().join(",");
    let is_level = |part: &&str| LEVELS.contains(&part.trim().to_ascii_lowercase().as_str());
    // A lone word that is no level would be taken for a module, and turn everything else off.
    let lone = text.split(',').find(|part| !part.contains(['=', '[']) && !is_level(part));
    if let Some(part) = lone.filter(|_| !text.contains('[')) {
        return Err(format!(
            "`{}` is not a level (error, warn, info, debug, trace){}",
            cut(part),
            did_you_mean(part, LEVELS)
        ));
    }
    match EnvFilter::builder().parse(&text) {
        Ok(_) => Ok(text),
        Err(e) => Err(format!("`{}` is not a filter of the log: {e}", cut(&text))),
    }
}

/// A cron expression of five fields that fires at some time in `zone`; empty is none.
pub(super) fn schedule(value: &Plain, zone: Tz) -> Parsed<Option<Cron>> {
    let text = text(value)?;
    let fields = text.split_whitespace().count();
    if fields == 0 {
        return Ok(None);
    }
    if fields != 5 {
        return Err(format!(
            "`{}` has not five fields (minute hour day month weekday) but {fields}",
            cut(&text)
        ));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let bad = |e| format!("`{}` is not a cron expression: {}", cut(&text), cron_reason(&e));
    let cron = parser.parse(text.trim()).map_err(bad)?;
    // Any day will do: what fires at all fires within the search that croner makes.
    let from = zone.from_utc_datetime(&chrono::DateTime::<Utc>::UNIX_EPOCH.naive_utc());
    match cron.find_next_occurrence(&from, true) {
        Ok(_) => Ok(Some(cron)),
        Err(_) => Err(format!("`{}` never fires: there is no such day", cut(&text))),
    }
}

/// The reason alone: which part of croner found it helps nobody.
fn cron_reason(error: &CronError) -> String {
    let reason = match error {
        CronError::ComponentError(reason)
        | CronError::InvalidPattern(reason)
        | CronError::IllegalCharacters(reason) => reason.clone(),
        other => other.to_string(),
    };
    let reason = reason.trim_end_matches('.');
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect())
}

/// The one of `choices` that a word stands for.
pub(super) fn choice<T: Clone>(value: &Plain, choices: &[(&str, T)]) -> Parsed<T> {
    let text = text(value)?;
    let chosen = choices.iter().find(|(word, _)| *word == text.trim());
    chosen.map(|(_, value)| value.clone()).ok_or_else(|| {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        format!("`{}` is none of {}", cut(&text), words.join(", "))
    })
}

/// Items of a list; in the environment a TOML list, or words with commas between them.
pub(super) fn list(found: &Found) -> Parsed<Vec<Found>> {
    let items = match &found.value {
        Plain::List(items) => items.clone(),
        Plain::Raw(text) if text.trim_start().starts_with('[') => list_of_toml(text, &found.at)?,
        Plain::Raw(text) => {
            let item = |t: &str| Found { at: found.at.clone(), value: Plain::Raw(t.to_owned()) };
            text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(item).collect()
        }
        other => return Err(format!("this is {}", other.kind())),
    };
    if items.len() > LIST_MAX {
        return Err(format!("the list has more than {LIST_MAX} items"));
    }
    Ok(items)
}

fn list_of_toml(text: &str, at: &At) -> Parsed<Vec<Found>> {
    let (mut entries, errors) = read_toml(&format!("list = {text}"), |_| at.clone());
    if let Some((_, why)) = errors.into_iter().next() {
        return Err(why);
    }
    match entries.pop().map(|entry| entry.found.value) {
        Some(Plain::List(items)) if entries.is_empty() => Ok(items),
        _ => Err("this is not one list".into()),
    }
}

/// What is wrong and what would be right; a name that may have been meant says it already.
pub(super) fn with_example(why: String, example: &str) -> String {
    if why.ends_with('?') { why } else { format!("{why}; write for example {example}") }
}

/// `; did you mean …?` for the nearest of the names, where one is near.
pub(super) fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, names).map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// The nearest of the names, where it is so near that it may have been meant.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.6;
    let word = cut(word).to_lowercase();
    let near = |name: &str| strsim::normalized_damerau_levenshtein(&word, &name.to_lowercase());
    let scored = names.into_iter().map(|name| (near(name), name));
    scored.filter(|(n, _)| *n >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}
