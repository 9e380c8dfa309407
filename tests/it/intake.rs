//! An article changes through one door, and only as far as whoever brings it may change it.

use std::time::Duration;

use jarshy::{
    ingest::{Candidate, Outcome, Refusal, RefusalKind, due},
    model::{Millis, Status},
    store::ChangeKind,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, NOON, api, at, candidate, desk, id, site, wxr};

async fn put(desk: &Desk, article: &str, changes: Value) -> jarshy::ingest::Taken {
    desk.intake.take(candidate(article, changes), &api(), None).await.unwrap()
}

async fn import(desk: &Desk, candidate: Candidate) -> Outcome {
    desk.intake.take(candidate, &wxr(), None).await.unwrap().outcome
}

#[tokio::test]
async fn a_new_article_is_cleaned_dated_and_gets_a_guid_for_good() {
    let desk = desk().await;
    let taken = put(&desk, "a", json!({"title": " <b>Вода</b> &amp; огонь\u{b} "})).await;
    let article = &taken.stored.article;
    assert_eq!(taken.outcome, Outcome::Created);
    assert_eq!(article.title, "Вода & огонь");
    assert!(!article.body_html.contains("script"), "{}", article.body_html);
    assert!(article.body_html.contains("https://turkestan.example/x"), "{}", article.body_html);
    assert_eq!(article.guid.as_str(), "tag:turkestan.example,2026-11-24:a");
    assert_eq!(article.updated_at, at("2026-11-23T12:00:00Z"));
    assert_eq!(article.language.as_str(), "ru");
    assert!(taken.stored.marks.is_public && taken.stored.marks.was_public);
    assert_eq!(desk.store.article(&id("a")).await.unwrap().unwrap(), taken.stored);
}

#[tokio::test]
async fn a_guid_is_minted_on_the_day_of_the_site() {
    let desk = desk().await;
    // 20:00 in UTC is the next day in Almaty.
    desk.clock.turn(Duration::from_secs(8 * 3600));
    let taken = put(&desk, "a", json!({})).await;
    assert_eq!(taken.stored.article.guid.as_str(), "tag:turkestan.example,2026-11-25:a");
}

#[tokio::test]
async fn the_same_put_again_changes_nothing() {
    let desk = desk().await;
    let first = put(&desk, "a", json!({"carried_over_views": 809})).await;
    desk.clock.turn(Duration::from_secs(3600));
    let again = put(&desk, "a", json!({"carried_over_views": 809})).await;
    assert_eq!((again.outcome, again.stored), (Outcome::Unchanged, first.stored));
}

#[tokio::test]
async fn only_an_editorial_change_moves_updated() {
    let desk = desk().await;
    let first = put(&desk, "a", json!({})).await.stored;
    desk.clock.turn(Duration::from_secs(60));
    let sections = json!({"sections": ["Спорт"], "byline": "Наш корр.", "carried_over_views": 7});
    let moved = put(&desk, "a", sections).await;
    assert_eq!(moved.outcome, Outcome::Changed);
    assert!(moved.stored.revision > first.revision);
    assert_eq!(moved.stored.article.updated_at, first.article.updated_at);
    let title = put(&desk, "a", json!({"title": "Уточнено"})).await.stored;
    assert_eq!(title.article.updated_at, NOON.plus(60_000));
    // What a PUT leaves out and must not lose.
    assert_eq!(title.article.carried_over_views(), 7);
    assert_eq!(title.article.guid, first.article.guid);
}

