//! What the binary tells about itself: the settings reference, the manual pages and the completions
//! are made from the code, so they name what there is, all of it, and each why.

use std::process::{Command, Stdio};

use jarshy::config::{self, Overrides};
use serde_json::Value;

const JARSHY: &str = env!("CARGO_BIN_EXE_jarshy");
const DEFAULTS: &str = include_str!("../../config/default.toml");

fn jarshy(arguments: &[&str]) -> String {
    let output = Command::new(JARSHY).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn sections() -> Vec<Value> {
    let told: Value = serde_json::from_str(&jarshy(&["settings", "--json"])).unwrap();
    told.as_array().unwrap().clone()
}

fn keys(section: &Value) -> &Vec<Value> {
    section["keys"].as_array().unwrap()
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{value} has no {name}"))
}

#[test]
fn every_key_of_the_defaults_is_in_the_reference_with_a_why() {
    let sections = sections();
    let defaults: toml::Table = toml::from_str(DEFAULTS).unwrap();
    for (name, table) in &defaults {
        let section = sections.iter().find(|s| word(s, "section") == name);
        let section = section.unwrap_or_else(|| panic!("[{name}] is missing"));
        for (key, default) in table.as_table().unwrap() {
            let told = keys(section).iter().find(|k| word(k, "key") == key);
            let told = told.unwrap_or_else(|| panic!("{name}.{key} is missing"));
            assert_eq!(told["default"], serde_json::to_value(default).unwrap(), "{name}.{key}");
        }
    }
    for section in &sections {
        let name = word(section, "section");
        assert!(!keys(section).is_empty(), "{name} has no keys");
        for key in keys(section) {
            assert!(!word(key, "why").is_empty(), "{name}.{} has no why", word(key, "key"));
            assert!(!word(key, "type").is_empty());
        }
    }
}

/// Which tables may be repeated, and that their documented keys are really taken: the settings say
/// of a key that is none so.
#[test]
fn declared_feeds_are_in_the_reference_with_their_nested_keys() {
    let sections = sections();
    let feeds = sections.iter().find(|s| s["section"] == "feeds").unwrap();
    assert_eq!(feeds["repeated"], true);
    let names: Vec<_> = keys(feeds).iter().map(|key| word(key, "key")).collect();
    for name in ["slug", "title", "schedule", "select.sections", "select.max_age"] {
        assert!(names.contains(&name), "{name} is missing of {names:?}");
    }
    let refusals = config::parse("[[feeds]]\nslug = \"a\"\nx = 1", "f", &[], &Overrides::default());
    assert!(refusals.unwrap_err().0[0].what.contains("there is no such key"));
}

#[test]
fn every_variable_of_the_reference_sets_its_key() {
    let sections = sections();
    let plain = sections.iter().filter(|section| section["repeated"] == false);
    let mut variables: Vec<(String, String)> = Vec::new();
    for key in plain.flat_map(keys) {
        // Text as it is, everything else as TOML writes it.
        let value = match &key["default"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        variables.push((word(key, "environment").to_owned(), value));
    }
    let plain = config::parse("", "none", &[], &Overrides::default()).unwrap();
    assert_eq!(config::parse("", "none", &variables, &Overrides::default()).unwrap(), plain);
    let misspelt = vec![("JARSHY_SITE__TITEL".to_owned(), "x".to_owned())];
    assert!(config::parse("", "none", &misspelt, &Overrides::default()).is_err());
}

#[test]
fn text_and_markdown_hold_every_key_too() {
    let (text, markdown) = (jarshy(&["settings"]), jarshy(&["settings", "--markdown"]));
    for section in sections() {
        for key in keys(&section) {
            let name = word(key, "key");
            assert!(text.contains(&format!("\n{name} = ")), "{name} is not in the text");
            assert!(markdown.contains(&format!("\n| `{name}` | ")), "{name} is not in Markdown");
        }
    }
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let rows: Vec<_> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 60 && rows.iter().all(|row| cells(row) == 5), "a row is broken");
    assert!(!text.lines().any(|line| line.chars().count() > 160), "a line is too long to read");
}

#[test]
fn the_manual_names_every_command_and_option() {
    let manual = rendered(&["man"]);
    for command in ["demo", "serve", "check", "import wxr", "token create", "settings", "man"] {
        assert!(manual.contains(&format!("jarshy {command}")), "{command} is not in the manual");
    }
    for words in ["--config", "--ops-listen", "EXIT STATUS", "SIGHUP", "/etc/jarshy/jarshy.toml"] {
        assert!(manual.contains(words), "{words} is not in the manual");
    }
    let settings = rendered(&["man", "--settings"]);
    for section in sections() {
        for key in keys(&section) {
            assert!(settings.contains(&format!("{} = ", word(key, "key"))), "{key} is missing");
        }
    }
}

/// As a person sees the page. Warnings of the formatter are failures.
fn rendered(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    std::fs::write(&page, jarshy(arguments)).unwrap();
    let output = Command::new("man")
        .args(["--warnings=w", "-Tutf8", "-E", "UTF-8", "--local-file"])
        .arg(&page)
        .env_remove("MAN_KEEP_FORMATTING")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("man cannot be run: {e}; install the package `man-db`"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{arguments:?}: {complaints}");
    let printed = String::from_utf8(output.stdout).unwrap();
    // Bold is a letter struck twice.
    let mut text = String::new();
    for letter in printed.chars() {
        if letter == '\u{8}' {
            text.pop();
        } else {
            text.push(letter);
        }
    }
    text.replace(['\u{2010}', '\u{2212}'], "-")
}

#[test]
fn bash_completes_commands_and_options() {
    let script = jarshy(&["completions", "bash"]);
    let ask = |line: &str, word: &str, before: &str| {
        let words = line.split(' ').count() - 1;
        let program = format!(
            "{script}\nCOMP_WORDS=({line}) COMP_CWORD={words}\n_jarshy jarshy '{word}' '{before}'\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask("jarshy se", "se", "jarshy"), "serve\nsettings\n");
    assert!(ask("jarshy serve --op", "--op", "serve").contains("--ops-listen"));
}

#[test]
fn every_shell_gets_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = jarshy(&["completions", shell]);
        for command in ["demo", "import", "settings", "completions"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    let output = Command::new(JARSHY).args(["completions", "tcsh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
