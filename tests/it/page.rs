//! A saved page becomes an article: headline, date in the site's time zone, views, byline, text, and
//! nothing of the page around it.

use std::path::Path;

use jarshy::{
    ingest::{
        import::{ImportOptions, Importer, Input, Kind, Report},
        page::PageOptions,
    },
    model::{Article, WebUrl},
};

use crate::desk::{self, Desk};

const URL: &str = "https://turkestan.example/2020/08/za-ravnye-prava-i-gendernoe-ravenstvo/";

async fn import(content: &[u8], url: Option<&str>) -> (Desk, Report) {
    let desk = desk::desk().await;
    let importer =
        Importer::new(desk.store.clone(), desk::site(), desk::limits(), desk.clock.clone());
    let url = url.map(|url| WebUrl::parse(url).unwrap());
    let kind = Kind::Page(PageOptions { url, id: None });
    let options = ImportOptions { kind, dry_run: false };
    let input = Input::Bytes { name: "page".into(), bytes: Vec::leak(content.to_vec()) };
    let report = importer.import(&[input], &options, &|_| {}).await.unwrap();
    (desk, report)
}

async fn article(content: &str, id: &str) -> Article {
    let (desk, report) = import(content.as_bytes(), Some(URL)).await;
    assert_eq!((report.taken, report.exit_code()), (1, 0), "{report}");
    desk.store.article(&desk::id(id)).await.unwrap().unwrap().article
}

const SEED_ID: &str = "page-za-ravnye-prava-i-gendernoe-ravenstvo";

#[tokio::test]
async fn the_seed_article_is_read_as_a_reader_copied_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/seed/article.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let article = article(&text, SEED_ID).await;
    assert_eq!(article.title, "За равные права и гендерное равенство");
    assert_eq!(article.url.as_str(), URL);
    // 12:01 in Almaty, UTC+6 in that year.
    assert_eq!(article.published_at, Some(desk::at("2020-08-19T06:01:00Z")));
    let carried = article.carried_over.unwrap();
    assert_eq!((carried.views, carried.source.as_str(), carried.at), (809, "page", desk::NOON));
    assert_eq!(article.byline.as_deref(), Some("Пресс-служба акима Туркестанской области"));
    assert_eq!(article.authors[0].name, "Пресс-служба акима Туркестанской области");
    let body = &article.body_html;
    assert!(body.starts_with("<p>В Туркестане прошло онлайн-совещание"), "{body}");
    assert!(body.ends_with("пострадавшим от бытового насилия.</p>"), "{body}");
    assert!(body.contains("Туркменистане<br>\nД. Валлезе.</p>"), "{body}");
    assert_eq!(body.matches("<p>").count(), 9, "{body}");
    for gone in ["комментарий", "e-mail", "809", "19 Авг", "Пресс-служба"]
    {
        assert!(!body.contains(gone), "{gone} in {body}");
    }
}

#[tokio::test]
async fn dates_are_understood_in_russian_kazakh_and_english() {
    let cases = [
        ("19 августа 2020 года, 12:01", "2020-08-19T06:01:00Z"),
        ("19 Тамыз 2020 12:01", "2020-08-19T06:01:00Z"),
        ("2020 жылғы 19 тамыз, 12:01", "2020-08-19T06:01:00Z"),
        ("2020 ж. 19 там. 12:01", "2020-08-19T06:01:00Z"),
        ("5 мамыр 2024 09:30", "2024-05-05T04:30:00Z"),
        ("5 Қаңтар 2024 09:30", "2024-01-05T03:30:00Z"),
        ("7 қазан 2025", "2025-10-06T19:00:00Z"),
        ("7 қараша 2025", "2025-11-06T19:00:00Z"),
        ("1 маусым 2023 00:10", "2023-05-31T18:10:00Z"),
        ("1 наурыз 2024 00:10", "2024-02-29T19:10:00Z"),
        ("9 Мая 2019 10:00", "2019-05-09T04:00:00Z"),
        ("30 мар 2019 10:00", "2019-03-30T04:00:00Z"),
        ("Aug 19, 2020 12:01", "2020-08-19T06:01:00Z"),
        ("19.08.2020 12:01", "2020-08-19T06:01:00Z"),
        ("2020-08-19 12:01", "2020-08-19T06:01:00Z"),
        ("29 Фев 2024 23:30", "2024-02-29T17:30:00Z"),
    ];
    for (written, meant) in cases {
        let article = article(&format!("Тақырып\n\n{written}\n\nМәтін."), SEED_ID).await;
        assert_eq!(article.published_at, Some(desk::at(meant)), "{written}");
        assert_eq!(article.body_html, "<p>Мәтін.</p>", "{written}");
    }
}

