//! What can go wrong on the way to the upstream, in two kinds: a connection that could not be made
//! ([`ConnectError`]), and a command that got no reply ([`Failure`]).
//!
//! Both are made to be shown: to an operator with what to do about it, to an app as a RESP error. Neither
//! ever holds a password or an address with credentials.

use rustls::CertificateError;
use std::time::Duration;

/// The phase of connecting that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Name look-up, TCP, or the Unix socket.
    Connect,
    /// TLS and the greeting (HELLO, AUTH, SELECT).
    Handshake,
}

/// Why a connection to the upstream could not be made, or ended.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConnectError {
    /// The host name has no address.
    #[error("name lookup of {host} failed: {reason}")]
    Dns {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No address took the connection.
    #[error("{address} did not take the connection: {reason}")]
    Refused {
        /// Host and port, or the socket's path.
        address: String,
        /// What the system said of the last address tried.
        reason: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {after:?} ({})", match phase {
        Phase::Connect => "connecting",
        Phase::Handshake => "TLS or Redis handshake",
    })]
    Timeout {
        /// Host and port, or the socket's path.
        address: String,
        /// What was under way.
        phase: Phase,
        /// The bound that was reached.
        after: Duration,
    },
    /// TLS failed: certificate, name, version, or not TLS at all.
    #[error("TLS with {address} failed: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// What it failed at.
        fault: TlsFault,
        /// What rustls said.
        reason: String,
    },
    /// The upstream did not accept who we are.
    #[error("{address} refused our credentials: {code}")]
    Auth {
        /// Host and port, or the socket's path.
        address: String,
        /// Redis's error code: NOAUTH, WRONGPASS, NOPERM.
        code: String,
    },
    /// A credential could not be read.
    #[error("the password file cannot be read: {reason}")]
    Credentials {
        /// What the system said; names the file.
        reason: String,
    },
    /// Something answered that is not a Redis, or not one that can serve us.
    #[error("{address} does not answer as a Redis: {reason}")]
    Protocol {
        /// Host and port, or the socket's path.
        address: String,
        /// What came instead.
        reason: String,
    },
    /// It was the master, and now says that it is a replica: a failover that its name does not show yet.
    #[error("{address} has become a replica")]
    Demoted {
        /// Host and port, or the socket's path.
        address: String,
    },
    /// The resolved address is our own listening address.
    #[error("{address} is this sidecar's own listen address")]
    Own {
        /// The address.
        address: String,
    },
}

/// What TLS failed at, as far as it changes what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate has expired, or our clock is ahead.
    Expired,
    /// The server's certificate is not valid yet, or our clock is behind.
    NotYetValid,
    /// Nobody whom we trust has signed the server's certificate.
    UnknownIssuer,
    /// The server's certificate is for other names.
    WrongName,
    /// The server refused us: as a rule, it wants a certificate of ours, or another one.
    RefusedByServer,
    /// What came is not TLS.
    NotTls,
    /// Anything else.
    Other,
}

impl TlsFault {
    /// Reads it from what rustls said.
    #[must_use]
    pub fn of(error: &std::io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::InvalidCertificate(fault)) => Self::of_certificate(fault),
            Some(rustls::Error::AlertReceived(_)) => Self::RefusedByServer,
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls,
            _ => Self::Other,
        }
    }

    fn of_certificate(fault: &CertificateError) -> Self {
        match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            _ => Self::Other,
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn mend(self) -> &'static str {
        match self {
            Self::Expired => "renew the server's certificate; check this machine's clock too",
            Self::NotYetValid => "check this machine's clock, and the server's certificate",
            Self::UnknownIssuer => {
                "set upstream.tls.ca_file (REDIS_CA_FILE) to the CA that signed the server's \
                 certificate"
            }
            Self::WrongName => {
                "use a host name that the certificate is for in upstream.url (REDIS_URL), or set \
                 upstream.tls.server_name (REDIS_SERVER_NAME) to one"
            }
            Self::RefusedByServer => {
                "the server may want a client certificate: set upstream.tls.cert_file and key_file \
                 (REDIS_CERT_FILE, REDIS_KEY_FILE) to one that its CA has signed"
            }
            Self::NotTls => {
                "check that the port speaks TLS; for one that does not, use redis:// in upstream.url \
                 (REDIS_URL)"
            }
            Self::Other => {
                "check upstream.tls: ca_file for a private CA, server_name for another name, \
                 cert_file and key_file where the server asks for a client certificate"
            }
        }
    }
}

/// The classes of error that logs and metrics name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nobody listens, or no route.
    Refused,
    /// No answer in time.
    Timeout,
    /// Name look-up.
    Dns,
    /// Certificates and the like.
    Tls,
    /// NOAUTH, WRONGPASS, NOPERM, an unreadable password file.
    Auth,
    /// Not a Redis, or our own address.
    Protocol,
}

