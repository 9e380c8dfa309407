//! A scripted WordPress of the test: a list of posts that answers as the REST API of WordPress 6 does
//! (sorted by its local clock with ties in no order, silent about wrong credentials, and about what
//! is gone), over real HTTP.

use std::{
    collections::BTreeMap,
    io::Write,
    net::TcpStream,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use jarshy::model::Millis;
use serde_json::{Value, json};

use crate::upstream::{Asked, Upstream, answer};

/// What is called before each answer to a list, with its number.
type Hook = Box<dyn FnMut(&mut Posts, usize) + Send>;
/// Answers instead of the site: status line, type, body.
type Instead = Box<dyn Fn(&str) -> Option<(&'static str, &'static str, String)> + Send>;

pub type Posts = BTreeMap<u64, Value>;

pub struct State {
    pub posts: Posts,
    pub terms: BTreeMap<&'static str, Vec<Value>>,
    pub home: String,
    pub now: Millis,
    /// User and application password of an editor.
    pub editor: (String, String),
    /// False: wrong credentials are answered with 401 everywhere, as over https.
    pub is_silent: bool,
    pub pretty: bool,
    /// False: a plugin sorts every list by ids, whatever was asked for.
    pub sorts: bool,
    /// False: a WordPress before 5.7.
    pub knows_modified_after: bool,
    /// Its own clock.
    pub zone: Tz,
    /// Everything is moved there for good.
    pub moved_to: Option<String>,
    /// False: whoever asks for `wp-cron.php`, nothing is published.
    pub has_cron: bool,
    pub hook: Option<Hook>,
    pub instead: Option<Instead>,
    lists: usize,
}

pub struct Site {
    pub upstream: Upstream,
    state: Arc<Mutex<State>>,
}

pub fn site(posts: impl IntoIterator<Item = Value>) -> Site {
    let posts = posts.into_iter().map(|post| (post["id"].as_u64().unwrap(), post)).collect();
    let named = |id: u64, name: &str| json!({"id": id, "name": name});
    let terms = BTreeMap::from([
        ("categories", vec![named(2, "Общество"), named(3, "Қоғам &amp; мәдениет")]),
        ("tags", vec![named(7, "Шардара")]),
        ("users", vec![named(5, "Әсел Қожахметова")]),
        ("media", vec![]),
    ]);
    let state = Arc::new(Mutex::new(State {
        posts,
        terms,
        home: "https://turkestan.example".into(),
        now: crate::desk::NOON,
        editor: ("jarshy".into(), "abcd EFGH 1234".into()),
        is_silent: true,
        pretty: true,
        sorts: true,
        knows_modified_after: true,
        // With the night of 2024-02-29 that had an hour twice.
        zone: chrono_tz::Asia::Almaty,
        moved_to: None,
        has_cron: true,
        hook: None,
        instead: None,
        lists: 0,
    }));
    let shared = state.clone();
    let upstream = Upstream::start(move |asked, stream| serve(&shared, asked, stream));
    Site { upstream, state }
}

/// A published post, changed at this time.
pub fn post(id: u64, modified: &str) -> Value {
    json!({
        "id": id, "date_gmt": modified, "modified_gmt": modified, "type": "post",
        "guid": {"rendered": format!("https://turkestan.example/?p={id}")},
        "slug": format!("post-{id}"), "status": "publish",
        "link": format!("https://turkestan.example/{id}/"),
        "title": {"rendered": format!("Запись {id}")},
        "content": {"rendered": format!("<p>Мәтін {id}.</p>\n"), "protected": false},
        "excerpt": {"rendered": format!("<p>Мәтін {id}.</p>\n"), "protected": false},
        "author": 5, "featured_media": 0, "categories": [2], "tags": [7], "format": "standard",
    })
}

/// The `n`th second from a morning on, as REST writes it.
pub fn second(n: u64) -> String {
    Millis(1_795_500_000_000 + n as i64 * 1000).to_rfc3339().trim_end_matches('Z').to_owned()
}

pub fn captured(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wordpress/rest").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The small site as its own REST API told it.
pub fn captured_site() -> Site {
    let site = site(captured("posts.p1.json").as_array().unwrap().clone());
    for name in ["categories", "tags", "users", "media"] {
        let list = captured(&format!("{name}.json")).as_array().unwrap().clone();
        site.state().terms.insert(name, list);
    }
    site
}

impl Site {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes fields of a post.
    pub fn change(&self, id: u64, changes: Value) {
        let mut state = self.state();
        let post = state.posts.get_mut(&id).unwrap().as_object_mut().unwrap();
        post.extend(changes.as_object().unwrap().clone());
    }

    pub fn remove(&self, id: u64) {
        self.state().posts.remove(&id);
    }

    pub fn add(&self, post: Value) {
        self.state().posts.insert(post["id"].as_u64().unwrap(), post);
    }

    /// Answers some requests otherwise; the path is with its query, decoded.
    pub fn instead(
        &self,
        instead: impl Fn(&str) -> Option<(&'static str, &'static str, String)> + Send + 'static,
    ) {
        self.state().instead = Some(Box::new(instead));
    }

    pub fn as_always(&self) {
        self.state().instead = None;
    }

    /// Paths asked for so far, decoded.
    pub fn asked(&self) -> Vec<String> {
        self.upstream.asked().iter().map(|asked| decoded(&asked.path)).collect()
    }
}

fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(&path.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn serve(state: &Mutex<State>, asked: &Asked, stream: &mut TcpStream) {
    let mut state = state.lock().unwrap();
    let url = url::Url::parse(&format!("http://wordpress.example{}", asked.path)).unwrap();
    let mut query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let path = match query.remove("rest_route") {
        Some(route) => Some(route.trim_start_matches('/').to_owned()),
        None => url.path().strip_prefix("/wp-json/").filter(|_| state.pretty).map(str::to_owned),
    };
    if let Some(to) = &state.moved_to {
        let there = format!("{to}{}", asked.path);
        let _ = stream.write_all(&answer("301 Moved Permanently", &[("Location", &there)], ""));
        return;
    }
    let instead = state.instead.as_ref().and_then(|instead| instead(&decoded(&asked.path)));
    let date = httpdate::fmt_http_date(
        std::time::UNIX_EPOCH + std::time::Duration::from_millis(state.now.0 as u64),
    );
    let mut headers = vec![("Date", date)];
    let (status, kind, body) = match (instead, path) {
        (Some(instead), _) => instead,
        (None, None) if url.path() == "/wp-cron.php" => {
            state.cron();
            ("200 OK", "text/html", String::new())
        }
        (None, None) => page(&state, url.path()),
        (None, Some(path)) => {
            let who = asked.header("authorization").map(str::to_owned);
            let said = state.said(&path, &query, who.as_deref());
            let pages = said.total.div_ceil(said.per_page.max(1));
            headers.push(("X-WP-Total", said.total.to_string()));
            headers.push(("X-WP-TotalPages", pages.to_string()));
            (said.status, "application/json; charset=UTF-8", said.json.to_string())
        }
    };
    headers.push(("Content-Type", kind.into()));
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let _ = stream.write_all(&answer(status, &headers, body));
}

/// A page for people.
fn page(state: &State, path: &str) -> (&'static str, &'static str, String) {
    let link = format!("https://turkestan.example{path}");
    let found = path == "/" || state.posts.values().any(|post| post["link"] == link.as_str());
    let status = if found { "200 OK" } else { "404 Not Found" };
    (status, "text/html", "<!DOCTYPE html><html><body>Түркістан</body></html>".into())
}

struct Said {
    status: &'static str,
    json: Value,
    total: usize,
    per_page: usize,
}

fn said(json: Value) -> Said {
    Said { status: "200 OK", json, total: 1, per_page: 1 }
}

fn refused(status: &'static str, code: &str) -> Said {
    Said { status, ..said(json!({"code": code, "message": "Нельзя.", "data": {}})) }
}

impl State {
    fn said(&mut self, path: &str, query: &BTreeMap<String, String>, who: Option<&str>) -> Said {
        let (user, password) = &self.editor;
        let right = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let is_editor = who == Some(right.as_str());
        if who.is_some() && !is_editor && !self.is_silent {
            return refused("401 Unauthorized", "incorrect_password");
        }
        let path = path.strip_prefix("wp/v2/").unwrap_or(path);
        match path.split('/').collect::<Vec<_>>().as_slice() {
            [""] => said(
                json!({"name": "Түркістан", "home": self.home, "namespaces": ["oembed/1.0", "wp/v2"]}),
            ),
            ["users", "me"] if is_editor => said(json!({"id": 1, "capabilities":
                {"edit_others_posts": true, "read_private_posts": true}})),
            ["users", "me"] => refused("401 Unauthorized", "rest_not_logged_in"),
            ["posts"] => self.list("post", query, is_editor),
            ["pages"] => self.list("page", query, is_editor),
            ["posts", id] => self.one("post", id.parse().unwrap(), query, is_editor),
            ["pages", id] => self.one("page", id.parse().unwrap(), query, is_editor),
            [kind] if self.terms.contains_key(kind) => {
                let wanted = ids(&query["include"]);
                let all = self.terms[kind].iter();
                let found = all.filter(|item| wanted.contains(&item["id"].as_u64().unwrap()));
                said(found.map(|item| fields(item, query)).collect())
            }
            _ => refused("404 Not Found", "rest_no_route"),
        }
    }

    /// What was scheduled is published, which WordPress does not call a change.
    fn cron(&mut self) {
        let now = self.now.to_rfc3339();
        let due = |post: &&mut Value| {
            post["status"] == "future" && *post["date_gmt"].as_str().unwrap() <= *now
        };
        for post in self.posts.values_mut().filter(|_| self.has_cron).filter(due) {
            post["status"] = "publish".into();
            post["link"] = format!("https://turkestan.example/{}/", post["id"]).into();
        }
    }

    fn one(&self, kind: &str, id: u64, query: &BTreeMap<String, String>, is_editor: bool) -> Said {
        let Some(post) = self.posts.get(&id).filter(|post| post["type"] == kind) else {
            return refused("404 Not Found", "rest_post_invalid_id");
        };
        if post["status"] != "publish" && !is_editor {
            return refused("401 Unauthorized", "rest_forbidden");
        }
        said(fields(post, query))
    }

    fn list(&mut self, kind: &str, query: &BTreeMap<String, String>, is_editor: bool) -> Said {
        self.lists += 1;
        let lists = self.lists;
        if let Some(mut hook) = self.hook.take() {
            hook(&mut self.posts, lists);
            self.hook = Some(hook);
        }
        let statuses = query.get("status").map_or("publish", String::as_str);
        let number = |key: &str| query.get(key).map(|n| n.parse::<usize>().unwrap());
        let (per_page, page) = (number("per_page").unwrap_or(10), number("page").unwrap_or(1));
        if (statuses != "publish" && !is_editor) || per_page > 100 {
            return refused("400 Bad Request", "rest_invalid_param");
        }
        let zone = self.zone;
        let local_of = |post: &Value, field: &str| local_of(zone, post, field);
        // A time without a zone is the site's own clock, others are moved to what that shows now.
        let bound = |key: &str| {
            let moved = |time: &String| match Millis::from_rfc3339(time) {
                Ok(at) => local(zone, at),
                Err(_) => php(zone, time),
            };
            query.get(key).map(moved)
        };
        let after = bound("modified_after").filter(|_| self.knows_modified_after);
        let before = bound("modified_before");
        let wanted = query.get("include").map(|list| ids(list));
        let mut found: Vec<&Value> = self
            .posts
            .values()
            .filter(|post| post["type"] == kind)
            .filter(|post| statuses.split(',').any(|status| post["status"] == status))
            .filter(|post| wanted.as_ref().is_none_or(|ids| ids.contains(&id_of(post))))
            .filter(|post| {
                after.as_ref().is_none_or(|after| local_of(post, "modified_gmt") > *after)
            })
            .filter(|post| before.as_ref().is_none_or(|b| local_of(post, "modified_gmt") < *b))
            .collect();
        // MySQL leaves ties in whatever order suits it that day.
        let shuffled = |post: &Value| id_of(post).wrapping_mul(2_654_435_761 + lists as u64) % 1009;
        let by = query.get("orderby").map_or("date", String::as_str);
        match if self.sorts { by } else { "id" } {
            "id" => found.sort_by_key(|post| id_of(post)),
            "modified" => found.sort_by_key(|p| (local_of(p, "modified_gmt"), shuffled(p))),
            _ => found.sort_by_key(|post| (local_of(post, "date_gmt"), shuffled(post))),
        }
        if query.get("order").is_none_or(|order| order == "desc") {
            found.reverse();
        }
        let skip = number("offset").unwrap_or((page - 1) * per_page);
        let total = found.len();
        if page > 1 && skip >= total {
            return refused("400 Bad Request", "rest_post_invalid_page_number");
        }
        let items = found.into_iter().skip(skip).take(per_page).map(|post| {
            let mut post = post.clone();
            post["modified"] = php(zone, &local_of(&post, "modified_gmt")).into();
            if post["content"]["protected"] == true {
                post["content"]["rendered"] = "".into();
                post["excerpt"]["rendered"] = "".into();
            }
            fields(&post, query)
        });
        Said { status: "200 OK", json: items.collect(), total, per_page }
    }
}

fn id_of(post: &Value) -> u64 {
    post["id"].as_u64().unwrap()
}

/// What was written under another clock keeps it: WordPress never moves `post_modified`.
fn local_of(zone: Tz, post: &Value, field: &str) -> String {
    if let Some(kept) = post["modified"].as_str().filter(|_| field == "modified_gmt") {
        return kept.to_owned();
    }
    local(zone, Millis::from_rfc3339(&format!("{}Z", post[field].as_str().unwrap())).unwrap())
}

/// What PHP makes of a local time: in the hour that spring leaves out, an hour later.
fn php(zone: Tz, text: &str) -> String {
    const FORM: &str = "%Y-%m-%dT%H:%M:%S";
    let Ok(at) = NaiveDateTime::parse_from_str(text, FORM) else { return text.to_owned() };
    let is_left_out = zone.from_local_datetime(&at).earliest().is_none();
    let at = if is_left_out { at + TimeDelta::hours(1) } else { at };
    at.format(FORM).to_string()
}

/// The site's own clock.
fn local(zone: Tz, at: Millis) -> String {
    at.utc().with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S").to_string()
}

fn ids(list: &str) -> Vec<u64> {
    list.split(',').map(|id| id.parse().unwrap()).collect()
}

/// `_fields`, with fields of fields.
fn fields(item: &Value, query: &BTreeMap<String, String>) -> Value {
    let Some(names) = query.get("_fields") else { return item.clone() };
    let mut kept = json!({});
    for name in names.split(',') {
        match name.split_once('.') {
            Some((outer, inner)) if item[outer].get(inner).is_some() => {
                kept[outer][inner] = item[outer][inner].clone();
            }
            None if item.get(name).is_some() => kept[name] = item[name].clone(),
            _ => {}
        }
    }
    kept
}
