//! `jarshy import`: articles in from WordPress exports, saved pages, JSON lines and feeds, and old
//! numbers of views for articles that are here. A daemon may run meanwhile; it notices. The report goes
//! to standard output, the progress bar to a terminal.

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Listeners, Which, say};
use crate::{
    clock::Clock,
    config::Config,
    ingest::{
        carry::{CarryOptions, carry_over},
        date_or_time,
        feed::FeedOptions,
        import::{
            BrokenInput, ImportError, ImportOptions, Importer, Input, Kind, Progress, Report,
        },
        page::PageOptions,
        wxr::WxrOptions,
    },
    model::{ArticleId, Language, WebUrl},
    store::{self, Store},
};

/// Takes articles in; the same input again changes nothing.
#[derive(Args, Debug)]
pub struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// WordPress exports (Tools > Export)
    Wxr {
        /// Post types to take
        #[arg(long, value_delimiter = ',', default_value = "post", value_name = "TYPES")]
        types: Vec<String>,
        /// Articles become PREFIX-<post id>; one for each site
        #[arg(long, default_value = "wp", value_parser = prefix)]
        prefix: String,
        #[command(flatten)]
        what: What,
    },
    /// Saved pages, HTML or text as copied, an article each
    Page {
        /// The article's address; needed where the page does not name its own
        #[arg(long, value_parser = WebUrl::parse)]
        url: Option<WebUrl>,
        /// The article's id [default: page-<last part of the address>]
        #[arg(long, value_parser = ArticleId::parse)]
        id: Option<ArticleId>,
        #[command(flatten)]
        what: What,
    },
    /// An article a line, in the JSON of the API
    Jsonl {
        #[command(flatten)]
        what: What,
    },
    /// Views that an old system counted, for articles that are here: JSON, JSON lines or CSV with
    /// columns such as id,views, or the table of Post Views Counter
    Views {
        /// What counted them, for the record: post-views-counter
        #[arg(long, value_name = "NAME", value_parser = source)]
        source: String,
        /// When it had these numbers, such as 2026-11-24 or 2026-11-24T12:00:00Z [default: now]
        #[arg(long, value_name = "DATE")]
        as_of: Option<String>,
        /// Ids that are numbers become PREFIX-<number>
        #[arg(long, default_value = "wp", value_parser = prefix)]
        prefix: String,
        #[command(flatten)]
        what: What,
    },
    /// RSS, Atom or JSON feeds
    Feed {
        /// Articles become PREFIX-<hash of the guid>; one for each feed
        #[arg(long, default_value = "feed", value_parser = prefix)]
        prefix: String,
        /// Where the feed is from; relative addresses are resolved against it
        #[arg(long, value_parser = WebUrl::parse)]
        url: Option<WebUrl>,
        /// The one section of the articles, their categories being tags then
        #[arg(long)]
        section: Option<String>,
        /// The articles' language [default: what the feed says]
        #[arg(long, value_parser = Language::parse)]
        language: Option<Language>,
        #[command(flatten)]
        what: What,
    },
}

#[derive(Args, Debug)]
struct What {
    /// Files, packed by gzip or not; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Say what would happen, write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: ImportArgs) -> Result<(), Failure> {
    let (kind, what) = kind_of(args.from)?;
    if what.files.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Failure::input("standard input can be read once: name `-` once"));
    }
    let config = which.settings(&Listeners::default())?;
    // A folder that is not there yet is not made for a dry run.
    let is_new = !store::database_path(&config.store.data).exists();
    let empty = (what.dry_run && is_new).then(tempfile::tempdir).transpose()?;
    let mut settings = config.store.clone();
    if let Some(empty) = &empty {
        settings.data = empty.path().to_owned();
    }
    let store = Store::open(&settings).await?;
    let kind = match kind {
        Asked::Articles(kind) => kind,
        Asked::Views(asked) => return take_views(&config, &store, &what, asked).await,
    };
    let options = ImportOptions { kind, dry_run: what.dry_run };
    let report = take(&config, store, &what.files, &options).await?;
    if what.json {
        say(serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?)?;
    } else {
        say(report.to_string().trim_end())?;
    }
    match report.broken.first() {
        Some(broken) => Err(Failure::input(sentence(broken))),
        None => Ok(()),
    }
}

