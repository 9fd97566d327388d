//! A lane: one upstream connection that carries the commands of many callers, or, as a checkout, of one.
//!
//! One task owns the connection; it reads while it writes. Woken by a command, it yields once to the scheduler
//! before it writes, so that every client that is ready joins the batch (see `gather`), and where the upstream has fallen
//! behind, few commands wait for the next reply (see `queue::pace`): no timer ever holds a command.
//! A shared lane outlives its connections: it connects again by itself, and what was not sent yet waits for the next
//! until its time is over. A lent connection does so until something was sent on it, and ends with its first loss then.

mod connect;
mod gather;
mod order;
mod queue;
mod task;
mod watch;

use super::error::Failure;
use super::pool::Checkout;
use super::replies::Replies;
use super::{Connection, Upstream};
use crate::command::Spec;
use crate::telemetry::metrics::shard::{Recorder, Route, Shard};
use crate::wire::Protocol;
use crate::wire::decode::Request;
use gather::Company;
pub use order::Order;
use queue::{Ledger, Queue};
use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// So many bytes, most of a TLS record, are written at once, so that the upstream can begin; fewer wait for others.
const EARLY: usize = 12 * 1024;

/// A connection: our own, or one that the pool lends.
enum Link {
    Own(Connection),
    Lent(Checkout),
}

impl Deref for Link {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(checkout) => checkout,
        }
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut Connection {
        match self {
            Self::Own(connection) => connection,
            Self::Lent(checkout) => checkout,
        }
    }
}

/// A handle on a lane. Cheap to copy; all on one thread.
#[derive(Clone)]
pub struct Lane(Rc<Shared>);

struct Shared {
    upstream: Arc<Upstream>,
    queue: RefCell<Queue>,
    /// The connection, while there is one.
    link: RefCell<Option<Link>>,
    protocol: Cell<Protocol>,
    /// The lane's task, to be woken by a command.
    task: RefCell<Option<Waker>>,
    /// A command has come since the task last looked, and when the first did.
    is_called: Cell<bool>,
    called_at: Cell<Instant>,
    /// Whether other clients lately joined a batch.
    company: Cell<Company>,
    /// The stage of its life.
    stage: Cell<Stage>,
    /// Client id of the connection, at the upstream.
    id: Cell<i64>,
    /// Since when the lane waits for the client whose reply comes next, and what that had taken by then.
    held_up: Cell<Option<(Instant, u64)>>,
    /// Whether something was heard since the last tick, and for how many ticks nothing was.
    is_heard: Cell<bool>,
    silence: Cell<u32>,
    next_tick: Cell<Instant>,
    /// Since when nothing was asked and nothing heard.
    quiet_since: Cell<Instant>,
    /// Those who waited when the breaker began to reject were told.
    has_rejected: Cell<bool>,
    /// See [`Lane::spend`].
    is_spent: Cell<bool>,
    /// Those who waited when the upstream was known to be lost were answered as far as can be.
    has_answered: Cell<bool>,
    /// When refused commands are to be sent again.
    again: Cell<Option<Instant>>,
    /// Somebody wanted the upstream while the breaker rejected.
    is_wanted: Cell<bool>,
}

/// Why a connection is lost.
struct Loss {
    /// As the metric says it.
    class: &'static str,
    /// As people are told.
    cause: String,
}

impl Loss {
    fn new(class: &'static str, cause: impl ToString) -> Self {
        Self { class, cause: cause.to_string() }
    }

    fn closed() -> Self {
        Self::new("closed", "the upstream closed it")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is no connection; commands wait.
    Away,
    /// Commands are on their way.
    Up,
    /// No more commands are taken; ends when the last reply is here.
    Closing,
    /// Over.
    Ended,
}

impl Lane {
    /// A lane for many callers, on one database. It connects at once, and again whenever its connection is
    /// lost.
    #[must_use]
    pub fn shared(
        upstream: Arc<Upstream>,
        protocol: Protocol,
        db: u32,
        shard: &Arc<Shard>,
    ) -> Self {
        let recorder = Recorder::new(Arc::clone(shard), Route::Lane);
        let lane = Self::new(upstream, protocol, db, Stage::Away, recorder, None);
        tokio::task::spawn_local(Rc::clone(&lane.0).keep());
        lane
    }

