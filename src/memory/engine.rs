//! Runs one request at a time on the databases.
//!
//! Owns the lock: a request, whatever number of keys it touches, is atomic, and so are all requests of one
//! [`Turn`]. Decides what is refused before a command runs: the unknown, the wrong number of arguments, a
//! write when memory is full. A failed command has appended its error and nothing else.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::command::{Flags, Spec};
use crate::wire::Protocol;
use crate::wire::decode::Request;

use super::Now;
use super::commands::{self, Call, Command};
use super::failure::Failure;
use super::keyspace::Keyspace;
use super::statistics::{Facts, Statistics};
use super::waiters::Waiters;

/// Redis's data and commands, in this process.
///
/// One lock guards all databases, so that a request on many keys is atomic and there is no order of
/// locks to keep. A GET takes some 70 ns with it: measured, one thread runs 13 million a second, two
/// that do nothing else 10 million together, far more than the sockets before them carry.
#[derive(Debug)]
pub struct Engine {
    state: Mutex<State>,
}

/// The engine, held for requests that nothing else may come between.
pub struct Turn<'a> {
    pub(super) state: MutexGuard<'a, State>,
    pub(super) now: Now,
}

/// All that the lock guards.
pub(super) struct State {
    pub(super) databases: [Keyspace; Engine::DATABASES],
    pub(super) statistics: Statistics,
    pub(super) facts: Facts,
    /// In bytes; 0 for no bound.
    pub(super) maxmemory: usize,
    /// Clients that wait for a key to hold something.
    pub(super) waiters: Waiters,
}

impl Engine {
    /// The server whose replies the engine gives: what INFO and HELLO should say.
    pub const REDIS_VERSION: &'static str = "7.0.15";

    /// How many databases SELECT can choose from.
    pub const DATABASES: usize = 16;

    /// An empty engine. Past `maxmemory` bytes it refuses the commands that may need more, as Redis
    /// does with its policy `noeviction`; 0 is no bound.
    pub fn new(maxmemory: usize) -> Self {
        let state = State {
            databases: std::array::from_fn(|_| Keyspace::default()),
            statistics: Statistics::default(),
            facts: Facts::default(),
            maxmemory,
            waiters: Waiters::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// Whether it can run commands of this spec.
    pub fn knows(spec: &Spec) -> bool {
        commands::find(spec).is_some()
    }

    /// Runs one whole request on database `db`, and appends its reply to `out`.
    ///
    /// `spec` is what the command table says of the request's name, `None` for a name that it does
    /// not have. A container (`CONFIG`) may come as itself or as its subcommand.
    pub fn execute(
        &self,
        request: &Request<'_>,
        spec: Option<&'static Spec>,
        db: usize,
        protocol: Protocol,
        now: Now,
        out: &mut Vec<u8>,
    ) {
        self.turn(now).execute(request, spec, db, protocol, out);
    }

    /// Takes the engine for several requests with nothing else between them. All others wait meanwhile, and
    /// clients that wait for keys are served at its end.
    pub fn turn(&self, now: Now) -> Turn<'_> {
        Turn { state: self.lock(), now }
    }

    /// Removes keys that are past their deadline, at most `budget` of them, and says how many. Less
    /// than `budget` means that no such key is left. To be called some ten times a second: a key
    /// that nobody asks for gives back its memory here alone.
    pub fn expire_some(&self, now: Now, budget: usize) -> usize {
        let mut state = self.lock();
        let mut left = budget;
        for database in &mut state.databases {
            left -= database.expire(now, left);
        }
        budget - left
    }

    /// How many keys there are in all databases, and what they take in bytes.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let state = self.lock();
        (state.databases.iter().map(Keyspace::len).sum(), state.used())
    }

    /// Tells the engine what only its surroundings know, for INFO and CONFIG GET.
    pub fn note(&self, facts: Facts) {
        self.lock().facts = facts;
    }

    /// A command that panicked has left its reply unsent, not the data unusable.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// As [`Engine::execute`].
    pub fn execute(
        &mut self,
        request: &Request<'_>,
        spec: Option<&'static Spec>,
        db: usize,
        protocol: Protocol,
        out: &mut Vec<u8>,
    ) {
        let (state, now) = (&mut *self.state, self.now);
        state.statistics.begin(now);
        let mut call = Call { state, request, db, protocol, now, out };
        if let Err(failure) = run(&mut call, spec) {
            failure.write(call.out);
            state.statistics.failures += 1;
        }
    }

    /// Whether the request would be refused before it is run; appends the error if so. Commands that the
    /// session answers itself are refused only for their arguments.
    pub fn refuses(
        &mut self,
        request: &Request<'_>,
        spec: Option<&'static Spec>,
        out: &mut Vec<u8>,
    ) -> bool {
        let refusal = admit(&self.state, request, spec).err();
        if let Some(failure) = &refusal {
            failure.write(out);
            self.state.statistics.failures += 1;
        }
        refusal.is_some()
    }

    /// Whether what is there leaves no room for `bytes` more.
    pub fn is_full(&self, bytes: usize) -> bool {
        is_full(&self.state, bytes)
    }
}

impl State {
    /// The bytes that all keys of all databases take.
    pub(super) fn used(&self) -> usize {
        self.databases.iter().map(Keyspace::bytes).sum()
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("used", &self.used()).finish_non_exhaustive()
    }
}

fn run(call: &mut Call<'_, '_>, spec: Option<&'static Spec>) -> Result<(), Failure> {
    let (spec, command) = admit(call.state, call.request, spec)?;
    let Some(command) = command else { return Err(Failure::NotAvailable(spec.name)) };
    if call.db >= Engine::DATABASES {
        return Err(Failure::NoSuchDatabase);
    }
    command(call)
}

/// The command or subcommand that a request means, and what runs it; nothing does where the session answers.
fn admit(
    state: &State,
    request: &Request<'_>,
    spec: Option<&'static Spec>,
) -> Result<(&'static Spec, Option<Command>), Failure> {
    let Some(spec) = spec else { return Err(Failure::unknown_command(request)) };
    let spec = commands::resolve(spec, request)?;
    let command = commands::find(spec);
    if command.is_none() && !commands::is_answered_above(spec) {
        return Err(Failure::NotAvailable(spec.name));
    }
    if !spec.fits(request.argc()) {
        return Err(Failure::Arity(spec.name));
    }
    if spec.flags.contains(Flags::DENYOOM) && is_full(state, request.bytes().len()) {
        return Err(Failure::OutOfMemory);
    }
    Ok((spec, command))
}

/// Redis counts the request itself as memory in use, so that one that does not fit is refused
/// before it is stored, not after.
fn is_full(state: &State, bytes: usize) -> bool {
    state.maxmemory != 0 && state.used() + bytes > state.maxmemory
}
