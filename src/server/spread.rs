//! Which worker a client comes to.
//!
//! Clients of one worker share its batches, and small batches are what costs, on both sides. So, where the number of
//! workers is ours to choose (`workers: auto`), the first one takes clients until it has enough for full batches, then the
//! next one, and so on; each begins, and connects, with its first client. With all of them full, or where their number was
//! given, a client comes to the one that has the fewest.
//!
//! Measured on two cores that clients, sidecar and Redis share, throughput of two workers to one's: 0.7 with 10 and with
//! 20 clients; with 50 0.98 to 1.15, in pipelines of 16 1.05 to 1.3, MSET 1.06 to 1.1; with 200 and 500 1.0 to 1.1.
//! Three busy programs on two cores leave a part of one idle, four hardly.

use super::places::Seat;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Clients that a worker has before the next one gets any.
const FULL: usize = 24;

/// The same while clients come for a command or two: to hand over costs such a one a part of its life, and half as
/// many are in each batch.
const FULL_OF_BRIEF: usize = 256;

/// A client's socket, on its way to its worker.
pub(super) enum Newcomer {
    Tcp(std::net::TcpStream, SocketAddr, Seat),
    Unix(std::os::unix::net::UnixStream, Seat),
}

/// A worker as the one that accepts sees it.
#[derive(Clone)]
pub(super) struct Place {
    clients: Arc<AtomicUsize>,
    door: mpsc::UnboundedSender<Newcomer>,
}

impl Place {
    /// Of a worker that hears of its clients there.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Newcomer>) {
        let (door, newcomers) = mpsc::unbounded_channel();
        (Self { clients: Arc::default(), door }, newcomers)
    }

    fn load(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

/// See the module.
pub(super) struct Spread {
    places: Vec<Place>,
    is_auto: bool,
    /// Clients that came in this second, and in the one before.
    second: Cell<u64>,
    came: Cell<usize>,
    before: Cell<usize>,
}

impl Spread {
    /// Over workers that are filled one after the other, or all alike.
    pub(super) fn new(places: Vec<Place>, is_auto: bool) -> Self {
        Self { places, is_auto, second: Cell::new(0), came: Cell::new(0), before: Cell::new(0) }
    }

    /// The worker for a client that has just come, and its seat there.
    pub(super) fn pick(&self, second: u64) -> (usize, Seat) {
        self.count(second);
        let full = if self.are_brief() { FULL_OF_BRIEF } else { FULL };
        let filled = self.places.iter().position(|place| self.is_auto && place.load() < full);
        let freest = || (0..self.places.len()).min_by_key(|index| self.places[*index].load());
        let index = filled.or_else(freest).unwrap_or(0);
        (index, Seat::take(&self.places[index].clients))
    }

    fn count(&self, second: u64) {
        let passed = second.saturating_sub(self.second.replace(second));
        if passed > 0 {
            let came = self.came.take();
            self.before.set(if passed == 1 { came } else { 0 });
        }
        self.came.set(self.came.get() + 1);
    }

    /// Whether clients stay, in the mean, for less than half a second.
    fn are_brief(&self) -> bool {
        let there: usize = self.places.iter().map(Place::load).sum();
        self.came.get().max(self.before.get()) > 2 * (there + FULL)
    }

    /// Gives a client to the worker that was picked for it.
    pub(super) fn hand_over(&self, index: usize, newcomer: io::Result<Newcomer>) {
        match newcomer.map(|newcomer| self.places[index].door.send(newcomer)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::warn!("a client came while its worker was stopping"),
            Err(error) => tracing::warn!("a client was lost on its way to its worker: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL, FULL_OF_BRIEF, Place, Spread};

    fn spread(workers: usize, is_auto: bool) -> Spread {
        // Nobody is handed over: the other ends of the doors are not needed.
        Spread::new((0..workers).map(|_| Place::new().0).collect(), is_auto)
    }

    fn loads(spread: &Spread) -> Vec<usize> {
        spread.places.iter().map(Place::load).collect()
    }

    #[test]
    fn workers_are_filled_one_after_the_other_and_then_evenly() {
        let spread = spread(3, true);
        let mut seats = Vec::new();
        for (clients, expected) in [
            (1, [1, 0, 0]),
            (FULL, [FULL, 0, 0]),
            (FULL + 1, [FULL, 1, 0]),
            (3 * FULL, [FULL; 3]),
            (3 * FULL + 2, [FULL + 1, FULL + 1, FULL]),
            (9 * FULL, [3 * FULL; 3]),
        ] {
            seats.resize_with(clients, || spread.pick(0).1);
            assert_eq!(loads(&spread), expected);
        }
        // Who goes makes room where it was; the first with room is taken.
        seats.truncate(1);
        assert_eq!(loads(&spread), [1, 0, 0]);
        assert_eq!(spread.pick(9).0, 0);
    }

    #[test]
    fn workers_of_a_given_number_have_as_many_each() {
        let spread = spread(3, false);
        let seats: Vec<_> = (0..8).map(|_| spread.pick(0).1).collect();
        assert_eq!(loads(&spread), [3, 3, 2]);
        drop(seats);
        assert_eq!(loads(&spread), [0; 3]);
    }

    #[test]
    fn clients_for_a_command_or_two_share_a_worker() {
        let spread = spread(2, true);
        let mut seats = std::collections::VecDeque::new();
        let mut come = |count: usize, second| {
            for _ in 0..count {
                if seats.len() == 2 * FULL {
                    seats.pop_front();
                }
                seats.push_back(spread.pick(second).1);
            }
            loads(&spread)
        };
        assert_eq!(come(2 * FULL, 0), [FULL; 2]);
        // Each is replaced many times in a second: what comes now stays together, and so in the next second.
        assert_eq!(come(20 * FULL, 0), [2 * FULL, 0]);
        assert_eq!(come(1, 1), [2 * FULL, 0]);
        // Nobody came for some time: those who come now may stay.
        assert_eq!(come(FULL + 1, 5), [FULL; 2]);
    }

    #[test]
    fn many_at_once_for_a_command_or_two_are_too_much_for_one_worker() {
        let spread = spread(2, true);
        for _ in 0..100 * FULL_OF_BRIEF {
            drop(spread.pick(0));
        }
        let seats: Vec<_> = (0..FULL_OF_BRIEF + 3).map(|_| spread.pick(0).1).collect();
        assert_eq!(loads(&spread), [FULL_OF_BRIEF, 3]);
        drop(seats);
    }
}
