//! What the commands of a lane do to the replies that are kept: told to the cache when each is added, when its
//! reply is here and nobody has seen it, and when it is given up.
//!
//! All ways by which a command goes up lead through [`Ledger::begin`], so that no write can be forgotten. Within a
//! transaction nothing happens before EXEC; then all that was queued does.

#[cfg(test)]
mod tests;

use crate::command::{self, Kind, Spec};
use crate::memory::replies::{Effect, ReplyCache, Sampling, Setting};
use crate::wire::decode::Request;
use crate::wire::scan::{Progress, Scanner};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Bytes and commands of a transaction that are remembered; a longer one may have written any key.
const LONGEST: usize = 256 * 1024;
const MOST: usize = 1000;

/// Buffers of replies that came in pieces are kept up to this size.
const SMALL: usize = 64 * 1024;

/// What one command does.
#[derive(Debug, Default)]
pub(super) enum Touch {
    /// Nothing that matters.
    #[default]
    None,
    /// This.
    Plain(Effect),
    /// EXEC: all of these, in order.
    Exec(Box<[(Vec<u8>, Effect)]>),
}

/// See the module.
pub(in super::super) struct Ledger {
    cache: Option<Arc<ReplyCache>>,
    /// This connection, to the cache.
    writer: u32,
    /// Commands of many callers: their reads are kept. A lent connection may be in any state.
    is_shared: bool,
    /// Which reads are looked at.
    sampling: Sampling,
    /// What was queued since MULTI.
    transaction: Option<Transaction>,
    /// The front reply, while it comes in pieces.
    gathered: Vec<u8>,
    is_gathering: bool,
}

#[derive(Default)]
struct Transaction {
    frames: Vec<(Vec<u8>, bool)>,
    bytes: usize,
    is_wide: bool,
}

impl Ledger {
    pub(in super::super) fn new(cache: Option<Arc<ReplyCache>>, is_shared: bool) -> Self {
        static WRITERS: AtomicU32 = AtomicU32::new(1);
        Self {
            cache,
            writer: WRITERS.fetch_add(1, Ordering::Relaxed),
            is_shared,
            sampling: Sampling::default(),
            transaction: None,
            gathered: Vec::new(),
            is_gathering: false,
        }
    }

    /// For the queue that comes after this one: same connection's place, nothing half heard or half said. Unless
    /// commands are on their way on the old connection, those of the next one are in order with all before.
    pub(super) fn take(&mut self, is_in_order: bool) -> Self {
        let fresh = Self::new(self.cache.take(), self.is_shared);
        if is_in_order { Self { writer: self.writer, ..fresh } } else { fresh }
    }

    /// A command is about to be added.
    #[inline]
    pub(super) fn begin(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        is_silent: bool,
    ) -> Touch {
        let Some(cache) = &self.cache else { return Touch::None };
        if !self.is_shared {
            return self.begin_lent(spec, request);
        }
        // What tells of a deadline is no such read: it is looked at, always.
        if spec.is_some_and(|spec| spec.is_readonly() && spec.is_repeatable)
            && !self.sampling.takes()
        {
            return Touch::None;
        }
        match cache.begin(spec, request, self.writer) {
            Effect::None => Touch::None,
            Effect::Read { .. } | Effect::Reads { .. } if is_silent => Touch::None,
            effect => Touch::Plain(effect),
        }
    }

