//! `namespace`: what the keys of an app begin with upstream.

use super::keys::{self, Key};
use super::read::Reader;

/// Bytes that a namespace may have: it comes with every key.
const LONGEST: usize = 128;

/// Where the keys of an app lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// What each key begins with upstream: 1 to 128 printable bytes without `*` and blanks. `None` where
    /// keys go as they are.
    pub prefix: Option<String>,
    /// Whether channels lie in it too.
    pub channels: bool,
    /// Whether scripts may run: of their keys only the declared ones are known.
    pub allows_scripts: bool,
}

pub(super) fn namespace(reader: &mut Reader<'_>) -> Option<Namespace> {
    let prefix = reader.text(&keys::NAMESPACE).to_owned();
    let channels = reader.switch(&keys::NAMESPACE_CHANNELS);
    let scripts = reader.word(&keys::SCRIPTS);
    let prefix = match prefix.as_str() {
        "" => None,
        _ => Some(check(reader, &keys::NAMESPACE, prefix)?),
    };
    let (channels, allows_scripts) = (channels?, scripts? != "deny");
    Some(Namespace { prefix, channels, allows_scripts })
}

/// SORT's patterns know no escape for `*`, and what Redis itself names so must not be taken for an app's.
fn check(reader: &mut Reader<'_>, key: &Key, prefix: String) -> Option<String> {
    let is_printable = |byte: u8| byte >= 0x80 || byte.is_ascii_graphic();
    let what = match () {
        () if prefix.len() > LONGEST => "is too long",
        () if !prefix.bytes().all(is_printable) => "has a blank or a control character",
        () if prefix.contains('*') => "has a *, which patterns of SORT can't escape",
        () if prefix.starts_with("__") => "begins with __, as Redis's own channels do",
        () => return Some(prefix),
    };
    let mend = format!("give 1 to {LONGEST} printable characters, such as \"shop:\"");
    reader.fault(key, what, &mend)
}
