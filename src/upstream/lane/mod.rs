//! A lane: one upstream connection that carries the commands of many callers, or, as a checkout, of one.
//!
//! One task owns the connection; it reads while it writes. Woken by a command, it yields once to the scheduler
//! before it writes, so that every client that is ready joins the batch: no timer ever holds a command.
//! A shared lane outlives its connections: it connects again by itself, and what was not sent yet waits
//! for the next connection until its time is over. A lent connection ends with its first loss.

mod queue;

use super::error::Failure;
use super::pool::Checkout;
use super::replies::Replies;
use super::retry::Backoff;
use super::{Connection, Upstream};
use crate::wire::Protocol;
use queue::Queue;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::time::Sleep;

/// Bytes that may wait for the upstream on one lane before its clients are no longer read.
const ROOM: usize = 64 << 20;

/// A client that takes nothing for so long, with [`super::replies::HIGH_WATER`] bytes before it, is given up:
/// its lane serves others too.
const STALL: Duration = Duration::from_secs(3);

/// What a lane must know of a command to carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The database it is for.
    pub db: u32,
    /// The client wants no reply (CLIENT REPLY OFF, SKIP).
    pub is_silent: bool,
    /// It may wait as long as the upstream lets it (BLPOP): no timeout.
    pub is_patient: bool,
}

/// A handle on a lane. Cheap to copy; all on one thread.
#[derive(Clone)]
pub struct Lane(Rc<Shared>);

struct Shared {
    upstream: Arc<Upstream>,
    queue: RefCell<Queue>,
    /// The lane's task, to be woken by a command.
    task: RefCell<Option<Waker>>,
    /// A command has come since the task last looked.
    is_called: Cell<bool>,
    /// The stage of its life.
    stage: Cell<Stage>,
    /// Client id of the connection, at the upstream.
    id: Cell<i64>,
    /// Since when the client whose reply comes next has taken nothing, though much waits for it.
    held_up: Cell<Option<Instant>>,
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

/// What the task does next.
enum Turn {
    /// Commands have come: let others join, then write.
    Gather,
    /// The connection is lost, and why.
    Lost(String),
    /// Closing, and nothing is owed.
    Done,
}

impl Lane {
    /// A lane for many callers. It connects at once, and again whenever its connection is lost.
    #[must_use]
    pub fn shared(upstream: Arc<Upstream>, protocol: Protocol) -> Self {
        let lane = Self::new(upstream, Stage::Away);
        tokio::task::spawn_local(Rc::clone(&lane.0).keep(protocol));
        lane
    }

    /// A connection lent to one caller, whose pushes go to `holder`. In the holder's protocol from the
    /// first command on.
    #[must_use]
    pub fn lent(
        upstream: Arc<Upstream>,
        mut checkout: Checkout,
        protocol: Protocol,
        holder: &Rc<Replies>,
    ) -> Self {
        let lane = Self::new(upstream, Stage::Up);
        lane.0.id.set(checkout.id);
        {
            let queue = &mut *lane.0.queue.borrow_mut();
            *queue = Queue::new(checkout.db);
            queue.holder = Some(Rc::clone(holder));
            if checkout.protocol != protocol {
                queue.push_own(&[b"HELLO", queue::version(protocol)]);
                checkout.protocol = protocol;
            }
        }
        tokio::task::spawn_local(Rc::clone(&lane.0).lend(checkout));
        lane
    }

    fn new(upstream: Arc<Upstream>, stage: Stage) -> Self {
        let queue = RefCell::new(Queue::new(upstream.db()));
        Self(Rc::new(Shared {
            upstream,
            queue,
            task: RefCell::default(),
            is_called: Cell::new(false),
            stage: Cell::new(stage),
            id: Cell::new(0),
            held_up: Cell::new(None),
        }))
    }

    /// Hands over a whole command. Its reply will be `caller`'s next.
    pub fn push(&self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        caller.expect();
        if self.refuses(caller) {
            return;
        }
        self.0.queue.borrow_mut().push(frame, order, caller);
        self.0.call();
    }

    /// The same for a large command, without a copy.
    pub fn push_whole(&self, frame: Vec<u8>, order: Order, caller: &Rc<Replies>) {
        caller.expect();
        if self.refuses(caller) {
            return;
        }
        self.0.queue.borrow_mut().push_whole(frame, order, caller);
        self.0.call();
    }

