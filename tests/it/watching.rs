//! What watches jarshy is true: every rule and panel names metrics that exist, every alert is shown
//! to fire and to be silent and has its page in the runbook, every dashboard can be drawn.
//!
//! `tests/deploy/prometheus` asks every one of these questions of a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    deploy::{run, said},
    running::{Running, SETTINGS},
};

const RULES: &str = include_str!("../../deploy/prometheus/jarshy.rules.yml");
const RULE_TESTS: &str = include_str!("../../deploy/prometheus/jarshy.rules.test.yml");
const PROMETHEUS: &str = include_str!("../../deploy/prometheus/prometheus.yml");
const RUNBOOK: &str = include_str!("../../deploy/README.md");
const DASHBOARDS: [(&str, &str); 2] = [
    ("ops", include_str!("../../deploy/grafana/dashboards/ops.json")),
    ("editors", include_str!("../../deploy/grafana/dashboards/editors.json")),
];
/// Prometheus makes these itself.
const NOT_OURS: [&str; 2] = ["up", "ALERTS"];

#[test]
fn promtool_takes_the_rules_and_passes_their_tests() {
    let rules = "deploy/prometheus/jarshy.rules.yml";
    let output = run("promtool", "prometheus", &["check", "rules", rules]);
    assert!(output.status.success(), "{}", said(&output));
    let tests = "deploy/prometheus/jarshy.rules.test.yml";
    let output = run("promtool", "prometheus", &["test", "rules", tests]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(PROMETHEUS.contains("jarshy.rules.yml"), "prometheus.yml does not load the rules");
}

#[test]
fn every_alert_is_shown_to_fire_and_to_be_silent() {
    for (alert, _) in alerts() {
        let fires = format!("\n- name: {alert} fires\n");
        let silent = format!("\n- name: '{alert} is silent: ");
        assert!(RULE_TESTS.contains(&fires), "no test shows {alert} firing");
        assert!(RULE_TESTS.contains(&silent), "no test shows {alert} silent");
        let none = format!("alertname: {alert}, exp_alerts: []}}");
        assert!(RULE_TESTS.contains(&none), "{alert} is nowhere expected to be silent");
    }
}

#[test]
fn every_alert_says_how_bad_what_and_what_to_do() {
    let alerts = alerts();
    assert!(alerts.len() > 20, "{} alerts", alerts.len());
    for (alert, rule) in alerts {
        assert!(
            rule.contains("{severity: page}") || rule.contains("{severity: ticket}"),
            "{alert} has no severity that somebody acts on"
        );
        for annotation in ["summary: '", "description: '"] {
            assert!(rule.contains(annotation), "{alert} has no {annotation}");
        }
        let anchor = format!("deploy/README.md#{}'", alert.to_lowercase());
        assert!(rule.contains(&anchor), "{alert} does not lead to its page: {anchor}");
        let heading = format!("\n### {alert}\n");
        let page = RUNBOOK.split_once(&heading).map(|(_, page)| page.lines().next().unwrap_or(""));
        assert!(page.is_some_and(|p| p.len() > 40), "the runbook has no words under {heading}");
    }
    for heading in RUNBOOK.lines().filter_map(|line| line.strip_prefix("### Jarshy")) {
        assert!(RULES.contains(&format!("alert: Jarshy{heading}\n")), "no alert Jarshy{heading}");
    }
}

#[test]
fn every_metric_of_rules_and_panels_exists() {
    // A source has series once there is one.
    let source = "[[sources]]\nkind = \"feed\"\nname = \"agency\"\nurl = \"http://127.0.0.1:9/\"\n";
    let running = Running::with(&format!("{SETTINGS}{source}"));
    let page = running.metrics();
    let known: BTreeSet<&str> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let recorded: BTreeSet<&str> =
        RULES.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).collect();
    let mut expressions: Vec<String> = RULES
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#']) && !is_annotation(line))
        .map(|line| line.trim_start_matches("- record: ").to_owned())
        .collect();
    for (_, dashboard) in dashboards() {
        expressions.extend(questions(&dashboard));
    }
    let mut seen = 0;
    for name in expressions.iter().flat_map(|expression| metrics_of(expression)) {
        let is_known = known.contains(name) || recorded.contains(name) || NOT_OURS.contains(&name);
        assert!(is_known, "{name} is no metric of jarshy");
        seen += 1;
    }
    assert!(seen > 80, "only {seen} names were found");
}

