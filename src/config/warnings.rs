//! What is allowed but hardly meant. Pure: the caller says which sections articles have.

use std::fmt;

use super::{Config, value::nearest};

/// Something that works as written, and hardly as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key, for example `feeds[0].select.sections`.
    pub key: String,
    /// What is odd, and the nearest name.
    pub what: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

/// Selected sections that no article has; `known_sections` are those that articles have.
pub fn warnings<S: AsRef<str>>(config: &Config, known_sections: &[S]) -> Vec<Warning> {
    let known = || known_sections.iter().map(AsRef::as_ref);
    let mut warnings = Vec::new();
    for (number, feed) in config.feeds.iter().enumerate() {
        for section in feed.select.sections.iter().filter(|s| !known().any(|k| k == s.as_str())) {
            let meant = nearest(section, known())
                .map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"));
            warnings.push(Warning {
                key: format!("feeds[{number}].select.sections"),
                what: format!(
                    "no article has the section \"{section}\", which the feed {} selects{meant}",
                    feed.slug
                ),
            });
        }
    }
    warnings
}