    /// A connection lent to one caller, whose pushes go to `holder`.
    #[must_use]
    pub fn lent(
        upstream: Arc<Upstream>,
        checkout: Checkout,
        holder: &Rc<Replies>,
        shard: &Arc<Shard>,
    ) -> Self {
        let recorder = Recorder::new(Arc::clone(shard), Route::Checkout);
        let (protocol, db) = (checkout.protocol, checkout.db);
        let holder = Some(Rc::clone(holder));
        let lane = Self::new(upstream, protocol, db, Stage::Up, recorder, holder);
        lane.0.id.set(checkout.id);
        tokio::task::spawn_local(Rc::clone(&lane.0).lend(checkout));
        lane
    }

    fn new(
        upstream: Arc<Upstream>,
        protocol: Protocol,
        db: u32,
        stage: Stage,
        recorder: Recorder,
        holder: Option<Rc<Replies>>,
    ) -> Self {
        let cache = upstream.health.stand_in.cache().cloned();
        let ledger = Ledger::new(cache, holder.is_none());
        let rules = upstream.retry().clone();
        let depth = upstream.depth();
        let mut queue = Queue::new((protocol, db), depth, rules, Instant::now(), recorder, ledger);
        queue.holder = holder;
        let queue = RefCell::new(queue);
        Self(Rc::new(Shared {
            upstream,
            queue,
            link: RefCell::new(None),
            protocol: Cell::new(protocol),
            task: RefCell::default(),
            is_called: Cell::new(false),
            called_at: Cell::new(Instant::now()),
            company: Cell::default(),
            stage: Cell::new(stage),
            id: Cell::new(0),
            held_up: Cell::new(None),
            is_heard: Cell::new(false),
            silence: Cell::new(0),
            next_tick: Cell::new(Instant::now()),
            quiet_since: Cell::new(Instant::now()),
            has_rejected: Cell::new(false),
            is_spent: Cell::new(false),
            has_answered: Cell::new(false),
            again: Cell::new(None),
            is_wanted: Cell::new(false),
        }))
    }

    /// Hands over a whole command. Its reply will be `caller`'s next.
    pub fn pass(
        &self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        order: Order,
        caller: &Rc<Replies>,
    ) {
        caller.owe();
        if self.refuses(order, caller) {
            return;
        }
        let pending = {
            let queue = &mut *self.0.queue.borrow_mut();
            queue.pass(spec, request, order, caller);
            queue.outgoing.unwritten()
        };
        self.0.call();
        if pending >= EARLY {
            self.0.send_early();
        }
    }

    /// The same for one that nobody has looked at.
    pub fn push(&self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        caller.owe();
        if self.refuses(order, caller) {
            return;
        }
        self.0.queue.borrow_mut().push(frame, order, caller);
        self.0.call();
    }

    /// The same for a large command, without a copy.
    pub fn push_whole(&self, frame: Vec<u8>, order: Order, caller: &Rc<Replies>) {
        caller.owe();
        if self.refuses(order, caller) {
            return;
        }
        self.0.queue.borrow_mut().push_whole(frame, order, caller);
        self.0.call();
    }

    /// A SELECT of `db` on a lent connection; if it succeeds, the connection is on that database.
    pub fn select(&self, frame: &[u8], db: u32, order: Order, caller: &Rc<Replies>) {
        caller.owe();
        if self.refuses(order, caller) {
            return;
        }
        self.0.queue.borrow_mut().push_select(frame, db, order, caller);
        self.0.call();
    }

