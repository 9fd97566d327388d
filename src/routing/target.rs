//! The way of one command, as a pure function of what it is and of what its client's connection has become.

use crate::command::keys::asks_to_block;
use crate::command::{Kind, Spec};
use crate::wire::decode::Request;
use std::time::Duration;

/// A command of this size goes over a connection of its own: on a lane all others would wait for it.
pub const BIG_REQUEST: usize = 1 << 20;

/// Where a command goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The session answers it: it speaks of the client's own connection.
    Here,
    /// The lane the session is on: a shared one, or the connection it holds.
    Lane,
    /// A connection of its own, for as long as `Hold` says.
    Checkout(Hold),
    /// The hub of subscriptions.
    Hub,
    /// Nowhere: it can't be served in the middle of a transaction.
    Refused,
}

/// For how long a session holds a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Until this command's reply is here; `is_patient` ones have no timeout.
    Command {
        /// It blocks for as long as it says itself.
        is_patient: bool,
    },
    /// Until the reply is here of a command that Redis answers while a script keeps it: in any database, since it would
    /// select none.
    WhileBusy,
    /// From WATCH to EXEC, DISCARD or UNWATCH.
    Watch,
    /// From MULTI to EXEC or DISCARD.
    Multi,
    /// Until the client goes or says RESET: the connection has state that no other client may meet.
    State,
    /// As `State`, and what comes is no longer a reply to each command (MONITOR, SYNC).
    Raw,
}

/// What the client's connection has become, as far as the way of a command depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// The connection that the session holds, and why.
    pub hold: Option<Hold>,
    /// Between MULTI and EXEC.
    pub in_multi: bool,
    /// A RESP2 client with subscriptions: few commands are allowed.
    pub is_subscriber: bool,
}

/// Decides. `spec` is `None` for a command that is not in the table: Redis decides about it.
#[must_use]
pub fn target(spec: Option<&Spec>, request: &Request<'_>, situation: Situation) -> Target {
    let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
    match kind {
        Kind::Reset | Kind::Quit => Target::Here,
        Kind::Monitor | Kind::Replication | Kind::Sidecar if situation.in_multi => Target::Refused,
        _ if situation.in_multi => Target::Lane,
        Kind::Auth | Kind::Hello | Kind::Client | Kind::Select | Kind::Sidecar => Target::Here,
        Kind::Acl if is_whoami(request) => Target::Here,
        Kind::Ping if situation.is_subscriber => Target::Here,
        kind if kind.is_subscription() => Target::Hub,
        Kind::Multi => Target::Checkout(Hold::Multi),
        Kind::Watch => Target::Checkout(Hold::Watch),
        Kind::Monitor | Kind::Replication => Target::Checkout(Hold::Raw),
        Kind::Blocking | Kind::Wait => Target::Checkout(Hold::Command { is_patient: true }),
        Kind::BlockingIfAsked if asks_to_block(request) => {
            Target::Checkout(Hold::Command { is_patient: true })
        }
        Kind::Asking | Kind::ReadOnlyMode => Target::Checkout(Hold::State),
        _ if is_script(spec, request, b"debug") => Target::Checkout(Hold::State),
        _ if is_about_script(spec, request) => Target::Checkout(Hold::WhileBusy),
        _ if request.bytes().len() >= BIG_REQUEST => {
            Target::Checkout(Hold::Command { is_patient: false })
        }
        _ => Target::Lane,
    }
}

/// How long a blocking command says that it may block; `None` for as long as it takes. What is no number is
/// answered with an error at once.
#[must_use]
pub fn patience(spec: Option<&Spec>, request: &Request<'_>) -> Option<Duration> {
    let name = spec.map_or("", |spec| spec.name);
    let last = request.argc().saturating_sub(1);
    let (place, unit) = match name {
        "blmpop" | "bzmpop" => (1, 1.0),
        "wait" | "waitaof" => (last, 0.001),
        "xread" | "xreadgroup" => {
            let is_block = |place: &usize| {
                request.arg(*place).is_some_and(|word| word.eq_ignore_ascii_case(b"block"))
            };
            ((1..last).find(is_block)? + 1, 0.001)
        }
        _ => (last, 1.0),
    };
    let text = std::str::from_utf8(request.arg(place).unwrap_or_default()).unwrap_or_default();
    let time: f64 = text.parse().unwrap_or(-1.0);
    if time == 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(time * unit).unwrap_or_default())
}

