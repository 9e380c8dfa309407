//! Damaged databases at a start. After an unclean stop both are looked through. Damaged articles are
//! never served: a backup has to be restored. A damaged `views.db` is put aside, and what can still
//! be read of it goes on.

use std::sync::Arc;

use anyhow::{Context, bail};

use super::series;
use crate::{
    clock::Clock,
    config::{self, Config},
    metrics::Metrics,
    model::Millis,
    store::{self, OpenError, Salvaged},
    views::Views,
};

const REMEDY: &str = "put a backup back with `jarshy restore FROM --data NEW` and name that folder in \
                      store.data; a newer views.db that is whole may be copied over the restored one";

/// Looks through both databases when the last daemon of this folder was cut off: every page is read.
pub async fn look(settings: &config::Store, now: Millis) -> anyhow::Result<()> {
    store::undo_half_salvage(&settings.data)
        .context("a salvage of views.db that was cut off cannot be undone")?;
    // A daemon takes it away when it stops in order.
    if !settings.data.join("daemon.json").exists() {
        return Ok(());
    }
    let settings = settings.clone();
    tokio::task::spawn_blocking(move || look_through(&settings, now)).await?
}

fn look_through(settings: &config::Store, now: Millis) -> anyhow::Result<()> {
    let articles = store::database_path(&settings.data);
    let faults = store::faults_in(&articles)?;
    if let Some(first) = faults.first() {
        bail!("{} is damaged: {first}; {REMEDY}", articles.display());
    }
    let views = store::views::database_path(&settings.data);
    if let Some(first) = store::faults_in(&views)?.first() {
        salvage(settings, first, now)?;
    }
    Ok(())
}

/// Opens the view log; a damaged one is put aside first.
pub fn open_views(config: &Config, metrics: &Arc<Metrics>, clock: &Clock) -> anyhow::Result<Views> {
    match series::open_views(config, metrics, clock.clone()) {
        Err(OpenError::Damaged { why, .. }) => {
            salvage(&config.store, &why, clock.now())?;
            Ok(series::open_views(config, metrics, clock.clone())?)
        }
        opened => Ok(opened?),
    }
}

fn salvage(settings: &config::Store, why: &str, now: Millis) -> anyhow::Result<()> {
    let salvaged = store::salvage_views(&settings.data, settings.busy_timeout, now)
        .context("views.db is damaged, and what is left of it cannot be carried over")?;
    let Salvaged { kept_as, views, torn } = salvaged;
    tracing::error!(
        why,
        kept_as = %kept_as.display(),
        views,
        torn = torn.join(", "),
        "views.db was damaged: it was put aside, and counting goes on from the views that could be read"
    );
    Ok(())
}

/// Why the articles cannot be opened, with what to do where they are damaged.
pub fn explained(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Damaged { .. } => anyhow::anyhow!("{error}; {REMEDY}"),
        other => other.into(),
    }
}
