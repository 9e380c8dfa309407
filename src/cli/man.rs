//! `jarshy man`: the manual pages, made from the commands and the settings. jarshy(1) holds all
//! commands on one page, jarshy.toml(5) all settings. Installs nothing.

use clap::{Arg, Args, Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

use super::{Cli, Failure, Which, print, settings};
use crate::config;

/// Writes a manual page to standard output.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write jarshy.toml(5), the settings, instead of jarshy(1)
    #[arg(long)]
    settings: bool,
}

/// The same page on every day it is made; an empty word would vanish.
const UNDATED: &str = " ";

const EXIT: [(&str, &str); 4] = [
    ("0", "Done."),
    ("1", "The input or the settings are wrong; standard error says what would be right."),
    ("2", "The command line is wrong."),
    ("3", "The system failed: disk, port, database."),
];
const SIGNALS: [(&str, &str); 2] = [
    ("SIGHUP", "Reads the settings anew; wrong ones are refused with every mistake named."),
    ("SIGTERM, SIGINT", "Finishes answers under way, keeps what was counted, and stops."),
];
const ENVIRONMENT: [(&str, &str); 2] = [
    ("JARSHY_SECTION__KEY", "Sets one key over the file, such as JARSHY_PUBLIC__LISTEN."),
    ("NO_COLOR", "No colours in messages for people."),
];
const FILES: [(&str, &str); 3] = [
    ("/etc/jarshy/jarshy.toml", "The settings, where neither --config nor --data is given."),
    ("DIR/jarshy.toml", "The settings where --data DIR is given without --config."),
    ("jarshy.db, views.db", "Articles and views, in the data folder (store.data)."),
];

/// Runs the command.
pub async fn run(_: &Which, args: ManArgs) -> Result<(), Failure> {
    let page = if args.settings { settings_page()? } else { commands_page()? };
    print(&page)
}

fn commands_page() -> Result<Vec<u8>, Failure> {
    let mut command = Cli::command().subcommand_value_name("COMMAND");
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).manual("jarshy").date(UNDATED);
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    command.get_subcommands().for_each(|sub| add_command(&mut roff, sub, "jarshy"));
    for (title, entries) in [
        ("SIGNALS", &SIGNALS[..]),
        ("EXIT STATUS", &EXIT),
        ("ENVIRONMENT", &ENVIRONMENT),
        ("FILES", &FILES),
    ] {
        add_list(&mut roff, title, entries);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("jarshy.toml"), roman("(5)")]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// A command, or each of its own where it has such.
fn add_command(roff: &mut Roff, command: &Command, parents: &str) {
    let name = format!("{parents} {}", command.get_name());
    let own: Vec<_> = command.get_subcommands().filter(|sub| sub.get_name() != "help").collect();
    if command.get_name() == "help" {
        return;
    }
    if !own.is_empty() {
        return own.into_iter().for_each(|sub| add_command(roff, sub, &name));
    }
    let arguments: Vec<&Arg> = command.get_arguments().filter(|arg| is_own(arg)).collect();
    let positionals = arguments.iter().filter(|arg| arg.is_positional());
    let heading = positionals.fold(name, |text, arg| format!("{text} {}", shown_name(arg)));
    roff.control("SS", [heading.as_str()]);
    let about = command.get_long_about().or(command.get_about());
    roff.text([roman(sentence(&about.map(ToString::to_string).unwrap_or_default()))]);
    for argument in arguments {
        roff.control("TP", []);
        roff.text(label(argument));
        roff.text([roman(sentence(&explained(argument)))]);
    }
}

/// What every command has stands on top.
fn is_own(argument: &Arg) -> bool {
    !argument.is_hide_set()
        && !argument.is_global_set()
        && !["help", "version", "config", "data"].contains(&argument.get_id().as_str())
}

/// `<FILE>...`, `[ARTICLES]...`.
fn shown_name(argument: &Arg) -> String {
    let many = argument.get_num_args().is_some_and(|n| n.max_values() > 1);
    let many = if many { "..." } else { "" };
    let name = argument.get_id().as_str().to_uppercase();
    let names = argument.get_value_names().map(|names| names.join(" "));
    let name = names.unwrap_or(name);
    if argument.is_required_set() { format!("<{name}>{many}") } else { format!("[{name}]{many}") }
}

fn label(argument: &Arg) -> Vec<Inline> {
    let Some(long) = argument.get_long() else { return vec![italic(shown_name(argument))] };
    let mut label = Vec::new();
    if let Some(short) = argument.get_short() {
        label.extend([bold(format!("-{short}")), roman(", ")]);
    }
    label.push(bold(format!("--{long}")));
    if argument.get_action().takes_values() {
        let names = argument.get_value_names().map(|names| names.join(" "));
        label.extend([roman(" "), italic(names.unwrap_or_else(|| long.to_uppercase()))]);
    }
    label
}

/// The help, the words it takes and what it is when left out.
fn explained(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let choices = argument.get_possible_values();
    if argument.get_action().takes_values() && !choices.is_empty() {
        let names: Vec<_> = choices.iter().map(|choice| choice.get_name()).collect();
        text = format!("{text} (one of {})", names.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        text = format!("{text} [default: {}]", defaults.join(" "));
    }
    text
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

fn add_list(roff: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, text) in entries {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*text)]);
    }
}

fn settings_page() -> Result<Vec<u8>, Failure> {
    let version = concat!("jarshy ", env!("CARGO_PKG_VERSION"));
    let mut roff = Roff::new();
    roff.control("TH", ["jarshy.toml", "5", UNDATED, version, "jarshy"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("jarshy.toml - the settings of jarshy")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(settings::INTRODUCTION)]);
    for section in config::reference() {
        roff.control("SH", [settings::heading(&section).as_str()]);
        if !section.why.is_empty() {
            roff.text([roman(sentence(&section.why))]);
        }
        for key in &section.keys {
            let (kind, variable) = settings::notes(key);
            let variable = variable.map_or_else(String::new, |name| format!("; {name}"));
            roff.control("TP", []);
            roff.text([bold(&key.name), roman(" = "), roman(&key.written)]);
            roff.text([roman(format!("{} ({kind}{variable})", sentence(&key.why)))]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("jarshy"), roman("(1)")]);
    let mut page = Vec::new();
    roff.to_writer(&mut page)?;
    Ok(page)
}
