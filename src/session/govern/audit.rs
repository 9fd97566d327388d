//! What is logged of refusals: who, which command, which key, by which rule. Never a value.
//!
//! A client that is refused all the time must not fill the disk: so many lines a second for each worker, and then one
//! that says how many are missing.

use super::super::{Session, Socket};
use crate::command;
use crate::policy::{App, Refusal, show_key};
use crate::wire::decode::Request;

/// Lines a second.
const MOST: u32 = 100;

impl<S: Socket> Session<S> {
    pub(in crate::session) fn log_refusal(
        &self,
        app: &App,
        refusal: &Refusal,
        request: &Request<'_>,
    ) {
        if !self.may_log() {
            return;
        }
        let name = match command::resolve(request) {
            Some(spec) => spec.name.to_owned(),
            None => show_key(request.name()).to_ascii_lowercase(),
        };
        let (user, client, rule) = (app.name(), &*self.entry.address, &*refusal.rule);
        let key = refusal.key.as_deref().map(show_key);
        if refusal.is_dry_run {
            tracing::warn!(
                user,
                client,
                command = name,
                key,
                rule,
                "would be refused, were it no dry run"
            );
        } else {
            tracing::warn!(user, client, command = name, key, rule, "refused");
        }
    }

    fn may_log(&self) -> bool {
        let now = self.context.seconds.get();
        let (second, count) = self.context.logged.get();
        let count = if second == now { count.saturating_add(1) } else { 1 };
        self.context.logged.set((now, count));
        if second != now {
            return true;
        }
        if count == MOST + 1 {
            tracing::warn!(
                "more than {MOST} refusals within a second: the rest of them is not logged"
            );
        }
        count <= MOST
    }
}
