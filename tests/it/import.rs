//! `jarshy import` through the binary: exit codes, report, standard input; and JSON lines.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::desk;

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Exit code, standard output, standard error.
pub fn jarshy(folder: &Path, arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jarshy"))
        .env_clear()
        .args(["--data", folder.to_str().unwrap()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn report(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

#[test]
fn an_export_comes_in_by_file_and_by_standard_input_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = data("wordpress/small.wxr.xml");
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", &file], b"");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("taken            61"), "{out}");
    assert!(out.contains("it is in the trash") && out.contains("shortcode su_box"), "{out}");

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&std::fs::read(&file).unwrap()).unwrap();
    let packed = packed.finish().unwrap();
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", "-", "--json"], &packed);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told = report(&out);
    assert_eq!((&told["taken"], &told["unchanged"]), (&json!(0), &json!(61)), "{told}");
}

#[test]
fn a_broken_export_ends_with_1_and_keeps_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(data("wordpress/small.wxr.xml")).unwrap();
    let half = &whole[..whole.len() / 2];
    let (code, out, err) = jarshy(folder.path(), &["import", "wxr", "-", "--json"], half);
    let told = report(&out);
    assert_eq!(code, 1, "{told}");
    assert!(told["taken"].as_u64().unwrap() > 5, "{told}");
    let line = half.iter().filter(|b| **b == b'\n').count() + 1;
    assert_eq!(told["broken"][0]["line"], json!(line), "{told}");
    assert!(err.contains(&format!("standard input at line {line}")), "{err}");
}

#[test]
fn a_dry_run_makes_nothing_not_even_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("not-yet");
    let file = data("wordpress/small.wxr.xml");
    let (code, out, err) = jarshy(&inner, &["import", "wxr", &file, "--dry-run"], b"");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("Dry run: nothing was written.\ntaken            61"), "{out}");
    assert!(!inner.exists());
}

#[test]
fn wrong_input_is_told_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let page = data("seed/article.txt");
    let cases: [(&[&str], i32, &str); 6] = [
        (&["import", "wxr", "/no/such.xml"], 1, "/no/such.xml: there is no such file"),
        (&["import", "page", &page], 1, "--url"),
        (&["import", "page", &page, &page, "--id", "a"], 1, "one file"),
        (&["import", "wxr", "-", "-"], 1, "once"),
        (&["import", "wxr", "x", "--prefix", "a b"], 2, "prefix"),
        (&["import", "page", &page, "--url", "ftp://x"], 2, "http"),
    ];
    for (arguments, wanted, why) in cases {
        let (code, _, err) = jarshy(folder.path(), arguments, b"");
        assert_eq!(code, wanted, "{arguments:?}: {err}");
        assert!(err.contains(why), "{why}: {err}");
    }
}

#[test]
fn json_lines_come_in_each_on_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let line = |id: &str, changes: Value| {
        let mut story = desk::story_with(changes);
        story["id"] = json!(id);
        story.to_string()
    };
    let lines = [
        line("a1", json!({})),
        String::new(),
        desk::story().to_string(),
        line("a2", json!({"status": "nonsense"})),
        "{\"id\":".into(),
        line("a3", json!({"published_at": "2030-01-01T00:00:00Z"})),
        format!("{}{}", line("a4", json!({})), " ".repeat(17 << 20)),
        line("a5", json!({"surprise": 1})),
        line("a6", json!({})),
    ];
    let input = format!("\u{feff}{}", lines.join("\r\n"));
    let arguments = ["import", "jsonl", "-", "--json"];
    let (code, out, err) = jarshy(folder.path(), &arguments, input.as_bytes());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let told = report(&out);
    assert_eq!((&told["taken"], &told["skipped"]), (&json!(3), &json!(5)), "{told}");
    let named = |line: &str| {
        let all = told["skipped_named"].as_array().unwrap();
        all.iter().find(|s| s["name"] == line).unwrap()["why"].as_str().unwrap().to_owned()
    };
    assert!(named("line 3").contains("id"), "{told}");
    assert!(named("line 4").contains("status"), "{told}");
    assert!(named("line 5").contains("JSON"), "{told}");
    assert!(named("line 7").contains("longer than"), "{told}");
    assert!(named("line 8").contains("surprise"), "{told}");
    let (_, out, _) = jarshy(folder.path(), &arguments, input.as_bytes());
    assert_eq!(report(&out)["unchanged"], json!(3));
}

