//! What an import did, for people and for programs.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::ingest::{Outcome, Taken};

/// Skipped articles that are named; the rest is counted.
const NAMED_MAX: usize = 200;
/// Different reasons, notes and removals that are kept.
const KINDS_MAX: usize = 1000;

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// True when nothing was written.
    pub dry_run: bool,
    /// New articles.
    pub taken: usize,
    /// Articles that changed.
    pub changed: usize,
    /// Articles as they were.
    pub unchanged: usize,
    /// Articles that were withdrawn here and stay so.
    pub withheld: usize,
    /// Articles that were not taken.
    pub skipped: usize,
    /// How many were skipped for which reason.
    pub skipped_reasons: BTreeMap<String, usize>,
    /// The first ones that were skipped.
    pub skipped_named: Vec<Skipped>,
    /// Items of post types that were not asked for.
    pub other_types: BTreeMap<String, usize>,
    /// What cleaning took out.
    pub removed: BTreeMap<String, usize>,
    /// What was dropped, such as shortcodes of plugins, or referred to but not there.
    pub notes: BTreeMap<String, usize>,
    /// Inputs that broke off or could not be read; what stood before is taken.
    pub broken: Vec<BrokenInput>,
}

/// An article that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which one.
    pub name: String,
    /// Why.
    pub why: String,
}

/// An input that was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenInput {
    /// The input.
    pub input: String,
    /// The line, where lines can be told.
    pub line: Option<u64>,
    /// What is wrong.
    pub why: String,
}

impl Report {
    /// Counts what became of a candidate.
    pub(super) fn add_taken(&mut self, taken: &Taken) {
        match taken.outcome {
            Outcome::Created => self.taken += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Withheld => self.withheld += 1,
        }
        for removal in &taken.removed {
            add(&mut self.removed, &removal.what, removal.count);
        }
    }

    /// Counts and names an article that was not taken.
    pub(super) fn add_skipped(&mut self, name: String, why: String) {
        self.skipped += 1;
        add(&mut self.skipped_reasons, &why, 1);
        if self.skipped_named.len() < NAMED_MAX {
            self.skipped_named.push(Skipped { name, why });
        }
    }

    /// Counts an item of a type that was not asked for.
    pub(super) fn add_other_type(&mut self, kind: &str) {
        add(&mut self.other_types, kind, 1);
    }

    /// Counts something dropped.
    pub(super) fn add_note(&mut self, what: &str, count: usize) {
        let into = if what == "control character" { &mut self.removed } else { &mut self.notes };
        add(into, what, count);
    }

    /// 0 when all inputs were read to their end, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.broken.is_empty())
    }
}

fn add(counts: &mut BTreeMap<String, usize>, what: &str, count: usize) {
    if counts.len() < KINDS_MAX || counts.contains_key(what) {
        *counts.entry(what.to_owned()).or_default() += count;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Dry run: nothing was written.")?;
        }
        writeln!(f, "taken      {:>8}", self.taken)?;
        writeln!(f, "changed    {:>8}", self.changed)?;
        writeln!(f, "unchanged  {:>8}", self.unchanged)?;
        if self.withheld > 0 {
            writeln!(f, "withheld   {:>8}  (withdrawn here)", self.withheld)?;
        }
        writeln!(f, "skipped    {:>8}", self.skipped)?;
        for skipped in self.skipped_named.iter().take(20) {
            writeln!(f, "  {}: {}", skipped.name, skipped.why)?;
        }
        if self.skipped > 20 {
            list(f, "Skipped, by reason", &self.skipped_reasons)?;
        }
        list(f, "Not asked for (--types)", &self.other_types)?;
        list(f, "Taken out", &self.removed)?;
        list(f, "Dropped or missing", &self.notes)?;
        for broken in &self.broken {
            let line = broken.line.map_or(String::new(), |line| format!(" at line {line}"));
            writeln!(f, "BROKEN: {}{line}: {}", broken.input, broken.why)?;
        }
        Ok(())
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, counts: &BTreeMap<String, usize>) -> fmt::Result {
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:")?;
    for (what, count) in counts {
        writeln!(f, "  {count:>7}  {what}")?;
    }
    Ok(())
}