#[tokio::test]
async fn a_given_time_of_change_counts_if_newer_and_never_from_the_future() {
    let desk = desk().await;
    let given = json!({"updated_at": "2026-11-24T10:00:00Z"});
    assert_eq!(put(&desk, "a", given).await.stored.article.updated_at, at("2026-11-24T10:00:00Z"));
    let older = json!({"title": "б", "updated_at": "2026-11-24T09:00:00Z"});
    assert_eq!(put(&desk, "a", older).await.stored.article.updated_at, NOON);
    desk.clock.turn(Duration::from_secs(60));
    let future = json!({"title": "в", "updated_at": "2099-01-01T00:00:00Z"});
    assert_eq!(put(&desk, "a", future).await.stored.article.updated_at, NOON.plus(60_000));
    let before = json!({"updated_at": "2020-01-01T00:00:00Z"});
    let updated = put(&desk, "b", before).await.stored.article.updated_at;
    assert_eq!(updated, at("2026-11-23T12:00:00Z"), "never before publication");
}

#[tokio::test]
async fn text_that_stands_may_be_put_back_as_it_is() {
    let desk = desk().await;
    let first = put(&desk, "a", json!({"title": "Тег &lt;b&gt; и A &amp;amp; B"})).await.stored;
    assert_eq!(first.article.title, "Тег <b> и A &amp; B");
    let again = put(&desk, "a", json!({"title": first.article.title})).await;
    assert_eq!(again.outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn what_was_cleaned_once_stays_as_it_is() {
    let desk = desk().await;
    for body in [
        "<p>Текст<p>ещё <b>жирно <i>криво</b> и</i> &amp;lt; &nbsp; 1 < 2 &copy",
        "<table><tr><td>x<a href=/y?a=1&b=2>z</a></table><ul><li>a<li>b</ul>",
        "<img src=a.jpg srcset='a.jpg 1x, b.jpg 2x'><svg><style><img onerror=x></svg>\r\n\u{0}",
        "<pre>\n\n код </pre><math><mtext><style>x</style></math><!-- c --><br/><p></p>",
    ] {
        let first = put(&desk, "a", json!({"body_html": body})).await.stored.article.body_html;
        let again = put(&desk, "a", json!({"body_html": first})).await;
        assert_eq!(again.outcome, Outcome::Unchanged, "{body}\n{first}");
    }
}

#[tokio::test]
async fn a_source_never_reverts_an_edit_by_delivering_the_same_again() {
    let desk = desk().await;
    let delivered = candidate("wp-1", json!({"updated_at": "2026-11-23T13:00:00Z"}));
    assert_eq!(import(&desk, delivered.clone()).await, Outcome::Created);
    put(&desk, "wp-1", json!({"title": "Правка редактора"})).await;
    assert_eq!(import(&desk, delivered.clone()).await, Outcome::Unchanged);
    // A save without change moves the time only; a changed hash with the old time is not believed.
    let saved = Candidate { updated_at: Some(NOON), ..delivered.clone() };
    assert_eq!(import(&desk, saved).await, Outcome::Unchanged);
    let odd = Candidate { title: "Другое".into(), ..delivered.clone() };
    assert_eq!(import(&desk, odd.clone()).await, Outcome::Unchanged);
    let title = desk.store.article(&id("wp-1")).await.unwrap().unwrap().article.title;
    assert_eq!(title, "Правка редактора");
    let real = Candidate { updated_at: Some(NOON), ..odd };
    assert_eq!(import(&desk, real).await, Outcome::Changed);
}

#[tokio::test]
async fn the_carried_over_number_grows_without_touching_an_edit() {
    let desk = desk().await;
    let delivered = candidate("wp-1", json!({"carried_over_views": 809}));
    import(&desk, delivered).await;
    put(&desk, "wp-1", json!({"title": "Правка"})).await;
    desk.clock.turn(Duration::from_secs(60));
    let grown = candidate("wp-1", json!({"carried_over_views": 812}));
    assert_eq!(import(&desk, grown.clone()).await, Outcome::Changed);
    let article = desk.store.article(&id("wp-1")).await.unwrap().unwrap().article;
    assert_eq!((article.title.as_str(), article.carried_over_views()), ("Правка", 812));
    assert_eq!(import(&desk, grown).await, Outcome::Unchanged);
}

#[tokio::test]
async fn a_withdrawal_made_here_survives_the_next_import() {
    let desk = desk().await;
    let delivered = candidate("wp-1", json!({}));
    import(&desk, delivered.clone()).await;
    let reason = Some("суд".to_owned());
    let first = desk.intake.withdraw(&id("wp-1"), "tok1", reason, None).await.unwrap();
    assert!(first.newly && !first.stored.marks.is_public);
    let again = desk.intake.withdraw(&id("wp-1"), "cli", None, None).await.unwrap();
    assert!(!again.newly && again.stored == first.stored);
    let changed = Candidate { title: "Снова".into(), ..delivered };
    assert_eq!(import(&desk, changed.clone()).await, Outcome::Withheld);
    let (changes, _) = desk.store.public_changes(0, 10).await.unwrap();
    assert_eq!(changes.iter().map(|c| c.kind).collect::<Vec<_>>(), [ChangeKind::Withdraw]);
    // Only an explicit act brings it back.
    let back = put(&desk, "wp-1", json!({})).await;
    assert_eq!(back.stored.article.status, Status::Published);
    assert_eq!(back.stored.marks.withdrawn, None);
    assert_eq!(import(&desk, changed).await, Outcome::Changed);
}

#[tokio::test]
async fn a_source_may_bring_back_what_it_withdrew_itself() {
    let desk = desk().await;
    import(&desk, candidate("wp-1", json!({}))).await;
    import(&desk, candidate("wp-1", json!({"status": "withdrawn"}))).await;
    let stored = desk.store.article(&id("wp-1")).await.unwrap().unwrap();
    assert_eq!(stored.article.status, Status::Withdrawn);
    assert_eq!(import(&desk, candidate("wp-1", json!({}))).await, Outcome::Changed);
}

#[tokio::test]
async fn unknown_articles_cannot_be_withdrawn() {
    let refusal = desk().await.intake.withdraw(&id("x"), "cli", None, None).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NotFound);
}

#[tokio::test]
async fn refusals_name_the_field() {
    let desk = desk().await;
    let cases = [
        (json!({"title": "<b> </b>"}), "title"),
        (json!({"title": "ж".repeat(1001)}), "title"),
        (json!({"summary": "ж".repeat(10_001)}), "summary"),
        (json!({"body_html": "ж".repeat(40_000)}), "body_html"),
        (json!({"status": "withdrawn"}), "status"),
        (json!({"sections": ["a", "ж".repeat(201)]}), "sections[1]"),
        (json!({"tags": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), "tags"),
        (json!({"media": [{"url": "https://a.example/1", "type": "picture"}]}), "media[0].type"),
    ];
    for (changes, field) in cases {
        let refusal = desk.intake.take(candidate("a", changes), &api(), None).await.unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some(field), "{refusal}");
    }
    assert_eq!(*desk.store.revisions().borrow(), 0, "nothing was written");
}

#[tokio::test]
async fn names_are_trimmed_and_stand_once() {
    let desk = desk().await;
    let names = json!({"sections": [" Общество ", "", "Общество", "Ауа  райы"]});
    let article = put(&desk, "a", names).await.stored.article;
    assert_eq!(article.sections, ["Общество", "Ауа райы"]);
}

#[tokio::test]
async fn a_guid_belongs_to_one_article_and_never_changes() {
    let desk = desk().await;
    put(&desk, "a", json!({"guid": "https://turkestan.example/?p=25"})).await;
    let taken = candidate("b", json!({"guid": "https://turkestan.example/?p=25"}));
    let other = candidate("a", json!({"guid": "other"}));
    for candidate in [taken, other] {
        let refusal = desk.intake.take(candidate, &api(), None).await.unwrap_err();
        assert_eq!((refusal.kind, refusal.field.as_deref()), (RefusalKind::Conflict, Some("guid")));
    }
}

#[tokio::test]
async fn a_stale_revision_is_refused() {
    let desk = desk().await;
    let first = put(&desk, "a", json!({})).await.stored.revision;
    let second = candidate("a", json!({"title": "2"}));
    let taken = desk.intake.take(second.clone(), &api(), Some(first)).await.unwrap();
    assert_eq!(taken.outcome, Outcome::Changed);
    let stale = desk.intake.take(second, &api(), Some(first)).await.unwrap_err();
    assert_eq!(stale.kind, RefusalKind::Precondition);
    let stale = desk.intake.withdraw(&id("a"), "cli", None, Some(first)).await.unwrap_err();
    assert_eq!(stale.kind, RefusalKind::Precondition);
    let absent = desk.intake.take(candidate("b", json!({})), &api(), Some(1)).await.unwrap_err();
    assert_eq!(absent.kind, RefusalKind::Precondition);
}

#[tokio::test]
async fn many_are_taken_in_order_each_on_its_own() {
    let desk = desk().await;
    let mut many: Vec<Candidate> =
        (0..250).map(|n| candidate(&format!("n-{n}"), json!({}))).collect();
    many[7].title = "<i></i>".into();
    many.push(candidate("n-3", json!({"title": "второй раз"})));
    many.push(candidate("n-3", json!({"title": "третий раз"})));
    many.push(candidate("n-3", json!({"title": "третий раз"})));
    let preview = desk.intake.preview_many(many.clone(), &api()).await;
    assert_eq!(*desk.store.revisions().borrow(), 0, "a preview writes nothing");
    let taken = desk.intake.take_many(many, &api()).await;
    let outcome = |answers: &[Result<_, Refusal>]| -> Vec<Option<Outcome>> {
        answers.iter().map(|a| a.as_ref().ok().map(|t: &jarshy::ingest::Taken| t.outcome)).collect()
    };
    assert_eq!(outcome(&preview), outcome(&taken));
    let tail = [Some(Outcome::Changed), Some(Outcome::Changed), Some(Outcome::Unchanged)];
    assert_eq!(outcome(&taken)[250..], tail);
    assert_eq!(taken[7].as_ref().unwrap_err().field.as_deref(), Some("title"));
    let created = outcome(&taken).iter().filter(|o| **o == Some(Outcome::Created)).count();
    assert_eq!(created, 249);
    let title = desk.store.article(&id("n-3")).await.unwrap().unwrap().article.title;
    assert_eq!(title, "третий раз");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_article_all_get_their_turn() {
    let desk = desk().await;
    let put = |n: u32| {
        let (intake, title) = (desk.intake.clone(), format!("Версия {n}"));
        tokio::spawn(async move {
            intake.take(candidate("a", json!({"title": title})), &api(), None).await
        })
    };
    let mut revisions = Vec::new();
    for task in (0..6).map(put).collect::<Vec<_>>() {
        revisions.push(task.await.unwrap().unwrap().stored.revision);
    }
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), 6, "every change has a revision of its own");
}