/// The three formats of one story, each with what its readers may not get wrong.
const FEEDS: [&str; 3] = [
    r#"<?xml version="1.0" encoding="windows-1251"?><rss version="2.0"
        xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title><link>https://a.example/</link>
        <description>d</description><language>kk</language><item><title>AT&amp;amp;T &amp;lt;b&amp;gt;</title>
        <link>https://a.example/1</link><guid isPermaLink="false"> tag:a.example,2026:1 </guid>
        <pubDate>Tue, 24 Nov 2026 16:00:00 +0600</pubDate><dc:creator>A. Writer</dc:creator>
        <author>desk@a.example</author><category>Sport</category><category>Sport</category><category>Ski</category>
        <description>Short</description><content:encoded><![CDATA[<p>Long <a href="/x">x</a><script>1</script></p>]]></content:encoded>
        <enclosure url="/audio.mp3" length="0" type="audio/mpeg"/>
        <media:content url="https://a.example/p.jpg" type="image/jpeg" width="10" height="20"/></item></channel></rss>"#,
    r#"<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="kk"><title>T</title><id>f</id>
        <updated>2026-11-24T10:00:00Z</updated><author><name>A. Writer</name></author>
        <entry><title type="text">AT&amp;T &lt;b&gt;</title><id>tag:a.example,2026:1</id>
        <link rel="self" href="https://a.example/1.atom"/><link href="https://a.example/1"/>
        <link rel="enclosure" type="audio/mpeg" href="https://a.example/audio.mp3" length="7"/>
        <published>2026-11-24T10:00:00Z</published><updated>2026-11-24T11:00:00Z</updated>
        <category term="sport" label="Sport"/><category term="Ski"/><summary>Short</summary>
        <content type="html">&lt;p&gt;Long&lt;/p&gt;</content></entry></feed>"#,
    r#"{"version": "https://jsonfeed.org/version/1.1", "title": "T", "language": "kk", "authors": [{"name": "A. Writer"}],
        "items": [{"id": "tag:a.example,2026:1", "url": "https://a.example/1", "title": "AT&T <b>",
        "content_html": "<p>Long</p>", "summary": "Short", "tags": ["Sport", "Ski"],
        "date_published": "2026-11-24T10:00:00Z", "date_modified": "2026-11-24T11:00:00Z",
        "attachments": [{"url": "https://a.example/audio.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 7}]}]}"#,
];

#[test]
fn a_feed_comes_in_alike_in_each_format() {
    let args =
        ["import", "feed", "-", "--json", "--prefix", "f", "--url", "https://a.example/feed"];
    for feed in FEEDS {
        let folder = tempfile::tempdir().unwrap();
        let (code, out, err) = jarshy(folder.path(), &args, feed.as_bytes());
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        assert_eq!(report(&out)["taken"], json!(1), "{out}");
        let (_, out, _) = jarshy(folder.path(), &args, feed.as_bytes());
        assert_eq!(report(&out)["unchanged"], json!(1), "{out}");
        let (_, out, _) = jarshy(folder.path(), &["articles", "list", "--json"], b"");
        let id = report(&out)["id"].as_str().unwrap().to_owned();
        assert_eq!(id, "f-acbecc350c7a1e70");
        let (_, out, _) = jarshy(folder.path(), &["articles", "show", &id, "--json"], b"");
        let article = report(&out);
        for (field, value) in [
            ("guid", json!("tag:a.example,2026:1")),
            ("url", json!("https://a.example/1")),
            ("title", json!("AT&T <b>")),
            ("summary", json!("Short")),
            ("published_at", json!("2026-11-24T10:00:00Z")),
            ("sections", json!(["Sport", "Ski"])),
        ] {
            assert_eq!(article[field], value, "{field} of {feed}");
        }
        assert_eq!(article["authors"][0]["name"], "A. Writer", "{article}");
        assert_eq!(article["authors"].as_array().unwrap().len(), 1, "{article}");
        let body = article["body_html"].as_str().unwrap();
        assert!(body.contains("<p>Long") && !body.contains("script"), "{body}");
        let media = article["media"].as_array().unwrap();
        assert!(media.iter().any(|m| m["url"] == "https://a.example/audio.mp3"), "{article}");
    }
}

#[test]
fn a_key_in_a_feeds_address_is_in_no_article() {
    let url = "https://a.example/feed?key=s3cret";
    let args = ["import", "feed", "-", "--json", "--prefix", "f", "--url", url];
    let folder = tempfile::tempdir().unwrap();
    let feed = FEEDS[0].replace("<link>https://a.example/1</link>", "<link>#1</link>");
    let (_, out, _) = jarshy(folder.path(), &args, feed.as_bytes());
    assert_eq!(report(&out)["taken"], json!(1), "{out}");
    let (_, out, _) = jarshy(folder.path(), &["articles", "list", "--json"], b"");
    assert_eq!(report(&out)["url"], "https://a.example/feed#1", "{out}");
}

#[test]
fn a_feed_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let half = FEEDS[0].split("</item>").next().unwrap();
    let cases = [
        (half, "cut short"),
        ("", "no RSS, Atom or JSON feed"),
        ("<rss version=\"2.0\"><channel></rss>", "no well-formed XML"),
        ("{\"version\": 1}", "no RSS, Atom or JSON feed"),
    ];
    for (input, why) in cases {
        let (code, out, err) =
            jarshy(folder.path(), &["import", "feed", "-", "--json"], input.as_bytes());
        assert_eq!(code, 1, "{out}");
        assert!(err.contains(why), "{why}: {err}");
        assert_eq!(report(&out)["taken"], json!(0), "{out}");
    }
    let undated = FEEDS[0].replace("pubDate", "noDate");
    let (code, out, _) =
        jarshy(folder.path(), &["import", "feed", "-", "--json"], undated.as_bytes());
    assert_eq!(code, 0, "{out}");
    let why = report(&out)["skipped_named"][0]["why"].as_str().unwrap().to_owned();
    assert!(why.contains("published_at"), "{why}");
}
