//! Jobs: due by the clock on the wall, never beside themselves, harmless to each other, remembered.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use chrono_tz::{America::New_York, Asia::Almaty, Europe::London, Tz, UTC};
use jarshy::{
    clock::Clock,
    config,
    jobs::{
        Job, JobOutcome, JobResult, Jobs, JobsError, LABELS, Parts, RunError, Ticked, Work,
        is_missed, last_due, next_due, table,
    },
    metrics::{JOB_RESULTS, Metrics},
    model::Millis,
    publish::{self, Publisher},
    store::{JobRun, Room, Store},
};
use tokio::sync::mpsc;

const LONG: Duration = Duration::from_secs(600);

fn at(text: &str) -> Millis {
    Millis::from_rfc3339(text).unwrap()
}

/// Every time in the window that the schedule names.
fn all_due(schedule: &str, zone: Tz, from: &str, to: &str) -> Vec<String> {
    let (schedule, to) = (schedule.parse().unwrap(), at(to));
    let mut due = Vec::new();
    let mut now = at(from);
    while let Some(next) = next_due(&schedule, zone, now).filter(|next| *next <= to) {
        assert!(next > now);
        assert_eq!(last_due(&schedule, zone, next), Some(next));
        due.push(next.to_rfc3339());
        now = next;
    }
    due
}

#[test]
fn a_day_of_23_hours_leaves_nothing_out() {
    // New York, 2026-03-08: 02:00 becomes 03:00, noon is 16:00Z instead of 17:00Z.
    let (from, to) = ("2026-03-07T12:00:00Z", "2026-03-09T20:00:00Z");
    let noons = all_due("0 12 * * *", New_York, from, to);
    assert_eq!(noons, ["2026-03-07T17:00:00Z", "2026-03-08T16:00:00Z", "2026-03-09T16:00:00Z"]);
    let skipped = all_due("30 2 * * *", New_York, from, to);
    assert_eq!(skipped, ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]);
    assert_eq!(all_due("0 * * * *", New_York, from, to).len(), 56);
    // London, 2026-03-29: 01:00 becomes 02:00.
    let (from, to) = ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    let midnights = all_due("0 0 * * *", London, from, to);
    assert_eq!(midnights, ["2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"]);
    let skipped = all_due("0 1 * * *", London, from, to);
    assert_eq!(skipped, ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]);
    assert_eq!(all_due("*/10 * * * *", London, from, to).len(), 288);
}

