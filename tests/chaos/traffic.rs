//! The clients: who they are, and those that send pipelines and transactions.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use fastrand::Rng;

use super::Stage;
use super::books::{Books, Fate, Tally, fate, sequence};
use super::flows;
use crate::harness::{Client, Value};

type Role = fn(&mut Actor<'_>) -> Books;

/// Name, RESP version and part of each client. The consumer stands before its producer, whose books need
/// what it popped.
const CAST: [(&str, u8, Role); 10] = [
    ("plain-1", 2, plain),
    ("plain-2", 2, plain),
    ("plain-3", 3, plain),
    ("transaction-1", 2, transactions),
    ("transaction-2", 3, transactions),
    ("consumer", 2, flows::consume),
    ("producer", 3, flows::produce),
    ("subscriber-1", 2, flows::listen),
    ("subscriber-2", 3, flows::listen),
    ("publisher", 2, flows::publish),
];

pub(crate) const CLIENTS: usize = CAST.len();

pub(crate) fn name(index: usize) -> &'static str {
    CAST[index].0
}

/// Starts them all.
pub(crate) fn start<'scope, 'env>(
    stage: &'env Stage<'env>,
    scope: &'scope Scope<'scope, 'env>,
) -> Vec<ScopedJoinHandle<'scope, Books>> {
    let start = |index: usize| {
        scope.spawn(move || {
            let (name, protocol, role) = CAST[index];
            let seed = stage.seed.wrapping_add(index as u64);
            let (name, rng) = (format!("{}:{name}", stage.play), Rng::with_seed(seed));
            let client = connect(stage, protocol);
            role(&mut Actor { stage, index, name, protocol, rng, client, last: 0 })
        })
    };
    (0..CLIENTS).map(start).collect()
}

fn connect(stage: &Stage<'_>, protocol: u8) -> Client {
    let mut client = stage.sidecar.client();
    client.set_patience(Duration::from_secs(40));
    // HELLO needs the upstream's own words once, which may be away
    if protocol == 3 { client.resp3() } else { client }
}

/// One client and its connection.
pub(crate) struct Actor<'a> {
    pub(crate) stage: &'a Stage<'a>,
    index: usize,
    pub(crate) name: String,
    protocol: u8,
    pub(crate) rng: Rng,
    pub(crate) client: Client,
    last: u64,
}

impl Actor<'_> {
    pub(crate) fn is_over(&self) -> bool {
        self.stage.is_over.load(Ordering::SeqCst)
    }

    pub(crate) fn succeed(&self) {
        self.stage.successes[self.index].fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Sends; whether it could is told by the read that follows.
    pub(crate) fn send(&mut self, commands: &[Vec<String>]) {
        let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        commands.iter().for_each(|words| self.remember(words.join(" ")));
        let _ = self.client.try_send(&bytes);
    }

    /// Keeps the last steps, for the one who asks why this client is stuck.
    fn remember(&self, step: String) {
        let trail = &mut *self.stage.trails[self.index].lock().unwrap();
        if trail.len() >= 24 {
            trail.pop_front();
        }
        trail.push_back(step);
    }

    /// The next reply. `None`: the connection is closed, and there is a new one.
    pub(crate) fn read(&mut self) -> Option<Value> {
        let reply = self.client.read_or_close();
        self.remember(format!("{reply:?}"));
        if reply.is_none() {
            self.client = connect(self.stage, self.protocol);
        }
        reply
    }

    pub(crate) fn call(&mut self, words: &[&str]) -> Option<Value> {
        self.send(&[words.iter().map(ToString::to_string).collect()]);
        self.read()
    }

    /// The last command's reply is the last that comes: no command had two.
    pub(crate) fn leave(&mut self) {
        let tag = format!("{}:last", self.name);
        for _ in 0..3 {
            let reply = self.call(&["ECHO", &tag]);
            if fate(reply.as_ref()) == Fate::Applied {
                assert_eq!(reply, Some(Value::bulk(&tag)), "{}", self.name);
                break;
            }
        }
        self.client.expect_silence(Duration::from_millis(20));
    }
}

