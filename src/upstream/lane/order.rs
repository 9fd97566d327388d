//! What goes to a lane with a command.

use crate::command::Number;
use crate::policy::Shape;
use crate::upstream::retry::Class;

/// What a lane must know of a command to carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The client wants no reply (CLIENT REPLY OFF, SKIP).
    pub is_silent: bool,
    /// It may wait as long as the upstream lets it (BLPOP): no timeout.
    pub is_patient: bool,
    /// Whether it may be sent again.
    pub class: Class,
    /// EXEC: if it is not sent, nothing of its transaction is applied.
    pub is_exec: bool,
    /// How much less than the upstream says an integer reply is to be (PUBLISH, where the hub is one
    /// subscriber upstream for all of ours).
    pub excess: i64,
    /// Which values of its reply are keys.
    pub shape: Shape,
    /// Which command it is, to be counted.
    pub command: Number,
}
