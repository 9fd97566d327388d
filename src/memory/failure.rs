//! Why a command was not run, in the words of Redis 7.0.
//!
//! Every variant is one reply; a client's own bytes in it are cut and cleaned as Redis does, so
//! that no bytes of a request can break the reply.

use crate::wire::decode::Request;
use crate::wire::encode;

use super::commands::OFFERED;

/// As much of a client's bytes as Redis repeats in an error.
const SHOWN: usize = 128;

/// An error reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Syntax,
    /// The key holds a value of another type than the command works on.
    WrongType,
    NotAnInteger,
    /// HINCRBY of a field that holds something else.
    HashNotAnInteger,
    /// INCR and its kin would leave the 64 bits.
    Overflow,
    /// DECRBY by the one number that has no negative.
    DecrementOverflow,
    /// A deadline that is not in the future, or past the end of time, given to this command.
    ExpireTime(&'static str),
    /// A wrong number of arguments for this command.
    Arity(&'static str),
    NxAndOthers,
    GtAndLt,
    StringTooLong,
    OutOfMemory,
    NoSuchDatabase,
    NoKeyArguments,
    InvalidCommand,
    InvalidArguments,
    /// COMMAND GETKEYS of a command with a wrong number of arguments.
    InvalidCount,
    NoConfigFile,
    /// A command of Redis that the engine does not have.
    NotAvailable(&'static str),
    /// A text of one command alone, without the leading `ERR `.
    Text(&'static str),
    /// A text that holds bytes of the client, without the leading `ERR `.
    Quoting(Vec<u8>),
}

impl Failure {
    /// `FOO`, with the arguments that followed it.
    pub(super) fn unknown_command(request: &Request<'_>) -> Self {
        let mut shown = Vec::new();
        for argument in request.args().skip(1) {
            if shown.len() >= SHOWN {
                break;
            }
            let room = SHOWN - shown.len();
            shown.push(b'\'');
            shown.extend_from_slice(shorten(argument, room));
            shown.extend_from_slice(b"' ");
        }
        let name = shorten(request.name(), SHOWN);
        let text = [b"unknown command '", name, b"', with args beginning with: ", &shown];
        Self::Quoting(text.concat())
    }

    /// `CONFIG FOO`: `container` is the lower-case name from the table.
    pub(super) fn unknown_subcommand(container: &str, given: &[u8]) -> Self {
        let container = container.to_ascii_uppercase();
        let given = shorten(given, SHOWN);
        let text = [b"unknown subcommand '", given, b"'. Try ", container.as_bytes(), b" HELP."];
        Self::Quoting(text.concat())
    }

    /// An option that EXPIRE and its kin do not have.
    pub(super) fn unsupported_option(given: &[u8]) -> Self {
        Self::Quoting([b"Unsupported option ", shorten(given, given.len())].concat())
    }

    /// Appends the error reply.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let text = match self {
            Self::Syntax => "ERR syntax error",
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::NotAnInteger => "ERR value is not an integer or out of range",
            Self::HashNotAnInteger => "ERR hash value is not an integer",
            Self::Overflow => "ERR increment or decrement would overflow",
            Self::DecrementOverflow => "ERR decrement would overflow",
            Self::NxAndOthers => {
                "ERR NX and XX, GT or LT options at the same time are not compatible"
            }
            Self::GtAndLt => "ERR GT and LT options at the same time are not compatible",
            Self::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Self::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            Self::NoSuchDatabase => "ERR DB index is out of range",
            Self::NoKeyArguments => "ERR The command has no key arguments",
            Self::InvalidCommand => "ERR Invalid command specified",
            Self::InvalidArguments => "ERR Invalid arguments specified for command",
            Self::InvalidCount => "ERR Invalid number of arguments specified for command",
            Self::NoConfigFile => "ERR The server is running without a config file",
            Self::ExpireTime(name) => {
                return encode::error(out, format!("ERR invalid expire time in '{name}' command"));
            }
            Self::Arity(name) => {
                let text = format!("ERR wrong number of arguments for '{name}' command");
                return encode::error(out, text);
            }
            Self::NotAvailable(name) => return encode::error(out, not_available(name)),
            Self::Text(text) => return encode::error(out, format!("ERR {text}")),
            Self::Quoting(text) => return encode::error(out, [b"ERR ", text.as_slice()].concat()),
        };
        encode::error(out, text);
    }
}

fn not_available(name: &str) -> String {
    let name = name.replace('|', " ");
    format!(
        "ERR '{name}' is not available with upstream memory://: the embedded engine has {OFFERED}; \
         set upstream.url (REDIS_URL) to a Redis server to use it"
    )
}

/// Redis treats the argument as a C string: a zero byte ends it.
fn shorten(bytes: &[u8], most: usize) -> &[u8] {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    bytes.get(..end.min(most)).unwrap_or(bytes)
}