#[tokio::test]
async fn views_are_read_with_groups_and_in_kazakh() {
    for (line, views) in [
        ("Количество просмотров: 1 234", 1234),
        ("Количество просмотров: 12\u{a0}345", 12_345),
        ("Қаралым саны: 77", 77),
        ("809 просмотров", 809),
        ("Views: 1,024", 1024),
    ] {
        let article = article(&format!("Т\n19 Авг 2020 12:01\n{line}\n\nТекст."), SEED_ID).await;
        assert_eq!(article.carried_over.unwrap().views, views, "{line}");
    }
    let text = "Т\n19 Авг 2020 12:01\n\nПросмотров фильма в кино стало больше: 500 человек за ночь пришли.";
    let article = article(text, SEED_ID).await;
    assert_eq!(article.carried_over, None);
    assert!(article.body_html.contains("500 человек"));
}

#[tokio::test]
async fn text_is_text_and_not_markup() {
    let article =
        article("A <b> & c\n19.08.2020\n\n<script>alert(1)</script> 1 < 2", SEED_ID).await;
    assert_eq!(article.title, "A <b> & c");
    assert_eq!(article.body_html, "<p>&lt;script&gt;alert(1)&lt;/script&gt; 1 &lt; 2</p>");
}

const PAGE: &str = r#"<!DOCTYPE html><html lang="kk"><head><title>Сайт | Тақырып</title>
<link rel="canonical" href="https://turkestan.example/2026/11/su-tasqyny.html">
<meta property="og:title" content="Су тасқыны"><meta property="og:image" content="https://turkestan.example/a.jpg">
<meta property="article:published_time" content="2026-11-20T09:30:00+05:00"></head><body>
<nav><p>Мәзір мәзір мәзір</p></nav><article><h1>Су тасқыны: «бүгін»</h1><span>Қаралым саны: <b>321</b></span>
<div class="entry-content"><p onclick="x()">Бірінші <a href="/b">абзац</a>.</p><script>x</script>
<p>Екінші.</p><form><input></form></div></article><div id="comments"><p>Пікір</p></div></body></html>"#;

#[tokio::test]
async fn a_saved_page_names_its_address_and_its_parts() {
    let (desk, report) = import(PAGE.as_bytes(), None).await;
    assert_eq!(report.taken, 1, "{report}");
    let article = desk.store.article(&desk::id("page-su-tasqyny")).await.unwrap().unwrap().article;
    assert_eq!(article.title, "Су тасқыны: «бүгін»");
    assert_eq!(article.published_at, Some(desk::at("2026-11-20T04:30:00Z")));
    assert_eq!(article.carried_over.unwrap().views, 321);
    assert_eq!(article.language.as_str(), "kk");
    assert_eq!(article.media[0].url.as_str(), "https://turkestan.example/a.jpg");
    let body = article.body_html.replace('\n', "");
    assert_eq!(
        body,
        "<p>Бірінші <a href=\"https://turkestan.example/b\">абзац</a>.</p><p>Екінші.</p>"
    );
}

#[tokio::test]
async fn pages_in_windows_1251_are_read() {
    let page = PAGE
        .replace("<head>", "<head><meta charset=\"windows-1251\">")
        .replace("Су тасқыны: «бүгін»", "Паводок")
        .replace("Бірінші", "Первый")
        .replace("Қаралым саны", "Просмотров");
    let encoded = encoding_rs::WINDOWS_1251.encode(&page).0.into_owned();
    let (desk, report) = import(&encoded, None).await;
    assert_eq!(report.taken, 1, "{report}");
    let article = desk.store.article(&desk::id("page-su-tasqyny")).await.unwrap().unwrap().article;
    assert_eq!(article.title, "Паводок");
    assert!(article.body_html.contains("Первый"), "{}", article.body_html);
}

#[tokio::test]
async fn what_is_missing_is_said_in_a_sentence() {
    let deep = format!("<html><body>{}", "<div>".repeat(5_000));
    let cases: [(&str, Option<&str>, &str); 6] = [
        ("Т\n19.08.2020\n\nТекст.", None, "--url"),
        ("Т\n\nТекст без даты.", Some(URL), "no date"),
        ("", Some(URL), "no headline"),
        ("Т\n19.08.2020\n", Some(URL), "no text"),
        ("Т\n19.08.2020\n\nТекст.", Some("https://turkestan.example/"), "--id"),
        (&deep, Some(URL), "nested"),
    ];
    for (text, url, why) in cases {
        let (_, report) = import(text.as_bytes(), url).await;
        assert_eq!((report.taken, report.exit_code()), (0, 1), "{why}");
        assert!(report.broken[0].why.contains(why), "{why}: {}", report.broken[0].why);
    }
}
