//! The way to the server, step by step: name, socket, TLS, greeting; or the short way to a sidecar beside us.
//!
//! The first step that fails is named by what is behind the port, and the steps after it are skipped.

use super::identify::{self, Neighbour, describe};
use super::report::Verdict;
use super::{Circumstances, Trial};
use crate::cli::calendar::timestamp;
use crate::cli::http;
use crate::cli::link::Link;
use crate::config::{Target, Verify};
use crate::upstream::error::{ConnectError, TlsFault};
use crate::upstream::handshake::Greeting;
use crate::upstream::transport::{TlsFacts, Transport};
use crate::wire::Protocol;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpStream;

pub(super) const GROUP: &str = "Connection";

/// The name of the step that reaches a sidecar.
pub(super) const LOCAL: &str = "local path";

/// So many days before its end a certificate is worth a warning.
const RENEWAL: i64 = 14;

impl Trial<'_, '_> {
    /// Connects as the product does; whether there is a connection.
    pub(super) async fn connect(&mut self) -> bool {
        let steps: &[&'static str] = if self.at.is_through {
            &[LOCAL, "ready", "AUTH"]
        } else {
            &["DNS", "TCP", "TLS", "AUTH"]
        };
        let mut left = steps.iter();
        let transport = if self.at.is_through {
            self.local_path(&mut left).await
        } else {
            self.long_path(&mut left).await
        };
        let greeted = match transport {
            Some(transport) => self.auth(&mut left, transport).await,
            None => None,
        };
        let Some((link, greeting)) = greeted else {
            let done = steps.len() - left.len();
            let why =
                format!("needs {}", steps.get(done.saturating_sub(1)).unwrap_or(&"a connection"));
            for name in left {
                self.report.note(GROUP, name, Duration::ZERO, &Verdict::Skipped(why.clone()));
            }
            return false;
        };
        self.version = greeting.as_ref().and_then(|greeting| number(&greeting.version));
        self.greeting = greeting;
        self.player.adopt(link);
        true
    }

    /// The step is done.
    fn done(&mut self, left: &mut Steps<'_>, began: Instant, verdict: &Verdict) {
        if let Some(name) = left.next() {
            self.report.note(GROUP, name, began.elapsed(), verdict);
        }
    }

    async fn long_path(&mut self, left: &mut Steps<'_>) -> Option<Transport> {
        if let Target::Unix(path) = &self.config.upstream.target {
            let path = path.display().to_string();
            let now = Instant::now();
            self.done(left, now, &Verdict::Skipped("a Unix socket has no name".to_owned()));
            let began = Instant::now();
            let dialed = self.player.upstream.dialer().dial().await;
            let verdict = match &dialed {
                Ok(_) => Verdict::Passed(path),
                Err(error) => self.at.of_connect(error),
            };
            self.done(left, began, &verdict);
            let transport = dialed.ok()?;
            self.done(left, now, &Verdict::Skipped("a Unix socket needs none".to_owned()));
            return Some(transport);
        }
        let addresses = self.dns(left).await?;
        let socket = self.tcp(left, &addresses).await?;
        self.tls(left, socket).await
    }

    async fn dns(&mut self, left: &mut Steps<'_>) -> Option<Vec<SocketAddr>> {
        let began = Instant::now();
        let found = self.player.upstream.dialer().look_up().await;
        let verdict = match &found {
            Ok(addresses) => {
                let mut shown: Vec<String> =
                    addresses.iter().map(|at| at.ip().to_string()).collect();
                shown.dedup();
                Verdict::Passed(shown.join(", "))
            }
            Err(error) => self.at.of_connect(error),
        };
        self.done(left, began, &verdict);
        found.ok()
    }