#[test]
fn a_day_of_25_hours_repeats_nothing_but_what_runs_every_hour() {
    // Almaty, 2024-02-29: 24:00 became 23:00 again, UTC+6 became UTC+5.
    let (from, to) = ("2024-02-29T16:30:00Z", "2024-03-01T18:40:00Z");
    let daily = all_due("30 23 * * *", Almaty, from, to);
    assert_eq!(daily, ["2024-02-29T17:30:00Z", "2024-03-01T18:30:00Z"]);
    let hourly = all_due("0 * * * *", Almaty, "2024-02-29T16:30:00Z", "2024-02-29T19:00:00Z");
    assert_eq!(hourly, ["2024-02-29T17:00:00Z", "2024-02-29T18:00:00Z", "2024-02-29T19:00:00Z"]);
    let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z");
    let daily = all_due("30 1 * * *", New_York, from, to);
    assert_eq!(daily, ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
}

fn run_of(started_at: &str, ended_at: Option<&str>) -> JobRun {
    JobRun {
        job: "x".into(),
        started_at: at(started_at),
        ended_at: ended_at.map(at),
        result: None,
        note: None,
        last_success_at: None,
    }
}

#[test]
fn a_run_is_missed_when_its_time_came_while_nobody_was_there() {
    let daily = "0 3 * * *".parse().unwrap();
    let last = run_of("2026-03-01T03:00:00Z", Some("2026-03-01T03:00:05Z"));
    let missed = |last, now| is_missed(&daily, UTC, last, at(now));
    assert!(!missed(Some(&last), "2026-03-02T02:59:59Z"));
    assert!(missed(Some(&last), "2026-03-02T03:00:00Z"));
    assert!(missed(Some(&last), "2026-04-02T03:00:00Z"));
    assert!(!missed(None, "2026-03-02T03:00:00Z"), "a new job has missed nothing");
    let due = |now| last_due(&daily, UTC, at(now)).unwrap().to_rfc3339();
    assert_eq!(due("2026-03-02T03:00:00.700Z"), "2026-03-02T03:00:00Z");
    assert_eq!(due("2026-03-02T02:59:59.999Z"), "2026-03-01T03:00:00Z");
    let next = |now| next_due(&daily, UTC, at(now)).unwrap().to_rfc3339();
    assert_eq!(next("2026-03-02T02:59:59.999Z"), "2026-03-02T03:00:00Z");
    assert_eq!(next("2026-03-02T03:00:00.700Z"), "2026-03-03T03:00:00Z");
    let cut_off = run_of("2026-03-01T03:00:00Z", None);
    assert!(missed(Some(&cut_off), "2026-03-01T03:00:10Z"));
}

/// A daemon's worth of jobs: a store, a clock that stands, and every outcome in a channel.
struct Bench {
    folder: tempfile::TempDir,
    clock: Clock,
    outcomes: mpsc::UnboundedReceiver<JobOutcome>,
    seen: mpsc::UnboundedSender<JobOutcome>,
}

impl Bench {
    fn new(now: &str) -> Bench {
        let (seen, outcomes) = mpsc::unbounded_channel();
        let folder = tempfile::tempdir().unwrap();
        Bench { folder, clock: Clock::manual(at(now)), outcomes, seen }
    }

    async fn store(&self) -> Store {
        let mut settings = config::parse("", "", &[], &Default::default()).unwrap().store;
        settings.data = self.folder.path().into();
        Store::open(&settings).await.unwrap()
    }

    async fn start(&self, jobs: Vec<Job>, limit: Duration) -> Jobs {
        let seen = self.seen.clone();
        let observe = move |outcome: &JobOutcome| drop(seen.send(outcome.clone()));
        let store = self.store().await;
        Jobs::start(jobs, store, self.clock.clone(), UTC, limit, observe).await.unwrap()
    }

    async fn outcome(&mut self) -> (String, JobResult) {
        let outcome = self.outcomes.recv().await.unwrap();
        (outcome.name, outcome.result)
    }
}

fn job(name: &str, run: impl Fn() -> Work + Send + Sync + 'static) -> Job {
    let schedule = "0 3 * * *".parse().unwrap();
    Job { name: name.into(), label: "test", schedule, catch_up: true, run: Arc::new(run) }
}

fn good(name: &str) -> Job {
    job(name, || Box::pin(async { Ok("done".into()) }))
}

/// A job that says when it begins, and ends when it is let go; it counts how many run at once.
struct Gate {
    began: mpsc::UnboundedReceiver<()>,
    go: Arc<tokio::sync::Semaphore>,
    most: Arc<AtomicUsize>,
}

fn gated(name: &str) -> (Job, Gate) {
    let (began_tx, began) = mpsc::unbounded_channel();
    let go = Arc::new(tokio::sync::Semaphore::new(0));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Gate { began, go: go.clone(), most: most.clone() };
    let run = move || -> Work {
        let (began, go) = (began_tx.clone(), go.clone());
        let (running, most) = (running.clone(), most.clone());
        Box::pin(async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            began.send(())?;
            go.acquire().await?.forget();
            running.fetch_sub(1, SeqCst);
            Ok(String::new())
        })
    };
    (job(name, run), gate)
}

#[tokio::test]
async fn a_job_is_asked_for_runs_and_is_listed() {
    let mut bench = Bench::new("2026-03-02T02:00:00Z");
    let failing = job("b", || Box::pin(async { Err(anyhow::anyhow!("no\nroom").context("b")) }));
    let jobs = bench.start(vec![good("a"), failing], LONG).await;
    let outcome = jobs.run_now("a").await.unwrap();
    assert_eq!((outcome.result, outcome.note.as_str()), (JobResult::Success, "done"));
    let outcome = jobs.run_now("b").await.unwrap();
    assert_eq!((outcome.result, outcome.note.as_str()), (JobResult::Failure, "b: no room"));
    assert_eq!(bench.outcome().await, ("a".into(), JobResult::Success));

    let list = jobs.list();
    assert_eq!(list[0].schedule, "0 3 * * *");
    assert_eq!(list[0].next_due, Some(at("2026-03-02T03:00:00Z")));
    assert_eq!(list[0].running_since, None);
    let last = list[0].last.clone().unwrap();
    assert_eq!(last.last_success_at, Some(at("2026-03-02T02:00:00Z")));
    assert_eq!(list[1].last.as_ref().unwrap().result.as_deref(), Some("failure"));
    assert_eq!(jobs.tick("c").unwrap_err().to_string(), "there is no job `c`");
    jobs.stop().await;
    assert_eq!(jobs.run_now("a").await, Err(RunError::Stopped));
    assert_eq!(bench.store().await.job_runs().await.unwrap()[0], last);
}

