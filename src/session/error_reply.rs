//! The errors that a session answers itself, in Redis's own words: the one place that turns a refusal
//! into RESP.
//!
//! What happened to a command on its way up is worded by [`crate::upstream::error::Failure`].

use crate::command::Spec;
use crate::wire::encode;

/// A client must AUTH first.
pub(super) const NOAUTH: &str = "NOAUTH Authentication required.";
/// AUTH with a wrong name or password.
pub(super) const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";
/// AUTH with a password where none is set.
pub(super) const NO_PASSWORD_SET: &str = "ERR AUTH <password> called without any password configured for \
     the default user. Are you sure your configuration is correct?";
/// AUTH as another user while the connection holds what is the present one's.
pub(super) const BOUND_TO_USER: &str = "ERR AUTH as another user is not possible while this connection is in MULTI, \
     watches or tracks keys, monitors, or is subscribed; end that first, or use RESET";
/// HELLO without AUTH where one is needed.
pub(super) const HELLO_NOAUTH: &str = "NOAUTH HELLO must be called with the client already \
     authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to \
     authenticate the client and select the RESP protocol version at the same time";
/// HELLO of a version that is neither 2 nor 3.
pub(super) const NOPROTO: &str = "NOPROTO unsupported protocol version";
/// HELLO with what is no number.
pub(super) const BAD_PROTO: &str = "ERR Protocol version is not an integer or out of range";
/// A word that the command does not know.
pub(super) const SYNTAX: &str = "ERR syntax error";
/// Not a number, where one is needed.
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
/// A name with a space or a control character.
pub(super) const BAD_NAME: &str =
    "ERR Client names cannot contain spaces, newlines or special characters.";
/// A command that a transaction can't hold.
pub(super) const NOT_IN_MULTI: &str = "ERR Command not allowed inside a transaction";
/// A command between a MULTI that could not be sent and its EXEC.
pub(super) const NO_MULTI: &str = "UNAVAILABLE MULTI could not be sent; the command was not run";
/// EXEC after a command that could not be queued.
pub(super) const MULTI_REFUSED: &str =
    "EXECABORT Transaction discarded because of previous errors.";
/// EXEC with arguments.
pub(super) const EXEC_ARITY: &str = "EXECABORT Transaction discarded because of: wrong number of arguments \
     for 'exec' command";
/// EXEC of a transaction that needs more memory than there is.
pub(super) const EXEC_OUT_OF_MEMORY: &str = "EXECABORT Transaction discarded because of: OOM command not \
     allowed when used memory > 'maxmemory'.";
/// A command that would make a transaction of `memory://` too large.
pub(super) const MULTI_TOO_LARGE: &str = "ERR the transaction is too large: with upstream memory:// its commands \
     may have 64 MB in all; send smaller ones";
/// WATCH of more keys than are kept.
pub(super) const TOO_MANY_WATCHED: &str = "ERR too many keys are watched: with upstream memory:// their names \
     may have 64 MB in all; UNWATCH some";
/// The upstream is not there, so that HELLO can't be answered.
pub(super) const NOT_GREETED: &str =
    "UNAVAILABLE the upstream has not answered yet; see the sidecar's log for why";
/// Something that only a Redis can do.
pub(super) const NEEDS_UPSTREAM: &str = "ERR this is not available with upstream memory://; set \
     upstream.url (REDIS_URL) to a Redis server to use it";
/// All places for clients are taken.
pub const MAX_CLIENTS: &str = "ERR max number of clients reached";

/// An argument count that the command does not take.
pub(super) fn wrong_arity(out: &mut Vec<u8>, spec: &Spec) {
    encode::error(out, format!("ERR wrong number of arguments for '{}' command", spec.name));
}

/// A subcommand that its container does not have.
pub(super) fn unknown_subcommand(out: &mut Vec<u8>, container: &str, word: &[u8]) {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]).into_owned();
    encode::error(out, format!("ERR unknown subcommand '{word}'. Try {container} HELP."));
}

/// A command that a RESP2 subscriber may not send.
pub(super) fn only_subscriptions(out: &mut Vec<u8>, name: &str) {
    let code = if name == "exec" { "EXECABORT Transaction discarded because of:" } else { "ERR" };
    encode::error(
        out,
        format!(
            "{code} Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
             are allowed in this context"
        ),
    );
}
