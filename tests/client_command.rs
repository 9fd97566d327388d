//! CLIENT and its subcommands speak of the app's own connections, never of ours upstream.

use std::time::Duration;

use crate::harness::{Redis, Sidecar, Value, compare_everywhere};

#[test]
fn names_are_per_client() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        one.call(&["CLIENT", "GETNAME"]);
        one.call(&["CLIENT", "SETNAME", "one"]);
        two.call(&["CLIENT", "GETNAME"]);
        two.call(&["client", "setname", "two"]);
        one.call(&["CLIENT", "GETNAME"]);
        for bad in ["a b", "a\nb", "\u{7f}", "\u{e9}"] {
            one.call(&["CLIENT", "SETNAME", bad]);
        }
        one.call(&["CLIENT", "GETNAME"]);
        one.call(&["CLIENT", "SETNAME", ""]);
        one.call(&["CLIENT", "GETNAME"]);
        two.call(&["CLIENT", "GETNAME"]);
    });
}

#[test]
fn ids_are_stable_and_grow() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        let first = one.unrecorded(&["CLIENT", "ID"]).int();
        let second = two.unrecorded(&["CLIENT", "ID"]).int();
        assert!(0 < first && first < second, "{first} {second}");
        assert_eq!(one.unrecorded(&["CLIENT", "ID"]).int(), first);
        one.unrecorded(&["CLIENT", "NO-EVICT", "on"]);
        one.call(&["RESET"]);
        assert_eq!(one.unrecorded(&["CLIENT", "ID"]).int(), first);
        let hello = one.unrecorded(&["HELLO", "3"]);
        assert_eq!(hello.field("id"), Value::Int(first));
    });
}

/// The value of `name=` in a line of CLIENT LIST.
fn field(line: &str, name: &str) -> String {
    let found = line.split([' ', '\n']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
}

#[test]
fn info_and_list_describe_the_apps_own_connections() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        one.call(&["CLIENT", "SETNAME", "first"]);
        one.call(&["SELECT", "6"]);
        let id = one.unrecorded(&["CLIENT", "ID"]).int().to_string();
        let info = one.unrecorded(&["CLIENT", "INFO"]).text();
        assert_eq!(field(&info, "id"), id);
        assert_eq!(field(&info, "name"), "first");
        assert_eq!(field(&info, "db"), "6");
        assert_eq!(field(&info, "addr"), one.local_address());
        assert_eq!(field(&info, "resp"), s.protocol.to_string());
        assert_eq!(field(&info, "cmd"), "client|info");
        for name in ["laddr", "age", "idle", "flags", "sub", "psub", "multi", "user"] {
            field(&info, name);
        }
        let list = two.unrecorded(&["CLIENT", "LIST"]).text();
        let lines: Vec<_> = list.lines().filter(|line| !line.contains(".sock")).collect();
        assert_eq!(lines.len(), 2, "{list}");
        assert!(lines.iter().any(|line| field(line, "addr") == one.local_address()));
        let only = two.unrecorded(&["CLIENT", "LIST", "ID", &id]).text();
        assert_eq!(only.lines().count(), 1, "{only}");
        assert_eq!(field(&only, "name"), "first");
        two.call(&["CLIENT", "LIST", "TYPE", "pubsub"]);
        let normal = two.unrecorded(&["CLIENT", "LIST", "TYPE", "normal"]).text();
        assert!(normal.lines().count() >= 2, "{normal}");
        two.call(&["CLIENT", "LIST", "TYPE", "nosuch"]);
        two.call(&["CLIENT", "LIST", "ID", "x"]);
        two.call(&["CLIENT", "LIST", "NOSUCH"]);
    });
}

