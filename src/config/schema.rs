//! Which settings there are, and reading them by key. `default.toml` is the schema: a key that is
//! not in it is a fault that names the nearest one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    layers::{At, Entry, Found, Plain, read_toml},
    load::Fault,
    value::{self, Parsed},
};

/// Tables that the file may repeat; they have schemas of their own.
const REPEATED: [&str; 2] = ["feeds", "sources"];

/// Everything that is wrong, in the order in which a reader finds it.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(At, Fault)>);

impl Faults {
    pub(super) fn add(&mut self, at: &At, key: &str, what: impl Into<String>) {
        let fault = Fault { at: at.to_string(), key: key.to_owned(), what: what.into() };
        self.0.push((at.clone(), fault));
    }

    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        self.0.into_iter().map(|(_, fault)| fault).collect()
    }
}

/// All layers, the later ones over the earlier, and what is wrong with them so far.
#[derive(Debug)]
pub(super) struct Sheet {
    defaults: BTreeMap<String, Found>,
    given: BTreeMap<String, Found>,
    repeated: BTreeMap<&'static str, Vec<Found>>,
    pub(super) faults: Faults,
    read: BTreeSet<&'static str>,
    accepts: Option<BTreeMap<&'static str, String>>,
}

impl Sheet {
    /// A sheet that holds only the defaults.
    pub(super) fn new(defaults: &str) -> Sheet {
        let (entries, errors) = read_toml(defaults, At::defaults);
        let mut faults = Faults::default();
        errors.iter().for_each(|(at, why)| faults.add(at, "", why.clone()));
        let mut flat = BTreeMap::new();
        for section in entries {
            let Plain::Table(keys) = section.found.value else { continue };
            let full = |entry: Entry| (format!("{}.{}", section.key, entry.key), entry.found);
            flat.extend(keys.into_iter().map(full));
        }
        Sheet {
            defaults: flat,
            given: BTreeMap::new(),
            repeated: BTreeMap::new(),
            faults,
            read: BTreeSet::new(),
            accepts: None,
        }
    }

    /// From now on each parser that is asked for is also asked what it takes; see
    /// [`Sheet::into_accepts`].
    pub(super) fn ask_what_is_taken(&mut self) {
        self.accepts = Some(BTreeMap::new());
    }

