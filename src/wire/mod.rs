//! RESP as bytes: where a request ends, where a reply ends, and how our own replies are written.
//! Owns no socket, no clock and no meaning: names, keys and policy live on the floors above.
//! Invariant: no byte that arrives can cause a panic, a recursion, or an allocation of a size that it merely declares.

pub mod decode;
mod double;
pub mod encode;
mod number;
pub mod reply;
pub mod scan;

/// The version of RESP that one side of a connection speaks, as set by `HELLO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2, the protocol of every connection until it says `HELLO 3`.
    #[default]
    Resp2,
    /// RESP3: maps, sets, doubles, booleans, attributes and push messages.
    Resp3,
}