#[test]
fn list_shows_subscribers_and_transactions() {
    compare_everywhere(|s| {
        let (mut looker, mut subscriber, mut busy) = (s.client(), s.client(), s.client());
        subscriber.call(&["SUBSCRIBE", "a"]);
        subscriber.call(&["PSUBSCRIBE", "b*"]);
        busy.pipeline(&[&["MULTI"], &["PING"], &["PING"]]);
        let list = looker.unrecorded(&["CLIENT", "LIST"]).text();
        let line = |address: String| {
            let line = list.lines().find(|line| field(line, "addr") == address);
            line.unwrap_or_else(|| panic!("{address} is not in {list}")).to_owned()
        };
        let subscriber = line(subscriber.local_address());
        assert_eq!(
            (field(&subscriber, "sub"), field(&subscriber, "psub")),
            ("1".into(), "1".into())
        );
        assert_eq!(field(&line(busy.local_address()), "multi"), "2");
        assert_eq!(
            looker.unrecorded(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().lines().count(),
            1
        );
    });
}

#[test]
fn kill_closes_the_apps_connection_that_it_names() {
    compare_everywhere(|s| {
        let mut killer = s.client();
        for by in ["ID", "ADDR", "old form"] {
            let mut victim = s.client();
            let id = victim.unrecorded(&["CLIENT", "ID"]).int().to_string();
            let address = victim.local_address();
            match by {
                "ID" => killer.call(&["CLIENT", "KILL", "ID", &id]),
                "ADDR" => killer.call(&["CLIENT", "KILL", "ADDR", &address]),
                _ => killer.call(&["CLIENT", "KILL", &address]),
            };
            victim.expect_close();
        }
        killer.call(&["CLIENT", "KILL", "ID", "999999"]);
        killer.call(&["CLIENT", "KILL", "1.2.3.4:5"]);
        killer.call(&["CLIENT", "KILL", "ID", "x"]);
        killer.call(&["CLIENT", "KILL", "NOSUCH", "x"]);
        killer.call(&["CLIENT", "KILL", "TYPE", "nosuch"]);
        killer.call(&["PING"]);
    });
}

#[test]
fn kill_by_type_and_of_oneself() {
    compare_everywhere(|s| {
        let (mut killer, mut subscriber, mut third) = (s.client(), s.client(), s.client());
        subscriber.call(&["SUBSCRIBE", "c"]);
        killer.call(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        subscriber.expect_close();
        let own = killer.unrecorded(&["CLIENT", "ID"]).int().to_string();
        killer.call(&["CLIENT", "KILL", "ID", &own]);
        killer.call(&["CLIENT", "KILL", "ID", &own, "SKIPME", "no"]);
        killer.expect_close();
        third.call(&["PING"]);
    });
}

#[test]
fn reply_off_on_and_skip() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.call(&["CLIENT", "REPLY", "NOSUCH"]);
        client.send_raw(b"CLIENT REPLY OFF\r\nSET k off\r\nNOSUCH\r\nINCR n\r\nCLIENT GETNAME\r\n");
        client.call(&["CLIENT", "REPLY", "ON"]);
        client.call(&["GET", "k"]);
        client.send_raw(b"CLIENT REPLY SKIP\r\nINCR n\r\nINCR n\r\n");
        client.read();
        client.send_raw(b"CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nINCR n\r\nGET k\r\n");
        client.read();
        client.send_raw(b"CLIENT REPLY SKIP\r\nBLPOP nothing 0.01\r\nGET n\r\n");
        client.read();
        client.call(&["PING"]);
    });
}

#[test]
fn settings_that_a_shared_connection_cannot_hold_are_accepted() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.call(&["CLIENT", "NO-EVICT", "on"]);
        client.call(&["CLIENT", "NO-EVICT", "off"]);
        client.call(&["CLIENT", "NO-EVICT", "maybe"]);
        client.call(&["PING"]);
    });
}

#[test]
fn newer_client_libraries_may_introduce_themselves() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut client = sidecar.client();
    // Redis 7.2 has these; to an app they are ours, so an older server does not matter
    assert_eq!(client.call(&["CLIENT", "SETINFO", "LIB-NAME", "jedis"]), Value::ok());
    assert_eq!(client.call(&["CLIENT", "SETINFO", "lib-ver", "5.1"]), Value::ok());
    assert!(client.call(&["CLIENT", "SETINFO", "LIB-NAME", "a b"]).error().starts_with("ERR"));
    assert!(client.call(&["CLIENT", "SETINFO", "NOSUCH", "a"]).error().starts_with("ERR"));
    // What the upstream does not know, it refuses itself.
    let straight = redis.direct().call(&["CLIENT", "NO-TOUCH", "on"]);
    assert_eq!(client.call(&["CLIENT", "NO-TOUCH", "on"]), straight);
    let info = client.call(&["CLIENT", "INFO"]).text();
    assert_eq!(field(&info, "lib-name"), "jedis");
    assert_eq!(field(&info, "lib-ver"), "5.1");
}

#[test]
fn pause_holds_writes_until_unpause() {
    compare_everywhere(|s| {
        let (mut operator, mut writer, mut reader) = (s.client(), s.client(), s.client());
        operator.call(&["CLIENT", "PAUSE", "60000", "WRITE"]);
        reader.call(&["GET", "k"]);
        writer.send(&["SET", "k", "later"]);
        writer.expect_silence(Duration::from_millis(100));
        reader.call(&["GET", "k"]);
        operator.call(&["CLIENT", "UNPAUSE"]);
        writer.read();
        assert_eq!(reader.call(&["GET", "k"]), Value::bulk("later"));
        operator.call(&["CLIENT", "PAUSE", "x"]);
        operator.call(&["CLIENT", "PAUSE", "10", "NOSUCH"]);
        operator.call(&["CLIENT", "PAUSE", "-1"]);
        operator.call(&["CLIENT", "UNPAUSE"]);
    });
}

#[test]
fn pause_ends_by_itself() {
    compare_everywhere(|s| {
        let (mut operator, mut other) = (s.client(), s.client());
        operator.call(&["CLIENT", "PAUSE", "200"]);
        other.call(&["SET", "k", "v"]);
        operator.call(&["GET", "k"]);
    });
}

/// MAXAGE came with Redis 7.4.
#[test]
fn clients_are_killed_by_age_if_it_is_one() {
    let sidecar = Sidecar::start(&Redis::start());
    let (mut client, mut other) = (sidecar.client(), sidecar.client());
    other.call(&["PING"]);
    let no_number = Value::Error("ERR maxage is not an integer or out of range".into());
    let too_low = Value::Error("ERR maxage should be greater than 0".into());
    for (age, expected) in [
        ("x", &no_number),
        ("9999999999999999999", &no_number),
        ("-1", &too_low),
        ("0", &too_low),
        ("1000", &Value::Int(0)),
    ] {
        assert_eq!(client.call(&["CLIENT", "KILL", "MAXAGE", age]), *expected, "{age}");
    }
    other.call(&["PING"]);
}
