//! The daemon: what starts, in which order, and what stops, in the reverse one.
//!
//! Values are built here once and handed over; nothing is global, nothing runs unowned. Tests start
//! the same daemon in their own process with a manual clock.

mod damage;
mod lock;
mod series;
mod sources;
mod watch;

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::lock::FolderLock;
use self::series::ArticleCounts;
use crate::{
    clock::Clock,
    config::{self, Config},
    ingest::{Intake, due, source},
    jobs,
    metrics::Metrics,
    publish::{self, Publisher, Rounds, purge},
    store::{Room, Store},
    web::{self, AccessLog, Api, LogLevel, server::Listener},
};

/// A running daemon.
pub struct Daemon {
    /// Where the public listener is.
    pub public: SocketAddr,
    /// Where the ops listener is.
    pub ops: SocketAddr,
    parts: Arc<Api>,
    config: ArcSwap<Config>,
    trusted_proxies: Arc<ArcSwap<Vec<IpNet>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _lock: FolderLock,
}

impl Daemon {
    /// Starts everything, with a log that is somebody else's. When this returns, documents kept by
    /// an earlier run are being served.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Daemon> {
        let log = LogLevel::new(&config.log.level, |_| Ok(()));
        Daemon::start_with_log(config, clock, log).await
    }

    /// Starts everything, with the log that the API and a reload may move to another level.
    pub async fn start_with_log(
        config: Config,
        clock: Clock,
        log: LogLevel,
    ) -> anyhow::Result<Daemon> {
        let lock = FolderLock::take(&config.store.data)?;
        damage::look(&config.store, clock.now()).await?;
        let public = bind("public.listen", config.public.listen)?;
        let ops = bind("ops.listen", config.ops.listen)?;
        let (parts, mut rounds, counts) = build(&config, clock, log).await?;
        if rounds.misses_a_declared_feed() {
            // The very first start, or the run before ended before it had kept all: nobody who polls
            // a feed that was there is to be told that it is not.
            rounds.run_once().await;
        }
        let daemon = Daemon {
            public: public.local_addr()?,
            ops: ops.local_addr()?,
            trusted_proxies: Arc::new(ArcSwap::from_pointee(config.public.trusted_proxies.clone())),
            config: ArcSwap::from_pointee(config.clone()),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            _lock: lock,
            parts,
        };
        daemon.spawn_workers(rounds, counts);
        daemon.spawn_listeners(public, ops, &config.public)?;
        daemon.say_where(&config.store.data)?;
        tracing::info!(public = %daemon.public, ops = %daemon.ops, "jarshy is ready");
        Ok(daemon)
    }

    /// The features that run.
    pub fn parts(&self) -> &Api {
        &self.parts
    }

    /// The settings followed now.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    fn spawn_workers(&self, rounds: Rounds, counts: Arc<ArticleCounts>) {
        let Api { store, intake, views, metrics, outbound, clock, .. } = Api::clone(&self.parts);
        let stop = || self.stop.clone();
        let log = self.parts.log.clone();
        self.tasks.spawn(log.run(clock.clone(), stop()));
        self.tasks.spawn(watch::follow_room(self.parts.clone(), stop()));
        let roster = views.roster().clone();
        self.tasks.spawn(publish::run(rounds, stop()));
        let purges = self.parts.publisher.purges().clone();
        self.tasks.spawn(purge::run(purges, outbound, clock.clone(), stop()));
        self.tasks.spawn(due::run(intake, store.revisions(), clock, stop()));
        self.tasks.spawn(stop().run_until_cancelled_owned(roster.follow(store.clone())));
        self.tasks.spawn(watch::count_articles(counts, store.clone(), metrics.clone(), stop()));
        self.tasks.spawn(watch::follow_other_processes(store, metrics, stop()));
    }

    fn spawn_listeners(
        &self,
        public: TcpListener,
        ops: TcpListener,
        settings: &config::Public,
    ) -> anyhow::Result<()> {
        let parts = &self.parts;
        let listener = |socket, descriptors_share| Listener {
            socket,
            descriptors_share,
            limits: parts.limits.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
            metrics: parts.metrics.clone(),
        };
        let public_door = web::Public::new(parts, settings)?;
        let ops_door = web::Ops::new(parts.clone());
        self.tasks.spawn(listener(public, 0.75).run(public_door, self.stop.clone()));
        self.tasks.spawn(listener(ops, 0.25).run(ops_door, self.stop.clone()));
        Ok(())
    }

    /// `daemon.json`: where a running daemon is, for commands on the same data folder.
    fn say_where(&self, data: &Path) -> anyhow::Result<()> {
        let where_ = serde_json::json!({
            "public": self.public.to_string(),
            "ops": self.ops.to_string(),
            "pid": std::process::id(),
        });
        let path = data.join("daemon.json");
        std::fs::write(&path, format!("{where_}\n"))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Follows other settings, and says which of them need a restart. What can fail comes first,
    /// publishing before the jobs, which ask for its feeds: a reload that fails leaves everything as
    /// it was.
    pub async fn reload(&self, config: Config) -> anyhow::Result<Vec<&'static str>> {
        let old = self.config();
        let parts = &self.parts;
        let table = jobs::table(&self.job_parts(&old), &config.feeds)?;
        parts.publisher.reload(publish::Settings::from(&config)).await?;
        if let Err(error) = parts.jobs.replace(table, config.site.time_zone).await {
            parts.publisher.reload(publish::Settings::from(&*old)).await?;
            return Err(error.into());
        }
        parts.intake.reconfigure(config.site.clone(), &config.limits);
        let trusted = config.public.trusted_proxies.clone();
        self.trusted_proxies.store(Arc::new(trusted.clone()));
        parts.views.reconfigure(&config.views, &config.site.origins, trusted);
        parts.outbound.reconfigure(&config.outbound);
        parts.sources.reload(&config.sources, &config.pull).await;
        parts.limits.store(Arc::new(config.limits.clone()));
        parts.zone.store(Arc::new(config.site.time_zone));
        parts.jobs.limit_time(config.jobs.time_limit);
        parts.store.room().reconfigure(&config.store);
        watch::tell_room(parts);
        parts.access.set(config.log.access);
        if let Err(error) = parts.log.follow(&config.log.level) {
            tracing::error!(error, "the log keeps its level");
        }
        let needs_restart = needs_restart(&old, &config);
        self.config.store(Arc::new(config));
        parts.reload_fault.store(None);
        series::reloaded(&parts.metrics, true, parts.clock.now());
        Ok(needs_restart)
    }

    fn job_parts(&self, config: &Config) -> jobs::Parts {
        let Api { publisher, store, metrics, .. } = &*self.parts;
        job_parts(publisher, store.room(), metrics, config)
    }

    /// Counts that a reload kept the old settings, and remembers why.
    pub fn reload_failed(&self, why: &str) {
        self.parts.reload_fault.store(Some(Arc::new(why.to_owned())));
        series::reloaded(&self.parts.metrics, false, self.parts.clock.now());
    }

    /// Stops: no new connections, answers under way are finished, hits are folded, the log is moved
    /// home.
    pub async fn stop(self) {
        self.parts.jobs.stop().await;
        self.parts.sources.stop().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.parts.views.stop().await;
        let path = self.config().store.data.join("daemon.json");
        // Only a hint for other commands; a stale one is recognised by its dead address.
        let _ = std::fs::remove_file(path);
        tracing::info!("jarshy has stopped");
    }
}

