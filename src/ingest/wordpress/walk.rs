//! Walks a list in the order of changes, so that it does not matter what moves meanwhile: each
//! question begins where the last answer ended, by time and not by page number.
//!
//! WordPress sorts by its local clock to the second and leaves ties in no order; more posts in one
//! second than a page holds are walked by their ids. That clock may have been another when a post was
//! written (a site begins on UTC, an offset is set by hand), so a walk keeps its place by what the
//! posts themselves say and asks by it without a zone; only a poll begins at a time of UTC.

use super::{
    Run,
    cursor::{Position, Second, Walk},
    post::{LIGHT_FIELDS, Light},
    scope::Reads,
};
use crate::{ingest::source::pull::PullError, model::Millis};

/// How often one second's posts are walked anew because they moved.
const RESTARTS_MAX: u8 = 3;
/// Pages of one question, where only page numbers are left to go by.
const PAGES_MAX: u32 = 10_000;
/// What may be told as a second by a site's clock lies no longer before it: the hour that spring leaves
/// out, and as much again.
const AROUND_SECONDS: i64 = 2 * 3600;
/// A post this much older than was asked for shows that the question was not understood: more than
/// any two zones differ.
const SLACK_SECONDS: i64 = 2 * 86_400;

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub items: Vec<Light>,
    /// WordPress has more to the same question.
    pub more: bool,
    /// Posts that the question has in all.
    pub total: Option<u64>,
    /// The server's own time in seconds.
    pub date: Option<i64>,
}

impl Run<'_> {
    /// One page of a walk: takes what is new and moves the walk on. `None` when it has ended.
    pub async fn walk_page(&mut self, kind: &str, walk: &Walk) -> Result<Option<Walk>, PullError> {
        let listed = self.page(kind, &walk.at).await?;
        self.take_listed(kind, &listed.items).await?;
        let top = listed.items.iter().filter_map(|item| item.modified).max();
        // A post may be dated ahead, its changes are not.
        let now = listed.date.unwrap_or_else(|| self.now.seconds());
        let top = top.map_or(walk.top, |top| top.min(now).max(walk.top));
        let seen = walk.seen + listed.items.len() as u64;
        let left = listed.total.unwrap_or_default().saturating_sub(listed.items.len() as u64);
        self.progress.set(seen, seen + if listed.more { left } else { 0 });
        let next = onward(&walk.at, &listed).map_err(|Stuck| {
            PullError::Content(format!(
                "the list of posts at {} does not end: its pages repeat; a plugin or a cache \
                 changes its REST API",
                self.api.host()
            ))
        })?;
        let began = walk.began.or(Some(now));
        let end = Walk { at: next.clone().unwrap_or_default(), top, seen, began };
        if next.is_none() {
            // Posts dated ahead may have led the walk past what was changed meanwhile.
            self.walked_to = top.min(began.unwrap_or(top));
        }
        Ok(next.map(|_| end))
    }

    /// The newest posts by date: what was scheduled long ago and appears now keeps its old time of
    /// change.
    pub async fn newest(&mut self, kind: &str) -> Result<(), PullError> {
        let query = self.question(&[("orderby", "date"), ("order", "desc")]);
        let answer = self.list(kind, query, Reads::List).await?;
        let items: Vec<Light> = answer.list()?.iter().filter_map(Light::read).collect();
        self.take_listed(kind, &items).await
    }

    async fn page(&mut self, kind: &str, at: &Position) -> Result<Listed, PullError> {
        let query = match &at.second {
            Some(second) => self.question_of_second(second),
            None => self.question_after(at),
        };
        let answer = self.list(kind, query, Reads::List).await?;
        if answer.code() == "rest_post_invalid_page_number" {
            return Ok(Listed { date: answer.date(), ..Listed::default() });
        }
        let list = answer.list()?;
        let items: Vec<Light> = list.iter().filter_map(Light::read).collect();
        if items.len() < list.len() {
            let why = "posts of a list have no id; a plugin changes its REST API";
            self.note(format!("{}: {why}", self.api.host()));
        }
        let full = list.len() >= self.page_size();
        let total = answer.total();
        let more = match &at.second {
            Some(second) => {
                let seen = second.seen.saturating_sub(1) + list.len() as u64;
                !list.is_empty() && total.map_or(full, |total| seen < total)
            }
            None => answer.pages().map_or(full, |pages| pages > u64::from(at.pages) + 1),
        };
        let listed = Listed { items, more, total, date: answer.date() };
        understood(at, &listed)?;
        Ok(listed)
    }

    fn question(&self, order: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut query =
            vec![("per_page", self.page_size().to_string()), ("_fields", LIGHT_FIELDS.to_owned())];
        query.extend(order.iter().map(|(key, value)| (*key, (*value).to_owned())));
        query
    }

    fn question_after(&self, at: &Position) -> Vec<(&'static str, String)> {
        let mut query = self.question(&[("orderby", "modified"), ("order", "asc")]);
        let after = at.local.map(by_its_clock).or(at.after.map(in_utc));
        query.extend(after.map(|after| ("modified_after", after)));
        if at.pages > 0 {
            query.push(("page", (at.pages + 1).to_string()));
        }
        query
    }

    fn question_of_second(&self, second: &Second) -> Vec<(&'static str, String)> {
        let mut query = self.question(&[("orderby", "id"), ("order", "asc")]);
        query.push(("modified_after", by_its_clock(second.at - second.before - 1)));
        query.push(("modified_before", by_its_clock(second.at + 1)));
        query.push(("offset", second.seen.saturating_sub(1).to_string()));
        query
    }
}

