//! Talks to one site's REST API: where it is, who asks, and what came back. Every answer that is not
//! JSON becomes one sentence that says what stands in the way.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use url::Url;

use crate::{
    config::WordPressSource,
    ingest::{clean::plain_text, source::pull::PullError},
    outbound::{Ask, Outbound, Reply},
};

/// Redirects of one request.
const REDIRECTS_MAX: u8 = 3;
/// For `wp-cron.php`, which answers at once or is not there.
const CRON_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of the text of an error that are told.
const MESSAGE_CHARS_MAX: usize = 200;
/// Bytes of an answer that lists, names or describes.
pub(super) const LIST_BYTES_MAX: usize = 4 << 20;
/// Bytes of an answer with whole posts; a larger one is asked for in parts.
pub(super) const POSTS_BYTES_MAX: usize = 16 << 20;

/// A site's REST API.
pub(super) struct Api<'a> {
    pub outbound: &'a Outbound,
    pub settings: &'a WordPressSource,
    /// Ends in `/`; empty until it is found.
    pub root: String,
    pub authorization: Option<HeaderValue>,
    pub requests: u32,
}

/// An answer in JSON: what was asked for, or WordPress's own words why not.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub json: Value,
    headers: HeaderMap,
}

impl Answer {
    /// True for 2xx.
    pub fn is_good(&self) -> bool {
        self.status.is_success()
    }

    /// WordPress's word for what is wrong, such as `rest_forbidden`.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The items of a list.
    pub fn list(&self) -> Result<&[Value], PullError> {
        let list = self.json.as_array().map(Vec::as_slice);
        list.ok_or_else(|| {
            PullError::Content(
                "WordPress answered with JSON that is not a list; a plugin changes its REST API"
                    .into(),
            )
        })
    }

    /// How many posts the question has in all, where WordPress says; it counts those that it does
    /// not show too.
    pub fn total(&self) -> Option<u64> {
        self.header("x-wp-total")?.parse().ok()
    }

    /// How many pages the question has, where WordPress says.
    pub fn pages(&self) -> Option<u64> {
        self.header("x-wp-totalpages")?.parse().ok()
    }

    /// The server's own time in seconds.
    pub fn date(&self) -> Option<i64> {
        let at = httpdate::parse_http_date(self.header("date")?).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// As an error: for what should have been answered.
    pub fn refused(&self, host: &str) -> PullError {
        let message = short(self.json["message"].as_str().unwrap_or_default());
        let code = short(self.code());
        let remedy = match self.status.as_u16() {
            401 | 403 => "; check what plugins and the user's role let the REST API show",
            404 => {
                "; check the source's `types`, and that no plugin closes this part of the REST API"
            }
            _ => "",
        };
        let why = format!("{message} ({code}){remedy}");
        PullError::Answer {
            host: host.into(),
            status: self.status.as_u16(),
            why,
            retry_after: None,
        }
    }
}

impl Api<'_> {
    /// Asks for `path` below `wp/v2/`, or for `/` itself.
    pub async fn get(
        &mut self,
        path: &str,
        query: &[(&str, String)],
        bytes_max: usize,
    ) -> Result<Answer, PullError> {
        let url = self.url(path, query)?;
        let reply = self.send(Method::GET, url, bytes_max).await?;
        self.stay_at_home(&reply.url)?;
        self.read(reply)
    }

