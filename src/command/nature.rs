//! What no flag of Redis says of a command: whether its reply follows from the data alone, and whether it gives
//! keys a time to live. For those who keep replies.

/// Readonly commands whose next reply may be another though no data has changed.
pub(super) const UNREPEATABLE: [&str; 15] = [
    "dump",
    "hpttl",
    "hrandfield",
    "hscan",
    "httl",
    "pttl",
    "sort_ro",
    "srandmember",
    "sscan",
    "touch",
    "ttl",
    "vrandmember",
    "xpending",
    "zrandmember",
    "zscan",
];

/// Commands that may set or pass on a time to live.
pub(super) const LIFETIMES: [&str; 17] = [
    "copy",
    "expire",
    "expireat",
    "getex",
    "hexpire",
    "hexpireat",
    "hgetex",
    "hpexpire",
    "hpexpireat",
    "hsetex",
    "pexpire",
    "pexpireat",
    "psetex",
    "rename",
    "renamenx",
    "restore",
    "setex",
];

/// Whether the list has the name; for the compiler to find out.
pub(super) const fn is_among(name: &str, names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if is_same(name.as_bytes(), names[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}
