//! The map of `src/` is a test, so that it cannot drift from the code: layers, pure modules, where
//! each outside crate is spoken to, and the shape of files and functions.
//!
//! It reads source text, not syntax trees. `rustfmt` gives that text one shape, and `.ci/run` holds
//! the code to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every top module, lowest layer first. A module may use only the layers below its own.
const LAYERS: &[&[&str]] = &[
    // Ground: facts, then the time, told in the model's milliseconds.
    &["model"],
    &["clock"],
    &["config"],
    // From articles to bytes.
    &["feed"],
    // Tools: each does one thing and knows no feature.
    &["store", "metrics", "outbound"],
    // Features.
    &["ingest", "publish", "views", "delivery"],
    &["hub", "partner"],
    // Doors: how the clock and the world come in.
    &["jobs"],
    &["web"],
    // Top.
    &["daemon"],
    &["cli"],
    &["main"],
];

/// Modules that compute and never touch the outside world.
const PURE: &[&str] = &["model", "feed"];
const IMPURE: &[&str] = &[
    "async fn",
    "async move",
    ".await",
    "tokio::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "Utc::now",
    "Local::now",
    "SystemTime",
    "Instant",
];

/// What asks for the time of day; only `clock` does, and the scheduler that turns real time into
/// ticks.
const TIME_OF_DAY: &[&str] = &["Utc::now", "Local::now", "SystemTime::now"];
const TIME_HOMES: &[&str] = &["src/clock.rs", "src/jobs/ticks.rs"];

/// Outside crates that shape code, and the places (a module or one file) that speak to them.
const CRATE_HOMES: &[(&str, &[&str])] = &[
    ("rss", &["src/feed"]),
    ("atom_syndication", &["src/feed"]),
    // The server side in `web`, the client side in `outbound`.
    ("hyper", &["src/web", "src/outbound"]),
    ("hyper_util", &["src/web", "src/outbound.rs", "src/outbound"]),
    ("hyper_rustls", &["src/outbound.rs", "src/outbound"]),
    ("rustls", &["src/outbound.rs", "src/outbound"]),
    ("feed_rs", &["src/ingest/feed.rs", "src/ingest/feed"]),
    ("axum", &["src/web"]),
    ("utoipa_axum", &["src/web"]),
    // The article's JSON is told to the OpenAPI document where it is read.
    ("utoipa", &["src/web", "src/ingest/article_json.rs"]),
    ("prometheus", &["src/metrics.rs", "src/metrics"]),
    ("rusqlite", &["src/store"]),
    ("tokio_cron_scheduler", &["src/jobs"]),
];

/// Names that say nothing about what is behind them.
const BANNED: &[&str] = &[
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "manager",
    "handler",
    "handlers",
    "service",
    "services",
    "processor",
    "data",
    "base",
    "generic",
    "core",
];

/// `.expect(` with a text: parsers have an `expect` of their own.
const BETS: &[&str] =
    &[".unwrap()", ".expect(\"", ".expect(&", ".expect(format", "panic!(", "unreachable!("];

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;

#[test]
fn modules_use_only_lower_layers() {
    none("The layering is broken", source(), |file| {
        let home = file.home();
        let Some(layer) = layer_of(&home) else { return Vec::new() };
        used_modules(&file.production())
            .into_iter()
            .filter(|used| *used != home && layer_of(used).is_some_and(|other| other >= layer))
            .map(|used| format!("`{home}` may not use `{used}`"))
            .collect()
    });
}

/// `super::` chains are the other way to reach a sibling module.
#[test]
fn nothing_climbs_out_of_its_module() {
    none("A path climbs out of its module; write crate::…", source(), |file| {
        let climb = "super::".repeat(file.depth());
        file.lines_with(&[climb.as_str()])
    });
}

#[test]
fn every_top_module_has_a_layer() {
    none("A module is missing from LAYERS", source(), |file| match file.home().as_str() {
        "lib" => Vec::new(),
        home if layer_of(home).is_some() => Vec::new(),
        home => vec![format!("`{home}` has no layer")],
    });
}