    async fn tcp(&mut self, left: &mut Steps<'_>, addresses: &[SocketAddr]) -> Option<TcpStream> {
        let began = Instant::now();
        let socket = self.player.upstream.dialer().connect(addresses).await;
        let verdict = match &socket {
            Ok(socket) => Verdict::Passed(
                socket.peer_addr().map_or_else(|_| String::new(), |peer| peer.to_string()),
            ),
            Err(error) => self.at.of_connect(error),
        };
        self.done(left, began, &verdict);
        socket.ok()
    }

    async fn tls(&mut self, left: &mut Steps<'_>, socket: TcpStream) -> Option<Transport> {
        let began = Instant::now();
        let secured = self.player.upstream.dialer().secure(socket).await;
        let Some(tls) = self.config.upstream.tls.clone() else {
            self.done(left, began, &Verdict::Skipped("the URL asks for none".to_owned()));
            return secured.ok();
        };
        let verdict = match &secured {
            Ok(transport) => match transport.tls() {
                Some(facts) => judge_tls(&facts, tls.verify, SystemTime::now()),
                None => Verdict::failed("no TLS was made", "report this"),
            },
            Err(error) => self.name_tls(error).await,
        };
        self.done(left, began, &verdict);
        secured.ok()
    }

    /// What TLS failed at, with the certificate that was shown or with what is there instead.
    async fn name_tls(&self, error: &ConnectError) -> Verdict {
        let fault = match error {
            ConnectError::Tls { fault, .. } => *fault,
            _ => TlsFault::Other,
        };
        let what = match fault {
            TlsFault::Expired => "the server's certificate has expired",
            TlsFault::NotYetValid => "the server's certificate is not valid yet",
            TlsFault::UnknownIssuer => {
                "nobody whom we trust has signed the server's certificate (unknown CA)"
            }
            TlsFault::WrongName => "the server's certificate is for another host name",
            TlsFault::RefusedByServer => return self.at.of_connect(error),
            TlsFault::NotTls | TlsFault::Other => return self.name_port(error).await,
        };
        let shown = identify::look(&self.config.upstream, self.bound).await;
        let shown = shown.map_or_else(String::new, |facts| format!(": {}", describe(&facts.chain)));
        let clock = match fault {
            TlsFault::Expired | TlsFault::NotYetValid => {
                format!("; this machine's clock says {}", timestamp(SystemTime::now()))
            }
            _ => String::new(),
        };
        Verdict::failed(format!("{what}{shown}{clock}"), fault.mend())
    }

    /// An error that may well mean that the port is somebody else's.
    async fn name_port(&self, error: &ConnectError) -> Verdict {
        let neighbour = identify::identify(&self.config.upstream, self.bound).await;
        name_neighbour(&self.at, &neighbour, error, self.config.upstream.tls.is_some())
    }

    async fn local_path(&mut self, left: &mut Steps<'_>) -> Option<Transport> {
        let began = Instant::now();
        let dialed = self.player.upstream.dialer().dial().await;
        let verdict = match &dialed {
            Ok(transport) => match transport.tls() {
                Some(facts) => Verdict::Passed(format!(
                    "{}, {}",
                    self.player.upstream.address(),
                    facts.version
                )),
                None => Verdict::Passed(self.player.upstream.address()),
            },
            Err(error @ ConnectError::Tls { .. }) => self.name_port(error).await,
            Err(error) => self.at.of_connect(error),
        };
        self.done(left, began, &verdict);
        let transport = dialed.ok()?;
        let began = Instant::now();
        let verdict = self.ready().await;
        self.done(left, began, &verdict);
        Some(transport)
    }

    async fn ready(&self) -> Verdict {
        let Some(address) = self.admin else {
            return Verdict::Skipped("its admin port is not known; give --admin ADDR".to_owned());
        };
        match http::fetch(address, "/ready", self.bound).await {
            Ok(answer) if answer.status == 200 => {
                Verdict::Passed(format!("{address}/ready said 200"))
            }
            Ok(answer) => Verdict::failed(
                format!("{address}/ready said {}: {}", answer.status, answer.body.trim()),
                "see its reason, and run validate without --through where the sidecar runs",
            ),
            Err(error) => Verdict::warned(
                error.to_string(),
                "give the sidecar's by --admin ADDR, or --admin off where it has none",
            ),
        }
    }

