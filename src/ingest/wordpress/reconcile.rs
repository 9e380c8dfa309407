//! Compares the whole list with the store: what vanished is withdrawn, what was never seen is taken.
//!
//! A missing post is believed gone only when WordPress says so about that very post, and never when
//! many are missing at once: a broken list must not empty the newsroom. Nothing here trusts counts
//! or page numbers; our ids are asked for by name, so that no list can drift. Posts of a type that is
//! pulled no longer are not judged.

use super::{
    Run,
    api::{Answer, LIST_BYTES_MAX},
    cursor::{Reconcile, Walk},
    post::number,
    scope::Reads,
};
use crate::{ingest::source::pull::PullError, model::ArticleId, store::Held};

/// Imported articles younger than this may be public here before WordPress has shown them.
const YOUNG_MILLIS: i64 = 10 * 60 * 1000;
/// Posts asked for one by one in one pull.
const ASKED_PER_PULL: usize = 20;
/// As many may vanish without a second look, however few there are …
const VANISH_MIN: u64 = 10;
/// … and one in this many, …
const VANISH_SHARE: u64 = 5;
/// … but never more than this.
const VANISH_MAX: u64 = 5000;
/// Unclear answers in one pull before it is given up.
const UNCLEAR_MAX: u32 = 5;
const GONE: &str = "gone from the source";
const HIDDEN: &str = "no longer public at the source";

/// What WordPress says about one post.
enum Fate {
    /// There, or not for us to judge.
    Stays,
    Gone,
    Hidden,
    Unclear(PullError),
}