fn encode(words: &[String]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

#[derive(Clone, Copy)]
enum Step {
    Set,
    Get,
    Incr,
    Push,
    Echo,
}

const STEPS: [Step; 5] = [Step::Set, Step::Get, Step::Incr, Step::Push, Step::Echo];

/// What a client of pipelines knows.
#[derive(Default)]
struct Knowledge {
    /// the last value that was acknowledged
    value: u64,
    /// values that may be set, now or by a late packet
    maybe: HashSet<u64>,
    counts: Tally,
    log: Tally,
    counted: i64,
}

fn plain(actor: &mut Actor<'_>) -> Books {
    let mut known = Knowledge::default();
    while !actor.is_over() {
        let depth = actor.rng.usize(1..=20);
        let steps: Vec<(Step, u64)> =
            (0..depth).map(|_| (STEPS[actor.rng.usize(..STEPS.len())], actor.next())).collect();
        let commands: Vec<_> = steps.iter().map(|step| command(&actor.name, *step)).collect();
        actor.send(&commands);
        let mut is_closed = false;
        for (step, number) in steps {
            let reply = if is_closed { None } else { actor.read() };
            is_closed |= reply.is_none();
            if known.learn(&actor.name, step, number, reply.as_ref()) == Fate::Applied {
                actor.succeed();
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    actor.leave();
    Books::Plain { name: actor.name.clone(), counts: known.counts, log: known.log }
}

fn command(name: &str, (step, number): (Step, u64)) -> Vec<String> {
    let tag = format!("{name}:{number}");
    match step {
        Step::Set => vec!["SET".to_owned(), format!("{name}:v"), tag],
        Step::Get => vec!["GET".to_owned(), format!("{name}:v")],
        Step::Incr => vec!["INCR".to_owned(), format!("{name}:n")],
        Step::Push => vec!["RPUSH".to_owned(), format!("{name}:log"), tag],
        Step::Echo => vec!["ECHO".to_owned(), tag],
    }
}

impl Knowledge {
    /// Takes a reply in, and fails when it cannot be this command's.
    fn learn(&mut self, name: &str, step: Step, number: u64, reply: Option<&Value>) -> Fate {
        let fate = fate(reply);
        if let (Fate::Applied, Some(reply)) = (fate, reply) {
            self.compare(name, step, number, reply);
        }
        match step {
            Step::Set if fate == Fate::Applied => self.value = number,
            Step::Set if fate == Fate::Uncertain => drop(self.maybe.insert(number)),
            Step::Incr => self.counts.note(number, fate),
            Step::Push => self.log.note(number, fate),
            _ => {}
        }
        fate
    }

    fn compare(&mut self, name: &str, step: Step, number: u64, reply: &Value) {
        match step {
            Step::Set => assert_eq!(*reply, Value::ok(), "{name}: SET"),
            Step::Echo => assert_eq!(*reply, Value::bulk(format!("{name}:{number}"))),
            Step::Push => assert!(reply.int() > 0, "{name}: RPUSH said {reply:?}"),
            Step::Incr => {
                assert!(reply.int() > self.counted, "{name}: {reply:?} after {}", self.counted);
                self.counted = reply.int();
                let before = u64::try_from(reply.int() - 1).unwrap();
                self.counts.allows(&format!("INCR {name}:n, before this"), before);
            }
            Step::Get if *reply == Value::Nil => {
                assert_eq!(self.value, 0, "{name}: an acknowledged value is gone");
            }
            Step::Get => {
                let text = reply.text();
                assert!(text.starts_with(&format!("{name}:")), "{name} got {text}");
                let found = sequence(&text);
                let is_known = found == self.value || self.maybe.contains(&found);
                assert!(is_known, "{name}: {found} where {} was set", self.value);
            }
        }
    }
}

fn transactions(actor: &mut Actor<'_>) -> Books {
    let mut both = Tally::default();
    let keys = ["a", "b"].map(|half| format!("{}:{half}", actor.name));
    while !actor.is_over() {
        let number = actor.next();
        let outcome = transaction(actor, &keys, !both.uncertain.is_empty());
        both.note(number, outcome);
        if outcome == Fate::Applied {
            actor.succeed();
        }
        thread::sleep(Duration::from_millis(1));
    }
    actor.leave();
    Books::Transactions { name: actor.name.clone(), both }
}

/// Both keys go up by one, or neither. An earlier one `may_be_late`: it touches what this one watches.
fn transaction(actor: &mut Actor<'_>, keys: &[String; 2], may_be_late: bool) -> Fate {
    let is_watching = actor.rng.bool();
    if is_watching && actor.call(&["WATCH", &keys[0]]) != Some(Value::ok()) {
        return Fate::Refused;
    }
    if actor.call(&["MULTI"]) != Some(Value::ok()) {
        // what was watched is let go, whether or not there is anyone to hear it
        actor.call(&["UNWATCH"]);
        return Fate::Refused;
    }
    for key in keys {
        let reply = actor.call(&["INCR", key]);
        if reply.is_none() {
            return Fate::Refused;
        }
        if reply != Some(Value::Simple("QUEUED".to_owned())) {
            assert_ne!(fate(reply.as_ref()), Fate::Applied, "a queued command: {reply:?}");
            actor.call(&["DISCARD"]);
            return Fate::Refused;
        }
    }
    let reply = actor.call(&["EXEC"]);
    let outcome = fate(reply.as_ref());
    if let (Fate::Applied, Some(reply)) = (outcome, reply) {
        if reply == Value::Nil {
            assert!(may_be_late, "{}: EXEC says that another wrote to its key", actor.name);
            return Fate::Refused;
        }
        let counts = reply.items();
        assert!(counts.len() == 2 && counts[0] == counts[1], "{}: {counts:?}", actor.name);
    }
    outcome
}
