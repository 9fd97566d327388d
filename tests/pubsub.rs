//! Subscriptions as the app sees them: confirmations, modes, messages.

use crate::harness::{Client, Scenario, Sides, Value, compare, compare_everywhere};

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

/// Reads as many replies as one command gave, none of them compared by the test itself.
fn read(client: &mut Client, count: usize) {
    (0..count).for_each(|_| drop(client.read()));
}

/// Publishes past the transcript: how many it reached is not compared.
fn publish(s: &Scenario, channel: &str, message: &str) {
    s.bystander().call(&["PUBLISH", channel, message]);
}

#[test]
fn each_confirmation_has_the_clients_own_count() {
    compare_everywhere(|s| {
        let (mut one, mut two) = (s.client(), s.client());
        call(&mut one, "SUBSCRIBE a b c");
        read(&mut one, 2);
        call(&mut two, "SUBSCRIBE b");
        call(&mut two, "SUBSCRIBE b");
        call(&mut one, "PSUBSCRIBE p* q*");
        read(&mut one, 1);
        call(&mut one, "PSUBSCRIBE p*");
        call(&mut one, "UNSUBSCRIBE b nothing");
        read(&mut one, 1);
        call(&mut one, "PUNSUBSCRIBE q* nothing*");
        read(&mut one, 1);
        call(&mut two, "UNSUBSCRIBE b");
        call(&mut two, "UNSUBSCRIBE");
        call(&mut two, "PUNSUBSCRIBE");
        call(&mut two, "UNSUBSCRIBE x");
        call(&mut two, "SUBSCRIBE a a a");
        read(&mut two, 2);
        call(&mut two, "UNSUBSCRIBE");
        call(&mut two, "GET k");
    });
}

#[test]
fn unsubscribe_without_a_name_ends_all() {
    compare_everywhere(|s| {
        let mut client = s.client();
        call(&mut client, "SUBSCRIBE a b c");
        read(&mut client, 2);
        call(&mut client, "PSUBSCRIBE p*");
        // the order of the channels is the server's own
        let mut replies = vec![client.unrecorded(&["UNSUBSCRIBE"])];
        replies.extend([client.read_unrecorded(), client.read_unrecorded()]);
        let counts: Vec<i64> = replies.iter().map(|reply| reply.items()[2].int()).collect();
        assert_eq!(counts, [3, 2, 1]);
        let mut names: Vec<_> = replies.iter().map(|reply| reply.items()[1].text()).collect();
        names.sort();
        assert_eq!(names, ["a", "b", "c"]);
        call(&mut client, "PUNSUBSCRIBE");
        call(&mut client, "PING");
    });
}

#[test]
fn messages_and_pattern_messages_arrive_in_order() {
    compare_everywhere(|s| {
        let mut client = s.client();
        call(&mut client, "SUBSCRIBE news");
        call(&mut client, "PSUBSCRIBE n[ea]* ?o*");
        read(&mut client, 1);
        publish(s, "news", "one");
        publish(s, "nope", "unheard");
        publish(s, "nags", "two");
        publish(s, "news", "three");
        read(&mut client, 2 + 1 + 1 + 2);
        call(&mut client, "UNSUBSCRIBE news");
        publish(s, "news", "four");
        read(&mut client, 1);
    });
}

#[test]
fn a_message_of_one_publisher_never_overtakes_another() {
    compare_everywhere(|s| {
        let mut clients: Vec<_> = (0..5).map(|_| s.client()).collect();
        for client in &mut clients {
            call(client, "SUBSCRIBE c");
        }
        let mut publisher = s.bystander();
        for n in 0..300 {
            publisher.send(&["PUBLISH", "c", &n.to_string()]);
        }
        for client in &mut clients {
            for n in 0..300 {
                assert_eq!(client.read().items()[2], Value::bulk(n.to_string()));
            }
        }
    });
}

#[test]
fn publish_counts_every_subscriber_and_pattern() {
    compare_everywhere(|s| {
        let mut publisher = s.client();
        let mut direct: Vec<_> = (0..3).map(|_| s.client()).collect();
        let mut patterns: Vec<_> = (0..2).map(|_| s.client()).collect();
        for client in &mut direct {
            call(client, "SUBSCRIBE c other");
            read(client, 1);
        }
        for client in &mut patterns {
            call(client, "PSUBSCRIBE [cd]*");
        }
        for line in ["PUBLISH c m", "PUBLISH d m", "PUBLISH other m", "PUBLISH x m"] {
            call(&mut publisher, line);
        }
        call(&mut publisher, "PUBSUB NUMSUB c x other");
        call(&mut publisher, "PUBSUB NUMPAT");
    });
}

