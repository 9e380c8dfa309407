//! The log of the daemon: lines for people on a terminal, one JSON object a line otherwise, always on
//! standard error. `NO_COLOR` is honoured.

use std::{
    env,
    io::{IsTerminal, stderr},
    panic,
};

use anyhow::Context;
use tracing_subscriber::{
    EnvFilter, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::{
    config::{Log, LogFormat},
    web::LogLevel,
};

/// Crates whose notes at `info` are about themselves.
const QUIETER: [(&str, &str); 1] = [("tokio_cron_scheduler", "warn")];

/// A running log.
#[derive(Clone, Debug)]
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Starts the log of this process; a second one is refused.
pub fn start(log: &Log) -> anyhow::Result<LogHandle> {
    let (filter, handle) = reload::Layer::new(filter(&log.level)?);
    let on_terminal = stderr().is_terminal();
    let is_text = match log.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => on_terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = match is_text {
        true => {
            let colored = on_terminal && wants_color(env::var_os("NO_COLOR").as_deref());
            registry.with(fmt::layer().with_ansi(colored).with_writer(stderr)).try_init()
        }
        false => {
            let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
            registry.with(lines.with_span_list(false).with_writer(stderr)).try_init()
        }
    };
    started.context("the log cannot be started twice")?;
    Ok(LogHandle { filter: handle })
}

impl LogHandle {
    /// The level, as the daemon moves it.
    pub fn level(&self, log: &Log) -> LogLevel {
        let handle = self.filter.clone();
        LogLevel::new(&log.level, move |level| {
            let set = filter(level).and_then(|filter| {
                handle.reload(filter).context("the log's level cannot be changed")
            });
            set.map_err(|error| format!("{error:#}"))
        })
    }
}

fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    let quieter = QUIETER.iter().filter(|(target, _)| !level.contains(target));
    let text = quieter.fold(level.to_owned(), |all, (target, at)| format!("{target}={at},{all}"));
    EnvFilter::builder().parse(&text).with_context(|| format!("log.level `{level}` is no filter"))
}

/// As <https://no-color.org> says: any value but an empty one.
fn wants_color(no_color: Option<&std::ffi::OsStr>) -> bool {
    no_color.is_none_or(|value| value.is_empty())
}

/// A panic becomes one line, of the log where there is one.
pub fn catch_panics() {
    panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no reason given");
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(what, at, "a bug of jarshy; please report it");
        } else {
            say_panic(what, &at);
        }
    }));
}

#[expect(clippy::print_stderr, reason = "there is no log that it could go to")]
fn say_panic(what: &str, at: &str) {
    eprintln!("jarshy: a bug, please report it: {what} ({at})");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_given_up_for_any_word_but_an_empty_one() {
        assert!(wants_color(None) && wants_color(Some("".as_ref())));
        assert!(!wants_color(Some("1".as_ref())) && !wants_color(Some("0".as_ref())));
    }

    #[test]
    fn the_scheduler_is_quieter_unless_it_was_named() {
        assert_eq!(filter("info").unwrap().to_string(), "tokio_cron_scheduler=warn,info");
        let named = filter("info,tokio_cron_scheduler=trace").unwrap().to_string();
        assert!(named.contains("tokio_cron_scheduler=trace"), "{named}");
    }
}
