//! Old numbers come along, with their date and source: `jarshy import views`, and where they show.

use std::path::Path;

use jarshy::{
    clock::Clock,
    ingest::{
        carry::{CarryOptions, CarryReport, carry_over},
        import::Input,
    },
    model::Millis,
};
use serde_json::{Value, json};

use crate::{
    desk::{Desk, NOON, api, at, candidate, desk, id},
    import::jarshy,
    running::{NOW, Running, SETTINGS},
};

async fn newsroom() -> Desk {
    let desk = desk().await;
    for name in ["wp-25", "wp-33", "page-x"] {
        let url = format!("https://turkestan.example/{name}/");
        desk.intake.take(candidate(name, json!({"url": url})), &api(), None).await.unwrap();
    }
    desk
}

fn options() -> CarryOptions {
    CarryOptions {
        prefix: "wp".into(),
        source: "post-views-counter".into(),
        as_of: None,
        dry_run: false,
    }
}

async fn carry(
    desk: &Desk,
    text: &'static str,
    options: &CarryOptions,
    now: Millis,
) -> CarryReport {
    let input = Input::Bytes { name: "numbers".into(), bytes: text.as_bytes() };
    carry_over(&desk.store, &[input], options, now).await.unwrap()
}

async fn views(desk: &Desk, article: &str) -> u64 {
    desk.store.article(&id(article)).await.unwrap().unwrap().article.carried_over_views()
}

/// Every way in which somebody may have written the same two numbers down.
#[tokio::test]
async fn a_file_is_read_however_it_is_written() {
    let same = [
        r#"[{"id":"25","type":"4","period":"total","count":"809"},
            {"id":"25","type":"0","period":"20240107","count":"12"},
            {"id":"33","type":"4","period":"total","count":"1234"}]"#,
        r#"[{"type":"header","version":"5.2.1","comment":"Export to JSON plugin for PHPMyAdmin"},
            {"type":"database","name":"wordpress"},
            {"type":"table","name":"wp_post_views","database":"wordpress","data":[
              {"id":"25","type":"4","period":"total","count":"809"},
              {"id":"25","type":"3","period":"2023","count":"700"},
              {"id":"33","type":"4","period":"total","count":"1234"}]}]"#,
        "{\"post_id\":25,\"views\":809}\n{\"post_id\":33,\"views\":1234}\n",
        r#"{"25": 809, "33": "1 234"}"#,
        r#"[{"article":"wp-25","total":809},{"article":"wp-33","carried_over_views":1234}]"#,
        "id,type,period,count\n25,4,total,809\n25,1,202401,44\n33,4,total,1234\n",
        "\u{feff}\"ID\";\"Title\";\"Views\"\r\n\"25\";\"Су; \"\"тасқыны\"\"\";\"809\"\r\n\r\n\"33\";\"x\";\"1 234\"\r\n",
        "post_id\tmeta_value\n25\t809\n33\t1234\n",
        "25,809\n33,1234\n",
    ];
    for text in same {
        let desk = newsroom().await;
        let report = carry(&desk, text, &options(), NOON).await;
        assert_eq!((report.changed, report.unknown), (2, 0), "{text} {report:?}");
        assert_eq!(report.skipped.len(), 0, "{text} {report:?}");
        assert_eq!(
            (views(&desk, "wp-25").await, views(&desk, "wp-33").await),
            (809, 1234),
            "{text}"
        );
        assert_eq!(views(&desk, "page-x").await, 0);
        let again = carry(&desk, text, &options(), NOON.plus(1000)).await;
        assert_eq!((again.changed, again.unchanged), (0, 2), "{text} {again:?}");
    }
}

