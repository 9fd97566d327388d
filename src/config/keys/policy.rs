//! The catalogue's keys of policy: whose keys are whose.

use super::{Key, Takes};

/// `listen.password_file`
pub const LISTEN_PASSWORD_FILE: Key = Key::new("listen.password_file", Takes::Path, "")
    .live()
    .why("A file that holds listen.password, read at start and at SIGHUP.");
/// `listen.default_user`
pub const LISTEN_DEFAULT_USER: Key = Key::new("listen.default_user", Takes::Switch, "on")
    .why("Whether clients are let in that are none of listen.users; off, all must AUTH as one.");
/// `listen.users`
pub const LISTEN_USERS: Key = Key::new("listen.users", Takes::Users, "[]")
    .live()
    .why("Several apps, each with a password and a namespace; of these, passwords change live.");

/// `namespace`
pub const NAMESPACE: Key = Key::new("namespace", Takes::Text, "")
    .env(&["SIDECAR_NAMESPACE"])
    .why("What each key begins with upstream, and never for the app; unset, keys go as they are.");
/// `namespace_channels`
pub const NAMESPACE_CHANNELS: Key = Key::new("namespace_channels", Takes::Switch, "on")
    .why("Under a namespace, whether channels lie in it too; off shares them with everybody.");
/// `scripts`
pub const SCRIPTS: Key = Key::new("scripts", Takes::Word(&["declared", "deny"]), "declared").why(
    "Under a namespace, a script's declared keys are put in it; others are the script's to say.",
);
