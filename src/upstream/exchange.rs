//! A command and its reply on a connection that nobody else uses: greetings, and checks by hand.
//!
//! Replies are bounded before they are read as values. It knows no timeout: its callers bound it.

use super::transport::Transport;
use crate::wire::Protocol;
use crate::wire::reply::Reply;
use crate::wire::scan::{Progress, Scanner};
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

/// Bytes of an answer that is no reply which are kept, to tell what came instead.
const KEPT: usize = 64;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The connection is over.
    #[error(transparent)]
    Lost(#[from] io::Error),
    /// What came is not a reply.
    #[error("{reason}")]
    Odd {
        /// What is wrong with it.
        reason: String,
        /// How it begins.
        start: Vec<u8>,
    },
}

/// Sends requests as they are.
///
/// # Errors
/// When the connection is over.
pub async fn send(transport: &mut Transport, bytes: &[u8]) -> io::Result<()> {
    transport.write_all(bytes).await?;
    transport.flush().await
}

/// The next reply, of at most about `limit` bytes.
///
/// # Errors
/// [`ExchangeError`]; the connection can't be used any more.
pub async fn read_reply(
    transport: &mut Transport,
    protocol: Protocol,
    limit: usize,
) -> Result<Reply, ExchangeError> {
    let mut scanner = Scanner::new();
    let mut whole = Vec::new();
    loop {
        let piece = transport.fill_buf().await?;
        if piece.is_empty() {
            return Err(ExchangeError::Lost(io::ErrorKind::UnexpectedEof.into()));
        }
        let progress = scanner.feed(piece);
        let used = match progress {
            Ok(Progress::Complete { used }) => used,
            _ => piece.len(),
        };
        whole.extend_from_slice(&piece[..used]);
        transport.consume(used);
        match progress {
            Err(error) => return Err(odd(&whole, error.to_string())),
            Ok(Progress::Complete { .. }) => break,
            Ok(Progress::Partial) if whole.len() > limit => {
                return Err(odd(&whole, "its reply has no end".to_owned()));
            }
            Ok(Progress::Partial) => {}
        }
    }
    let start = whole[..whole.len().min(KEPT)].to_vec();
    Reply::parse(&whole.into(), protocol)
        .map_err(|error| ExchangeError::Odd { reason: error.to_string(), start })
}

fn odd(whole: &[u8], reason: String) -> ExchangeError {
    ExchangeError::Odd { reason, start: whole[..whole.len().min(KEPT)].to_vec() }
}
