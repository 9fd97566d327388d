//! Why bytes from upstream are no reply. Each means that we have lost our place on that connection, or that
//! what answers there is no Redis: it must be closed, and what was asked on it is in doubt.

/// Why bytes from upstream are no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// No type of RESP2 or RESP3 begins with this byte.
    #[error("a reply from upstream begins with the byte {0:#04x}, which is no RESP type")]
    UnknownType(u8),
    /// A length or a count is not a number.
    #[error("a reply from upstream has an invalid length")]
    InvalidLength,
    /// A length or a count is larger than any that Redis sends.
    #[error("a reply from upstream has a length out of range")]
    LengthOutOfRange,
    /// A bulk is not closed by CRLF where its length says so.
    #[error("a bulk from upstream is not closed by CRLF")]
    MissingCrlf,
    /// An integer, a boolean or a null that is not one. Holds its type.
    #[error("a reply of type '{}' from upstream is malformed", char::from(*.0))]
    InvalidLine(u8),
    /// A streamed string or aggregate, which Redis never sends.
    #[error("a reply from upstream is of a streamed type")]
    Streamed,
}
