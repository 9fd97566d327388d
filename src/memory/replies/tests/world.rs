//! Nothing kept is older than a write that was acknowledged, over random interleavings of connections that answer
//! and break.

use super::{Bench, Effect, frame};
use std::collections::VecDeque;
use std::time::Duration;

/// A server that runs commands when it gets them, behind connections that take their time and break.
struct World {
    bench: Bench,
    rng: fastrand::Rng,
    values: [u64; KEYS],
    /// When the server ran the write of a number: in its own order.
    ranks: Vec<u64>,
    /// The latest write of each key, as the server ran them, that was acknowledged.
    acknowledged: [u64; KEYS],
    lanes: Vec<Lane>,
    ran: u64,
    found: u64,
}

#[derive(Default)]
struct Lane {
    /// On the way up: what, and its effect.
    up: VecDeque<Sent>,
    /// On the way down, with the reply, and when it was run.
    down: VecDeque<(Sent, String, u64)>,
}

struct Sent {
    words: String,
    effect: Effect,
    key: usize,
    is_write: bool,
}

const KEYS: usize = 4;

impl World {
    fn send(&mut self) {
        let lane = self.rng.usize(..self.lanes.len());
        let key = self.rng.usize(..KEYS);
        let is_write = self.rng.u8(..3) == 0;
        let number = self.ranks.len();
        self.ranks.push(0);
        let words = match (is_write, self.rng.u8(..16)) {
            (true, 0) => format!("EVAL script 0 {key} {number}"),
            (true, 1..4) => format!("MSET k{key} {number} x 1"),
            (true, _) => format!("SET k{key} {number}"),
            (false, 0..4) => format!("MGET x k{key}"),
            (false, _) => format!("GET k{key}"),
        };
        let effect = self.bench.send(&words, u32::try_from(lane).unwrap() + 1);
        self.lanes[lane].up.push_back(Sent { words, effect, key, is_write });
    }

    /// The server takes the next command of a lane.
    fn run(&mut self, lane: usize) {
        let Some(sent) = self.lanes[lane].up.pop_front() else { return };
        let reply = if sent.is_write {
            let place = if sent.words.starts_with("EVAL") { 4 } else { 2 };
            let number: usize = sent.words.split(' ').nth(place).unwrap().parse().unwrap();
            self.ran += 1;
            self.ranks[number] = self.ran;
            self.values[sent.key] = number as u64;
            "+OK\r\n".to_owned()
        } else {
            reply_of(&sent.words, self.values[sent.key])
        };
        self.lanes[lane].down.push_back((sent, reply, self.ran));
    }

    /// The sidecar hears the next reply of a lane.
    fn hear(&mut self, lane: usize) {
        let Some((sent, reply, ran)) = self.lanes[lane].down.pop_front() else { return };
        let writer = u32::try_from(lane).unwrap() + 1;
        self.bench.answer(&sent.words, writer, sent.effect, &reply);
        if sent.is_write {
            let known = &mut self.acknowledged[sent.key];
            *known = (*known).max(ran);
        }
    }

    fn break_lane(&mut self, lane: usize) {
        let writer = u32::try_from(lane).unwrap() + 1;
        // What was on its way up may still reach the server.
        while !self.lanes[lane].up.is_empty() && self.rng.bool() {
            self.run(lane);
        }
        let Lane { up, down } = std::mem::take(&mut self.lanes[lane]);
        let lost = down.into_iter().map(|(sent, ..)| sent).chain(up);
        for sent in lost {
            self.bench.cache.lose(sent.effect, &frame(&sent.words), writer);
        }
    }

    fn check(&mut self, seed: u64) {
        for key in 0..KEYS {
            for words in [format!("GET k{key}"), format!("MGET x k{key}")] {
                let Some(reply) = self.bench.find(&words) else { continue };
                let value = number_in(&reply);
                let (found, least) = (self.ranks[value], self.acknowledged[key]);
                assert!(found >= least, "{words}: write {found}, after {least}; seed {seed}");
                self.found += 1;
            }
        }
    }
}

fn reply_of(words: &str, value: u64) -> String {
    let value = value.to_string();
    let bulk = format!("${}\r\n{value}\r\n", value.len());
    if words.starts_with("MGET") { format!("*2\r\n$-1\r\n{bulk}") } else { bulk }
}

fn number_in(reply: &str) -> usize {
    reply.trim_end().rsplit("\r\n").next().unwrap().parse().unwrap()
}

#[test]
fn nothing_that_is_found_is_older_than_an_acknowledged_write() {
    let mut found = 0;
    for seed in 0..60 {
        let mut world = World {
            bench: Bench::new(),
            rng: fastrand::Rng::with_seed(seed),
            values: [0; KEYS],
            ranks: vec![0],
            acknowledged: [0; KEYS],
            lanes: (0..3).map(|_| Lane::default()).collect(),
            ran: 0,
            found: 0,
        };
        for _ in 0..1500 {
            let lane = world.rng.usize(..3);
            match world.rng.u8(..100) {
                0..34 => world.send(),
                34..66 => world.run(lane),
                66..98 => world.hear(lane),
                _ => world.break_lane(lane),
            }
            world.bench.pass(Duration::from_millis(1));
            world.check(seed);
        }
        found += world.found;
    }
    assert!(found > 10_000, "the cache is of use: {found}");
}
