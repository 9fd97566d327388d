//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: on one connection from begin to end.
//!
//! EXEC is never sent twice: when its connection is lost, the client gets an error. Commands about the client's
//! own connection (CLIENT, HELLO, AUTH, SUBSCRIBE and its kin) can be queued like any other: a PING holds their place
//! upstream, and EXEC's reply gets their answers put in.

use super::dedicated::{number, select_frame};
use super::govern::behind::send_apart;
use super::{End, Session, Socket, error_reply};
use crate::command::{Kind, Spec};
use crate::policy::Shape;
use crate::policy::namespace::Namespace;
use crate::routing::target::{Hold, is_whoami};
use crate::upstream::error::Failure;
use crate::upstream::lane::{Lane, Order};
use crate::upstream::replies::Replies;
use crate::wire::decode::Request;
use crate::wire::encode;
use crate::wire::scan::{Progress, Scanner};
use std::rc::Rc;

const DISCARD: &[u8] = b"*1\r\n$7\r\nDISCARD\r\n";

/// The place of a queued command that the session answers.
const PLACEHOLDER: &[u8] = b"*1\r\n$4\r\nPING\r\n";

impl<S: Socket> Session<S> {
    /// A command for the connection at hand, which it may change.
    pub(super) async fn on_lane(
        &mut self,
        spec: Option<&'static Spec>,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let kind = spec.map_or(Kind::Ordinary, |spec| spec.kind);
        if matches!(kind, Kind::Exec | Kind::Discard | Kind::Unwatch) {
            return self.conclude(kind, request.bytes()).await;
        }
        let mut frame = request.bytes();
        if self.state.in_multi {
            // What Redis would not queue is Redis's to refuse.
            let exact = crate::command::resolve(request);
            let fits =
                exact.is_some_and(|exact| !exact.is_container() && exact.fits(request.argc()));
            match kind {
                Kind::Select => {
                    self.state.multi_dbs.extend(request.arg(1).and_then(number::<u32>));
                }
                Kind::Client if fits && exact.is_some_and(asks_upstream) => {
                    self.state.is_multi_refused = true;
                    self.answer(|out| encode::error(out, error_reply::NOT_IN_MULTI));
                    return Ok(());
                }
                Kind::Auth | Kind::Hello | Kind::Client | Kind::Acl
                    if fits && (kind != Kind::Acl || is_whoami(request)) =>
                {
                    self.state.multi_here.push((self.state.multi_length, frame.to_vec()));
                    frame = PLACEHOLDER;
                }
                // The upstream would confirm each topic by itself, which nobody could count; and its messages
                // come to the hub.
                _ if fits && kind.is_subscription() => {
                    self.state.multi_here.push((self.state.multi_length, frame.to_vec()));
                    frame = PLACEHOLDER;
                }
                _ => {}
            }
            if !matches!(kind, Kind::Multi | Kind::Watch) {
                self.state.note_queued();
            }
        }
        if self.state.in_multi && self.held.is_none() {
            self.answer(|out| encode::error(out, error_reply::NO_MULTI));
            return Ok(());
        }
        if self.is_upstream_away() && self.answer_from_memory(spec, request) {
            return Ok(());
        }
        let order = self.state.order();
        if let Some(lane) = self.current_lane() {
            lane.push(frame, order, &self.replies);
            self.send_kept_behind(false);
        }
        if let Some(tracking) = &mut self.state.tracking {
            tracking.caching = None;
        }
        Ok(())
    }

