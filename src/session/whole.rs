//! DBSIZE, RANDOMKEY, FLUSHDB and FLUSHALL of a client whose keys lie in a namespace: of its keys alone, by rounds of
//! SCAN, so that neither the upstream nor other clients are held up. They cost what a walk through the whole database
//! costs.

use super::{End, Session, Socket, error_reply};
use crate::command::Spec;
use crate::policy::namespace::{Namespace, Whole};
use crate::wire::decode::Request;
use crate::wire::encode;
use crate::wire::reply::Reply;
use bytes::Bytes;
use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::sync::Arc;

/// So many keys are told apart when they are counted, 16 MB of hashes; beyond them one that SCAN shows twice, as it
/// may while the upstream's table shrinks, counts twice.
const TOLD_APART: usize = 1 << 20;

/// RANDOMKEY is asked so often before all keys are walked through: where a quarter are the app's, that finds one
/// nine times of ten.
const TRIES: usize = 8;

impl<S: Socket> Session<S> {
    /// What the command asks of a whole database, if the client has but a part of it.
    pub(super) fn asks_whole(&self, spec: Option<&Spec>) -> Option<(Whole, Arc<Namespace>)> {
        let namespace = self.namespace()?;
        if self.state.in_multi || !self.state.is_authenticated {
            return None;
        }
        Some((Whole::of(spec?)?, Arc::clone(namespace)))
    }

    pub(super) async fn whole(
        &mut self,
        whole: Whole,
        namespace: &Namespace,
        request: &Request<'_>,
    ) -> Result<(), End> {
        let is_flush = matches!(whole, Whole::Flush | Whole::FlushAll);
        if is_flush && !has_flush_option(request) {
            self.answer(|out| encode::error(out, error_reply::SYNTAX));
            return Ok(());
        }
        let reply = match whole {
            Whole::Size => self.count_keys(namespace).await?,
            Whole::Random => self.random_key(namespace).await?,
            Whole::Flush => self.flush(namespace).await?,
            Whole::FlushAll => self.flush_all(namespace).await?,
        };
        self.answer(|out| out.extend_from_slice(&reply));
        Ok(())
    }

    async fn count_keys(&mut self, namespace: &Namespace) -> Result<Vec<u8>, End> {
        let hash = foldhash::fast::RandomState::default();
        let (mut seen, mut count, glob) = (HashSet::new(), 0, namespace.glob());
        let walk = self.scan_all(&glob, None, |key| {
            let is_new = seen.len() >= TOLD_APART || seen.insert(hash.hash_one(key));
            count += i64::from(is_new);
            ControlFlow::Continue(())
        });
        Ok(match walk.await? {
            Ok(()) => written(|out| encode::integer(out, count)),
            Err(error) => error,
        })
    }

    /// Each key is as likely as any other: what RANDOMKEY draws of others' is drawn again, and of a walk each key
    /// takes the place of the one before it with the chance that makes all equal.
    async fn random_key(&mut self, namespace: &Namespace) -> Result<Vec<u8>, End> {
        let protocol = self.state.protocol;
        for _ in 0..TRIES {
            let reply = Bytes::from(self.exchange(b"*1\r\n$9\r\nRANDOMKEY\r\n").await?);
            if reply.starts_with(b"-") {
                return Ok(reply.to_vec());
            }
            let drawn = Reply::parse(&reply, protocol).ok();
            if let Some(Reply::Bulk(key)) = drawn
                && let Some(own) = namespace.own(&key)
            {
                return Ok(written(|out| encode::bulk(out, own)));
            }
        }
        let (mut drawn, mut count, glob) = (None, 0_u64, namespace.glob());
        let walk = self.scan_all(&glob, None, |key| {
            count += 1;
            if fastrand::u64(..count) == 0 {
                drawn = namespace.own(key).map(<[u8]>::to_vec);
            }
            ControlFlow::Continue(())
        });
        Ok(match (walk.await?, drawn) {
            (Err(error), _) => error,
            (Ok(()), Some(key)) => written(|out| encode::bulk(out, &key)),
            (Ok(()), None) => written(|out| encode::null(out, protocol)),
        })
    }

    /// Keys that are made while it goes on may stay.
    async fn flush(&mut self, namespace: &Namespace) -> Result<Vec<u8>, End> {
        let mut rounds = self.rounds(&namespace.glob());
        loop {
            let keys = match self.next_round(&mut rounds).await? {
                Err(error) => return Ok(error),
                Ok(None) => return Ok(b"+OK\r\n".to_vec()),
                Ok(Some(keys)) => keys,
            };
            let mut words = vec![b"UNLINK".as_slice()];
            words.extend(keys.iter().map(|key| &key[..]));
            if words.len() > 1 {
                let reply = self.exchange(&written(|out| encode::command(out, &words))).await?;
                if reply.starts_with(b"-") {
                    return Ok(reply);
                }
            }
        }
    }

    /// The same in every database that has keys.
    async fn flush_all(&mut self, namespace: &Namespace) -> Result<Vec<u8>, End> {
        let info = self.exchange(b"*2\r\n$4\r\nINFO\r\n$8\r\nkeyspace\r\n").await?;
        if info.starts_with(b"-") {
            return Ok(info);
        }
        // Not on a connection of the client's own: that one is on its database.
        let (db, held) = (self.state.db, self.held.take());
        let mut outcome = Ok(b"+OK\r\n".to_vec());
        for other in databases(&info) {
            self.state.db = other;
            self.lane = None;
            outcome = self.flush(namespace).await;
            if outcome.as_ref().map_or(true, |reply| reply.starts_with(b"-")) {
                break;
            }
        }
        (self.state.db, self.held, self.lane) = (db, held, None);
        outcome
    }
}

/// FLUSHDB and FLUSHALL take SYNC or ASYNC; keys are unlinked either way.
fn has_flush_option(request: &Request<'_>) -> bool {
    let is_known =
        |word: &[u8]| word.eq_ignore_ascii_case(b"async") || word.eq_ignore_ascii_case(b"sync");
    request.argc() <= 2 && request.arg(1).is_none_or(is_known)
}

/// The databases of INFO's lines `db0:keys=...`.
fn databases(info: &[u8]) -> Vec<u32> {
    let text = String::from_utf8_lossy(info);
    let number = |line: &str| line.strip_prefix("db")?.split(':').next()?.parse().ok();
    text.lines().filter_map(number).collect()
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn databases_are_those_that_info_tells_of() {
        let info = b"$52\r\n# Keyspace\r\ndb0:keys=3,expires=0\r\ndb11:keys=1,expires=1\r\nx\r\n";
        assert_eq!(super::databases(info), [0, 11]);
    }
}
