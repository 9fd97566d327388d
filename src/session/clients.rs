//! All clients of this process, for those who ask about others: CLIENT LIST, CLIENT KILL, CLIENT PAUSE, the
//! limit on their number, drain.
//!
//! A session writes its own entry and reads no other; what is written for each command is a plain store.

use crate::command::{self, Spec};
use crate::policy::users::{Users, default_user};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// By so much a client may seem idle for longer than it is: both clocks count whole seconds.
const INEXACT: Duration = Duration::from_secs(2);

/// A client that has said who it is, or need not.
const KNOWN: u64 = u64::MAX;

/// See the module.
pub struct Clients {
    /// The zero of all seconds here.
    start: Instant,
    entries: Mutex<HashMap<u64, Arc<Entry>>>,
    last_id: AtomicU64,
    /// How far all clients together have used up their rate.
    spent: AtomicU64,
    is_draining: AtomicBool,
    /// Set while CLIENT PAUSE holds; the rest is in `pause`.
    is_paused: AtomicBool,
    pause: Mutex<Option<Pause>>,
    /// Who they may be.
    users: Mutex<Arc<Users>>,
}

/// CLIENT PAUSE.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    pub(super) until: Instant,
    pub(super) writes_only: bool,
}

/// What others may know of one client.
pub struct Entry {
    /// Its id, counted from 1; never used again.
    pub(super) id: u64,
    pub(super) address: String,
    /// Shared by all that came in by the same door.
    pub(super) local_address: Arc<str>,
    /// The system's user behind it, where that is known.
    pub(super) uid: Option<u32>,
    start: Instant,
    /// Seconds since `start` when it came, and when it was last heard.
    joined: u64,
    last_seen: AtomicU64,
    /// Address of the last command's [`Spec`]: those are static.
    last_command: AtomicUsize,
    /// Client id of the upstream connection on which it blocks, or its own on `memory://`; 0 when it does not.
    pub(super) blocked_as: AtomicI64,
    /// Commands that a transaction holds; -1 without one.
    multi: AtomicI64,
    /// Since when it owes an AUTH, in seconds since `start`; [`KNOWN`] when it does not.
    unknown_since: AtomicU64,
    is_killed: AtomicBool,
    session: Mutex<Option<Waker>>,
    pub(super) details: Mutex<Details>,
}

/// The parts of CLIENT LIST that change.
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub(super) user: Arc<str>,
    pub(super) name: String,
    pub(super) db: u32,
    pub(super) is_resp3: bool,
    pub(super) subscriptions: [usize; 3],
    pub(super) flags: String,
    pub(super) redirect: i64,
    pub(super) lib_name: String,
    pub(super) lib_version: String,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            user: default_user(),
            name: String::new(),
            db: 0,
            is_resp3: false,
            subscriptions: [0; 3],
            flags: String::new(),
            redirect: -1,
            lib_name: String::new(),
            lib_version: String::new(),
        }
    }
}

impl Clients {
    /// Nobody yet.
    #[must_use]
    pub fn new(users: Users) -> Self {
        Self {
            start: Instant::now(),
            entries: Mutex::default(),
            last_id: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            pause: Mutex::default(),
            users: Mutex::new(Arc::new(users)),
        }
    }

