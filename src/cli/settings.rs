//! `jarshy settings`: the reference of all settings, made from the compiled-in defaults and the
//! parsers. It tells what there is, not what a daemon has; `jarshy check` judges a file.

use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::{Failure, Which, print, say};
use crate::config::{self, KeyReference, SectionReference};

/// Writes every setting with its type, default, environment variable and why.
#[derive(Args, Debug)]
pub struct SettingsArgs {
    /// Write JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Write Markdown
    #[arg(long)]
    markdown: bool,
}

/// How settings are given, before the list.
pub(super) const INTRODUCTION: &str = "Every setting, with its default. A setting is a key of the \
file (--config FILE, else /etc/jarshy/jarshy.toml), or a variable of the environment, or one of the \
flags --data, --listen and --ops-listen; the later wins. Durations are written \"500ms\" \"30s\" \
\"10m\" \"1h\" \"7d\", sizes \"64 KiB\" \"8 MiB\". What stands in double brackets can be declared many \
times, in the file alone; its values below are examples.";

/// Runs the command.
pub async fn run(_: &Which, args: SettingsArgs) -> Result<(), Failure> {
    let sections = config::reference();
    match args {
        SettingsArgs { json: true, .. } => say(as_json(&sections)),
        SettingsArgs { markdown: true, .. } => print(as_markdown(&sections).as_bytes()),
        SettingsArgs { .. } => print(as_text(&sections).as_bytes()),
    }
}

/// `[public]`, `[[feeds]]`, `[[sources]] of kind "feed"`.
pub(super) fn heading(section: &SectionReference) -> String {
    let name = &section.name;
    let kind = section.keys.iter().find(|key| section.is_repeated && key.name == "kind");
    match (section.is_repeated, kind) {
        (false, _) => format!("[{name}]"),
        (true, None) => format!("[[{name}]]"),
        (true, Some(kind)) => format!("[[{name}]] of kind {}", kind.written),
    }
}

/// Type and bounds, and the variable.
pub(super) fn notes(key: &KeyReference) -> (String, Option<&str>) {
    let accepts = key.accepts.as_ref().map_or_else(String::new, |words| format!(", {words}"));
    (format!("{}{accepts}", key.kind), key.variable.as_deref())
}

fn as_text(sections: &[SectionReference]) -> String {
    let mut text = String::new();
    for line in wrapped(INTRODUCTION, 92) {
        let _ = writeln!(text, "{line}");
    }
    for section in sections {
        let _ = writeln!(text, "\n{}", heading(section));
        if !section.why.is_empty() {
            let _ = writeln!(text, "    {}", section.why);
        }
        for key in &section.keys {
            let (kind, variable) = notes(key);
            let variable = variable.map_or_else(String::new, |name| format!("; {name}"));
            let _ = writeln!(text, "{} = {}", key.name, key.written);
            let _ = writeln!(text, "    {}\n    ({kind}{variable})", key.why);
        }
    }
    text
}

fn as_markdown(sections: &[SectionReference]) -> String {
    let mut text = format!("# Settings of jarshy {}\n\n", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "{INTRODUCTION}");
    for section in sections {
        let value = if section.is_repeated { "example" } else { "default" };
        let _ = writeln!(text, "\n## {}\n", heading(section));
        if !section.why.is_empty() {
            let _ = writeln!(text, "{}\n", section.why);
        }
        let _ = writeln!(text, "| key | {value} | type | why |\n|---|---|---|---|");
        for key in &section.keys {
            let cells = [format!("`{}`", key.name), format!("`{}`", key.written), notes(key).0];
            let cells = cells.map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(text, "| {} | {} |", cells.join(" | "), key.why.replace('|', "\\|"));
        }
    }
    text
}

fn as_json(sections: &[SectionReference]) -> serde_json::Value {
    let key = |key: &KeyReference| {
        json!({
            "key": key.name,
            "type": key.kind,
            "accepts": key.accepts,
            "default": key.value,
            "why": key.why,
            "environment": key.variable,
        })
    };
    let section = |section: &SectionReference| {
        json!({
            "section": section.name,
            "repeated": section.is_repeated,
            "why": section.why,
            "keys": section.keys.iter().map(key).collect::<Vec<_>>(),
        })
    };
    sections.iter().map(section).collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{word}");
        }
    }
    lines
}
