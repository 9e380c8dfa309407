//! Builds the settings out of their layers and says everything that is wrong at once. Opens one
//! file, in [`load`]; asks for no time and changes nothing.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Config, FeedsAuto, Jobs, Limits, Log, LogFormat, Metrics, Ops, Outbound, Public, Publish, Pull,
    Purge, Site, Store, Views, declared,
    layers::{At, Plain},
    reference::{self, SectionReference},
    schema::Sheet,
    takeover, value,
};

/// Every key with its default.
const DEFAULTS: &str = include_str!("../../config/default.toml");
/// Where the settings are when nobody says.
const FILE: &str = "/etc/jarshy/jarshy.toml";
/// A larger file is not settings.
const FILE_BYTES_MAX: usize = 4 << 20;

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
    /// The key, for example `feeds[0].slug`; empty where the text is not TOML.
    pub key: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.at, self.what),
            key => write!(f, "{}: {key}: {}", self.at, self.what),
        }
    }
}

/// Everything that is wrong with the settings, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of the settings {} wrong: {}", .0.len(), are(.0.len()), joined(.0))]
pub struct ConfigErrors(pub Vec<Fault>);

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn joined(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join(" | ")
}

/// Reads the file and the environment. Without `file` it is `jarshy.toml` in the data folder when a
/// flag names that folder, else `/etc/jarshy/jarshy.toml`; either may be missing.
pub fn load(file: Option<&Path>, flags: &Overrides) -> Result<Config, ConfigErrors> {
    let usual = flags.data.as_deref().map_or_else(|| FILE.into(), |data| data.join("jarshy.toml"));
    let path = file.unwrap_or(&usual);
    let text = match fs::read(path) {
        Ok(bytes) => as_text(bytes).map_err(|what| one_fault(path, what))?,
        Err(e) if is_missing(&e) && file.is_none() => String::new(),
        Err(e) => {
            return Err(one_fault(path, format!("the file cannot be read ({e}); check --config")));
        }
    };
    let ours = |(name, text): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok().filter(|name| name.starts_with("JARSHY_"))?;
        Some((name, text.to_string_lossy().into_owned()))
    };
    let mut variables: Vec<_> = env::vars_os().filter_map(ours).collect();
    variables.sort();
    parse(&text, &path.display().to_string(), &variables, flags)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn one_fault(path: &Path, what: String) -> ConfigErrors {
    ConfigErrors(vec![Fault { at: path.display().to_string(), key: String::new(), what }])
}

fn as_text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("the file has more than {FILE_BYTES_MAX} bytes; is it the right one?"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8; save the file as UTF-8")
    })
}

/// Builds the settings from a text named `name`, without files and environment. An empty text gives
/// the defaults.
pub fn parse(
    text: &str,
    name: &str,
    env: &[(String, String)],
    flags: &Overrides,
) -> Result<Config, ConfigErrors> {
    let mut sheet = Sheet::new(DEFAULTS);
    sheet.lay_file(text, name);
    env.iter().for_each(|(variable, text)| sheet.lay_variable(variable, text));
    lay_flags(&mut sheet, flags);
    let config = build(&mut sheet);
    let faults = sheet.faults.into_sorted();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(ConfigErrors(faults)),
    }
}

/// Every setting there is, in the order of `default.toml`.
pub fn reference() -> Vec<SectionReference> {
    let mut sheet = Sheet::new(DEFAULTS);
    sheet.ask_what_is_taken();
    // Only the asking counts.
    let _ = build(&mut sheet);
    reference::read(DEFAULTS, &sheet.into_accepts())
}

fn lay_flags(sheet: &mut Sheet, flags: &Overrides) {
    let mut lay = |key, flag, value: Option<String>| {
        if let Some(value) = value {
            sheet.lay(key, At::flag(flag), Plain::Raw(value));
        }
    };
    lay("store.data", "--data", flags.data.as_ref().map(|d| d.to_string_lossy().into_owned()));
    lay("public.listen", "--listen", flags.listen.clone());
    lay("ops.listen", "--ops-listen", flags.ops_listen.clone());
}