/// What is asked for: articles, or numbers for those that are here.
enum Asked {
    Articles(Kind),
    Views(AskedViews),
}

struct AskedViews {
    source: String,
    as_of: Option<String>,
    prefix: String,
}

fn kind_of(from: From) -> Result<(Asked, What), Failure> {
    let (kind, what) = match from {
        From::Views { source, as_of, prefix, what } => {
            return Ok((Asked::Views(AskedViews { source, as_of, prefix }), what));
        }
        From::Wxr { types, prefix, what } => (Kind::Wxr(WxrOptions { types, prefix }), what),
        From::Page { url, id, what } => {
            if what.files.len() > 1 && (url.is_some() || id.is_some()) {
                return Err(Failure::input("--url and --id are for one file: import it alone"));
            }
            (Kind::Page(PageOptions { url, id }), what)
        }
        From::Jsonl { what } => (Kind::Jsonl, what),
        From::Feed { prefix, url, section, language, what } => {
            // A WebUrl is a URL.
            let url = url.and_then(|url| url.as_str().parse().ok());
            (Kind::Feed(FeedOptions { prefix, section, language, url }), what)
        }
    };
    Ok((Asked::Articles(kind), what))
}

/// Numbers of the old system for articles that are here.
async fn take_views(
    config: &Config,
    store: &Store,
    what: &What,
    asked: AskedViews,
) -> Result<(), Failure> {
    let zone = config.site.time_zone;
    let as_of = asked.as_of.map(|text| date_or_time(&text, zone)).transpose();
    let options = CarryOptions {
        prefix: asked.prefix,
        source: asked.source,
        as_of: as_of.map_err(|why| Failure::input(format!("--as-of: {why}")))?,
        dry_run: what.dry_run,
    };
    let inputs: Vec<Input> = what.files.iter().map(|file| Input::from_argument(file)).collect();
    let report = carry_over(store, &inputs, &options, Clock::system().now()).await;
    let report = report.map_err(failure)?;
    if what.json {
        return say(serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?);
    }
    say(report.to_string().trim_end())
}

fn failure(error: ImportError) -> Failure {
    match error {
        ImportError::Input(sentence) => Failure::input(sentence),
        ImportError::Store(_) | ImportError::Failed(_) => Failure::system(error.to_string()),
    }
}

async fn take(
    config: &Config,
    store: Store,
    files: &[String],
    options: &ImportOptions,
) -> Result<Report, Failure> {
    let inputs: Vec<Input> = files.iter().map(|file| Input::from_argument(file)).collect();
    let importer =
        Importer::new(store, config.site.clone(), config.limits.clone(), Clock::system());
    let bar = bar();
    let told = |progress: Progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_read.min(progress.bytes_total));
        bar.set_message(format!("{} articles", progress.articles));
    };
    let result = importer.import(&inputs, options, &told).await;
    bar.finish_and_clear();
    result.map_err(failure)
}

/// Shown on a terminal only.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {msg} {eta}");
    // The template is fixed; were it wrong, the plain bar is good enough.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn sentence(broken: &BrokenInput) -> String {
    let line = broken.line.map_or(String::new(), |line| format!(" at line {line}"));
    format!("{}{line}: {}; what stood before it was taken", broken.input, broken.why)
}

/// A few words that are kept with each number.
fn source(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| "a source is 1 to 100 characters".into())
}

/// The start of ids: room is left for a post's number.
fn prefix(text: &str) -> Result<String, String> {
    match ArticleId::parse(text) {
        Ok(_) if text.len() <= 40 => Ok(text.to_owned()),
        _ => Err("a prefix is 1 to 40 characters of A-Z a-z 0-9 _ -".into()),
    }
}
