//! A closed loop of requests on kept connections that costs much less than any server.
//!
//! One thread, epoll, one small read for the head; the rest of a body is thrown away inside the
//! kernel (`MSG_TRUNC`), so that the server, on a core of its own, is what is measured.

mod connection;
mod request;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::bail;
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

use self::{
    connection::{Connection, Progress, Scratch},
    request::Requests,
};
use crate::arguments::Arguments;

/// Answers that count towards nothing, at the beginning.
const WARM_UP: Duration = Duration::from_millis(300);
/// A server that says nothing for so long ends the run.
const SILENCE: Duration = Duration::from_secs(10);
/// Latencies are kept in steps of a microsecond up to here.
const MICROSECONDS_MAX: usize = 1 << 20;

/// What is asked for, and how long.
struct Plan {
    address: SocketAddr,
    connections: usize,
    seconds: f64,
    status: u16,
}

/// What was seen after the warm-up.
struct Seen {
    requests: u64,
    unexpected: u64,
    bytes: u64,
    took: Duration,
    latencies: Vec<u32>,
}

/// Runs a closed loop and prints a line: label, requests, seconds, CPU seconds of the server and of
/// this client, p50 and p99 in microseconds, bytes, unexpected answers.
pub fn load(arguments: &Arguments) -> anyhow::Result<()> {
    let plan = Plan {
        address: arguments.address("address")?,
        connections: arguments.number("connections", 32)?,
        seconds: arguments.number("seconds", 2.0)?,
        status: arguments.number("status", 200)?,
    };
    let mut requests = Requests::new(arguments)?;
    let pid: u32 = arguments.number("pid", 0)?;
    let (seen, server, client) = run(&plan, &mut requests, pid)?;
    println!(
        "{}\t{}\t{:.4}\t{server:.2}\t{client:.2}\t{}\t{}\t{}\t{}",
        arguments.text("label")?,
        seen.requests,
        seen.took.as_secs_f64(),
        seen.quantile(0.5),
        seen.quantile(0.99),
        seen.bytes,
        seen.unexpected,
    );
    Ok(())
}

fn run(plan: &Plan, requests: &mut Requests, pid: u32) -> anyhow::Result<(Seen, f64, f64)> {
    let mut wheel = Wheel::new(plan, requests)?;
    wheel.turn(WARM_UP, requests)?;
    wheel.seen = Seen::new();
    let before = (cpu_seconds(pid), cpu_seconds(std::process::id()));
    wheel.turn(Duration::from_secs_f64(plan.seconds), requests)?;
    let after = (cpu_seconds(pid), cpu_seconds(std::process::id()));
    Ok((wheel.seen, after.0 - before.0, after.1 - before.1))
}

/// All connections and what waits for them.
struct Wheel {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
    scratch: Scratch,
    seen: Seen,
    status: u16,
}

impl Wheel {
    fn new(plan: &Plan, requests: &mut Requests) -> anyhow::Result<Wheel> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(plan.connections);
        for number in 0..plan.connections {
            let mut connection = Connection::to(plan.address)?;
            let mark = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, &connection, mark, epoll::EventFlags::IN)?;
            connection.send(requests.next())?;
            connections.push(connection);
        }
        let scratch = Scratch::default();
        Ok(Wheel { epoll, connections, scratch, seen: Seen::new(), status: plan.status })
    }

    /// Goes on for this long; every connection has a request under way before and after.
    fn turn(&mut self, length: Duration, requests: &mut Requests) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut events = Vec::with_capacity(self.connections.len());
        let mut heard = began;
        while began.elapsed() < length {
            // Never asleep: the server would pay for waking us, the more the slower it is.
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default()))?
                > 0
            {
                heard = Instant::now();
            } else if heard.elapsed() > SILENCE {
                bail!("the server said nothing for {SILENCE:?}");
            }
            for event in events.drain(..) {
                self.advance(event.data.u64() as usize, requests)?;
            }
        }
        self.seen.took = began.elapsed();
        Ok(())
    }

    fn advance(&mut self, number: usize, requests: &mut Requests) -> anyhow::Result<()> {
        let connection = &mut self.connections[number];
        if let Progress::Whole { status, bytes, marked } = connection.read(&mut self.scratch)? {
            let good = status == self.status && (marked || !requests.wants_mark());
            self.seen.add(connection.waited(), bytes, good);
            connection.send(requests.next())?;
        }
        Ok(())
    }
}

impl Seen {
    fn new() -> Seen {
        let latencies = vec![0; MICROSECONDS_MAX];
        Seen { requests: 0, unexpected: 0, bytes: 0, took: Duration::ZERO, latencies }
    }

    fn add(&mut self, latency: Duration, bytes: usize, good: bool) {
        self.requests += 1;
        self.unexpected += u64::from(!good);
        self.bytes += bytes as u64;
        let microseconds = usize::try_from(latency.as_micros()).unwrap_or(usize::MAX);
        self.latencies[microseconds.min(MICROSECONDS_MAX - 1)] += 1;
    }

    /// Microseconds.
    fn quantile(&self, share: f64) -> usize {
        let mut left = (self.requests as f64 * share).ceil() as u64;
        for (microseconds, count) in self.latencies.iter().enumerate() {
            left = left.saturating_sub(u64::from(*count));
            if left == 0 {
                return microseconds;
            }
        }
        MICROSECONDS_MAX
    }
}

/// CPU seconds of a process and its children, in steps of the clock tick (proc_pid_stat(5)).
fn cpu_seconds(pid: u32) -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let stat = read(format!("/proc/{pid}/stat"));
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th after it.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: f64 = fields.filter_map(|field| field.parse::<f64>().ok()).sum();
    let children = read(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    ticks / TICKS_PER_SECOND + children.map(cpu_seconds).sum::<f64>()
}
