//! A namespace: every key of an app has a prefix upstream that the app never sees.
//!
//! Where keys stand in a command comes from the command table alone, never from a guess: what can't be told is
//! refused. The way back is in `reply`; channels are in `channels`. Invariant: no key leaves without the prefix.
//! What a script does with keys that it did not declare is out of reach here.

mod channels;
mod pushes;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod treatment;

use super::refusal::Refusal;
use crate::command::keys::{self, Keys, KeysError};
use crate::command::{self, Kind, Spec};
use crate::config;
use crate::wire::decode::Request;
pub use reply::{Shape, Stripper};
pub use treatment::Whole;
use treatment::{Treatment, treatment};

/// See the module.
#[derive(Debug)]
pub struct Namespace {
    prefix: Box<[u8]>,
    /// The same within a glob.
    escaped: Box<[u8]>,
    has_channels: bool,
    allows_scripts: bool,
}

/// What a command became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// It names nothing that lies in the namespace.
    None,
    /// It was written anew: as it was, but for its arguments behind the name.
    Prefixed,
    /// It was written anew.
    Written,
    /// It speaks of a whole database: many commands have to take its place.
    Whole,
}

type Edited = Result<Edit, Refusal>;

impl Namespace {
    /// As it was configured, if it was.
    #[must_use]
    pub fn new(config: &config::Namespace) -> Option<Self> {
        let prefix = config.prefix.as_ref()?.as_bytes();
        Some(Self {
            prefix: prefix.into(),
            escaped: escape(prefix).into(),
            has_channels: config.channels,
            allows_scripts: config.allows_scripts,
        })
    }

    /// What every key begins with upstream.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// A glob for all of its keys.
    #[must_use]
    pub fn glob(&self) -> Vec<u8> {
        [&self.escaped, b"*".as_slice()].concat()
    }

    /// The command as it goes upstream, written to `out` where it is another one.
    pub(super) fn rewrite(
        &self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        in_multi: bool,
        out: &mut Vec<u8>,
    ) -> Edited {
        let Some(spec) = spec else { return Err(unknown(request.name())) };
        let way = treatment(spec);
        if way == Treatment::Keys {
            return self.prefix_keys(spec, request, out);
        }
        if !spec.is_container() {
            return self.treat(spec, way, request, in_multi, out);
        }
        // COMMAND alone has a meaning of its own.
        let Some(word) = request.arg(1) else {
            return if spec.name == "command" { Ok(Edit::None) } else { Err(arity(spec)) };
        };
        let exact = spec.subcommand(word).ok_or_else(|| subcommand(spec, word))?;
        self.treat(exact, treatment(exact), request, in_multi, out)
    }

    fn treat(
        &self,
        spec: &'static Spec,
        way: Treatment,
        request: &Request<'_>,
        in_multi: bool,
        out: &mut Vec<u8>,
    ) -> Edited {
        if way != Treatment::Pass && !spec.fits(request.argc()) {
            return Err(arity(spec));
        }
        match way {
            Treatment::Pass => Ok(Edit::None),
            Treatment::Keys => self.prefix_keys(spec, request, out),
            Treatment::Script if !self.allows_scripts => Err(Refusal::new(
                "namespace",
                format!("DENIED '{}': scripts is deny in this sidecar's configuration", spec.name),
            )),
            Treatment::Script if spec.keys.is_empty() => Ok(Edit::None),
            Treatment::Script => self.prefix_keys(spec, request, out),
            Treatment::Argument(at) => Ok(request::prefix(request, &self.prefix, |n| n == at, out)),
            Treatment::Glob(at) => {
                Ok(request::replace(request, |n, arg| (n == at).then(|| self.within(arg)), out))
            }
            Treatment::Scan => Ok(request::scan(request, self, out)),
            Treatment::Sort => self.sort(spec, request, out),
            Treatment::Whole(_) if in_multi => Err(Refusal::new(
                "namespace",
                format!(
                    "DENIED '{}' inside MULTI under a namespace: it takes many commands",
                    spec.name
                ),
            )),
            Treatment::Whole(_) => Ok(Edit::Whole),
            Treatment::Listen if in_multi => Err(Refusal::new(
                "namespace",
                format!("DENIED '{}' inside MULTI under a namespace", spec.name),
            )),
            Treatment::Listen | Treatment::Publish | Treatment::Topics => {
                self.edit_channels(spec, request, out)
            }
            Treatment::Refuse(why) => Err(Refusal::new(
                "namespace",
                format!("DENIED '{}' under a namespace: {why}", spec.name),
            )),
        }
    }

