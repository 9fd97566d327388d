//! What a reply should be, told apart from what it is.

use crate::wire::reply::Reply;

/// The reply of a right Redis.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Expect {
    /// `OK`
    Ok,
    /// Whatever it is, but no error.
    Any,
    /// This number.
    Int(i64),
    /// A number within these bounds.
    Between(i64, i64),
    /// This text; a key is written `@name`.
    Text(&'static str),
    /// Nothing there.
    Null,
    /// Nothing there, in a moment: the command is repeated until it is so.
    Gone,
    /// These values in this order, whatever lies within what.
    List(&'static [&'static str]),
    /// These values in any order.
    Members(&'static [&'static str]),
    /// An error with this code.
    Error(&'static str),
}

impl Expect {
    /// Whether `reply` is it; `prefix` is what `@` stands for.
    pub(super) fn is_met(&self, reply: &Reply, prefix: &str) -> bool {
        let text = flat(reply);
        let same =
            |values: &[&str]| values.iter().map(|value| whole(value, prefix)).collect::<Vec<_>>();
        match (self, reply) {
            (Self::Error(code), Reply::Error(text)) => text.split(' ').next() == Some(*code),
            (Self::Error(_), _) | (_, Reply::Error(_)) => false,
            (Self::Any, _) => true,
            (Self::Ok, _) => text == ["OK"],
            (Self::Int(wanted), Reply::Integer(value)) => wanted == value,
            (Self::Between(least, most), Reply::Integer(value)) => (least..=most).contains(&value),
            (Self::Text(wanted), _) => text == same(&[wanted]),
            (Self::Null | Self::Gone, Reply::Null) => true,
            (Self::List(wanted), _) => text == same(wanted),
            (Self::Members(wanted), _) => {
                let (mut wanted, mut text) = (same(wanted), text);
                wanted.sort();
                text.sort();
                wanted == text
            }
            (Self::Int(_) | Self::Between(..) | Self::Null | Self::Gone, _) => false,
        }
    }
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Any => f.write_str("any reply"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
            Self::Text(text) => f.write_str(text),
            Self::Null | Self::Gone => f.write_str("nothing"),
            Self::List(values) => write!(f, "{}", values.join(" ")),
            Self::Members(values) => write!(f, "{} in any order", values.join(" ")),
            Self::Error(code) => write!(f, "the error {code}"),
        }
    }
}

fn whole(value: &str, prefix: &str) -> String {
    match value.strip_prefix('@') {
        Some(short) => format!("{prefix}{short}"),
        None => value.to_owned(),
    }
}

/// The values of a reply as texts, whatever lies within what; nothing is `nil`.
pub(in crate::cli) fn flat(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Simple(bytes) | Reply::Bulk(bytes) | Reply::BigNumber(bytes) => {
            vec![String::from_utf8_lossy(bytes).into_owned()]
        }
        Reply::Error(text) => vec![text.clone()],
        Reply::Integer(value) => vec![value.to_string()],
        Reply::Double(value) => vec![value.to_string()],
        Reply::Boolean(value) => vec![value.to_string()],
        Reply::Null => vec!["nil".to_owned()],
        Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => {
            values.iter().flat_map(flat).collect()
        }
        Reply::Map(pairs) => {
            pairs.iter().flat_map(|(key, value)| [flat(key), flat(value)].concat()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expect;
    use crate::wire::reply::Reply;

    fn text(text: &'static str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn only_the_right_reply_will_do() {
        let pair =
            Reply::Array(vec![text("p:a"), Reply::Array(vec![Reply::Integer(2), Reply::Null])]);
        let error = Reply::Error("WRONGTYPE Operation against a key".to_owned());
        let all =
            [Reply::Simple("OK".into()), Reply::Integer(3), text("v"), Reply::Null, pair, error];
        for (expect, right) in [
            (Expect::Ok, 0),
            (Expect::Int(3), 1),
            (Expect::Between(1, 3), 1),
            (Expect::Text("v"), 2),
            (Expect::Null, 3),
            (Expect::Gone, 3),
            (Expect::List(&["@a", "2", "nil"]), 4),
            (Expect::Members(&["nil", "2", "@a"]), 4),
            (Expect::Error("WRONGTYPE"), 5),
        ] {
            for (at, reply) in all.iter().enumerate() {
                assert_eq!(expect.is_met(reply, "p:"), at == right, "{expect:?} {reply:?}");
            }
        }
        assert!(!Expect::List(&["2", "@a", "nil"]).is_met(&all[4], "p:"));
        assert!(all[..5].iter().all(|reply| Expect::Any.is_met(reply, "")));
        assert!(!Expect::Any.is_met(&all[5], ""));
    }
}
