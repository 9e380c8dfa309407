//! `jarshy check --against`: what subscribers of an old feed would notice, said before they do.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use jarshy::feed::reading::{self, ReadEntry};
use tempfile::TempDir;

type Ran = (i32, String, String);

fn jarshy(data: &Path, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jarshy"));
    let command = command.env_clear().current_dir(data).args(arguments);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const SETTINGS: &str = "[site]\nurl = \"https://turkestan.example\"\nlanguage = \"ru\"\n\
    time_zone = \"Asia/Almaty\"\n[store]\ndata = \".\"\n[[feeds]]\nslug = \"news\"\nlanguage = \"mixed\"\n\
    entries = 10\n[[feeds]]\nslug = \"gender\"\nselect = { sections = [\"Гендерная политика\"] }\n";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/wordpress").join(name)
}

/// The small newsroom, imported by the binary; old addresses are off, as before a move.
static NEWSROOM: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jarshy.toml"), SETTINGS).unwrap();
    let export = file("small.wxr.xml");
    let arguments = ["import", "wxr", export.to_str().unwrap(), "--config", "jarshy.toml"];
    let (code, _, err) = jarshy(folder.path(), &arguments, b"");
    assert_eq!(code, 0, "{err}");
    folder
});

fn against(old: &str, more: &[&str], input: &[u8]) -> Ran {
    let mut arguments = vec!["check", "--config", "jarshy.toml", "--against", old];
    arguments.extend(more);
    jarshy(NEWSROOM.path(), &arguments, input)
}

fn captured(name: &str) -> String {
    file("feeds").join(name).to_str().unwrap().to_owned()
}

fn last(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn nobody_would_notice_the_move_from_wordpress() {
    for (name, feed, same, all) in [
        ("small.feed.rss2.http", "news", 9, 10),
        ("wellformed/small.feed.rss2.http", "news", 9, 10),
        ("small.feed.atom.http", "news", 9, 10),
        ("small.feed.rdf.http", "news", 9, 10),
        ("small.feed.rss092.http", "news", 9, 10),
        ("small.category.rss2.http", "wp-category-obshhestvo", 9, 10),
        ("small.author.rss2.http", "wp-author-press-akimat", 10, 10),
        ("small.tag-kk.rss2.http", "wp-tag-turkistan-a110ad0c", 3, 3),
    ] {
        let (code, out, err) = against(&captured(name), &[], b"");
        assert_eq!((code, err.as_str()), (0, ""), "{name}\n{out}");
        let said =
            format!("no subscriber would notice: {same} of {all} entries are the same in `{feed}`");
        assert!(last(&out).starts_with(&said), "{name}: {out}");
        assert_eq!(out.lines().filter(|l| l.starts_with("same ")).count(), same, "{out}");
        if same < all {
            assert!(out.contains("a draft here, as what a password protects is"), "{out}");
        }
    }
}

#[test]
fn each_difference_is_named_with_both_sides() {
    let item = |guid: &str, link: &str, date: &str| {
        format!(
            "<item><title>t</title><guid>{guid}</guid><link>{link}</link><pubDate>{date}</pubDate></item>"
        )
    };
    let site = "https://turkestan.example";
    let flag = format!("{site}/2026/11/prazdnik-flag-semya-i-v-zagolovke/");
    let telegram = format!("{site}/2026/11/srochno-vidzhet-telegram-i-schyotchik-v-tekste/");
    let old = [
        item("tag:other,2026:48", &telegram, "Sat, 21 Nov 2026 11:20:00 +0000"),
        item(&format!("{site}/?p=49"), &flag, "Sat, 21 Nov 2026 04:00:01 +0000"),
        item(
            &format!("{site}/?p=53"),
            "http://turkestan.example/x/",
            "Fri, 20 Nov 2026 09:00:00 +0000",
        ),
        item("nobody", "https://turkestan.example/nowhere/", "Fri, 20 Nov 2026 08:00:00 +0000"),
        item(&format!("{site}/?p=25"), "", "Wed, 19 Aug 2020 06:01:00 +0000"),
    ];
    let feed = format!("<rss version=\"2.0\"><channel>{}</channel></rss>", old.concat());
    let (code, out, err) = against("-", &[], feed.as_bytes());
    assert_eq!((code, err.as_str()), (1, ""), "{out}");
    for line in [
        "looks new     tag:other,2026:48",
        "              its guid here is https://turkestan.example/?p=48",
        "date moved    https://turkestan.example/?p=49",
        "              was 2026-11-21T04:00:01Z, is 2026-11-21T04:00:00Z",
        "link differs  https://turkestan.example/?p=53",
        "not here      nobody",
        "not shown     https://turkestan.example/?p=25",
        "unexpected    https://turkestan.example/?p=44",
    ] {
        assert!(out.lines().any(|l| l == line), "no `{line}` in\n{out}");
    }
    let (code, json, _) = against("-", &["--json"], feed.as_bytes());
    let said: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &said["feed"]), (1, &"news".into()));
    let fates: Vec<_> = said["old"].as_array().unwrap().iter().map(|o| &o["fate"]).collect();
    assert_eq!(fates, ["looks_new", "date_moved", "link_differs", "not_here", "not_shown"]);
    assert!(said["noticed"].as_u64().unwrap() > 5, "{json}");
}

