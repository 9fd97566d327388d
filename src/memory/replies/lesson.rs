//! What a command and its reply tell of a key's time to live.
//!
//! Deadlines are taken as early as they can be: from when the command was sent, not from when it ran. So what is
//! kept never outlives its key.

use crate::command::Spec;
use crate::wire::decode::Request;

/// What was learnt of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// It has no deadline now.
    Clear,
    /// It has this one now.
    Set(Lifetime),
    /// It may have this one: the earlier of two counts.
    AtMost(Lifetime),
}

/// A time to live as commands say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// In milliseconds, from when the command was run.
    For(u64),
    /// In milliseconds of the wall clock.
    Until(u64),
}

/// What the first key of a command has become. Without `reply`, as within a transaction, nobody knows whether
/// it did what it says.
pub(super) fn learn(spec: &Spec, request: &Request<'_>, reply: Option<&[u8]>) -> Option<Lesson> {
    let has_applied = |yes: &[u8]| reply.is_some_and(|reply| reply.starts_with(yes));
    let is_null = reply.is_some_and(|reply| reply.starts_with(b"$-1") || reply.starts_with(b"_"));
    let set_if = |is_sure: bool, lifetime: Option<Lifetime>| match lifetime {
        Some(lifetime) if is_sure => Some(Lesson::Set(lifetime)),
        Some(lifetime) => Some(Lesson::AtMost(lifetime)),
        None => Some(Lesson::Clear).filter(|_| is_sure),
    };
    match spec.name {
        "set" => learn_set(request, reply, is_null),
        "setex" => set_if(true, number(request, 2).and_then(seconds)),
        "psetex" => set_if(true, number(request, 2).and_then(millis)),
        "expire" if reply.is_none() || has_applied(b":1") => {
            set_if(reply.is_some(), number(request, 2).and_then(seconds))
        }
        "pexpire" if reply.is_none() || has_applied(b":1") => {
            set_if(reply.is_some(), number(request, 2).and_then(millis))
        }
        "expireat" if reply.is_none() || has_applied(b":1") => {
            set_if(reply.is_some(), number(request, 2).and_then(unix_seconds))
        }
        "pexpireat" if reply.is_none() || has_applied(b":1") => {
            set_if(reply.is_some(), number(request, 2).and_then(unix_millis))
        }
        "persist" if has_applied(b":1") => Some(Lesson::Clear),
        "getex" if !is_null => match option(request, 2)? {
            Said::Persist => Some(Lesson::Clear).filter(|_| reply.is_some()),
            Said::Lifetime(lifetime) => set_if(reply.is_some(), Some(lifetime)),
        },
        "restore" => match number(request, 2)? {
            0 => Some(Lesson::Clear),
            ttl if says(request, 4, b"absttl") => set_if(true, unix_millis(ttl)),
            ttl => set_if(true, millis(ttl)),
        },
        // Of a field, which the key's replies must not outlive either.
        "hexpire" => set_if(false, number(request, 2).and_then(seconds)),
        "hpexpire" => set_if(false, number(request, 2).and_then(millis)),
        "hexpireat" => set_if(false, number(request, 2).and_then(unix_seconds)),
        "hpexpireat" => set_if(false, number(request, 2).and_then(unix_millis)),
        "hsetex" | "hgetex" => match option(request, 2)? {
            Said::Persist => None,
            Said::Lifetime(lifetime) => set_if(false, Some(lifetime)),
        },
        "getset" | "getdel" | "del" | "unlink" | "mset" => Some(Lesson::Clear),
        "setnx" | "msetnx" if has_applied(b":1") => Some(Lesson::Clear),
        "ttl" | "pttl" | "expiretime" | "pexpiretime" => told(spec.name, reply?),
        _ => None,
    }
}

/// The reply of TTL and its kin.
fn told(name: &str, reply: &[u8]) -> Option<Lesson> {
    let value: i64 =
        std::str::from_utf8(reply.strip_prefix(b":")?).ok()?.trim_end().parse().ok()?;
    let Ok(value) = u64::try_from(value) else { return Some(Lesson::Clear) };
    Some(Lesson::Set(match name {
        // Rounded to the nearest second.
        "ttl" => Lifetime::For(value.saturating_mul(1000).saturating_sub(500)),
        "pttl" => Lifetime::For(value),
        "expiretime" => Lifetime::Until(value.saturating_mul(1000).saturating_sub(500)),
        _ => Lifetime::Until(value),
    }))
}

fn learn_set(request: &Request<'_>, reply: Option<&[u8]>, is_null: bool) -> Option<Lesson> {
    let said = option(request, 3);
    let is_conditional =
        CONDITIONS.iter().any(|word| (3..request.argc()).any(|at| says(request, at, word)));
    let is_ok = reply.is_some_and(|reply| reply.starts_with(b"+OK"));
    if is_null && is_conditional && !(3..request.argc()).any(|at| says(request, at, b"get")) {
        // Not set: the condition did not hold.
        return None;
    }
    let is_sure = is_ok || !is_conditional;
    let keeps = (3..request.argc()).any(|at| says(request, at, b"keepttl"));
    match said {
        Some(Said::Lifetime(lifetime)) if is_sure => Some(Lesson::Set(lifetime)),
        Some(Said::Lifetime(lifetime)) => Some(Lesson::AtMost(lifetime)),
        _ if keeps || !is_sure => None,
        _ => Some(Lesson::Clear),
    }
}

