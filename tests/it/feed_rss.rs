//! RSS 2.0 as readers get it.

use jarshy::{
    config::Content,
    model::{Format, Guid, MediaRole},
};

use crate::newsroom::*;

fn rss(entries: Vec<jarshy::model::Article>) -> String {
    document(Format::Rss, &snapshot(entries))
}

#[test]
fn the_golden_feed_is_byte_for_byte_the_same() {
    assert_golden("news.rss", &rss(rich_articles()));
}

#[test]
fn an_empty_feed_is_valid_and_old() {
    let document = rss(vec![]);
    assert!(document.contains("<lastBuildDate>Thu, 01 Jan 1970 00:00:00 +0000</lastBuildDate>"));
    assert!(!document.contains("<item>") && !document.contains("<language>"));
}

#[test]
fn a_guid_is_a_permalink_only_where_it_is_the_link() {
    let mut same = article("a");
    same.guid = Guid::parse("https://turkestan.example/a/").unwrap();
    let document = rss(vec![same, article("b")]);
    assert!(document.contains("<guid>https://turkestan.example/a/</guid>"));
    assert!(
        document.contains("<guid isPermaLink=\"false\">tag:turkestan.example,2026-11-24:b</guid>")
    );
}

#[test]
fn plain_text_is_escaped_once_in_titles_and_as_html_in_descriptions() {
    let mut entry = article("a");
    entry.title = "1 < 2 &amp; 3".into();
    entry.summary = "1 < 2 &amp; 3".into();
    let document = rss(vec![entry]);
    assert!(document.contains("<title>1 &lt; 2 &amp;amp; 3</title>"));
    assert!(document.contains("<description><![CDATA[1 &lt; 2 &amp;amp; 3]]></description>"));
}

#[test]
fn authors_are_creators_never_an_e_mail_field() {
    let document = rss(rich_articles());
    assert!(
        document
            .contains("<dc:creator>Айгүл Әбенова</dc:creator><dc:creator>Ә. Қалиев</dc:creator>")
    );
    assert!(document.contains("<dc:creator>Пресс-служба акимата</dc:creator>"));
    assert!(!document.contains("<author>"));
}

#[test]
fn namespaces_are_declared_for_what_is_used() {
    let plain = rss(vec![article("a")]);
    assert!(!plain.contains("xmlns:dcterms") && !plain.contains("xmlns:dc="));
    let rich = rss(rich_articles());
    assert!(
        rich.contains("xmlns:dcterms=")
            && rich.contains("xmlns:dc=")
            && rich.contains("xmlns:content=")
    );
}

#[test]
fn sound_is_the_enclosure_and_else_the_lead_picture() {
    let mut both = article("a");
    let mut sound = picture(MediaRole::Enclosure, "https://turkestan.example/a.mp3");
    sound.bytes = None;
    sound.media_type = "nonsense".into();
    both.media = vec![picture(MediaRole::Lead, "https://turkestan.example/a.jpg"), sound];
    let mut lead = article("b");
    lead.media = vec![
        picture(MediaRole::Body, "https://turkestan.example/0.jpg"),
        picture(MediaRole::Lead, "https://turkestan.example/b.jpg"),
    ];
    let document = rss(vec![both, lead]);
    assert!(document.contains(
        r#"<enclosure url="https://turkestan.example/a.mp3" length="0" type="application/octet-stream"/>"#
    ));
    assert!(document.contains(
        r#"<enclosure url="https://turkestan.example/b.jpg" length="204800" type="image/jpeg"/>"#
    ));
    assert_eq!(document.matches("<enclosure").count(), 2);
}

#[test]
fn an_edit_shows_as_modified_and_leaves_the_publication_date() {
    let document = rss(rich_articles());
    assert!(document.contains("<pubDate>Tue, 24 Nov 2026 09:30:15 +0000</pubDate>"));
    assert!(document.contains("<dcterms:modified>2026-11-24T11:00:00Z</dcterms:modified>"));
    assert_eq!(document.matches("dcterms:modified>").count(), 2, "only the edited one has it");
    assert!(document.contains("<lastBuildDate>Tue, 24 Nov 2026 11:00:00 +0000</lastBuildDate>"));
}

#[test]
fn a_summary_feed_carries_no_bodies() {
    let mut summary = snapshot(rich_articles());
    summary.content = Content::Summary;
    let document = document(Format::Rss, &summary);
    assert!(!document.contains("content:encoded") && !document.contains("xmlns:content"));
    assert!(
        document.contains(
            "<description><![CDATA[В городе сдали дом ]]]]><![CDATA[&gt; и школу. a[b[0]]&gt;c]]>"
        ) || document
            .contains("<description><![CDATA[В городе сдали дом ]]&gt; и школу. a[b[0]]&gt;c]]>")
    );
}

#[test]
fn in_a_mixed_feed_every_item_says_its_language() {
    let mixed = rss(rich_articles());
    assert!(mixed.contains("<dc:language>kk</dc:language>"));
    assert!(mixed.contains("<dc:language>ru</dc:language>") && !mixed.contains("<language>"));
    let single = rss(vec![article("a")]);
    assert!(single.contains("<language>ru</language>") && !single.contains("dc:language"));
}

#[test]
fn a_picture_in_several_sizes_is_one_group() {
    let document = rss(rich_articles());
    let group =
        document.split("<media:group>").nth(1).unwrap().split("</media:group>").next().unwrap();
    assert_eq!(group.matches("<media:content").count(), 2);
    assert_eq!(group.matches("isDefault=\"true\"").count(), 1);
    assert!(group.contains("<media:credit>Фото: Д. Сейтқали &lt;студия&gt;</media:credit>"));
    assert!(
        group.contains(
            "<media:description type=\"plain\">Мавзолей &amp; площадь</media:description>"
        )
    );
    assert!(document.contains(
        "<media:thumbnail height=\"180\" url=\"https://turkestan.example/i/small.jpg\" width=\"320\">"
    ));
    assert!(document.contains("duration=\"84\"") && document.contains("medium=\"audio\""));
    assert_eq!(document.matches("<media:group>").count(), 1, "one picture alone is no group");
    assert!(!rss(vec![article("a")]).contains("xmlns:media"));
}

#[test]
fn the_channel_says_whose_it_is() {
    let document = rss(rich_articles());
    assert!(document.contains("<copyright>© 2026 Түркістан &lt;жаңалықтары&gt;</copyright>"));
    assert!(document.contains("<image><url>https://turkestan.example/%D0%BB%D0%BE%D0%B3%D0%BE%D1%82%D0%B8%D0%BF.png</url><title>Новости</title>"));
    assert!(document.contains("<atom:link href=\"https://hub.example/?a=1&amp;b=2\" rel=\"hub\">"));
    assert!(document.contains(
        "<category domain=\"https://feeds.turkestan.example/feeds#tags\">фестиваль</category>"
    ));
}
