//! CLIENT: the client's own connection, and the other clients of this sidecar. They are not the upstream's
//! clients: those are our few connections.

use super::clients::{Entry, Pause};
use super::context::Backend;
use super::dedicated::number;
use super::greeting::{LONGEST_PAUSE, is_name};
use super::state::ReplyMode;
use super::{End, Session, Socket, error_reply};
use crate::command;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl<S: Socket> Session<S> {
    pub(super) async fn client(&mut self, request: &Request<'_>) -> Result<(), End> {
        let word = request.arg(1).unwrap_or_default();
        let spec = command::lookup(b"client").and_then(|client| client.subcommand(word));
        let Some(spec) = spec else {
            self.answer(|out| error_reply::unknown_subcommand(out, "CLIENT", word));
            return Ok(());
        };
        if !spec.fits(request.argc()) {
            self.answer(|out| error_reply::wrong_arity(out, spec));
            return Ok(());
        }
        let args: Vec<&[u8]> = request.args().skip(2).collect();
        match spec.name {
            "client|reply" => self.reply_mode(&args),
            "client|kill" => self.kill(&args)?,
            "client|pause" => self.pause(request, &args).await?,
            "client|unpause" => {
                // The upstream first: a write that it still holds back would hold up its lane.
                if self.upstream().is_some() {
                    self.ask(&[b"CLIENT", b"UNPAUSE"]).await?;
                } else {
                    self.answer(|out| encode::simple(out, "OK"));
                }
                self.context.clients.pause(None);
            }
            "client|unblock" => self.unblock(&args).await?,
            "client|tracking" => self.tracking(&args).await?,
            "client|caching" => self.caching(&args).await?,
            "client|no-touch" => self.no_touch(&args).await?,
            name => self.own_connection(name, &args).await?,
        }
        Ok(())
    }

    /// Subcommands that only look at, or name, the client's own connection.
    async fn own_connection(&mut self, name: &str, args: &[&[u8]]) -> Result<(), End> {
        let protocol = self.state.protocol;
        match name {
            "client|id" => {
                let id = i64::try_from(self.entry.id).unwrap_or(i64::MAX);
                self.answer(|out| encode::integer(out, id));
            }
            "client|setname" => self.set_name(args[0]),
            "client|getname" => {
                let name = self.entry.details().name.clone();
                self.answer(|out| match name.as_str() {
                    "" => encode::null(out, protocol),
                    name => encode::bulk(out, name.as_bytes()),
                });
            }
            "client|setinfo" => self.set_info(args[0], args[1]),
            "client|info" => {
                self.note();
                let line = self.entry.line();
                self.answer(|out| encode::verbatim(out, protocol, line.as_bytes()));
            }
            "client|list" => self.list(args),
            "client|no-evict" => self.no_evict(args[0]),
            "client|getredir" => self.redirection(),
            "client|trackinginfo" => self.tracking_info(),
            _ => {
                // HELP, and what a newer Redis may add.
                let mut words = vec![b"CLIENT".as_slice()];
                let word = name.trim_start_matches("client|").to_uppercase();
                words.push(word.as_bytes());
                words.extend(args);
                self.ask(&words).await?;
            }
        }
        Ok(())
    }

    fn set_name(&mut self, name: &[u8]) {
        if !is_name(name) {
            return self.answer(|out| encode::error(out, error_reply::BAD_NAME));
        }
        self.entry.details().name = String::from_utf8_lossy(name).into_owned();
        self.answer(|out| encode::simple(out, "OK"));
    }

    fn set_info(&mut self, option: &[u8], value: &[u8]) {
        if !is_name(value) {
            let text = format!(
                "ERR {} cannot contain spaces, newlines or special characters.",
                String::from_utf8_lossy(option).to_lowercase()
            );
            return self.answer(|out| encode::error(out, text));
        }
        let value = String::from_utf8_lossy(value).into_owned();
        if option.eq_ignore_ascii_case(b"lib-name") {
            self.entry.details().lib_name = value;
        } else if option.eq_ignore_ascii_case(b"lib-ver") {
            self.entry.details().lib_version = value;
        } else {
            let option = String::from_utf8_lossy(option);
            let text = format!("ERR Unrecognized option '{option}'");
            return self.answer(|out| encode::error(out, text));
        }
        self.answer(|out| encode::simple(out, "OK"));
    }

    /// The upstream's eviction of clients can't touch a client of ours: there is nothing to do.
    fn no_evict(&mut self, word: &[u8]) {
        let is_known = word.eq_ignore_ascii_case(b"on") || word.eq_ignore_ascii_case(b"off");
        self.answer(|out| {
            if is_known {
                encode::simple(out, "OK")
            } else {
                encode::error(out, error_reply::SYNTAX)
            }
        });
    }

    fn reply_mode(&mut self, args: &[&[u8]]) {
        let word = args[0];
        if word.eq_ignore_ascii_case(b"on") {
            self.state.reply = ReplyMode::On;
            self.answer(|out| encode::simple(out, "OK"));
        } else if word.eq_ignore_ascii_case(b"off") {
            self.state.reply = ReplyMode::Off;
        } else if word.eq_ignore_ascii_case(b"skip") {
            if self.state.reply != ReplyMode::Off {
                self.state.reply = ReplyMode::SkipNext;
            }
        } else {
            self.answer(|out| encode::error(out, error_reply::SYNTAX));
        }
    }

    /// The clients that this one may know of and end: those of its user.
    fn fellows(&self) -> Vec<Arc<Entry>> {
        let user = Arc::clone(&self.entry.details().user);
        let mut fellows = self.context.clients.list();
        fellows.retain(|entry| entry.is_of(&user));
        fellows
    }

    /// The one with this id, if it is of the same user.
    pub(super) fn fellow(&self, id: u64) -> Option<Arc<Entry>> {
        let user = Arc::clone(&self.entry.details().user);
        self.context.clients.find(id).filter(|entry| entry.is_of(&user))
    }

    fn list(&mut self, args: &[&[u8]]) {
        self.note();
        let filter = match Filter::for_list(args) {
            Ok(filter) => filter,
            Err(text) => return self.answer(|out| encode::error(out, text)),
        };
        let clients = self.fellows();
        let lines: String =
            clients.iter().filter(|entry| filter.fits(entry)).map(|entry| entry.line()).collect();
        let protocol = self.state.protocol;
        self.answer(|out| encode::verbatim(out, protocol, lines.as_bytes()));
    }

    fn kill(&mut self, args: &[&[u8]]) -> Result<(), End> {
        let is_old_form = args.len() == 1;
        let filter = if is_old_form {
            let address = Some(String::from_utf8_lossy(args[0]).into_owned());
            Ok(Filter { address, ..Filter::default() })
        } else {
            let user = Arc::clone(&self.entry.details().user);
            Filter::for_kill(args, &user)
        };
        let filter = match filter {
            Ok(filter) => filter,
            Err(text) => {
                self.answer(|out| encode::error(out, text));
                return Ok(());
            }
        };
        let clients = self.fellows();
        let is_self = |entry: &Arc<Entry>| entry.id == self.entry.id;
        let fits = |entry: &&Arc<Entry>| {
            filter.fits(entry) && (is_old_form || !filter.skip_me || !is_self(entry))
        };
        let found: Vec<_> = clients.iter().filter(fits).collect();
        for entry in found.iter().filter(|entry| !is_self(entry)) {
            entry.kill();
        }
        let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let kills_self = found.iter().any(|entry| is_self(entry));
        self.answer(|out| match (is_old_form, count) {
            (true, 0) => encode::error(out, "ERR No such client"),
            (true, _) => encode::simple(out, "OK"),
            (false, count) => encode::integer(out, count),
        });
        if kills_self { Err(End::Finished) } else { Ok(()) }
    }

    /// Holds our own clients back, and tells the upstream, so that its other clients pause as well.
    async fn pause(&mut self, request: &Request<'_>, args: &[&[u8]]) -> Result<(), End> {
        let writes_only = match args.get(1) {
            None => false,
            Some(word) if word.eq_ignore_ascii_case(b"all") => false,
            Some(word) if word.eq_ignore_ascii_case(b"write") => true,
            Some(_) => {
                let text = "ERR CLIENT PAUSE mode must be WRITE or ALL";
                self.answer(|out| encode::error(out, text));
                return Ok(());
            }
        };
        let text = match number::<i64>(args[0]) {
            None => Some("ERR timeout is not an integer or out of range"),
            Some(time) if time < 0 => Some("ERR timeout is negative"),
            Some(_) => None,
        };
        if let Some(text) = text {
            self.answer(|out| encode::error(out, text));
            return Ok(());
        }
        // Ours first: a write that only the upstream holds back would hold up its lane.
        let time = Duration::from_millis(number(args[0]).unwrap_or(0)).min(LONGEST_PAUSE);
        self.context.clients.pause(Some(Pause { until: Instant::now() + time, writes_only }));
        if self.upstream().is_none() {
            self.answer(|out| encode::simple(out, "OK"));
            return Ok(());
        }
        let words: Vec<&[u8]> = request.args().collect();
        self.ask(&words).await?;
        if self.replies.last()[0] != b'+' {
            self.context.clients.pause(None);
        }
        Ok(())
    }

    /// The client is ours; what it blocks on is a connection of the upstream.
    async fn unblock(&mut self, args: &[&[u8]]) -> Result<(), End> {
        let Some(id) = number::<i64>(args[0]) else {
            self.answer(|out| encode::error(out, error_reply::NOT_AN_INTEGER));
            return Ok(());
        };
        let word = args.get(1).copied().unwrap_or(b"TIMEOUT");
        if !word.eq_ignore_ascii_case(b"timeout") && !word.eq_ignore_ascii_case(b"error") {
            let text = "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
            self.answer(|out| encode::error(out, text));
            return Ok(());
        }
        let entry = u64::try_from(id).ok().and_then(|id| self.fellow(id));
        if let Backend::Memory(embedded) = &self.context.backend {
            let with_error = word.eq_ignore_ascii_case(b"error");
            let is_done = entry.is_some_and(|it| embedded.engine.unblock(it.id, with_error));
            self.answer(|out| encode::integer(out, i64::from(is_done)));
            return Ok(());
        }
        let upstream_id = entry.map_or(0, |entry| entry.blocked_as.load(Ordering::Relaxed));
        if upstream_id == 0 {
            self.answer(|out| encode::integer(out, 0));
            return Ok(());
        }
        let number = upstream_id.to_string();
        self.ask(&[b"CLIENT", b"UNBLOCK", number.as_bytes(), word]).await
    }
}

