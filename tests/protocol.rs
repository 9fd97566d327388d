//! RESP on the app's side: both protocols on one port, pipelines, inline commands, odd clients.

use crate::harness::{Redis, Sidecar, Sides, Value, compare, compare_without_namespace};

#[test]
fn both_protocols_live_on_one_port_at_once() {
    compare(|s| {
        let (mut old, mut new) = (s.fresh_client(), s.fresh_client().resp3());
        old.call(&["HSET", "h", "field", "value"]);
        old.call(&["ZADD", "z", "1.5", "m"]);
        for client in [&mut old, &mut new] {
            client.call(&["HGETALL", "h"]);
            client.call(&["ZSCORE", "z", "m"]);
            client.call(&["ZRANGE", "z", "0", "-1", "WITHSCORES"]);
            client.call(&["GET", "nothing"]);
            client.call(&["SMEMBERS", "nothing"]);
            client.call(&["CONFIG", "GET", "maxmemory"]);
        }
        assert!(matches!(old.call(&["HGETALL", "h"]), Value::Array(_)));
        assert!(matches!(new.call(&["HGETALL", "h"]), Value::Map(_)));
    });
}

#[test]
fn every_type_of_resp3_passes() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        for kind in [
            "string", "integer", "double", "null", "array", "set", "map", "attrib", "verbatim",
            "true", "false", "bignum",
        ] {
            client.call(&["DEBUG", "PROTOCOL", kind]);
        }
        client.call(&["PING"]);
    });
}

#[test]
fn hello_switches_the_protocol_and_describes_the_server() {
    compare(|s| {
        let mut client = s.fresh_client();
        for args in [&["HELLO", "3"][..], &["HELLO"], &["HELLO", "2"], &["HELLO"]] {
            let hello = client.unrecorded(args);
            assert_eq!(hello.field("server"), Value::bulk("redis"));
            assert_eq!(hello.field("mode"), Value::bulk("standalone"));
            assert_eq!(hello.field("role"), Value::bulk("master"));
            assert!(hello.field("version").text().starts_with("7."), "{hello:?}");
            assert!(hello.field("id").int() > 0);
            hello.field("modules");
            let is_map = matches!(hello, Value::Map(_));
            assert_eq!(hello.field("proto"), Value::Int(if is_map { 3 } else { 2 }));
            client.call(&["HGETALL", "nothing"]);
        }
        let fields = |hello: Value| match hello {
            Value::Map(pairs) => pairs.into_iter().map(|(name, _)| name.text()).collect::<Vec<_>>(),
            other => other.items().iter().step_by(2).map(Value::text).collect(),
        };
        let expected = ["server", "version", "proto", "id", "mode", "role", "modules"];
        assert_eq!(fields(client.unrecorded(&["HELLO", "3"])), expected);
        assert_eq!(fields(client.unrecorded(&["HELLO", "2"])), expected);
    });
}

#[test]
fn hello_with_auth_and_setname_in_one() {
    Sides::start_with_password("door").compare(|s| {
        let mut client = s.fresh_client();
        let hello =
            client.unrecorded(&["HELLO", "3", "AUTH", "default", "door", "SETNAME", "worker-7"]);
        assert_eq!(hello.field("proto"), Value::Int(3));
        client.call(&["CLIENT", "GETNAME"]);
        client.call(&["HGETALL", "nothing"]);
        let mut client = s.fresh_client();
        client.unrecorded(&["hello", "2", "setname", "n", "auth", "default", "door"]);
        assert_eq!(client.call(&["CLIENT", "GETNAME"]), Value::bulk("n"));
    });
}

#[test]
fn a_hello_that_fails_changes_nothing() {
    let scenario = |s: &crate::harness::Scenario| {
        let mut client = s.client();
        for args in [
            &["HELLO", "1"][..],
            &["HELLO", "4"],
            &["HELLO", "x"],
            &["HELLO", "3", "AUTH", "default"],
            &["HELLO", "3", "NOSUCH"],
            &["HELLO", "3", "SETNAME", "with space"],
            &["HELLO", "3", "SETNAME"],
            &["HELLO", "2", "AUTH", "nobody", "x"],
            &["HELLO", "3", "AUTH", "nobody", "x", "SETNAME", "n"],
        ] {
            client.call(args);
            client.call(&["CLIENT", "GETNAME"]);
            client.call(&["HGETALL", "nothing"]);
        }
    };
    compare(scenario);
    Sides::start_with_password("door").compare(|s| {
        let mut client = s.fresh_client();
        client.call(&["HELLO"]);
        client.call(&["HELLO", "3"]);
        client.call(&["HELLO", "3", "SETNAME", "n"]);
        client.call(&["HELLO", "3", "AUTH", "default", "wrong"]);
        client.call(&["HELLO", "9", "AUTH", "default", "door"]);
        client.call(&["PING"]);
    });
}

#[test]
fn a_pipeline_of_ten_thousand_is_answered_in_order() {
    compare(|s| {
        let mut client = s.client();
        let many = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".repeat(10_000);
        client.send_raw(&many);
        for n in 1..=10_000 {
            assert_eq!(client.read(), Value::Int(n));
        }
        client.call(&["PING"]);
    });
}

