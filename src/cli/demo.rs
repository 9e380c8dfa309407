//! `jarshy demo`: a daemon on a shipped sample newsroom, in a folder of its own or a kept one.

use std::{fs, net::TcpListener, path::PathBuf, time::Duration};

use clap::Args;

use super::{
    Failure, Listeners, Which, log, say,
    serve::{Signals, take_descriptors, until_stopped},
};
use crate::{
    clock::Clock,
    config::{Config, Overrides, parse},
    daemon::Daemon,
    ingest::{
        import::{ImportOptions, Importer, Input, Kind},
        wxr::WxrOptions,
    },
    model::Millis,
    store::{Scope, Store},
};

/// Runs a daemon on a sample newsroom, in a folder that goes with it unless --data names one.
#[derive(Args, Debug)]
pub struct DemoArgs {
    #[command(flatten)]
    pub listeners: Listeners,
}

/// A real export of a small WordPress with every edge case an editor can make.
const NEWSROOM: &[u8] = include_bytes!("../../tests/data/wordpress/small.wxr.xml");
const SETTINGS: &str = include_str!("../../config/demo.toml");
/// The fact that the newsroom was imported to its end.
const FILLED: &str = "demo.filled";
const TOKEN_NAME: &str = "demo";
/// The longest that the welcome waits for the last of the feeds.
const REST: Duration = Duration::from_secs(20);

/// Runs the command.
pub async fn run(which: &Which, args: DemoArgs) -> Result<(), Failure> {
    let folder = Folder::take(which.data.clone())?;
    let settings = Settings::new(&folder.path, &args.listeners)?;
    let config = settings.parse()?;
    let log = log::start(&config.log)?;
    let signals = Signals::listen()?;
    // Before the daemon starts, so that its first answers are whole.
    fill(&config).await?;
    let level = log.level(&config.log);
    take_descriptors();
    let daemon = Daemon::start_with_log(config, Clock::system(), level).await?;
    let now = daemon.parts().clock.now();
    let token = new_token(&daemon.parts().store, now).await?;
    // So that whatever is tried first is as it will be: all feeds, in all encodings. A store that fails
    // keeps nobody waiting.
    let _ = tokio::time::timeout(REST, daemon.parts().publisher.at_rest()).await;
    welcome(&daemon, &folder, &token)?;
    until_stopped(daemon, signals, || settings.parse()).await;
    Ok(())
}

/// The demo's settings, kept in its folder so that other commands find them with `--data`.
struct Settings {
    text: String,
    flags: Overrides,
}

impl Settings {
    fn new(data: &std::path::Path, listeners: &Listeners) -> Result<Settings, Failure> {
        let listen = with_port(listeners.listen.as_deref().unwrap_or("127.0.0.1:8080"))?;
        let ops_listen = with_port(listeners.ops_listen.as_deref().unwrap_or("127.0.0.1:9464"))?;
        let text = format!("{SETTINGS}\n[public]\nurl = \"http://{listen}\"\n");
        fs::write(data.join("jarshy.toml"), &text)?;
        let flags = Overrides {
            data: Some(data.to_owned()),
            listen: Some(listen),
            ops_listen: Some(ops_listen),
        };
        Ok(Settings { text, flags })
    }

    fn parse(&self) -> Result<Config, Failure> {
        Ok(parse(&self.text, "demo.toml", &[], &self.flags)?)
    }
}

/// Port 0 as a free one, since the demo's own address stands in its feeds.
fn with_port(address: &str) -> Result<String, Failure> {
    match address.strip_suffix(":0") {
        Some(_) => Ok(TcpListener::bind(address)?.local_addr()?.to_string()),
        None => Ok(address.to_owned()),
    }
}

/// Where the demo lives; a folder of its own goes with it.
struct Folder {
    path: PathBuf,
    is_own: bool,
}

impl Folder {
    fn take(kept: Option<PathBuf>) -> Result<Folder, Failure> {
        let is_own = kept.is_none();
        let own = || std::env::temp_dir().join(format!("jarshy-demo-{}", std::process::id()));
        let path = kept.unwrap_or_else(own);
        fs::create_dir_all(&path).map_err(|e| {
            Failure::system(format!("the folder {} cannot be made: {e}", path.display()))
        })?;
        Ok(Folder { path, is_own })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_own {
            // Whatever stays behind is in the system's folder for such things.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Imports the newsroom, once; a demo that was ended halfway goes on.
async fn fill(config: &Config) -> Result<(), Failure> {
    let store = Store::open(&config.store).await?;
    if store.fact(FILLED).await?.is_some() {
        return Ok(());
    }
    let (site, limits) = (config.site.clone(), config.limits.clone());
    let importer = Importer::new(store.clone(), site, limits, Clock::system());
    let options = ImportOptions { kind: Kind::Wxr(WxrOptions::default()), dry_run: false };
    let newsroom = [Input::Bytes { name: "newsroom.wxr.xml".into(), bytes: NEWSROOM }];
    let imported = importer.import(&newsroom, &options, &|_| ()).await;
    imported.map_err(|e| Failure::system(format!("the sample newsroom was not imported: {e}")))?;
    Ok(store.set_fact(FILLED, "yes").await?)
}

/// A token for this run; those of earlier runs end.
async fn new_token(store: &Store, now: Millis) -> Result<String, Failure> {
    for old in store.tokens().await? {
        if old.name.as_deref() == Some(TOKEN_NAME) && old.is_valid(now) {
            store.revoke_token(&old.id, now).await?;
        }
    }
    let token = store.create_token(Scope::Admin, Some(TOKEN_NAME.to_owned()), None, now).await?;
    Ok(token.text)
}

fn welcome(daemon: &Daemon, folder: &Folder, token: &str) -> Result<(), Failure> {
    let (public, ops, data) = (daemon.public, daemon.ops, folder.path.display());
    let kept = if folder.is_own { " (gone when this ends)" } else { "" };
    say(format!(
        "jarshy demo: a small bilingual newsroom, served from {data}{kept}

  feeds        http://{public}/feeds/news.rss  .atom  .json
  all feeds    http://{public}/feeds.opml
  a headline's number
               http://{public}/count/wp-25.json
  a view       curl -i -A Mozilla/5.0 -X POST http://{public}/v/wp-25
  metrics      http://{ops}/metrics
  API          curl -H 'Authorization: Bearer {token}' http://{ops}/api/v1/articles?limit=3

  admin token  {token}

Stop it with Ctrl-C."
    ))
}
