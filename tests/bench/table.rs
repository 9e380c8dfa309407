//! Lines of a run in, one Markdown table out: medians over rounds, ratios of the same round.
//!
//! A line begins with `kind/case/server` and its numbers stand in the order in which `load`,
//! `publish` and `run` print them.

use std::{collections::BTreeMap, fs};

use anyhow::Context;

use crate::arguments::Arguments;

/// The numbers of one line.
type Numbers = Vec<f64>;
/// Rounds in the order of the file, by `kind/case/server`.
type Lines = BTreeMap<String, Vec<Numbers>>;

const OURS: &str = "jarshy";

/// Prints the table of the file's lines.
pub fn print(arguments: &Arguments) -> anyhow::Result<()> {
    let file = arguments.rest.first().context("name the file of lines")?;
    let lines = read(&fs::read_to_string(file)?);
    println!("| measured | jarshy | beside | ratio | per CPU-second | ratio | reach |");
    println!("|---|---|---|---|---|---|---|");
    for case in ["40 kB gzip", "6 kB gzip", "304"] {
        rates(&lines, &format!("feeds/{case}"), "nginx", "≥ 1.0");
        rates(&lines, &format!("feeds/{case}"), "bare hyper", "≥ 0.95");
    }
    publishes(&lines);
    renders(&lines);
    regenerations(&lines);
    rates(&lines, "views/64 connections", "log file", "≥ 0.9");
    rates(&lines, "views/64 connections", "nothing kept", "");
    starts(&lines);
    imports(&lines);
    idle(&lines);
    Ok(())
}

