//! How the client speaks: HELLO, SELECT, RESET, answered for the client's own connection. Who it is: `identity`.
//!
//! The upstream's password is never involved: a client knows the sidecar's, or none.

use super::context::Backend;
use super::dedicated::{hello_frame, number};
use super::state::State;
use super::{End, Session, Socket, error_reply};
use crate::command::Kind;
use crate::memory::Engine;
use crate::routing::target::Hold;
use crate::upstream::handshake::Greeting;
use crate::upstream::lane::Order;
use crate::wire::decode::Request;
use crate::wire::reply::Reply;
use crate::wire::{Protocol, encode};
use std::time::Duration;

impl<S: Socket> Session<S> {
    pub(super) async fn hello(&mut self, request: &Request<'_>) -> Result<(), End> {
        let wish = match Wish::read(request) {
            Ok(wish) => wish,
            Err(text) => {
                self.answer(|out| encode::error(out, text));
                return Ok(());
            }
        };
        if let Some((name, password)) = wish.auth
            && !self.log_in(Some(name), password).await?
        {
            return Ok(());
        }
        if !self.state.is_authenticated {
            self.answer(|out| encode::error(out, error_reply::HELLO_NOAUTH));
            return Ok(());
        }
        if let Some(name) = wish.name {
            if !is_name(name) {
                self.answer(|out| encode::error(out, error_reply::BAD_NAME));
                return Ok(());
            }
            self.entry.details().name = String::from_utf8_lossy(name).into_owned();
        }
        let greeting = match self.greeting().await? {
            Ok(greeting) => greeting,
            Err(text) => {
                self.answer(|out| encode::error(out, text));
                return Ok(());
            }
        };
        if let Some(protocol) = wish.protocol
            && protocol != self.state.protocol
        {
            self.speak(protocol).await?;
        }
        let (protocol, id) = (self.state.protocol, self.entry.id);
        self.answer(|out| write_greeting(out, protocol, id, &greeting));
        Ok(())
    }

    /// From here on the client speaks `protocol`: other lanes, and the connection it holds follows.
    async fn speak(&mut self, protocol: Protocol) -> Result<(), End> {
        self.settle().await?;
        if let Some(lane) = self.held.as_ref().map(|held| held.lane().clone()) {
            let frame = hello_frame(protocol);
            let reply = self.call(|own| lane.push(&frame, Order::default(), own)).await?;
            if reply.starts_with(b"-") {
                return Err(End::Closed);
            }
            lane.set_protocol(protocol);
        }
        self.state.protocol = protocol;
        self.lane = None;
        Ok(())
    }

    /// What the upstream says of itself; waits for it within the time of a command.
    async fn greeting(&mut self) -> Result<Result<Greeting, &'static str>, End> {
        let Some(upstream) = self.upstream() else {
            return Ok(Ok(Greeting {
                server: "redis".to_owned(),
                version: Engine::REDIS_VERSION.to_owned(),
                mode: "standalone".to_owned(),
                role: "master".to_owned(),
                modules: Reply::Array(Vec::new()),
                id: 0,
            }));
        };
        if upstream.health.greeting().is_none() && !upstream.health.is_up() {
            let mut changes = upstream.health.watch();
            let up = async {
                tokio::select! {
                    _ = changes.wait_for(|is_up| *is_up) => {}
                    () = upstream.health.rejected() => {}
                    () = tokio::time::sleep(upstream.command_timeout()) => {}
                }
            };
            self.meanwhile(up, false).await?;
        }
        Ok(match upstream.health.greeting() {
            Some(greeting) => Ok(greeting),
            // As that server itself would say: clients then do without HELLO.
            None if upstream.health.is_up() => Err("ERR unknown command 'HELLO'"),
            None => {
                if let Some(lane) = self.current_lane() {
                    lane.want();
                }
                Err(error_reply::NOT_GREETED)
            }
        })
    }

    pub(super) async fn select(&mut self, request: &Request<'_>) -> Result<(), End> {
        let most = match &self.context.backend {
            Backend::Memory(_) => Engine::DATABASES,
            Backend::Cloud(_) => i32::MAX as usize,
        };
        let db = match database(request, most) {
            Ok(db) => db,
            Err(text) => {
                self.answer(|out| encode::error(out, text));
                return Ok(());
            }
        };
        if let Some(upstream) = self.upstream() {
            let is_known = db == upstream.db() || upstream.health.has_database(db);
            if self.held.is_some() || !is_known {
                // The upstream answers, and says no in its own words.
                if !self.try_select(db).await? {
                    return Ok(());
                }
                upstream.health.database_exists(db);
                self.state.db = db;
                self.lane = None;
                return Ok(());
            }
            if db != self.state.db {
                // Another lane: what is on the way on this one comes first.
                self.settle().await?;
                self.lane = None;
            }
        }
        self.state.db = db;
        self.answer(|out| encode::simple(out, "OK"));
        Ok(())
    }

    pub(super) async fn reset(&mut self) -> Result<(), End> {
        let is_raw = self.held.as_ref().is_some_and(|held| held.hold == Hold::Raw);
        if !is_raw {
            self.settle().await?;
        }
        self.release_all();
        self.lane = None;
        self.state = State::new(self.context.first_db());
        self.begin();
        self.entry.details().name.clear();
        self.answer(|out| encode::simple(out, "RESET"));
        Ok(())
    }
}

