//! Reading `[[sources]]`: the keys of each kind, one clear fault for each thing that is wrong.

use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Table, items};
use crate::{
    config::{
        FeedSource, SourceConfig, SourceKind, WordPressSource,
        layers::{At, Found, Plain, cut},
        schema::Sheet,
        value::{self, Parsed},
    },
    model::WebUrl,
};

/// Keys of one `[[sources]]` of kind `wordpress`.
const WORDPRESS_KEYS: [&str; 11] = [
    "kind",
    "name",
    "url",
    "every",
    "user",
    "password_file",
    "prefix",
    "reconcile_every",
    "types",
    "timeout",
    "page_size",
];
/// Keys of one `[[sources]]` of kind `feed`.
const FEED_KEYS: [&str; 8] =
    ["kind", "name", "url", "every", "every_max", "prefix", "section", "language"];
/// Declared sources; more are a mistake.
const SOURCES_MAX: usize = 100;
/// Longer names and prefixes leave an id too little room.
const NAME_BYTES_MAX: usize = 40;
/// A larger file holds no password.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// A page may have to begin with the last post of the one before; one more must fit.
const PAGE_SIZE_MIN: usize = 2;
/// Posts of one page of WordPress's REST API.
const PAGE_SIZE_MAX: usize = 100;

/// Which names and prefixes are taken, and where.
#[derive(Default)]
struct Seen {
    names: HashMap<String, At>,
    prefixes: HashMap<String, At>,
}

#[derive(Clone, Copy)]
enum Kind {
    WordPress,
    Feed,
}

const KINDS: [(&str, Kind); 2] = [("wordpress", Kind::WordPress), ("feed", Kind::Feed)];

/// The declared sources, in the order of the file; faulty ones are left out and noted.
pub(in crate::config) fn sources(sheet: &mut Sheet) -> Vec<SourceConfig> {
    let tables = sheet.repeated("sources");
    if let Some(excess) = tables.get(SOURCES_MAX) {
        let what = format!("there are more than {SOURCES_MAX} sources; declare fewer");
        sheet.faults.add(&excess.at, "sources", what);
    }
    let mut seen = Seen::default();
    let mut sources = Vec::new();
    for (number, found) in tables.into_iter().take(SOURCES_MAX).enumerate() {
        let path = format!("sources[{number}]");
        let keys: &[&str] = match kind_of(&found) {
            Ok(Kind::WordPress) => &WORDPRESS_KEYS,
            Ok(Kind::Feed) => &FEED_KEYS,
            Err((at, what)) => {
                sheet.faults.add(&at, &format!("{path}.kind"), what);
                continue;
            }
        };
        let Some(mut table) = Table::open(found, path, keys, &mut sheet.faults) else { continue };
        sources.extend(source(&mut table, &mut seen));
    }
    sources
}

