//! `--name value` and nothing more.

use std::{collections::HashMap, net::SocketAddr, str::FromStr};

use anyhow::{Context, bail};

/// Named arguments; a name without a value is a flag.
pub struct Arguments {
    named: HashMap<String, String>,
    /// What has no name.
    pub rest: Vec<String>,
}

impl Arguments {
    /// The command and its arguments.
    pub fn read(words: impl Iterator<Item = String>) -> anyhow::Result<(String, Arguments)> {
        let mut words = words.peekable();
        let command = words.next().unwrap_or_default();
        let mut arguments = Arguments { named: HashMap::new(), rest: Vec::new() };
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some(name) => {
                    let value = words.next_if(|w| !w.starts_with("--")).unwrap_or_default();
                    arguments.named.insert(name.to_owned(), value);
                }
                None => arguments.rest.push(word),
            }
        }
        Ok((command, arguments))
    }

    /// True when it was given, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The text that must be there.
    pub fn text(&self, name: &str) -> anyhow::Result<&str> {
        match self.named.get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => bail!("--{name} is missing"),
        }
    }

    /// The address that must be there.
    pub fn address(&self, name: &str) -> anyhow::Result<SocketAddr> {
        let text = self.text(name)?;
        text.parse().with_context(|| format!("--{name} {text} is no address with a port"))
    }

    /// The number, or `default`.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        match self.named.get(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) => Ok(number),
                Err(_) => bail!("--{name} {text} is no number"),
            },
        }
    }
}