impl Run<'_> {
    /// Begins a reconciliation.
    pub async fn begin_reconcile(&mut self) -> Result<(), PullError> {
        self.memory.names.forget();
        self.memory.scope = None;
        self.cursor.forget_handled();
        let kinds = self.source.settings.types.iter();
        let walks = kinds.map(|kind| (kind.clone(), Walk::default())).collect();
        let held = self.count_shown().await?;
        self.cursor.reconcile = Some(Reconcile { held, walks, ..Reconcile::default() });
        Ok(())
    }

    /// One step of the reconciliation that is going on.
    pub async fn reconcile(&mut self) -> Result<(), PullError> {
        let Some(mut going) = self.cursor.reconcile.take() else { return Ok(()) };
        self.progress.set(going.checked, going.held.max(going.checked));
        if !going.all_checked {
            self.check_next(&mut going).await?;
        } else if !going.missing.is_empty() {
            self.ask_missing(&mut going).await?;
        } else if let Some((kind, walk)) = going.walks.pop_first() {
            if let Some(walk) = self.walk_page(&kind, &walk).await? {
                going.walks.insert(kind, walk);
            }
        } else {
            self.cursor.reconciled_at = self.now.0;
            return Ok(());
        }
        self.cursor.reconcile = Some(going);
        Ok(())
    }

    async fn count_shown(&self) -> Result<u64, PullError> {
        let source = &self.source;
        let sources = source.sources();
        Ok(source.store.count_shown_from(&source.settings.prefix, &sources).await?)
    }

    /// Asks for the next of our articles by name.
    async fn check_next(&mut self, going: &mut Reconcile) -> Result<(), PullError> {
        let source = self.source;
        let (prefix, sources) = (&source.settings.prefix, source.sources());
        let shown =
            source.store.shown_from(prefix, &sources, &going.after, self.page_size()).await?;
        let Some(last) = shown.last() else {
            self.judge_missing(going);
            return Ok(());
        };
        let last = last.id.as_str().to_owned();
        going.checked += shown.len() as u64;
        let types = &source.settings.types;
        let is_pulled = |h: &Held| h.kind.as_ref().is_none_or(|kind| types.contains(kind));
        let (judged, left): (Vec<Held>, Vec<Held>) = shown.into_iter().partition(is_pulled);
        going.left += left.len() as u64;
        let missing = self.missing(&judged).await?;
        going.missing.extend(missing);
        going.after = last;
        if going.missing.len() as u64 > VANISH_MAX {
            // These first, the rest with later reconciliations.
            self.judge_missing(going);
        }
        Ok(())
    }

    /// A few may be missing that the reconciliation before did not miss; many at once never.
    fn judge_missing(&mut self, going: &mut Reconcile) {
        going.all_checked = true;
        self.cursor.left = going.left;
        let judged = going.held.saturating_sub(going.left);
        let bound = (judged / VANISH_SHARE).clamp(VANISH_MIN, VANISH_MAX);
        let before = std::mem::take(&mut self.cursor.refused);
        let fresh = going.missing.iter().filter(|id| !before.contains(id)).count();
        if fresh as u64 <= bound {
            return;
        }
        let (missing, held) = (going.missing.len(), judged);
        self.note(format!(
            "{missing} of {held} articles are missing from WordPress's lists: nothing is withdrawn \
             unless the next reconciliation misses the same ones; check its posts and plugins"
        ));
        tracing::warn!(missing, held, "a reconciliation with WordPress was refused");
        self.cursor.refused = std::mem::take(&mut going.missing).into_iter().collect();
    }

    /// Those of ours that no list shows as public.
    async fn missing(&mut self, shown: &[Held]) -> Result<Vec<u64>, PullError> {
        let mut ids: Vec<u64> = shown.iter().filter_map(|held| self.source.post_id(held)).collect();
        let mut hidden = Vec::new();
        for kind in self.source.settings.types.clone() {
            if ids.is_empty() {
                break;
            }
            let query = vec![
                ("include", ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",")),
                ("per_page", ids.len().to_string()),
                ("_fields", "id,status,content.protected".to_owned()),
            ];
            let answer = self.list(&kind, query, Reads::List).await?;
            for item in answer.list()? {
                let Some(at) = number(&item["id"]).and_then(|id| ids.iter().position(|i| *i == id))
                else {
                    continue;
                };
                let id = ids.swap_remove(at);
                if !is_public(item) {
                    hidden.push(id);
                }
            }
        }
        ids.extend(hidden);
        Ok(ids)
    }

    async fn ask_missing(&mut self, going: &mut Reconcile) -> Result<(), PullError> {
        let mut unclear = 0;
        let at = going.missing.len().saturating_sub(ASKED_PER_PULL);
        for id in going.missing.split_off(at) {
            match self.fate(id).await? {
                Fate::Stays => {}
                Fate::Gone => self.withdraw_post(id, GONE).await?,
                Fate::Hidden => self.withdraw_post(id, HIDDEN).await?,
                Fate::Unclear(error) => {
                    tracing::warn!(
                        post = id,
                        "it is unclear whether a post is gone, so it stays: {error}"
                    );
                    unclear += 1;
                    if unclear == UNCLEAR_MAX {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    async fn withdraw_post(&mut self, post: u64, reason: &str) -> Result<(), PullError> {
        if let Ok(id) = super::candidate::article_id(&self.source.settings.prefix, post) {
            self.withdraw(&id, reason).await?;
        }
        Ok(())
    }

    /// Asks WordPress about one post.
    async fn fate(&mut self, post: u64) -> Result<Fate, PullError> {
        for kind in self.source.settings.types.clone() {
            let query = [("_fields", "id,status,content.protected".to_owned())];
            let path = format!("{kind}/{post}");
            let answer = match self.api.get(&path, &query, LIST_BYTES_MAX).await {
                Ok(answer) => answer,
                Err(error @ PullError::Unreachable(_)) => return Err(error),
                Err(error) => return Ok(Fate::Unclear(error)),
            };
            match (answer.status.as_u16(), answer.code()) {
                (200, _) if is_public(&answer.json) => return Ok(Fate::Stays),
                (200, _) => return Ok(Fate::Hidden),
                (401 | 403, "rest_forbidden") => return self.fate_of_hidden(post).await,
                (404, "rest_post_invalid_id") => {}
                _ => return Ok(Fate::Unclear(self.unclear(&answer))),
            }
        }
        self.fate_without_type(post).await
    }

    /// Hidden posts are no longer public, but for one: an export told of it while it was scheduled,
    /// its time came here, and WordPress's own clockwork is late.
    async fn fate_of_hidden(&self, post: u64) -> Result<Fate, PullError> {
        let source = self.source;
        let Ok(id) = super::candidate::article_id(&source.settings.prefix, post) else {
            return Ok(Fate::Stays);
        };
        let Some(stored) = source.store.article(&id).await? else { return Ok(Fate::Stays) };
        let imported = stored.marks.source.as_deref() == Some(source.importer_name.as_str());
        let young = stored.article.published_at > Some(self.now.plus(-YOUNG_MILLIS));
        Ok(if imported && young { Fate::Stays } else { Fate::Hidden })
    }

    fn unclear(&self, answer: &Answer) -> PullError {
        answer.refused(&self.api.host())
    }

    /// No post of our types: deleted, or of a type that only an export brought. Then its own page
    /// tells.
    async fn fate_without_type(&mut self, post: u64) -> Result<Fate, PullError> {
        let source = self.source;
        let Ok(id) = super::candidate::article_id(&source.settings.prefix, post) else {
            return Ok(Fate::Stays);
        };
        let Some(stored) = source.store.article(&id).await? else { return Ok(Fate::Stays) };
        if stored.marks.source.as_deref() == Some(source.origin_name.as_str()) {
            return Ok(Fate::Gone);
        }
        match self.api.page_status(stored.article.url.as_str()).await {
            Ok(404 | 410) => Ok(Fate::Gone),
            Ok(_) => Ok(Fate::Stays),
            Err(error) => Ok(Fate::Unclear(error)),
        }
    }
}

fn is_public(item: &serde_json::Value) -> bool {
    let shown = matches!(item["status"].as_str(), None | Some("publish" | "future"));
    shown && item["content"]["protected"] != serde_json::Value::Bool(true)
}

/// The ids of posts in articles' ids.
pub(super) fn post_id(prefix: &str, id: &ArticleId) -> Option<u64> {
    id.as_str().strip_prefix(prefix)?.strip_prefix('-')?.parse().ok()
}
