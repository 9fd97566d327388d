//! Clients that wait for a key to hold something: BLPOP and its kin.
//!
//! Whoever stores a value under an awaited key serves those that wait for it, at the end of its command or
//! transaction and before anything else runs: keys in the order in which they came to be, clients longest
//! first, each as if it had asked for that key alone. So nobody steals, and nothing is served twice. What a client gets by
//! a move goes on to whoever waits for the place it was moved to.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::command::{Spec, keys};
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};

use super::Now;
use super::commands::{self, Call};
use super::engine::{Engine, State, Turn};
use super::interest::Ready;

/// What CLIENT UNBLOCK ... ERROR makes of a wait.
const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// All that wait, by client.
pub(super) type Waiters = HashMap<u64, Waiter>;

/// One client that waits.
pub(super) struct Waiter {
    spec: &'static Spec,
    arguments: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
    db: usize,
    protocol: Protocol,
    answer: Arc<Answer>,
}

/// Where a waiting client's reply will be.
#[derive(Debug, Default)]
struct Answer {
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    reply: Option<Vec<u8>>,
    session: Option<Waker>,
}

/// A client's place among those that wait. Gives it up when dropped, which must not happen during a [`Turn`].
#[derive(Debug)]
pub struct Waiting {
    engine: Arc<Engine>,
    client: u64,
    answer: Arc<Answer>,
}

impl Engine {
    /// As [`Engine::execute`], for a command that waits where it finds nothing. Then nothing is appended, and
    /// `client`, who can wait in one place at a time, has one.
    pub fn execute_or_wait(
        self: &Arc<Self>,
        client: u64,
        request: &Request<'_>,
        spec: &'static Spec,
        (db, protocol): (usize, Protocol),
        now: Now,
        out: &mut Vec<u8>,
    ) -> Option<Waiting> {
        let mut turn = self.turn(now);
        let before = out.len();
        turn.execute(request, Some(spec), db, protocol, out);
        if !is_null(&out[before..]) {
            return None;
        }
        out.truncate(before);
        let answer = Arc::new(Answer::default());
        let waiter = Waiter {
            spec,
            arguments: request.args().map(<[u8]>::to_vec).collect(),
            keys: awaited_keys(spec, request),
            db,
            protocol,
            answer: Arc::clone(&answer),
        };
        let state = &mut *turn.state;
        for key in &waiter.keys {
            state.databases[db].interest().wait(key, client);
        }
        state.waiters.insert(client, waiter);
        drop(turn);
        Some(Waiting { engine: Arc::clone(self), client, answer })
    }

    /// CLIENT UNBLOCK: ends a client's wait as if its time were over, or with an error. Whether it waited.
    pub fn unblock(&self, client: u64, with_error: bool) -> bool {
        let state = &mut *self.lock();
        let Some(waiter) = state.leave(client) else { return false };
        let mut reply = Vec::new();
        if with_error {
            encode::error(&mut reply, UNBLOCKED);
        } else {
            encode::null_array(&mut reply, waiter.protocol);
        }
        waiter.answer.put(reply);
        true
    }
}

impl Waiting {
    /// The reply, as soon as there is one.
    pub async fn reply(&self) -> Vec<u8> {
        poll_fn(|cx| {
            let slot = &mut *self.answer.slot();
            match slot.reply.take() {
                Some(reply) => Poll::Ready(reply),
                None => {
                    slot.session = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The client's time is over: the reply that came in the last moment, or null.
    #[must_use]
    pub fn give_up(self, protocol: Protocol) -> Vec<u8> {
        self.engine.lock().leave(self.client);
        let reply = self.answer.slot().reply.take();
        reply.unwrap_or_else(|| {
            let mut null = Vec::new();
            encode::null_array(&mut null, protocol);
            null
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.engine.lock().leave(self.client);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.state.waiters.is_empty() {
            self.state.serve(self.now);
        }
    }
}

impl State {
    /// Hands out what has come to be under awaited keys.
    fn serve(&mut self, now: Now) {
        while let Some((db, ready)) = self.next_ready() {
            for client in ready.clients {
                self.serve_client(client, db, &ready.key, now);
            }
        }
    }

    fn next_ready(&mut self) -> Option<(usize, Ready)> {
        let mut databases = self.databases.iter_mut().enumerate();
        databases.find_map(|(db, database)| Some((db, database.interest().next_ready()?)))
    }

    /// Lets a client have what it waits for, if this key holds it.
    fn serve_client(&mut self, client: u64, db: usize, key: &[u8], now: Now) {
        let Some(waiter) = self.waiters.get(&client) else { return };
        let Some(value) = self.databases[db].value(key, now) else { return };
        if value.type_name() != waiter.wanted() {
            return;
        }
        let (frame, protocol, spec) = (waiter.frame_for(key), waiter.protocol, waiter.spec);
        let (Some(request), Some(command)) = (Request::parse(&frame), commands::find(spec)) else {
            return;
        };
        let mut reply = Vec::new();
        let mut call = Call { state: self, request: &request, db, protocol, now, out: &mut reply };
        if let Err(failure) = command(&mut call) {
            // The place that it was to be moved to holds something else; nothing was taken.
            failure.write(&mut reply);
            self.statistics.failures += 1;
        }
        if !is_null(&reply)
            && let Some(waiter) = self.leave(client)
        {
            waiter.answer.put(reply);
        }
    }

    /// A client waits no longer.
    fn leave(&mut self, client: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&client)?;
        for key in &waiter.keys {
            self.databases[waiter.db].interest().stop_waiting(key, client);
        }
        Some(waiter)
    }
}

impl Waiter {
    /// The name of the type that it waits for.
    fn wanted(&self) -> &'static str {
        if self.spec.name.starts_with("bz") { "zset" } else { "list" }
    }

    /// Its request as if it had named this key alone.
    fn frame_for(&self, key: &[u8]) -> Vec<u8> {
        let name = self.spec.name.as_bytes();
        let mut words: Vec<&[u8]> = vec![name];
        match self.spec.name {
            "blmove" | "brpoplpush" => {
                words.extend(self.arguments.iter().skip(1).map(Vec::as_slice))
            }
            "blmpop" | "bzmpop" => {
                words.extend([b"0", b"1", key]);
                words.extend(self.arguments.iter().skip(3 + self.keys.len()).map(Vec::as_slice));
            }
            _ => words.extend([key, b"0"]),
        }
        let mut frame = Vec::new();
        encode::command(&mut frame, &words);
        frame
    }
}

impl Answer {
    fn put(&self, reply: Vec<u8>) {
        let slot = &mut *self.slot();
        slot.reply = Some(reply);
        if let Some(session) = slot.session.take() {
            session.wake();
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys that a command takes from, in its order: of a move, the first alone.
fn awaited_keys(spec: &Spec, request: &Request<'_>) -> Vec<Vec<u8>> {
    let arguments: Vec<&[u8]> = request.args().collect();
    let positions = keys::positions(spec, arguments.as_slice()).unwrap_or_default();
    let is_move = matches!(spec.name, "blmove" | "brpoplpush");
    let most = if is_move { 1 } else { positions.len() };
    let found = positions.iter().take(most);
    found.filter_map(|position| arguments.get(position.index).map(|key| key.to_vec())).collect()
}

fn is_null(reply: &[u8]) -> bool {
    matches!(reply, b"*-1\r\n" | b"$-1\r\n" | b"_\r\n")
}
