//! A newsroom moves here from WordPress: whoever polled its feeds goes on at the same addresses and
//! sees nothing twice. Every captured feed is polled, then ours.

use std::{collections::HashMap, fs, path::Path, sync::LazyLock};

use jarshy::{
    clock::Clock,
    config::{Limits, Site},
    ingest::{
        import::{ImportOptions, Importer, Input, Kind},
        wxr::WxrOptions,
    },
    store::Store,
};
use regex::Regex;

use crate::{
    desk,
    running::{NOW, Running, settings_of},
    wire::{Reply, ask},
};

const TAG: &str = "/tag/%d1%82%d2%af%d1%80%d0%ba%d1%96%d1%81%d1%82%d0%b0%d0%bd/feed/";
const POST: &str = "/2026/11/obsuzhdenie-tarify-na-polivnuyu-vodu-30-kommentariev/feed/";

fn settings(site: &str, more: &str) -> String {
    format!(
        "[site]\ntitle = \"Т\"\nurl = \"{site}\"\nlanguage = \"ru\"\ntime_zone = \"Asia/Almaty\"\n\
         [public]\nurl = \"https://feeds.news.example\"\n[[feeds]]\nslug = \"news\"\ntitle = \"Н\"\n\
         language = \"mixed\"\nentries = 100\n[takeover]\n{more}"
    )
}

fn export(name: &str) -> Input {
    Input::File(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wordpress").join(name))
}

async fn import(store: Store, site: Site, limits: Limits, name: &str) {
    let importer = Importer::new(store, site, limits, Clock::manual(NOW));
    let options = ImportOptions { kind: Kind::Wxr(WxrOptions::default()), dry_run: false };
    let report = importer.import(&[export(name)], &options, &|_| ()).await.unwrap();
    assert!(report.taken > 40 && report.broken.is_empty(), "{report}");
}

/// A daemon on the newsroom of an export.
pub fn moved_in(name: &str, site: &str, more: &str) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(site, more);
    let config = settings_of(&settings, folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&config.store).await.unwrap();
        import(store, config.site.clone(), config.limits.clone(), name).await;
    });
    let running = Running::on(folder, &settings, Clock::manual(NOW));
    running.settle();
    running
}

const SERVE: &str = "addresses = \"serve\"\n";

fn small() -> Running {
    moved_in("small.wxr.xml", "https://turkestan.example", SERVE)
}

/// What a captured answer or one of ours shows, read as leniently as real readers do.
#[derive(Clone, Debug, PartialEq)]
struct Item {
    guid: String,
    link: String,
    title: String,
    /// Seconds since the epoch; RSS 0.92 has none.
    at: Option<i64>,
}

impl Item {
    /// What a reader remembers it by: the guid, the link where there is none.
    fn key(&self) -> &str {
        if self.guid.is_empty() { &self.link } else { &self.guid }
    }
}

fn items(text: &str) -> Vec<Item> {
    static ITEM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?s)<(?:item|entry)[ >].*?</(?:item|entry)>").unwrap());
    let field = |item: &str, names: &str| {
        let found = Regex::new(&format!(r"(?s)<(?:{names})(?: [^>]*)?>(.*?)</")).unwrap();
        let text = found.captures(item).map(|c| c[1].to_owned()).unwrap_or_default();
        let text = text.trim().trim_start_matches("<![CDATA[").trim_end_matches("]]>");
        text.replace("&#038;", "&").replace("&amp;", "&")
    };
    let alternate = Regex::new(r#"<link [^>]*href="([^"]*)"[^>]*>"#).unwrap();
    let mut found = Vec::new();
    for item in ITEM.find_iter(text).map(|m| m.as_str()) {
        let mut link = field(item, "link");
        if link.is_empty() || link.starts_with('<') {
            let tags = alternate.captures_iter(item);
            let of = |c: &regex::Captures<'_>| !c[0].contains("rel=") || c[0].contains("alternate");
            link = tags.into_iter().find(of).map(|c| c[1].to_owned()).unwrap_or_default();
        }
        let at = field(item, "pubDate|published|dc:date");
        let seconds = chrono::DateTime::parse_from_rfc2822(&at)
            .or_else(|_| chrono::DateTime::parse_from_rfc3339(&at));
        found.push(Item {
            guid: field(item, "guid|id"),
            link,
            title: field(item, "title"),
            at: seconds.ok().map(|at| at.timestamp()),
        });
    }
    found
}