#[test]
fn the_library_lists_its_modules_from_the_ground_up() {
    let lib = read(Path::new("src/lib.rs"));
    let listed: Vec<&str> = lib
        .text
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(!listed.is_empty(), "src/lib.rs lists no module");
    assert!(
        listed.is_sorted_by_key(|name| layer_of(name)),
        "src/lib.rs is out of order: {listed:?}"
    );
}

#[test]
fn pure_modules_stay_pure() {
    none("A pure module touches the world", source(), |file| {
        if PURE.contains(&file.home().as_str()) { file.lines_with(IMPURE) } else { Vec::new() }
    });
}

#[test]
fn only_the_clock_asks_for_the_time_of_day() {
    none("Take `now` as an argument, or ask crate::clock", source(), |file| {
        if file.lives_in(TIME_HOMES) { Vec::new() } else { file.lines_with(TIME_OF_DAY) }
    });
}

#[test]
fn outside_crates_stay_in_their_homes() {
    none("A crate has left its home", source(), |file| {
        let code = file.production();
        CRATE_HOMES
            .iter()
            .filter(|(_, homes)| !file.lives_in(homes))
            .filter(|(name, _)| names_crate(&code, name))
            .map(|(name, homes)| format!("`{name}` belongs in {homes:?}"))
            .collect()
    });
}

#[test]
fn every_file_says_what_it_is_for() {
    none("A file begins without a `//!` line", source_and_tests(), |file| {
        if file.text.starts_with("//! ") { Vec::new() } else { vec!["no `//!` line".into()] }
    });
}

#[test]
fn names_say_what_is_behind_them() {
    none("A banned name", source_and_tests(), |file| {
        let mut names = path_words(&file.path);
        names.extend(file.text.lines().filter_map(last_word_of_a_type));
        names.retain(|name| BANNED.contains(&name.as_str()));
        names
    });
}

#[test]
fn nothing_outside_tests_bets_on_success() {
    none("Return an error with `?`, or match", source(), |file| file.lines_with(BETS));
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    none("Write #[expect(…, reason = \"…\")]", source_and_tests(), |file| {
        let allows = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("#[allow") || line.starts_with("#![allow")
        };
        file.text.lines().filter(allows).map(str::to_owned).collect()
    });
}

#[test]
fn functions_fit_a_screen() {
    none("A function is longer than a screen", source(), |file| {
        functions(&file.text)
            .into_iter()
            .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
            .map(|(name, lines)| format!("{name} has {lines} lines, {FUNCTION_LINES_MAX} at most"))
            .collect()
    });
}

#[test]
fn files_stay_short() {
    none("A file wants to be two", source(), |file| match file.text.lines().count() {
        lines if lines < FILE_LINES_MAX => Vec::new(),
        lines => vec![format!("{lines} lines, fewer than {FILE_LINES_MAX} wanted")],
    });
}

/// The checks above are worth what these readers of text are worth.
#[test]
fn the_readers_of_source_text_see_what_they_should() {
    let group =
        "use crate::{\n    clock,\n    store::{Db, Value},\n};\ncrate::views::x(); xcrate::no;";
    assert_eq!(used_modules(group), ["clock", "store", "views"]);
    assert!(names_crate("use rss::Channel;", "rss"));
    assert!(names_crate("use {rss::Channel, hyper};", "rss"));
    assert!(!names_crate("feed::rss::render(); my_rss::x();", "rss"));
    let two = "fn a() {\n    b();\n}\n\nimpl X {\n    pub async fn c(\n    ) {\n        {\n        }\n    }\n}";
    assert_eq!(functions(two), [("a".to_owned(), 3), ("c".to_owned(), 5)]);
    let tested =
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n// crate::no\nfn b() {}";
    assert_eq!(without_tests_and_comments(tested), "fn a() {}\nfn b() {}");
    assert_eq!(
        last_word_of_a_type("pub(crate) struct FeedManager<T> {").as_deref(),
        Some("manager")
    );
    assert_eq!(last_word_of_a_type("let x = 1;"), None);
}

// What is looked at.

