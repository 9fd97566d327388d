//! `namespace`: what the keys of an app begin with upstream.

use super::Config;
use super::keys;
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

impl Config {
    /// Every namespace of an app; of two that differ, none begins with the other.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        let users = self.listen.users.iter().map(|user| &user.namespace);
        let all = std::iter::once(&self.namespace).chain(users);
        all.filter_map(|namespace| namespace.prefix.as_deref())
    }
}

pub(super) fn namespace(reader: &mut Reader<'_>) -> Option<Namespace> {
    let prefix = reader.text(&keys::NAMESPACE).to_owned();
    let channels = reader.switch(&keys::NAMESPACE_CHANNELS);
    let scripts = reader.word(&keys::SCRIPTS);
    let prefix = match prefix.as_str() {
        "" => None,
        _ => match fault_of(&prefix) {
            None => Some(prefix),
            Some(what) => return reader.fault(&keys::NAMESPACE, what, &mend()),
        },
    };
    let (channels, allows_scripts) = (channels?, scripts? != "deny");
    Some(Namespace { prefix, channels, allows_scripts })
}

/// What is wrong with a prefix, if anything. SORT's patterns know no escape for `*`, and what Redis itself names so
/// must not be taken for an app's.
pub(super) fn fault_of(prefix: &str) -> Option<&'static str> {
    let is_printable = |byte: u8| byte >= 0x80 || byte.is_ascii_graphic();
    match () {
        () if prefix.len() > LONGEST => Some("is too long"),
        () if !prefix.bytes().all(is_printable) => Some("has a blank or a control character"),
        () if prefix.contains('*') => Some("has a *, which patterns of SORT can't escape"),
        () if prefix.starts_with("__") => Some("begins with __, as Redis's own channels do"),
        () => None,
    }
}

/// What to do about it.
pub(super) fn mend() -> String {
    format!("give 1 to {LONGEST} printable characters, such as \"shop:\"")
}