fn captured(name: &str) -> Vec<Item> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wordpress/feeds").join(name);
    let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    items(&String::from_utf8_lossy(&bytes))
}

/// A reader that polled the old feed polls ours. Neither is anything there that it knows by another
/// name, nor anything of the time it has seen that it has not; all it has is there as it was,
/// except what `hidden` says.
fn poll(old: &[Item], new: &[Item], hidden: &[&str]) {
    let known: HashMap<&str, &Item> = old.iter().map(|item| (item.key(), item)).collect();
    let since = old.iter().filter_map(|item| item.at).min();
    let is_hidden = |item: &Item| hidden.iter().any(|h| item.guid == *h || item.link.contains(h));
    for item in new {
        assert!(!is_hidden(item), "{item:?} is protected");
        let Some(before) = known.get(item.key()) else {
            let twin = old.iter().find(|o| o.link == item.link);
            assert_eq!(twin, None, "looks new: {item:?}");
            assert!(
                since.is_none() || item.at < since,
                "an old article that was not there before: {item:?}"
            );
            continue;
        };
        assert_eq!(item.link, before.link, "{item:?}");
        assert!(before.at.is_none() || item.at == before.at, "{item:?} was {before:?}");
    }
    let now: Vec<&str> = new.iter().map(Item::key).collect();
    for item in old.iter().filter(|item| !is_hidden(item)) {
        assert!(now.contains(&item.key()), "lost: {item:?}");
    }
}

/// Every captured feed with entries that go on here, at the address it was captured from.
const GOES_ON: &[(&str, &str, usize)] = &[
    ("small.feed.rss2.http", "/feed/", 10),
    ("wellformed/small.feed.rss2.http", "/feed/", 10),
    ("small.feed.noslash-redirect.http", "/feed", 10),
    ("small.feed.rss2.http", "/?feed=rss2", 10),
    ("small.feed.rss2.http", "/index.php/feed/?utm_source=x", 10),
    ("small.feed.atom.http", "/feed/atom/", 10),
    ("wellformed/small.feed.atom.http", "/?feed=atom", 10),
    ("small.feed.rdf.http", "/feed/rdf/", 10),
    ("wellformed/small.feed.rdf.http", "/wp-rdf.php", 10),
    // Neither 0.92 nor 1.0 has a guid: answered with the latter, so that links go on as names.
    ("small.feed.rss092.http", "/feed/rss/", 10),
    ("small.category.rss2.http", "/category/obshhestvo/feed/", 10),
    ("wellformed/small.category.rss2.http", "/?feed=rss2&cat=2", 10),
    ("small.author.rss2.http", "/author/press-akimat/feed/", 10),
    ("small.tag-kk.rss2.http", TAG, 3),
];
/// Post 31 is protected by a password: WordPress showed its title, date and author to everybody.
const PROTECTED: &[&str] = &["https://turkestan.example/?p=31", "/zakrytyj-material-"];

#[test]
fn whoever_polled_wordpress_sees_nothing_twice() {
    let running = small();
    for (file, path, count) in GOES_ON {
        let old = captured(file);
        assert_eq!(old.len(), *count, "{file}");
        let reply = running.get(path, &[("User-Agent", "FreshRSS/1.25")]);
        assert_eq!(reply.status, 200, "{path}");
        let kind = reply.header("content-type").unwrap().to_owned();
        let wanted = if path.contains("atom") { "atom" } else { "r" };
        assert!(kind.starts_with(&format!("application/{wanted}")), "{path} {kind}");
        eprintln!("{file} and {path}");
        poll(&old, &items(&reply.text()), PROTECTED);
    }
    let asked = |kind: &str| {
        let labels = format!("agent=\"feed_reader\",kind=\"{kind}\"");
        running.metric(&format!("takeover_requests_total{{{labels}}}"))
    };
    assert_eq!(
        (asked("main"), asked("category"), asked("author"), asked("tag")),
        (10., 2., 1., 1.)
    );
    assert_eq!(asked("unknown"), 0.0);
}