/// One file of Rust.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// `src/web/feeds.rs` lives in `web`, `src/daemon.rs` in `daemon`.
    fn home(&self) -> String {
        let first = self.path.iter().nth(1).unwrap_or_default();
        Path::new(first).file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Modules between the crate's root and what stands in the file: 1 in `src/daemon.rs`.
    fn depth(&self) -> usize {
        let parts = self.path.iter().count() - 1;
        if self.path.ends_with("mod.rs") { parts - 1 } else { parts }
    }

    fn lives_in(&self, homes: &[&str]) -> bool {
        homes.iter().any(|home| self.path.starts_with(home))
    }

    fn production(&self) -> String {
        without_tests_and_comments(&self.text)
    }

    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let found = |line: &&str| words.iter().any(|word| line.contains(word));
        self.production().lines().filter(found).map(|line| line.trim().to_owned()).collect()
    }
}

fn source() -> Vec<Source> {
    rust_files("src")
}

fn source_and_tests() -> Vec<Source> {
    let mut files = source();
    files.extend(rust_files("tests/it"));
    files
}

fn rust_files(root: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(read(&path));
            }
        }
    }
    assert!(!files.is_empty(), "no Rust file under {root}");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn read(path: &Path) -> Source {
    Source { path: path.to_owned(), text: fs::read_to_string(path).unwrap() }
}

/// Fails with every fault in every file, not with the first.
fn none(remedy: &str, files: Vec<Source>, faults: impl Fn(&Source) -> Vec<String>) {
    let mut all = Vec::new();
    for file in &files {
        all.extend(faults(file).iter().map(|fault| format!("{}: {fault}", file.path.display())));
    }
    assert!(all.is_empty(), "{remedy}:\n{}", all.join("\n"));
}

// Reading source text.

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Leaves out comment lines, where a link may point upward, and what is only built for tests.
fn without_tests_and_comments(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.trim_start().starts_with("#[cfg(test)]") {
            skip_item(&mut lines, indent(line));
        } else {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// An item ends with `;` or with a brace at its own indent.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>, depth: usize) {
    for line in lines {
        if indent(line) == depth && line.ends_with(['}', ';', ',']) {
            return;
        }
    }
}

/// Names in `crate::name` and `crate::{a, b::c}`.
fn used_modules(code: &str) -> Vec<String> {
    let starts_path =
        |at: &usize| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices("crate::")
        .map(|(at, _)| at)
        .filter(starts_path)
        .flat_map(|at| match code[at + "crate::".len()..].strip_prefix('{') {
            Some(group) => names_of_group(group),
            None => vec![first_word(&code[at + "crate::".len()..])],
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// The first words of the parts of `a, b::{c, d}}`, which begins behind its brace.
fn names_of_group(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(first_word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// True for `rss::Item`, false for our own `feed::rss::render`.
fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::"))
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c)))
}

/// Every function with the number of lines from its `fn` to its closing brace.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let closes = |other: &&str| indent(other) == indent(line) && other.trim() == "}";
        // A trait may only declare a function, also over several lines.
        let declares = |other: &&str| {
            indent(other) == indent(line) && other.trim().starts_with(')') && other.ends_with(';')
        };
        let rest = &lines[start..];
        let declared = rest.iter().position(declares).unwrap_or(usize::MAX);
        let length = rest.iter().position(closes).filter(|_| !line.ends_with(['}', ';']));
        let length = length.filter(|length| *length < declared);
        found.extend(length.map(|length| (name, length + 1)));
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("fn ")?;
    let is_head = before.split_whitespace().all(|word| {
        word.starts_with("pub") || ["async", "const", "extern", "\"C\""].contains(&word)
    });
    is_head.then(|| first_word(rest)).filter(|name| !name.is_empty())
}

/// `manager` of `pub struct FeedManager`.
fn last_word_of_a_type(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    let kind = words.next()?;
    let name = ["struct", "enum", "trait"].contains(&kind).then(|| words.next())??;
    let name = first_word(name);
    let last = name.rfind(|c: char| c.is_uppercase()).unwrap_or(0);
    Some(name[last..].to_lowercase())
}

/// The words of every folder and file name below the first folder.
fn path_words(path: &Path) -> Vec<String> {
    let without_extension = path.with_extension("");
    without_extension
        .iter()
        .skip(1)
        .flat_map(|part| part.to_string_lossy().split('_').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
