//! The greeting on a new connection: HELLO with AUTH and SETNAME in one, or AUTH and CLIENT SETNAME where a
//! server knows no HELLO; then CLIENT SETINFO, and SELECT of the first database.
//!
//! A connection leaves here authenticated, in a known protocol and on a known database, or not at all.

use super::credentials::Identity;
use super::error::{ConnectError, TlsFault};
use super::exchange::{self, ExchangeError};
use super::transport::Transport;
use crate::wire::reply::Reply;
use crate::wire::{Protocol, encode};

/// The name by which an operator finds us in CLIENT LIST.
const NAME: &[u8] = b"redis-sidecar";

/// No reply of a greeting is near this size; more is not a Redis.
const MAX_REPLY: usize = 256 * 1024;

/// What the server said of itself in its reply to HELLO.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// `redis`, `valkey`, ...
    pub server: String,
    /// Such as `7.0.15`.
    pub version: String,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: String,
    /// `master` or `replica`.
    pub role: String,
    /// What modules it has loaded, as it says it.
    pub modules: Reply,
    /// Our client id on that connection.
    pub id: i64,
}

impl Greeting {
    /// Whether it takes writes, as far as it says.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.role == "master"
    }
}

/// What came of a greeting.
#[derive(Debug)]
pub struct Greeted {
    /// What the server said; `None` where it knows no HELLO.
    pub greeting: Option<Greeting>,
    /// Why the database is not selected: a script keeps the server, which lets us in, and no further.
    pub refusal: Option<String>,
}

/// Greets the server.
///
/// # Errors
/// [`ConnectError::Auth`] when it does not accept `identity`, [`ConnectError::Protocol`] when what answers
/// is no Redis or cannot serve us, [`ConnectError::Refused`] when it closes.
pub(super) async fn greet(
    transport: &mut Transport,
    address: &str,
    protocol: Protocol,
    identity: Option<&Identity>,
    db: u32,
) -> Result<Greeted, ConnectError> {
    let mut talk = Talk { transport, address, protocol };
    let greeting = talk.hello(identity).await?;
    if greeting.is_none() {
        if protocol == Protocol::Resp3 {
            return Err(talk.odd("it knows no HELLO, so no RESP3"));
        }
        talk.auth(identity).await?;
    }
    let refusal = talk.introduce(greeting.is_none(), db).await?;
    Ok(Greeted { greeting, refusal })
}

struct Talk<'a> {
    transport: &'a mut Transport,
    address: &'a str,
    protocol: Protocol,
}