/// The captured feeds that do not go on, with the reason.
const ENDS: &[(&str, &str, usize, u16)] = &[
    // We have no comments: 410, so that whoever polls them stops.
    ("small.comments.rss2.http", "/comments/feed/", 10, 410),
    ("small.comments.atom.http", "/comments/feed/atom/", 10, 410),
    ("small.comments.atom.http", "/?feed=comments-atom", 10, 410),
    ("small.post-comments.rss2.http", POST, 10, 410),
    (
        "small.seed-post-comments.rss2.http",
        "/2020/08/za-ravnye-prava-i-gendernoe-ravenstvo/feed/",
        0,
        410,
    ),
    ("small.seed-post-comments.rss2.http", "/?feed=rss2&p=25", 0, 410),
    // Of a protected post nothing is said, not even that it is there.
    (
        "small.password-post-comments.rss2.http",
        "/2026/11/zakrytyj-material-dlya-podpischikov/feed/",
        1,
        404,
    ),
    // A search would have to be rendered for each who asks.
    ("small.search.rss2.http", "/?s=%D0%B2%D0%BE%D0%B4%D0%B0&feed=rss2", 5, 410),
    // Custom types are not imported unless asked for, and have no feed of their own.
    ("small.cpt-announcement.rss2.http", "/announcement/feed/", 2, 404),
    // One page: what is older was polled before. WordPress answered so beyond its last page.
    ("small.feed.page2.http", "/feed/?paged=2", 10, 404),
    ("small.feed.page7-beyond.http", "/feed/?paged=7", 0, 404),
];

#[test]
fn what_does_not_go_on_says_so_and_serves_nothing_else() {
    let running = small();
    for (file, path, count, status) in ENDS {
        assert_eq!(captured(file).len(), *count, "{file}");
        let reply = running.get(path, &[]);
        assert_eq!((reply.status, items(&reply.text()).len()), (*status, 0), "{path}");
        assert!(
            reply.text().ends_with(".\n") && reply.text().starts_with("Th"),
            "{}",
            reply.text()
        );
    }
    let all: Vec<&str> = GOES_ON.iter().map(|g| g.0).chain(ENDS.iter().map(|e| e.0)).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wordpress/feeds");
    for (prefix, folder) in [("", folder.clone()), ("wellformed/", folder.join("wellformed"))] {
        for file in fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name()) {
            let name = format!("{prefix}{}", file.to_string_lossy());
            let is_tested = all.contains(&name.as_str()) || name.starts_with("full.");
            assert!(is_tested || name == "wellformed", "{name} is in no table");
        }
    }
}

#[test]
fn the_whole_newsroom_moves_in() {
    let running = moved_in("full.wxr.xml.gz", "https://oblys.example", SERVE);
    let protected = ["https://oblys.example/?p=71", "/zakrytyj-material-"];
    for (file, path) in [("full.feed.rss2.http", "/feed/"), ("full.feed.atom.http", "/feed/atom")] {
        let old = captured(file);
        assert_eq!(old.len(), 10);
        poll(&old, &items(&running.get(path, &[]).text()), &protected);
    }
    for path in ["/category/obshhestvo/feed/", "/author/n-petrov/feed/", TAG] {
        assert_eq!(items(&running.get(path, &[]).text()).len(), 10, "{path}");
    }
}

#[test]
fn the_ready_document_is_served_under_the_old_address() {
    let running = small();
    let own = running.get("/feeds/news.rss", &[("Accept-Encoding", "gzip")]);
    let old = running.get("/feed/", &[("Accept-Encoding", "gzip")]);
    assert_eq!(own.body, old.body);
    for name in ["etag", "last-modified", "link", "cache-control", "vary", "content-encoding"] {
        assert_eq!(own.header(name), old.header(name), "{name}");
    }
    assert!(old.header("link").unwrap().starts_with("<https://feeds.news.example/feeds/news.rss>"));
    let tag = old.header("etag").unwrap();
    assert_eq!(running.get("/feed/", &[("If-None-Match", tag)]).status, 304);
    let head = ask(running.public(), "HEAD", "/feed/", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(ask(running.public(), "POST", "/feed/", &[], b"x").status, 405);
    assert_eq!(running.get("/feeds/news.rdf", &[]).status, 404);
    let accept = [("Accept", "application/rdf+xml")];
    let kind = running.get("/feeds/news", &accept).header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("application/rss+xml"), "{kind}");
    assert!(!running.get("/feeds.opml", &[]).text().contains("wp-category"));
}