/// Reads every section before it gives up on one, so that every fault is found.
fn build(sheet: &mut Sheet) -> Option<Config> {
    let (site, public, ops) = (site(sheet), public(sheet), ops(sheet));
    let (store, views, publish) = (store(sheet), views(sheet), publish(sheet));
    let (limits, metrics, jobs, log) = (limits(sheet), metrics(sheet), jobs(sheet), log(sheet));
    let purge = purge(sheet);
    let (outbound, pull) = (outbound(sheet, site.as_ref()), pull(sheet));
    let sources = declared::sources(sheet);
    let (feeds_auto, takeover) = (feeds_auto(sheet), takeover::takeover(sheet, publish.as_ref()));
    let feeds = match (&site, &publish) {
        (Some(site), Some(publish)) => declared::feeds(sheet, site, publish),
        _ => Vec::new(),
    };
    takeover::check_feed(sheet, takeover.as_ref(), &feeds);
    if let (Some(public), Some(ops)) = (&public, &ops)
        && public.listen == ops.listen
        && ops.listen.port() != 0
    {
        let at = sheet.at("ops.listen");
        let what = format!("public.listen has {} already; give it another port", ops.listen);
        sheet.faults.add(&at, "ops.listen", what);
    }
    Some(Config {
        site: site?,
        public: public?,
        ops: ops?,
        store: store?,
        views: views?,
        publish: publish?,
        limits: limits?,
        takeover: takeover?,
        metrics: metrics?,
        jobs: jobs?,
        log: log?,
        purge: purge?,
        outbound: outbound?,
        pull: pull?,
        sources,
        feeds,
        feeds_auto: feeds_auto?,
    })
}

fn site(sheet: &mut Sheet) -> Option<Site> {
    let title = sheet.get("site.title", value::words);
    let url = sheet.get("site.url", value::url);
    let origins = sheet.get_list("site.origins", value::origin);
    let language = sheet.get("site.language", value::language);
    let time_zone = sheet.get("site.time_zone", value::zone);
    let rights = sheet.get("site.rights", value::text);
    let logo = sheet.get("site.logo", value::optional_url);
    let icon = sheet.get("site.icon", value::optional_url);
    let (url, mut origins) = (url?, origins?);
    if origins.is_empty() {
        origins.push(url.origin());
    }
    Some(Site {
        title: title?,
        url,
        origins,
        language: language?,
        time_zone: time_zone?,
        rights: rights?,
        logo: logo?,
        icon: icon?,
    })
}

fn public(sheet: &mut Sheet) -> Option<Public> {
    let listen = sheet.get("public.listen", value::address);
    let url = sheet.get("public.url", value::root_url);
    let trusted_proxies = sheet.get_list("public.trusted_proxies", value::network);
    let max_age = sheet.get("public.max_age", value::duration);
    let max_age_max = sheet.get("public.max_age_max", value::duration);
    let hubs = sheet.get_list("public.hubs", value::url);
    let stale_while_revalidate = sheet.get("public.stale_while_revalidate", value::duration);
    let stale_if_error = sheet.get("public.stale_if_error", value::duration);
    Some(Public {
        listen: listen?,
        url: url?,
        trusted_proxies: trusted_proxies?,
        max_age: max_age?,
        max_age_max: max_age_max?,
        stale_while_revalidate: stale_while_revalidate?,
        stale_if_error: stale_if_error?,
        hubs: hubs?,
    })
}

fn ops(sheet: &mut Sheet) -> Option<Ops> {
    Some(Ops { listen: sheet.get("ops.listen", value::address)? })
}

