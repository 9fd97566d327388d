//! What is wrong with a configuration: a path, what is wrong there, and the mend.
//! Faults are gathered, never thrown one by one. A fault never holds a secret.

use std::fmt;

use super::layers::Origin;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's path, such as `upstream.pool.max`, or the file that could not be read.
    pub path: String,
    /// Where the value came from.
    pub origin: Origin,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        match self.origin {
            Origin::Env(name) | Origin::Flag(name) => write!(f, " (from {name})")?,
            Origin::Default | Origin::File => {}
        }
        write!(f, "; {}", self.mend)
    }
}

/// Everything that is wrong, one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes one.
    pub(super) fn add(
        &mut self,
        path: impl Into<String>,
        origin: Origin,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.0.push(Fault { path: path.into(), origin, what: what.into(), mend: mend.into() });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}
