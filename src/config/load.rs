//! Stub, replaced by the loader.
use super::Config;
use std::path::{Path, PathBuf};

/// Flags that change single keys.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `store.data`.
    pub data: Option<PathBuf>,
    /// `public.listen`.
    pub listen: Option<String>,
    /// `ops.listen`.
    pub ops_listen: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `jarshy.toml:12`, or the name of an environment variable or flag.
    pub at: String,
    /// The key, for example `feeds[0].slug`.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

/// Everything that is wrong with the settings, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} setting(s) are wrong", .0.len())]
pub struct ConfigErrors(pub Vec<Fault>);

/// Reads the file (default `/etc/jarshy/jarshy.toml` where there is one) and the environment.
pub fn load(_file: Option<&Path>, _flags: &Overrides) -> Result<Config, ConfigErrors> {
    unimplemented!()
}

/// Builds the settings from a text named `name`, without files and environment.
pub fn parse(
    _text: &str,
    _name: &str,
    _env: &[(String, String)],
    _flags: &Overrides,
) -> Result<Config, ConfigErrors> {
    unimplemented!()
}
