//! `jarshy articles`: look at articles, take them back, and see who did.

use clap::{Args, Subcommand};

use super::{Failure, Which, say};
use crate::{
    clock::Clock,
    ingest::{Intake, Refusal, RefusalKind, article_json::ArticleJson},
    model::{ArticleId, CarriedOver, Status},
    store::{ArticleFilter, Stored},
};

/// Lists, shows, withdraws or restores articles.
#[derive(Args, Debug)]
pub struct ArticlesArgs {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with articles.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List articles, the newest first
    List(ListArgs),
    /// Show one article
    Show {
        /// Its id
        id: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an article back everywhere; a tombstone remains
    Withdraw {
        /// Its id
        id: String,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Bring a withdrawn article back, as it stood before
    Restore {
        /// Its id
        id: String,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Show who withdrew or restored what, and why
    Audit(AuditArgs),
}

/// Which entries of the audit log are shown.
#[derive(Args, Debug)]
pub struct AuditArgs {
    /// Of this article
    id: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

/// Which articles are listed.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Of this section
    #[arg(long)]
    section: Option<String>,
    /// draft, scheduled, published or withdrawn
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Whose title contains these words
    #[arg(long, value_name = "WORDS")]
    q: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Write JSON, an article a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: ArticlesArgs) -> Result<(), Failure> {
    match args.action {
        Action::List(args) => list(which, args).await,
        Action::Show { id, json } => show(which, &id, json).await,
        Action::Withdraw { id, reason } => withdraw(which, &id, reason).await,
        Action::Restore { id, reason } => restore(which, &id, reason).await,
        Action::Audit(args) => audit(which, args).await,
    }
}

async fn list(which: &Which, args: ListArgs) -> Result<(), Failure> {
    let (_, store) = which.open_store().await?;
    let filter = ArticleFilter {
        section: args.section,
        status: args.status,
        text: args.q,
        after: None,
        limit: args.limit,
    };
    for stored in store.list_articles(&filter).await? {
        if args.json {
            say(json_line(&stored)?)?;
        } else {
            say(text_line(&stored))?;
        }
    }
    Ok(())
}

async fn show(which: &Which, id: &str, json: bool) -> Result<(), Failure> {
    let (_, store) = which.open_store().await?;
    let id = article_id(id)?;
    let stored = store.article(&id).await?.ok_or_else(|| no_article(&id))?;
    if json {
        return say(json_line(&stored)?);
    }
    let article = &stored.article;
    say(text_line(&stored))?;
    say(format!("url       {}\nguid      {}", article.url, article.guid))?;
    say(format!("sections  {}", article.sections.join(", ")))?;
    say(format!("updated   {}", article.updated_at.to_rfc3339()))?;
    let from = |number: &CarriedOver| format!(", {} on {}", number.source, number.at.to_rfc3339());
    let from = article.carried_over.as_ref().map(from).unwrap_or_default();
    say(format!("views     {} carried over{from}", article.carried_over_views()))?;
    say(format!("\n{}", article.body_html))
}

async fn withdraw(which: &Which, id: &str, reason: Option<String>) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let id = article_id(id)?;
    let intake = Intake::new(store, config.site, &config.limits, Clock::system());
    let withdrawn = intake.withdraw(&id, "cli", reason, None).await?;
    match withdrawn.newly {
        true => say(format!("{id} is withdrawn; a running daemon takes it out of every feed")),
        false => say(format!("{id} was withdrawn already")),
    }
}

async fn restore(which: &Which, id: &str, reason: Option<String>) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let id = article_id(id)?;
    let intake = Intake::new(store, config.site, &config.limits, Clock::system());
    let restored = intake.restore(&id, "cli", reason, None).await?;
    let status = restored.stored.article.status.as_str();
    match restored.newly {
        true => {
            say(format!("{id} is {status} again; a running daemon puts it back into its feeds"))
        }
        false => say(format!("{id} was not withdrawn: it is {status}")),
    }
}

async fn audit(which: &Which, args: AuditArgs) -> Result<(), Failure> {
    let (_, store) = which.open_store().await?;
    let id = args.id.as_deref().map(article_id).transpose()?;
    for entry in store.audit(id.as_ref(), None, args.limit).await? {
        let (note, article) = (&entry.note, &entry.article);
        let (at, action, actor) = (note.at.to_rfc3339(), note.action.as_str(), &note.actor);
        let reason = note.reason.as_deref().unwrap_or("-");
        say(format!("{at:<24}  {action:<8}  {article:<16}  {actor:<12}  {reason}"))?;
    }
    Ok(())
}

fn text_line(stored: &Stored) -> String {
    let article = &stored.article;
    let published = article.published_at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
    let (status, id, title) = (article.status.as_str(), &article.id, &article.title);
    format!("{published:<24}  {status:<9}  {id:<16}  {title}")
}

fn json_line(stored: &Stored) -> Result<String, Failure> {
    serde_json::to_string(&ArticleJson::from(&stored.article))
        .map_err(|e| Failure::system(e.to_string()))
}

fn article_id(text: &str) -> Result<ArticleId, Failure> {
    ArticleId::parse(text).map_err(|e| Failure::input(e.to_string()))
}

fn no_article(id: &ArticleId) -> Failure {
    Failure::input(format!("there is no article `{id}`; `jarshy articles list` shows them"))
}

fn status(word: &str) -> Result<Status, String> {
    Status::from_word(word)
        .ok_or_else(|| "write draft, scheduled, published or withdrawn".to_owned())
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        match refusal.kind {
            RefusalKind::Store(error) => error.into(),
            _ => Failure::input(refusal.to_string()),
        }
    }
}