fn store(sheet: &mut Sheet) -> Option<Store> {
    let data = sheet.get("store.data", value::words);
    let busy_timeout = wait(sheet, "store.busy_timeout");
    let readers = within(sheet, "store.readers", 1, 256);
    let write_queue_max = within(sheet, "store.write_queue_max", 1, 1 << 20);
    let free_bytes_min = bytes(sheet, "store.free_bytes_min", 0, 1 << 60);
    let free_bytes_warn = bytes(sheet, "store.free_bytes_warn", 0, 1 << 60);
    Some(Store {
        data: data?.into(),
        busy_timeout: busy_timeout?,
        readers: readers?,
        write_queue_max: write_queue_max?,
        free_bytes_min: free_bytes_min?,
        free_bytes_warn: free_bytes_warn?,
    })
}

fn views(sheet: &mut Sheet) -> Option<Views> {
    let repeat_window = sheet.get("views.repeat_window", value::duration);
    let require_origin = sheet.get("views.require_origin", value::truth);
    let queue_max = within(sheet, "views.queue_max", 1, 1 << 24);
    let batch_hits_max = within(sheet, "views.batch_hits_max", 1, 1 << 20);
    let repeat_keys_max = within(sheet, "views.repeat_keys_max", 1, 100_000_000);
    let fold_every = wait(sheet, "views.fold_every");
    let idempotency_keys_max = within(sheet, "views.idempotency_keys_max", 0, 10_000_000);
    let parked_max = within(sheet, "views.parked_max", 0, 1_000_000);
    // The script on the page asks for a hundred at once.
    let count_ids_max = within(sheet, "views.count_ids_max", 100, 10_000);
    Some(Views {
        repeat_window: repeat_window?,
        require_origin: require_origin?,
        queue_max: queue_max?,
        batch_hits_max: batch_hits_max?,
        repeat_keys_max: repeat_keys_max?,
        fold_every: fold_every?,
        idempotency_keys_max: idempotency_keys_max?,
        parked_max: parked_max?,
        count_ids_max: count_ids_max?,
    })
}

fn publish(sheet: &mut Sheet) -> Option<Publish> {
    let document_bytes_max = bytes(sheet, "publish.document_bytes_max", 1 << 10, 1 << 30);
    let entries_max = within(sheet, "publish.entries_max", 1, 100_000);
    let shrink_max = sheet.get("publish.shrink_max", value::share);
    Some(Publish {
        document_bytes_max: document_bytes_max?,
        entries_max: entries_max?,
        shrink_max: shrink_max?,
    })
}

fn limits(sheet: &mut Sheet) -> Option<Limits> {
    let connections_max = within(sheet, "limits.connections_max", 1, 1 << 20);
    let per_address = within(sheet, "limits.connections_per_address_max", 1, 1 << 20);
    let connection_age_max = wait(sheet, "limits.connection_age_max");
    let descriptors_reserved = within(sheet, "limits.descriptors_reserved", 0, 1 << 20);
    // hyper's buffer is never smaller than 8 KiB.
    let header_bytes_max = bytes(sheet, "limits.header_bytes_max", 8 << 10, 16 << 20);
    let headers_max = within(sheet, "limits.headers_max", 8, 1000);
    let uri_bytes_max = bytes(sheet, "limits.uri_bytes_max", 256, 16 << 20);
    let body_bytes_max = bytes(sheet, "limits.body_bytes_max", 1 << 10, 1 << 30);
    let hit_body_bytes_max = bytes(sheet, "limits.hit_body_bytes_max", 1, 1 << 20);
    let ping_body_bytes_max = bytes(sheet, "limits.ping_body_bytes_max", 1 << 10, 1 << 20);
    let header_timeout = wait(sheet, "limits.header_timeout");
    let body_timeout = wait(sheet, "limits.body_timeout");
    let idle_timeout = wait(sheet, "limits.idle_timeout");
    let write_timeout = wait(sheet, "limits.write_timeout");
    let write_rate = bytes(sheet, "limits.write_bytes_per_second_min", 1, 1 << 30);
    let api_requests_max = within(sheet, "limits.api_requests_max", 1, 1 << 16);
    let exports_max = within(sheet, "limits.exports_max", 1, 1 << 16);
    let drain_timeout = sheet.get("limits.drain_timeout", value::duration);
    let article_bytes_max = bytes(sheet, "limits.article_bytes_max", 1 << 10, 256 << 20);
    let html_depth_max = within(sheet, "limits.html_depth_max", 8, 2000);
    let list_max = within(sheet, "limits.list_max", 1, 100_000);
    Some(Limits {
        connections_max: connections_max?,
        connections_per_address_max: per_address?,
        connection_age_max: connection_age_max?,
        descriptors_reserved: descriptors_reserved?,
        header_bytes_max: header_bytes_max?,
        headers_max: headers_max?,
        uri_bytes_max: uri_bytes_max?,
        body_bytes_max: body_bytes_max?,
        hit_body_bytes_max: hit_body_bytes_max?,
        ping_body_bytes_max: ping_body_bytes_max?,
        header_timeout: header_timeout?,
        body_timeout: body_timeout?,
        idle_timeout: idle_timeout?,
        write_timeout: write_timeout?,
        write_bytes_per_second_min: write_rate?,
        api_requests_max: api_requests_max?,
        exports_max: exports_max?,
        drain_timeout: drain_timeout?,
        article_bytes_max: article_bytes_max?,
        html_depth_max: html_depth_max?,
        list_max: list_max?,
    })
}

