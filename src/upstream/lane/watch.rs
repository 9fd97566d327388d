//! What a lane does as time passes: commands whose time is over, clients that do not read, a peer that is
//! silent, refused commands whose turn has come, and the breaker.
//!
//! One timer stands on whatever comes first, and is set anew only when it fires: a command costs none of its own.

use super::{Loss, Shared, Stage};
use crate::command;
use crate::memory::replies::Setting;
use crate::upstream::error::Failure;
use crate::wire::decode::Request;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// A client for which its lane waits must take [`PROGRESS`] bytes in this time, or is waited for no longer.
const STALL: Duration = Duration::from_millis(200);
const PROGRESS: u64 = 256 * 1024;

/// A silent connection is dead after so many ticks, and is asked after half of them.
const TICKS: u32 = 4;

/// The shortest tick.
const SHORTEST: Duration = Duration::from_millis(10);

impl Shared {
    /// A new connection: nothing is known against it.
    pub(super) fn begin(&self) {
        let greeting = self.upstream.health.greeting();
        let queue = &mut *self.queue.borrow_mut();
        queue.expects_master = greeting.is_some_and(|it| it.is_master());
        queue.resend(Instant::now());
        self.silence.set(0);
        self.is_heard.set(true);
        self.quiet_since.set(Instant::now());
        self.next_tick.set(Instant::now() + self.tick());
    }

    fn tick(&self) -> Duration {
        let bound = self.upstream.command_timeout() / TICKS;
        (self.upstream.probe_timeout() / TICKS).min(bound).max(SHORTEST)
    }

    /// When something is to be done, if nothing happens before.
    pub(super) fn next_event(&self, now: Instant) -> Instant {
        let queue = self.queue.borrow();
        let bound = self.upstream.command_timeout();
        let health = &self.upstream.health;
        let is_up = self.stage.get() != Stage::Away;
        let follows_breaker = !is_up || health.is_rejecting();
        let events = [
            queue.oldest().map(|oldest| oldest + bound),
            self.held_up.get().map(|(since, _)| since + STALL),
            self.again.get().filter(|_| is_up),
            queue.oldest_again().map(|oldest| oldest + bound),
            is_up.then(|| self.next_tick.get()),
            health.next_change().filter(|_| follows_breaker),
        ];
        events.into_iter().flatten().min().unwrap_or(now + bound)
    }

    /// Does what is due. Says why, if the connection is to be given up.
    pub(super) fn poll_timer(
        &self,
        cx: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
    ) -> Option<Loss> {
        let is_up = self.stage.get() != Stage::Away;
        let early = [
            self.held_up.get().map(|(since, _)| since + STALL),
            self.plan_again().filter(|_| is_up),
        ];
        if let Some(early) = early.into_iter().flatten().min()
            && timer.deadline().into_std() > early
        {
            timer.as_mut().reset(early.into());
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            self.expire(now);
            self.check_stall(now, cx);
            self.follow_breaker(now);
            if is_up {
                self.send_again(now);
                if self.is_dead(now) {
                    let bound = self.upstream.probe_timeout();
                    let cause = format!("no answer for {bound:?}: taken for dead");
                    return Some(Loss::new("silent", cause));
                }
            }
            // A moment ahead at least, so that an event that stays due can't keep us here.
            let next = self.next_event(now).max(now + Duration::from_millis(1));
            timer.as_mut().reset(next.into());
        }
        None
    }

    fn expire(&self, now: Instant) {
        let bound = self.upstream.command_timeout();
        let is_away = self.stage.get() == Stage::Away;
        self.queue.borrow_mut().give_up_old(now, bound);
        let Some(limit) = now.checked_sub(bound) else { return };
        let count =
            self.queue.borrow_mut().expire(limit, |sent| self.too_late(sent, is_away, bound));
        if !is_away {
            self.upstream.health.timed_out(count, now);
        } else if count > 0 {
            // What was given up takes no room, and is not sent later.
            self.queue.borrow_mut().lose("", true);
            self.has_answered.set(false);
        }
    }

    fn too_late(&self, sent: bool, is_away: bool, after: Duration) -> Failure {
        match self.upstream.health.last_error() {
            Some(error) if is_away && !sent => Failure::Away { after, cause: error.to_string() },
            // While there is a connection, what is queued may still go out.
            _ => Failure::TimedOut { sent: sent || !is_away, after },
        }
    }

    fn check_stall(&self, now: Instant, cx: &Context<'_>) {
        let queue = self.queue.borrow();
        let (Some((since, before)), Some(caller)) = (self.held_up.get(), queue.front()) else {
            return;
        };
        if now < since + STALL {
            return;
        }
        let taken = caller.taken();
        if taken - before >= PROGRESS {
            self.held_up.set(Some((now, taken)));
        } else {
            self.held_up.set(None);
            caller.stall();
            cx.waker().wake_by_ref();
        }
    }

