//! RESP values as tests look at them, and the small parser that makes them.
//! Written apart from the crate's own scanner, so that a fault there cannot hide itself.

use super::escape;

/// One reply, in RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Simple(String),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`
    Nil,
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    /// doubles, booleans, big numbers and verbatim strings, as their text with the type byte
    Other(String),
}

impl Value {
    pub(crate) fn ok() -> Self {
        Self::Simple("OK".to_owned())
    }

    pub(crate) fn bulk(text: impl AsRef<[u8]>) -> Self {
        Self::Bulk(text.as_ref().to_vec())
    }

    pub(crate) fn bulks(texts: &[&str]) -> Self {
        Self::Array(texts.iter().map(Self::bulk).collect())
    }

    /// The text of a simple, bulk, error or verbatim value.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Other(text) if text.starts_with('=') => text[5..].to_owned(),
            other => panic!("not a text: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("not an integer: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        match self {
            Self::Error(text) => text,
            other => panic!("not an error: {other:?}"),
        }
    }

    /// The items of an array, a set or a push.
    #[track_caller]
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    /// The value under `key`, in a map or in a flat array of pairs.
    #[track_caller]
    pub(crate) fn field(&self, key: &str) -> Value {
        let key = Self::bulk(key);
        let found = match self {
            Self::Map(pairs) => pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| v),
            other => other.items().chunks(2).find(|pair| pair[0] == key).map(|pair| &pair[1]),
        };
        found.cloned().unwrap_or_else(|| panic!("no field {key:?} in {self:?}"))
    }

    /// Parses one whole reply.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let (value, used) = parse_at(bytes, 0).unwrap_or_else(|| panic!("{}", escape(bytes)));
        assert_eq!(used, bytes.len(), "bytes after the reply: {}", escape(bytes));
        value
    }
}

/// The length of the first whole reply in `bytes`, without building it.
pub(super) fn reply_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut owed = 1_usize;
    while owed > 0 {
        let kind = *bytes.get(at)?;
        let (line, after) = line_at(bytes, at + 1)?;
        at = after;
        owed -= 1;
        match kind {
            b'$' | b'=' | b'!' if number(line) >= 0 => {
                at += usize::try_from(number(line)).unwrap() + 2;
                bytes.get(..at)?;
            }
            b'*' | b'~' | b'>' => owed += usize::try_from(number(line).max(0)).unwrap(),
            b'%' => owed += 2 * usize::try_from(number(line)).unwrap(),
            b'|' => owed += 2 * usize::try_from(number(line)).unwrap() + 1,
            _ => {}
        }
    }
    Some(at)
}

fn parse_at(bytes: &[u8], at: usize) -> Option<(Value, usize)> {
    let kind = *bytes.get(at)?;
    let (line, next) = line_at(bytes, at + 1)?;
    let text = String::from_utf8_lossy(line).into_owned();
    let count = || usize::try_from(number(line)).unwrap();
    Some(match kind {
        b'+' => (Value::Simple(text), next),
        b'-' => (Value::Error(text), next),
        b':' => (Value::Int(number(line)), next),
        b'_' => (Value::Nil, next),
        b'$' | b'*' if number(line) < 0 => (Value::Nil, next),
        b'$' | b'=' | b'!' => {
            let end = next + count();
            let body = bytes.get(next..end)?.to_vec();
            assert_eq!(bytes.get(end..end + 2)?, b"\r\n", "a bulk without its end");
            let other =
                |body: Vec<u8>| format!("{}{}", kind as char, String::from_utf8_lossy(&body));
            let value = if kind == b'$' { Value::Bulk(body) } else { Value::Other(other(body)) };
            (value, end + 2)
        }
        b'*' | b'~' | b'>' => {
            let (items, next) = parse_many(bytes, next, count())?;
            match kind {
                b'*' => (Value::Array(items), next),
                b'~' => (Value::Set(items), next),
                _ => (Value::Push(items), next),
            }
        }
        b'%' => {
            let (items, next) = parse_many(bytes, next, 2 * count())?;
            let pairs = items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
            (Value::Map(pairs), next)
        }
        b'|' => {
            let (_, next) = parse_many(bytes, next, 2 * count())?;
            return parse_at(bytes, next);
        }
        b',' | b'#' | b'(' => (Value::Other(format!("{}{text}", kind as char)), next),
        _ => panic!("not a reply: {}", escape(&bytes[at..])),
    })
}

fn parse_many(bytes: &[u8], mut at: usize, count: usize) -> Option<(Vec<Value>, usize)> {
    let mut items = Vec::new();
    for _ in 0..count {
        let (value, next) = parse_at(bytes, at)?;
        items.push(value);
        at = next;
    }
    Some((items, at))
}

fn line_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&rest[..end], at + end + 2))
}

fn number(line: &[u8]) -> i64 {
    std::str::from_utf8(line).unwrap().parse().unwrap_or_else(|_| panic!("{}", escape(line)))
}
