//! What is told of an outage: INFO, and the log.

use super::{Cloud, told};
use crate::harness::{Client, Value};

fn sections(client: &mut Client, args: &[&str]) -> Vec<String> {
    let text = client.call(args).text();
    text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
}

#[test]
fn info_has_a_section_of_ours_in_both_protocols() {
    let cloud = Cloud::start("");
    for mut client in [cloud.sidecar.client(), cloud.sidecar.client().resp3()] {
        for args in [&["INFO"][..], &["info", "all"], &["INFO", "everything"]] {
            let found = sections(&mut client, args);
            assert_eq!(found.last().unwrap(), "Sidecar", "{args:?}");
            assert!(found.contains(&"Server".to_owned()), "{args:?}");
        }
        assert_eq!(sections(&mut client, &["INFO", "sidecar"]), ["Sidecar"]);
        assert_eq!(sections(&mut client, &["INFO", "server"]), ["Server"]);
        assert_eq!(sections(&mut client, &["INFO", "server", "sidecar"]), ["Server", "Sidecar"]);
        let replies = client.pipeline(&[&["ECHO", "a"], &["INFO"], &["ECHO", "b"]]);
        assert_eq!((&replies[0], &replies[2]), (&Value::bulk("a"), &Value::bulk("b")));
        client.pipeline(&[&["MULTI"], &["INFO"], &["EXEC"]]);
    }
}

#[test]
fn an_outage_is_told_in_info_and_at_its_begin_and_end_in_the_log() {
    let cloud = Cloud::start("{breaker: {grace: 60s}, rules: [{match: 'rl:*', fallback: local}]}");
    let mut client = cloud.sidecar.client();
    client.call(&["SET", "k", "v"]);
    client.call(&["GET", "k"]);
    assert_eq!(told(&mut client, "sidecar_outages"), "0");
    cloud.cut();
    for _ in 0..7 {
        client.call(&["GET", "k"]);
    }
    client.call(&["INCR", "rl:x"]);
    assert_eq!(sections(&mut client, &["INFO"]), ["Sidecar"], "though nobody else answers");
    assert_eq!(told(&mut client, "sidecar_stale_replies"), "7");
    assert_eq!(told(&mut client, "sidecar_local_commands"), "1");
    cloud.sidecar.wait_for_log(&["outage: what memory can answer"]);
    cloud.heal();
    let line = cloud.sidecar.wait_for_log(&["outage over"]);
    assert!(line.contains("\"stale_reads\":7") && line.contains("\"local_commands\":1"), "{line}");
    assert!(line.contains("oldest_ms"), "{line}");
    assert_eq!(told(&mut client, "sidecar_outages"), "1");
    cloud.cut();
    client.call(&["GET", "k"]);
    assert_eq!(told(&mut client, "sidecar_last_outage_stale_replies"), "1");
    assert_eq!(told(&mut client, "sidecar_stale_replies"), "8");
}
