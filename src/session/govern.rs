//! Policy at the door: each command is judged once, as it was decoded, before it is given a way. What comes behind
//! knows the command as it goes upstream; what goes back to the client is put right by its shape.

use super::Session;
use crate::command::{self, Kind, Spec};
use crate::policy::namespace::Namespace;
use crate::policy::{App, Refusal, Shape, Verdict};
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::Outcome;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};

/// Of the buffer for what is written anew so much is kept.
const KEPT: usize = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Hands a command to a lane, or to memory, as policy lets it go. What needs more than that is given back.
    pub(super) fn take_command(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        let uncommon = |request: &Request<'_>| request.bytes().to_vec();
        if self.is_over_rate(request) {
            return Some(uncommon(request));
        }
        let Some(app) = self.app.take() else {
            return (!self.pass(request)).then(|| uncommon(request));
        };
        let context = Rc::clone(&self.context);
        let rewritten = &mut *context.rewritten.borrow_mut();
        let verdict = self.judge(&app, request, rewritten);
        self.app = Some(app);
        let request = match verdict {
            Verdict::Pass => *request,
            Verdict::Prefixed => request.within(rewritten),
            Verdict::Rewritten => Request::parse(rewritten)?,
            Verdict::Whole => return Some(uncommon(request)),
            Verdict::Refused(refusal) => {
                self.tell_refusal(&refusal, request);
                return None;
            }
        };
        self.state.shape = self.shape_of(&request);
        (!self.pass(&request)).then(|| uncommon(&request))
    }

    fn judge(&self, app: &App, request: &Request<'_>, out: &mut Vec<u8>) -> Verdict {
        let spec = command::lookup(request.name());
        if !self.state.is_authenticated || is_always_allowed(spec) {
            return Verdict::Pass;
        }
        out.clear();
        out.shrink_to(KEPT);
        app.judge(spec, request, self.state.in_multi, out)
    }

    /// Within MULTI a refusal makes EXEC fail, as on a server.
    fn tell_refusal(&mut self, refusal: &Refusal, request: &Request<'_>) {
        self.state.is_multi_refused |= self.state.in_multi;
        let _ = self.replies.take_own();
        self.refuse(refusal.rule, |out| encode::error(out, &refusal.text));
        let outcome = Outcome::of_answer(self.replies.take_own());
        let (number, error) = (command::find(request.name()).1, code(refusal.text.as_bytes()));
        self.close(number, outcome, None, Some(error), Instant::now());
    }

    /// Where this client's keys lie, where they lie apart.
    pub(super) fn namespace(&self) -> Option<&Arc<Namespace>> {
        self.app.as_ref().and_then(|app| app.namespace())
    }

    /// Which values of the reply are keys that the client knows by another name.
    fn shape_of(&self, request: &Request<'_>) -> Shape {
        match (self.namespace(), command::resolve(request)) {
            (Some(_), Some(spec)) => Shape::of(spec),
            _ => Shape::None,
        }
    }
}

/// What only makes or ends a connection is no matter of policy.
fn is_always_allowed(spec: Option<&Spec>) -> bool {
    let kinds = [Kind::Auth, Kind::Hello, Kind::Quit, Kind::Reset];
    spec.is_some_and(|spec| kinds.contains(&spec.kind))
}