const CONDITIONS: [&[u8]; 6] = [b"nx", b"xx", b"ifeq", b"ifne", b"ifdeq", b"ifdne"];

/// Whether a SET does nothing but set its value.
pub(super) fn is_plain_set(request: &Request<'_>, reply: &[u8]) -> bool {
    reply.starts_with(b"+OK") && !(3..request.argc()).any(|at| says(request, at, b"get"))
}

enum Said {
    Persist,
    Lifetime(Lifetime),
}

/// The first option about time from argument `from` on.
fn option(request: &Request<'_>, from: usize) -> Option<Said> {
    (from..request.argc()).find_map(|at| {
        let value = || number(request, at + 1);
        let word = request.arg(at)?.to_ascii_lowercase();
        let lifetime = match word.as_slice() {
            b"persist" => return Some(Said::Persist),
            b"ex" => value().and_then(seconds),
            b"px" => value().and_then(millis),
            b"exat" => value().and_then(unix_seconds),
            b"pxat" => value().and_then(unix_millis),
            _ => None,
        };
        lifetime.map(Said::Lifetime)
    })
}

fn says(request: &Request<'_>, at: usize, word: &[u8]) -> bool {
    request.arg(at).is_some_and(|arg| arg.eq_ignore_ascii_case(word))
}

fn number(request: &Request<'_>, at: usize) -> Option<i64> {
    std::str::from_utf8(request.arg(at)?).ok()?.parse().ok()
}

/// A time that is past already deletes the key: no deadline is left.
fn positive(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|value| *value > 0)
}

fn seconds(value: i64) -> Option<Lifetime> {
    positive(value).map(|value| Lifetime::For(value.saturating_mul(1000)))
}

fn millis(value: i64) -> Option<Lifetime> {
    positive(value).map(Lifetime::For)
}

fn unix_seconds(value: i64) -> Option<Lifetime> {
    positive(value).map(|value| Lifetime::Until(value.saturating_mul(1000)))
}

fn unix_millis(value: i64) -> Option<Lifetime> {
    positive(value).map(Lifetime::Until)
}

#[cfg(test)]
mod tests {
    use super::Lesson::{AtMost, Clear, Set};
    use super::Lifetime::{For, Until};
    use super::learn;
    use crate::command::lookup;
    use crate::wire::decode::Request;
    use crate::wire::encode;

    #[test]
    fn what_a_command_and_its_reply_tell() {
        for (words, reply, expected) in [
            ("SET k v", Some("+OK"), Some(Clear)),
            ("set k v ex 10", Some("+OK"), Some(Set(For(10_000)))),
            ("SET k v PX 1500 NX", Some("+OK"), Some(Set(For(1500)))),
            ("SET k v PX 1500 NX", Some("$-1"), None),
            ("SET k v PX 1500 NX", Some("_"), None),
            ("SET k v XX GET EX 7", Some("$1"), Some(AtMost(For(7000)))),
            ("SET k v GET EX 7", Some("$-1"), Some(Set(For(7000)))),
            ("SET k v KEEPTTL", Some("+OK"), None),
            ("SET k v NX", None, None),
            ("SET k v EXAT 5", Some("+OK"), Some(Set(Until(5000)))),
            ("SETEX k 3 v", Some("+OK"), Some(Set(For(3000)))),
            ("PSETEX k 3 v", Some("+OK"), Some(Set(For(3)))),
            ("EXPIRE k 10", Some(":1"), Some(Set(For(10_000)))),
            ("EXPIRE k 10 NX", Some(":0"), None),
            ("EXPIRE k 10", None, Some(AtMost(For(10_000)))),
            ("EXPIRE k -1", Some(":1"), Some(Clear)),
            ("PEXPIREAT k 77", Some(":1"), Some(Set(Until(77)))),
            ("PERSIST k", Some(":1"), Some(Clear)),
            ("PERSIST k", Some(":0"), None),
            ("PERSIST k", None, None),
            ("GETEX k", Some("$1"), None),
            ("GETEX k PERSIST", Some("$1"), Some(Clear)),
            ("GETEX k EX 2", Some("$-1"), None),
            ("GETEX k EX 2", Some("$1"), Some(Set(For(2000)))),
            ("RESTORE k 0 x", Some("+OK"), Some(Clear)),
            ("RESTORE k 9 x ABSTTL", Some("+OK"), Some(Set(Until(9)))),
            ("TTL k", Some(":10"), Some(Set(For(9500)))),
            ("TTL k", Some(":-1"), Some(Clear)),
            ("PTTL k", Some(":10"), Some(Set(For(10)))),
            ("INCR k", Some(":10"), None),
            ("HEXPIRE k 4 FIELDS 1 f", Some("*1"), Some(AtMost(For(4000)))),
        ] {
            let list: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
            let mut frame = Vec::new();
            encode::command(&mut frame, &list);
            let request = Request::parse(&frame).unwrap();
            let reply = reply.map(|reply| format!("{reply}\r\n"));
            let reply = reply.as_ref().map(String::as_bytes);
            let spec = lookup(request.name()).unwrap();
            assert_eq!(learn(spec, &request, reply), expected, "{words} {reply:?}");
        }
    }
}
