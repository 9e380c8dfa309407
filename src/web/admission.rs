//! Who may come in: so many connections in all, so many from one address, so many requests of a class.
//!
//! When all seats are taken, a connection on which nothing happens gives way to the new one, so that
//! silent peers keep nobody out; only where all are busy is somebody refused. Forwarding headers are
//! not asked: a connection is its peer's.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use rustix::process::{Resource, getrlimit};
use tokio::task::AbortHandle;

use super::phase::{Phase, Worth};
use crate::{config::Limits, metrics::Metrics};

/// Connections looked at for one that may give way.
const LOOKS_MAX: usize = 64;

/// A head that is not there by then may be given up where seats are short: an honest one comes whole,
/// but in a burst it may have to wait until it is read.
const HEAD_GRACE: Duration = Duration::from_millis(250);

/// The seats of one listener, owned by the task that accepts.
#[derive(Debug)]
pub(super) struct Seats {
    limits: Arc<ArcSwap<Limits>>,
    trusted: Arc<ArcSwap<Vec<IpNet>>>,
    metrics: Arc<Metrics>,
    /// Of the system's open files that connections may have.
    share: f64,
    addresses: Arc<Addresses>,
    taken: Vec<Seat>,
    hand: usize,
}

#[derive(Debug)]
struct Seat {
    phase: Phase,
    task: AbortHandle,
    /// When it was last seen to begin with a head, or was seated.
    begun: Instant,
}

impl Seats {
    pub(super) fn new(
        limits: Arc<ArcSwap<Limits>>,
        trusted: Arc<ArcSwap<Vec<IpNet>>>,
        metrics: Arc<Metrics>,
        share: f64,
    ) -> Seats {
        let addresses = Arc::default();
        Seats { limits, trusted, metrics, share, addresses, taken: Vec::new(), hand: 0 }
    }

    /// A place for a connection from `peer` beside `open` others, to be kept as long as it is open;
    /// `None` when it is to be refused.
    pub(super) fn admit(&mut self, peer: IpAddr, open: usize) -> Option<Place> {
        let limits = self.limits.load_full();
        let place = self.place_of(peer, limits.connections_per_address_max)?;
        if open < connections_max(&limits, self.share) || self.give_way() {
            return Some(place);
        }
        self.metrics.limit_hit("connections");
        None
    }

    fn place_of(&self, peer: IpAddr, max: usize) -> Option<Place> {
        let peer = peer.to_canonical();
        if self.trusted.load().iter().any(|net| net.contains(&peer)) {
            return Some(Place(None));
        }
        let place = self.addresses.take(network(peer), max);
        if place.is_none() {
            self.metrics.limit_hit("connections_per_address");
        }
        place
    }

    /// Remembers who sits there.
    pub(super) fn seated(&mut self, phase: Phase, task: AbortHandle) {
        if self.taken.len() == self.taken.capacity() {
            self.taken.retain(|seat| !seat.task.is_finished());
        }
        self.taken.push(Seat { phase, task, begun: Instant::now() });
    }

    /// Ends a connection on which nothing happens: of those looked at one that has not moved since
    /// the last look (a head has some time to come), else one between two requests. False when all are busy.
    pub(super) fn give_way(&mut self) -> bool {
        let mut idle = None;
        for _ in 0..LOOKS_MAX.min(self.taken.len()) {
            self.hand = (self.hand + 1) % self.taken.len();
            let seat = &mut self.taken[self.hand];
            if seat.task.is_finished() {
                continue;
            }
            match seat.phase.look() {
                Worth::Stale => return self.end(self.hand),
                Worth::Reading if seat.begun.elapsed() > HEAD_GRACE => return self.end(self.hand),
                Worth::Idle => idle = idle.or(Some(self.hand)),
                Worth::Begun => seat.begun = Instant::now(),
                Worth::Reading | Worth::Busy => {}
            }
        }
        idle.is_some_and(|at| self.end(at))
    }

    fn end(&mut self, at: usize) -> bool {
        self.taken.swap_remove(at).task.abort();
        self.hand = at.min(self.taken.len().saturating_sub(1));
        self.metrics.limit_hit("connections_given_way");
        true
    }
}

/// As many connections as a listener may hold: what is set, or its share of what the system's open
/// files leave. Asked each time, since the system's limit may be changed from outside.
fn connections_max(limits: &Limits, share: f64) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let left = files.saturating_sub(limits.descriptors_reserved).max(files / 4);
    limits.connections_max.min((left as f64 * share) as usize).max(1)
}

/// Connections by network, each network as long as it has one.
#[derive(Debug, Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

impl Addresses {
    fn take(self: &Arc<Addresses>, network: IpAddr, max: usize) -> Option<Place> {
        let mut networks = self.lock();
        let count = networks.entry(network).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place(Some((self.clone(), network))))
    }

    fn give_back(&self, network: IpAddr) {
        let mut networks = self.lock();
        if let Some(count) = networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                networks.remove(&network);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place; given back when dropped. Trusted proxies need none.
#[derive(Debug)]
pub(super) struct Place(Option<(Arc<Addresses>, IpAddr)>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((addresses, network)) = self.0.take() {
            addresses.give_back(network);
        }
    }
}

/// What one subscriber of the internet has: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Requests of one class that are under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<AtomicUsize>);

impl Turns {
    /// A turn, kept as long as the request is under way; `None` when `max` are.
    pub(super) fn take(&self, max: usize) -> Option<Turn> {
        let more = |count: usize| (count < max).then_some(count + 1);
        self.0.fetch_update(Relaxed, Relaxed, more).ok().map(|_| Turn(self.0.clone()))
    }
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Turn(Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let addresses = Arc::new(Addresses::default());
        let of = |text: &str| network(text.parse().expect("an address"));
        let places = ["192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|a| addresses.take(of(a), 2));
        assert!(places.iter().all(Option::is_some));
        assert!(addresses.take(of("192.0.2.1"), 2).is_none());
        let six = ["2001:db8::1", "2001:db8::ffff:2:3:4"].map(|a| addresses.take(of(a), 2));
        assert!(six.iter().all(Option::is_some));
        assert!(addresses.take(of("2001:db8:0:0:9::"), 2).is_none(), "the same /64");
        assert!(addresses.take(of("2001:db8:0:1::1"), 2).is_some(), "another one");
        drop((places, six));
        assert!(addresses.lock().is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn turns_are_given_back() {
        let turns = Turns::default();
        let (first, second) = (turns.take(2), turns.take(2));
        assert!(first.is_some() && second.is_some() && turns.take(2).is_none());
        drop(first);
        assert!(turns.take(2).is_some());
    }
}