/// Decides which keys there are, so it is looked at first.
fn kind_of(found: &Found) -> Result<Kind, (At, String)> {
    let entries = match &found.value {
        Plain::Table(entries) => entries.as_slice(),
        _ => &[],
    };
    let Some(entry) = entries.iter().find(|entry| entry.key == "kind") else {
        let what = "is missing; write for example \"wordpress\" or \"feed\"";
        return Err((found.at.clone(), what.into()));
    };
    value::choice(&entry.found.value, &KINDS)
        .map_err(|why| (entry.found.at.clone(), value::with_example(why, r#""wordpress""#)))
}

fn source(table: &mut Table<'_>, seen: &mut Seen) -> Option<SourceConfig> {
    let kind = table.get("kind", |v| value::choice(v, &KINDS), r#""wordpress""#)?;
    let name = name(table, &mut seen.names);
    let (every, kind) = match kind {
        Kind::WordPress => (
            wait(table, "every", "1m"),
            wordpress(table, &mut seen.prefixes).map(SourceKind::WordPress),
        ),
        Kind::Feed => {
            let every = wait(table, "every", "5m");
            let named = name.as_deref().unwrap_or("feed");
            (every, feed(table, named, every, &mut seen.prefixes).map(SourceKind::Feed))
        }
    };
    Some(SourceConfig { name: name?, every: every?, kind: kind? })
}

fn name(table: &mut Table<'_>, names: &mut HashMap<String, At>) -> Option<String> {
    if !table.has("name") {
        table.fault(&table.at.clone(), "name", "is missing; write for example \"site\"");
        return None;
    }
    let at = table.place("name");
    let name = table.get("name", source_name, r#""site""#)?;
    unique(table, names, (at, "name"), name)
}

/// The name or prefix, unless another source has it.
fn unique(
    table: &mut Table<'_>,
    taken: &mut HashMap<String, At>,
    (at, key): (At, &str),
    word: String,
) -> Option<String> {
    if let Some(first) = taken.get(&word) {
        let what = format!("`{word}` is the {key} of the source at {first} too; choose another");
        table.fault(&at, key, &what);
        return None;
    }
    taken.insert(word.clone(), at);
    Some(word)
}

fn source_name(value: &Plain) -> Parsed<String> {
    let text = value::text(value)?;
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    match text.as_str() {
        "other" => Err("`other` is what sources without series of their own share".into()),
        _ if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(good) => Ok(text),
        _ => Err(format!("`{}` is not 1 to {NAME_BYTES_MAX} characters of a-z 0-9 -", cut(&text))),
    }
}

fn prefix(table: &mut Table<'_>, usual: &str, taken: &mut HashMap<String, At>) -> Option<String> {
    let at = table.place("prefix");
    let prefix = match table.has("prefix") {
        true => table.get("prefix", id_prefix, r#""wp""#)?,
        false => usual.to_owned(),
    };
    unique(table, taken, (at, "prefix"), prefix)
}

fn id_prefix(value: &Plain) -> Parsed<String> {
    let text = value::text(value)?;
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let fits = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(good);
    fits.then_some(()).ok_or_else(|| {
        format!("`{}` is not 1 to {NAME_BYTES_MAX} characters of A-Z a-z 0-9 _ -", cut(&text))
    })?;
    Ok(text)
}

fn wordpress(table: &mut Table<'_>, prefixes: &mut HashMap<String, At>) -> Option<WordPressSource> {
    let url = url(table, value::root_url, "\"https://news.example\"");
    let prefix = prefix(table, "wp", prefixes);
    let reconcile_every = wait(table, "reconcile_every", "1h");
    let types = table.get_found("types", types, r#"["posts"]"#);
    let timeout = wait(table, "timeout", "30s");
    let page_size = |v: &Plain| value::count(v, PAGE_SIZE_MIN, PAGE_SIZE_MAX);
    let page_size = table.get("page_size", page_size, "100").unwrap_or(PAGE_SIZE_MAX);
    let (user, password_file) = credentials(table);
    Some(WordPressSource {
        url: url?,
        user,
        password_file,
        prefix: prefix?,
        reconcile_every: reconcile_every?,
        types: types.unwrap_or_else(|| vec!["posts".into()]),
        timeout: timeout?,
        page_size,
    })
}

fn feed(
    table: &mut Table<'_>,
    name: &str,
    every: Option<Duration>,
    prefixes: &mut HashMap<String, At>,
) -> Option<FeedSource> {
    let url = url(table, value::url, "\"https://news.example/feed/\"");
    let prefix = prefix(table, name, prefixes);
    let section = table.get("section", value::words, r#""News""#);
    let language = table.get("language", value::language, r#""ru""#);
    let at = table.place("every_max");
    let given = table.has("every_max");
    let every_max = wait(table, "every_max", "1h");
    let every_max = match (every, every_max) {
        (Some(every), Some(max)) if max < every && given => {
            table.fault(&at, "every_max", "it is shorter than `every`; make it longer");
            None
        }
        (every, max) => max.max(every),
    };
    Some(FeedSource { url: url?, prefix: prefix?, section, language, every_max: every_max? })
}

fn url(
    table: &mut Table<'_>,
    parse: impl Fn(&Plain) -> Parsed<WebUrl>,
    example: &str,
) -> Option<WebUrl> {
    if !table.has("url") {
        let what = format!("is missing; write for example {example}");
        table.fault(&table.at.clone(), "url", &what);
        return None;
    }
    table.get("url", parse, example)
}

/// A duration that cannot be zero; `usual` where the key is missing, `None` where it is bad.
fn wait(table: &mut Table<'_>, key: &str, usual: &str) -> Option<Duration> {
    if !table.has(key) {
        return value::parse_duration(usual).ok();
    }
    let parse = |v: &Plain| match value::duration(v)? {
        wait if wait < Duration::from_secs(1) => Err("it is shorter than a second".into()),
        wait => Ok(wait),
    };
    table.get(key, parse, &format!("{usual:?}"))
}

/// REST names of post types, as they stand in addresses.
fn types(found: &Found) -> Parsed<Vec<String>> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let rest_name = |value: &Plain| {
        let text = value::text(value)?;
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(good);
        fits.then_some(text.clone()).ok_or_else(|| {
            format!("`{}` is no REST name of a post type, such as posts or pages", cut(&text))
        })
    };
    let types = items(found, rest_name)?;
    if types.is_empty() { Err("the list is empty".into()) } else { Ok(types) }
}

/// Both or none.
fn credentials(table: &mut Table<'_>) -> (Option<String>, Option<PathBuf>) {
    let (has_user, has_file) = (table.has("user"), table.has("password_file"));
    let places = (table.place("user"), table.place("password_file"));
    if has_user && !has_file {
        let what = "needs password_file too: a file that holds the application password";
        table.fault(&places.0, "user", what);
    }
    if has_file && !has_user {
        table.fault(&places.1, "password_file", "needs user too: whose password it is");
    }
    let user = table.get("user", value::words, r#""jarshy""#);
    let example = r#""/etc/jarshy/wordpress.password""#;
    (user, table.get("password_file", password_file, example))
}

/// Looks whether there is something to read; the password itself is read when it is needed, so that
/// a changed one needs no reload.
fn password_file(value: &Plain) -> Parsed<PathBuf> {
    let path = PathBuf::from(value::words(value)?);
    let shown = path.display();
    let bad = |e: std::io::Error| format!("{shown} cannot be read ({e}); check its permissions");
    let held = first_bytes(&path).map_err(bad)?;
    match held.trim_ascii().len() as u64 {
        0 => Err(format!("{shown} is empty; write the application password into it")),
        n if n > PASSWORD_BYTES_MAX => Err(format!("{shown} is too large for a password")),
        _ => Ok(path),
    }
}

fn first_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut held = Vec::new();
    File::open(path)?.take(PASSWORD_BYTES_MAX + 2).read_to_end(&mut held)?;
    Ok(held)
}
