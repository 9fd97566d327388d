//! Policy at the door: each command is judged once, as it was decoded, before it is given a way. What comes behind
//! knows the command as it goes upstream; what goes back to the client is put right by its shape.

mod audit;
pub(super) mod behind;
mod find_keys;

use super::context::wall_clock;
use super::{Session, Socket, error_reply};
use crate::command::{self, Kind, Number, Spec};
use crate::policy::namespace::Namespace;
use crate::policy::rules::Moment;
use crate::policy::{App, Asked, Draft, Refusal, Shape, Verdict};
use crate::telemetry::metrics::code;
use crate::telemetry::metrics::shard::Outcome;
use crate::wire::decode::Request;
use crate::wire::encode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// A command's row in the table, and its number there: looked up once for each command.
pub(super) type Found = (Option<&'static Spec>, Number);

impl<S: Socket> Session<S> {
    /// Hands a command to a lane, or to memory, as policy lets it go. What needs more than that is given back.
    pub(super) fn take_command(&mut self, request: &Request<'_>) -> Option<Vec<u8>> {
        if self.is_over_rate(request) {
            return Some(request.bytes().to_vec());
        }
        let found = command::find(request.name());
        let Some(app) = self.app.take() else {
            return (!self.pass(request, found)).then(|| request.bytes().to_vec());
        };
        let context = Rc::clone(&self.context);
        let draft = &mut *context.draft.borrow_mut();
        let verdict = self.judge(&app, found, request, draft);
        for refusal in &draft.tried {
            context.shard.events.refusals.count_tried(refusal.rule.clone());
            self.log_refusal(&app, refusal, request);
        }
        if let Verdict::Refused(refusal) = &verdict {
            if app.is_audited() {
                self.log_refusal(&app, refusal, request);
            }
            self.tell_refusal(refusal, found.1);
        }
        self.app = Some(app);
        let (request, found) = match verdict {
            Verdict::Pass => (*request, found),
            Verdict::Prefixed => (request.within(&draft.command), found),
            Verdict::Rewritten => {
                let rewritten = Request::parse(&draft.command)?;
                (rewritten, command::find(rewritten.name()))
            }
            Verdict::Whole => return Some(request.bytes().to_vec()),
            Verdict::Refused(_) => return None,
        };
        self.state.shape = self.shape_of(found.0, &request);
        let uncommon = self.hand_over(&request, found, &draft.behind);
        draft.shrink();
        uncommon
    }

    /// Gives the command a way, and sends `behind` behind it.
    fn hand_over(&mut self, request: &Request<'_>, found: Found, behind: &[u8]) -> Option<Vec<u8>> {
        let is_kept = self.state.in_multi && !behind.is_empty();
        if is_kept && !self.state.queue_behind(behind) {
            self.answer(|out| encode::error(out, error_reply::MULTI_TOO_LARGE));
            return None;
        }
        let owed = self.replies.owed();
        let is_common = !self.asks_rounds(found.0, request) && self.pass(request, found);
        if is_kept || behind.is_empty() {
            return (!is_common).then(|| request.bytes().to_vec());
        }
        if !is_common {
            self.state.keep_behind(behind);
            return Some(request.bytes().to_vec());
        }
        // What an outage's memory has answered needs nothing of the upstream.
        let is_away = self.is_upstream_away() && self.replies.owed() == owed;
        if !is_away {
            self.send_behind(behind, false);
        }
        None
    }

    fn judge(
        &mut self,
        app: &App,
        (spec, number): Found,
        request: &Request<'_>,
        draft: &mut Draft,
    ) -> Verdict {
        if !self.state.is_authenticated || is_always_allowed(spec) {
            draft.behind.clear();
            draft.tried.clear();
            return Verdict::Pass;
        }
        let at =
            app.reads_clock().then(|| Moment { instant: Instant::now(), unix_ms: wall_clock().0 });
        let asked = Asked { spec, number, request, in_multi: self.state.in_multi, at };
        app.judge(&asked, &mut self.meters, draft)
    }

    /// Within MULTI a refusal makes EXEC fail, as on a server.
    fn tell_refusal(&mut self, refusal: &Refusal, command: Number) {
        self.state.is_multi_refused |= self.state.in_multi;
        let _ = self.replies.take_own();
        self.refuse(refusal.rule.clone(), |out| encode::error(out, &refusal.text));
        let outcome = Outcome::of_answer(self.replies.take_own());
        let error = code(refusal.text.as_bytes());
        self.close(command, outcome, None, Some(error), Instant::now());
    }

    /// Where this client's keys lie, where they lie apart.
    pub(super) fn namespace(&self) -> Option<&Arc<Namespace>> {
        self.app.as_ref().and_then(|app| app.namespace())
    }

    /// Which values of the reply are keys that the client knows by another name.
    fn shape_of(&self, spec: Option<&'static Spec>, request: &Request<'_>) -> Shape {
        let exact = match spec.filter(|_| self.namespace().is_some()) {
            Some(spec) if spec.is_container() => command::resolve(request),
            spec => spec,
        };
        exact.map_or(Shape::None, Shape::of)
    }
}

/// What only makes or ends a connection is no matter of policy.
fn is_always_allowed(spec: Option<&Spec>) -> bool {
    let kinds = [Kind::Auth, Kind::Hello, Kind::Quit, Kind::Reset];
    spec.is_some_and(|spec| kinds.contains(&spec.kind))
}