#[test]
fn the_same_name_is_found_however_it_is_written() {
    let running = small();
    let same = |paths: &[&str]| {
        let replies: Vec<Reply> = paths.iter().map(|path| running.get(path, &[])).collect();
        for (reply, path) in replies.iter().zip(paths) {
            assert_eq!(reply.status, 200, "{path}");
            assert!(reply.body == replies[0].body, "{path} is not {}", paths[0]);
        }
    };
    let upper = TAG.to_uppercase().replace("/TAG/", "/tag/").replace("/FEED/", "/feed/");
    let capital = "/tag/%D0%A2%D2%AF%D1%80%D0%BA%D1%96%D1%81%D1%82%D0%B0%D0%BD/feed";
    same(&[TAG, &upper, "/tag/түркістан/feed/", "/tag/түркістан/rss2", capital]);
    same(&[
        "/category/obshhestvo/feed/",
        "/category/obshhestvo/feed",
        "/category/OBSHHESTVO/feed/feed/",
    ]);
    same(&[
        "/category/kultura/sport/feed/",
        "/category/sport/feed/",
        "/?feed=rss2&category_name=kultura/sport",
    ]);
    same(&[
        "/author/press-akimat/feed/",
        "/author/press_akimat/feed/",
        "/?author_name=press-akimat&feed=rss2",
        "/?feed=rss2&author=2",
    ]);
    same(&["/author/j-smith/feed/atom/", "/author/j.smith/feed/atom"]);
}

#[test]
fn a_category_shows_what_is_below_it() {
    let running = moved_in(
        "small.wxr.xml",
        "https://turkestan.example",
        "addresses = \"serve\"\nentries = 100\n",
    );
    let guids = |path: &str| {
        let items = items(&running.get(path, &[]).text());
        items.into_iter().map(|item| item.guid).collect::<Vec<_>>()
    };
    let (above, below) = (guids("/category/kultura/feed/"), guids("/category/sport/feed/"));
    assert!(!below.is_empty() && below.iter().all(|guid| above.contains(guid)), "{below:?}");
}

#[test]
fn nasty_addresses_lead_nowhere() {
    let running = small();
    for path in [
        "/category//feed/",
        "/category/feed/",
        "/tag/%ff%fe/feed/",
        "/tag/..%2f..%2fetc/feed/",
        "/category/obshhestvo%00/feed/",
        "/announcement/x/y/z/feed/feed/feed/",
        "/?feed=rss2&cat=-2",
        "/?feed=rss2&cat=99999999999999999999999",
        "/author/nobody/feed/",
        "/tag/72/feed/",
        "/feeds/feed",
    ] {
        assert_eq!(running.get(path, &[]).status, 404, "{path}");
    }
    // Not feeds of any kind: these are not ours to answer.
    for path in ["/", "/category/obshhestvo/", "/?feed=podcast", "/?p=25", "/wp-login.php"] {
        assert_eq!(running.get(path, &[]).status, 404, "{path}");
    }
    let hit = ask(running.public(), "POST", "/v/wp-25?feed=rss2", &[], b"");
    assert_eq!(hit.status, 204);
    let bad = ask(running.public(), "GET", "/feed/", &[("Host", "two")], b"");
    assert_eq!(bad.status, 400);
}

#[test]
fn old_addresses_can_lead_to_ours() {
    let more = "addresses = \"redirect\"\n";
    let running = moved_in("small.wxr.xml", "https://turkestan.example", more);
    let to = |path: &str| {
        let reply = running.get(path, &[]);
        (reply.status, reply.header("location").unwrap_or_default().to_owned())
    };
    let here = "https://feeds.news.example/feeds";
    assert_eq!(to("/feed/"), (301, format!("{here}/news.rss")));
    assert_eq!(to("/feed/atom"), (301, format!("{here}/news.atom")));
    assert_eq!(
        to("/category/a/obshhestvo/feed/"),
        (301, format!("{here}/wp-category-obshhestvo.rss"))
    );
    let (status, tag) = to(TAG);
    assert_eq!(status, 301);
    let own = running.get(tag.strip_prefix("https://feeds.news.example").unwrap(), &[]);
    assert_eq!((own.status, items(&own.text()).len()), (200, 3));
    // RSS 1.0 has no address of ours.
    assert_eq!(to("/feed/rdf/").0, 200);
    assert_eq!(to("/comments/feed/").0, 410);
}

#[test]
fn they_are_off_unless_asked_for_and_change_with_a_reload() {
    let more = "addresses = \"off\"\n";
    let running = moved_in("small.wxr.xml", "https://turkestan.example", more);
    assert_eq!(running.get("/feed/", &[]).status, 404);
    running.reload(&settings("https://turkestan.example", SERVE));
    running.until_status("/feed/rdf/", 200);
    running.until_status("/category/obshhestvo/feed/", 200);
    assert_eq!(items(&running.get("/category/obshhestvo/feed/", &[]).text()).len(), 10);
    running.reload(&settings("https://turkestan.example", more));
    assert_eq!(running.get("/feed/", &[]).status, 404);
    running.until_status("/feeds/wp-category-obshhestvo.rss", 404);
}