#[test]
fn replies_keep_their_order_whichever_way_each_command_went() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        let mixed: &[&[&str]] = &[
            &["SET", "k", "v"],
            &["CLIENT", "GETNAME"],
            &["GET", "k"],
            &["NOSUCH"],
            &["SELECT", "3"],
            &["GET", "k"],
            &["LPUSH", "l", "1"],
            &["BLPOP", "l", "0"],
            &["GET"],
            &["SELECT", "99"],
            &["MULTI"],
            &["INCR", "n"],
            &["EXEC"],
            &["INCR", "n"],
            &["PING"],
            &["SELECT", "0"],
            &["GET", "k"],
            &["WATCH", "k"],
            &["UNWATCH"],
            &["ECHO", "end"],
        ];
        client.pipeline(mixed);
        let tenfold: Vec<&[&str]> = mixed.iter().copied().cycle().take(200).collect();
        client.pipeline(&tenfold);
    });
}

#[test]
fn a_command_may_arrive_byte_by_byte() {
    compare(|s| {
        let mut client = s.client();
        let bytes =
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        for byte in bytes {
            client.send_raw(&[*byte]);
        }
        assert_eq!(client.read(), Value::ok());
        assert_eq!(client.read(), Value::Simple("PONG".to_owned()));
        assert_eq!(client.read(), Value::bulk("a\r\nb"));
    });
}

#[test]
fn inline_commands() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        for line in [
            &b"PING\r\n"[..],
            b"PING\n",
            b"  ping   hello  \r\n",
            b"SET k 'single quoted'\r\n",
            b"GET k\r\n",
            b"SET k \"esc \\x41\\n\\t\\\"\"\r\n",
            b"GET k\r\n",
            b"SET k 'it\\'s'\r\n",
            b"GET k\r\n",
            b"SET \"\" empty\r\n",
            b"GET \"\"\r\n",
            b"\r\n\n\r\nPING\r\n",
            b"NOSUCH a b\r\n",
            b"GET\r\n",
            b"ECHO \xff\xfe\r\n",
            b"PING\ta\r\n",
        ] {
            client.send_raw(line);
            client.read();
        }
        client.send_raw(b"PING\r\n*1\r\n$4\r\nPING\r\nPING x\r\n");
        (0..3).for_each(|_| drop(client.read()));
    });
}

#[test]
fn empty_commands_are_passed_over() {
    compare(|s| {
        let mut client = s.client();
        client.send_raw(b"*0\r\n*-1\r\n\r\n*-7\r\n*1\r\n$4\r\nPING\r\n");
        client.read();
        client.call(&["ECHO", "no more came"]);
    });
}

#[test]
fn keys_and_values_are_binary_safe() {
    compare(|s| {
        let mut client = s.client();
        let all: Vec<u8> = (0..=255).collect();
        let key = [b"\0\r\n$5\r\n".as_slice(), &all].concat();
        client.call(&[b"SET".as_slice(), &key, &all]);
        assert_eq!(client.call(&[b"GET".as_slice(), &key]), Value::Bulk(all.clone()));
        client.call(&[b"HSET".as_slice(), b"h", &all, b""]);
        client.call(&["HGETALL", "h"]);
        client.call(&["SET", "", ""]);
        client.call(&["GET", ""]);
        client.call(&[b"ECHO".as_slice(), b"\r\n+OK\r\n"]);
        client.call(&["KEYS", "*\r*"]);
    });
}

#[test]
fn a_half_closed_client_gets_every_reply() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        client.send_raw(b"PING\r\n");
        client.half_close();
        client.read_to_close();
        let mut client = s.client();
        client.send_raw(&b"SET k v\r\nGET k\r\nNOSUCH\r\n".repeat(100));
        client.half_close();
        client.read_to_close();
    });
}

#[test]
fn a_value_of_32_megabytes_goes_and_comes_back() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let big: Vec<u8> = (0..32 << 20).map(|n: u32| n.to_le_bytes()[n as usize % 3]).collect();
    for mut client in [sidecar.client(), sidecar.client().resp3()] {
        let mut other = sidecar.client();
        assert_eq!(client.call(&[b"SET".as_slice(), b"big", &big]), Value::ok());
        client.send(&["GET", "big"]);
        assert_eq!(other.call(&["PING"]), Value::Simple("PONG".to_owned()));
        assert!(client.read() == Value::Bulk(big.clone()), "the value is not what was sent");
        assert_eq!(client.call(&["STRLEN", "big"]), Value::Int(32 << 20));
    }
}

#[test]
fn large_and_nested_replies_pass() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        let script = "for i = 1, 20000 do redis.call('RPUSH', 'l', 'item-' .. i) end return 1";
        client.call(&["EVAL", script, "0"]);
        client.call(&["LRANGE", "l", "0", "-1"]);
        client.call(&["EVAL", "return {1, {2, {3, {4, {5, {'six', {false, {}}}}}}}}", "0"]);
        client.pipeline(&[&["LRANGE", "l", "0", "5000"], &["PING"], &["LRANGE", "l", "0", "-1"]]);
    });
}