/// The filters of CLIENT KILL and CLIENT LIST.
struct Filter {
    ids: Vec<u64>,
    address: Option<String>,
    local_address: Option<String>,
    kind: Option<String>,
    max_age: Option<u64>,
    skip_me: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            address: None,
            local_address: None,
            kind: None,
            max_age: None,
            skip_me: true,
        }
    }
}

impl Filter {
    fn for_list(args: &[&[u8]]) -> Result<Self, String> {
        let mut filter = Self::default();
        match args {
            [] => {}
            [word, kind] if word.eq_ignore_ascii_case(b"type") => filter.kind = Some(known(kind)?),
            [word, ids @ ..] if word.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
                for id in ids {
                    let id = number::<u64>(id).filter(|id| *id > 0);
                    filter.ids.push(id.ok_or("ERR Invalid client ID")?);
                }
            }
            _ => return Err(error_reply::SYNTAX.to_owned()),
        }
        Ok(filter)
    }

    /// Of `user`: of others nothing is told, not even whether there are any.
    fn for_kill(args: &[&[u8]], user: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        if !args.len().is_multiple_of(2) {
            return Err(error_reply::SYNTAX.to_owned());
        }
        for pair in args.chunks_exact(2) {
            let value = String::from_utf8_lossy(pair[1]).into_owned();
            match pair[0].to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = number::<u64>(pair[1]).filter(|id| *id > 0);
                    filter.ids.push(id.ok_or("ERR client-id should be greater than 0")?);
                }
                b"addr" => filter.address = Some(value),
                b"laddr" => filter.local_address = Some(value),
                b"type" => filter.kind = Some(known(pair[1])?),
                b"user" if value == user => {}
                b"user" => return Err(format!("ERR No such user '{value}'")),
                b"maxage" => {
                    let age = number::<i64>(pair[1]);
                    let age = age.ok_or("ERR maxage is not an integer or out of range")?;
                    let age = u64::try_from(age).ok().filter(|age| *age > 0);
                    filter.max_age = Some(age.ok_or("ERR maxage should be greater than 0")?);
                }
                b"skipme" if value.eq_ignore_ascii_case("yes") => filter.skip_me = true,
                b"skipme" if value.eq_ignore_ascii_case("no") => filter.skip_me = false,
                _ => return Err(error_reply::SYNTAX.to_owned()),
            }
        }
        Ok(filter)
    }

    fn fits(&self, entry: &Entry) -> bool {
        (self.ids.is_empty() || self.ids.contains(&entry.id))
            && self.address.as_ref().is_none_or(|address| *address == entry.address)
            && self.local_address.as_ref().is_none_or(|address| **address == *entry.local_address)
            && self.kind.as_ref().is_none_or(|kind| entry.is_of_type(kind))
            && self.max_age.is_none_or(|age| entry.age() >= age)
    }
}

/// The name of a TYPE, if it is one.
fn known(word: &[u8]) -> Result<String, String> {
    let name = String::from_utf8_lossy(word).to_lowercase();
    match name.as_str() {
        "slave" => Ok("replica".to_owned()),
        "normal" | "master" | "replica" | "pubsub" => Ok(name),
        _ => Err(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word))),
    }
}