#[test]
fn names_that_come_while_it_runs_are_found_and_kept_over_a_restart() {
    let settings = settings("https://turkestan.example", SERVE);
    let running = Running::with(&settings);
    assert_eq!(running.get("/category/obshhestvo/feed/", &[]).status, 404);
    assert_eq!(running.get("/feed/", &[]).status, 200, "empty, and a feed");
    let parts = running.daemon.as_ref().unwrap().parts().store.clone();
    running.runtime.block_on(import(parts, desk::site(), desk::limits(), "small.wxr.xml"));
    let path = "/category/obshhestvo/feed/";
    running.until("the category is whole", |r| {
        (items(&r.get(path, &[]).text()).len() == 10).then_some(())
    });
    let before = running.get(path, &[]);
    let folder = running.stop();
    let again = Running::on(folder, &settings, Clock::manual(NOW));
    again.until("the same is served", |r| (r.get(path, &[]).body == before.body).then_some(()));
}

#[test]
fn more_names_than_there_is_room_for_leave_out_the_smallest() {
    let more = "addresses = \"serve\"\nfeeds_max = 2\n";
    let running = moved_in("small.wxr.xml", "https://turkestan.example", more);
    assert_eq!(running.get("/category/obshhestvo/feed/", &[]).status, 200);
    assert_eq!(running.get("/category/bez-rubriki/feed/", &[]).status, 404);
    assert_eq!(running.get(TAG, &[]).status, 404);
    assert!(running.metric("limit_hits_total{limit=\"takeover_feeds\"}") >= 1.0);
}

#[test]
fn the_site_may_stand_in_a_folder_and_have_words_of_its_own() {
    let more = "addresses = \"serve\"\ncategory_base = \"topics\"\ntag_base = \"/t/\"\n";
    let running = moved_in("small.wxr.xml", "https://turkestan.example/blog", more);
    for path in
        ["/blog/feed/", "/blog/?feed=rss2", "/blog/topics/obshhestvo/feed/", "/blog/t/it/feed"]
    {
        assert_eq!(running.get(path, &[]).status, 200, "{path}");
    }
    for path in ["/feed/", "/blogs/feed/", "/blog/category/obshhestvo/feed/"] {
        assert_eq!(running.get(path, &[]).status, 404, "{path}");
    }
}

/// A child that is ended with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_shipped_nginx_lines_send_feeds_here_and_leave_pages_to_php() {
    let running = small();
    let readme = include_str!("../../deploy/README.md");
    let chapter = readme.split("## WordPress's old feed addresses").nth(1).unwrap();
    let lines = chapter.split("```nginx").nth(1).unwrap().split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n\
         uwsgi_temp_path u; scgi_temp_path s; upstream jarshy {{ server {}; }}\n\
         server {{ listen {free}; root .;\n{lines}\nlocation / {{ return 200 \"php\"; }} }} }}",
        running.public()
    );
    fs::write(folder.path().join("nginx.conf"), settings).unwrap();
    let prefix = folder.path().to_str().unwrap();
    let in_sbin = Path::new("/usr/sbin/nginx").exists();
    let program = if in_sbin { "/usr/sbin/nginx" } else { "nginx" };
    let mut command = std::process::Command::new(program);
    let nginx = command.args(["-p", prefix, "-c", "nginx.conf", "-e", "stderr"]);
    let nginx = nginx.spawn().unwrap_or_else(|e| panic!("install the package `nginx`: {e}"));
    let _nginx = Ended(nginx);
    running.until("nginx listens", |_| std::net::TcpStream::connect(free).ok());
    let get = |path: &str| crate::wire::get(free, path, &[]);
    for path in ["/feed/", "/feed", "/feed/atom/", "/rss2/", "/?feed=rss2", "/wp-rdf.php", TAG] {
        let reply = get(path);
        assert_eq!((reply.status, items(&reply.text()).is_empty()), (200, false), "{path}");
    }
    assert_eq!(get(POST).status, 410);
    for path in ["/", "/?p=25", "/2020/08/za-ravnye-prava-i-gendernoe-ravenstvo/", "/newsfeed/"] {
        assert_eq!(get(path).text(), "php", "{path}");
    }
}