#[test]
fn publish_counts_a_single_subscriber() {
    compare_everywhere(|s| {
        let (mut subscriber, mut publisher) = (s.client(), s.client());
        call(&mut publisher, "PUBLISH c nobody");
        call(&mut subscriber, "SUBSCRIBE c");
        call(&mut publisher, "PUBLISH c m");
        call(&mut publisher, "PUBSUB CHANNELS");
        call(&mut publisher, "PUBSUB NUMSUB c d");
        call(&mut publisher, "PUBSUB NUMPAT");
        read(&mut subscriber, 1);
    });
}

#[test]
fn binary_channels_and_messages() {
    compare_everywhere(|s| {
        let mut subscriber = s.client();
        let channel = b"\0chan\r\n\xff";
        subscriber.call(&[b"SUBSCRIBE".as_slice(), channel]);
        subscriber.call(&[b"PSUBSCRIBE".as_slice(), b"\0*", b""]);
        read(&mut subscriber, 1);
        s.bystander().call(&[b"PUBLISH".as_slice(), channel, b"\r\n$-1\r\n\0"]);
        read(&mut subscriber, 2);
        let megabyte = vec![b'x'; 1 << 20];
        s.bystander().call(&[b"PUBLISH".as_slice(), channel, &megabyte]);
        read(&mut subscriber, 2);
    });
}

#[test]
fn many_channels_in_one_command() {
    compare_everywhere(|s| {
        let mut client = s.client();
        let names: Vec<String> = (0..1_000).map(|n| format!("channel-{n}")).collect();
        let mut args = vec!["SUBSCRIBE"];
        args.extend(names.iter().map(String::as_str));
        client.call(&args);
        read(&mut client, 999);
        publish(s, "channel-500", "m");
        read(&mut client, 1);
        args[0] = "UNSUBSCRIBE";
        client.call(&args);
        read(&mut client, 999);
        call(&mut client, "PING");
    });
}

#[test]
fn a_subscriber_in_resp2_may_only_do_what_redis_allows() {
    compare_everywhere(|s| {
        let mut client = s.client();
        call(&mut client, "SUBSCRIBE c");
        for line in [
            "GET k",
            "SET k v",
            "get k",
            "MULTI",
            "EXEC",
            "PUBLISH c m2",
            "SELECT 1",
            "CLIENT GETNAME",
            "ECHO x",
            "HELLO 9",
            "NOSUCH",
            "GET",
            "BLPOP l 0.01",
            "PING",
            "PING hello",
            "PING a b",
            "INFO nothing",
            "ECHO y",
            "AUTH x y",
            "WATCH k",
            "CLIENT NOSUCH",
        ] {
            let published = line.starts_with("PUBLISH") && s.protocol == 3;
            if published {
                // whether the message or the count comes first is not said
                client.unrecorded(&["PUBLISH", "c", "m"]);
                client.read_unrecorded();
            } else if line != "AUTH x y" {
                call(&mut client, line);
            }
            if line == "MULTI" && s.protocol == 3 {
                call(&mut client, "DISCARD");
            }
        }
        call(&mut client, "UNSUBSCRIBE c");
        call(&mut client, "GET k");
        call(&mut client, "PING");
        call(&mut client, "PSUBSCRIBE c*");
        call(&mut client, "GET k");
        call(&mut client, "RESET");
        call(&mut client, "GET k");
        call(&mut client, "SUBSCRIBE c");
        call(&mut client, "QUIT");
        client.expect_close();
    });
}

#[test]
fn a_resp3_subscriber_goes_on_working() {
    compare_everywhere(|s| {
        let mut client = s.fresh_client().resp3();
        call(&mut client, "SUBSCRIBE c");
        for n in 0..50 {
            let value = n.to_string();
            client.call(&["SET", "k", &value]);
            publish(s, "c", &value);
            assert!(matches!(client.read(), Value::Push(_)));
            assert_eq!(client.call(&["GET", "k"]), Value::bulk(&value));
        }
        client.send_raw(b"GET k\r\nSUBSCRIBE d\r\nGET k\r\nUNSUBSCRIBE c\r\nGET k\r\nPING\r\n");
        read(&mut client, 6);
        call(&mut client, "MULTI");
        call(&mut client, "GET k");
        call(&mut client, "EXEC");
    });
}

#[test]
fn a_resp3_subscriber_that_blocks_still_hears() {
    compare_everywhere(|s| {
        let mut client = s.fresh_client().resp3();
        call(&mut client, "SUBSCRIBE c");
        client.send(&["BLPOP", "l", "0"]);
        publish(s, "c", "meanwhile");
        assert!(matches!(client.read(), Value::Push(_)));
        s.bystander().call(&["RPUSH", "l", "v"]);
        assert_eq!(client.read(), Value::bulks(&["l", "v"]));
    });
}

