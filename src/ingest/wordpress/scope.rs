//! Who asks: nobody, a user, or an editor who sees what is not public. Asked of `users/me`, because
//! WordPress serves wrong credentials as nobody's without a word.

use serde_json::Value;

use super::{
    Answer, Run,
    api::{LIST_BYTES_MAX, POSTS_BYTES_MAX, basic},
};
use crate::{ingest::source::pull::PullError, model::WebUrl, store::DbError};

/// What an editor lists. The trash too: it tells what is to be withdrawn.
const ALL_STATUSES: &str = "publish,future,draft,pending,private,trash";
/// Bytes of a password file.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// What is read of a list's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Ids and times.
    List,
    /// Everything; an editor also what was typed, which tells a written excerpt from a made one.
    Whole,
}

/// What the site shows us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// What everybody sees.
    Public,
    /// Scheduled, private and other posts too.
    Editor,
}

impl Run<'_> {
    /// Finds the REST API where it is not known yet, and claims the prefix for its site.
    pub async fn find_site(&mut self) -> Result<(), PullError> {
        if self.api.is_at_home() {
            return Ok(());
        }
        self.api.root.clear();
        self.api.authorization = None;
        let index = self.api.find().await?;
        let told = index["home"].as_str().or(index["url"].as_str()).unwrap_or_default();
        let home = WebUrl::parse(told).unwrap_or_else(|_| self.source.settings.url.clone());
        let home = home.as_str().trim_end_matches('/').to_owned();
        self.claim_prefix(&home).await?;
        self.cursor.home = home;
        self.api.authorization = self.memory.authorization.clone();
        Ok(())
    }

    /// Ids of two sites would collide, so a prefix belongs to the first site that used it, by an
    /// import or by a pull.
    async fn claim_prefix(&self, home: &str) -> Result<(), PullError> {
        let prefix = &self.source.settings.prefix;
        let fact = format!("wxr_site:{prefix}");
        let owner = self.source.store.claim_fact(&fact, home).await?;
        if bare(&owner) == bare(home) {
            return Ok(());
        }
        Err(PullError::Content(format!(
            "the prefix `{prefix}` belongs to {owner}, and this site is {home}: give the source \
             another prefix"
        )))
    }

    /// Asks WordPress whether it knows us, once for each process, reconciliation and doubt.
    pub async fn confirm_credentials(&mut self) -> Result<(), PullError> {
        if self.memory.scope.is_some() {
            return Ok(());
        }
        let settings = &self.source.settings;
        let (Some(user), Some(_)) = (&settings.user, &settings.password_file) else {
            self.memory.scope = Some(Scope::Public);
            return Ok(());
        };
        let password = self.password().await?;
        self.api.authorization = basic(user, &password);
        let query = [("context", "edit".to_owned()), ("_fields", "id,capabilities".to_owned())];
        let answer = self.api.get("users/me", &query, LIST_BYTES_MAX).await.map_err(denied)?;
        self.memory.scope = Some(match answer.status.as_u16() {
            200..=299 => scope(&answer.json),
            404 => self.scope_by_drafts().await?,
            _ => return Err(self.unauthorized(&answer)),
        });
        self.memory.authorization = self.api.authorization.clone();
        self.memory.public_only.clear();
        if !self.api.is_private() {
            let host = self.api.host();
            self.note(format!("the password goes to {host} by http, for all on the way to read; set https in the source's url"));
        }
        Ok(())
    }

    async fn password(&self) -> Result<String, PullError> {
        let path = self.source.settings.password_file.clone().unwrap_or_default();
        let shown = path.display().to_string();
        let read = move || {
            let size = std::fs::metadata(&path)?.len();
            if size > PASSWORD_BYTES_MAX {
                return Err(std::io::Error::other("it is too large for a password"));
            }
            std::fs::read_to_string(&path)
        };
        let read = tokio::task::spawn_blocking(read).await;
        let password = read.map_err(|_| DbError::Failed("the work was not finished".into()))?;
        password.map_err(|error| {
            PullError::Unauthorized(format!("the password file {shown} cannot be read: {error}"))
        })
    }

    /// A plugin closes `users`: that drafts may be listed shows as much.
    async fn scope_by_drafts(&mut self) -> Result<Scope, PullError> {
        let query = [
            ("status", "draft".to_owned()),
            ("per_page", "1".to_owned()),
            ("_fields", "id".to_owned()),
        ];
        let answer = self.api.get("posts", &query, LIST_BYTES_MAX).await.map_err(denied)?;
        if answer.is_good() { Ok(Scope::Editor) } else { Err(self.unauthorized(&answer)) }
    }

    fn unauthorized(&self, answer: &Answer) -> PullError {
        let host = self.api.host();
        let user = self.source.settings.user.clone().unwrap_or_default();
        let why = match answer.code() {
            "rest_not_logged_in"
            | "rest_forbidden"
            | "rest_forbidden_status"
            | "rest_invalid_param" => {
                "pays no heed to the password: application passwords need https (WordPress must know \
                 that it is behind https), and the web server must pass the Authorization header on"
            }
            "invalid_username" | "invalid_email" => "knows no such user",
            "incorrect_password" => {
                "says that the application password is wrong: make a new one under Users, Profile"
            }
            _ => {
                "does not accept the credentials: make a new application password under Users, Profile"
            }
        };
        PullError::Unauthorized(format!("{host} {why} (user `{user}`); nothing was pulled"))
    }

    /// True where unpublished posts of this type are listed too.
    pub fn sees_all(&self, kind: &str) -> bool {
        self.memory.scope == Some(Scope::Editor) && !self.memory.public_only.contains(kind)
    }

    /// Lists posts of a type with all statuses that we may see.
    pub async fn list(
        &mut self,
        kind: &str,
        query: Vec<(&'static str, String)>,
        reads: Reads,
    ) -> Result<Answer, PullError> {
        let all = self.sees_all(kind);
        let mut whole = query.clone();
        if all {
            whole.push(("status", ALL_STATUSES.to_owned()));
            whole.extend((reads == Reads::Whole).then(|| ("context", "edit".to_owned())));
        }
        let bytes_max = if reads == Reads::Whole { POSTS_BYTES_MAX } else { LIST_BYTES_MAX };
        let answer = self.api.get(kind, &whole, bytes_max).await?;
        if answer.is_good() || answer.code() == "rest_post_invalid_page_number" {
            return Ok(answer);
        }
        if !matches!(answer.status.as_u16(), 400 | 401 | 403) || self.source.settings.user.is_none()
        {
            return Err(answer.refused(&self.api.host()));
        }
        // Perhaps the password was taken back: then nothing that is missing now is gone.
        self.memory.scope = None;
        self.confirm_credentials().await?;
        if all {
            self.memory.public_only.insert(kind.to_owned());
        }
        let again = self.api.get(kind, &query, bytes_max).await?;
        if again.is_good() { Ok(again) } else { Err(again.refused(&self.api.host())) }
    }
}

fn scope(me: &Value) -> Scope {
    let may = |what: &str| me["capabilities"][what] == Value::Bool(true);
    if may("edit_others_posts") && may("read_private_posts") {
        Scope::Editor
    } else {
        Scope::Public
    }
}

/// Answers without JSON to the question who we are.
fn denied(error: PullError) -> PullError {
    match error {
        PullError::Answer { host, status: status @ (401 | 403), .. } => {
            PullError::Unauthorized(format!(
                "{host} answered {status} to the credentials, and not in WordPress's words: something \
             before WordPress refuses jarshy; let its address through"
            ))
        }
        error => error,
    }
}

/// A site's address without what changes in its life: the scheme, `www.`, a slash.
fn bare(site: &str) -> &str {
    let site = site.split_once("://").map_or(site, |(_, rest)| rest);
    site.strip_prefix("www.").unwrap_or(site).trim_end_matches('/')
}