impl Class {
    /// The class as logs and labels write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Protocol => "protocol",
        }
    }
}

impl ConnectError {
    /// The class of this error.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Dns { .. } => Class::Dns,
            Self::Refused { .. } | Self::Demoted { .. } => Class::Refused,
            Self::Timeout { .. } => Class::Timeout,
            Self::Tls { .. } => Class::Tls,
            Self::Auth { .. } | Self::Credentials { .. } => Class::Auth,
            Self::Protocol { .. } | Self::Own { .. } => Class::Protocol,
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Dns { .. } => "check the host in upstream.url (REDIS_URL) and this machine's DNS",
            Self::Refused { .. } => {
                "check that the Redis runs, host and port in upstream.url (REDIS_URL), and firewalls; a server \
                 that speaks TLS wants rediss://"
            }
            Self::Timeout { phase: Phase::Connect, .. } => {
                "check firewalls and security groups; raise upstream.connect_timeout if the way is long"
            }
            Self::Timeout { phase: Phase::Handshake, .. } => {
                "check that the port speaks what the URL says (rediss:// for TLS, redis:// for plain)"
            }
            Self::Tls { fault, .. } => fault.mend(),
            Self::Auth { .. } => {
                "check user name and password in upstream.url or upstream.auth, and the ACL of that user"
            }
            Self::Credentials { .. } => "check upstream.auth.password_file and its permissions",
            Self::Protocol { .. } => {
                "check that the port is a Redis's, and that rediss:// is used where it speaks TLS"
            }
            Self::Demoted { .. } => {
                "nothing, if a failover is under way: the name is looked up anew at each attempt; \
                 else point upstream.url (REDIS_URL) at the master"
            }
            Self::Own { .. } => "point upstream.url (REDIS_URL) at the Redis, not at the sidecar",
        }
    }
}

/// What the caller of a command is told instead of a reply. `Display` is the RESP error's text.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// The connection ended while the command was on its way.
    #[error("UNAVAILABLE the upstream connection was lost ({cause}); {}", fate(*.sent))]
    Lost {
        /// Whether a byte of the command may have reached the upstream.
        sent: bool,
        /// What ended the connection.
        cause: String,
    },
    /// The same before EXEC was sent, or was known when it came.
    #[error(
        "EXECABORT Transaction discarded because its upstream connection was lost before EXEC; \
         nothing of it was applied"
    )]
    Discarded,
    /// No reply in time.
    #[error("TIMEOUT no reply from the upstream within {after:?}; {}", fate(*.sent))]
    TimedOut {
        /// Whether a byte of the command may have reached the upstream.
        sent: bool,
        /// The bound that was reached.
        after: Duration,
    },
    /// There was no connection within the command's time.
    #[error(
        "UNAVAILABLE no connection to the upstream within {after:?} ({cause}); \
         the command was not sent and not applied"
    )]
    Away {
        /// The bound that was reached.
        after: Duration,
        /// Why there is no connection.
        cause: String,
    },
    /// The breaker rejects: the upstream has been away for longer than commands may wait for it.
    #[error("UNAVAILABLE the upstream is away since {:.1} s ({cause}); {}", .since.as_secs_f64(), fate(*.sent))]
    Rejected {
        /// For how long it has been away.
        since: Duration,
        /// Why.
        cause: String,
        /// Whether a byte of the command may have reached the upstream.
        sent: bool,
    },
    /// The reply is more than its client may have to read.
    #[error(
        "DENIED the reply nests deeper than {depth} levels (limits.depth); the command was run"
    )]
    TooDeep {
        /// The bound that was reached.
        depth: usize,
    },
    /// A script keeps the server, which refuses every command in these words.
    #[error("{0}")]
    Busy(String),
    /// The pool had no connection to lend.
    #[error(
        "UNAVAILABLE no upstream connection free within {after:?} ({reason}); \
         the command was not sent and not applied"
    )]
    NoCheckout {
        /// The bound that was reached.
        after: Duration,
        /// What the pool said.
        reason: String,
    },
}

impl Failure {
    /// Whether a byte of the command may have reached the upstream.
    pub(super) fn may_be_sent(&self) -> bool {
        match self {
            Self::Lost { sent, .. } | Self::TimedOut { sent, .. } | Self::Rejected { sent, .. } => {
                *sent
            }
            Self::TooDeep { .. } => true,
            Self::Discarded | Self::Away { .. } | Self::Busy(_) | Self::NoCheckout { .. } => false,
        }
    }
}

fn fate(sent: bool) -> &'static str {
    if sent {
        "the command was sent: a write may or may not have been applied"
    } else {
        "the command was not sent and not applied"
    }
}