    /// The database of the connection.
    #[must_use]
    pub fn db(&self) -> u32 {
        self.0.queue.borrow().db()
    }

    /// What the connection speaks.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.0.protocol.get()
    }

    /// The holder of a lent connection has changed what it speaks.
    pub fn set_protocol(&self, protocol: Protocol) {
        self.0.protocol.set(protocol);
    }

    /// Sends a command of our own on a lent connection; its reply is thrown away.
    pub fn push_own(&self, words: &[&[u8]]) {
        if !self.is_ended() {
            self.0.queue.borrow_mut().push_own(words);
            self.0.call();
        }
    }

    /// Once no reply is owed, all that comes is passed on as it is, and so is what is sent by
    /// [`Lane::push_raw`]: MONITOR and replication.
    pub fn set_raw(&self) {
        self.0.queue.borrow_mut().is_raw = true;
    }

    /// Bytes for a raw connection.
    pub fn push_raw(&self, bytes: &[u8]) {
        if !self.is_ended() {
            self.0.queue.borrow_mut().push_raw(bytes);
            self.0.call();
        }
    }

    fn refuses(&self, order: Order, caller: &Rc<Replies>) -> bool {
        let health = &self.0.upstream.health;
        if health.is_rejecting() {
            self.want();
            let (caller, rejection) = (Rc::clone(caller), health.rejection(false));
            self.0.queue.borrow_mut().tell(caller, order, rejection, None);
            return true;
        }
        let is_over = self.is_ended() || self.0.stage.get() == Stage::Closing;
        if is_over {
            let failure = Failure::Lost { sent: false, cause: "it had ended before".to_owned() };
            self.0.queue.borrow_mut().tell(Rc::clone(caller), order, failure, None);
        }
        is_over
    }

    /// Replies owed: how busy this lane is.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.0.queue.borrow().owed()
    }

    /// A huge reply is under way: what comes behind it must wait.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.0.queue.borrow().is_busy()
    }

    /// Whether more bytes may be queued; if not, `caller` is woken when they may.
    #[must_use]
    pub fn has_room(&self, caller: &Waker) -> bool {
        let queue = &mut *self.0.queue.borrow_mut();
        let has_room = queue.outgoing.unwritten() < self.0.upstream.max_queued();
        if !has_room && !queue.crowd.iter().any(|known| known.will_wake(caller)) {
            queue.crowd.push(caller.clone());
        }
        has_room
    }

    /// Whether the connection is gone for good.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.stage.get() == Stage::Ended
    }

    /// Our client id on this connection, as the upstream counts.
    #[must_use]
    pub fn upstream_id(&self) -> i64 {
        self.0.id.get()
    }

    /// Somebody was turned away for want of a connection: the next attempt to make one comes soon.
    pub fn want(&self) {
        self.0.is_wanted.set(true);
    }

    /// Takes no more commands; ends, or gives the connection back, when the last reply is here.
    pub fn close(&self) {
        if !self.is_ended() {
            self.0.stage.set(Stage::Closing);
            self.0.wake();
        }
    }

    /// What its holder did on it stays known upstream, such as what it read: when the holder is done it is closed, and
    /// lent to nobody else.
    pub fn spend(&self) {
        self.0.is_spent.set(true);
    }

    /// Ends now. What is owed is not waited for, and a lent connection is closed.
    pub fn abandon(&self) {
        self.0.stage.set(Stage::Ended);
        self.0.wake();
    }
}

impl Shared {
    /// Wakes the task, once for as many commands as come before it runs. While there is no connection nobody is to
    /// be shown an old value of what a write that waits will change.
    fn call(&self) {
        if self.stage.get() == Stage::Away {
            self.queue.borrow_mut().seal();
        }
        if !self.is_called.replace(true) {
            self.called_at.set(Instant::now());
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(task) = &*self.task.borrow() {
            task.wake_by_ref();
        }
    }
}