/// What a HELLO asks for.
struct Wish<'a> {
    protocol: Option<Protocol>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> Wish<'a> {
    fn read(request: &Request<'a>) -> Result<Self, String> {
        let mut wish = Wish { protocol: None, auth: None, name: None };
        let Some(version) = request.arg(1) else { return Ok(wish) };
        wish.protocol = match number::<i64>(version) {
            Some(2) => Some(Protocol::Resp2),
            Some(3) => Some(Protocol::Resp3),
            Some(_) => return Err(error_reply::NOPROTO.to_owned()),
            None => return Err(error_reply::BAD_PROTO.to_owned()),
        };
        let mut at = 2;
        while let Some(word) = request.arg(at) {
            if word.eq_ignore_ascii_case(b"auth")
                && let (Some(username), Some(password)) = (request.arg(at + 1), request.arg(at + 2))
            {
                wish.auth = Some((username, password));
                at += 3;
            } else if word.eq_ignore_ascii_case(b"setname")
                && let Some(name) = request.arg(at + 1)
            {
                wish.name = Some(name);
                at += 2;
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(format!("ERR Syntax error in HELLO option '{word}'"));
            }
        }
        Ok(wish)
    }
}

/// The database that a SELECT asks for, of `most` that there may be.
pub(super) fn database(request: &Request<'_>, most: usize) -> Result<u32, &'static str> {
    let index = request.arg(1).and_then(number::<i64>).ok_or(error_reply::NOT_AN_INTEGER)?;
    let db = u32::try_from(index).ok().filter(|db| (*db as usize) < most);
    db.ok_or("ERR DB index is out of range")
}

/// The protocol that the client speaks after a HELLO.
pub(super) fn wished_protocol(kind: Kind, request: &Request<'_>) -> Option<Protocol> {
    Wish::read(request).ok().filter(|_| kind == Kind::Hello)?.protocol
}

fn write_greeting(out: &mut Vec<u8>, protocol: Protocol, id: u64, greeting: &Greeting) {
    let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
    let text = |out: &mut Vec<u8>, key: &str, value: &str| {
        encode::bulk(out, key.as_bytes());
        encode::bulk(out, value.as_bytes());
    };
    encode::map_header(out, protocol, 7);
    text(out, "server", &greeting.server);
    text(out, "version", &greeting.version);
    encode::bulk(out, b"proto");
    encode::integer(out, version);
    encode::bulk(out, b"id");
    encode::integer(out, i64::try_from(id).unwrap_or(i64::MAX));
    text(out, "mode", &greeting.mode);
    text(out, "role", &greeting.role);
    encode::bulk(out, b"modules");
    write_reply(out, protocol, &greeting.modules);
}

/// Encodes the kinds of values that a list of modules is made of.
fn write_reply(out: &mut Vec<u8>, protocol: Protocol, reply: &Reply) {
    match reply {
        Reply::Integer(value) => encode::integer(out, *value),
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => {
            encode::array_header(out, items.len());
            for item in items {
                write_reply(out, protocol, item);
            }
        }
        Reply::Map(pairs) => {
            encode::map_header(out, protocol, pairs.len());
            for (key, value) in pairs {
                write_reply(out, protocol, key);
                write_reply(out, protocol, value);
            }
        }
        other => encode::bulk(out, other.as_bytes().unwrap_or_default()),
    }
}

/// Whether a client may be called so: printable ASCII without blanks, as in Redis.
pub(super) fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// The longest wait that CLIENT PAUSE may ask for, so that a sum of times can't overflow.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