/// A list that leads nowhere.
struct Stuck;

/// The next place of a walk, `None` where it has ended. Each place is beyond the last one.
fn onward(at: &Position, listed: &Listed) -> Result<Option<Position>, Stuck> {
    if let Some(second) = &at.second {
        return within_second(second, listed).map(Some);
    }
    if is_cut_off(at, listed) {
        return Ok(at.local.map(|local| around(local + 1)));
    }
    if !listed.more {
        return Ok(None);
    }
    Ok(Some(match by_clock(at, listed) {
        Some(next) => next,
        // A plugin that sorts by something else leaves nothing but page numbers.
        None if at.pages < PAGES_MAX => Position { pages: at.pages + 1, ..at.clone() },
        None => return Err(Stuck),
    }))
}

/// The next place by the site's clock; `None` where the page is not in its order, or not beyond `at`.
fn by_clock(at: &Position, listed: &Listed) -> Option<Position> {
    // Times that MySQL knows as 0000-00-00 come first and say nothing.
    let first = listed.items.iter().find_map(|item| item.local)?;
    let last = listed.items.last()?.local?;
    let sorted = listed.items.is_sorted_by(|a, b| a.local <= b.local);
    let beyond = at.local.is_none_or(|place| place < first);
    if !sorted || !beyond || at.pages > 0 {
        return None;
    }
    if first < last {
        // The last second once more: not all of its posts may have been on this page.
        let id = listed.items.last().map(|item| item.id);
        return Some(Position { local: Some(last - 1), last: id, ..Position::default() });
    }
    let second = Second { at: last, ..Second::default() };
    Some(Position { second: Some(second), ..Position::default() })
}

/// True where the page does not hold the second that the one before ended with.
fn is_cut_off(at: &Position, listed: &Listed) -> bool {
    let (Some(last), Some(local)) = (at.last, at.local) else { return false };
    // A page of that one second alone need not hold it: such a second is walked by ids next.
    let alone = listed.items.last().is_some_and(|item| item.local == Some(local + 1));
    !alone && !listed.items.iter().any(|item| item.id == last)
}

/// What stood there was changed meanwhile, or stands in the hour that spring left out: WordPress tells and
/// takes such times as an hour later, but sorts them where they are. All that may be told as `at` is
/// walked by ids; no time is told as one of that hour, so going on after `at` leaves none out.
fn around(at: i64) -> Position {
    let second = Second { at, before: AROUND_SECONDS, ..Second::default() };
    Position { second: Some(second), ..Position::default() }
}

fn within_second(second: &Second, listed: &Listed) -> Result<Position, Stuck> {
    let first = listed.items.first().map(|item| item.id);
    if first.is_none() && second.seen == 0 && second.before == 0 {
        return Ok(around(second.at));
    }
    let shifted = second.seen > 0 && first != Some(second.last);
    if shifted && second.restarts < RESTARTS_MAX {
        let (at, before, restarts) = (second.at, second.before, second.restarts + 1);
        let second = Second { at, before, restarts, ..Second::default() };
        return Ok(Position { second: Some(second), ..Position::default() });
    }
    match listed.items.last().filter(|_| listed.more) {
        Some(last) if last.id <= second.last => Err(Stuck),
        Some(last) => {
            let seen = second.seen.saturating_sub(1) + listed.items.len() as u64;
            let second = Second { seen, last: last.id, ..second.clone() };
            Ok(Position { second: Some(second), ..Position::default() })
        }
        None => Ok(Position { local: Some(second.at), ..Position::default() }),
    }
}

/// Refuses an answer to another question than the one that was asked.
fn understood(at: &Position, listed: &Listed) -> Result<(), PullError> {
    let asked = at.local.or(at.after).or(at.second.as_ref().map(|s| s.at - s.before));
    // By what WordPress compares; the other column is old where a plugin writes only one of them.
    let older = |told: Option<i64>| {
        told.zip(asked).is_some_and(|(told, asked)| told < asked - SLACK_SECONDS)
    };
    let too_old = |item: &Light| older(item.local.or(item.modified));
    if listed.items.iter().any(too_old) {
        return Err(PullError::Content(
            "this WordPress does not understand `modified_after`: it is older than 5.7, or a \
             plugin changes its lists; update it"
                .into(),
        ));
    }
    Ok(())
}

/// A time as REST takes it.
fn in_utc(seconds: i64) -> String {
    Millis(seconds.saturating_mul(1000)).to_rfc3339()
}

/// A time of the site's own clock: without a zone that is what REST takes it for.
fn by_its_clock(seconds: i64) -> String {
    in_utc(seconds).trim_end_matches('Z').to_owned()
}