/// The daemon's own label `job` would be overwritten by the scrape's; it arrives as `exported_job`.
#[test]
fn jobs_are_asked_for_by_the_label_that_arrives() {
    let texts = DASHBOARDS.map(|(_, text)| text).into_iter().chain([RULES]);
    for text in texts {
        for line in text.lines().filter(|line| line.contains("jarshy_job_")) {
            assert!(!line.contains("by (job"), "`job` is the scrape's there: {line}");
        }
    }
    assert!(PROMETHEUS.contains("honor_labels: false"));
}

#[test]
fn dashboards_can_be_drawn() {
    let mut uids = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{name}: uid");
        assert_eq!(dashboard["schemaVersion"], 39, "{name}: Grafana 10 and 11");
        let mut ids = BTreeSet::new();
        let mut cells: BTreeMap<(u64, u64), String> = BTreeMap::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(
                !title.is_empty() && ids.insert(panel["id"].as_u64().unwrap()),
                "{name}: {title}"
            );
            let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
            assert!(at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24, "{name}: {title}");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    let below = cells.insert((x, y), title.to_owned());
                    assert_eq!(below, None, "{name}: {title} lies on another panel");
                }
            }
            if !["row", "text"].contains(&panel["type"].as_str().unwrap()) {
                explained(&name, panel);
            }
        }
        no_gaps(&name, &cells);
    }
}

/// A panel without words or unit is a riddle at night.
fn explained(dashboard: &str, panel: &Value) {
    let title = &panel["title"];
    let description = panel["description"].as_str().unwrap_or_default();
    assert!(description.len() > 9, "{dashboard}: {title} has no description");
    assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{dashboard}: {title}: unit");
    let targets = panel["targets"].as_array().unwrap();
    assert!(!targets.is_empty(), "{dashboard}: {title} asks nothing");
    let mut names = BTreeSet::new();
    for target in targets {
        assert!(names.insert(target["refId"].as_str().unwrap()), "{dashboard}: {title}: refId");
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{dashboard}: {title}");
    }
}

/// Every row of the grid that is begun is filled.
fn no_gaps(dashboard: &str, cells: &BTreeMap<(u64, u64), String>) {
    let rows: BTreeSet<u64> = cells.keys().map(|(_, y)| *y).collect();
    for y in rows {
        let filled = (0..24).filter(|x| cells.contains_key(&(*x, y))).count();
        assert_eq!(filled, 24, "{dashboard}: there is a hole in line {y} of the grid");
    }
}

#[test]
fn grafana_finds_what_is_provisioned() {
    let datasource = include_str!("../../deploy/grafana/provisioning/datasources/prometheus.yml");
    let provider = include_str!("../../deploy/grafana/provisioning/dashboards/jarshy.yml");
    let compose = include_str!("../../deploy/compose.yaml");
    let folder = "/var/lib/grafana/dashboards/jarshy";
    assert!(provider.contains(&format!("path: {folder}")) && compose.contains(folder));
    assert!(
        datasource.contains("uid: prometheus") && datasource.contains("http://prometheus:9090")
    );
    let uids: Vec<_> = dashboards().into_iter().map(|(_, d)| d["uid"].clone()).collect();
    for (name, dashboard) in dashboards() {
        let first = &dashboard["templating"]["list"][0];
        assert_eq!((&first["name"], &first["type"]), (&"datasource".into(), &"datasource".into()));
        for link in dashboard["links"].as_array().unwrap() {
            let Some(uid) = link["url"].as_str().unwrap().strip_prefix("/d/") else { continue };
            assert!(uids.contains(&uid.into()), "{name} links to {uid}, which is not there");
        }
    }
}

/// Name and text of each alert.
fn alerts() -> Vec<(&'static str, &'static str)> {
    let rules = RULES.split("\n  - alert: ").skip(1);
    rules.map(|rule| rule.split_once('\n').unwrap()).collect()
}

fn is_annotation(line: &str) -> bool {
    ["summary:", "description:", "runbook_url:", "- alert:", "- name:"]
        .iter()
        .any(|key| line.starts_with(key))
}

fn dashboards() -> Vec<(String, Value)> {
    let read = |(name, text): (&str, &str)| (name.to_owned(), serde_json::from_str(text).unwrap());
    DASHBOARDS.map(read).into_iter().collect()
}

/// Every expression: of panels, variables and annotations.
fn questions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let asked = targets.chain(annotations).map(|target| &target["expr"]);
    let asked = asked.chain(variables.map(|variable| &variable["definition"]));
    asked.filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// What looks like a metric: ours, the process's, and what Prometheus makes.
fn metrics_of(expression: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = expression.split(|c| !is_part(c));
    let is_metric = |word: &&str| {
        word.contains("jarshy_") || word.starts_with("process_") || NOT_OURS.contains(word)
    };
    words.filter(is_metric).collect()
}
