//! Streams: plain commands, groups, and reads that wait.

use crate::harness::{Client, Scenario, Value, compare, eventually};

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

fn until_blocked(s: &Scenario) {
    let mut looker = s.bystander();
    eventually("a client waits", || {
        looker.call(&["INFO", "clients"]).text().contains("blocked_clients:1\r\n")
    });
}

#[test]
fn entries_are_added_read_and_trimmed() {
    compare(|s| {
        let mut client = s.client();
        for line in [
            "XADD s 1-1 a 1 b 2",
            "XADD s 1-2 a 3",
            "XADD s 1-1 a 1",
            "XADD s 0-0 a 1",
            "XADD s NOMKSTREAM 2-* a 1",
            "XADD none NOMKSTREAM 1-1 a 1",
            "XLEN s",
            "XRANGE s - +",
            "XREVRANGE s + - COUNT 1",
            "XRANGE s (1-1 +",
            "XREAD STREAMS s 0",
            "XREAD COUNT 1 STREAMS s none 1-1 0",
            "XREAD STREAMS s $",
            "XDEL s 1-1",
            "XTRIM s MAXLEN 1",
            "XSETID s 9-9",
            "XINFO STREAM s",
            "XREAD STREAMS s",
            "XADD s x a 1",
            "SET k v",
            "XADD k 1-1 a 1",
            "XREAD STREAMS k 0",
        ] {
            call(&mut client, line);
        }
    });
}

#[test]
fn groups_deliver_acknowledge_and_claim() {
    compare(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        call(&mut one, "XGROUP CREATE s g $ MKSTREAM");
        call(&mut one, "XGROUP CREATE s g $");
        for n in 1..=6 {
            call(&mut two, &format!("XADD s {n}-1 n {n}"));
        }
        call(&mut one, "XREADGROUP GROUP g c1 COUNT 2 STREAMS s >");
        call(&mut two, "XREADGROUP GROUP g c2 COUNT 3 NOACK STREAMS s >");
        call(&mut two, "XREADGROUP GROUP g c2 STREAMS s >");
        call(&mut one, "XREADGROUP GROUP g c1 STREAMS s 0");
        call(&mut one, "XACK s g 1-1 7-7");
        call(&mut one, "XPENDING s g");
        call(&mut two, "XCLAIM s g c2 0 2-1 JUSTID");
        call(&mut two, "XAUTOCLAIM s g c2 0 0 COUNT 10 JUSTID");
        call(&mut one, "XGROUP CREATECONSUMER s g c3");
        call(&mut one, "XGROUP DELCONSUMER s g c2");
        call(&mut one, "XINFO GROUPS s");
        call(&mut one, "XREADGROUP GROUP nosuch c STREAMS s >");
        call(&mut one, "XGROUP DESTROY s g");
        call(&mut one, "XGROUP SETID s g 0");
    });
}

#[test]
fn several_groups_read_while_they_wait() {
    compare(|s| {
        let mut writer = s.client();
        call(&mut writer, "XGROUP CREATE s g $ MKSTREAM");
        for n in 1..=5 {
            let mut reader = s.client();
            let line = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >";
            reader.send(&line.split(' ').collect::<Vec<_>>());
            until_blocked(s);
            call(&mut writer, &format!("XADD s {n}-1 n {n}"));
            reader.read();
            call(&mut reader, &format!("XACK s g {n}-1"));
        }
    });
}

#[test]
fn a_reader_of_several_streams_hears_the_first_that_speaks() {
    compare(|s| {
        let (mut reader, mut writer) = (s.client(), s.client());
        for stream in ["b", "a"] {
            reader.send(&["XREAD", "COUNT", "5", "BLOCK", "0", "STREAMS", "a", "b", "$", "$"]);
            until_blocked(s);
            call(&mut writer, &format!("XADD {stream} 5-5 f v"));
            reader.read();
        }
    });
}

#[test]
fn a_group_that_is_destroyed_under_a_reader_is_told() {
    compare(|s| {
        let (mut reader, mut other) = (s.client(), s.client());
        call(&mut other, "XGROUP CREATE s g $ MKSTREAM");
        reader.send(&["XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"]);
        until_blocked(s);
        call(&mut other, "DEL s");
        reader.read();
        call(&mut reader, "PING");
    });
}
