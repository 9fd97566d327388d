//! Replies that we read ourselves (HELLO, INFO, COMMAND, SELECT, ...), as values. Never for what is only passed on.
//! The parsing is redis-protocol's, behind checks of our own, since its recursion has no bound: the scanner must
//! find exactly one reply, no deeper than [`MAX_DEPTH`]. What the crate can't read is an error here too: errors that
//! are not UTF-8, `$-1` and `*-1` in RESP3, maps whose keys are aggregates. It loses the order of RESP3 maps and
//! sets; and attributes, which Redis sends only when debugged, are refused.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use redis_protocol::resp2;
use redis_protocol::resp2::types::BytesFrame as Frame2;
use redis_protocol::resp3;
use redis_protocol::resp3::types::BytesFrame as Frame3;

use super::scan::{Progress, ScanError, Scanner};
use super::{Protocol, number};

/// How deep aggregates may nest.
pub const MAX_DEPTH: usize = 128;

/// A reply as a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `+`
    Simple(Bytes),
    /// `-`, or RESP3's `!`: the code, a blank and the message.
    Error(String),
    /// `:`
    Integer(i64),
    /// `$`, or the text of RESP3's `=`.
    Bulk(Bytes),
    /// A null of any kind.
    Null,
    /// `*`
    Array(Vec<Reply>),
    /// `%`, in no particular order.
    Map(Vec<(Reply, Reply)>),
    /// `~`, in no particular order.
    Set(Vec<Reply>),
    /// `>`
    Push(Vec<Reply>),
    /// `,`
    Double(f64),
    /// `#`
    Boolean(bool),
    /// `(`, in decimal.
    BigNumber(Bytes),
}

/// Why bytes are not one reply that we can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The scanner refuses them.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// They end before the reply does, or go on behind it.
    #[error("not exactly one reply")]
    NotOneReply,
    /// Aggregates in aggregates, beyond [`MAX_DEPTH`].
    #[error("a reply nests deeper than {MAX_DEPTH}")]
    TooDeep,
    /// It carries attributes.
    #[error("a reply carries attributes")]
    Attributes,
    /// Well delimited, but not of a form that can be read.
    #[error("a reply can't be read: {0}")]
    Malformed(String),
}

impl Reply {
    /// Reads `frame`, which must be exactly one reply, in the protocol that its connection speaks.
    ///
    /// # Errors
    /// It is not one reply, or not one that this module reads.
    pub fn parse(frame: &Bytes, protocol: Protocol) -> Result<Self, ReplyError> {
        match Scanner::new().feed(frame)? {
            Progress::Complete { used } if used == frame.len() => {}
            _ => return Err(ReplyError::NotOneReply),
        }
        check_shape(frame)?;
        match protocol {
            Protocol::Resp2 => decoded(resp2::decode::decode_bytes(frame)).map(Self::from),
            Protocol::Resp3 => {
                decoded(resp3::decode::complete::decode_bytes(frame)).and_then(Self::try_from)
            }
        }
    }

    /// The bytes of a string, be it simple or bulk.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(bytes) | Self::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The bytes of a string that is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The value under `key` of a map, or of the flat array that RESP2 has in its place.
    pub fn field(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => {
                pairs.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
            }
            Self::Array(flat) => flat
                .chunks_exact(2)
                .find(|pair| pair.first().and_then(Self::as_str) == Some(key))
                .and_then(|pair| pair.get(1)),
            _ => None,
        }
    }
}

fn decoded<F, E: std::fmt::Display>(
    outcome: Result<Option<(F, usize)>, E>,
) -> Result<F, ReplyError> {
    match outcome {
        Ok(Some((frame, _))) => Ok(frame),
        Ok(None) => Err(ReplyError::Malformed("not whole".to_owned())),
        Err(error) => Err(ReplyError::Malformed(error.to_string())),
    }
}

/// Walks the values with a list of counts in place of the stack, and stops where it grows too long.
fn check_shape(frame: &[u8]) -> Result<(), ReplyError> {
    // Values still to come, at each depth.
    let mut missing: Vec<u64> = vec![1];
    let mut rest = frame;
    while let Some(last) = missing.last_mut() {
        if *last == 0 {
            missing.pop();
            continue;
        }
        *last -= 1;
        let (children, next) = head(rest)?;
        rest = rest.get(next..).unwrap_or_default();
        if children > 0 {
            missing.push(children);
        }
        if missing.len() > MAX_DEPTH + 1 {
            return Err(ReplyError::TooDeep);
        }
    }
    Ok(())
}

/// The values inside the value that begins here, and where the next one begins: the first of them, if any.
fn head(rest: &[u8]) -> Result<(u64, usize), ReplyError> {
    let pairs = match rest.first() {
        Some(b'*' | b'~' | b'>') => 1,
        Some(b'%') => 2,
        Some(b'|') => return Err(ReplyError::Attributes),
        _ => {
            return match Scanner::new().feed(rest)? {
                Progress::Complete { used } => Ok((0, used)),
                Progress::Partial => Err(ReplyError::NotOneReply),
            };
        }
    };
    let end = memchr::memchr(b'\r', rest).ok_or(ReplyError::NotOneReply)?;
    let count = rest.get(1..end).and_then(number::parse);
    let count = count.ok_or(ReplyError::Scan(ScanError::InvalidLength))?;
    Ok((u64::try_from(count).unwrap_or(0).saturating_mul(pairs), end + 2))
}

impl From<Frame2> for Reply {
    fn from(frame: Frame2) -> Self {
        match frame {
            Frame2::SimpleString(text) => Self::Simple(text),
            Frame2::Error(text) => Self::Error(text.to_string()),
            Frame2::Integer(value) => Self::Integer(value),
            Frame2::BulkString(bytes) => Self::Bulk(bytes),
            Frame2::Array(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            Frame2::Null => Self::Null,
        }
    }
}

impl TryFrom<Frame3> for Reply {
    type Error = ReplyError;

    fn try_from(frame: Frame3) -> Result<Self, ReplyError> {
        Ok(match frame {
            Frame3::SimpleString { data, .. } => Self::Simple(data),
            Frame3::SimpleError { data, .. } => Self::Error(data.to_string()),
            Frame3::BlobError { data, .. } => {
                Self::Error(String::from_utf8_lossy(&data).into_owned())
            }
            Frame3::Number { data, .. } => Self::Integer(data),
            Frame3::BlobString { data, .. } | Frame3::VerbatimString { data, .. } => {
                Self::Bulk(data)
            }
            Frame3::Null => Self::Null,
            Frame3::Array { data, .. } => Self::Array(all(data)?),
            Frame3::Push { data, .. } => Self::Push(all(data)?),
            Frame3::Set { data, .. } => Self::Set(all(data)?),
            Frame3::Map { data, .. } => Self::Map(
                data.into_iter()
                    .map(|(key, value)| Ok((Self::try_from(key)?, Self::try_from(value)?)))
                    .collect::<Result<_, ReplyError>>()?,
            ),
            Frame3::Double { data, .. } => Self::Double(data),
            Frame3::Boolean { data, .. } => Self::Boolean(data),
            Frame3::BigNumber { data, .. } => Self::BigNumber(data),
            Frame3::Hello { .. } | Frame3::ChunkedString(_) => {
                return Err(ReplyError::Malformed("not a reply".to_owned()));
            }
        })
    }
}

fn all(frames: impl IntoIterator<Item = Frame3>) -> Result<Vec<Reply>, ReplyError> {
    frames.into_iter().map(Reply::try_from).collect()
}