    async fn send(
        &mut self,
        method: Method,
        url: Url,
        bytes_max: usize,
    ) -> Result<Reply, PullError> {
        self.requests += 1;
        let mut ask = Ask::get(url);
        ask.method = method;
        ask.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = &self.authorization {
            ask.headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        ask.body_bytes_max = bytes_max;
        ask.timeout = self.settings.timeout;
        ask.redirects_max = REDIRECTS_MAX;
        Ok(self.outbound.send(ask).await?)
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Result<Url, PullError> {
        let whole =
            if path == "/" { self.root.clone() } else { format!("{}wp/v2/{path}", self.root) };
        let mut url = Url::parse(&whole).map_err(|_| bad_root(&self.root))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// The host for sentences.
    pub fn host(&self) -> String {
        let url = Url::parse(&self.root).ok();
        let host = url.and_then(|u| u.host_str().map(str::to_owned));
        host.unwrap_or_else(|| self.settings.url.host())
    }

    /// True where nobody on the way reads along: by https, or within this machine.
    pub fn is_private(&self) -> bool {
        let Ok(url) = Url::parse(&self.root) else { return true };
        let local = match url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        };
        local || url.scheme() == "https"
    }

    fn read(&self, reply: Reply) -> Result<Answer, PullError> {
        let Reply { status, headers, body, .. } = reply;
        let json = parse(&body);
        match (status.as_u16(), json) {
            (200..=299, Ok(json)) => Ok(Answer { status, json, headers }),
            (200..=299, Err(why)) => {
                Err(PullError::Content(format!("{} answered, but {why}", self.host())))
            }
            (400 | 401 | 403 | 404, Ok(json)) if json["code"].is_string() => {
                Ok(Answer { status, json, headers })
            }
            (code, json) => Err(self.failed(code, &headers, json)),
        }
    }

    fn failed(&self, status: u16, headers: &HeaderMap, json: Result<Value, String>) -> PullError {
        let said = json.as_ref().ok().and_then(|json| json["message"].as_str());
        let why = match (said.map(short).filter(|said| !said.is_empty()), status) {
            (Some(said), _) => said,
            (None, 401 | 403) => {
                "something before WordPress refuses jarshy; let its address through".into()
            }
            (None, 404) => "the REST API is not there; check the source's url".into(),
            (None, 429) => "it wants to be asked less often".into(),
            (None, 500..) => {
                "WordPress or what stands before it is broken; its log says more".into()
            }
            (None, _) => "that is no answer of the REST API; check the source's url".into(),
        };
        let retry_after = headers.get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
        let retry_after = retry_after.and_then(|v| v.trim().parse().ok()).map(Duration::from_secs);
        PullError::Answer { host: self.host(), status, why, retry_after }
    }
}

impl Api<'_> {
    /// Tells WordPress to do what it has scheduled, as its visitors do. It answers before it is done,
    /// and may not answer at all: what it then shows tells.
    pub async fn run_cron(&mut self) {
        let site = self.settings.url.as_str().trim_end_matches('/');
        let Ok(url) = Url::parse(&format!("{site}/wp-cron.php?doing_wp_cron")) else { return };
        self.requests += 1;
        let timeout = self.settings.timeout.min(CRON_TIMEOUT);
        let redirects_max = REDIRECTS_MAX;
        let ask = Ask { timeout, redirects_max, body_bytes_max: LIST_BYTES_MAX, ..Ask::get(url) };
        if let Err(error) = self.outbound.send(ask).await {
            tracing::debug!(%error, "wp-cron.php was not reached");
        }
    }

    /// The status of a public page; as anybody sees it.
    pub async fn page_status(&mut self, url: &str) -> Result<u16, PullError> {
        let url = Url::parse(url).map_err(|_| bad_root(url))?;
        let authorization = self.authorization.take();
        let reply = self.send(Method::HEAD, url, LIST_BYTES_MAX).await;
        self.authorization = authorization;
        Ok(reply?.status.as_u16())
    }
}

/// Finding the root.
impl Api<'_> {
    /// Finds where the REST API is, and answers with its own description.
    pub async fn find(&mut self) -> Result<Value, PullError> {
        let site = self.settings.url.as_str().trim_end_matches('/').to_owned();
        let mut failure = None;
        for root in [format!("{site}/wp-json/"), format!("{site}/?rest_route=/")] {
            match self.described(root).await {
                Ok(Some(index)) => return Ok(index),
                Ok(None) => {}
                // Nobody there: no other address of the site helps.
                Err(error @ PullError::Unreachable(_)) => return Err(error),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(root) = self.announced(&site).await?
            && let Some(index) = self.described(root).await?
        {
            return Ok(index);
        }
        self.root = String::new();
        Err(failure.unwrap_or_else(|| {
            PullError::Content(format!(
                "no REST API of WordPress is found at {site}; check the source's url, and that no \
                 plugin switches the REST API off"
            ))
        }))
    }

    async fn described(&mut self, root: String) -> Result<Option<Value>, PullError> {
        self.root = root;
        let fields = [("_fields", "name,home,url,namespaces".to_owned())];
        let url = self.url("/", &fields)?;
        let reply = self.send(Method::GET, url, LIST_BYTES_MAX).await?;
        let end = reply.url.clone();
        let answer = self.read(reply)?;
        let spaces = answer.json["namespaces"].as_array();
        let known = spaces.is_some_and(|list| list.iter().any(|space| space == "wp/v2"));
        // A plugin closes the API to strangers: that is WordPress speaking all the same.
        let closed = matches!(answer.status.as_u16(), 401 | 403) && !answer.code().is_empty();
        if !known && !closed {
            return Ok(None);
        }
        self.stay_at_home(&end)?;
        self.settle(end);
        Ok(Some(answer.json))
    }

    /// Whoever answers gets the password and fills our feeds: only the site that the settings name
    /// may, with or without `www.`, and by https where they say http.
    fn stay_at_home(&self, end: &Url) -> Result<(), PullError> {
        let named = self.settings.url.as_str();
        let home = Url::parse(named).map_err(|_| bad_root(named))?;
        if is_same_site(&home, end) {
            return Ok(());
        }
        Err(PullError::Content(format!(
            "{} leads to {}: if the site has moved there, make that the source's url",
            home.origin().ascii_serialization(),
            end.origin().ascii_serialization()
        )))
    }

    /// False where an older jarshy kept the root of another site that redirects led to, or where the
    /// settings name another site now.
    pub fn is_at_home(&self) -> bool {
        Url::parse(&self.root).is_ok_and(|root| self.stay_at_home(&root).is_ok())
    }

    /// The root is where redirects led to, so that credentials need not pass through them.
    fn settle(&mut self, end: Url) {
        let mut root = end;
        let route = root.query_pairs().find(|(key, _)| key == "rest_route").is_some();
        root.set_query(route.then_some("rest_route=/"));
        root.set_fragment(None);
        self.root = root.into();
        if !route && !self.root.ends_with('/') {
            self.root.push('/');
        }
    }

    /// The root that the site's first page names; on the site's own host whatever it says.
    async fn announced(&mut self, site: &str) -> Result<Option<String>, PullError> {
        let home = Url::parse(site).map_err(|_| bad_root(site))?;
        let reply = self.send(Method::HEAD, home, LIST_BYTES_MAX).await?;
        let links = reply.headers.get_all(header::LINK);
        let named = links.iter().filter_map(|v| v.to_str().ok()).find_map(|link| {
            let (url, rest) = link.trim_start().strip_prefix('<')?.split_once('>')?;
            rest.contains("https://api.w.org/").then(|| url.to_owned())
        });
        let Some(named) = named.and_then(|url| reply.url.join(&url).ok()) else { return Ok(None) };
        let mut root = reply.url;
        root.set_path(named.path());
        root.set_query(named.query());
        Ok(Some(root.into()))
    }
}

fn is_same_site(home: &Url, end: &Url) -> bool {
    let host = |url: &Url| url.host_str().map(|h| h.trim_start_matches("www.").to_owned());
    let same_door = home.scheme() == end.scheme()
        && home.port_or_known_default() == end.port_or_known_default();
    // `port` is none where it is the scheme's own.
    let safer = home.scheme() == "http" && end.scheme() == "https" && end.port().is_none();
    host(home) == host(end) && (same_door || safer)
}

/// The header of an application password.
pub(super) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let text = format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.trim())));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn bad_root(root: &str) -> PullError {
    PullError::Content(format!("`{}` is not an address of a REST API", short(root)))
}

