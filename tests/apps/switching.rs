//! A connection that becomes another app's: nothing of the one is seen as the other's, and what can't change is told.

use super::{call, field, in_memory, login, shop_and_bank, with};
use crate::harness::{Client, Redis, Sidecar, Value};

const BOUND: &str = "ERR AUTH as another user is not possible while this connection";

/// What binds a client to its user, and what lets it go.
const BINDS: [(&str, &str); 4] = [
    ("WATCH k", "UNWATCH"),
    ("SUBSCRIBE c", "UNSUBSCRIBE c"),
    ("PSUBSCRIBE c*", "PUNSUBSCRIBE"),
    ("CLIENT TRACKING ON", "CLIENT TRACKING OFF"),
];

fn shop3(sidecar: &Sidecar) -> Client {
    let mut client = sidecar.client().resp3();
    assert_eq!(call(&mut client, "AUTH shop hunter2"), Value::ok());
    client
}

#[test]
fn what_was_on_the_way_is_answered_in_the_names_that_it_was_asked_in() {
    let redis = Redis::start();
    for (key, value) in [("top:d", "0"), ("shop:s", "1"), ("bank:b", "2")] {
        call(&mut redis.direct(), &format!("SET {key} {value}"));
    }
    for sidecar in [with(&redis, &shop_and_bank())] {
        let mut client = sidecar.client();
        let keys: &[&str] = &["KEYS", "*"];
        for _ in 0..50 {
            let mut commands: Vec<&[&str]> = vec![&["AUTH", "default", "x"]];
            commands.extend([keys; 20]);
            commands.push(&["AUTH", "shop", "hunter2"]);
            commands.extend([keys; 20]);
            commands.extend([
                &["BLPOP", "none", "0.001"][..],
                &["HELLO", "2", "AUTH", "bank", "foobared"],
            ]);
            commands.extend([keys; 20]);
            let replies = client.pipeline(&commands);
            let names: Vec<_> = replies
                .iter()
                .zip(&commands)
                .filter(|(_, command)| command[0] == "KEYS")
                .map(|(reply, _)| reply.items()[0].text())
                .collect();
            let expected = [["d"; 20], ["s"; 20], ["b"; 20]].concat();
            assert_eq!(names, expected);
        }
    }
}

#[test]
fn who_holds_something_keeps_its_user_until_it_lets_go() {
    let redis = Redis::start();
    for (sidecar, is_memory) in
        [(with(&redis, &shop_and_bank()), false), (in_memory(&shop_and_bank()), true)]
    {
        for (bind, release) in BINDS {
            if is_memory && bind.contains("TRACKING") {
                continue;
            }
            let mut client = shop3(&sidecar);
            call(&mut client, bind);
            for line in ["AUTH bank foobared", "HELLO 3 AUTH bank foobared", "AUTH default x"] {
                let reply = call(&mut client, line);
                assert!(reply.error().starts_with(BOUND), "{bind}, {line}: {reply:?}");
            }
            assert_eq!(call(&mut client, "AUTH shop hunter2"), Value::ok(), "{bind}: the same");
            assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("shop"), "{bind}");
            call(&mut client, release);
            assert_eq!(call(&mut client, "AUTH bank foobared"), Value::ok(), "{release}");
            assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("bank"), "{release}");
        }
    }
}

#[test]
fn reset_lets_go_of_all_and_is_the_default_user_again() {
    let redis = Redis::start();
    let sidecar = with(&redis, &shop_and_bank());
    for (bind, _) in BINDS {
        let mut client = shop3(&sidecar);
        call(&mut client, bind);
        assert_eq!(call(&mut client, "RESET"), Value::Simple("RESET".to_owned()), "{bind}");
        assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("default"), "{bind}");
        call(&mut client, "SET k 1");
        assert_eq!(call(&mut redis.direct(), "KEYS *"), Value::bulks(&["top:k"]), "{bind}");
        assert_eq!(field(&call(&mut client, "CLIENT INFO").text(), "user"), "default");
    }
}

#[test]
fn within_multi_nobody_becomes_another() {
    let redis = Redis::start();
    for sidecar in [with(&redis, &shop_and_bank()), in_memory(&shop_and_bank())] {
        for line in [
            "AUTH bank foobared",
            "AUTH shop hunter2",
            "AUTH foobared",
            "HELLO 2 AUTH bank foobared",
        ] {
            let mut client = login(&sidecar, "AUTH shop hunter2");
            call(&mut client, "MULTI");
            call(&mut client, "SET k 1");
            let reply = call(&mut client, line);
            assert_eq!(reply.error(), "ERR Command not allowed inside a transaction", "{line}");
            call(&mut client, "SET l 1");
            assert!(call(&mut client, "EXEC").error().starts_with("EXECABORT"), "{line}");
            assert_eq!(call(&mut client, "ACL WHOAMI"), Value::bulk("shop"));
            assert_eq!(call(&mut client, "KEYS *"), Value::Array(Vec::new()), "{line}");
            // In one write as well.
            let words: Vec<&str> = line.split(' ').collect();
            let replies = client.pipeline(&[&["MULTI"], &words, &["SET", "k", "1"], &["EXEC"]]);
            assert!(replies[3].error().starts_with("EXECABORT"), "{line}: {replies:?}");
            assert_eq!(call(&mut client, "KEYS *"), Value::Array(Vec::new()), "{line}");
        }
    }
}
