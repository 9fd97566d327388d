//! A connection of our own to a Redis or a sidecar, made by the same floor as the product's: one command, one reply.
//!
//! It knows no timeout but those of connecting; whoever plays on it bounds the whole, and drops it when that ends.

use crate::upstream::Upstream;
use crate::upstream::error::ConnectError;
use crate::upstream::exchange::{self, ExchangeError};
use crate::upstream::transport::Transport;
use crate::wire::reply::Reply;
use crate::wire::{Protocol, encode};

/// No reply that is asked for here is near this size.
const MAX_REPLY: usize = 4 << 20;

/// A greeted connection.
pub(super) struct Link {
    transport: Transport,
    protocol: Protocol,
}

impl Link {
    /// Dials and greets.
    pub(super) async fn open(
        upstream: &Upstream,
        protocol: Protocol,
    ) -> Result<Self, ConnectError> {
        let mut transport = upstream.dialer().dial().await?;
        upstream.greet(&mut transport, protocol, upstream.db()).await?;
        Ok(Self { transport, protocol })
    }

    /// A connection that was greeted step by step.
    pub(super) fn over(transport: Transport) -> Self {
        Self { transport, protocol: Protocol::Resp2 }
    }

    /// Sends commands in one write, whose replies are to be read.
    pub(super) async fn send<W: AsRef<[u8]>>(
        &mut self,
        commands: &[Vec<W>],
    ) -> Result<(), ExchangeError> {
        let mut bytes = Vec::new();
        for words in commands {
            let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
            encode::command(&mut bytes, &words);
        }
        Ok(exchange::send(&mut self.transport, &bytes).await?)
    }

    /// The next reply, or push.
    pub(super) async fn read(&mut self) -> Result<Reply, ExchangeError> {
        exchange::read_reply(&mut self.transport, self.protocol, MAX_REPLY).await
    }

    /// One command and its reply.
    pub(super) async fn call(&mut self, words: &[&str]) -> Result<Reply, ExchangeError> {
        self.send(&[words.to_vec()]).await?;
        self.read().await
    }
}
