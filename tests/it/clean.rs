//! What strangers write is safe before anybody reads it, and cleaning is finished after one time.

use jarshy::{
    ingest::clean::{CleanLimits, Cleaned, TooMuch, clean_html, plain_text, without_forbidden},
    model::WebUrl,
};
use proptest::prelude::*;

const LIMITS: CleanLimits = CleanLimits { bytes_max: 4 << 20, depth_max: 256 };

fn clean(raw: &str) -> Cleaned {
    let base = WebUrl::parse("https://turkestan.example/2026/11/page/").unwrap();
    clean_html(raw, &base, &LIMITS).unwrap()
}

fn refusal(raw: &str) -> TooMuch {
    let base = WebUrl::parse("https://turkestan.example/").unwrap();
    clean_html(raw, &base, &LIMITS).unwrap_err()
}

fn removed(raw: &str, what: &str) -> usize {
    clean(raw).removed.iter().find(|r| r.what == what).map_or(0, |r| r.count)
}

#[test]
fn scripts_handlers_and_frames_go_and_are_named() {
    let raw = r#"<p onclick="alert(1)" style="position:fixed">Абзац</p><a href="javascript:alert(3)">ссылка</a>
        <a href="JaVaScRiPt&#58;alert(4)">2</a><img src=x onerror=alert(5)><svg onload=alert(6)><a>z</a></svg>
        <object data="x.swf"></object><form action="https://evil.example.org"><input name=p></form>
        <base href="https://evil.example.org/"><meta http-equiv="refresh" content="0;url=https://evil.example.org">
        <script>document.cookie</script><style>p{}</style><math><mi>x</mi></math><!-- тел. +7 700 111 22 33 -->"#;
    let cleaned = clean(raw).html;
    for gone in [
        "alert", "onclick", "style", "script", "svg", "math", "form", "input", "base", "meta",
        "evil", "object", "cookie", "700", "<!--",
    ] {
        assert!(!cleaned.contains(gone), "{gone} is left in {cleaned}");
    }
    assert!(cleaned.contains("<p>Абзац</p>") && cleaned.contains("ссылка"), "{cleaned}");
    assert_eq!(removed(raw, "script"), 1);
    assert_eq!(removed(raw, "event attribute onclick"), 1);
    assert_eq!(removed(raw, "event attribute onerror"), 1);
    assert_eq!(removed(raw, "style attribute"), 1);
    assert_eq!(removed(raw, "javascript: address"), 2);
    assert_eq!(removed(raw, "comment"), 1);
    assert_eq!(removed("<p>чисто</p>", "comment"), 0);
}

#[test]
fn links_become_absolute_and_are_encoded() {
    let cases = [
        ("<a href=\"/category/sport/\">a</a>", "https://turkestan.example/category/sport/"),
        ("<a href=\"../../2020/\">a</a>", "https://turkestan.example/2026/2020/"),
        ("<a href=\"?p=5\">a</a>", "https://turkestan.example/2026/11/page/?p=5"),
        ("<a href=\"#glava2\">a</a>", "https://turkestan.example/2026/11/page/#glava2"),
        ("<a href=\"//cdn.example.org/x\">a</a>", "https://cdn.example.org/x"),
        ("<a href=\"mailto:red@example.org\">a</a>", "mailto:red@example.org"),
        (
            "<a href=\"https://example.org/путь?q=қ&amp;x=1\">a</a>",
            "https://example.org/%D0%BF%D1%83%D1%82%D1%8C?q=%D2%9B&amp;x=1",
        ),
        ("<video poster=\"/p.jpg\" src=\"v.mp4\"></video>", "https://turkestan.example/p.jpg"),
        (
            "<img src=a.png srcset=\"/a-300.jpg 300w, //c.example/b.jpg 2x, javascript:1 3x\">",
            "https://turkestan.example/a-300.jpg 300w, https://c.example/b.jpg 2x\"",
        ),
    ];
    for (raw, wanted) in cases {
        let html = clean(raw).html;
        assert!(html.contains(&format!("\"{wanted}")), "{raw} became {html}");
    }
    let dropped = [
        "<a href=\"data:text/html,x\">a</a>",
        "<a href=\"ftp://x.example/\">a</a>",
        "<a href=\"https://\">a</a>",
        "<a href=\"&#1;javascript:alert(1)\">a</a>",
    ];
    for raw in dropped {
        assert!(!clean(raw).html.contains("href"), "{raw} became {}", clean(raw).html);
    }
}

