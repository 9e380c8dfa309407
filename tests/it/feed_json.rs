//! JSON Feed 1.1 as readers get it.

use jarshy::{
    config::Content,
    model::{Article, Format},
};
use serde_json::{Value, json};

use crate::newsroom::*;

fn json(entries: Vec<Article>) -> Value {
    serde_json::from_str(&document(Format::Json, &snapshot(entries))).unwrap()
}

#[test]
fn the_golden_feed_is_byte_for_byte_the_same() {
    assert_golden("news.json", &document(Format::Json, &snapshot(rich_articles())));
}

#[test]
fn only_keys_of_the_specification_are_written() {
    let feed = json(rich_articles());
    let known = [
        "version",
        "title",
        "home_page_url",
        "feed_url",
        "description",
        "language",
        "icon",
        "favicon",
        "hubs",
        "type",
        "authors",
        "items",
        "id",
        "url",
        "content_html",
        "summary",
        "image",
        "date_published",
        "date_modified",
        "tags",
        "attachments",
        "name",
        "mime_type",
        "size_in_bytes",
        "duration_in_seconds",
    ];
    fn keys<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                found.push(key);
                keys(value, found);
            }),
            Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    keys(&feed, &mut found);
    for key in found {
        assert!(known.contains(&key), "{key}");
    }
}

#[test]
fn every_item_has_content_even_an_empty_one() {
    let mut empty = article("a");
    empty.body_html = String::new();
    assert_eq!(json(vec![empty.clone()])["items"][0]["content_html"], "");
    let mut summary = snapshot(vec![empty]);
    summary.content = Content::Summary;
    let feed: Value = serde_json::from_str(&document(Format::Json, &summary)).unwrap();
    assert_eq!(feed["items"][0]["content_text"], "");
}

#[test]
fn a_duration_that_json_cannot_say_is_left_out() {
    let mut entry = rich_articles().remove(1);
    entry.media[1].duration_seconds = Some(f64::NAN);
    let feed = json(vec![entry]);
    let attachment = &feed["items"][0]["attachments"][0];
    assert_eq!(
        *attachment,
        json!({
            "url": "https://turkestan.example/a/25.mp3",
            "mime_type": "audio/mpeg",
            "title": "Мавзолей & площадь",
        })
    );
}
