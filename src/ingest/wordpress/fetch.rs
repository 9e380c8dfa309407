//! Fetches whole posts by their ids and takes them. One post that breaks its answer (too large, a
//! fatal error in a plugin, broken JSON) is found by halving and refused alone.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Run,
    api::LIST_BYTES_MAX,
    candidate::{Posts, article_id},
    names::{Kind, old_names},
    post::{FIELDS, Light, Post},
    scope::Reads,
};
use crate::{
    ingest::{Candidate, Outcome, RefusalKind, source::pull::PullError},
    model::{ArticleId, Status},
    outbound::Failure,
    store::{DbError, Held, Stored},
};

/// Requests that may fail within one batch: a site that is down is not asked on and on.
const FAILURES_MAX: u32 = 24;
/// Things asked for by number in one request.
const IDS_PER_REQUEST: usize = 100;
/// What a post is withdrawn for that its own editors threw away.
const IN_TRASH: &str = "in the trash of its source";

impl Run<'_> {
    /// Takes those of a list that are other than what stands here.
    pub async fn take_listed(&mut self, kind: &str, items: &[Light]) -> Result<(), PullError> {
        let held = self.held(items).await?;
        let mut wanted = Vec::new();
        for item in items {
            let held = held.get(&item.id);
            if item.status == "trash" {
                self.withdraw_trashed(held).await?;
            } else if self.says_something(item, held) && !wanted.contains(&item.id) {
                wanted.push(item.id);
            }
        }
        self.keep_types(kind, &wanted, &held).await?;
        let times = items.iter().map(|item| (item.id, item.modified.unwrap_or(0))).collect();
        self.fetch(kind, wanted, &times).await
    }

    /// Remembers of what type the posts of a list are, where that is new.
    async fn keep_types(
        &self,
        kind: &str,
        wanted: &[u64],
        held: &HashMap<u64, Held>,
    ) -> Result<(), DbError> {
        let is_new = |held: &&Held| held.kind.as_deref() != Some(kind);
        let known = held.values().filter(|held| self.source.is_ours(held)).filter(is_new);
        let to_come = wanted.iter().filter(|id| !held.contains_key(*id));
        let prefix = &self.source.settings.prefix;
        let to_come = to_come.filter_map(|id| article_id(prefix, *id).ok());
        let ids: Vec<ArticleId> = known.map(|held| held.id.clone()).chain(to_come).collect();
        self.source.store.keep_types(kind, &ids).await
    }

    async fn held(&self, items: &[Light]) -> Result<HashMap<u64, Held>, DbError> {
        let prefix = &self.source.settings.prefix;
        let of = |item: &Light| Some((article_id(prefix, item.id).ok()?, item.id));
        let ids: HashMap<ArticleId, u64> = items.iter().filter_map(of).collect();
        let asked: Vec<ArticleId> = ids.keys().cloned().collect();
        let held = self.source.store.held(&asked).await?;
        Ok(held.into_iter().filter_map(|held| Some((*ids.get(&held.id)?, held))).collect())
    }

    /// True for a post that the store does not have as it is now.
    fn says_something(&self, item: &Light, held: Option<&Held>) -> bool {
        if self.cursor.is_handled(item.id, item.modified.unwrap_or(0)) {
            return false;
        }
        let Some(held) = held else { return true };
        match &held.withdrawn_by {
            Some(by) => *by == self.source.origin_name,
            None => held.source_modified_at.map(|at| at.seconds()) != item.modified,
        }
    }

    async fn withdraw_trashed(&mut self, held: Option<&Held>) -> Result<(), PullError> {
        let Some(held) = held.filter(|h| self.source.is_ours(h)) else { return Ok(()) };
        if matches!(held.status, Status::Published | Status::Scheduled) {
            self.withdraw(&held.id.clone(), IN_TRASH).await?;
        }
        Ok(())
    }

    /// Takes an article back in the name of the source.
    pub async fn withdraw(&mut self, id: &ArticleId, reason: &str) -> Result<(), PullError> {
        let source = &self.source;
        let by = &source.origin_name;
        match source.intake.withdraw(id, by, Some(reason.to_owned()), None).await {
            Ok(withdrawn) => self.counts.withdrawn += u64::from(withdrawn.newly),
            Err(refusal) => match refusal.kind {
                RefusalKind::Store(error) => return Err(error.into()),
                _ => tracing::warn!(article = %id, "an article was not withdrawn: {refusal}"),
            },
        }
        Ok(())
    }

    /// Fetches posts and takes them, in as few requests as the site bears.
    pub async fn fetch(
        &mut self,
        kind: &str,
        wanted: Vec<u64>,
        times: &HashMap<u64, i64>,
    ) -> Result<(), PullError> {
        let mut waiting: Vec<Vec<u64>> =
            wanted.chunks(self.page_size()).rev().map(<[u64]>::to_vec).collect();
        let mut failures = 0;
        while let Some(ids) = waiting.pop() {
            let error = match self.posts(kind, &ids).await {
                Ok(posts) => {
                    self.take(posts, times).await?;
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            if !is_of_posts(&error) || failures > FAILURES_MAX {
                return Err(error);
            }
            match ids.as_slice() {
                [id] => self.give_up(*id, times, error)?,
                ids => {
                    let (first, rest) = ids.split_at(ids.len() / 2);
                    waiting.extend([rest.to_vec(), first.to_vec()]);
                }
            }
        }
        Ok(())
    }

    /// Refuses a post whose answer breaks. What may pass by itself is tried once more, by the next
    /// pull.
    fn give_up(
        &mut self,
        id: u64,
        times: &HashMap<u64, i64>,
        error: PullError,
    ) -> Result<(), PullError> {
        if may_pass(&error) && self.memory.failed.insert(id) {
            return Err(error);
        }
        self.memory.failed.remove(&id);
        self.refuse(id, times, &error.to_string());
        Ok(())
    }

    fn refuse(&mut self, id: u64, times: &HashMap<u64, i64>, why: &str) {
        self.counts.refused += 1;
        tracing::warn!(post = id, "a post of WordPress was not taken: {why}");
        self.note(format!("post {id} was not taken: {why}"));
        self.cursor.handle(id, times.get(&id).copied().unwrap_or_default());
    }

    async fn posts(&mut self, kind: &str, ids: &[u64]) -> Result<Vec<Value>, PullError> {
        let query = vec![
            ("include", joined(ids)),
            ("per_page", ids.len().to_string()),
            ("orderby", "include".to_owned()),
            ("_fields", FIELDS.to_owned()),
        ];
        let answer = self.list(kind, query, Reads::Whole).await?;
        Ok(answer.list()?.to_vec())
    }

    async fn take(&mut self, json: Vec<Value>, times: &HashMap<u64, i64>) -> Result<(), PullError> {
        let mut posts = Vec::with_capacity(json.len());
        for json in json {
            match Post::read(&json) {
                Ok(post) => posts.push(post),
                Err(why) => {
                    let id = super::post::number(&json["id"]).unwrap_or_default();
                    self.refuse(id, times, &why);
                }
            }
        }
        self.learn_names(&posts).await?;
        let known = self.known(&posts).await?;
        let mut candidates = Vec::with_capacity(posts.len());
        for post in posts {
            let id = post.id;
            match self.candidate(post, &known) {
                Ok(candidate) => candidates.push((id, candidate)),
                Err(why) => self.refuse(id, times, &why),
            }
        }
        self.hand_in(candidates, times).await
    }

    async fn hand_in(
        &mut self,
        candidates: Vec<(u64, Candidate)>,
        times: &HashMap<u64, i64>,
    ) -> Result<(), PullError> {
        let (ids, candidates): (Vec<u64>, Vec<Candidate>) = candidates.into_iter().unzip();
        let answers = self.source.intake.take_many(candidates, &self.source.origin).await;
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer {
                Ok(taken) => {
                    self.counts.add(taken.outcome);
                    if matches!(taken.outcome, Outcome::Unchanged | Outcome::Withheld) {
                        self.cursor.handle(id, times.get(&id).copied().unwrap_or_default());
                    }
                }
                Err(refusal) => match &refusal.kind {
                    RefusalKind::Store(error) => return Err(error.clone().into()),
                    _ => self.refuse(id, times, &refusal.to_string()),
                },
            }
        }
        Ok(())
    }

    fn candidate(
        &self,
        post: Post,
        known: &HashMap<ArticleId, Stored>,
    ) -> Result<Candidate, String> {
        let prefix = self.source.settings.prefix.as_str();
        let id = article_id(prefix, post.id)?;
        let family = self.family(&post, known);
        let posts = Posts { prefix, site: &self.cursor.home, names: &self.memory.names };
        posts.candidate(post, known.get(&id), family)
    }

    /// The name that translations of one story share: the one that any of them has already.
    fn family(&self, post: &Post, known: &HashMap<ArticleId, Stored>) -> Option<String> {
        let eldest = post.translations.iter().copied().chain([post.id]).min()?;
        if post.translations.is_empty() {
            return None;
        }
        let prefix = self.source.settings.prefix.as_str();
        let all = [post.id].into_iter().chain(post.translations.iter().copied());
        let named = all.filter_map(|id| article_id(prefix, id).ok());
        let mut named = named.filter_map(|id| known.get(&id)?.article.family.clone());
        named.next().or_else(|| Some(format!("{prefix}-translations-{eldest}")))
    }

    /// What stands of these posts and their translations.
    async fn known(&self, posts: &[Post]) -> Result<HashMap<ArticleId, Stored>, DbError> {
        let prefix = &self.source.settings.prefix;
        let ids = posts.iter().flat_map(|p| [p.id].into_iter().chain(p.translations.clone()));
        let ids: Vec<ArticleId> = ids.filter_map(|id| article_id(prefix, id).ok()).collect();
        let stored = self.source.store.articles_by_id(&ids).await?;
        Ok(stored.into_iter().map(|s| (s.article.id.clone(), s)).collect())
    }

    /// Asks for the names that posts refer to and that are not known yet.
    async fn learn_names(&mut self, posts: &[Post]) -> Result<(), PullError> {
        for kind in Kind::ALL {
            let ids = posts.iter().flat_map(|post| match kind {
                Kind::Section => post.categories.clone(),
                Kind::Tag => post.tags.clone(),
                Kind::Author => vec![post.author],
                Kind::Picture => vec![post.featured_media],
            });
            let unknown = self.memory.names.unknown(kind, ids);
            for ids in unknown.chunks(IDS_PER_REQUEST) {
                let answer = self.names(kind, ids).await?;
                self.memory.names.learn(kind, ids, &answer);
                self.keep_old_names(kind, &answer).await?;
            }
        }
        Ok(())
    }

    /// So that the site's old feed addresses can be answered.
    async fn keep_old_names(&self, kind: Kind, answer: &[Value]) -> Result<(), DbError> {
        let store = &self.source.store;
        let known = store.old_names().await?;
        store.keep_old_names(&old_names(kind, answer, &known)).await
    }

    /// What the site does not show is left out.
    async fn names(&mut self, kind: Kind, ids: &[u64]) -> Result<Vec<Value>, PullError> {
        let query = [
            ("include", joined(ids)),
            ("per_page", IDS_PER_REQUEST.to_string()),
            ("_fields", kind.fields().to_owned()),
        ];
        match self.api.get(kind.route(), &query, LIST_BYTES_MAX).await {
            Ok(answer) if answer.is_good() => Ok(answer.list()?.to_vec()),
            Ok(_) | Err(PullError::Answer { status: 401 | 403 | 404, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn joined(ids: &[u64]) -> String {
    ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

/// True for a failure that one post of the question may have caused.
fn is_of_posts(error: &PullError) -> bool {
    match error {
        PullError::Content(_) => true,
        PullError::Unreachable(Failure::TooLarge { .. } | Failure::TimedOut { .. }) => true,
        PullError::Answer { status, .. } => *status >= 500 && *status != 503,
        _ => false,
    }
}

/// True for a failure that may be over at the next try.
fn may_pass(error: &PullError) -> bool {
    matches!(error, PullError::Answer { .. } | PullError::Unreachable(Failure::TimedOut { .. }))
}
