//! SIGHUP: the configuration is read again, and what can change live does. Any fault, and all stays as it is.

use super::{Reload, Shared};
use crate::config::{User, is_live};
use std::sync::Arc;
use tokio::signal::unix::Signal;

/// Reads the configuration again at each SIGHUP. Ends when dropped.
pub(super) async fn on_hangup(mut hangup: Signal, shared: Arc<Shared>, reload: Reload) {
    while hangup.recv().await.is_some() {
        let newer = match (reload.read)() {
            Ok(newer) => newer,
            Err(faults) => {
                tracing::error!(
                    "SIGHUP: the configuration has faults; the old one stays: {faults}"
                );
                continue;
            }
        };
        let current = shared.live();
        let users = User::renewed(&current.listen.users, &newer.listen.users);
        let (live, mut fixed): (Vec<_>, Vec<_>) =
            current.changes(&newer).into_iter().partition(|path| is_live(path));
        if newer.listen.users.iter().any(|user| !users.contains(user)) {
            fixed.push("listen.users but for passwords");
        }
        if !fixed.is_empty() {
            let keys = fixed.join(", ");
            tracing::warn!(keys, "SIGHUP: these can't change while we run; restart to change them");
        }
        let mut next = (*current).clone();
        next.log.level = newer.log.level;
        shared.clients.set_users(shared.clients.users().with_passwords(&newer.listen));
        next.listen.users = users;
        next.listen.password = newer.listen.password;
        next.listen.password_file = newer.listen.password_file;
        next.listen.max_clients = newer.listen.max_clients;
        next.listen.idle_timeout = newer.listen.idle_timeout;
        next.admin.ready_in_outage = newer.admin.ready_in_outage;
        next.drain_timeout = newer.drain_timeout;
        reload.levels.set(next.log.level);
        shared.vitals.set_config(next);
        tracing::info!(keys = live.join(", "), "SIGHUP: the configuration was read again");
    }
}
