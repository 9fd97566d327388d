//! Who the client is: AUTH, the AUTH of HELLO, ACL WHOAMI, and what changes with the user. Which users there are, and
//! what they must say, is `policy::users`.
//!
//! A connection changes its user only while nothing it holds lies in a namespace: what is on the way is answered
//! before, and a client that watches, tracks, listens or is within MULTI is told to let go first.

use super::{End, Session, Socket, error_reply};
use crate::command::Kind;
use crate::policy::users::{NotKnown, User, Users, default_user};
use crate::wire::decode::Request;
use crate::wire::encode;
use std::sync::Arc;

impl<S: Socket> Session<S> {
    pub(super) async fn auth(&mut self, request: &Request<'_>) -> Result<(), End> {
        let (name, password) = match (request.arg(1), request.arg(2), request.argc()) {
            (Some(password), None, _) => (None, password),
            (Some(name), Some(password), 3) => (Some(name), password),
            _ => {
                self.answer(|out| encode::error(out, error_reply::SYNTAX));
                return Ok(());
            }
        };
        if self.log_in(name, password).await? {
            self.answer(|out| encode::simple(out, "OK"));
        }
        Ok(())
    }

    /// Makes the client the user that it says it is. If it is not, it is told why.
    pub(super) async fn log_in(
        &mut self,
        name: Option<&[u8]>,
        password: &[u8],
    ) -> Result<bool, End> {
        let users = self.context.clients.users();
        let user = match users.find(name, password) {
            Ok(user) => user,
            Err(NotKnown::NoneAsked) => {
                self.answer(|out| encode::error(out, error_reply::NO_PASSWORD_SET));
                return Ok(false);
            }
            Err(NotKnown::Wrong) => {
                self.tell_failure(&users, name);
                self.refuse("authentication", |out| encode::error(out, error_reply::WRONGPASS));
                return Ok(false);
            }
        };
        let is_same = self.state.is_authenticated && self.entry.is_of(user.name());
        if !is_same && self.is_bound() {
            self.refuse("authentication", |out| encode::error(out, error_reply::BOUND_TO_USER));
            return Ok(false);
        }
        if !is_same {
            self.settle().await?;
        }
        self.become_user(user);
        Ok(true)
    }

    /// Whether the client has made something of its connection that lies in its user's namespace.
    fn is_bound(&self) -> bool {
        self.held.is_some()
            || self.watches.is_some()
            || self.subscriber.is_some()
            || self.state.in_multi
    }

    /// Nothing must be on the way.
    fn become_user(&mut self, user: &Arc<User>) {
        self.app = user.app().cloned();
        self.replies.set_namespace(self.namespace().cloned());
        self.entry.details().user = Arc::clone(user.name());
        self.state.is_authenticated = true;
        self.entry.set_authenticated(true);
    }

    /// The user that the client is before it has said anything, if it is let in so.
    pub(super) fn begin(&mut self) {
        let users = self.context.clients.users();
        if let Some(user) = users.first(self.entry.uid) {
            return self.become_user(user);
        }
        self.app = None;
        self.replies.set_namespace(None);
        self.entry.details().user = default_user();
        self.state.is_authenticated = false;
        self.entry.set_authenticated(false);
    }

    /// Within MULTI nobody becomes another: what is queued is in the namespace of who queued it.
    pub(super) fn refuses_login(&mut self, kind: Kind, request: &Request<'_>) -> bool {
        let is_login = match kind {
            Kind::Auth => true,
            Kind::Hello => request.args().skip(2).any(|word| word.eq_ignore_ascii_case(b"auth")),
            _ => false,
        };
        let is_refused =
            is_login && self.state.in_multi && self.context.clients.users().are_several();
        if is_refused {
            self.state.is_multi_refused = true;
            self.refuse("transaction", |out| encode::error(out, error_reply::NOT_IN_MULTI));
        }
        is_refused
    }

    /// ACL WHOAMI: who the client is here. Who we are at the upstream is not its business.
    pub(super) fn whoami(&mut self) {
        let user = Arc::clone(&self.entry.details().user);
        self.answer(|out| encode::bulk(out, user.as_bytes()));
    }

    /// Never what was offered: of a name only one that there is, since a password may stand in its place.
    fn tell_failure(&self, users: &Users, name: Option<&[u8]>) {
        let (clients, noticed) = (&self.context.clients, &self.context.noticed);
        let Some(untold) = noticed.auth.admits(clients.seconds()) else { return };
        let known = name.filter(|name| users.has(name)).map(String::from_utf8_lossy);
        tracing::warn!(
            client = self.entry.address,
            user = known.as_deref().unwrap_or("unknown"),
            untold,
            "AUTH failed: wrong password, or no such user"
        );
    }
}
