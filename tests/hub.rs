//! One subscription upstream for any number of local subscribers, renewed behind their backs.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Answer, Client, Redis, Scripted, Sidecar, SidecarOptions, Value, eventually};

/// How many connections the server counts on `channel`.
fn upstream_subscribers(redis: &Redis, channel: &str) -> i64 {
    redis.direct().call(&["PUBSUB", "NUMSUB", channel]).items()[1].int()
}

fn subscribers(sidecar: &Sidecar, count: usize, channel: &str) -> Vec<Client> {
    let mut clients: Vec<_> = (0..count)
        .map(|n| if n % 2 == 0 { sidecar.client() } else { sidecar.client().resp3() })
        .collect();
    for client in &mut clients {
        let confirmed = client.call(&["SUBSCRIBE", channel]);
        assert_eq!(confirmed.items()[2], Value::Int(1));
    }
    clients
}

fn all_hear(clients: &mut [Client], channel: &str, message: &str) {
    for client in clients {
        assert_eq!(client.read().items(), Value::bulks(&["message", channel, message]).items());
    }
}

#[test]
fn many_local_subscribers_are_one_upstream() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = subscribers(&sidecar, 50, "c");
    assert_eq!(upstream_subscribers(&redis, "c"), 1);
    let lines = redis.connections();
    assert_eq!(lines.iter().filter(|line| line.contains(" sub=1 ")).count(), 1, "{lines:#?}");
    redis.direct().call(&["PUBLISH", "c", "to all"]);
    all_hear(&mut clients, "c", "to all");
}

#[test]
fn the_last_to_leave_ends_the_subscription_upstream() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = subscribers(&sidecar, 4, "c");
    clients[0].call(&["UNSUBSCRIBE", "c"]);
    clients[1].call(&["RESET"]);
    drop(clients.remove(2));
    redis.direct().call(&["PUBLISH", "c", "still"]);
    all_hear(&mut clients[2..], "c", "still");
    drop(clients);
    eventually("no subscription is left", || upstream_subscribers(&redis, "c") == 0);
    let mut client = sidecar.client();
    client.call(&["PSUBSCRIBE", "p*"]);
    assert_eq!(redis.direct().call(&["PUBSUB", "NUMPAT"]), Value::Int(1));
    drop(client);
    eventually("no pattern is left", || {
        redis.direct().call(&["PUBSUB", "NUMPAT"]) == Value::Int(0)
    });
}

#[test]
fn a_confirmation_means_that_messages_will_come() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut publisher = redis.direct();
    for round in 0..100 {
        let channel = format!("c{round}");
        let mut client = sidecar.client();
        client.call(&["SUBSCRIBE", &channel]);
        publisher.call(&["PUBLISH", &channel, "m"]);
        assert_eq!(client.read(), Value::bulks(&["message", &channel, "m"]));
    }
}

#[test]
fn a_lost_subscriber_connection_is_renewed_unseen() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = subscribers(&sidecar, 6, "c");
    let mut pattern = sidecar.client();
    pattern.call(&["PSUBSCRIBE", "p*"]);
    let mut shard = sidecar.client();
    shard.call(&["SSUBSCRIBE", "s"]);
    for round in 0..3 {
        let killed = redis.direct().call(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        assert!(killed.int() >= 1);
        eventually("subscribed again", || {
            let mut direct = redis.direct();
            upstream_subscribers(&redis, "c") == 1
                && direct.call(&["PUBSUB", "NUMPAT"]) == Value::Int(1)
                && direct.call(&["PUBSUB", "SHARDNUMSUB", "s"]).items()[1] == Value::Int(1)
        });
        let message = format!("round {round}");
        let mut direct = redis.direct();
        direct.call(&["PUBLISH", "c", &message]);
        direct.call(&["PUBLISH", "pp", &message]);
        direct.call(&["SPUBLISH", "s", &message]);
        all_hear(&mut clients, "c", &message);
        assert_eq!(pattern.read(), Value::bulks(&["pmessage", "p*", "pp", &message]));
        assert_eq!(shard.read(), Value::bulks(&["smessage", "s", &message]));
    }
    assert_eq!(clients[0].call(&["PING"]), Value::bulks(&["pong", ""]));
    assert_eq!(clients[1].call(&["PING"]), Value::Simple("PONG".to_owned()));
}

