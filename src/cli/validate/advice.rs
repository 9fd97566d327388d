//! What went wrong, named, and what to do about it: from errors of connecting and from a server's own errors.
//!
//! Never shows a secret: what is shown is the server's words and our own, not what we sent.

use super::report::Verdict;
use crate::cli::script::{Trouble, is_lacking};
use crate::upstream::error::{ConnectError, Phase};
use crate::upstream::exchange::ExchangeError;

/// What advice depends on.
pub(super) struct Circumstances {
    /// Whether a running sidecar is checked, and not the upstream.
    pub(super) is_through: bool,
    /// Our user there.
    pub(super) user: String,
    /// Where our keys lie, without their random part.
    pub(super) prefix: String,
    /// Whether a password is configured.
    pub(super) has_password: bool,
}

impl Circumstances {
    /// Why there is no connection.
    pub(super) fn of_connect(&self, error: &ConnectError) -> Verdict {
        let mend = match error {
            ConnectError::Auth { code, .. } => self.of_auth(code),
            ConnectError::Refused { reason, .. } if reason.contains("DB index") => {
                "the server has fewer databases: give another one at the end of the URL, such as /0".to_owned()
            }
            ConnectError::Refused { .. } | ConnectError::Timeout { phase: Phase::Connect, .. }
                if self.is_through =>
            {
                "start the sidecar, or give --through the address on which it listens (listen.address)".to_owned()
            }
            ConnectError::Refused { reason, .. } if reason.contains("Connection refused") => {
                "nobody listens there: check that the Redis runs, and host and port in upstream.url (REDIS_URL)"
                    .to_owned()
            }
            ConnectError::Timeout { .. } if self.is_through => {
                "the sidecar does not answer: see its log and its /ready; its upstream may be away".to_owned()
            }
            ConnectError::Protocol { .. } if self.is_through => {
                "check that a sidecar listens there, and not something else".to_owned()
            }
            error => error.mend().to_owned(),
        };
        Verdict::failed(error.to_string(), mend)
    }

    fn of_auth(&self, code: &str) -> String {
        let (secret, place) = if self.is_through {
            ("listen.password", "the sidecar's configuration")
        } else {
            ("upstream.auth.password (REDIS_PASSWORD)", "the cloud's console or ACL")
        };
        if code.starts_with("NOAUTH") || !self.has_password {
            format!("the server wants a password: set {secret}")
        } else if code.starts_with("WRONGPASS") || code.contains("invalid password") {
            format!(
                "password or user name is wrong: compare {secret} and the user name with {place}"
            )
        } else if code.starts_with("ERR AUTH") {
            format!(
                "the server has no password set, and we send one: remove {secret}, or set it there"
            )
        } else {
            format!("let the user {} connect: ACL SETUSER {} on +@connection", self.user, self.user)
        }
    }

    /// Why a script did not come to its end. `version` is the server's, `since` what the script needs.
    pub(super) fn of_trouble(
        &self,
        trouble: &Trouble,
        version: Option<(u16, u16)>,
        since: (u16, u16),
    ) -> Verdict {
        match trouble {
            Trouble::Connect(ConnectError::Protocol { reason, .. })
                if reason.contains("no HELLO") =>
            {
                Verdict::Unsupported("the server knows no HELLO: it is older than 6.0".to_owned())
            }
            Trouble::Connect(error) => self.of_connect(error),
            Trouble::Exchange(ExchangeError::Lost(error)) => Verdict::failed(
                format!("the connection ended: {error}"),
                "look into the server's log, and at what stands between",
            ),
            Trouble::Exchange(error) => Verdict::failed(
                format!("what came is no reply: {error}"),
                "check that the port is a Redis's",
            ),
            Trouble::TimedOut(after) => Verdict::failed(
                format!("no answer within {after:?}"),
                "see whether the server is overloaded or far away; --timeout gives it more time",
            ),
            Trouble::Unexpected { command, wanted, got } => Verdict::failed(
                format!("{command}: expected {wanted}, got {got}"),
                "this is not what Redis answers: see what stands between, and which version it is",
            ),
            Trouble::Refused { command, text } => match version {
                Some(version) if version < since && !text.starts_with("NOPERM") => {
                    let (major, minor) = since;
                    Verdict::Unsupported(format!("{text} ({command} needs Redis {major}.{minor})"))
                }
                _ => self.of_refusal(command, text),
            },
        }
    }

