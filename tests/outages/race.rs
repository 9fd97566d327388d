//! Many clients write and read the same keys while connections are cut, and the server is killed or silent: each read is
//! no older than what was acknowledged to anyone before it was sent, and each client sees its own writes in order.
//!
//! `RACE_SEED=n` plays a run again, `RACE_SECONDS=n` makes it longer.

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Cloud;
use crate::harness::{Client, End, Value, Way, eventually};

const CONFIG: &str = "
upstream: {command_timeout: 1s, probe_timeout: 500ms, connect_timeout: 1s, lanes: 2,
  pool: {max: 20, acquire_timeout: 1s}}
breaker: {grace: 300ms, cooldown: 100ms, max_cooldown: 200ms}
cache: {size: 4mb, entry_size: 64kb}
";

const KEYS: usize = 6;
const CLIENTS: usize = 12;

/// Of each key: the highest number that was acknowledged. Numbers only grow at the server: each is given there
/// (INCR), or set by the one client that writes the key. A SET whose outcome is not known may come late, after
/// another; its client goes on with a new key, whose generation is in the upper half.
#[derive(Default)]
struct Board {
    acknowledged: [AtomicU64; 2 * KEYS],
    is_over: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
}

fn variable(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn no_read_is_older_than_a_write_that_was_acknowledged_to_anyone() {
    let seed = variable("RACE_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
    let time = Duration::from_secs(variable("RACE_SECONDS").unwrap_or(6));
    println!("to play this again: RACE_SEED={seed} RACE_SECONDS={}", time.as_secs());
    let cloud = Cloud::start(CONFIG);
    let board = Board::default();
    let faults = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let (board, cloud, faults) = (&board, &cloud, &faults);
            scope.spawn(move || {
                let fault = Player::new(n, seed, cloud, board).play();
                faults.lock().unwrap().extend(fault.err());
            });
        }
        storm(&cloud, &board, seed, time);
        board.is_over.store(true, Ordering::SeqCst);
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "seed {seed}: {}", faults.join("\n"));
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    let served: u64 = cloud.told("sidecar_stale_replies").parse().unwrap();
    println!(
        "{} reads, {} writes, {served} stale replies",
        count(&board.reads),
        count(&board.writes)
    );
    assert!(served > 0, "the cache was of use");
}

/// Cuts, silence, delays, and whole outages, at random.
fn storm(cloud: &Cloud, board: &Board, seed: u64, time: Duration) {
    let mut rng = Rng::with_seed(seed);
    let end = Instant::now() + time;
    for round in 0.. {
        if Instant::now() >= end || board.is_over.load(Ordering::SeqCst) {
            break;
        }
        thread::sleep(Duration::from_millis(rng.u64(20..200)));
        let how = if rng.bool() { End::Fin } else { End::Reset };
        // every third is a whole outage, so that none is without
        let fault = if round % 3 == 0 { 6 } else { rng.u8(..7) };
        match fault {
            0 => cloud.proxy.break_all(how),
            1 => cloud.proxy.cut_after(Way::Down, rng.usize(1..3000), how),
            2 => cloud.proxy.cut_after(Way::Up, rng.usize(1..3000), how),
            3 => cloud.proxy.delay(Way::Down, Duration::from_millis(rng.u64(1..30))),
            4 => cloud.proxy.black_hole(if rng.bool() { Way::Up } else { Way::Down }),
            5 => cloud.redis.lock().unwrap().restart(),
            _ => {
                cloud.proxy.refuse();
                cloud.proxy.break_all(how);
            }
        }
        thread::sleep(Duration::from_millis(rng.u64(50..500)));
        cloud.proxy.heal();
    }
    eventually("it works again", || {
        cloud.sidecar.client().call(&["SET", "end", "1"]) == Value::ok()
    });
}

struct Player<'a> {
    n: usize,
    rng: Rng,
    cloud: &'a Cloud,
    board: &'a Board,
    client: Client,
    /// The last number that this client has set on its own key.
    last: u64,
}

