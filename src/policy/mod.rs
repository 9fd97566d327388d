//! Policy: what an app may say to the upstream, and in which words it goes there.
//!
//! One [`App`] is one app's share of the upstream. It judges each command once, before the command is given a way, and
//! knows nothing of sessions, connections or time but what it is told. What it can't understand, it refuses.

pub mod namespace;
mod refusal;

use crate::command::Spec;
use crate::config;
use crate::wire::decode::Request;
use namespace::{Edit, Namespace};
pub use namespace::{Shape, Stripper};
pub use refusal::Refusal;
use std::sync::Arc;

/// What one app may do.
#[derive(Debug)]
pub struct App {
    namespace: Option<Arc<Namespace>>,
}

/// What becomes of one command.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes as it is.
    Pass,
    /// It goes as it was written to the buffer: with as many arguments, and the name in its old place.
    Prefixed,
    /// It goes as it was written to the buffer.
    Rewritten,
    /// It does not go as one command: it speaks of a whole database, of which the app has a part.
    Whole,
    /// It does not go.
    Refused(Refusal),
}

impl App {
    /// The app of the configuration's top level; `None` where nothing is asked of it.
    #[must_use]
    pub fn new(config: &config::Config) -> Option<Arc<Self>> {
        let namespace = Namespace::new(&config.namespace).map(Arc::new)?;
        Some(Arc::new(Self { namespace: Some(namespace) }))
    }

    /// Where its keys lie, where they lie apart.
    #[must_use]
    pub fn namespace(&self) -> Option<&Arc<Namespace>> {
        self.namespace.as_ref()
    }

    /// Judges a command; what is to go instead is written to `out`, which is empty. How its reply is to be read
    /// follows from the command alone: [`Shape::of`].
    #[must_use]
    pub fn judge(
        &self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
        in_multi: bool,
        out: &mut Vec<u8>,
    ) -> Verdict {
        let Some(namespace) = &self.namespace else { return Verdict::Pass };
        match namespace.rewrite(spec, request, in_multi, out) {
            Ok(Edit::None) => Verdict::Pass,
            Ok(Edit::Prefixed) => Verdict::Prefixed,
            Ok(Edit::Written) => Verdict::Rewritten,
            Ok(Edit::Whole) => Verdict::Whole,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }
}