    /// What a server's error means.
    pub(super) fn of_refusal(&self, command: &str, text: &str) -> Verdict {
        let code = text.split(' ').next().unwrap_or_default();
        let what = format!("{command}: {text}");
        if code == "NOPERM" || code == "DENIED" {
            return Verdict::Denied { what, mend: self.grant(code, text) };
        }
        if is_lacking(text) {
            return Verdict::Unsupported(what);
        }
        let mend = match code {
            "NOAUTH" => "the server wants a password: set upstream.auth.password (REDIS_PASSWORD)",
            "WRONGPASS" => "compare password and user name with the server's",
            "READONLY" => "this is a replica: point upstream.url (REDIS_URL) at the master",
            "LOADING" => "the server still reads its data from disk: wait, and try again",
            "MASTERDOWN" => "the replica has lost its master: point upstream.url at the master",
            "OOM" => {
                "the server's memory is full: raise maxmemory, set an eviction policy, or delete keys"
            }
            "MISCONF" => "the server can't write its snapshot: see its log and its disk",
            "BUSY" => "a script has been running for long: SCRIPT KILL ends it",
            "MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN" => {
                "this is a Redis Cluster: use an endpoint that hides its nodes, or a server that is not clustered"
            }
            "UNAVAILABLE" => {
                "the sidecar can't reach its upstream: run validate without --through there"
            }
            "TIMEOUT" => "the upstream is slow or away: run validate without --through there",
            "NOREPLICAS" => "the master lacks replicas: see min-replicas-to-write there",
            _ => "this is not what Redis answers: see what stands between, and which version it is",
        };
        Verdict::failed(what, mend)
    }

    fn grant(&self, code: &str, text: &str) -> String {
        let (user, prefix) = (&self.user, &self.prefix);
        if code == "DENIED" {
            return "the sidecar's own policy forbids it: see policy in its configuration"
                .to_owned();
        }
        if text.contains(" key") {
            return format!(
                "ACL SETUSER {user} ~{prefix}*, or give --prefix with a prefix that the user may use"
            );
        }
        if text.contains("channel") {
            return format!(
                "ACL SETUSER {user} &{prefix}*, or give --prefix with a prefix that the user may use"
            );
        }
        match text.split('\'').nth(1) {
            Some(command) => format!("ACL SETUSER {user} +{command}, if apps need it"),
            None => format!("grant it to the user {user} by ACL SETUSER, if apps need it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Circumstances;
    use crate::cli::script::Trouble;
    use crate::cli::validate::report::Verdict;
    use crate::upstream::error::ConnectError;

    fn direct() -> Circumstances {
        Circumstances {
            is_through: false,
            user: "app".to_owned(),
            prefix: "check:".to_owned(),
            has_password: true,
        }
    }

    fn refused(text: &str) -> Trouble {
        Trouble::Refused { command: "SET @k v".to_owned(), text: text.to_owned() }
    }

    fn mend(verdict: Verdict) -> String {
        match verdict {
            Verdict::Failed { mend, .. } | Verdict::Denied { mend, .. } => mend,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn noperm_says_what_to_grant() {
        for (text, grant) in [
            (
                "NOPERM this user has no permissions to run the 'set' command",
                "ACL SETUSER app +set,",
            ),
            (
                "NOPERM User app has no permissions to run the 'client|tracking' command",
                "+client|tracking,",
            ),
            (
                "NOPERM this user has no permissions to access one of the keys used as arguments",
                "~check:*",
            ),
            ("NOPERM No permissions to access a key", "~check:*"),
            (
                "NOPERM this user has no permissions to access one of the channels used as arguments",
                "&check:*",
            ),
        ] {
            let verdict = direct().of_trouble(&refused(text), Some((7, 0)), (6, 0));
            assert!(matches!(verdict, Verdict::Denied { .. }), "{text}: {verdict:?}");
            let mend = mend(verdict);
            assert!(mend.contains(grant), "{text}: {mend}");
        }
    }

    #[test]
    fn what_an_old_server_lacks_is_no_failure() {
        let old = |text, version| direct().of_trouble(&refused(text), Some(version), (6, 2));
        for text in ["ERR syntax error", "ERR unknown command `GETEX`, with args"] {
            assert!(matches!(old(text, (6, 0)), Verdict::Unsupported(_)), "{text}");
        }
        assert!(matches!(old("ERR syntax error", (6, 2)), Verdict::Failed { .. }));
        assert!(matches!(old("ERR unknown command 'x'", (7, 0)), Verdict::Unsupported(_)));
        assert!(matches!(old("NOPERM no 'getex' command", (6, 0)), Verdict::Denied { .. }));
    }

    #[test]
    fn refused_credentials_say_which() {
        let auth = |code: &str, has_password| {
            let error = ConnectError::Auth { address: "h:1".to_owned(), code: code.to_owned() };
            mend(Circumstances { has_password, ..direct() }.of_connect(&error))
        };
        assert!(auth("NOAUTH", false).contains("set upstream.auth.password (REDIS_PASSWORD)"));
        assert!(auth("WRONGPASS", true).contains("password or user name is wrong"));
        assert!(auth("ERR AUTH <password> called without", true).contains("no password set"));
        assert!(auth("NOPERM", true).contains("ACL SETUSER app on"));
    }
}