/// Whether an ACL asks who its client is.
#[must_use]
pub fn is_whoami(request: &Request<'_>) -> bool {
    request.argc() == 2 && request.arg(1).is_some_and(|word| word.eq_ignore_ascii_case(b"whoami"))
}

/// SCRIPT KILL and FUNCTION KILL end what holds up the lane, and FUNCTION STATS tells of it, so they must not queue
/// behind it.
fn is_about_script(spec: Option<&Spec>, request: &Request<'_>) -> bool {
    is_script(spec, request, b"kill") || is_script(spec, request, b"stats")
}

fn is_script(spec: Option<&Spec>, request: &Request<'_>, subcommand: &[u8]) -> bool {
    spec.is_some_and(|spec| spec.is_container() && matches!(spec.name, "script" | "function"))
        && request.arg(1).is_some_and(|word| word.eq_ignore_ascii_case(subcommand))
}

#[cfg(test)]
mod tests {
    use super::{Hold, Situation, Target, target};
    use crate::command::lookup;
    use crate::wire::decode::Request;
    use crate::wire::encode;

    fn way(words: &str, situation: Situation) -> Target {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let mut frame = Vec::new();
        encode::command(&mut frame, &words);
        let request = Request::parse(&frame).unwrap();
        target(lookup(request.name()), &request, situation)
    }

    #[test]
    fn each_kind_of_command_has_its_way() {
        let plain = Situation::default();
        for (words, expected) in [
            ("GET k", Target::Lane),
            ("NOSUCH x", Target::Lane),
            ("select 1", Target::Here),
            ("Client id", Target::Here),
            ("sidecar stats", Target::Here),
            ("subscribe c", Target::Hub),
            ("multi", Target::Checkout(Hold::Multi)),
            ("watch k", Target::Checkout(Hold::Watch)),
            ("exec", Target::Lane),
            ("monitor", Target::Checkout(Hold::Raw)),
            ("blpop k 0", Target::Checkout(Hold::Command { is_patient: true })),
            ("xread streams s 0", Target::Lane),
            ("xread block 0 streams s 0", Target::Checkout(Hold::Command { is_patient: true })),
            ("wait 1 0", Target::Checkout(Hold::Command { is_patient: true })),
            ("script kill", Target::Checkout(Hold::WhileBusy)),
            ("function stats", Target::Checkout(Hold::WhileBusy)),
            ("script load x", Target::Lane),
            ("ping", Target::Lane),
        ] {
            assert_eq!(way(words, plain), expected, "{words}");
        }
    }

    #[test]
    fn blocking_commands_say_how_long() {
        let patience = |words: &str| {
            let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
            let mut frame = Vec::new();
            encode::command(&mut frame, &words);
            let request = Request::parse(&frame).unwrap();
            super::patience(lookup(request.name()), &request)
        };
        let ms = |ms| Some(std::time::Duration::from_millis(ms));
        for (words, expected) in [
            ("blpop a b 0", None),
            ("BLPOP a 1.5", ms(1500)),
            ("blmove a b left right 2", ms(2000)),
            ("blmpop 0.25 1 a left", ms(250)),
            ("bzmpop 0 1 a min", None),
            ("xread count 1 block 40 streams s $", ms(40)),
            ("xreadgroup group g c block 0 streams s >", None),
            ("wait 1 100", ms(100)),
            ("blpop a x", ms(0)),
            ("blpop a -1", ms(0)),
        ] {
            assert_eq!(patience(words), expected, "{words}");
        }
    }

    #[test]
    fn within_a_transaction_everything_stays_on_its_connection() {
        let within = Situation { hold: Some(Hold::Multi), in_multi: true, is_subscriber: false };
        for words in ["blpop k 0", "select 1", "multi", "watch k", "wait 1 0", "exec", "get k"] {
            assert_eq!(way(words, within), Target::Lane, "{words}");
        }
        for words in ["monitor", "psync ? -1", "sidecar health"] {
            assert_eq!(way(words, within), Target::Refused, "{words}");
        }
        assert_eq!(way("reset", within), Target::Here);
    }
}