    /// Commands that are about to be sent: their writes are counted.
    pub(super) fn seal<'t>(&self, added: impl Iterator<Item = &'t mut Touch>) {
        if let Some(cache) = &self.cache {
            let effects = added.filter_map(|touch| match touch {
                Touch::Plain(effect) => Some(effect),
                _ => None,
            });
            cache.count_due(effects, self.writer);
        }
    }

    /// The same for a command that nobody has looked at.
    pub(super) fn begin_frame(&mut self, frame: &[u8], is_silent: bool) -> Touch {
        let Some(cache) = &self.cache else { return Touch::None };
        match Request::parse(frame) {
            Some(request) => self.begin(command::lookup(request.name()), &request, is_silent),
            None => {
                cache.count_wide();
                Touch::Plain(Effect::Wide)
            }
        }
    }

    fn begin_lent(&mut self, spec: Option<&'static Spec>, request: &Request<'_>) -> Touch {
        let Some(cache) = &self.cache else { return Touch::None };
        match (spec.map(|spec| spec.kind), &mut self.transaction) {
            (Some(Kind::Multi), None) => {
                self.transaction = Some(Transaction::default());
                Touch::None
            }
            (Some(Kind::Exec), Some(_)) => self.begin_exec(),
            (Some(Kind::Discard), Some(_)) => {
                self.transaction = None;
                Touch::None
            }
            // Refused by the server, and not queued.
            (Some(Kind::Multi | Kind::Watch), Some(_)) => Touch::None,
            (_, Some(transaction)) => {
                let touch = only_write(cache.begin(spec, request, self.writer));
                transaction.add(!matches!(touch, Touch::None), request.bytes());
                touch
            }
            (_, None) => only_write(cache.begin(spec, request, self.writer)),
        }
    }

    fn begin_exec(&mut self) -> Touch {
        let (Some(cache), Some(transaction)) = (&self.cache, self.transaction.take()) else {
            return Touch::None;
        };
        if transaction.is_wide {
            cache.count_wide();
            return Touch::Plain(Effect::Wide);
        }
        let begin = |(frame, writes): (Vec<u8>, bool)| {
            let effect = match Request::parse(&frame) {
                Some(request) if writes => {
                    cache.begin(command::lookup(request.name()), &request, self.writer)
                }
                _ => Effect::None,
            };
            (frame, effect)
        };
        let mut steps: Box<[_]> = transaction.frames.into_iter().map(begin).collect();
        cache.count_due(steps.iter_mut().map(|(_, effect)| effect), self.writer);
        Touch::Exec(steps)
    }

    /// The time, once a batch.
    #[inline]
    pub(super) fn tick(&mut self, now: Instant) {
        if self.cache.is_some() {
            self.sampling.tick(now);
        }
    }

    /// Raw bytes go up, of which nothing is known.
    pub(super) fn raw(&self) {
        if let Some(cache) = &self.cache {
            cache.count_wide();
        }
    }

    /// A piece of the front reply, more to come.
    pub(super) fn gather(&mut self, touch: &Touch, piece: &[u8]) {
        let Some(cache) = self.cache.as_ref().filter(|_| !matches!(touch, Touch::None)) else {
            return;
        };
        self.is_gathering = true;
        // One byte more tells that it is too long.
        let room = (cache.entry_size() + 1).saturating_sub(self.gathered.len());
        self.gathered.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// The front command has its reply, of which `end` is the end.
    #[inline]
    pub(super) fn end(
        &mut self,
        touch: &Touch,
        frame: &[u8],
        end: &[u8],
        setting: impl Fn() -> Setting,
    ) {
        let Some(cache) = &self.cache else { return };
        if !self.is_gathering {
            return close(cache, self.writer, touch, frame, end, &setting);
        }
        let mut reply = std::mem::take(&mut self.gathered);
        self.is_gathering = false;
        let room = (cache.entry_size() + 1).saturating_sub(reply.len());
        reply.extend_from_slice(&end[..end.len().min(room)]);
        close(cache, self.writer, touch, frame, &reply, &setting);
        if reply.capacity() <= SMALL {
            reply.clear();
            self.gathered = reply;
        }
    }

    /// The command gets no reply, or nobody waits for it any more.
    pub(super) fn lose(&self, touch: &Touch, frame: &[u8]) {
        let Some(cache) = &self.cache else { return };
        match touch {
            Touch::None => {}
            Touch::Plain(effect) => cache.lose(*effect, frame, self.writer),
            Touch::Exec(steps) => {
                steps.iter().for_each(|(frame, effect)| cache.lose(*effect, frame, self.writer));
            }
        }
    }
}

fn only_write(effect: Effect) -> Touch {
    match effect {
        Effect::None | Effect::Read { .. } | Effect::Reads { .. } | Effect::Asks { .. } => {
            Touch::None
        }
        effect => Touch::Plain(effect),
    }
}

fn close(
    cache: &ReplyCache,
    writer: u32,
    touch: &Touch,
    frame: &[u8],
    reply: &[u8],
    setting: &impl Fn() -> Setting,
) {
    match touch {
        Touch::None => {}
        // Not run yet; counted all the same.
        Touch::Plain(effect) if reply.starts_with(b"+QUEUED") => {
            cache.lose(*effect, frame, writer);
        }
        Touch::Plain(effect) => cache.end(*effect, frame, reply, writer, setting),
        Touch::Exec(steps) => {
            let mut rest = elements(reply);
            for (frame, effect) in steps {
                match next(&mut rest) {
                    Some(own) => cache.end(*effect, frame, own, writer, setting),
                    None => cache.lose(*effect, frame, writer),
                }
            }
        }
    }
}

/// What is behind the head of an array.
fn elements(reply: &[u8]) -> &[u8] {
    match memchr::memchr(b'\n', reply) {
        Some(end) if reply.starts_with(b"*") && !reply.starts_with(b"*-1") => &reply[end + 1..],
        _ => &[],
    }
}

/// The next whole reply of several.
fn next<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    if rest.is_empty() {
        return None;
    }
    let Ok(Progress::Complete { used }) = Scanner::new().feed(rest) else {
        *rest = &[];
        return None;
    };
    let (own, behind) = rest.split_at(used);
    *rest = behind;
    Some(own)
}

impl Transaction {
    fn add(&mut self, writes: bool, frame: &[u8]) {
        self.bytes += frame.len();
        if self.bytes > LONGEST || self.frames.len() >= MOST {
            self.is_wide = true;
            self.frames = Vec::new();
        } else if !self.is_wide {
            let kept = if writes { frame.to_vec() } else { Vec::new() };
            self.frames.push((kept, writes));
        }
    }
}
