//! The layers, and how they lie on each other: defaults < file < environment < flags.
//! Here values are still texts; each remembers which layer it came from. What a text means, and
//! whether it may be so, is decided in `read` and `check`, never here.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    env::{self, UpstreamEnv},
    fault::Faults,
    file,
    keys::{self, Key},
};

/// Where a configuration is taken from. The process's own surroundings are taken once, by
/// [`Sources::of_this_process`]; tests give theirs.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The YAML file; `None` is no file.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Env,
    /// What the command line says.
    pub flags: Flags,
}

impl Sources {
    /// `file`, else ./config.yaml where there is one; and this process's environment.
    pub fn of_this_process(file: Option<PathBuf>, flags: Flags) -> Self {
        let standing = PathBuf::from("config.yaml");
        let file = file.or_else(|| standing.exists().then_some(standing));
        // Not UTF-8: kept, garbled, so that it is refused where it is used, not passed over.
        let env = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Self { file, env: Env(env), flags }
    }
}

/// Environment variables. One that is empty counts as unset. It prints names only.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variable, where it is set and not empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What the command line says, as typed.
#[derive(Clone, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<String>,
    /// `--admin`
    pub admin: Option<String>,
    /// `--upstream`; may hold a password.
    pub upstream: Option<String>,
    /// `--workers`
    pub workers: Option<String>,
    /// `--log-level`
    pub log_level: Option<String>,
    /// `--log-format`
    pub log_format: Option<String>,
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let upstream = self.upstream.as_ref().map(|_| "***");
        f.debug_struct("Flags")
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .field("upstream", &upstream)
            .field("workers", &self.workers)
            .field("log_level", &self.log_level)
            .field("log_format", &self.log_format)
            .finish()
    }
}

/// The layer that a value came from. Higher layers are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// The YAML file.
    File,
    /// This environment variable.
    Env(&'static str),
    /// This flag.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env(name) | Self::Flag(name) => name,
        })
    }
}

/// Where each value came from, by key. A key that is not in it has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(pub(super) BTreeMap<&'static str, Origin>);

impl Origins {
    /// Where the value of the key at `path` came from.
    pub fn origin(&self, path: &str) -> Origin {
        self.0.get(path).copied().unwrap_or_default()
    }
}

/// A value as written. No `Debug`: it may be a password.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// All layers, laid on each other.
#[derive(Default)]
pub(super) struct Layers {
    settings: BTreeMap<&'static str, Setting>,
    /// What the environment says of the upstream beside its keys.
    pub(super) upstream: UpstreamEnv,
    pub(super) warnings: Vec<String>,
}

impl Layers {
    /// Reads every source. Defaults are not laid down: they are taken where nothing is set.
    pub(super) fn collect(sources: &Sources, faults: &mut Faults) -> Self {
        let mut layers = Self::default();
        if let Some(path) = &sources.file {
            file::lay(path, &sources.env, &mut layers, faults);
        }
        env::lay(&sources.env, &mut layers, faults);
        layers.lay_flags(&sources.flags);
        layers
    }

    fn lay_flags(&mut self, flags: &Flags) {
        for (key, text) in [
            (&keys::LISTEN_ADDRESS, &flags.listen),
            (&keys::ADMIN_ADDRESS, &flags.admin),
            (&keys::UPSTREAM_URL, &flags.upstream),
            (&keys::WORKERS, &flags.workers),
            (&keys::LOG_LEVEL, &flags.log_level),
            (&keys::LOG_FORMAT, &flags.log_format),
        ] {
            if let (Some(text), Some(flag)) = (text, key.flag) {
                self.set(key, text, Origin::Flag(flag));
            }
        }
    }

    /// Lays a value over what is there.
    pub(super) fn set(&mut self, key: &Key, text: impl Into<String>, origin: Origin) {
        self.settings.insert(key.path, Setting { text: text.into(), origin });
    }

    /// What is set; `None` where nothing is, or where it is empty.
    pub(super) fn setting(&self, key: &Key) -> Option<&Setting> {
        self.settings.get(key.path).filter(|setting| !setting.text.is_empty())
    }

    /// Where the key's value comes from.
    pub(super) fn origin(&self, key: &Key) -> Origin {
        self.setting(key).map(|setting| setting.origin).unwrap_or_default()
    }

    /// The same for every key.
    pub(super) fn origins(&self) -> Origins {
        Origins(
            keys::ALL
                .iter()
                .map(|key| (key.path, self.origin(key)))
                .filter(|(_, origin)| *origin != Origin::Default)
                .collect(),
        )
    }
}
