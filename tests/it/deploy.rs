//! The shipped deployment is true: the unit is valid and locked in, its command line exists, its
//! paths and limits agree with the settings, and Prometheus takes its configuration.
//!
//! A tool that is missing fails the test with the name of its package; `tests/run` installs it.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use jarshy::config::{self, Config, Overrides};

const UNIT: &str = include_str!("../../deploy/systemd/jarshy.service");
const README: &str = include_str!("../../deploy/README.md");
const TARGETS: &str = include_str!("../../deploy/prometheus/targets.yml");
const NEWSROOM: &str = include_str!("../../config/newsroom.toml");
const JARSHY: &str = env!("CARGO_BIN_EXE_jarshy");

/// Where the unit and the instructions put the binary and its settings.
const INSTALLED: &str = "/usr/local/bin/jarshy";
const SETTINGS: &str = "/etc/jarshy/jarshy.toml";
/// `StateDirectory=jarshy`.
const STATE: &str = "/var/lib/jarshy";

/// Tenths: 1.5 of 10, where a service without any protection has 9.6.
const EXPOSURE_MAX: &str = "15";

#[test]
fn systemd_takes_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit_for_this_build(folder.path());
    let output = run("systemd-analyze", "systemd", &["verify", "--man=no", &unit]);
    let said = said(&output);
    assert!(output.status.success(), "systemd-analyze verify refuses the unit: {said}");
    assert!(!said.contains("jarshy.service"), "systemd-analyze verify complains: {said}");
}

#[test]
fn systemd_complains_about_a_broken_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jarshy.service");
    fs::write(&path, UNIT.replace("ProtectSystem=strict", "ProtectSystm=strict")).unwrap();
    let output = run("systemd-analyze", "systemd", &["verify", "--man=no", &text(&path)]);
    assert!(said(&output).contains("ProtectSystm"), "verify does not see a misspelt key");
}

#[test]
fn the_unit_is_locked_in() {
    let folder = tempfile::tempdir().unwrap();
    let unit = unit_for_this_build(folder.path());
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let arguments = ["security", "--offline=yes", "--no-pager", &threshold, &unit];
    let output = run("systemd-analyze", "systemd", &arguments);
    assert!(output.status.success(), "the exposure is above {EXPOSURE_MAX}: {}", said(&output));
}

#[test]
fn every_command_of_the_unit_exists() {
    let mut seen = 0;
    for command in ours(UNIT) {
        let (subcommand, options) = command.split_first().expect("a command has a name");
        let help = run(JARSHY, "jarshy", &[subcommand, "--help"]);
        let help = String::from_utf8(help.stdout).unwrap();
        for option in options.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option), "`jarshy {subcommand}` has no {option}: {help}");
            seen += 1;
        }
    }
    assert!(seen >= 2, "the unit no longer starts and checks jarshy with options");
}

#[test]
fn unit_instructions_and_settings_name_the_same_paths() {
    for command in ours(UNIT) {
        let at = command.iter().position(|word| word == "--config").expect("settings are named");
        assert_eq!(command.get(at + 1).map(String::as_str), Some(SETTINGS));
    }
    assert_eq!(value("StateDirectory"), "jarshy");
    assert_eq!(newsroom().store.data, PathBuf::from(STATE));
    for path in [SETTINGS, "/usr/local/bin/", STATE, "deploy/systemd/jarshy.service"] {
        assert!(README.contains(path), "deploy/README.md does not say {path}");
    }
    for path in repository_paths(README) {
        assert!(Path::new(&path).exists(), "deploy/README.md names {path}, which does not exist");
    }
}

#[test]
fn the_unit_gives_the_daemon_what_the_settings_need() {
    let limits = &newsroom().limits;
    let files: usize = value("LimitNOFILE").parse().unwrap();
    assert!(files > 2 * limits.connections_max, "two full listeners need more files");
    let stop = Duration::from_secs(value("TimeoutStopSec").parse().unwrap());
    assert!(stop >= 2 * limits.drain_timeout, "a drain and the last fold need longer");
    assert_eq!(value("LimitCORE"), "0");
    assert_eq!(value("Type"), "notify");
    // /proc/stat, without which the start time is missing from the metrics.
    assert!(!UNIT.lines().any(|line| line.starts_with("ProcSubset=pid")));
}

#[test]
fn prometheus_takes_its_configuration() {
    let arguments = ["check", "config", "deploy/prometheus/prometheus.yml"];
    let output = run("promtool", "prometheus", &arguments);
    assert!(output.status.success(), "promtool refuses it: {}", said(&output));
    assert!(TARGETS.contains(&format!("\"{}\"", newsroom().ops.listen)), "wrong target");
}

/// The unit with the binary that was just built, so that `verify` finds it. It checks paths too.
fn unit_for_this_build(folder: &Path) -> String {
    let path = folder.join("jarshy.service");
    assert!(UNIT.contains(INSTALLED));
    fs::write(&path, UNIT.replace(INSTALLED, JARSHY)).unwrap();
    text(&path)
}

/// The command lines of the unit that run jarshy, without its own path.
fn ours(unit: &str) -> Vec<Vec<String>> {
    unit.lines()
        .filter_map(|line| line.strip_prefix("Exec")?.split_once('='))
        .filter_map(|(_, command)| command.strip_prefix(INSTALLED))
        .map(|rest| rest.split_whitespace().map(str::to_owned).collect())
        .collect()
}

fn value(key: &str) -> &'static str {
    let found = UNIT.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("the unit has no {key}"))
}

/// What the instructions say stands in the repository: `deploy/…`, `config/…`.
fn repository_paths(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    text.split(|c| !is_part(c))
        .filter(|word| word.starts_with("deploy/") || word.starts_with("config/"))
        .map(str::to_owned)
        .collect()
}

fn newsroom() -> Config {
    config::parse(NEWSROOM, "newsroom.toml", &[], &Overrides::default()).unwrap()
}

pub fn run(tool: &str, package: &str, arguments: &[&str]) -> Output {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{tool} is missing: install the package `{package}`, or let tests/run do it")
        }
        Err(error) => panic!("{tool} cannot be run: {error}"),
    }
}

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
