//! Plays scripts on connections that it opens when they are needed, and sees to it that every key gets an expiry
//! in the same write in which it may have been made.
//!
//! After a trouble its connections are closed: nobody knows what is still to come on them.

use super::{Expect, Line, Script, flat, words};
use crate::cli::keys::{Keys, LIFE, Leftovers};
use crate::cli::link::Link;
use crate::upstream::Upstream;
use crate::upstream::error::ConnectError;
use crate::upstream::exchange::ExchangeError;
use crate::wire::Protocol;
use crate::wire::reply::Reply;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Between two looks at what will be gone in a moment.
const LOOK: Duration = Duration::from_millis(10);

/// Characters of a reply that are shown.
const SHOWN: usize = 120;

/// Why a script did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Trouble {
    /// A connection could not be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A connection ended, or what came is no reply.
    #[error("the connection ended: {0}")]
    Exchange(#[from] ExchangeError),
    /// The server refused a command.
    #[error("{command}: {text}")]
    Refused { command: String, text: String },
    /// The server answered something else.
    #[error("{command}: expected {wanted}, got {got}")]
    Unexpected { command: String, wanted: String, got: String },
    /// It took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

/// Our connections, and our keys.
pub(in crate::cli) struct Player {
    pub(in crate::cli) upstream: Upstream,
    pub(in crate::cli) keys: Keys,
    /// What one script may take.
    pub(in crate::cli) bound: Duration,
    links: [Option<Link>; 3],
    /// Between WATCH or MULTI and EXEC, a command of ours would count as the script's.
    is_bound: bool,
}

impl Player {
    pub(in crate::cli) fn new(upstream: Upstream, keys: Keys, bound: Duration) -> Self {
        Self { upstream, keys, bound, links: [None, None, None], is_bound: false }
    }

    /// Uses `link` as the first connection.
    pub(in crate::cli) fn adopt(&mut self, link: Link) {
        self.links[0] = Some(link);
    }

    /// Closes all connections.
    pub(in crate::cli) fn hang_up(&mut self) {
        self.links = [None, None, None];
        self.is_bound = false;
    }

    /// The connection of this number, opened if it is not there.
    pub(in crate::cli) async fn link(&mut self, number: usize) -> Result<&mut Link, ConnectError> {
        let link = match self.links[number].take() {
            Some(link) => link,
            None => {
                let protocol = if number == 2 { Protocol::Resp3 } else { Protocol::Resp2 };
                Link::open(&self.upstream, protocol).await?
            }
        };
        Ok(self.links[number].insert(link))
    }

    /// Plays it within the bound; how long each reply took.
    pub(in crate::cli) async fn play(&mut self, script: &Script) -> Result<Vec<Duration>, Trouble> {
        let bound = self.bound;
        let played = timeout(bound, self.play_on(script.steps)).await;
        let played = played.unwrap_or(Err(Trouble::TimedOut(bound)));
        if played.is_err() {
            self.hang_up();
        }
        // A subscription or tracking is not left behind for the next.
        (self.links[1], self.links[2]) = (None, None);
        played
    }

    async fn play_on(&mut self, steps: &[super::Step]) -> Result<Vec<Duration>, Trouble> {
        let mut times = Vec::with_capacity(steps.len());
        for (text, expect) in steps {
            let line = Line::read(text);
            let Some((mut reply, took)) = self.say(&line).await? else { continue };
            times.push(took);
            while matches!(expect, Expect::Gone) && reply != Reply::Null {
                sleep(LOOK).await;
                if let Some((again, _)) = self.say(&line).await? {
                    reply = again;
                }
            }
            self.judge(line.command.unwrap_or("what came"), expect, &reply)?;
        }
        Ok(times)
    }

    fn judge(&self, command: &str, expect: &Expect, reply: &Reply) -> Result<(), Trouble> {
        if expect.is_met(reply, self.keys.prefix()) {
            return Ok(());
        }
        let command = shortened(command);
        match reply {
            Reply::Error(text) => Err(Trouble::Refused { command, text: shortened(text) }),
            reply => Err(Trouble::Unexpected {
                command,
                wanted: expect.to_string(),
                got: shortened(&flat(reply).join(" ")),
            }),
        }
    }

    /// Sends a line, and waits for its reply where it is waited for; with how long that took.
    async fn say(&mut self, line: &Line<'_>) -> Result<Option<(Reply, Duration)>, Trouble> {
        let Some(command) = line.command else {
            let began = Instant::now();
            let reply = self.link(line.link).await?.read().await?;
            return Ok(Some((reply, began.elapsed())));
        };
        let words: Vec<String> = words(command)
            .into_iter()
            .map(|word| match word.strip_prefix('@') {
                Some(short) => self.keys.name(short),
                None => word.to_owned(),
            })
            .collect();
        let lasting = self.follow(&words, line);
        let mut commands = vec![words];
        for key in &lasting {
            commands.push(vec!["PEXPIRE".to_owned(), key.clone(), LIFE.to_owned()]);
        }
        let link = self.link(line.link).await?;
        let began = Instant::now();
        link.send(&commands).await?;
        if !line.is_awaited {
            return Ok(None);
        }
        let reply = link.read().await?;
        let took = began.elapsed();
        for key in lasting {
            if self.link(line.link).await?.read().await? == Reply::Integer(1) {
                self.keys.expires(key);
            }
        }
        Ok(Some((reply, took)))
    }

    /// The keys of a command that are to be given an expiry behind it.
    fn follow(&mut self, words: &[String], line: &Line<'_>) -> Vec<String> {
        match words.first().map(String::as_str) {
            Some("MULTI" | "WATCH") => self.is_bound = true,
            Some("EXEC" | "DISCARD" | "UNWATCH") => self.is_bound = false,
            // They take the expiry away, or the key.
            Some("SET" | "MSET" | "GETSET" | "DEL") => self.keys.made_anew(words),
            _ => {}
        }
        let lasting = self.keys.lasting(words);
        if words.iter().any(|word| gives_expiry(word)) {
            lasting.into_iter().for_each(|key| self.keys.expires(key));
            return Vec::new();
        }
        let is_gone = words.first().is_some_and(|name| name == "DEL");
        let is_barred = self.is_bound || line.link > 0 || !line.is_awaited || is_gone;
        if is_barred { Vec::new() } else { lasting }
    }

    /// Deletes all keys that were used, on a connection of its own if need be.
    pub(in crate::cli) async fn forget(&mut self) -> Result<Leftovers, Trouble> {
        let bound = self.bound;
        let forgotten = timeout(bound, async {
            let mut link = match self.links[0].take() {
                Some(link) => link,
                None => Link::open(&self.upstream, Protocol::Resp2).await?,
            };
            Ok(self.keys.forget(&mut link).await?)
        });
        forgotten.await.unwrap_or(Err(Trouble::TimedOut(bound)))
    }
}

fn gives_expiry(word: &str) -> bool {
    ["EX", "PX", "EXPIRE", "PEXPIRE", "SETEX"].contains(&word)
}

fn shortened(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > SHOWN {
        shown.push_str("...");
    }
    shown
}