    /// When refused commands are to be sent again.
    fn plan_again(&self) -> Option<Instant> {
        if self.again.get().is_none() {
            if !self.queue.borrow().has_again() {
                return None;
            }
            let bound = self.upstream.command_timeout();
            self.again.set(self.queue.borrow().when_again(Instant::now(), bound));
        }
        self.again.get()
    }

    fn send_again(&self, now: Instant) {
        if self.again.get().is_some_and(|at| at <= now) {
            self.again.set(None);
            self.queue.borrow_mut().send_again(now, self.upstream.command_timeout());
            self.is_called.set(true);
        }
    }

    /// Counts the ticks of silence while replies are owed. A shared connection is asked: a PING makes a peer
    /// that is there answer, and TCP notice one that is not.
    fn is_dead(&self, now: Instant) -> bool {
        if now < self.next_tick.get() {
            return false;
        }
        self.next_tick.set(now + self.tick());
        let queue = &mut *self.queue.borrow_mut();
        let is_shared = queue.holder.is_none();
        if self.is_heard.replace(false) || self.held_up.get().is_some() {
            self.silence.set(0);
            self.quiet_since.set(now);
            return false;
        }
        if !queue.is_waiting() {
            self.silence.set(0);
            let keepalive = self.upstream.keepalive().filter(|_| is_shared && queue.owed() == 0);
            if keepalive.is_some_and(|idle| now >= self.quiet_since.get() + idle) {
                self.quiet_since.set(now);
                queue.push_probe();
                self.is_called.set(true);
            }
            return false;
        }
        let bound = self.upstream.probe_timeout();
        self.silence.set(self.silence.get() + 1);
        if is_shared && self.silence.get() == TICKS / 2 {
            queue.push_probe();
            self.is_called.set(true);
        }
        self.tick() * self.silence.get() >= bound
    }

    /// A connection that was made before the upstream was last seen to be no master any more is not trusted.
    fn follow_era(&self, era: u64) {
        if era != self.upstream.health.era() {
            self.queue.borrow_mut().is_demoted = true;
        }
    }

    /// The upstream is no longer the master: when all is answered, the connection is given up.
    pub(super) fn leave(&self, era: u64) -> Option<Loss> {
        self.follow_era(era);
        let queue = self.queue.borrow();
        let is_done = queue.is_leaving() && queue.outgoing.kept() == queue.outgoing.unwritten();
        is_done.then(|| Loss::new("demoted", "the upstream has become a replica"))
    }

    fn follow_breaker(&self, now: Instant) {
        let health = &self.upstream.health;
        health.check(now);
        if self.stage.get() == Stage::Up && health.wants_probe(now) {
            self.queue.borrow_mut().push_probe();
            self.is_called.set(true);
        }
    }

    /// As soon as the upstream is known to be lost, those that wait get what memory has for them.
    pub(super) fn answer_waiting(&self) {
        if !self.upstream.health.is_away() {
            return self.has_answered.set(false);
        }
        let queue = &mut *self.queue.borrow_mut();
        let is_shared = queue.holder.is_none();
        if is_shared && !self.has_answered.replace(true) {
            let db = queue.db();
            let count = queue.answer(&|frame, was_sent| self.recall(db, frame, was_sent));
            if count > 0 {
                queue.lose("", true);
            }
        }
    }

    /// What memory has for a command.
    fn recall(&self, db: u32, frame: &[u8], was_sent: bool) -> Option<Vec<u8>> {
        let request = Request::parse(frame)?;
        let spec = command::lookup(request.name())?;
        let setting = Setting { db, protocol: self.protocol.get(), at: Instant::now() };
        let mut out = Vec::new();
        let outage = &self.upstream.health.stand_in;
        outage.answer(spec, &request, &setting, was_sent, &mut out).then_some(out)
    }

    /// While the breaker rejects, nobody waits.
    pub(super) fn reject_waiting(&self) {
        let health = &self.upstream.health;
        let queue = &mut *self.queue.borrow_mut();
        if std::mem::take(&mut queue.is_answered) {
            health.probe_answered();
        }
        if !health.is_rejecting() {
            return self.has_rejected.set(false);
        }
        let is_shared = queue.holder.is_none();
        if is_shared && !self.has_rejected.replace(true) {
            let is_away = self.stage.get() == Stage::Away;
            let db = queue.db();
            queue.reject_all(|sent| health.rejection(sent || !is_away), &|frame, was_sent| {
                self.recall(db, frame, was_sent || !is_away)
            });
            if is_away {
                queue.lose("", true);
            }
        }
    }

    /// Whether the client whose reply comes next must read first.
    pub(super) fn is_held_up(&self, cx: &Context<'_>) -> bool {
        let queue = self.queue.borrow();
        let Some(caller) = queue.front().filter(|caller| caller.is_full(cx.waker())) else {
            self.held_up.set(None);
            return false;
        };
        if self.held_up.get().is_none() {
            self.held_up.set(Some((Instant::now(), caller.taken())));
        }
        true
    }
}