#[test]
fn an_address_is_fetched_and_says_which_feed_is_meant() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let old = fs::read(captured("small.author.rss2.http")).unwrap();
    let head = old.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let body = old[head..].to_vec();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let (code, out, err) =
        against(&format!("http://{address}/author/press-akimat/feed/"), &[], b"");
    assert!(server.join().unwrap().starts_with("GET /author/press-akimat/feed/ "));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        last(&out).contains("10 of 10 entries are the same in `wp-author-press-akimat`"),
        "{out}"
    );
}

#[test]
fn what_cannot_be_compared_says_why_in_a_sentence() {
    let fails = |old: &str, more: &[&str], input: &[u8], why: &str| {
        let (code, out, err) = against(old, more, input);
        assert_eq!((code, out.as_str()), (1, ""), "{old}");
        assert!(
            err.starts_with("jarshy: ") && err.contains(why) && err.lines().count() == 1,
            "{err}"
        );
    };
    fails(&captured("small.comments.rss2.http"), &[], b"", "a feed of comments");
    fails(&captured("small.search.rss2.http"), &[], b"", "is answered 410");
    fails(&captured("small.cpt-announcement.rss2.http"), &[], b"", "is answered 404");
    fails("no-such-file.xml", &[], b"", "cannot be read");
    fails("-", &[], b"<html><body>no</body></html>", "is no RSS, Atom or JSON feed");
    fails("-", &[], b"\xff\xfe\x00", "is no RSS, Atom or JSON feed");
    fails("-", &["--feed", "nope"], b"<rss><channel/></rss>", "there is no feed `nope`");
    fails("http://127.0.0.1:1/feed/", &[], b"", "127.0.0.1");
    let (code, _, err) = jarshy(NEWSROOM.path(), &["check", "--feed", "news"], b"");
    assert_eq!(code, 2, "{err}");
}

fn entries(text: &str) -> Vec<ReadEntry> {
    reading::read(text.as_bytes()).unwrap().entries
}

#[test]
fn broken_feeds_are_read_as_readers_read_them() {
    // A control character, an unescaped &, an unended title, a `]]>` that ends a section too early.
    let broken = "<?xml version=\"1.0\"?><rss><channel><title>T</title>\
        <item><title>A \u{b} & B<link>https://a.example/?a=1&#038;b=2</link>\
        <guid isPermaLink=\"false\">g1</guid><pubDate>Sat, 21 Nov 2026 11:20:00 +0000</pubDate></item>\
        <item><description><![CDATA[x ]]> y ]]></description><guid>g2</guid><link>https://a.example/2</link>\
        <item><guid>g3</guid></item>";
    let found = entries(broken);
    let guids: Vec<&str> = found.iter().map(|e| e.guid.as_str()).collect();
    assert_eq!(guids, ["g1", "g2", "g3"]);
    assert_eq!(found[1].link, "https://a.example/2");
    let atom = "<feed xmlns='a'><link rel='self' href='https://a.example/feed/atom/'/><entry>\
        <author><name>N</name><id>no</id></author><id>i</id><link rel='replies' href='r'/>\
        <link rel='alternate' href='https://a.example/1'/><updated>2026-11-21T11:20:00Z</updated>\
        <content type='xhtml'><div><link href='no'/><id>no</id></div></content></entry></feed>";
    let feed = reading::read(atom.as_bytes()).unwrap();
    assert_eq!(feed.self_url.as_deref(), Some("https://a.example/feed/atom/"));
    let entry = &feed.entries[0];
    assert_eq!((entry.guid.as_str(), entry.link.as_str()), ("i", "https://a.example/1"));
    assert!(entry.published.is_some());
    let json = r#"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":7,"url":"u"}]}"#;
    assert_eq!(entries(json)[0].guid, "7");
    for nothing in ["", "{", "<", "<![CDATA[", "<item>", "{\"items\":3}", "HTTP/1.1 200 OK"] {
        assert_eq!(reading::read(nothing.as_bytes()), None, "{nothing}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_harm(text in "(<(rss|feed|rdf:RDF|item|entry|id|link href='|/item|/id|!\\[CDATA\\[|!--|&#9;|\\?|[a-zқ &;\"'/>]{0,5})>?){0,40}") {
        reading::read(text.as_bytes());
    }
}