#[tokio::test]
async fn a_job_never_runs_beside_itself_and_a_tick_is_remembered_once() {
    let mut bench = Bench::new("2026-03-02T02:00:00Z");
    let (slow, mut gate) = gated("slow");
    let jobs = bench.start(vec![slow, good("other")], LONG).await;
    assert_eq!(jobs.tick("slow"), Ok(Ticked::Posted));
    gate.began.recv().await.unwrap();
    assert_eq!(jobs.tick("slow"), Ok(Ticked::Remembered));
    assert_eq!(jobs.tick("slow"), Ok(Ticked::Dropped));
    assert_eq!(bench.outcome().await, ("slow".into(), JobResult::Skipped));
    assert!(jobs.list()[1].running_since.is_some());
    // The others are not kept waiting, and who asks joins the run that waits.
    assert_eq!(jobs.run_now("other").await.unwrap().result, JobResult::Success);
    gate.go.add_permits(2);
    assert_eq!(jobs.run_now("slow").await.unwrap().result, JobResult::Success);
    assert_eq!((gate.most.load(SeqCst), jobs.list()[1].dropped_ticks), (1, 1));
    gate.began.recv().await.unwrap();
    assert!(gate.began.try_recv().is_err(), "ran a third time");
}

#[tokio::test]
async fn a_panic_harms_nobody_and_the_job_runs_again() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let count = AtomicUsize::new(0);
    let bad = job("bad", move || match count.fetch_add(1, SeqCst) {
        0 => panic!("at once"),
        1 => Box::pin(async { panic!("later: {}", 7) }),
        _ => Box::pin(async { Ok("recovered".into()) }),
    });
    let jobs = bench.start(vec![bad, good("other")], LONG).await;
    for (result, note) in [
        (JobResult::Panic, "at once"),
        (JobResult::Panic, "later: 7"),
        (JobResult::Success, "recovered"),
    ] {
        let outcome = jobs.run_now("bad").await.unwrap();
        assert_eq!((outcome.result, outcome.note.as_str()), (result, note));
        assert_eq!(jobs.run_now("other").await.unwrap().result, JobResult::Success);
    }
}

#[tokio::test]
async fn a_hang_is_ended_at_the_limit_and_the_job_runs_again() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let hangs = job("hangs", || Box::pin(pending()));
    let jobs = bench.start(vec![hangs, good("other")], Duration::from_millis(20)).await;
    for _ in 0..2 {
        let outcome = jobs.run_now("hangs").await.unwrap();
        assert_eq!(outcome.result, JobResult::Timeout);
        assert_eq!(outcome.note, "ran longer than 20ms and was ended");
        assert_eq!(jobs.run_now("other").await.unwrap().result, JobResult::Success);
    }
    assert_eq!(jobs.list()[0].last.as_ref().unwrap().last_success_at, None);
}

/// A blocked thread cannot be ended; the outcome is told, and no second run begins beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_blocks_its_thread_is_reported_and_never_doubled() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let blocks = job("blocks", move || {
        let gate = gate.clone();
        Box::pin(async move { Ok(format!("{:?}", gate.lock().unwrap().recv())) })
    });
    let jobs = bench.start(vec![blocks], Duration::from_millis(20)).await;
    assert_eq!(jobs.run_now("blocks").await.unwrap().result, JobResult::Timeout);
    assert!(jobs.list()[0].running_since.is_some());
    assert_eq!(jobs.tick("blocks"), Ok(Ticked::Remembered));
    open.send(()).unwrap();
    open.send(()).unwrap();
    jobs.stop().await;
}

