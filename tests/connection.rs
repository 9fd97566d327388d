//! What belongs to one client although it shares a connection upstream: database, name, login.

use std::thread;
use std::time::Duration;

use crate::harness::{
    Client, Redis, Sidecar, SidecarOptions, Sides, Value, compare_everywhere, eventually,
};

#[test]
fn each_client_has_its_own_database() {
    compare_everywhere(|s| {
        let mut clients: Vec<_> = (0..16).map(|_| s.client()).collect();
        for (db, client) in clients.iter_mut().enumerate() {
            client.call(&["SELECT", &db.to_string()]);
        }
        for (db, client) in clients.iter_mut().enumerate() {
            client.call(&["SET", "k", &db.to_string()]);
        }
        for (db, client) in clients.iter_mut().enumerate().rev() {
            assert_eq!(client.call(&["GET", "k"]), Value::bulk(db.to_string()));
            client.call(&["DBSIZE"]);
        }
        s.client().call(&["GET", "k"]);
    });
}

#[test]
fn databases_do_not_leak_between_busy_clients() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    thread::scope(|scope| {
        for worker in 0..12 {
            let mut client = sidecar.client();
            scope.spawn(move || {
                for round in 0..100 {
                    let db = ((worker + round) % 16).to_string();
                    let (key, value) = (format!("w{worker}"), format!("{worker} in {db}"));
                    let replies = client.pipeline(&[
                        &["SELECT", &db],
                        &["SET", &key, &value],
                        &["GET", &key],
                        &["SELECT", "15"],
                        &["SELECT", &db],
                        &["GETDEL", &key],
                    ]);
                    assert_eq!(replies[2], Value::bulk(&value));
                    assert_eq!(replies[5], Value::bulk(&value));
                }
            });
        }
    });
    assert_eq!(sidecar.client().call(&["DBSIZE"]), Value::Int(0));
}

#[test]
fn a_select_that_fails_leaves_the_database_as_it_was() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.call(&["SELECT", "2"]);
        client.call(&["SET", "k", "two"]);
        for db in ["16", "99", "-1", "x", "", "1.5", "99999999999999999999"] {
            client.call(&["SELECT", db]);
            assert_eq!(client.call(&["GET", "k"]), Value::bulk("two"));
        }
    });
}

#[test]
fn a_new_client_starts_in_the_first_database_without_a_name() {
    compare_everywhere(|s| {
        for _ in 0..5 {
            let mut client = s.client();
            client.call(&["GET", "k"]);
            client.call(&["CLIENT", "GETNAME"]);
            client.call(&["SELECT", "9"]);
            client.call(&["SET", "k", "nine"]);
            client.call(&["CLIENT", "SETNAME", "last"]);
        }
    });
}

#[test]
fn reset_makes_a_client_new() {
    compare_everywhere(|s| {
        let mut client = s.client();
        for line in [
            "SELECT 3",
            "SET k three",
            "CLIENT SETNAME me",
            "WATCH k",
            "MULTI",
            "GET k",
            "RESET",
            "GET k",
            "CLIENT GETNAME",
            "HGETALL nothing",
            "EXEC",
            "RESET",
            "SUBSCRIBE c",
            "RESET",
            "GET k",
            "CLIENT REPLY ON",
            "RESET",
            "SELECT 3",
            "GET k",
        ] {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
        client.pipeline(&[&["RESET"], &["PING"], &["RESET"], &["PING"]]);
    });
}

#[test]
fn quit_answers_and_closes() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.pipeline(&[&["SET", "k", "1"], &["QUIT"]]);
        client.expect_close();
        let mut client = s.client();
        client.send_raw(b"PING\r\nquit now\r\nSET k 2\r\n");
        client.read_to_close();
        assert_eq!(s.client().call(&["GET", "k"]), Value::bulk("1"));
    });
}

#[test]
fn auth_where_no_password_is_set() {
    compare_everywhere(|s| {
        let mut client = s.client();
        client.call(&["AUTH", "anything"]);
        client.call(&["AUTH", "default", "anything"]);
        client.call(&["AUTH", "nobody", "anything"]);
        client.call(&["PING"]);
    });
}

#[test]
fn auth_where_apps_must_log_in() {
    Sides::start_with_password("door").compare(|s| {
        let mut client = s.fresh_client();
        for args in [
            &["PING"][..],
            &["GET", "k"],
            &["SELECT", "1"],
            &["MULTI"],
            &["SUBSCRIBE", "c"],
            &["CLIENT", "ID"],
            &["CLIENT", "SETNAME", "n"],
            &["COMMAND", "COUNT"],
            &["GET"],
            &["RESET"],
            &["AUTH"],
            &["AUTH", "wrong"],
            &["AUTH", "default", "wrong"],
            &["AUTH", "nobody", "door"],
            &["AUTH", "a", "b", "c"],
            &["PING"],
            &["AUTH", "door"],
            &["PING"],
            &["AUTH", "wrong"],
            &["PING"],
            &["AUTH", "default", "door"],
            &["RESET"],
            &["PING"],
            &["QUIT"],
        ] {
            client.call(args);
        }
        client.expect_close();
        let mut client = s.fresh_client();
        client.pipeline(&[
            &["PING"],
            &["AUTH", "door"],
            &["PING"],
            &["SET", "k", "v"],
            &["GET", "k"],
        ]);
    });
}