/// JSON, or what is there instead.
fn parse(body: &[u8]) -> Result<Value, String> {
    // Careless plugins put a byte order mark or empty lines before everything.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    serde_json::from_slice(body).map_err(|error| {
        let start = String::from_utf8_lossy(&body[..body.len().min(2000)]).to_lowercase();
        let php = ["warning", "notice", "deprecated", "fatal error", "parse error"];
        if body.is_empty() {
            "with nothing: WordPress broke off; its log says more".into()
        } else if start.contains(" on line ") && php.iter().any(|word| start.contains(word)) {
            "PHP's own messages stand in the JSON: switch display_errors and WP_DEBUG_DISPLAY off"
                .into()
        } else if start.starts_with('<') {
            "with a web page instead of JSON: a login, maintenance or firewall page stands before \
             the REST API; let jarshy through"
                .into()
        } else {
            format!("its JSON is broken ({error}); a plugin changes its REST API")
        }
    })
}

/// A text of the site for a message.
fn short(text: &str) -> String {
    plain_text(text).chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_came_instead_of_json() {
        let why = |body: &str| parse(body.as_bytes()).unwrap_err();
        assert!(
            why("<br />\n<b>Warning</b>: x in /a.php on line <b>3</b>\n[]").contains("PHP's own")
        );
        assert!(why("<!DOCTYPE html><html><form>").contains("web page"));
        assert!(why("").contains("nothing"));
        assert!(why("[{\"id\":1").contains("broken"));
        assert_eq!(parse("\u{feff}\n [] ".as_bytes()).unwrap(), serde_json::json!([]));
    }
}