#[test]
fn subscriptions_in_a_pipeline() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.send_raw(b"SET k v\r\nSUBSCRIBE a\r\nPSUBSCRIBE b* c*\r\nPING\r\nUNSUBSCRIBE a\r\nPUNSUBSCRIBE c*\r\nPUNSUBSCRIBE b*\r\nGET k\r\n");
        read(&mut client, 9);
        client.send_raw(b"SUBSCRIBE a\r\nQUIT\r\n");
        read(&mut client, 2);
        client.expect_close();
    });
}

#[test]
fn shard_channels() {
    compare_everywhere(|s| {
        let (mut client, mut publisher) = (s.client(), s.client());
        call(&mut client, "SSUBSCRIBE s1 s2");
        read(&mut client, 1);
        call(&mut client, "SUBSCRIBE plain");
        call(&mut publisher, "SPUBLISH s1 hello");
        read(&mut client, 1);
        call(&mut publisher, "PUBLISH s1 not-here");
        call(&mut publisher, "SPUBLISH s2 bye");
        read(&mut client, 1);
        call(&mut publisher, "PUBSUB SHARDNUMSUB s1");
        call(&mut client, "SUNSUBSCRIBE s1");
        call(&mut client, "SUNSUBSCRIBE");
        call(&mut client, "SUNSUBSCRIBE");
        call(&mut client, "UNSUBSCRIBE");
        call(&mut client, "GET k");
    });
}

#[test]
fn a_transaction_may_publish() {
    compare_everywhere(|s| {
        let (mut subscriber, mut publisher) = (s.client(), s.client());
        call(&mut subscriber, "SUBSCRIBE c");
        for line in ["MULTI", "PUBLISH c one", "PUBLISH nobody m", "PUBLISH c two", "EXEC"] {
            call(&mut publisher, line);
        }
        read(&mut subscriber, 2);
    });
}

#[test]
fn a_transaction_without_upstream_may_subscribe() {
    Sides::start_in_memory().compare(|s| {
        let mut client = s.client();
        for line in ["MULTI", "SUBSCRIBE a", "SET k v", "PSUBSCRIBE p*", "EXEC"] {
            call(&mut client, line);
        }
        publish(s, "a", "heard");
        publish(s, "pa", "heard");
        read(&mut client, 2);
        call(&mut client, "UNSUBSCRIBE a");
        call(&mut client, "PUNSUBSCRIBE p*");
        call(&mut client, "GET k");
    });
}

#[test]
fn pubsub_tells_what_is_subscribed_to() {
    compare_everywhere(|s| {
        let (mut one, mut two, mut asker) = (s.client(), s.client(), s.client());
        call(&mut one, "SUBSCRIBE news");
        call(&mut two, "SSUBSCRIBE shard");
        for line in [
            "PUBSUB CHANNELS",
            "PUBSUB CHANNELS n*",
            "PUBSUB CHANNELS x*",
            "PUBSUB CHANNELS a b",
            "PUBSUB SHARDCHANNELS",
            "PUBSUB SHARDCHANNELS s*",
            "PUBSUB SHARDNUMSUB shard news",
            "PUBSUB NUMSUB",
            "PUBSUB NUMSUB news shard",
            "PUBSUB NUMPAT",
            "PUBSUB NUMPAT x",
            "PUBSUB NOSUCH",
            "PUBSUB",
            "PUBSUB HELP",
            "PUBLISH news",
            "SPUBLISH shard",
            "SUBSCRIBE",
            "PING",
        ] {
            call(&mut asker, line);
        }
    });
}

#[test]
fn keyspace_events_reach_subscribers() {
    compare(|s| {
        let (mut client, mut writer) = (s.client(), s.client());
        call(&mut writer, "CONFIG SET notify-keyspace-events KEA");
        call(&mut client, "PSUBSCRIBE __key*__:*");
        call(&mut writer, "SELECT 3");
        call(&mut writer, "SET k v");
        read(&mut client, 2);
        call(&mut writer, "DEL k");
        read(&mut client, 2);
        writer.call(&["CONFIG", "SET", "notify-keyspace-events", ""]);
    });
}

/// What is said of subscriptions is no reply.
#[test]
fn who_wants_no_replies_hears_all_the_same() {
    compare_everywhere(|s| {
        for mode in ["OFF", "SKIP"] {
            let mut client = s.client();
            client.send(&["CLIENT", "REPLY", mode]);
            call(&mut client, "SUBSCRIBE a");
            call(&mut client, "PSUBSCRIBE a*");
            publish(s, "a", "one");
            read(&mut client, 2);
            call(&mut client, "UNSUBSCRIBE a");
            call(&mut client, "PUNSUBSCRIBE");
            client.send(&["CLIENT", "REPLY", "OFF"]);
            client.send(&["SET", "k", "v"]);
            call(&mut client, "UNSUBSCRIBE nothing");
            call(&mut client, "CLIENT REPLY ON");
            call(&mut client, "GET k");
        }
    });
}