    /// EXEC, DISCARD, UNWATCH: what was held may go.
    async fn conclude(&mut self, kind: Kind, frame: &[u8]) -> Result<(), End> {
        if self.has_lost_transaction(kind)? {
            return Ok(());
        }
        let ends_multi = self.state.in_multi && kind != Kind::Unwatch;
        let is_exec = ends_multi && kind == Kind::Exec;
        let order = Order { is_exec, ..self.state.order() };
        let Some(lane) = self.current_lane() else { return Ok(()) };
        let ends_watch = !self.state.in_multi && kind == Kind::Unwatch && self.held.is_some();
        if !ends_multi && !ends_watch {
            lane.push(frame, order, &self.replies);
            self.state.multi_length += usize::from(self.state.in_multi);
            return Ok(());
        }
        if is_exec && self.state.is_multi_refused {
            self.state.command = order.command;
            return self.abort(&lane).await;
        }
        let is_edited = !self.state.multi_here.is_empty() || !self.state.multi_shapes.is_empty();
        let head = if is_exec && is_edited {
            self.exec_with_answers(&lane, frame, order).await?
        } else {
            lane.push(frame, order, &self.replies);
            if is_exec {
                send_apart(&lane, &self.state.take_behind_exec(), &self.context.spare);
            }
            self.settle().await?;
            self.replies.last()
        };
        let has_run = is_exec && head[0] == b'*' && head[1] != b'-';
        let dbs = self.state.end_multi();
        if has_run {
            self.follow_selects(&lane, dbs).await?;
        }
        // After an error other than EXECABORT it is not known what still holds.
        let is_clean = head[0] != b'-' || head == *b"-EX";
        if self.held.as_ref().is_some_and(|held| held.hold == Hold::State) {
            return if is_clean { Ok(()) } else { Err(End::Finished) };
        }
        if let Some(held) = self.held.take().filter(|_| is_clean) {
            held.give_back();
        }
        Ok(())
    }

    /// EXEC of a transaction that holds less than the client believes.
    async fn abort(&mut self, lane: &Lane) -> Result<(), End> {
        self.call(|own| lane.push(DISCARD, Order::default(), own)).await?;
        self.state.end_multi();
        self.keep_or_give_back();
        self.answer(|out| encode::error(out, error_reply::MULTI_REFUSED));
        Ok(())
    }