fn metrics(sheet: &mut Sheet) -> Option<Metrics> {
    let sections_max = within(sheet, "metrics.sections_max", 0, 500);
    let feeds_max = within(sheet, "metrics.feeds_max", 0, 500);
    let sources_max = within(sheet, "metrics.sources_max", 0, 100);
    Some(Metrics { sections_max: sections_max?, feeds_max: feeds_max?, sources_max: sources_max? })
}

fn outbound(sheet: &mut Sheet, site: Option<&Site>) -> Option<Outbound> {
    let networks_allowed = sheet.get_list("outbound.networks_allowed", value::network);
    let user_agent = sheet.get("outbound.user_agent", value::header_value);
    let connect_timeout = wait(sheet, "outbound.connect_timeout");
    let timeout = wait(sheet, "outbound.timeout");
    let body_bytes_max = bytes(sheet, "outbound.body_bytes_max", 1 << 10, 1 << 30);
    let mut user_agent = user_agent?;
    if user_agent.is_empty() {
        // Whoever is asked can see who asks, and where to complain.
        let url = site.map(|site| site.url.to_uri()).unwrap_or_default();
        user_agent = format!("jarshy/{} (+{url})", env!("CARGO_PKG_VERSION"));
    }
    Some(Outbound {
        networks_allowed: networks_allowed?,
        user_agent,
        connect_timeout: connect_timeout?,
        timeout: timeout?,
        body_bytes_max: body_bytes_max?,
    })
}

fn pull(sheet: &mut Sheet) -> Option<Pull> {
    let time_limit = wait(sheet, "pull.time_limit");
    let ping_interval = wait(sheet, "pull.ping_interval");
    let retry_min = wait(sheet, "pull.retry_min");
    let retry_max = wait(sheet, "pull.retry_max");
    let (retry_min, retry_max) = (retry_min?, retry_max?);
    if retry_max < retry_min {
        // The one that was written last.
        let at = sheet.at("pull.retry_max").max(sheet.at("pull.retry_min"));
        sheet.faults.add(
            &at,
            "pull.retry_max",
            "it is shorter than pull.retry_min; make it longer",
        );
    }
    Some(Pull { time_limit: time_limit?, ping_interval: ping_interval?, retry_min, retry_max })
}

fn jobs(sheet: &mut Sheet) -> Option<Jobs> {
    Some(Jobs { time_limit: wait(sheet, "jobs.time_limit")? })
}