    async fn auth(
        &mut self,
        left: &mut Steps<'_>,
        mut transport: Transport,
    ) -> Option<(Link, Option<Greeting>)> {
        let began = Instant::now();
        let db = self.player.upstream.db();
        let greeted = self.player.upstream.greet(&mut transport, Protocol::Resp2, db).await;
        let verdict = match &greeted {
            Ok(_) if self.at.has_password => {
                Verdict::Passed(format!("as user {}, database {db}", self.at.user))
            }
            Ok(_) => Verdict::Passed(format!("no password is asked for, database {db}")),
            Err(error @ (ConnectError::Auth { .. } | ConnectError::Credentials { .. })) => {
                self.at.of_connect(error)
            }
            Err(error @ ConnectError::Refused { reason, .. }) if !reason.contains("ended") => {
                self.at.of_connect(error)
            }
            Err(error) => self.name_greeting(error).await,
        };
        self.done(left, began, &verdict);
        greeted.ok().map(|greeting| (Link::over(transport), greeting))
    }

    /// A greeting that failed: inside TLS a web server may be there, in plain text anything.
    async fn name_greeting(&self, error: &ConnectError) -> Verdict {
        if self.config.upstream.tls.is_none() {
            return self.name_port(error).await;
        }
        let is_http = match self.player.upstream.dialer().dial().await {
            Ok(mut transport) => identify::is_http(&self.config.upstream, &mut transport).await,
            Err(_) => false,
        };
        let neighbour = if is_http { Neighbour::Http } else { Neighbour::Unknown };
        name_neighbour(&self.at, &neighbour, error, true)
    }
}

type Steps<'a> = std::slice::Iter<'a, &'static str>;

fn judge_tls(facts: &TlsFacts, verify: Verify, now: SystemTime) -> Verdict {
    let days = facts.chain.first().map(|leaf| leaf.days_left(now));
    let left = days.map_or_else(String::new, |days| format!(", {days} days left"));
    let seen = format!("{}, {}, {}{left}", facts.version, facts.cipher, describe(&facts.chain));
    if verify == Verify::None {
        let mend = "set upstream.tls.verify: full, and ca_file for a private CA";
        return Verdict::warned(format!("the certificate is not checked: {seen}"), mend);
    }
    match days {
        Some(days) if days < RENEWAL => Verdict::warned(seen, "renew the server's certificate"),
        _ => Verdict::Passed(seen),
    }
}

fn name_neighbour(
    at: &Circumstances,
    neighbour: &Neighbour,
    error: &ConnectError,
    is_tls: bool,
) -> Verdict {
    match neighbour {
        Neighbour::Http => Verdict::failed(
            "a web server (HTTP) answers on this port, and no Redis",
            if at.is_through {
                "give --through the address of listen.address, not that of the admin port"
            } else {
                "check host and port in upstream.url (REDIS_URL)"
            },
        ),
        Neighbour::PlainRedis if is_tls => Verdict::failed(
            "TLS is wanted, and the port speaks plain Redis",
            "use the server's TLS port, or redis:// in upstream.url (REDIS_URL) and no REDIS_TLS",
        ),
        Neighbour::Tls(_) if !is_tls => Verdict::failed(
            "redis:// is plain text, and the port speaks TLS",
            "use rediss:// in upstream.url (REDIS_URL), or REDIS_TLS=true",
        ),
        Neighbour::Silent => Verdict::failed(
            format!("it takes connections and says nothing (timed out): {error}"),
            "check that the port is a Redis's; a load balancer may take connections for a server that is away",
        ),
        _ => at.of_connect(error),
    }
}

/// `7.0.15` as 7 and 0.
pub(super) fn number(version: &str) -> Option<(u16, u16)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
