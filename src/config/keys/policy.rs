//! The catalogue's keys of policy: whose keys are whose.

use super::{Key, Takes};

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
