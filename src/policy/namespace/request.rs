//! A command written anew with other arguments. What stays is copied in runs, so that a command with one key costs
//! two copies.

use super::{Edit, Namespace};
use crate::wire::decode::Request;
use crate::wire::encode;

/// Writes the command with `prefix` before the arguments that `is_edited` picks; nothing where it picks none.
pub(super) fn prefix(
    request: &Request<'_>,
    prefix: &[u8],
    is_edited: impl Fn(usize) -> bool,
    out: &mut Vec<u8>,
) -> Edit {
    let bytes = request.bytes();
    let base = bytes.as_ptr() as usize;
    let mut copied = 0;
    // Where the argument's own line begins: behind that of the count, then behind each argument.
    let mut line = None;
    for (index, argument) in request.args().enumerate() {
        let start = argument.as_ptr() as usize - base;
        if let Some(line) = line.filter(|_| is_edited(index)) {
            out.extend_from_slice(&bytes[copied..line]);
            encode::bulk_header(out, prefix.len() + argument.len());
            out.extend_from_slice(prefix);
            copied = start;
        }
        line = Some(start + argument.len() + 2);
    }
    if copied == 0 {
        return Edit::None;
    }
    out.extend_from_slice(&bytes[copied..]);
    Edit::Prefixed
}

/// Writes the command with what `replace` gives for an argument in its place.
pub(super) fn replace(
    request: &Request<'_>,
    replace: impl Fn(usize, &[u8]) -> Option<Vec<u8>>,
    out: &mut Vec<u8>,
) -> Edit {
    encode::array_header(out, request.argc());
    for (index, argument) in request.args().enumerate() {
        match replace(index, argument) {
            Some(other) => encode::bulk(out, &other),
            None => encode::bulk(out, argument),
        }
    }
    Edit::Written
}

/// SCAN within the namespace: MATCH is put right, or added. When it is said twice the last one counts, on the
/// server as well, so each is put right.
pub(super) fn scan(request: &Request<'_>, namespace: &Namespace, out: &mut Vec<u8>) -> Edit {
    let is_match = |index: usize| {
        index >= 2
            && index.is_multiple_of(2)
            && request.arg(index).is_some_and(|word| word.eq_ignore_ascii_case(b"match"))
    };
    let glob_at = |index: usize| index > 2 && is_match(index - 1);
    if (2..request.argc()).any(is_match) {
        return replace(request, |n, arg| glob_at(n).then(|| namespace.within(arg)), out);
    }
    encode::array_header(out, request.argc() + 2);
    for (index, argument) in request.args().enumerate() {
        encode::bulk(out, argument);
        if index == 1 {
            encode::bulk(out, b"MATCH");
            encode::bulk(out, &namespace.glob());
        }
    }
    Edit::Written
}
