//! Mixed traffic while the cloud fails at random: every value is tagged with its client and sequence, and
//! the server's side is counted afterwards. Its promises are in `docs/architecture.md`; what breaks one
//! panics with the seed. `CHAOS_SEED=n` plays a run again, `CHAOS_SECONDS=n` makes it longer.

mod books;
mod cloud;
mod flows;
mod traffic;

use std::collections::VecDeque;
use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::harness::{Sidecar, SidecarOptions, Value, eventually};
use books::Books;
use cloud::Cloud;

/// From the end of a fault to the first success of everyone: two seconds, and one for a busy machine.
const RECOVERY: Duration = Duration::from_secs(3);

/// How long a dead peer may stay unknown; see `upstream.probe_timeout`.
pub(crate) const PROBE: Duration = Duration::from_secs(1);

/// More resident memory than before the faults, when all clients are gone.
const MEMORY: u64 = 32 << 20;

const CONFIG: &str = "
upstream: {connect_timeout: 2s, command_timeout: 4s, probe_timeout: 1s, keepalive: 2s,
  pool: {max: 20, acquire_timeout: 2s, idle_timeout: 1s}}
breaker: {grace: 1s}
";

/// What the traffic's threads share with the one that makes the faults.
pub(crate) struct Stage<'a> {
    pub(crate) sidecar: &'a Sidecar,
    pub(crate) is_over: &'a AtomicBool,
    /// how often each of them succeeded
    pub(crate) successes: &'a [AtomicU64],
    /// the last steps of each
    pub(crate) trails: &'a [Mutex<VecDeque<String>>],
    pub(crate) seed: u64,
    /// keys of this play begin with it
    pub(crate) play: &'a str,
}

/// What the sidecar holds when nobody uses it.
#[derive(Debug)]
struct Footprint {
    files: usize,
    threads: usize,
    memory: u64,
}

impl Footprint {
    fn of(sidecar: &Sidecar) -> Self {
        Self { files: sidecar.open_files(), threads: sidecar.threads(), memory: sidecar.memory() }
    }

    /// A connection that is being made, and the resolver's threads, may come on top.
    fn is_within(&self, before: &Self) -> bool {
        self.files <= before.files + 2
            && self.threads <= before.threads + 8
            && self.memory <= before.memory + MEMORY
    }
}

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn chaos_breaks_no_promise() {
    let seed = variable("CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let time = Duration::from_secs(variable("CHAOS_SECONDS").unwrap_or(8));
    println!("to play this again: CHAOS_SEED={seed} CHAOS_SECONDS={}", time.as_secs());
    let mut cloud = Cloud::start();
    let sidecar = SidecarOptions::default()
        .env("REDIS_URL", &cloud.url())
        .env("REDIS_CA_FILE", &cloud.authorities())
        .config(CONFIG)
        .start();
    play(&mut cloud, &sidecar, seed, "calm", |_, _| thread::sleep(Duration::from_millis(500)));
    eventually("the pool has let go", || cloud.connections() <= 8);
    let before = Footprint::of(&sidecar);
    play(&mut cloud, &sidecar, seed, "storm", |cloud, stage| {
        storm(cloud, stage, time);
    });
    cloud.cut_all();
    eventually("the sidecar holds no more than before", || {
        let after = Footprint::of(&sidecar);
        let is_within = after.is_within(&before);
        if !is_within {
            thread::sleep(Duration::from_millis(100));
        }
        is_within
    });
    println!("before: {before:?}, after: {:?}", Footprint::of(&sidecar));
    // A connection that was cut a moment ago may not have been missed yet, and ECHO is no read that is sent again.
    let mut client = sidecar.client();
    eventually("everyone is answered", || client.call(&["ECHO", "done"]) == Value::bulk("done"));
}

/// Runs all clients while `meanwhile` runs, then counts.
fn play(
    cloud: &mut Cloud,
    sidecar: &Sidecar,
    seed: u64,
    name: &str,
    meanwhile: impl FnOnce(&mut Cloud, &Stage<'_>),
) {
    let successes: Vec<AtomicU64> = (0..traffic::CLIENTS).map(|_| AtomicU64::new(0)).collect();
    let trails: Vec<_> = successes.iter().map(|_| Mutex::default()).collect();
    let is_over = AtomicBool::new(false);
    let stage = Stage {
        sidecar,
        is_over: &is_over,
        successes: &successes,
        trails: &trails,
        seed,
        play: name,
    };
    let books: Vec<Books> = thread::scope(|scope| {
        let clients = traffic::start(&stage, scope);
        // a promise that is broken ends the run, and the clients with it
        let guard = Guard(&is_over);
        meanwhile(cloud, &stage);
        drop(guard);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut server = cloud.master().direct();
    for book in &books {
        book.check(&mut server);
    }
    let total: u64 = successes.iter().map(|count| count.load(Ordering::SeqCst)).sum();
    let uncertain: usize = books.iter().map(Books::uncertain).sum();
    println!("{name}: {total} successes, {uncertain} writes of which nothing is known");
}

struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn storm(cloud: &mut Cloud, stage: &Stage<'_>, time: Duration) {
    let mut rng = Rng::with_seed(stage.seed);
    let end = Instant::now() + time;
    let mut bag = Vec::new();
    while Instant::now() < end {
        if bag.is_empty() {
            bag = cloud::FAULTS.to_vec();
            rng.shuffle(&mut bag);
        }
        let Some(fault) = bag.pop() else { continue };
        thread::sleep(Duration::from_millis(rng.u64(50..300)));
        let start = Instant::now();
        let told = cloud.strike(fault, &mut rng);
        let (lasted, healed) = (start.elapsed(), Instant::now());
        let bound = RECOVERY + fault.unknown_for();
        let slow = until_all_succeed(stage.successes, healed + bound);
        let took = healed.elapsed();
        println!("{told}, {lasted:.1?} long: everyone works again after {took:.2?}");
        for client in &slow {
            println!("{}: {:#?}", traffic::name(*client), stage.trails[*client].lock().unwrap());
        }
        assert!(slow.is_empty(), "after {told} some do not work; CHAOS_SEED={}", stage.seed);
    }
}

/// Waits until every client has had a success from now on; those that had none in time.
fn until_all_succeed(successes: &[AtomicU64], end: Instant) -> Vec<usize> {
    let count = |n: usize| successes[n].load(Ordering::SeqCst);
    let before: Vec<u64> = (0..successes.len()).map(count).collect();
    loop {
        let slow: Vec<_> = (0..before.len()).filter(|n| count(*n) <= before[*n]).collect();
        if slow.is_empty() || Instant::now() > end {
            return slow;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