#[tokio::test]
async fn a_stop_lets_a_run_end_and_begins_no_other() {
    let mut bench = Bench::new("2026-03-02T02:00:00Z");
    let (slow, mut gate) = gated("slow");
    let jobs = bench.start(vec![slow], LONG).await;
    jobs.tick("slow").unwrap();
    gate.began.recv().await.unwrap();
    jobs.tick("slow").unwrap();
    let let_go = async { gate.go.add_permits(2) };
    tokio::join!(jobs.stop(), let_go);
    assert_eq!(bench.outcome().await, ("slow".into(), JobResult::Success));
    assert!(gate.began.try_recv().is_err(), "began another run");
    assert_eq!(jobs.run_now("slow").await, Err(RunError::Stopped));
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_caught_up_at_the_next_start() {
    let mut bench = Bench::new("2026-03-02T02:00:00Z");
    let (slow, mut gate) = gated("slow");
    let jobs = bench.start(vec![slow], LONG).await;
    jobs.tick("slow").unwrap();
    gate.began.recv().await.unwrap();
    drop(jobs);
    // The process died here: the store knows that a run began and not how it ended.
    let jobs = bench.start(vec![good("slow")], LONG).await;
    assert_eq!(bench.outcome().await, ("slow".into(), JobResult::Success));
    jobs.stop().await;
}

#[tokio::test]
async fn one_missed_run_is_caught_up_at_the_start() {
    let mut bench = Bench::new("2026-03-02T03:00:00Z");
    let never = || Job { catch_up: false, ..good("never") };
    let jobs = bench.start(vec![good("a"), never(), good("gone")], LONG).await;
    for name in ["a", "never", "gone"] {
        jobs.run_now(name).await.unwrap();
        bench.outcome().await;
    }
    jobs.stop().await;
    // Away over five times that it was due.
    bench.clock.turn(Duration::from_secs(5 * 86_400));
    let jobs = bench.start(vec![good("a"), never(), good("new")], LONG).await;
    assert_eq!(bench.outcome().await, ("a".into(), JobResult::Success));
    jobs.stop().await;
    let runs = bench.store().await.job_runs().await.unwrap();
    let names: Vec<_> = runs.iter().map(|run| run.job.as_str()).collect();
    assert_eq!(names, ["a", "never"], "what is no job any more is forgotten");
    let jobs = bench.start(vec![good("a")], LONG).await;
    assert_eq!(jobs.list()[0].last.as_ref().unwrap().started_at, at("2026-03-07T03:00:00Z"));
    jobs.stop().await;
    assert!(bench.outcomes.try_recv().is_err(), "ran more than once");
}

#[tokio::test]
async fn a_reload_keeps_runs_and_changes_the_table() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let (slow, mut gate) = gated("slow");
    let jobs = bench.start(vec![slow, good("gone")], LONG).await;
    jobs.tick("slow").unwrap();
    gate.began.recv().await.unwrap();
    let hourly = Job { schedule: "0 * * * *".parse().unwrap(), ..good("slow") };
    jobs.replace(vec![hourly, good("new")], Almaty).await.unwrap();
    let names: Vec<_> = jobs.list().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["new", "slow"]);
    assert_eq!(jobs.list()[0].next_due, Some(at("2026-03-02T22:00:00Z")), "03:00 in Almaty");
    assert!(jobs.list()[1].running_since.is_some());
    assert!(matches!(jobs.run_now("gone").await, Err(RunError::Unknown(_))));
    gate.go.add_permits(1);
    assert_eq!(jobs.run_now("slow").await.unwrap().note, "done", "the new work");
    let twice = jobs.replace(vec![good("a"), good("a")], UTC).await;
    assert!(matches!(twice, Err(JobsError::Twice(name)) if name == "a"));
    assert_eq!(jobs.list().len(), 2, "a refused table changes nothing");
}

/// The real scheduler and the real clock.
#[tokio::test]
async fn the_scheduler_posts_ticks_in_time() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let (ran, mut runs) = mpsc::unbounded_channel();
    let every_second = Job {
        schedule: "* * * * * *".parse().unwrap(),
        ..job("second", move || {
            let ran = ran.clone();
            Box::pin(async move { Ok(ran.send(()).map(|()| String::new())?) })
        })
    };
    let store = bench.store().await;
    let clock = Clock::system();
    let jobs = Jobs::start(vec![every_second], store, clock, UTC, LONG, |_| {}).await.unwrap();
    runs.recv().await.unwrap();
    runs.recv().await.unwrap();
    // After a reload the old schedule is gone and the new one works.
    let (again, mut reruns) = mpsc::unbounded_channel();
    let second = Job {
        schedule: "* * * * * *".parse().unwrap(),
        ..job("again", move || {
            let again = again.clone();
            Box::pin(async move { Ok(again.send(()).map(|()| String::new())?) })
        })
    };
    jobs.replace(vec![second], New_York).await.unwrap();
    reruns.recv().await.unwrap();
    while runs.recv().await.is_some() {}
    jobs.stop().await;
}

#[tokio::test]
async fn the_table_names_its_labels_and_a_job_for_each_scheduled_feed() {
    let bench = Bench::new("2026-03-02T02:00:00Z");
    let text = "[[feeds]]\nslug = \"news\"\nschedule = \"*/10 * * * *\"\n[[feeds]]\nslug = \"b\"\n";
    let config = config::parse(text, "", &[], &Default::default()).unwrap();
    let store = bench.store().await;
    let metrics = Arc::new(Metrics::new(config.metrics.feeds_max).unwrap());
    let settings = publish::Settings::from(&config);
    let (publisher, _rounds) =
        Publisher::load(store.clone(), settings, metrics.clone(), bench.clock.clone())
            .await
            .unwrap();
    let parts = Parts {
        publisher,
        data: config.store.data.clone(),
        room: Room::new(&config.store),
        metrics,
    };
    let jobs = table(&parts, &config.feeds).unwrap();
    assert_eq!(jobs.iter().map(|job| job.label).collect::<Vec<_>>(), LABELS);
    let names: Vec<_> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["regenerate-auto", "check-databases", "measure-disk", "regenerate-news"]);
}

#[test]
fn results_have_one_word_in_metrics_and_jobs() {
    assert_eq!(JobResult::ALL.map(JobResult::as_str), JOB_RESULTS);
}
