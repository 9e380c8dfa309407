//! Scheduled posts whose time comes. WordPress publishes them when somebody happens to ask it for a
//! page, so at their minute it is told to look at its clock, and an article waits here until its page
//! is there: a link in a feed must lead somewhere. Refuses to wait longer than two minutes: then
//! WordPress's clockwork stands still, and the newsroom's own word holds.

use std::{collections::HashMap, time::Duration};

use super::{
    Run,
    api::LIST_BYTES_MAX,
    post::{LIGHT_FIELDS, Light},
};
use crate::{ingest::source::pull::PullError, model::Millis, store::DbError};

/// How long an article waits for its page.
const WAIT_MILLIS: i64 = 120_000;
/// WordPress is asked again this much later.
const AGAIN: Duration = Duration::from_secs(3);
/// Posts that are asked for at once; the others are published when their wait ends.
const POSTS_MAX: usize = 50;

/// Until when a scheduled post waits.
pub(super) fn wait_until(published: Millis) -> Millis {
    published.plus(WAIT_MILLIS)
}

impl Run<'_> {
    /// Takes what WordPress has published since its time came, with the address that it has now.
    pub async fn ask_due(&mut self) -> Result<(), PullError> {
        let waiting = self.waiting().await?;
        let due = waiting.into_iter().filter(|(_, at)| *at <= self.now).map(|(id, _)| id);
        let ids: Vec<u64> = due.collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.api.run_cron().await;
        for kind in self.source.settings.types.clone() {
            let query = [
                ("include", ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",")),
                ("per_page", ids.len().to_string()),
                ("_fields", LIGHT_FIELDS.to_owned()),
            ];
            // Without statuses WordPress lists what everybody sees.
            let answer = self.api.get(&kind, &query, LIST_BYTES_MAX).await?;
            if !answer.is_good() {
                continue;
            }
            let items: Vec<Light> = answer.list()?.iter().filter_map(Light::read).collect();
            let items = items.into_iter().filter(|item| item.status == "publish");
            let times: HashMap<u64, i64> =
                items.map(|item| (item.id, item.modified.unwrap_or(0))).collect();
            self.fetch(&kind, times.keys().copied().collect(), &times).await?;
        }
        Ok(())
    }

    /// How long until the next scheduled post is to be asked for.
    pub async fn next_due(&self) -> Result<Option<Duration>, DbError> {
        let waiting = self.waiting().await?;
        let next = waiting.first().map(|(_, at)| at.0.saturating_sub(self.now.0));
        Ok(next.map(|wait| u64::try_from(wait).map_or(AGAIN, Duration::from_millis).max(AGAIN)))
    }

    /// Scheduled posts of ours that may still wait, with their times.
    async fn waiting(&self) -> Result<Vec<(u64, Millis)>, DbError> {
        let source = self.source;
        let after = self.now.plus(-WAIT_MILLIS);
        let name = &source.origin_name;
        let waiting = source.store.waiting(name, WAIT_MILLIS, after, POSTS_MAX).await?;
        let post = |(id, at)| Some((super::reconcile::post_id(&source.settings.prefix, &id)?, at));
        Ok(waiting.into_iter().filter_map(post).collect())
    }
}