fn purge(sheet: &mut Sheet) -> Option<Purge> {
    let url = sheet.get("purge.url", value::url_template);
    let method = sheet.get("purge.method", value::method);
    let body = sheet.get("purge.body", value::text);
    let headers_file = sheet.get("purge.headers_file", value::text);
    let timeout = wait(sheet, "purge.timeout");
    let tries_max = within(sheet, "purge.tries_max", 1, 100);
    let headers_file = headers_file?;
    Some(Purge {
        url: url?,
        method: method?,
        body: body?,
        headers_file: (!headers_file.is_empty()).then(|| headers_file.into()),
        timeout: timeout?,
        tries_max: tries_max?,
    })
}

fn log(sheet: &mut Sheet) -> Option<Log> {
    let formats = [("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
    let level = sheet.get("log.level", value::log_level);
    let format = sheet.get("log.format", |v| value::choice(v, &formats));
    let access = sheet.get("log.access", value::truth);
    Some(Log { level: level?, format: format?, access: access? })
}

fn feeds_auto(sheet: &mut Sheet) -> Option<FeedsAuto> {
    let sections = sheet.get("feeds_auto.sections", value::truth);
    let languages = sheet.get("feeds_auto.languages", value::truth);
    let tags = sheet.get("feeds_auto.tags", value::truth);
    let authors = sheet.get("feeds_auto.authors", value::truth);
    let articles_min = within(sheet, "feeds_auto.articles_min", 1, 1_000_000);
    let feeds_max = within(sheet, "feeds_auto.feeds_max", 0, 10_000);
    Some(FeedsAuto {
        sections: sections?,
        languages: languages?,
        tags: tags?,
        authors: authors?,
        articles_min: articles_min?,
        feeds_max: feeds_max?,
    })
}

fn within(sheet: &mut Sheet, key: &'static str, min: usize, max: usize) -> Option<usize> {
    sheet.get(key, |v| value::count(v, min, max))
}

/// A size within bounds, in bytes.
fn bytes(sheet: &mut Sheet, key: &'static str, min: usize, max: usize) -> Option<usize> {
    sheet.get(key, |v| {
        let size = value::size(v)?;
        let within = (min..=max).contains(&size);
        within.then_some(size).ok_or_else(|| {
            format!("{size} B is not between {} and {}", shown_size(min), shown_size(max))
        })
    })
}

/// A power of 1024 as it would be written.
fn shown_size(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1 << 30 => format!("{} GiB", bytes >> 30),
        _ if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}

/// A duration that cannot be zero.
fn wait(sheet: &mut Sheet, key: &'static str) -> Option<Duration> {
    sheet.get(key, |v| {
        let long_enough = |d: &Duration| !d.is_zero();
        Some(value::duration(v)?).filter(long_enough).ok_or_else(|| "it cannot be zero".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key that nobody reads would be accepted and do nothing.
    #[test]
    fn every_key_of_the_defaults_is_read() {
        let mut sheet = Sheet::new(DEFAULTS);
        assert!(build(&mut sheet).is_some());
        assert_eq!(sheet.unread(), Vec::<&str>::new());
    }
    /// What the parsers say is told, so it cannot be otherwise.
    #[test]
    fn the_reference_has_every_key_with_its_bounds() {
        let keys = reference().into_iter().filter(|section| !section.is_repeated);
        let keys: Vec<_> = keys
            .flat_map(|s| s.keys.into_iter().map(move |k| (format!("{}.{}", s.name, k.name), k)))
            .collect();
        let known: std::collections::BTreeSet<_> = keys.iter().map(|(full, _)| full).collect();
        assert_eq!(known, Sheet::new(DEFAULTS).keys().collect());
        let accepts = |full: &str| {
            let found = keys.iter().find(|(name, _)| name == full);
            found.and_then(|(_, key)| key.accepts.clone()).unwrap_or_default()
        };
        assert_eq!(accepts("store.readers"), "1 to 256");
        assert_eq!(accepts("limits.header_bytes_max"), "8 KiB to 16 MiB");
        assert_eq!(accepts("publish.shrink_max"), "0 to 1");
        assert_eq!(accepts("log.format"), "auto, text, json");
    }
}