impl Talk<'_> {
    async fn hello(
        &mut self,
        identity: Option<&Identity>,
    ) -> Result<Option<Greeting>, ConnectError> {
        let version: &[u8] = if self.protocol == Protocol::Resp3 { b"3" } else { b"2" };
        let mut words: Vec<&[u8]> = vec![b"HELLO", version];
        if let Some(who) = identity {
            words.extend([b"AUTH", who.username.as_bytes(), who.password.expose().as_bytes()]);
        }
        words.extend([b"SETNAME".as_slice(), NAME]);
        match self.call(&words).await? {
            Reply::Error(text) if is_unknown_command(&text) => Ok(None),
            Reply::Error(text) => Err(self.refusal(&text)),
            reply => self.greeting(&reply).map(Some),
        }
    }

    fn greeting(&self, reply: &Reply) -> Result<Greeting, ConnectError> {
        let text = |key| reply.field(key).and_then(Reply::as_str).map(str::to_owned);
        let (Some(server), Some(version)) = (text("server"), text("version")) else {
            return Err(self.odd("its reply to HELLO names no server and version"));
        };
        let id = match reply.field("id") {
            Some(Reply::Integer(id)) => *id,
            _ => 0,
        };
        let mode = text("mode").unwrap_or_else(|| "standalone".to_owned());
        let role = text("role").unwrap_or_else(|| "master".to_owned());
        let modules = reply.field("modules").cloned().unwrap_or(Reply::Array(Vec::new()));
        Ok(Greeting { server, version, mode, role, modules, id })
    }

    /// The way of servers before Redis 6; they know one password and no user.
    async fn auth(&mut self, identity: Option<&Identity>) -> Result<(), ConnectError> {
        let Some(who) = identity else { return Ok(()) };
        let password = who.password.expose().as_bytes();
        let reply = if who.username == "default" {
            self.call(&[b"AUTH", password]).await?
        } else {
            self.call(&[b"AUTH", who.username.as_bytes(), password]).await?
        };
        match reply {
            Reply::Error(text) => Err(self.refusal(&text)),
            _ => Ok(()),
        }
    }

    /// Says who we are, as far as the server wants to know it, and selects the database. Why it is not selected.
    async fn introduce(
        &mut self,
        needs_name: bool,
        db: u32,
    ) -> Result<Option<String>, ConnectError> {
        let version = env!("CARGO_PKG_VERSION").as_bytes();
        let number = db.to_string();
        let mut optional: Vec<Vec<&[u8]>> = vec![
            vec![b"CLIENT", b"SETINFO", b"LIB-NAME", NAME],
            vec![b"CLIENT", b"SETINFO", b"LIB-VER", version],
        ];
        if needs_name {
            optional.push(vec![b"CLIENT", b"SETNAME", NAME]);
        }
        let mut bytes = Vec::new();
        for words in &optional {
            encode::command(&mut bytes, words);
        }
        encode::command(&mut bytes, &[b"SELECT", number.as_bytes()]);
        // It shows that commands are answered, before a client's is sent.
        encode::command(&mut bytes, &[b"PING"]);
        self.send(&bytes).await?;
        for _ in &optional {
            // Redis before 7.2 has no SETINFO: its error costs nothing.
            self.read().await?;
        }
        let selected = self.read().await?;
        if let Reply::Error(text) = self.read().await?
            && text.starts_with("LOADING")
        {
            return Err(self.refusal(&text));
        }
        match selected {
            Reply::Error(text) if db != 0 && is_busy(&text) => Ok(Some(text.to_string())),
            // Redis Cluster has database 0 alone, and some clouds forbid SELECT altogether.
            Reply::Error(text) if db != 0 || text.starts_with("NOAUTH") => Err(self.refusal(&text)),
            _ => Ok(None),
        }
    }

    async fn call(&mut self, words: &[&[u8]]) -> Result<Reply, ConnectError> {
        let mut bytes = Vec::new();
        encode::command(&mut bytes, words);
        self.send(&bytes).await?;
        self.read().await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), ConnectError> {
        exchange::send(self.transport, bytes).await.map_err(|error| self.lost(&error))
    }

    async fn read(&mut self) -> Result<Reply, ConnectError> {
        let read = exchange::read_reply(self.transport, self.protocol, MAX_REPLY).await;
        read.map_err(|error| match error {
            ExchangeError::Lost(error) => self.lost(&error),
            ExchangeError::Odd { reason, .. } => self.odd(&reason),
        })
    }

    /// An error reply to a greeting. Only its code is kept of an authentication error: Redis's texts name
    /// no secret, but a proxy in between might.
    fn refusal(&self, text: &str) -> ConnectError {
        let address = self.address.to_owned();
        if is_auth(text) {
            let code = text.split(' ').next().unwrap_or_default().to_owned();
            return ConnectError::Auth { address, code };
        }
        if text.starts_with("ERR AUTH") || text.contains("invalid password") {
            return ConnectError::Auth { address, code: text.chars().take(80).collect() };
        }
        ConnectError::Refused { address, reason: text.chars().take(200).collect() }
    }

    fn lost(&self, error: &std::io::Error) -> ConnectError {
        if error.kind() == std::io::ErrorKind::InvalidData {
            return ConnectError::Tls {
                address: self.address.to_owned(),
                fault: TlsFault::of(error),
                reason: error.to_string(),
            };
        }
        ConnectError::Refused {
            address: self.address.to_owned(),
            reason: format!("the connection ended during the greeting: {error}"),
        }
    }

    fn odd(&self, reason: &str) -> ConnectError {
        ConnectError::Protocol { address: self.address.to_owned(), reason: reason.to_owned() }
    }
}

fn is_unknown_command(text: &str) -> bool {
    text.starts_with("ERR unknown command")
}

/// Whether an error says that a script keeps the server, which answers nearly every command so.
pub(super) fn is_busy(text: &str) -> bool {
    text.starts_with("BUSY ")
}

fn is_auth(text: &str) -> bool {
    ["NOAUTH", "WRONGPASS", "NOPERM"].iter().any(|code| text.starts_with(code))
}