fn read(text: &str) -> Lines {
    let mut lines = Lines::new();
    for line in text.lines() {
        let mut columns = line.split('\t');
        let label = columns.next().unwrap_or_default().to_owned();
        let numbers = columns.map(|number| number.parse().unwrap_or(f64::NAN)).collect();
        lines.entry(label).or_default().push(numbers);
    }
    lines
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

fn per_second(round: &Numbers) -> f64 {
    column(round, 0) / column(round, 1)
}

fn per_cpu_second(round: &Numbers) -> f64 {
    column(round, 0) / column(round, 2)
}

fn column(round: &Numbers, at: usize) -> f64 {
    round.get(at).copied().unwrap_or(f64::NAN)
}

fn medians(rounds: &[Numbers], number: fn(&Numbers) -> f64) -> f64 {
    median(rounds.iter().map(number).collect())
}

fn ratio(ours: &[Numbers], theirs: &[Numbers], number: fn(&Numbers) -> f64) -> f64 {
    median(ours.iter().zip(theirs).map(|(a, b)| number(a) / number(b)).collect())
}

/// A row of requests per second and per CPU-second beside the best server whose name begins so.
fn rates(lines: &Lines, case: &str, beside: &str, reach: &str) {
    let Some(ours) = lines.get(&format!("{case}/{OURS}")) else { return };
    let prefix = format!("{case}/{beside}");
    let servers = || lines.iter().filter(|(label, _)| label.starts_with(&prefix));
    let best = |number: fn(&Numbers) -> f64| {
        servers().max_by(|a, b| medians(a.1, number).total_cmp(&medians(b.1, number)))
    };
    let (Some((name, fastest)), Some((_, leanest))) = (best(per_second), best(per_cpu_second))
    else {
        return;
    };
    let name = name.rsplit('/').next().unwrap_or_default();
    println!(
        "| {}, a second{} | {} | {name} {} | **{:.2}** | {} beside {} | **{:.2}** | {reach} |",
        case.replace('/', ", "),
        unexpected(ours),
        thousands(medians(ours, per_second)),
        thousands(medians(fastest, per_second)),
        ratio(ours, fastest, per_second),
        thousands(medians(ours, per_cpu_second)),
        thousands(medians(leanest, per_cpu_second)),
        ratio(ours, leanest, per_cpu_second),
    );
}

fn unexpected(rounds: &[Numbers]) -> String {
    match rounds.iter().map(|round| column(round, 7)).sum::<f64>() {
        0.0 => String::new(),
        count => format!(" ({count} UNEXPECTED ANSWERS)"),
    }
}

fn thousands(number: f64) -> String {
    match number {
        number if number.is_finite() => format!("{:.1}k", number / 1000.0),
        _ => "?".into(),
    }
}

fn publishes(lines: &Lines) {
    let mut gzip_p99 = Vec::new();
    for (label, rounds) in lines.iter().filter(|(label, _)| label.starts_with("publish/")) {
        let Some(numbers) = rounds.first() else { continue };
        for (encoding, at) in [("identity", 1), ("gzip", 3)] {
            println!(
                "| {} to 5 feeds, {encoding} | p50 {:.1} ms, p99 {:.1} ms | | | | | p99 ≤ 50 ms |",
                label.replace('/', ", "),
                column(numbers, at),
                column(numbers, at + 1),
            );
        }
        gzip_p99.push((label, column(numbers, 3), column(numbers, 4)));
    }
    let Some(((_, p50, p99), larger)) = gzip_p99.split_first() else { return };
    for (label, larger_p50, larger_p99) in larger {
        println!(
            "| {} to the fewest | | | p50 {:.2}, p99 {:.2} | | | ≤ 1.5 |",
            label.replace('/', ", "),
            larger_p50 / p50,
            larger_p99 / p99,
        );
    }
}

/// Milliseconds of one document, beside templates and the bare crate.
fn renders(lines: &Lines) {
    let milliseconds = |round: &Numbers| column(round, 1) / column(round, 0) * 1000.0;
    for (label, ours) in lines.iter().filter(|(l, _)| l.starts_with("render/") && l.ends_with(OURS))
    {
        for beside in ["templates", "bare crate"] {
            let Some(theirs) = lines.get(&label.replace(OURS, beside)) else { continue };
            let case = label.trim_end_matches(OURS).trim_end_matches('/').replace('/', " ");
            let kilobytes = |rounds: &[Numbers]| medians(rounds, |r| column(r, 2)) / 1000.0;
            println!(
                "| {case} | {:.2} ms ({:.0} kB) | {beside} {:.2} ms ({:.0} kB) | **{:.2}** | | | |",
                medians(ours, milliseconds),
                kilobytes(ours),
                medians(theirs, milliseconds),
                kilobytes(theirs),
                ratio(theirs, ours, milliseconds),
            );
        }
    }
}

fn regenerations(lines: &Lines) {
    for (label, rounds) in lines.iter().filter(|(label, _)| label.starts_with("regenerate/")) {
        println!(
            "| {} | first {:.2} s, all {:.2} s | | | | | |",
            label.replace('/', ", "),
            medians(rounds, |r| column(r, 0)) / 1000.0,
            medians(rounds, |r| column(r, 1)) / 1000.0,
        );
    }
}

fn starts(lines: &Lines) {
    for (label, rounds) in lines.iter().filter(|(label, _)| label.starts_with("start/")) {
        let what = label.replace('/', ", ");
        let first = medians(rounds, |round| column(round, 0));
        let (resident, peak) = (
            medians(rounds, |r| column(r, 1) / 1024.0),
            medians(rounds, |r| column(r, 2) / 1024.0),
        );
        println!("| {what}, first feed | {:.2} s | | | | | ≤ 2 s |", first / 1000.0);
        println!("| {what}, resident (peak) | {resident:.0} ({peak:.0}) MiB | | | | | ≤ 200 MiB |");
    }
}

/// Articles a second and peak memory, of one export and of many.
fn imports(lines: &Lines) {
    let ours = || lines.iter().filter(|(l, _)| l.starts_with("import/") && l.ends_with(OURS));
    let peaks: Vec<f64> = ours().map(|(_, rounds)| medians(rounds, |r| column(r, 3))).collect();
    for (label, rounds) in ours() {
        let reader = label.replace(OURS, "xmllint");
        let seconds = |rounds: &[Numbers]| medians(rounds, |r| column(r, 1));
        let read = lines.get(&reader).map_or(f64::NAN, |r| seconds(r));
        let articles = medians(rounds, |r| column(r, 0));
        println!(
            "| {articles} articles from WXR, a second (peak) | {:.0} ({:.0} MiB) | xmllint only reads, {:.0} | **{:.2}** | | | |",
            articles / seconds(rounds),
            medians(rounds, |r| column(r, 3)) / 1024.0,
            articles / read,
            read / seconds(rounds),
        );
    }
    if let [one, many] = peaks[..] {
        println!("| import, peak memory of many to one | | | {:.2} | | | flat |", many / one);
    }
}

/// Beside ten thousand idle and two hundred slow connections.
fn idle(lines: &Lines) {
    let line = |name: &str| lines.get(&format!("idle/{name}"));
    let (Some(alone), Some(beside), Some(memory)) = (line("alone"), line("beside"), line("memory"))
    else {
        return;
    };
    let p99 = |round: &Numbers| column(round, 5) / 1000.0;
    println!(
        "| feed GET beside 10,000 idle and 200 slow connections{}, p99 | {:.2} ms | alone {:.2} ms | \
         **{:.2}** | | | ≤ 50 ms |",
        unexpected(beside),
        medians(beside, p99),
        medians(alone, p99),
        ratio(beside, alone, p99),
    );
    println!(
        "| the same, a second | {} | alone {} | **{:.2}** | {} beside {} | **{:.2}** | |",
        thousands(medians(beside, per_second)),
        thousands(medians(alone, per_second)),
        ratio(beside, alone, per_second),
        thousands(medians(beside, per_cpu_second)),
        thousands(medians(alone, per_cpu_second)),
        ratio(beside, alone, per_cpu_second),
    );
    // The first round's: later ones find memory that was used before.
    let Some(first) = memory.first() else { return };
    let [before, with] = [0, 2].map(|at| column(first, at));
    println!(
        "| the same, resident | {:.0} MiB | before {:.0} MiB | | {:.1} KiB a connection | | ≤ 20 KiB |",
        with / 1024.0,
        before / 1024.0,
        (with - before) / 10_200.0,
    );
}
