//! The codes with which errors begin, as far as they are counted by name. Whatever else a server or a module may
//! say is `other`: the number of series stays bounded.

/// Redis's own codes, and last the one for all others.
pub(super) const ALL: [&str; 31] = [
    "ERR",
    "WRONGTYPE",
    "NOSCRIPT",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "NOPROTO",
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "MOVED",
    "ASK",
    "CROSSSLOT",
    "BUSY",
    "BUSYKEY",
    "BUSYGROUP",
    "NOGROUP",
    "NOTBUSY",
    "UNKILLABLE",
    "UNBLOCKED",
    "EXECABORT",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "DENIED",
    "STALE",
    "INPROG",
    "IOERR",
    "other",
];

/// The place of an error reply's code.
pub(super) fn place(reply: &[u8]) -> usize {
    let text = reply.strip_prefix(b"-").unwrap_or(reply);
    let code = text.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let known = &ALL[..ALL.len() - 1];
    known.iter().position(|name| name.as_bytes() == code).unwrap_or(known.len())
}

/// An error reply's code; `other` where it is not known.
#[must_use]
pub fn code(reply: &[u8]) -> &'static str {
    ALL[place(reply)]
}

#[cfg(test)]
mod tests {
    use super::{ALL, place};

    #[test]
    fn a_code_is_the_first_word_and_others_are_one() {
        assert_eq!(ALL[place(b"-WRONGTYPE Operation against a key\r\n")], "WRONGTYPE");
        assert_eq!(ALL[place(b"-ERR\r\n")], "ERR");
        for odd in [&b"-MYMODULE went wrong\r\n"[..], b"-other\r\n", b"-\r\n", b""] {
            assert_eq!(ALL[place(odd)], "other", "{odd:?}");
        }
    }
}