#[tokio::test]
async fn what_is_due_becomes_public_with_a_revision_of_its_own() {
    let desk = desk().await;
    let soon = json!({"published_at": "2026-11-24T12:10:00Z"});
    let scheduled = put(&desk, "soon", soon).await.stored;
    assert_eq!(scheduled.article.status, Status::Scheduled);
    put(&desk, "held", json!({"embargo_until": "2026-11-24T12:20:00Z"})).await;
    put(&desk, "draft", json!({"status": "draft", "published_at": null})).await;
    assert!(desk.store.public_changes(0, 10).await.unwrap().0.is_empty());

    let ten = at("2026-11-24T12:10:00Z");
    assert_eq!(due::run_once(&desk.intake).await.unwrap(), (0, Some(ten)));
    desk.clock.turn(Duration::from_secs(600));
    let (released, next) = due::run_once(&desk.intake).await.unwrap();
    assert_eq!((released, next), (1, Some(ten.plus(600_000))));
    let stored = desk.store.article(&id("soon")).await.unwrap().unwrap();
    assert_eq!(stored.article.status, Status::Published);
    assert!(stored.revision > scheduled.revision);
    assert_eq!(stored.article.updated_at, ten, "coming due is not an editorial change");
    desk.clock.turn(Duration::from_secs(600));
    assert_eq!(due::run_once(&desk.intake).await.unwrap(), (1, None));
}