/// Connections that the kernel keeps until they are accepted; it may be set to keep fewer. Where there
/// is no room, the next client waits a second before it tries again.
const BACKLOG: u32 = 4096;

fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| {
        format!("{address} cannot be listened on; choose another address in {key}")
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Builds the features, from the ground up.
async fn build(
    config: &Config,
    clock: Clock,
    log: LogLevel,
) -> anyhow::Result<(Arc<Api>, Rounds, Arc<ArticleCounts>)> {
    let metrics = Arc::new(Metrics::new(config.metrics.feeds_max)?);
    let store = Store::open(&config.store).await.map_err(damage::explained)?;
    let views = damage::open_views(config, &metrics, &clock)?;
    views.roster().catch_up(&store).await?;
    let intake = Intake::new(store.clone(), config.site.clone(), &config.limits, clock.clone());
    let settings = publish::Settings::from(config);
    let (publisher, rounds) =
        Publisher::load(store.clone(), settings, metrics.clone(), clock.clone()).await?;
    let outbound = sources::outbound(config)?;
    let limits = Arc::new(ArcSwap::from_pointee(config.limits.clone()));
    let zone = Arc::new(ArcSwap::from_pointee(config.site.time_zone));
    let job_parts = job_parts(&publisher, store.room(), &metrics, config);
    let jobs = series::start_jobs(&job_parts, &store, config, clock.clone()).await?;
    let pulled = source::Parts {
        store: store.clone(),
        intake: intake.clone(),
        outbound: outbound.clone(),
        clock: clock.clone(),
    };
    let sources = sources::start(pulled, config, &metrics).await?;
    let (access, reload_fault) = (AccessLog::new(config.log.access), Arc::default());
    let parts = Arc::new(Api {
        store,
        intake,
        publisher,
        sources,
        outbound,
        views,
        jobs,
        metrics,
        clock,
        limits,
        zone,
        log,
        access,
        reload_fault,
    });
    series::register(&parts, config)?;
    let counts = ArticleCounts::register(&parts.metrics)?;
    Ok((parts, rounds, counts))
}

fn job_parts(
    publisher: &Publisher,
    room: &Room,
    metrics: &Arc<Metrics>,
    config: &Config,
) -> jobs::Parts {
    jobs::Parts {
        publisher: publisher.clone(),
        data: config.store.data.clone(),
        room: room.clone(),
        metrics: metrics.clone(),
    }
}

/// Settings that differ and that only a restart takes.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("public.listen", old.public.listen != new.public.listen),
        ("ops.listen", old.ops.listen != new.ops.listen),
        ("store.data", old.store.data != new.store.data),
        ("store.busy_timeout", old.store.busy_timeout != new.store.busy_timeout),
        ("store.readers", old.store.readers != new.store.readers),
        ("store.write_queue_max", old.store.write_queue_max != new.store.write_queue_max),
        // Another number of labels would make counters that stand under one label fall.
        ("metrics.sections_max", old.metrics.sections_max != new.metrics.sections_max),
        ("metrics.feeds_max", old.metrics.feeds_max != new.metrics.feeds_max),
        ("metrics.sources_max", old.metrics.sources_max != new.metrics.sources_max),
        ("log.format", old.log.format != new.log.format),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}