#[test]
fn subscriptions_survive_a_restart_of_the_server() {
    let mut redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut clients = subscribers(&sidecar, 3, "c");
    redis.restart();
    eventually("subscribed again", || upstream_subscribers(&redis, "c") == 1);
    redis.direct().call(&["PUBLISH", "c", "back"]);
    all_hear(&mut clients, "c", "back");
    clients[0].call(&["SUBSCRIBE", "d"]);
    redis.direct().call(&["PUBLISH", "d", "new"]);
    assert_eq!(clients[0].read(), Value::bulks(&["message", "d", "new"]));
}

#[test]
fn subscribers_that_come_and_go_miss_nothing_in_between() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let visit = |message: &str| {
        let mut client = sidecar.client();
        assert_eq!(client.call(&["SUBSCRIBE", "shared"]).items()[2], Value::Int(1));
        redis.direct().call(&["PUBLISH", "shared", message]);
        // others publish to the same channel: ours must be among what comes
        while client.read().items()[2] != Value::bulk(message) {}
    };
    thread::scope(|scope| {
        for worker in 0..6 {
            let visit = &visit;
            scope.spawn(move || (0..30).for_each(|round| visit(&format!("{worker}-{round}"))));
        }
    });
    eventually("no subscription is left", || upstream_subscribers(&redis, "shared") == 0);
}

/// Redis works off what comes first, whichever connection it comes by: who has left is not counted. So what tells of
/// listeners waits until the upstream counts us no more, but for a second at most.
#[test]
fn what_tells_of_listeners_waits_for_those_who_leave() {
    for command in [&["PUBLISH", "news", "x"], &["PUBSUB", "NUMSUB", "news"]] {
        let upstream = Scripted::start(|call| match call.words[0].as_str() {
            "SUBSCRIBE" => {
                Some(Answer::Raw(b">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".to_vec()))
            }
            "UNSUBSCRIBE" => Some(Answer::Silence),
            _ => None,
        });
        let sidecar = SidecarOptions::default().env("REDIS_URL", &upstream.url()).start();
        let came = |name: &str| upstream.calls().into_iter().find(|call| call.is(name));
        let mut listener = sidecar.client();
        assert_eq!(listener.call(&["SUBSCRIBE", "news"]).items()[2], Value::Int(1));
        let before = Instant::now();
        listener.send(&["UNSUBSCRIBE"]);
        eventually("it is on its way", || came("UNSUBSCRIBE").is_some());
        sidecar.client().call(command);
        let waited = came(command[0]).unwrap().at - before;
        assert!(waited >= Duration::from_secs(1), "{command:?} waited for {waited:?}");
        assert_eq!(listener.read().items()[2], Value::Int(0));
    }
}

/// As from Redis 7.2 on; 7.0 sends it before.
#[test]
fn what_a_client_publishes_to_itself_comes_behind_the_reply() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client().resp3();
    client.call(&["SUBSCRIBE", "c"]);
    // CLIENT GETNAME is answered by the sidecar, in its place in EXEC's reply.
    for commands in [
        "PUBLISH c 1\r\n",
        "SPUBLISH other 1\r\nPUBLISH c 1\r\nGET none\r\n",
        "MULTI\r\nPING\r\nPUBLISH c 1\r\nEXEC\r\n",
        "MULTI\r\nCLIENT GETNAME\r\nPUBLISH c 1\r\nEXEC\r\n",
        "EVAL 'return redis.call(\"PUBLISH\", \"c\", \"1\")' 0\r\n",
    ] {
        for round in 0..100 {
            client.send_raw(commands.as_bytes());
            for _ in commands.lines() {
                let reply = client.read();
                assert!(!matches!(reply, Value::Push(_)), "{round}: {commands:?}: {reply:?}");
            }
            let message = client.read();
            assert!(matches!(message, Value::Push(_)), "{round}: {commands:?}: {message:?}");
        }
    }
}