#[test]
fn a_stranger_may_send_only_little() {
    let sides = Sides::start_with_password("door");
    for bytes in [&b"*11\r\n"[..], b"*1\r\n$16385\r\n", b"*2\r\n$4\r\nAUTH\r\n$100000\r\n"] {
        sides.compare(|s| {
            let mut client = s.fresh_client();
            client.send_raw(bytes);
            client.read_to_close();
        });
    }
}

#[test]
fn a_login_is_for_one_client_only() {
    Sides::start_with_password("door").compare(|s| {
        let (mut one, mut two) = (s.fresh_client(), s.fresh_client());
        one.call(&["AUTH", "door"]);
        two.call(&["GET", "k"]);
        one.call(&["GET", "k"]);
        s.fresh_client().call(&["PING"]);
    });
}

#[test]
fn more_clients_than_allowed_are_told_so() {
    let sides = Sides::start_with(None, &["maxclients 12"], "listen: {max_clients: 12}");
    sides.compare(|s| {
        let mut clients: Vec<Client> = (0..12).map(|_| s.client()).collect();
        for client in &mut clients {
            client.call(&["PING"]);
        }
        s.fresh_client().read_to_close();
        clients.clear();
        eventually("there is room for as many again", || {
            let mut clients: Vec<_> = (0..12).map(|_| s.bystander()).collect();
            clients.iter_mut().all(|client| {
                client.try_send(b"PING\r\n").is_ok() && client.read_raw_reply() == b"+PONG\r\n"
            })
        });
    });
}

#[test]
fn an_idle_client_is_closed_where_the_operator_says_so() {
    let redis = Redis::start();
    let config = "listen: {idle_timeout: 200ms}";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let mut subscriber = sidecar.client();
    subscriber.call(&["SUBSCRIBE", "c"]);
    let mut blocked = sidecar.client();
    blocked.send(&["BLPOP", "l", "0"]);
    let mut idle = sidecar.client();
    idle.call(&["PING"]);
    let closed = thread::spawn(move || idle.expect_close());
    let mut busy = sidecar.client();
    while !closed.is_finished() {
        assert_eq!(busy.call(&["PING"]).text(), "PONG");
    }
    closed.join().unwrap();
    // a subscriber is never idle, nor is one that waits for a reply, as with Redis's own timeout
    let mut other = sidecar.client();
    other.call(&["PUBLISH", "c", "m"]);
    assert_eq!(subscriber.read(), Value::bulks(&["message", "c", "m"]));
    sidecar.client().call(&["LPUSH", "l", "v"]);
    assert_eq!(blocked.read(), Value::bulks(&["l", "v"]));
}

#[test]
fn apps_may_come_by_a_unix_socket() {
    let redis = Redis::start();
    let config = "listen: {unix_socket: app.sock}";
    let sidecar = SidecarOptions::upstream(&redis).config(config).start();
    let path = sidecar.file("app.sock");
    eventually("the socket accepts", || Client::connect_unix(&path).is_ok());
    let mut client = Client::connect_unix(&path).unwrap();
    assert_eq!(client.call(&["SET", "k", "by file"]), Value::ok());
    assert_eq!(sidecar.client().call(&["GET", "k"]), Value::bulk("by file"));
}

#[test]
fn what_a_client_opened_is_closed_when_it_goes() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    sidecar.client().call(&["PING"]);
    let before = sidecar.open_files();
    let mut clients: Vec<_> = (0..100).map(|_| sidecar.client()).collect();
    for client in &mut clients {
        assert_eq!(client.call(&["PING"]), Value::Simple("PONG".to_owned()));
    }
    // The first client's own socket may have been counted before.
    assert!(sidecar.open_files() >= before + 99);
    drop(clients);
    eventually("the sockets are closed", || sidecar.open_files() <= before + 4);
}

#[test]
fn clients_come_and_go_while_others_work() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    thread::scope(|scope| {
        for worker in 0..4 {
            let sidecar = &sidecar;
            scope.spawn(move || {
                for round in 0..50 {
                    let mut client = sidecar.client();
                    let tag = format!("{worker}-{round}");
                    // leaves with replies still owed: they must reach no other
                    client.send_raw(&format!("ECHO {tag}\r\n").into_bytes().repeat(20));
                    assert_eq!(client.read(), Value::bulk(&tag));
                }
            });
        }
        let mut steady = sidecar.client();
        for round in 0..500 {
            let tag = format!("steady-{round}");
            assert_eq!(steady.call(&["ECHO", &tag]), Value::bulk(&tag));
        }
    });
    let mut client = sidecar.client();
    client.set_patience(Duration::from_secs(5));
    assert_eq!(client.call(&["ECHO", "end"]), Value::bulk("end"));
}
