//! Which worker a client comes to: the one that has the fewest.
//!
//! A client counts from when its worker is picked. Of many that come at once, all are picked for before the other workers
//! hear of the first.

use super::places::Seat;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// A client's socket, on its way to its worker.
pub(super) enum Newcomer {
    Tcp(std::net::TcpStream, SocketAddr, Seat),
    Unix(std::os::unix::net::UnixStream, Seat),
}

/// A worker as the one that accepts sees it.
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
pub(super) struct Spread(Vec<Place>);

impl Spread {
    /// Over these; the first one accepts.
    pub(super) fn over(places: Vec<Place>) -> Self {
        Self(places)
    }

    /// The worker for a client that has just come, and its seat there.
    pub(super) fn pick(&self) -> (usize, Seat) {
        let index = (0..self.0.len()).min_by_key(|index| self.0[*index].load()).unwrap_or(0);
        (index, Seat::take(&self.0[index].clients))
    }

    /// Gives a client to the worker that was picked for it.
    pub(super) fn hand_over(&self, index: usize, newcomer: io::Result<Newcomer>) {
        match newcomer.map(|newcomer| self.0[index].door.send(newcomer)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::warn!("a client came while its worker was stopping"),
            Err(error) => tracing::warn!("a client was lost on its way to its worker: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Spread};

    #[test]
    fn of_many_that_come_at_once_each_worker_has_as_many() {
        // None of the workers hears of anybody meanwhile.
        let spread = Spread::over((0..3).map(|_| Place::new().0).collect());
        let loads = || spread.0.iter().map(Place::load).collect::<Vec<_>>();
        let mut clients: Vec<_> = (0..8).map(|_| spread.pick()).collect();
        assert_eq!(loads(), [3, 3, 2]);
        clients.retain(|(worker, _)| *worker != 1);
        assert_eq!(loads(), [3, 0, 2]);
        clients.extend((0..4).map(|_| spread.pick()));
        assert_eq!(loads(), [3, 3, 3]);
        drop(clients);
        assert_eq!(loads(), [0; 3]);
    }
}