#[tokio::test]
async fn more_than_a_commit_can_be_due_at_once() {
    let desk = desk().await;
    let many = (0..230)
        .map(|n| candidate(&format!("n-{n}"), json!({"published_at": "2026-11-24T12:10:00Z"})));
    desk.intake.take_many(many.collect(), &api()).await;
    desk.clock.turn(Duration::from_secs(600));
    assert_eq!(due::run_once(&desk.intake).await.unwrap(), (230, None));
}

#[tokio::test]
async fn the_sleeper_wakes_when_an_article_is_due_sooner_than_any_before() {
    let desk = desk().await;
    let stop = CancellationToken::new();
    let mut seen = desk.store.revisions();
    let run =
        due::run(desk.intake.clone(), desk.store.revisions(), desk.clock.clone(), stop.clone());
    let run = tokio::spawn(run);
    put(&desk, "soon", json!({"published_at": "2026-11-24T12:10:00Z"})).await;
    desk.clock.turn(Duration::from_secs(600));
    seen.wait_for(|revision| *revision == 2).await.unwrap();
    let stored = desk.store.article(&id("soon")).await.unwrap().unwrap();
    assert_eq!(stored.article.status, Status::Published);
    stop.cancel();
    run.await.unwrap();
}

#[tokio::test]
async fn new_settings_reach_every_clone_of_the_door() {
    let desk = desk().await;
    let clone = desk.intake.clone();
    let kazakh = jarshy::model::Language::parse("kk").unwrap();
    desk.intake.reconfigure(
        jarshy::config::Site { language: kazakh.clone(), ..site() },
        &crate::desk::limits(),
    );
    let taken = clone.take(candidate("a", json!({})), &api(), None).await.unwrap();
    assert_eq!(taken.stored.article.language, kazakh);
}