    fn prefix_keys(&self, spec: &Spec, request: &Request<'_>, out: &mut Vec<u8>) -> Edited {
        let keys = positions(spec, request)?;
        Ok(request::prefix(request, &self.prefix, |n| keys.has(n), out))
    }

    /// SORT: its keys, and the patterns that name others.
    fn sort(&self, spec: &Spec, request: &Request<'_>, out: &mut Vec<u8>) -> Edited {
        let keys = positions(spec, request)?;
        let patterns: Vec<usize> = keys::patterns(spec, request).collect();
        let is_edited = |n| keys.has(n) || patterns.contains(&n);
        Ok(request::prefix(request, &self.prefix, is_edited, out))
    }

    /// A glob of the app, for keys upstream.
    #[must_use]
    pub fn within(&self, glob: &[u8]) -> Vec<u8> {
        [&self.escaped, glob].concat()
    }

    /// A key of the app, as it is upstream.
    #[must_use]
    pub fn key(&self, own: &[u8]) -> Vec<u8> {
        [&self.prefix, own].concat()
    }

    /// A key of the upstream, as the app knows it; `None` where it is not the app's.
    #[must_use]
    pub fn own<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        key.strip_prefix(&*self.prefix)
    }

    /// A whole reply of this shape without the prefix, written to `out`.
    pub fn strip(&self, shape: Shape, reply: &[u8], out: &mut Vec<u8>) {
        Stripper::new(shape).feed(reply, &self.prefix, out);
    }
}

/// In the words of Redis 7.0, of both commands.
const UNBALANCED: &str =
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.";

/// The places of all keys, or the error that the server would have for it.
fn positions(spec: &Spec, request: &Request<'_>) -> Result<Keys, Refusal> {
    keys::positions(spec, request).map_err(|error| match error {
        KeysError::Arity(_) => arity(command::resolve(request).unwrap_or(spec)),
        KeysError::Subcommand(_) => subcommand(spec, request.arg(1).unwrap_or_default()),
        KeysError::Count("xread" | "xreadgroup") => Refusal::new("syntax", UNBALANCED),
        KeysError::Count(_) if spec.kind == Kind::Script => numkeys(spec, request),
        KeysError::Count(_) | KeysError::Option(_) => Refusal::new("syntax", "ERR syntax error"),
    })
}

/// A script's number of keys that can't be, in the server's words.
fn numkeys(spec: &Spec, request: &Request<'_>) -> Refusal {
    let number = std::str::from_utf8(request.arg(2).unwrap_or_default()).unwrap_or_default();
    let text = match number.parse::<i64>() {
        Ok(number) if number < 0 => "ERR Number of keys can't be negative",
        Ok(_) => "ERR Number of keys can't be greater than number of args",
        Err(_) if spec.name.starts_with("fcall") => "ERR Bad number of keys provided",
        Err(_) => "ERR value is not an integer or out of range",
    };
    Refusal::new("syntax", text)
}

fn arity(spec: &Spec) -> Refusal {
    Refusal::new("arity", format!("ERR wrong number of arguments for '{}' command", spec.name))
}

fn subcommand(spec: &Spec, word: &[u8]) -> Refusal {
    let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
    let container = spec.name.to_uppercase();
    Refusal::new("arity", format!("ERR unknown subcommand '{word}'. Try {container} HELP."))
}

fn unknown(name: &[u8]) -> Refusal {
    let name = String::from_utf8_lossy(&name[..name.len().min(128)]);
    Refusal::new(
        "unknown",
        format!("DENIED '{name}' under a namespace: this sidecar does not know where its keys are"),
    )
}

/// A text as a glob that matches it alone.
fn escape(text: &[u8]) -> Vec<u8> {
    let mut glob = Vec::with_capacity(text.len());
    for byte in text {
        if b"*?[]\\^-".contains(byte) {
            glob.push(b'\\');
        }
        glob.push(*byte);
    }
    glob
}