    /// The bounds or words of each key that has such.
    pub(super) fn into_accepts(self) -> BTreeMap<&'static str, String> {
        self.accepts.unwrap_or_default()
    }

    /// Lays a file over what is there.
    pub(super) fn lay_file(&mut self, text: &str, name: &str) {
        let (entries, errors) = read_toml(text, |line| At::file(name, line));
        errors.into_iter().for_each(|(at, why)| self.faults.add(&at, "", why));
        for section in entries {
            self.lay_section(section);
        }
    }

    fn lay_section(&mut self, section: Entry) {
        if let Some(name) = REPEATED.into_iter().find(|name| *name == section.key) {
            return self.lay_repeated(name, section.found);
        }
        if !self.sections().contains(section.key.as_str()) {
            let what = format!("there is no such section{}", self.advice(&section.key));
            return self.faults.add(&section.at, &section.key, what);
        }
        let Plain::Table(keys) = section.found.value else {
            let what = format!(
                "this is {}, and must be a section: write [{}] and its keys below",
                section.found.value.kind(),
                section.key
            );
            return self.faults.add(&section.at, &section.key, what);
        };
        for entry in keys {
            let key = format!("{}.{}", section.key, entry.key);
            self.lay(&key, entry.at, entry.found.value);
        }
    }

    fn lay_repeated(&mut self, name: &'static str, found: Found) {
        match found.value {
            Plain::List(tables) => {
                self.repeated.insert(name, tables);
            }
            _ => {
                let what = format!("write [[{name}]] with double brackets, once for each");
                self.faults.add(&found.at, name, what);
            }
        }
    }

    /// Lays one value over what is there.
    pub(super) fn lay(&mut self, key: &str, at: At, value: Plain) {
        if self.defaults.contains_key(key) {
            self.given.insert(key.to_owned(), Found { at, value });
        } else {
            let what = format!("there is no such key{}", self.advice(key));
            self.faults.add(&at, key, what);
        }
    }

    /// Lays an environment variable over what is there, if it is one of ours: `JARSHY_` and two
    /// underscores between the levels. Names without them are left alone (container platforms set
    /// `JARSHY_SERVICE_HOST` and the like) unless they are plainly a setting misspelt.
    pub(super) fn lay_variable(&mut self, variable: &str, text: &str) {
        let Some(name) = variable.strip_prefix("JARSHY_") else { return };
        let at = At::environment(variable);
        let key = name.to_lowercase().replacen("__", ".", 1);
        if !key.contains('.') {
            let squeezed = |key: &str| key.replace(['_', '.'], "");
            if let Some(meant) = self.defaults.keys().find(|k| squeezed(k) == squeezed(&key)) {
                let right = variable_name(meant);
                self.faults.add(
                    &at,
                    meant,
                    format!("two underscores divide levels: write {right}"),
                );
            }
            return;
        }
        if REPEATED.iter().any(|r| key.starts_with(&format!("{r}."))) {
            let what = "feeds and sources cannot be set here; declare them in the file";
            return self.faults.add(&at, &key, what);
        }
        self.lay(&key, at, Plain::Raw(text.to_owned()));
    }

    /// The repeated tables of this name, in the order of the file.
    pub(super) fn repeated(&mut self, name: &'static str) -> Vec<Found> {
        self.repeated.remove(name).unwrap_or_default()
    }

    /// The value of a key. A bad one is a fault, and the default stands in so that reading goes on;
    /// `None` only when `default.toml` itself is bad.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Plain) -> Parsed<T>,
    ) -> Option<T> {
        self.get_found(key, |found| parse(&found.value))
    }

    /// As [`Sheet::get`], for each item of a list.
    pub(super) fn get_list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Plain) -> Parsed<T>,
    ) -> Option<Vec<T>> {
        self.get_found(key, |found| {
            let items = value::list(found)?;
            items.iter().map(|item| parse(&item.value)).collect()
        })
    }

    fn get_found<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&Found) -> Parsed<T>,
    ) -> Option<T> {
        self.read.insert(key);
        let Some(default) = self.defaults.get(key) else {
            self.faults.add(&At::defaults(0), key, "the key is missing");
            return None;
        };
        if let Some(accepts) = &mut self.accepts {
            accepts.extend(accepted(&parse).map(|words| (key, words)));
        }
        if let Some(given) = self.given.get(key) {
            match parse(given) {
                Ok(value) => return Some(value),
                Err(why) => {
                    let what = value::with_example(why, &default.value.shown());
                    self.faults.add(&given.at, key, what);
                }
            }
        }
        match parse(default) {
            Ok(value) => Some(value),
            Err(why) => {
                self.faults.add(&default.at, key, why);
                None
            }
        }
    }

    /// Where the value of a key stands.
    pub(super) fn at(&self, key: &str) -> At {
        let found = self.given.get(key).or_else(|| self.defaults.get(key));
        found.map_or_else(|| At::defaults(0), |found| found.at.clone())
    }

    fn sections(&self) -> BTreeSet<&str> {
        self.defaults.keys().filter_map(|key| key.split('.').next()).collect()
    }

    /// Which name may have been meant: a near one, or the same key of another section.
    fn advice(&self, name: &str) -> String {
        if !name.contains('.') {
            let sections = self.sections().into_iter().chain(REPEATED);
            return value::did_you_mean(name, sections);
        }
        let (section, last) = name.split_once('.').unwrap_or((name, ""));
        let keys = || self.defaults.keys().filter_map(|key| key.split_once('.'));
        let siblings = keys().filter(|(of, _)| *of == section).map(|(_, key)| key);
        if let Some(key) = value::nearest(last, siblings) {
            return format!("; did you mean {section}.{key}?");
        }
        let near = |of: &str| strsim::jaro_winkler(of, section);
        let namesakes = keys().filter(|(_, key)| *key == last);
        let meant = namesakes.max_by(|a, b| near(a.0).total_cmp(&near(b.0)));
        meant.map_or_else(String::new, |(of, key)| format!("; did you mean {of}.{key}?"))
    }

    /// Every key there is, such as `site.title`.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        self.defaults.keys()
    }

    /// Keys that were never asked for: they would be accepted and do nothing.
    #[cfg(test)]
    pub(super) fn unread(&self) -> Vec<&str> {
        let keys = self.defaults.keys().map(String::as_str);
        keys.filter(|key| !self.read.contains(key)).collect()
    }
}

/// `public.listen` as an environment variable.
pub(super) fn variable_name(key: &str) -> String {
    format!("JARSHY_{}", key.replace('.', "__").to_uppercase())
}

/// What a parser takes, in its own words: what it says of values that none takes.
fn accepted<T>(parse: &impl Fn(&Found) -> Parsed<T>) -> Option<String> {
    ["-1", "0 B"].into_iter().find_map(|odd| {
        let odd = Found { at: At::defaults(0), value: Plain::Raw(odd.to_owned()) };
        let why = parse(&odd).err()?;
        let words = ["is not between ", "is none of "];
        let (_, rest) = words.into_iter().find_map(|words| why.split_once(words))?;
        Some(rest.replace(" and ", " to "))
    })
}
