//! What becomes of an article that is brought: the one rule of what a source may change.
//!
//! Pure: what stands, what comes, who brings it and what time it is decide; the intake writes.

use super::{Origin, Refusal, RefusalKind, hash::editorial_hash, tidy::Tidied};
use crate::{
    config::Site,
    model::{Article, CarriedOver, Guid, Millis, Status},
    store::{AuditAction, AuditNote, Marks, Put, Stored, Withdrawal},
};

/// What becomes of a candidate.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It says nothing new.
    Unchanged,
    /// It was withdrawn here, and a source does not bring it back.
    Withheld,
    /// It cannot be stored.
    Refused(Refusal),
    /// The article as it shall be.
    Write(Box<Put>),
}

/// Decides about a candidate.
pub fn merge(
    existing: Option<&Stored>,
    new: &Tidied,
    origin: &Origin,
    now: Millis,
    site: &Site,
) -> Decision {
    if let (Some(stored), Origin::Source { name }) = (existing, origin)
        && let Some(decision) = source_has_nothing_to_say(stored, new, name, now)
    {
        return decision;
    }
    let merge = Merge { existing, new, origin, now, site };
    match merge.put() {
        Err(refusal) => Decision::Refused(refusal),
        Ok(put) if existing.is_some_and(|e| e.article == put.article && e.marks == put.marks) => {
            Decision::Unchanged
        }
        Ok(put) => Decision::Write(Box::new(put)),
    }
}

/// A withdrawal made here stands, and what a source delivers once more changes nothing.
fn source_has_nothing_to_say(
    stored: &Stored,
    new: &Tidied,
    source: &str,
    now: Millis,
) -> Option<Decision> {
    if stored.marks.withdrawn.as_ref().is_some_and(|w| w.by != source) {
        return Some(Decision::Withheld);
    }
    // The source took it back, and shows it again.
    if stored.marks.withdrawn.is_some() && new.candidate.status != Status::Withdrawn {
        return None;
    }
    let marks = &stored.marks;
    let same = marks.source_hash.as_ref() == Some(&new.source_hash);
    // WordPress does not call it a change when it publishes what was scheduled.
    let opens = !marks.is_public
        && stored.article.visible_from().is_some()
        && new.candidate.status == Status::Published
        && new.candidate.embargo_until.is_none();
    let same_time = match (marks.source_modified_at, new.candidate.updated_at) {
        (Some(before), Some(after)) => after <= before && !opens,
        _ => false,
    };
    (same || same_time).then(|| number_grew(stored, new, now))
}

/// The number of the old system may grow although its article did not change.
fn number_grew(stored: &Stored, new: &Tidied, now: Millis) -> Decision {
    let (Some(old), Some(number)) = (&stored.article.carried_over, &new.candidate.carried_over)
    else {
        return Decision::Unchanged;
    };
    let number = dated(number.clone(), now);
    if old.source != number.source || old.views == number.views || number.at < old.at {
        return Decision::Unchanged;
    }
    let article = Article { carried_over: Some(number), ..stored.article.clone() };
    let marks = stored.marks.clone();
    Decision::Write(Box::new(Put { article, marks, expected: Some(stored.revision), note: None }))
}

/// A number without a time was taken now.
fn dated(number: CarriedOver, now: Millis) -> CarriedOver {
    let at = if number.at == Millis::default() { now } else { number.at };
    CarriedOver { at, ..number }
}

struct Merge<'a> {
    existing: Option<&'a Stored>,
    new: &'a Tidied,
    origin: &'a Origin,
    now: Millis,
    site: &'a Site,
}

