//! CLIENT TRACKING: the server's promise to say when a key has changed, kept through us.

use crate::harness::{Client, Redis, Sidecar, Value, compare, compare_without_namespace};

fn call(client: &mut Client, line: &str) -> Value {
    client.call(&line.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_key_that_was_read_is_reported_once_when_it_changes() {
    compare_without_namespace(|s| {
        let (mut reader, mut writer) = (s.fresh_client().resp3(), s.client());
        call(&mut writer, "MSET k 1 l 1");
        call(&mut reader, "CLIENT TRACKING ON");
        call(&mut reader, "GET k");
        call(&mut writer, "SET k 2");
        assert!(matches!(reader.read(), Value::Push(_)));
        call(&mut writer, "SET k 3");
        call(&mut reader, "PING");
        call(&mut reader, "GET k");
        call(&mut reader, "GET l");
        call(&mut writer, "DEL k l");
        reader.read();
        reader.read();
        call(&mut reader, "GET k");
        call(&mut writer, "FLUSHALL");
        reader.read();
        call(&mut reader, "CLIENT TRACKING OFF");
        call(&mut reader, "GET k");
        call(&mut writer, "SET k 4");
        call(&mut reader, "PING");
    });
}

/// Redis remembers by connection who has read what: the next client must not have that connection.
#[test]
fn what_another_client_read_is_not_reported() {
    compare_without_namespace(|s| {
        let (mut first, mut writer) = (s.fresh_client().resp3(), s.client());
        call(&mut writer, "MSET k 1 l 1");
        call(&mut first, "CLIENT TRACKING ON");
        call(&mut first, "GET k");
        call(&mut first, "CLIENT TRACKING OFF");
        let mut second = s.fresh_client().resp3();
        call(&mut second, "CLIENT TRACKING ON");
        call(&mut second, "GET l");
        call(&mut writer, "SET k 2");
        call(&mut writer, "SET l 2");
        assert!(matches!(second.read(), Value::Push(_)));
        call(&mut second, "PING");
    });
}

#[test]
fn broadcasts_by_prefix() {
    compare(|s| {
        let (mut reader, mut writer) = (s.fresh_client().resp3(), s.client());
        call(&mut reader, "CLIENT TRACKING ON BCAST PREFIX user: PREFIX cart:");
        call(&mut writer, "SET other 1");
        call(&mut writer, "SET user:1 x");
        reader.read();
        call(&mut writer, "SET cart:1 x");
        reader.read();
        call(&mut reader, "CLIENT TRACKING ON BCAST PREFIX us");
        call(&mut reader, "PING");
        call(&mut reader, "CLIENT TRACKING OFF");
        call(&mut writer, "SET user:1 y");
        call(&mut reader, "PING");
    });
}

#[test]
fn opt_in_and_opt_out_follow_caching() {
    compare(|s| {
        let (mut reader, mut writer) = (s.fresh_client().resp3(), s.client());
        call(&mut writer, "MSET a 1 b 1");
        call(&mut reader, "CLIENT TRACKING ON OPTIN");
        call(&mut reader, "GET a");
        call(&mut reader, "CLIENT CACHING YES");
        call(&mut reader, "GET b");
        call(&mut writer, "MSET a 2 b 2");
        reader.read();
        call(&mut reader, "CLIENT CACHING NO");
        call(&mut reader, "CLIENT TRACKING OFF");
        call(&mut reader, "CLIENT TRACKING ON OPTOUT");
        call(&mut reader, "CLIENT CACHING NO");
        call(&mut reader, "GET a");
        call(&mut reader, "GET b");
        call(&mut writer, "MSET a 3 b 3");
        reader.read();
        call(&mut reader, "PING");
    });
}

#[test]
fn one_does_not_hear_of_ones_own_writes_with_noloop() {
    compare(|s| {
        let mut client = s.fresh_client().resp3();
        call(&mut client, "CLIENT TRACKING ON NOLOOP");
        call(&mut client, "GET k");
        call(&mut client, "SET k 1");
        call(&mut client, "PING");
        call(&mut client, "GET k");
        call(&mut s.client(), "SET k 2");
        client.read();
    });
}

#[test]
fn questions_about_tracking() {
    compare(|s| {
        let mut client = s.client();
        call(&mut client, "CLIENT GETREDIR");
        call(&mut client, "CLIENT TRACKINGINFO");
        call(&mut client, "CLIENT CACHING YES");
        call(&mut client, "CLIENT TRACKING");
        call(&mut client, "CLIENT TRACKING MAYBE");
        call(&mut client, "CLIENT TRACKING ON REDIRECT 99999");
        call(&mut client, "CLIENT TRACKING ON PREFIX x");
        call(&mut client, "CLIENT TRACKING ON OPTIN OPTOUT");
        if s.protocol == 3 {
            call(&mut client, "CLIENT TRACKING ON OPTIN NOLOOP");
            call(&mut client, "CLIENT TRACKINGINFO");
            call(&mut client, "CLIENT GETREDIR");
            call(&mut client, "CLIENT CACHING YES");
            call(&mut client, "CLIENT TRACKINGINFO");
            call(&mut client, "CLIENT TRACKING OFF");
            call(&mut client, "CLIENT TRACKING ON BCAST PREFIX a");
            call(&mut client, "CLIENT TRACKINGINFO");
            call(&mut client, "RESET");
            call(&mut client, "CLIENT TRACKINGINFO");
            client = s.client().resp3();
            for flags in ["", " PREFIX a"] {
                call(&mut client, &format!("CLIENT TRACKING ON BCAST{flags}"));
                call(&mut client, "CLIENT TRACKINGINFO");
            }
        }
        call(&mut client, "PING");
    });
}

#[test]
fn invalidations_may_be_sent_to_another_client() {
    compare_without_namespace(|s| {
        let (mut reader, mut listener, mut writer) = (s.client(), s.client(), s.client());
        let id = listener.unrecorded(&["CLIENT", "ID"]).int();
        call(&mut listener, "SUBSCRIBE __redis__:invalidate");
        call(&mut reader, &format!("CLIENT TRACKING ON REDIRECT {id}"));
        assert_eq!(reader.unrecorded(&["CLIENT", "GETREDIR"]), Value::Int(id));
        call(&mut reader, "GET k");
        call(&mut writer, "SET k 1");
        listener.read();
        call(&mut reader, "GET k");
        call(&mut writer, "FLUSHALL");
        listener.read();
    });
}

#[test]
fn tracking_of_one_client_is_unseen_by_all_others() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let (mut tracked, mut other) = (sidecar.client().resp3(), sidecar.client().resp3());
    for round in 0..20 {
        call(&mut tracked, "CLIENT TRACKING ON");
        call(&mut tracked, "GET k");
        call(&mut other, "GET k");
        assert_eq!(other.call(&["SET", "k", &round.to_string()]), Value::ok());
        assert!(matches!(tracked.read(), Value::Push(_)));
        assert_eq!(other.call(&["GET", "k"]), Value::bulk(round.to_string()));
        drop(tracked);
        tracked = sidecar.client().resp3();
        call(&mut tracked, "GET k");
        assert_eq!(call(&mut other, "SET k x"), Value::ok());
        assert_eq!(call(&mut tracked, "PING"), Value::Simple("PONG".to_owned()));
    }
}

#[test]
fn a_tracked_client_goes_on_with_everything_else() {
    compare(|s| {
        let mut client = s.fresh_client().resp3();
        for line in [
            "CLIENT TRACKING ON",
            "SELECT 3",
            "SET k v",
            "MULTI",
            "GET k",
            "EXEC",
            "CLIENT SETNAME me",
            "CLIENT GETNAME",
            "SUBSCRIBE c",
            "GET k",
            "UNSUBSCRIBE c",
            "BLPOP l 0.01",
            "WATCH k",
            "UNWATCH",
            "SELECT 0",
            "GET k",
            "RESET",
            "GET k",
        ] {
            call(&mut client, line);
        }
    });
}
