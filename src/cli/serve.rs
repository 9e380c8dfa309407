//! `jarshy serve`: the daemon, until it is told to stop. SIGHUP reads the settings anew, SIGTERM and
//! SIGINT drain and stop.

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Failure, Listeners, Which, log, supervisor};
use crate::{clock::Clock, config::Config, daemon::Daemon};

/// Runs the daemon until it is told to stop.
#[derive(Args, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub listeners: Listeners,
}

/// Runs the command.
pub async fn run(which: &Which, args: ServeArgs) -> Result<(), Failure> {
    let config = which.settings(&args.listeners)?;
    let log = log::start(&config.log)?;
    let signals = Signals::listen()?;
    let level = log.level(&config.log);
    take_descriptors();
    let daemon = Daemon::start_with_log(config, Clock::system(), level).await?;
    let settings = || which.settings(&args.listeners);
    until_stopped(daemon, signals, settings).await;
    Ok(())
}

/// Takes as many open files as the system would give: the usual 1024 are for programs that cannot
/// count further, and a listener holds more connections than that.
pub(super) fn take_descriptors() {
    let files = getrlimit(Resource::Nofile);
    // Where it is refused, the listeners hold fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
}

/// The signals that a daemon understands.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    pub(super) fn listen() -> Result<Signals, Failure> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Follows signals until one says stop; `settings` reads them anew.
pub(super) async fn until_stopped(
    daemon: Daemon,
    mut signals: Signals,
    settings: impl Fn() -> Result<Config, Failure>,
) {
    supervisor::ready();
    let watchdog = tokio::spawn(supervisor::feed_watchdog([daemon.public, daemon.ops]));
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => {
                supervisor::reloading();
                reload(&daemon, settings()).await;
                supervisor::ready();
            }
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    watchdog.abort();
    supervisor::stopping();
    tokio::select! {
        () = daemon.stop() => {}
        // What was acknowledged is on disk; the next start takes up the rest.
        _ = signals.terminate.recv() => tracing::warn!("told to stop twice, so nothing is waited for"),
        _ = signals.interrupt.recv() => tracing::warn!("told to stop twice, so nothing is waited for"),
    }
}

/// Takes new settings, or keeps the old ones and says why.
async fn reload(daemon: &Daemon, config: Result<Config, Failure>) {
    let reloaded = match config {
        Ok(config) => daemon.reload(config).await.map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    match reloaded {
        Ok(waiting) if waiting.is_empty() => tracing::info!("the new settings are followed"),
        Ok(waiting) => tracing::warn!(
            "the new settings are followed, except those that need a restart: {}",
            waiting.join(", ")
        ),
        Err(failure) => {
            let why = failure.sentence();
            daemon.reload_failed(&why);
            tracing::error!("the old settings stay: {why}");
        }
    }
}