    /// Answers for a transaction whose connection, or whose WATCH's connection, is lost.
    fn has_lost_transaction(&mut self, kind: Kind) -> Result<bool, End> {
        let is_lost = self.state.in_multi && (self.state.is_multi_lost || self.state.is_watch_lost);
        match kind {
            Kind::Exec if is_lost => {
                self.answer(|out| encode::error(out, Failure::Discarded.to_string()));
            }
            Kind::Discard if is_lost => self.answer(|out| encode::simple(out, "OK")),
            Kind::Unwatch if !self.state.in_multi => {
                self.state.is_watch_lost = false;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        self.state.end_multi();
        self.held = None;
        // Its connection goes, and with it what else the client had made of it.
        if self.state.keeps_connection() { Err(End::Finished) } else { Ok(true) }
    }

    /// SELECTs within a transaction have run, each well or not: the last good one counts. Asking again is the
    /// only way to know, since an error within EXEC's reply may be any command's.
    async fn follow_selects(&mut self, lane: &Lane, dbs: Vec<u32>) -> Result<(), End> {
        for db in dbs.into_iter().rev() {
            let frame = select_frame(db);
            let reply = self.call(|own| lane.select(&frame, db, Order::default(), own)).await?;
            if reply.starts_with(b"+") {
                self.state.db = db;
                return Ok(());
            }
            if lane.is_ended() {
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    /// EXEC, with the answers of the commands that were queued here in their places. The head of its reply.
    async fn exec_with_answers(
        &mut self,
        lane: &Lane,
        frame: &[u8],
        order: Order,
    ) -> Result<[u8; 3], End> {
        let is_wanted = !order.is_silent;
        let order = Order { is_silent: false, ..order };
        let (behind, spare) = (self.state.take_behind_exec(), Rc::clone(&self.context.spare));
        let send = |own: &Rc<Replies>| {
            lane.push(frame, order, own);
            send_apart(lane, &behind, &spare);
        };
        // What a client may send in one request it may get in one reply.
        let most = self.context.bounds.of_request(true).max_request;
        self.state.apart = Some(Vec::new());
        let mut reply = self.call_within(most, send).await?;
        let here = std::mem::take(&mut self.state.multi_here);
        let shapes = std::mem::take(&mut self.state.multi_shapes);
        let mut head = [0; 3];
        head.copy_from_slice(reply.get(..3).unwrap_or(b"-ER"));
        if head[0] == b'*' && head[1] != b'-' {
            let mut answers = Vec::new();
            for (place, frame) in here {
                answers.push((place, Change::Answer(self.answer_here(&frame).await?)));
            }
            for (place, shape) in shapes {
                answers.push((place, Change::Strip(shape)));
            }
            answers.sort_by_key(|(place, _)| *place);
            let namespace = self.namespace().map(|own| &**own);
            reply = put_in(&reply, answers, namespace).unwrap_or(reply);
        }
        if is_wanted {
            self.replies.answer(|out| out.extend_from_slice(&reply));
        }
        self.hand_on_apart();
        Ok(head)
    }

    /// Messages that came while EXEC ran, and while its reply was put together, go out behind it.
    pub(super) fn hand_on_apart(&mut self) {
        if let Some(messages) = self.state.apart.take().filter(|messages| !messages.is_empty()) {
            self.replies.push(&messages);
        }
    }

    /// What the session answers to a command about the client's own connection.
    pub(super) async fn answer_here(&mut self, frame: &[u8]) -> Result<Vec<u8>, End> {
        let Some(request) = Request::parse(frame) else { return Ok(Vec::new()) };
        let kind = crate::command::lookup(request.name()).map_or(Kind::Client, |spec| spec.kind);
        let own = Replies::new(Rc::clone(&self.context.spare));
        let replies = std::mem::replace(&mut self.replies, own);
        // Not in the transaction any more: it has run.
        let in_multi = std::mem::take(&mut self.state.in_multi);
        let end = match kind {
            Kind::Auth | Kind::Hello | Kind::Client | Kind::Acl => {
                Box::pin(self.here(kind, &request)).await
            }
            _ => Box::pin(self.subscription(kind, &request)).await,
        };
        self.state.in_multi = in_multi;
        let own = std::mem::replace(&mut self.replies, replies);
        end.map(|()| own.take())
    }
}

/// Subcommands of CLIENT that the session can't answer by itself.
fn asks_upstream(spec: &Spec) -> bool {
    let word = spec.name.trim_start_matches("client|");
    matches!(
        word,
        "tracking" | "caching" | "pause" | "unpause" | "unblock" | "no-touch" | "reply" | "help"
    )
}

/// What becomes of one element of EXEC's reply.
enum Change {
    /// This answer of ours takes its place.
    Answer(Vec<u8>),
    /// The keys in it are the client's own.
    Strip(Shape),
}

/// Makes `changes` in their places of the array `reply`.
fn put_in(
    reply: &[u8],
    changes: Vec<(usize, Change)>,
    namespace: Option<&Namespace>,
) -> Option<Vec<u8>> {
    let start = memchr::memchr(b'\n', reply)? + 1;
    let (mut out, mut rest) = (reply[..start].to_vec(), &reply[start..]);
    let mut changes = changes.into_iter().peekable();
    for place in 0.. {
        if rest.is_empty() {
            break;
        }
        let Ok(Progress::Complete { used }) = Scanner::new().feed(rest) else { return None };
        let (element, behind) = rest.split_at(used);
        match (changes.next_if(|(wanted, _)| *wanted == place), namespace) {
            (Some((_, Change::Answer(answer))), _) => out.extend_from_slice(&answer),
            (Some((_, Change::Strip(shape))), Some(own)) => own.strip(shape, element, &mut out),
            _ => out.extend_from_slice(element),
        }
        rest = behind;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{Change, put_in};

    #[test]
    fn answers_take_the_places_of_their_commands() {
        let reply = b"*4\r\n+PONG\r\n*2\r\n:1\r\n$1\r\nx\r\n+PONG\r\n:7\r\n";
        let answer = |text: &[u8]| Change::Answer(text.to_vec());
        let answers = vec![(0, answer(b"+OK\r\n")), (2, answer(b"$-1\r\n"))];
        let expected = b"*4\r\n+OK\r\n*2\r\n:1\r\n$1\r\nx\r\n$-1\r\n:7\r\n";
        assert_eq!(put_in(reply, answers, None).unwrap(), expected);
    }
}