impl Merge<'_> {
    fn put(&self) -> Result<Put, Refusal> {
        let article = self.article()?;
        let marks = self.marks(&article);
        let note = self.note(&article);
        Ok(Put { article, marks, expected: self.existing.map(|e| e.revision), note })
    }

    /// A write that withdraws or restores the article is noted, whoever makes it.
    fn note(&self, article: &Article) -> Option<AuditNote> {
        let before = self.existing?.article.status;
        let action = match (before, article.status) {
            (Status::Withdrawn, Status::Withdrawn) => return None,
            (Status::Withdrawn, _) => AuditAction::Restore,
            (_, Status::Withdrawn) => AuditAction::Withdraw,
            _ => return None,
        };
        let actor = self.origin.actor().to_owned();
        Some(AuditNote { at: self.now, actor, action, status_before: before, reason: None })
    }

    fn article(&self) -> Result<Article, Refusal> {
        let new = self.new.candidate.clone();
        let title = self.text(&self.new.raw_title, new.title, |a| &a.title);
        if title.is_empty() {
            return Err(Refusal::invalid("title", "is missing; every article needs one"));
        }
        let status = self.status()?;
        let mut article = Article {
            guid: self.guid()?,
            title,
            summary: self.text(&self.new.raw_summary, new.summary, |a| &a.summary),
            language: new
                .language
                .or_else(|| self.kept(|a| Some(a.language.clone())))
                .unwrap_or_else(|| self.site.language.clone()),
            updated_at: self.now,
            status,
            carried_over: self.carried_over(),
            id: new.id,
            url: new.url,
            slug: new.slug,
            body_html: new.body_html,
            family: new.family.or_else(|| self.kept(|a| a.family.clone())),
            sections: new.sections,
            tags: new.tags,
            authors: new.authors,
            byline: new.byline.or_else(|| self.kept(|a| a.byline.clone())),
            source: new.source.or_else(|| self.kept(|a| a.source.clone())),
            rights: new.rights.or_else(|| self.kept(|a| a.rights.clone())),
            media: new.media,
            published_at: new.published_at,
            embargo_until: new.embargo_until,
        };
        article.updated_at = self.updated_at(&article);
        Ok(article)
    }

    /// What stands already: a source that says nothing of a field does not take it away.
    fn kept<T>(&self, field: impl Fn(&Article) -> Option<T>) -> Option<T> {
        let is_source = matches!(self.origin, Origin::Source { .. });
        self.existing.filter(|_| is_source).and_then(|e| field(&e.article))
    }

    /// A text that comes back through the API just as it stands is the text, not HTML once more.
    fn text(&self, raw: &str, cleaned: String, field: fn(&Article) -> &String) -> String {
        let same = matches!(self.origin, Origin::Api { .. })
            && self.existing.is_some_and(|e| field(&e.article) == raw);
        if same { raw.to_owned() } else { cleaned }
    }

    /// A guid is for good: feed readers would show the article twice.
    fn guid(&self) -> Result<Guid, Refusal> {
        let given = self.new.candidate.guid.as_ref();
        match (self.existing, given) {
            (Some(stored), Some(given))
                if *given != stored.article.guid && matches!(self.origin, Origin::Api { .. }) =>
            {
                let why = format!("never changes: this article's is `{}`", stored.article.guid);
                Err(Refusal { kind: RefusalKind::Conflict, ..Refusal::invalid("guid", why) })
            }
            (Some(stored), _) => Ok(stored.article.guid.clone()),
            (None, Some(given)) => Ok(given.clone()),
            (None, None) => {
                let day = self.now.utc().with_timezone(&self.site.time_zone).format("%Y-%m-%d");
                let host = self.site.url.host();
                Ok(Guid::mint(&host, &day.to_string(), &self.new.candidate.id))
            }
        }
    }

    fn status(&self) -> Result<Status, Refusal> {
        let published_at = self.new.candidate.published_at;
        let due = || published_at.is_some_and(|at| at <= self.now);
        match self.new.candidate.status {
            Status::Draft => Ok(Status::Draft),
            Status::Withdrawn if matches!(self.origin, Origin::Api { .. }) => {
                let why = "cannot be `withdrawn` here: use DELETE to withdraw an article, or say \
                           `published` to bring it back";
                Err(Refusal::invalid("status", why))
            }
            Status::Withdrawn => Ok(Status::Withdrawn),
            Status::Scheduled | Status::Published if published_at.is_none() => {
                let why = "is missing; only a draft may be without a time such as \
                           2026-11-24T12:00:00Z";
                Err(Refusal::invalid("published_at", why))
            }
            Status::Scheduled | Status::Published if due() => Ok(Status::Published),
            Status::Scheduled | Status::Published => Ok(Status::Scheduled),
        }
    }

    fn carried_over(&self) -> Option<CarriedOver> {
        let old = self.existing.and_then(|e| e.article.carried_over.as_ref());
        match (old, &self.new.candidate.carried_over) {
            (old, None) => old.cloned(),
            (Some(old), Some(new)) if old.views == new.views => Some(old.clone()),
            (_, Some(new)) => Some(dated(new.clone(), self.now)),
        }
    }

    /// Moves only with an editorial change, never backwards, never before publication; a time to
    /// come is not believed.
    fn updated_at(&self, article: &Article) -> Millis {
        let given = self.new.candidate.updated_at.map(|at| at.min(self.now));
        let published = article.published_at;
        let at = match self.existing {
            None => given.or(published.filter(|p| *p <= self.now)).unwrap_or(self.now),
            Some(stored) => {
                let before = stored.article.updated_at;
                let changed = hash_of(article) != stored.marks.editorial_hash;
                let moved = given.filter(|g| *g > before).unwrap_or(self.now).max(before);
                if changed { moved } else { before }
            }
        };
        published.map_or(at, |published| at.max(published))
    }

    fn marks(&self, article: &Article) -> Marks {
        let old = self.existing.map(|e| e.marks.clone()).unwrap_or_default();
        let is_public = article.is_public(self.now);
        let marks = Marks {
            editorial_hash: hash_of(article),
            is_public,
            was_public: old.was_public || is_public,
            withdrawn: self.withdrawal(article, &old),
            ..old
        };
        match self.origin {
            Origin::Api { .. } => marks,
            Origin::Source { name } => Marks {
                source: Some(name.clone()),
                source_hash: Some(self.new.source_hash.clone()),
                source_modified_at: self.new.candidate.updated_at.or(marks.source_modified_at),
                ..marks
            },
        }
    }

    fn withdrawal(&self, article: &Article, old: &Marks) -> Option<Withdrawal> {
        if article.status != Status::Withdrawn {
            return None;
        }
        let by = self.origin.actor().to_owned();
        old.withdrawn.clone().or(Some(Withdrawal { at: self.now, by, reason: None }))
    }
}

fn hash_of(a: &Article) -> Vec<u8> {
    editorial_hash(&a.title, &a.summary, &a.body_html, &a.authors, &a.media)
}
