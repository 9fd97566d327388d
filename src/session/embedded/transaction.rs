//! MULTI, EXEC, DISCARD, WATCH, UNWATCH without an upstream: commands wait in the session, and run together.
//!
//! EXEC holds the engine from its first command to its last. What the session itself answers (CLIENT, HELLO,
//! SUBSCRIBE) touches no data: it comes after, and its answers are put in their places.

use super::super::context::{Embedded, wall_clock};
use super::super::govern::behind::run_behind;
use super::super::greeting::{database, wished_protocol};
use super::super::{End, Session, Socket, error_reply};
use super::channels;
use crate::command::{self, Flags, Group, Kind, Spec};
use crate::memory::{Engine, Turn, Watches};
use crate::policy::Shape;
use crate::policy::namespace::Namespace;
use crate::routing::target::is_whoami;
use crate::wire::decode::Request;
use crate::wire::{Protocol, encode};
use std::sync::Arc;

/// What one transaction may hold, in bytes of requests.
const MOST: usize = 64 << 20;

impl<S: Socket> Session<S> {
    /// MULTI and its kin, and all that comes between MULTI and EXEC.
    pub(super) async fn transact(
        &mut self,
        embedded: &Embedded,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        let in_multi = self.state.in_multi;
        // With wrong arguments EXEC ends what there is to end, as Redis has it.
        let is_wrong = spec.is_some_and(|spec| !spec.fits(request.argc()));
        if kind == Kind::Exec && (in_multi || is_wrong) {
            return self.exec(embedded, spec, request).await;
        }
        if self.is_refused(embedded, spec, request) {
            self.state.is_multi_refused |= in_multi;
            return Ok(());
        }
        let outcome = match kind {
            Kind::Exec => Err("ERR EXEC without MULTI"),
            Kind::Multi if in_multi => Err("ERR MULTI calls can not be nested"),
            Kind::Watch if in_multi => Err("ERR WATCH inside MULTI is not allowed"),
            Kind::Discard if !in_multi => Err("ERR DISCARD without MULTI"),
            Kind::Multi => {
                self.state.begin_multi();
                Ok("OK")
            }
            Kind::Watch => self.watch_keys(embedded, request),
            Kind::Discard => {
                self.state.end_multi();
                self.watches = None;
                Ok("OK")
            }
            Kind::Unwatch if !in_multi => {
                self.watches = None;
                Ok("OK")
            }
            _ if self.state.queue(request.bytes(), MOST) => Ok("QUEUED"),
            _ => Err(error_reply::MULTI_TOO_LARGE),
        };
        self.answer(|out| match outcome {
            Ok(word) => encode::simple(out, word),
            Err(text) => encode::error(out, text),
        });
        Ok(())
    }

    fn watch_keys(
        &mut self,
        embedded: &Embedded,
        request: &Request<'_>,
    ) -> Result<&'static str, &'static str> {
        let db = self.state.db as usize;
        let watches = self.watches.get_or_insert_with(|| Box::new(Watches::new(&embedded.engine)));
        if watches.add(db, request.args().skip(1), wall_clock()) {
            Ok("OK")
        } else {
            Err(error_reply::TOO_MANY_WATCHED)
        }
    }

    async fn exec(
        &mut self,
        embedded: &Embedded,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let watches = self.watches.take();
        let is_refused = self.state.is_multi_refused || self.state.is_watch_lost;
        let (queue, behind) = (self.state.take_queue(), self.state.take_queue_behind());
        self.state.end_multi();
        let namespace = self.namespace().cloned();
        let mut run = Run::new(embedded, self.state.db, self.state.protocol, namespace);
        let mut turn = embedded.engine.turn(wall_clock());
        if spec.is_some_and(|spec| !spec.fits(request.argc())) {
            encode::error(&mut run.out, error_reply::EXEC_ARITY);
        } else if needs_room(&queue, &turn) {
            encode::error(&mut run.out, error_reply::EXEC_OUT_OF_MEMORY);
        } else if is_refused {
            encode::error(&mut run.out, error_reply::MULTI_REFUSED);
        } else if watches.as_ref().is_some_and(|watches| turn.has_changed(watches)) {
            encode::null_array(&mut run.out, self.state.protocol);
        } else {
            run.all(&queue, &behind, &mut turn);
        }
        drop(turn);
        self.state.db = run.db;
        let mut reply = Vec::new();
        let mut from = 0;
        self.state.apart = Some(Vec::new());
        for (place, frame) in &run.here {
            reply.extend_from_slice(&run.out[from..*place]);
            reply.extend_from_slice(&self.answer_here(frame).await?);
            from = *place;
        }
        reply.extend_from_slice(&run.out[from..]);
        self.answer(|out| out.extend_from_slice(&reply));
        self.hand_on_apart();
        Ok(())
    }
}

