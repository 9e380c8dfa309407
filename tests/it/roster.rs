//! Which article a hit is for: the roster follows the store.

use jarshy::{
    model::{Article, Status, Verdict, WebUrl},
    store::{Marks, Put},
    views::{Hit, HitHeaders, Target},
};

use crate::views::{Newsroom, agreed_sum, article, hit, settings};

#[tokio::test]
async fn a_page_is_found_by_any_of_its_addresses() {
    let newsroom = Newsroom::new(&settings()).await;
    let url = |text: &str| WebUrl::parse(text).unwrap();
    let cyrillic = url("https://news.example/2020/08/туркестан-күні/");
    newsroom.put(&Article { url: cyrillic, ..article("a", "") }, None).await;
    let post = url("https://news.example/?p=25");
    newsroom.put(&Article { url: post, ..article("b", "") }, None).await;
    let cases = [
        ("https://news.example/2020/08/туркестан-күні", Verdict::Counted),
        ("http://NEWS.example/2020/08/туркестан-күні/?utm_source=x#top", Verdict::Counted),
        (
            "https://news.example/2020/08/%d1%82%d1%83%D1%80%D0%BA%D0%B5%D1%81%D1%82%D0%B0%D0%BD-%D0%BA%D2%AF%D0%BD%D1%96/",
            Verdict::Counted,
        ),
        ("https://news.example/?p=25&preview=true", Verdict::Counted),
        ("https://news.example/?p=26", Verdict::Unknown),
        ("https://news.example/", Verdict::Unknown),
        ("https://news.example:444/?p=25", Verdict::Unknown),
        ("https://other.example/?p=25", Verdict::Unknown),
        ("/?p=25", Verdict::Invalid),
        ("javascript:alert(1)", Verdict::Invalid),
        ("", Verdict::Invalid),
        ("https://news.example/%", Verdict::Unknown),
        ("https://news.example/%d", Verdict::Unknown),
    ];
    for (address, expected) in cases {
        let plain = hit("", "192.0.2.1");
        let headers = HitHeaders { dnt: Some(b"1"), ..plain.headers };
        let at = Hit { target: Target::Url(address), headers, ..plain };
        assert_eq!(newsroom.views.hit(at).await, Ok(expected), "{address}");
    }
    let long = format!("https://news.example/{}", "x".repeat(5000));
    let at = Hit { target: Target::Url(&long), ..hit("", "192.0.2.1") };
    assert_eq!(newsroom.views.hit(at).await, Ok(Verdict::Invalid));
}

#[tokio::test]
async fn the_roster_follows_pages_that_move_and_are_shared() {
    let newsroom = Newsroom::new(&settings()).await;
    let first = article("a", "");
    let page = first.url.clone();
    newsroom.put(&first, None).await;
    let second = Article { url: page.clone(), ..article("b", "") };
    let revision = newsroom.put(&second, None).await;
    async fn counted_at(newsroom: &Newsroom, page: &WebUrl) -> (u64, u64) {
        let plain = hit("", "192.0.2.1");
        let headers = HitHeaders { dnt: Some(b"1"), ..plain.headers };
        let at = Hit { target: Target::Url(page.as_str()), headers, ..plain };
        newsroom.views.hit(at).await.unwrap();
        let count = |id| newsroom.views.count(id).unwrap().counted;
        (count("a"), count("b"))
    }
    // The newest article of a page has it; when it moves away, the older one has it again.
    assert_eq!(counted_at(&newsroom, &page).await, (0, 1));
    let moved = Article { url: WebUrl::parse("https://news.example/moved").unwrap(), ..second };
    let revision = newsroom.put(&moved, Some(revision)).await;
    assert_eq!(counted_at(&newsroom, &page).await, (1, 1));
    assert_eq!(counted_at(&newsroom, &moved.url).await, (1, 2));
    // A withdrawn article was public: pages of it may still be open.
    newsroom.put(&Article { status: Status::Withdrawn, ..moved.clone() }, Some(revision)).await;
    assert_eq!(counted_at(&newsroom, &moved.url).await, (1, 3));
    assert_eq!(agreed_sum(&newsroom, &["a", "b"]).await, 4);
}

#[tokio::test]
async fn the_roster_hears_of_new_articles_by_itself() {
    let newsroom = Newsroom::new(&settings()).await;
    let following = tokio::spawn(newsroom.views.roster().clone().follow(newsroom.store.clone()));
    let marks = Marks { is_public: true, was_public: true, ..Marks::default() };
    let put = Put { article: article("late", ""), marks, expected: None, note: None };
    newsroom.store.put_articles(vec![put]).await.remove(0).unwrap();
    while newsroom.views.count("late").is_none() {
        tokio::task::yield_now().await;
    }
    following.abort();
}