    /// A client's own SELECT of the order's database. When it succeeds, later orders may name that database.
    pub fn select(&self, frame: &[u8], order: Order, caller: &Rc<Replies>) {
        caller.expect();
        if self.refuses(caller) {
            return;
        }
        self.0.queue.borrow_mut().push_select(frame, order, caller);
        self.0.call();
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

    fn refuses(&self, caller: &Rc<Replies>) -> bool {
        let is_over = self.is_ended() || self.0.stage.get() == Stage::Closing;
        if is_over {
            let cause = "it had ended before".to_owned();
            caller.fail(&Failure::Lost { sent: false, cause });
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
        let has_room = queue.outgoing.unwritten() < ROOM;
        if !has_room {
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

    /// A transaction has selected this database on a lent connection.
    pub fn assume_db(&self, db: u32) {
        self.0.queue.borrow_mut().assume_db(db);
    }

    /// Takes no more commands; ends, or gives the connection back, when the last reply is here.
    pub fn close(&self) {
        if !self.is_ended() {
            self.0.stage.set(Stage::Closing);
            self.0.call();
        }
    }

    /// Ends now. What is owed is not waited for, and a lent connection is closed.
    pub fn abandon(&self) {
        self.0.stage.set(Stage::Ended);
        self.0.call();
    }
}

impl Shared {
    /// Wakes the task, once for as many commands as come before it runs.
    fn call(&self) {
        if !self.is_called.replace(true)
            && let Some(task) = &*self.task.borrow()
        {
            task.wake_by_ref();
        }
    }

    /// The life of a shared lane.
    async fn keep(self: Rc<Self>, protocol: Protocol) {
        let upstream = Arc::clone(&self.upstream);
        let mut backoff = Backoff::default();
        while let Some(mut connection) = self.connect(protocol, &mut backoff).await {
            upstream.health.lane_connected(&upstream.address());
            backoff.reset();
            self.id.set(connection.id);
            self.stage.set(Stage::Up);
            // What waited was sent to no database yet: `lose` left the queue on the default one.
            let end = self.serve(&mut connection).await;
            upstream.health.lane_lost(end.as_deref());
            let Some(cause) = end else { break };
            if self.stage.get() != Stage::Up {
                break;
            }
            self.stage.set(Stage::Away);
            self.queue.borrow_mut().lose(&cause, upstream.db(), true);
        }
        self.end("the sidecar is stopping");
    }

    /// The life of a lent connection: clean when the last reply is here, closed otherwise.
    async fn lend(self: Rc<Self>, mut checkout: Checkout) {
        checkout.is_clean = false;
        let end = self.serve(&mut checkout).await;
        match end {
            None if self.stage.get() == Stage::Closing => {
                checkout.db = self.queue.borrow().db();
                checkout.is_clean = true;
                checkout.give_back();
            }
            _ => checkout.discard(),
        }
        self.end(end.as_deref().unwrap_or("it was closed"));
    }

    fn end(&self, cause: &str) {
        self.stage.set(Stage::Ended);
        let db = self.upstream.db();
        let queue = &mut *self.queue.borrow_mut();
        queue.lose(cause, db, false);
        if let Some(holder) = &queue.holder {
            holder.nudge();
        }
    }

    /// Connects, however often it takes. `None` when the lane is to end.
    async fn connect(&self, protocol: Protocol, backoff: &mut Backoff) -> Option<Connection> {
        let upstream = &self.upstream;
        loop {
            match self.meanwhile(upstream.open(protocol)).await? {
                Ok(connection) => return Some(connection),
                Err(error) => upstream.health.attempt_failed(&error),
            }
            self.meanwhile(tokio::time::sleep(backoff.next_wait())).await?;
        }
    }

    /// Runs `step` while the commands that wait grow old. `None` when the lane is to end.
    async fn meanwhile<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let mut step = pin!(step);
        let mut timer = pin!(tokio::time::sleep(self.upstream.command_timeout()));
        std::future::poll_fn(|cx| {
            self.attend(cx);
            if self.stage.get() != Stage::Away {
                return Poll::Ready(None);
            }
            self.poll_timer(cx, timer.as_mut());
            step.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Carries commands and replies until the connection or the lane ends; says why if it was lost.
    async fn serve(&self, connection: &mut Connection) -> Option<String> {
        let mut timer = pin!(tokio::time::sleep(self.upstream.command_timeout()));
        // What waited for this connection goes out at once.
        let mut is_writing = true;
        loop {
            let turn = std::future::poll_fn(|cx| {
                self.poll_turn(connection, &mut is_writing, timer.as_mut(), cx)
            });
            match turn.await {
                Turn::Gather => {
                    tokio::task::yield_now().await;
                    self.is_called.set(false);
                    is_writing = true;
                }
                Turn::Lost(cause) => return Some(cause),
                Turn::Done => return None,
            }
        }
    }

    fn poll_turn(
        &self,
        connection: &mut Connection,
        is_writing: &mut bool,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Turn> {
        self.attend(cx);
        if let Poll::Ready(cause) = self.poll_receive(connection, cx) {
            return Poll::Ready(Turn::Lost(cause));
        }
        if *is_writing {
            self.queue.borrow_mut().stamp(Instant::now());
            match self.poll_send(connection, cx) {
                Poll::Ready(Ok(())) => *is_writing = false,
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Turn::Lost(error.to_string()));
                }
                Poll::Pending => {}
            }
        }
        self.poll_timer(cx, timer.as_mut());
        let is_idle = self.queue.borrow().owed() == 0;
        match self.stage.get() {
            Stage::Ended => return Poll::Ready(Turn::Done),
            Stage::Closing if is_idle && !*is_writing => return Poll::Ready(Turn::Done),
            _ => {}
        }
        if self.is_called.get() && !*is_writing { Poll::Ready(Turn::Gather) } else { Poll::Pending }
    }

    /// Reads and hands out replies until there are none, or the one under way has a slow reader.
    fn poll_receive(&self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<String> {
        loop {
            if self.is_held_up(cx) {
                return Poll::Pending;
            }
            let mut stream = Pin::new(&mut connection.transport);
            let piece = match ready!(stream.as_mut().poll_fill_buf(cx)) {
                Ok([]) => return Poll::Ready("the upstream closed it".to_owned()),
                Ok(piece) => piece,
                Err(error) => return Poll::Ready(error.to_string()),
            };
            let length = piece.len();
            if let Err(error) = self.queue.borrow_mut().receive(piece) {
                return Poll::Ready(error.to_string());
            }
            stream.consume(length);
        }
    }

    /// Whether the client whose reply comes next must read first.
    fn is_held_up(&self, cx: &Context<'_>) -> bool {
        let queue = self.queue.borrow();
        let is_held_up = queue.front().is_some_and(|caller| caller.is_full(cx.waker()));
        if !is_held_up {
            self.held_up.set(None);
        } else if self.held_up.get().is_none() {
            self.held_up.set(Some(Instant::now()));
        }
        is_held_up
    }

    fn poll_send(
        &self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let queue = &mut *self.queue.borrow_mut();
        let mut stream = Pin::new(&mut connection.transport);
        while !queue.outgoing.next().is_empty() {
            let count = ready!(stream.as_mut().poll_write(cx, queue.outgoing.next()))?;
            if count == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            queue.outgoing.wrote(count);
        }
        if !queue.crowd.is_empty() {
            queue.wake_crowd();
        }
        stream.poll_flush(cx)
    }

    /// Answers callers whose time is over, and gives up a client that holds up the others. The timer stands
    /// on the oldest command, and is set anew only when it fires: a command costs no timer of its own.
    fn poll_timer(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) {
        let stalled = self.held_up.get().map(|since| since + STALL);
        if let Some(stalled) = stalled.filter(|at| timer.deadline().into_std() > *at) {
            timer.as_mut().reset(stalled.into());
        }
        let bound = self.upstream.command_timeout();
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let is_away = self.stage.get() == Stage::Away;
            let queue = &mut *self.queue.borrow_mut();
            if let Some(limit) = now.checked_sub(bound) {
                queue.expire(limit, |sent| self.too_late(sent, is_away, bound));
            }
            if stalled.is_some_and(|at| at <= now)
                && let Some(caller) = queue.front()
            {
                tracing::warn!("a client took none of its replies for {STALL:?}: closing it");
                caller.give_up();
                self.held_up.set(None);
            }
            let next = queue.oldest().unwrap_or(now) + bound;
            let stalled = self.held_up.get().map(|since| since + STALL);
            timer.as_mut().reset(stalled.map_or(next, |at| at.min(next)).into());
        }
    }

    fn too_late(&self, sent: bool, is_away: bool, after: Duration) -> Failure {
        match self.upstream.health.last_error() {
            Some(error) if is_away => Failure::Away { after, cause: error.to_string() },
            _ => Failure::TimedOut { sent, after },
        }
    }

    /// Keeps the task's waker for those who bring commands; commands that came while away get their time.
    fn attend(&self, cx: &Context<'_>) {
        if self.stage.get() == Stage::Away && self.is_called.replace(false) {
            self.queue.borrow_mut().stamp(Instant::now());
        }
        let task = &mut *self.task.borrow_mut();
        if !task.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }
}
