//! KEYS as rounds of SCAN: the same answer, and nobody waits for it but its client.
//!
//! Bounded: in time, as all rounds are, and in bytes. A key that SCAN shows twice is told once.

use super::super::{End, Session, Socket};
use crate::command::Spec;
use crate::policy::App;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::ControlFlow;

/// Bytes of the answer.
const MOST: usize = 64 << 20;

const TOO_LARGE: &str = "DENIED KEYS is answered by rounds of SCAN here, and finds more than 64 MB; use SCAN (commands.keys)";

impl<S: Socket> Session<S> {
    /// Whether the command is KEYS, and is to be answered so.
    pub(in crate::session) fn asks_rounds(
        &self,
        spec: Option<&Spec>,
        request: &Request<'_>,
    ) -> bool {
        let scans = || self.app.as_deref().is_some_and(App::scans_keys);
        spec.is_some_and(|spec| spec.name == "keys" && spec.fits(request.argc()))
            && scans()
            && self.state.is_authenticated
            && !self.state.in_multi
    }

    pub(in crate::session) async fn find_keys(&mut self, request: &Request<'_>) -> Result<(), End> {
        let pattern = request.arg(1).unwrap_or_default();
        let (mut found, mut count) = (Vec::new(), 0);
        // Two hashes of 64 bits: that two keys have both alike is not to be expected.
        let hashes = [(); 2].map(|()| foldhash::quality::RandomState::default());
        let mut seen = HashSet::new();
        let walk = self.scan_all(pattern, None, |key| {
            if seen.insert(hashes.each_ref().map(|hash| hash.hash_one(key))) {
                encode::bulk(&mut found, key);
                count += 1;
            }
            if found.len() > MOST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let walked = walk.await?;
        drop(seen);
        if found.len() > MOST {
            self.refuse("commands.keys", |out| encode::error(out, TOO_LARGE));
            return Ok(());
        }
        self.answer_shaped(|out| match walked {
            Ok(()) => {
                encode::array_header(out, count);
                out.extend_from_slice(&found);
            }
            Err(error) => out.extend_from_slice(&error),
        });
        Ok(())
    }
}