    /// Seconds since the start of the process, by which it is told when a client was last heard.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.start.elapsed().as_secs()
    }

    /// The zero of all clocks here.
    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// Until when all clients together have used up their rate, in nanoseconds since [`Self::start`].
    pub(super) fn spent(&self) -> &AtomicU64 {
        &self.spent
    }

    /// Who clients may be from now on; those that are somebody stay who they are.
    pub fn set_users(&self, users: Users) {
        *self.users.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
    }

    /// Who clients may be.
    #[must_use]
    pub fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new client's entry, and its id. `uid` is the system's user behind it, where that is known.
    pub fn join(&self, address: String, local_address: Arc<str>, uid: Option<u32>) -> Arc<Entry> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = Arc::new(Entry {
            id,
            address,
            local_address,
            start: self.start,
            joined: self.seconds(),
            last_seen: AtomicU64::new(self.seconds()),
            last_command: AtomicUsize::new(0),
            blocked_as: AtomicI64::new(0),
            multi: AtomicI64::new(-1),
            unknown_since: AtomicU64::new(self.seconds()),
            is_killed: AtomicBool::new(false),
            session: Mutex::default(),
            details: Mutex::default(),
            uid,
        });
        self.entries().insert(id, Arc::clone(&entry));
        entry
    }

    /// A client has gone.
    pub fn leave(&self, entry: &Entry) {
        self.entries().remove(&entry.id);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries().len()
    }

    /// All clients, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Entry>> {
        let mut list: Vec<_> = self.entries().values().cloned().collect();
        list.sort_unstable_by_key(|entry| entry.id);
        list
    }

    /// How many of each user there are.
    pub(super) fn count_by_user(&self) -> HashMap<Arc<str>, usize> {
        let mut counts = HashMap::new();
        for entry in self.list() {
            *counts.entry(Arc::clone(&entry.details().user)).or_default() += 1;
        }
        counts
    }

    pub(super) fn find(&self, id: u64) -> Option<Arc<Entry>> {
        self.entries().get(&id).cloned()
    }

    /// From now on sessions end as soon as nothing is owed to their clients.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// Closes clients that were silent for `limit`, but for those that wait for something.
    pub fn close_idle(&self, limit: Duration) {
        for entry in self.list() {
            let details = entry.details();
            let waits = details.subscriptions.iter().sum::<usize>() > 0
                || details.flags.contains('O')
                || entry.blocked_as.load(Ordering::Relaxed) != 0;
            drop(details);
            if !waits && entry.idle() >= limit + INEXACT {
                entry.kill();
            }
        }
    }

    /// Closes clients that have owed an AUTH for `limit`. How many.
    pub fn close_unknown(&self, limit: Duration) -> usize {
        let (now, inexact) = (self.start.elapsed(), Duration::from_secs(1));
        let is_late = |entry: &&Arc<Entry>| {
            let since = entry.unknown_since.load(Ordering::Relaxed);
            since != KNOWN && now.saturating_sub(Duration::from_secs(since)) >= limit + inexact
        };
        let late: Vec<_> = self.entries().values().filter(is_late).cloned().collect();
        late.iter().for_each(|entry| entry.kill());
        late.len()
    }

    pub(super) fn pause(&self, pause: Option<Pause>) {
        let mut current = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        // As in Redis, of two pauses what is longer and what is stricter holds.
        *current = match (pause, *current) {
            (Some(new), Some(old)) if old.until > Instant::now() => Some(Pause {
                until: new.until.max(old.until),
                writes_only: new.writes_only && old.writes_only,
            }),
            (new, _) => new,
        };
        self.is_paused.store(current.is_some(), Ordering::Relaxed);
        drop(current);
        self.wake_all();
    }

    /// The pause that holds now.
    pub(super) fn paused(&self) -> Option<Pause> {
        if !self.is_paused.load(Ordering::Relaxed) {
            return None;
        }
        let pause = &mut *self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if pause.is_some_and(|pause| pause.until <= Instant::now()) {
            *pause = None;
            self.is_paused.store(false, Ordering::Relaxed);
        }
        *pause
    }

    fn wake_all(&self) {
        for entry in self.list() {
            entry.wake();
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<u64, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The client has sent something; `spec` is its newest command.
    pub(super) fn saw(&self, seconds: u64, spec: Option<&'static Spec>) {
        self.last_seen.store(seconds, Ordering::Relaxed);
        if let Some(spec) = spec {
            self.last_command.store(std::ptr::from_ref(spec).addr(), Ordering::Relaxed);
        }
    }

    /// The client's transaction holds so many commands now; `None` without one.
    pub(super) fn set_multi(&self, length: Option<usize>) {
        let length = length.map_or(-1, |length| i64::try_from(length).unwrap_or(i64::MAX));
        self.multi.store(length, Ordering::Relaxed);
    }

    /// Where the client is, as the system says it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Seconds since the client came.
    pub(super) fn age(&self) -> u64 {
        self.start.elapsed().as_secs().saturating_sub(self.joined)
    }

    fn idle(&self) -> Duration {
        let last_seen = Duration::from_secs(self.last_seen.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last_seen)
    }

    /// Whether the client has said who it is, where that is asked.
    pub(super) fn set_authenticated(&self, is_authenticated: bool) {
        let since = self.unknown_since.load(Ordering::Relaxed);
        if is_authenticated != (since == KNOWN) {
            let now = self.start.elapsed().as_secs();
            self.unknown_since.store(if is_authenticated { KNOWN } else { now }, Ordering::Relaxed);
        }
    }

    /// Ends the client's session at its next turn.
    pub(super) fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(super) fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }

    pub(super) fn wake_with(&self, session: Waker) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    fn wake(&self) {
        if let Some(session) = &*self.session.lock().unwrap_or_else(PoisonError::into_inner) {
            session.wake_by_ref();
        }
    }

    pub(super) fn details(&self) -> MutexGuard<'_, Details> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the client is this user.
    pub(super) fn is_of(&self, user: &str) -> bool {
        *self.details().user == *user
    }

    /// Whether the client is of this TYPE of CLIENT LIST and CLIENT KILL.
    pub(super) fn is_of_type(&self, word: &str) -> bool {
        let is_subscriber = self.details().subscriptions.iter().sum::<usize>() > 0;
        match word {
            "pubsub" => is_subscriber,
            "normal" => !is_subscriber,
            _ => false,
        }
    }

    /// The client's line in CLIENT LIST, as Redis 7 writes it, with a line feed.
    pub(super) fn line(&self) -> String {
        let details = self.details().clone();
        let last = self.last_command.load(Ordering::Relaxed);
        let mut specs =
            command::all().flat_map(|spec| std::iter::once(spec).chain(spec.subcommands));
        let command = specs.find(|spec| std::ptr::from_ref(*spec).addr() == last);
        let mut line = String::new();
        let [channels, patterns, shards] = details.subscriptions;
        let mut flags = details.flags.clone();
        if self.blocked_as.load(Ordering::Relaxed) != 0 {
            flags.push('b');
        }
        let flags = if flags.is_empty() { "N" } else { flags.as_str() };
        // Writing to a String can't fail.
        let _ = writeln!(
            line,
            "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={flags} db={} sub={channels} \
             psub={patterns} ssub={shards} multi={} qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 \
             obl=0 oll=0 omem=0 tot-mem=0 events=r cmd={} user={} redir={} resp={} lib-name={} \
             lib-ver={}",
            self.id,
            self.address,
            self.local_address,
            details.name,
            self.age(),
            self.idle().as_secs(),
            details.db,
            self.multi.load(Ordering::Relaxed),
            command.map_or("NULL", |spec| spec.name),
            details.user,
            details.redirect,
            if details.is_resp3 { 3 } else { 2 },
            details.lib_name,
            details.lib_version,
        );
        line
    }
}
