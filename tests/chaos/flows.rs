//! Clients that wait for others: a queue with BLPOP, and publish with its subscribers.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use super::books::{Books, Fate, Tally, fate, sequence};
use super::traffic::Actor;
use crate::harness::Value;

fn queue(actor: &Actor<'_>) -> String {
    format!("{}:queue", actor.stage.play)
}

fn channel(actor: &Actor<'_>) -> String {
    format!("{}:channel", actor.stage.play)
}

pub(crate) fn produce(actor: &mut Actor<'_>) -> Books {
    let queue = queue(actor);
    let mut pushed = Tally::default();
    while !actor.is_over() {
        let number = actor.next();
        let reply = actor.call(&["RPUSH", &queue, &format!("{queue}:{number}")]);
        let outcome = fate(reply.as_ref());
        pushed.note(number, outcome);
        if outcome == Fate::Applied {
            actor.succeed();
        }
        thread::sleep(Duration::from_millis(3));
    }
    actor.leave();
    Books::Producer { queue, pushed }
}

pub(crate) fn consume(actor: &mut Actor<'_>) -> Books {
    let queue = queue(actor);
    let (mut popped, mut uncertain) = (Vec::new(), 0);
    while !actor.is_over() {
        let reply = actor.call(&["BLPOP", &queue, "1"]);
        match (fate(reply.as_ref()), reply) {
            (Fate::Applied, Some(Value::Nil)) | (Fate::Refused, _) => {}
            (Fate::Applied, Some(reply)) => {
                let pair = reply.items();
                assert_eq!(pair[0], Value::bulk(&queue), "another's queue");
                let tag = pair[1].text();
                assert!(tag.starts_with(&format!("{queue}:")), "popped {tag} from {queue}");
                popped.push(sequence(&tag));
                actor.succeed();
            }
            _ => uncertain += 1,
        }
    }
    actor.leave();
    Books::Consumer { queue, popped, uncertain }
}

pub(crate) fn publish(actor: &mut Actor<'_>) -> Books {
    let channel = channel(actor);
    while !actor.is_over() {
        let number = actor.next();
        let reply = actor.call(&["PUBLISH", &channel, &format!("{channel}:{number}")]);
        if fate(reply.as_ref()) == Fate::Applied {
            assert!(matches!(reply, Some(Value::Int(_))), "PUBLISH said {reply:?}");
            actor.succeed();
        }
        thread::sleep(Duration::from_millis(3));
    }
    // subscribers look whether it is over when a message comes; an outage may swallow some
    for _ in 0..100 {
        let number = actor.next();
        actor.call(&["PUBLISH", &channel, &format!("{channel}:{number}")]);
        thread::sleep(Duration::from_millis(20));
    }
    actor.leave();
    Books::Heard
}

pub(crate) fn listen(actor: &mut Actor<'_>) -> Books {
    let channel = channel(actor);
    let mut heard = HashSet::new();
    let confirmed = actor.call(&["SUBSCRIBE", &channel]);
    assert!(confirmed.is_some_and(|reply| reply.items()[2] == Value::Int(1)), "{}", actor.name);
    while !actor.is_over() {
        // an outage is not seen by subscribers: they stay connected
        let Some(reply) = actor.read() else { panic!("{}: closed", actor.name) };
        let parts = reply.items();
        assert_eq!(parts[..2], *Value::bulks(&["message", &channel]).items(), "{}", actor.name);
        let number = sequence(&parts[2].text());
        assert!(heard.insert(number), "{}: message {number} came twice", actor.name);
        actor.succeed();
    }
    Books::Heard
}