#[tokio::test]
async fn nothing_but_the_number_changes_and_date_and_source_are_kept() {
    let desk = newsroom().await;
    let before = desk.store.article(&id("wp-25")).await.unwrap().unwrap();
    carry(&desk, "id,views\n25,809\n", &options(), NOON).await;
    let after = desk.store.article(&id("wp-25")).await.unwrap().unwrap();
    let carried = after.article.carried_over.clone().unwrap();
    assert_eq!(
        (carried.views, carried.at, carried.source.as_str()),
        (809, NOON, "post-views-counter")
    );
    let mut same = after.article.clone();
    same.carried_over = None;
    assert_eq!((same, after.marks), (before.article, before.marks));
    let day = at("2026-01-01T00:00:00Z");
    let dated = CarryOptions { as_of: Some(day), ..options() };
    assert_eq!(carry(&desk, "id,views\n25,809\n", &dated, NOON).await.changed, 1, "another date");
    assert_eq!(carry(&desk, "id,views\n25,809\n", &options(), NOON).await.changed, 0);
    let lower = carry(&desk, "id,views\n25,800\n", &dated, NOON).await;
    assert_eq!((lower.changed, lower.lowered), (1, 1), "told, and done as asked");
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_and_the_rest_is_taken() {
    let desk = newsroom().await;
    let text = r#"[{"id":25,"count":5},{"id":25,"count":809},{"id":25,"count":7},
        {"id":999,"count":1},{"id":"no such id","count":1},{"id":33},{"count":1},
        {"id":33,"count":-1},{"id":33,"count":"many"},{"id":33,"count":1125899906842625},
        {"id":33,"count":1.5},null,[[]],3,{}]"#;
    let report = carry(&desk, text, &options(), NOON).await;
    assert_eq!((report.changed, report.unknown), (1, 1), "{report:?}");
    assert_eq!(report.unknown_named, ["wp-999"]);
    assert_eq!(report.skipped.values().sum::<usize>(), 10, "{report:?}");
    assert_eq!((views(&desk, "wp-25").await, views(&desk, "wp-33").await), (809, 0), "the largest");
    let dry = CarryOptions { dry_run: true, ..options() };
    let report = carry(&desk, "id,views\n33,7\n", &dry, NOON).await;
    assert_eq!((report.changed, views(&desk, "wp-33").await), (1, 0), "nothing was written");
    for (text, why) in [
        ("[{\"id\":25,", "not JSON"),
        ("name,number\na,b\n", "names no columns"),
        ("just words", "names no columns"),
    ] {
        let input = Input::Bytes { name: "numbers".into(), bytes: text.as_bytes() };
        let error = carry_over(&desk.store, &[input], &options(), NOON).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(error.exit_code(), 1);
    }
    let bytes = Input::Bytes { name: "numbers".into(), bytes: b"id,views\n25,\xff\n" };
    let error = carry_over(&desk.store, &[bytes], &options(), NOON).await.unwrap_err();
    assert!(error.to_string().contains("line 2 is not UTF-8"), "{error}");
}

#[test]
fn the_number_and_where_it_is_from_show_everywhere() {
    let running = Running::start();
    running.publish("wp-25", "A", NOW);
    let folder = running.stop();
    let import = |arguments: &[&str], input: &str| run(folder.path(), arguments, input);
    let (code, out, err) = import(
        &["import", "views", "-", "--source", "post-views-counter", "--as-of", "2026-11-01"],
        "id,type,period,count\n25,4,total,809\n25,0,20240107,12\n26,4,total,1\n",
    );
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("changed           1") && out.contains("no article: wp-26"), "{out}");
    assert!(out.contains("periods           1"), "{out}");
    let (_, shown, _) = import(&["articles", "show", "wp-25"], "");
    assert!(
        shown.contains("809 carried over, post-views-counter on 2026-11-01T00:00:00Z"),
        "{shown}"
    );
    for wrong in [
        &["import", "views", "-", "--source", "x", "--as-of", "yesterday"][..],
        &["import", "views", "nothing.csv", "--source", "x"],
    ] {
        let (code, _, err) = import(wrong, "id,views\n1,1\n");
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("no date such as") || err.contains("nothing.csv"), "{err}");
    }
    assert_eq!(import(&["import", "views", "-"], "").0, 2, "the source belongs on record");
    let again = Running::on(folder, SETTINGS, Clock::manual(NOW));
    let told = again.api("GET", "/api/v1/views/wp-25", "").json();
    assert_eq!(told["carried_over"], 809, "{told}");
    assert_eq!(told["carried_over_at"], "2026-11-01T00:00:00Z", "{told}");
    assert_eq!(told["carried_over_source"], "post-views-counter", "{told}");
    let count: Value = again.get("/count/wp-25.json", &[]).json();
    assert_eq!((&count["total"], &count["counted"]), (&json!(809), &json!(0)));
    let (_, stats, _) = run(again.data(), &["stats", "wp-25", "--json"], "");
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["articles"][0]["carried_over_source"], "post-views-counter", "{stats}");
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    jarshy(folder, arguments, input.as_bytes())
}
