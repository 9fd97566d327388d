//! SCAN from its begin to its end, round by round, for what no single command can say without holding Redis up.
//!
//! Each round is a command of its own, so all other clients go on between two. Bounded in time: what a database of
//! any size answers ends, or is an error. A key may come twice, as with any SCAN; what is there all the while comes.

use super::context::{Backend, wall_clock};
use super::{End, Session, Socket, class};
use crate::command;
use crate::upstream::lane::Order;
use crate::upstream::retry::Class;
use crate::wire::decode::Request;
use crate::wire::encode;
use crate::wire::reply::Reply;
use bytes::Bytes;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Elements that Redis looks at in one round: well under a millisecond of its time.
const COUNT: &[u8] = b"1000";

/// How long all rounds together may take where no upstream says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// Error replies of our own.
const NO_SCAN: &[u8] = b"-ERR the upstream's reply to SCAN can't be read\r\n";
const TOO_LONG: &[u8] = b"-TIMEOUT too many keys to look through within upstream.command_timeout; \
    nothing is returned; use SCAN\r\n";

/// A walk through the keys of the client's database.
pub(super) struct Rounds {
    /// Words of SCAN behind its cursor.
    options: Vec<Vec<u8>>,
    cursor: Vec<u8>,
    is_over: bool,
    until: Instant,
}

impl Rounds {
    /// Through the keys that match the glob, of the type, if one is given.
    pub(super) fn new(pattern: &[u8], of_type: Option<&[u8]>, patience: Duration) -> Self {
        let mut options: Vec<Vec<u8>> = vec![b"COUNT".to_vec(), COUNT.to_vec()];
        if pattern != b"*" {
            options.extend([b"MATCH".to_vec(), pattern.to_vec()]);
        }
        if let Some(of_type) = of_type {
            options.extend([b"TYPE".to_vec(), of_type.to_vec()]);
        }
        let until = Instant::now() + patience;
        Self { options, cursor: b"0".to_vec(), is_over: false, until }
    }

    fn frame(&self) -> Vec<u8> {
        let mut words: Vec<&[u8]> = vec![b"SCAN", &self.cursor];
        words.extend(self.options.iter().map(Vec::as_slice));
        let mut frame = Vec::with_capacity(96);
        encode::command(&mut frame, &words);
        frame
    }
}

impl<S: Socket> Session<S> {
    /// A walk through the keys that match, which begins now.
    pub(super) fn rounds(&self, pattern: &[u8]) -> Rounds {
        Rounds::new(pattern, None, self.patience_for_rounds())
    }

    /// All keys that match, one by one, until `visit` breaks off. An error reply if they can't all be told: the
    /// upstream's own, or that there are too many for the time.
    pub(super) async fn scan_all(
        &mut self,
        pattern: &[u8],
        of_type: Option<&[u8]>,
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Result<(), Vec<u8>>, End> {
        let mut rounds = Rounds::new(pattern, of_type, self.patience_for_rounds());
        loop {
            match self.next_round(&mut rounds).await? {
                Err(error) => return Ok(Err(error)),
                Ok(None) => return Ok(Ok(())),
                Ok(Some(keys)) => {
                    if keys.iter().try_for_each(|key| visit(key)).is_break() {
                        return Ok(Ok(()));
                    }
                }
            }
        }
    }

    /// The keys of one round, which may be none; `None` when all rounds are over.
    pub(super) async fn next_round(
        &mut self,
        rounds: &mut Rounds,
    ) -> Result<Result<Option<Vec<Bytes>>, Vec<u8>>, End> {
        if rounds.is_over {
            return Ok(Ok(None));
        }
        if Instant::now() >= rounds.until {
            return Ok(Err(TOO_LONG.to_vec()));
        }
        let reply = Bytes::from(self.exchange(&rounds.frame()).await?);
        if reply.starts_with(b"-") {
            return Ok(Err(reply.to_vec()));
        }
        let Some((cursor, keys)) = read_round(&reply, self.state.protocol) else {
            return Ok(Err(NO_SCAN.to_vec()));
        };
        rounds.is_over = cursor[..] == *b"0";
        rounds.cursor = cursor.to_vec();
        Ok(Ok(Some(keys)))
    }

    /// Sends a command of our own to where the client's commands go, and waits for its reply. All that the client
    /// has on the way is answered before; not for use within MULTI.
    pub(super) async fn exchange(&mut self, frame: &[u8]) -> Result<Vec<u8>, End> {
        self.settle().await?;
        let Some(request) = Request::parse(frame) else { return Ok(Vec::new()) };
        let spec = command::lookup(request.name());
        let context = std::rc::Rc::clone(&self.context);
        if let Backend::Memory(embedded) = &context.backend {
            let (db, protocol) = (self.state.db as usize, self.state.protocol);
            let mut reply = Vec::new();
            embedded.engine.execute(&request, spec, db, protocol, wall_clock(), &mut reply);
            // Others are to have their turn between two.
            self.meanwhile(tokio::task::yield_now(), false).await?;
            return Ok(reply);
        }
        let Some(lane) = self.current_lane() else { return Ok(Vec::new()) };
        let class = if self.held.is_some() { Class::Never } else { class(spec) };
        let order = Order { class, ..Order::default() };
        self.call(|own| lane.pass(spec, &request, order, own)).await
    }

    /// How long all rounds of one command may take.
    pub(super) fn patience_for_rounds(&self) -> Duration {
        self.upstream().map_or(PATIENCE, |upstream| upstream.command_timeout())
    }
}

/// The next cursor, and the keys.
fn read_round(reply: &Bytes, protocol: crate::wire::Protocol) -> Option<(Bytes, Vec<Bytes>)> {
    let Ok(Reply::Array(parts)) = Reply::parse(reply, protocol) else { return None };
    let Ok([Reply::Bulk(cursor), Reply::Array(keys)]) = <[Reply; 2]>::try_from(parts) else {
        return None;
    };
    let bulk = |key| match key {
        Reply::Bulk(key) => Some(key),
        _ => None,
    };
    Some((cursor, keys.into_iter().map(bulk).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::{Rounds, read_round};
    use crate::wire::Protocol;
    use bytes::Bytes;
    use std::time::Duration;

    #[test]
    fn a_round_says_only_what_is_asked() {
        let text =
            |rounds: &Rounds| String::from_utf8(rounds.frame()).unwrap().replace("\r\n", " ");
        let all = Rounds::new(b"*", None, Duration::ZERO);
        assert_eq!(text(&all), "*4 $4 SCAN $1 0 $5 COUNT $4 1000 ");
        let some = Rounds::new(b"a*", Some(b"hash"), Duration::ZERO);
        assert!(text(&some).ends_with("$5 MATCH $2 a* $4 TYPE $4 hash "), "{}", text(&some));
    }

    #[test]
    fn what_is_no_reply_to_scan_is_not_taken_for_one() {
        let read = |text: &'static str| read_round(&Bytes::from(text), Protocol::Resp2);
        let (cursor, keys) = read("*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$0\r\n\r\n").unwrap();
        assert_eq!((&cursor[..], keys.len()), (&b"17"[..], 2));
        for text in ["+OK\r\n", "*1\r\n$1\r\n0\r\n", "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n", "*0\r\n", ""]
        {
            assert!(read(text).is_none(), "{text:?}");
        }
    }
}