/// What somebody may bring: by whom, which title, published and changed when, at what time.
fn bring() -> impl Strategy<Value = (bool, u8, i64, Option<i64>, bool, u16)> {
    (any::<bool>(), 0..3u8, -3..3i64, proptest::option::of(-5..5i64), any::<bool>(), 0..7200u16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_the_guid_stays_and_updated_never_goes_back(
        steps in prop::collection::vec(bring(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let desk = desk().await;
            let mut last: Option<jarshy::store::Stored> = None;
            for (by_api, title, published, updated, draft, pause) in steps {
                let hours = |h: i64| Some(NOON.plus(h * 3_600_000));
                let candidate = Candidate {
                    published_at: hours(published),
                    updated_at: updated.and_then(hours),
                    status: if draft { Status::Draft } else { Status::Published },
                    ..candidate("p", json!({"title": format!("Название {title}")}))
                };
                let origin = if by_api { api() } else { wxr() };
                let taken = desk.intake.take(candidate.clone(), &origin, None).await.unwrap();
                let again = desk.intake.take(candidate, &origin, None).await.unwrap();
                prop_assert_eq!(again.outcome, Outcome::Unchanged);
                prop_assert_eq!(&again.stored, &taken.stored);
                let article = &taken.stored.article;
                prop_assert!(article.published_at.is_none_or(|p| p <= article.updated_at));
                if let Some(last) = last {
                    prop_assert_eq!(&last.article.guid, &article.guid);
                    prop_assert!(last.article.updated_at <= article.updated_at);
                    prop_assert!(!last.marks.was_public || taken.stored.marks.was_public);
                }
                last = Some(taken.stored);
                desk.clock.turn(Duration::from_secs(pause.into()));
            }
            Ok(())
        })?;
    }
}

#[test]
fn noon_is_noon() {
    assert_eq!(NOON, at("2026-11-24T12:00:00Z"));
    assert_eq!(Millis::from_rfc3339("2026-11-24T12:00:00Z").unwrap().to_rfc3339().len(), 20);
}