impl<'a> Player<'a> {
    fn new(n: usize, seed: u64, cloud: &'a Cloud, board: &'a Board) -> Self {
        let rng = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(n as u64));
        let client = Self::connect(n, cloud);
        Self { n, rng, cloud, board, client, last: 0 }
    }

    fn connect(n: usize, cloud: &Cloud) -> Client {
        let client = cloud.sidecar.client();
        if n % 3 == 2 { client.resp3() } else { client }
    }

    /// A client that was closed in the middle of a reply begins anew.
    fn call(&mut self, args: &[&str]) -> Option<Value> {
        self.client.send(args);
        let reply = self.client.read_or_close();
        if reply.is_none() {
            self.client = Self::connect(self.n, self.cloud);
        }
        reply.filter(|reply| !matches!(reply, Value::Error(_)))
    }

    /// Until the storm is over, or a promise is broken.
    fn play(&mut self) -> Result<(), String> {
        while !self.board.is_over.load(Ordering::SeqCst) {
            if let Err(fault) = self.step() {
                self.board.is_over.store(true, Ordering::SeqCst);
                return Err(fault);
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        if self.rng.u8(..10) == 0 { self.write() } else { self.read() }
    }

    fn write(&mut self) -> Result<(), String> {
        // Keys below KEYS are set by one client each, the others counted by all.
        let key =
            if self.n < KEYS && self.rng.bool() { self.n } else { KEYS + self.rng.usize(..KEYS) };
        if key < KEYS { self.set(key) } else { self.count(key) }
    }

    fn set(&mut self, key: usize) -> Result<(), String> {
        let known = self.board.acknowledged[key].load(Ordering::SeqCst);
        let name = name(key, known);
        self.last += 1;
        let value = self.last.to_string();
        let reply = match self.rng.u8(..4) {
            0 => self.call(&["SET", &name, &value, "EX", "100"]),
            1 => self.call(&["MSET", &name, &value]),
            _ => self.call(&["SET", &name, &value]),
        };
        let next = match reply {
            Some(_) => (known >> 32 << 32) + self.last,
            None => ((known >> 32) + 1) << 32,
        };
        self.board.acknowledged[key].store(next, Ordering::SeqCst);
        self.board.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn count(&mut self, key: usize) -> Result<(), String> {
        let before = self.board.acknowledged[key].load(Ordering::SeqCst);
        let name = name(key, before);
        let reply = match self.rng.u8(..8) {
            0 => self.transact(&name),
            _ => self.call(&["INCR", &name]),
        };
        let Some(Value::Int(number)) = reply else { return Ok(()) };
        let number = u64::try_from(number).unwrap();
        if number <= before {
            return Err(format!("client {}: {name} went back to {number}", self.n));
        }
        self.board.writes.fetch_add(1, Ordering::SeqCst);
        self.board.acknowledged[key].fetch_max(number, Ordering::SeqCst);
        Ok(())
    }

    /// INCR within MULTI; a transaction that fails at any place is left.
    fn transact(&mut self, name: &str) -> Option<Value> {
        self.call(&["MULTI"])?;
        let queued = self.call(&["INCR", name]);
        let Value::Array(replies) = self.call(&["EXEC"])? else { return None };
        queued?;
        replies.into_iter().next()
    }

    fn read(&mut self) -> Result<(), String> {
        let key = self.rng.usize(..2 * KEYS);
        let known = self.board.acknowledged[key].load(Ordering::SeqCst);
        let (name, least) = (name(key, known), known & u64::from(u32::MAX));
        let reply = match self.rng.u8(..3) {
            0 => self.call(&["MGET", "none", &name]),
            _ => self.call(&["GET", &name]),
        };
        let value = match reply {
            None => return Ok(()),
            Some(Value::Array(items)) => items.into_iter().nth(1).unwrap(),
            Some(value) => value,
        };
        let number = match value {
            Value::Nil => 0,
            value => value.text().parse::<u64>().unwrap(),
        };
        self.board.reads.fetch_add(1, Ordering::SeqCst);
        if number < least {
            let n = self.n;
            return Err(format!(
                "client {n} read {number} of {name}, after {least} was acknowledged"
            ));
        }
        Ok(())
    }
}

fn name(key: usize, known: u64) -> String {
    format!("k{key}:{}", known >> 32)
}