#[test]
fn pictures_keep_their_words_and_need_an_address() {
    let html = clean("<img alt=\"Кот &quot;Том&quot;\" src=/k.png class=x width=10>").html;
    assert!(
        html.contains("alt=\"Кот &quot;Том&quot;\"") && html.contains("width=\"10\""),
        "{html}"
    );
    assert_eq!(clean("<p>a<img alt=1px src=\"data:image/png;base64,AA\">b</p>").html, "<p>ab</p>");
}

#[test]
fn players_of_known_hosts_become_links() {
    let html =
        clean("<iframe src=\"https://www.youtube.com/embed/dQw4w9WgXcQ?x=1\">нет</iframe>").html;
    let url = "https://www.youtube.com/watch?v=dQw4w9WgXcQ";
    assert_eq!(html, format!("<p><a href=\"{url}\">{url}</a></p>"));
    assert_eq!(clean("<p>a</p><iframe src=\"https://ads.example/\">b</iframe>").html, "<p>a</p>");
    assert_eq!(removed("<iframe src=\"https://ads.example/\"></iframe>", "iframe"), 1);
}

#[test]
fn forbidden_characters_go_raw_and_as_references() {
    let cleaned = clean("<p>а\u{b}б\u{3}в&#11;г\u{fffe}&#xFFFF;</p>");
    assert_eq!(cleaned.html, "<p>абвг</p>");
    assert_eq!(removed("<p>а\u{b}б\u{3}в&#11;г</p>", "control character"), 3);
    assert_eq!(without_forbidden("\ta\n\u{0}b\u{1f}c🎉").0, "\ta\nbc🎉");
    assert_eq!(without_forbidden("\u{85}").1, 0, "C1 controls are XML characters");
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_before_it_costs_anything() {
    assert!(matches!(refusal(&"x".repeat((4 << 20) + 1)), TooMuch::Size { .. }));
    let pieces = [
        "<div>",
        "<ul><li>",
        "<table><tr><td>",
        "<svg><td>",
        "<b><p>",
        "<select><div>",
        "<template><td><div>",
        "<td><div>",
        "<noscript><!--</noscript><div>",
        "<svg><title><div>",
        "<dl><dd>",
        "<object>",
        "<a><table>",
        "<p><font size=1><p>",
    ];
    for piece in pieces {
        let bomb = piece.repeat(200_000 / piece.len());
        let base = WebUrl::parse("https://turkestan.example/").unwrap();
        match clean_html(&bomb, &base, &LIMITS) {
            Err(TooMuch::Depth { max: 256 } | TooMuch::Elements { .. }) => {}
            Err(other) => panic!("{piece}: {other}"),
            // What HTML itself does not nest is welcome.
            Ok(cleaned) => assert!(cleaned.html.len() <= bomb.len() * 4, "{piece}"),
        }
    }
    assert!(matches!(refusal(&"<div>".repeat(200_000)), TooMuch::Depth { .. }));
    assert!(matches!(refusal(&"<ul><li>".repeat(8_000)), TooMuch::Depth { .. }));
    // Signs that the serializer escapes are dear in one long text, and siblings before a table.
    assert!(matches!(refusal(&"&amp;".repeat(50_000)), TooMuch::Text { .. }));
    assert!(matches!(refusal(&"«»".repeat(50_000)), TooMuch::Text { .. }));
    assert!(matches!(refusal(&"<table>x".repeat(50_000)), TooMuch::Elements { .. }));
    // Formatting that is never closed is opened again in every paragraph.
    let many: String = (0..200).map(|n| format!("<b id={n}>")).collect();
    assert!(matches!(
        refusal(&format!("<p>{many}{}", "</p><p>x".repeat(16_000))),
        TooMuch::Elements { .. }
    ));
}

#[test]
fn honest_html_without_end_tags_is_welcome() {
    for piece in
        ["<li>пункт", "<p>абзац", "<br>", "строка<br>", "<td>1", "<tr><td>1", "<option>x", "<b>ж"]
    {
        let many = piece.repeat(3_000);
        let base = WebUrl::parse("https://turkestan.example/").unwrap();
        let whole = ["<ul>", "<table>", ""].map(|open| format!("{open}{many}"));
        for html in whole.into_iter().filter(|h| !h.starts_with("<b>") && !h.contains(">ж")) {
            assert!(clean_html(&html, &base, &LIMITS).is_ok(), "{}", &html[..40.min(html.len())]);
        }
    }
    let deep = format!("{}x{}", "<div>".repeat(200), "</div>".repeat(200));
    assert!(clean(&deep).html.contains('x'));
}

#[test]
fn text_is_plain_once() {
    let cases = [
        ("Заголовок с <em>разметкой</em> &amp; <strong>тегами</strong> <script>alert(1)</script>", "Заголовок с разметкой & тегами"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("5 < 6 и AT&T", "5 < 6 и AT&T"),
        ("  a \n\t b\u{a0}c ", "a b\u{a0}c"),
        ("<p>один</p><p>два<br>три</p>", "один два три"),
        ("сло<b>во</b>", "слово"),
        ("<style>p{}</style>x<!-- y -->z", "xz"),
        ("a\u{b}b&#3;c", "abc"),
        ("<title>x</title><textarea><b>y</b></textarea>", "x y"),
        ("<ul><li>".repeat(50_000).as_str(), ""),
    ]
    .map(|(raw, wanted)| (raw.to_owned(), wanted));
    for (raw, wanted) in cases {
        assert_eq!(plain_text(&raw), wanted, "{raw:.60}");
    }
}

/// Pieces that break parsers when they meet.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(vec![
            "<p>",
            "</p>",
            "<b>",
            "</b>",
            "<i>",
            "</i>",
            "<a href=/x>",
            "</a>",
            "<table>",
            "</table>",
            "<tr>",
            "<td>",
            "</td>",
            "<caption>",
            "<ul>",
            "<li>",
            "</ul>",
            "<pre>",
            "\n",
            "</pre>",
            "<svg>",
            "</svg>",
            "<math>",
            "<mtext>",
            "<style>",
            "</style>",
            "<title>",
            "</title>",
            "<select>",
            "<option>",
            "<template>",
            "</template>",
            "<iframe src=https://vk.com/video_ext.php?x=1>",
            "</iframe>",
            "<noscript>",
            "<img src=x>",
            "<img alt='>'>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "&lt;",
            "&#0;",
            "&#13;",
            "&nbsp;",
            "&amp",
            "&",
            "<",
            ">",
            "\"",
            "<h1>",
            "</h1>",
            "<form>",
            "<div lang=kk>",
            "</div>",
            "<br>",
            "<hr>",
            "<video src=v poster='//p'>",
            "<source src=s>",
            "<a href='&#x200B;y'>",
            "<img srcset='a 1x,, b,c 2x'>",
            "<font>",
            "<nobr>",
            "<button>",
            "<frameset>",
            "<body>",
            "<plaintext>",
            "<textarea>",
            "</textarea>",
            "<dd>",
            "<dt>",
            "<ruby><rt>",
        ])
        .prop_map(str::to_owned),
        "[ a-zа-яәқ\u{0}\u{b}\u{a0}\u{fffe}\r\n]{0,6}",
        "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn cleaning_again_changes_nothing(raw in nasty()) {
        let once = clean(&raw);
        let twice = clean(&once.html);
        prop_assert_eq!(&twice.html, &once.html);
        prop_assert!(twice.removed.is_empty(), "{:?}", twice.removed);
        prop_assert_eq!(without_forbidden(&once.html).1, 0);
        let lower = once.html.to_lowercase();
        for gone in ["<script", "<style", "<svg", "<math", "<iframe", "<form", "<!--", "href=\"/", "src=\"/"] {
            prop_assert!(!lower.contains(gone), "{} in {}", gone, once.html);
        }
    }

    #[test]
    fn plain_text_is_one_clean_line(raw in nasty()) {
        let text = plain_text(&raw);
        prop_assert_eq!(without_forbidden(&text).1, 0);
        prop_assert!(!text.contains(['\n', '\t', '\r']) && text.trim_matches(' ') == text);
    }
}