/// A transaction under way.
struct Run<'a> {
    embedded: &'a Embedded,
    db: u32,
    protocol: Protocol,
    out: Vec<u8>,
    namespace: Option<Arc<Namespace>>,
    /// Commands that the session answers, and where in `out` their answers belong.
    here: Vec<(usize, Vec<u8>)>,
}

impl<'a> Run<'a> {
    fn new(
        embedded: &'a Embedded,
        db: u32,
        protocol: Protocol,
        namespace: Option<Arc<Namespace>>,
    ) -> Self {
        Self { embedded, db, protocol, out: Vec::new(), namespace, here: Vec::new() }
    }

    fn all(&mut self, queue: &[Vec<u8>], behind: &[(usize, Vec<u8>)], turn: &mut Turn<'_>) {
        encode::array_header(&mut self.out, queue.len());
        let mut behind = behind.iter().peekable();
        let requests = queue.iter().filter_map(|frame| Request::parse(frame));
        for (place, request) in requests.enumerate() {
            let before = self.out.len();
            self.one(&request, turn);
            self.strip(&request, before);
            while let Some((_, frames)) = behind.next_if(|(wanted, _)| *wanted == place) {
                run_behind(frames, turn, self.db, self.protocol);
            }
        }
    }

    /// The keys in the last answer, which begins at `before`, are the client's own.
    fn strip(&mut self, request: &Request<'_>, before: usize) {
        let shape = command::resolve(request).map_or(Shape::None, Shape::of);
        if let Some(namespace) = self.namespace.as_ref().filter(|_| shape != Shape::None) {
            let answer = self.out.split_off(before);
            namespace.strip(shape, &answer, &mut self.out);
        }
    }

    fn one(&mut self, request: &Request<'_>, turn: &mut Turn<'_>) {
        let spec = command::lookup(request.name());
        let is_of_channels = spec.is_some_and(|spec| spec.group == Group::PubSub);
        match spec.map_or(Kind::Ordinary, |spec| spec.kind) {
            Kind::Select => match database(request, Engine::DATABASES) {
                Ok(db) => {
                    self.db = db;
                    encode::simple(&mut self.out, "OK");
                }
                Err(text) => encode::error(&mut self.out, text),
            },
            // EXEC has let go of all.
            Kind::Unwatch => encode::simple(&mut self.out, "OK"),
            Kind::Ordinary if is_of_channels => {
                channels::answer(&self.embedded.hub, request, &mut self.out);
            }
            kind if is_of_channels
                || matches!(kind, Kind::Auth | Kind::Hello | Kind::Client)
                || kind == Kind::Acl && is_whoami(request) =>
            {
                self.protocol = wished_protocol(kind, request).unwrap_or(self.protocol);
                self.here.push((self.out.len(), request.bytes().to_vec()));
            }
            _ => turn.execute(request, spec, self.db as usize, self.protocol, &mut self.out),
        }
    }
}

/// Whether the transaction would store what there is no memory for.
fn needs_room(queue: &[Vec<u8>], turn: &Turn<'_>) -> bool {
    turn.is_full(queue.iter().map(Vec::len).sum())
        && queue.iter().filter_map(|frame| Request::parse(frame)).any(|request| {
            command::resolve(&request).is_some_and(|spec| spec.flags.contains(Flags::DENYOOM))
        })
}
