//! Garbage, lies and attacks: a clear error or a closed connection, bounded memory, and no other
//! client disturbed.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::harness::{
    Client, Redis, Sidecar, Value, compare, compare_without_namespace, eventually,
};

const MB: u64 = 1 << 20;

/// Runs `attack` while another client works, then looks at what it cost.
fn while_another_works(allowed_memory: u64, attack: impl FnOnce(&Sidecar, &Redis)) {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let mut witness = sidecar.client();
    witness.call(&["PING"]);
    let before = sidecar.memory();
    let (done, attacked) = mpsc::channel::<()>();
    let worst = thread::scope(|scope| {
        let sidecar = &sidecar;
        let witness = scope.spawn(move || {
            let (mut worst, mut rounds) = (0, 0_u64);
            loop {
                rounds += 1;
                let tag = rounds.to_string();
                let replies = witness.pipeline(&[&["SET", "mine", &tag], &["GET", "mine"]]);
                assert_eq!(replies[1], Value::bulk(&tag));
                worst = worst.max(sidecar.memory());
                // ends with the attack, also when that failed
                if attacked.recv_timeout(Duration::from_millis(1)) != Err(RecvTimeoutError::Timeout)
                {
                    return worst;
                }
            }
        });
        attack(sidecar, &redis);
        done.send(()).unwrap();
        witness.join().unwrap()
    });
    let cost = worst.saturating_sub(before) / MB;
    assert!(worst < before + allowed_memory, "cost {cost} MB of memory");
    assert!(!sidecar.log_contains("panicked"), "{}", sidecar.log());
    assert_eq!(sidecar.client().call(&["GET", "nothing"]), Value::Nil);
}

#[test]
fn protocol_errors_are_worded_as_redis_words_them() {
    compare(|s| {
        let long = |start: &str| [start.as_bytes(), &vec![b'1'; 70_000]].concat();
        let cases = [
            b"*abc\r\n".to_vec(),
            b"*99999999999999999999\r\n".to_vec(),
            b"*2147483648\r\n".to_vec(),
            b"*1 \r\n$4\r\nPING\r\n".to_vec(),
            b"*1\r\nPING\r\n".to_vec(),
            b"*1\r\n:5\r\n".to_vec(),
            b"*1\r\n*1\r\n$4\r\nPING\r\n".to_vec(),
            b"*1\r\n\r\n".to_vec(),
            b"*1\r\n$\r\n".to_vec(),
            b"*1\r\n$-1\r\n".to_vec(),
            b"*1\r\n$abc\r\n".to_vec(),
            b"*1\r\n$536870913\r\n".to_vec(),
            b"*2\r\n$3\r\nGET\r\n+k\r\n".to_vec(),
            b"SET k \"unbalanced\r\n".to_vec(),
            b"SET k 'unbalanced\r\n".to_vec(),
            b"SET k \"a\"b\r\n".to_vec(),
            long("x"),
            long("*"),
            long("*1\r\n$"),
        ];
        for case in cases {
            let mut client = s.client();
            client.try_send(&case).unwrap();
            client.read_to_close();
        }
    });
}

#[test]
fn what_came_before_a_protocol_error_is_answered() {
    compare_without_namespace(|s| {
        let mut client = s.client();
        client.send_raw(b"SET k v\r\nGET k\r\nNOSUCH\r\n*1\r\n:5\r\nSET k lost\r\n");
        client.read_to_close();
        let mut client = s.client();
        client.send_raw(b"CLIENT GETNAME\r\nMULTI\r\nGET k\r\nEXEC\r\n*x\r\n");
        client.read_to_close();
        s.client().call(&["GET", "k"]);
    });
}

#[test]
fn http_on_the_port_is_closed() {
    compare(|s| {
        for request in [
            &b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nSET k hacked\r\n"[..],
            b"post /x HTTP/1.1\r\n\r\nSET k hacked\r\n",
            b"Host: localhost\r\nSET k hacked\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nSET k hacked\r\n",
        ] {
            let mut client = s.client();
            client.send_raw(request);
            client.read_to_close();
        }
        assert_eq!(s.client().call(&["GET", "k"]), Value::Nil);
    });
}

#[test]
fn garbage_disturbs_no_other_client() {
    while_another_works(64 * MB, |sidecar, _| {
        let mut state = 42_u64;
        for round in 0..300 {
            let mut bytes: Vec<u8> = (0..round * 7)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    state.to_le_bytes()[7]
                })
                .collect();
            let starts: [&[u8]; 6] = [b"", b"*", b"*3\r\n$", b"*2\r\n$3\r\nGET\r\n", b"$", b"\r\n"];
            bytes.splice(..0, starts[round % 6].iter().copied());
            let mut client = sidecar.client();
            // it may be closed before all is sent
            let _ = client.try_send(&bytes);
            client.half_close();
            client.read_to_close();
        }
    });
}

#[test]
fn lengths_that_never_arrive_cost_nothing() {
    while_another_works(48 * MB, |sidecar, _| {
        let before = sidecar.open_files();
        let mut liars: Vec<Client> = (0..200).map(|_| sidecar.client()).collect();
        let lies: [&[u8]; 5] = [
            b"*1000000\r\n",
            b"*1000000000\r\n",
            b"*2\r\n$4\r\nECHO\r\n$536870912\r\nabc",
            b"*1000000\r\n$3\r\nDEL\r\n$1\r\na\r\n$1\r\nb\r\n",
            b"*3\r\n$536870912\r\n",
        ];
        for (n, liar) in liars.iter_mut().enumerate() {
            let _ = liar.try_send(lies[n % lies.len()]);
        }
        eventually("the liars are in", || sidecar.open_files() > before + 100);
        drop(liars);
        eventually("the liars are forgotten", || sidecar.open_files() < before + 10);
    });
}

#[test]
fn many_small_arguments_are_one_command() {
    while_another_works(256 * MB, |sidecar, _| {
        let mut client = sidecar.client();
        let mut bytes = b"*200001\r\n$3\r\nDEL\r\n".to_vec();
        bytes.extend_from_slice(&b"$4\r\nkeyx\r\n".repeat(200_000));
        client.send_raw(&bytes);
        assert_eq!(client.read(), Value::Int(0));
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_command_leaves_nothing() {
    while_another_works(48 * MB, |sidecar, _| {
        let whole = b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$5\r\nvalue\r\n";
        for cut in 1..whole.len() {
            let mut client = sidecar.client();
            client.send_raw(&whole[..cut]);
        }
        assert_eq!(sidecar.client().call(&["EXISTS", "half"]), Value::Int(0));
    });
}

#[test]
fn a_client_that_sends_and_never_reads_is_bounded() {
    while_another_works(256 * MB, |sidecar, redis| {
        redis.direct().call(&[b"SET".as_slice(), b"big", &vec![b'x'; 1 << 20]]);
        let mut deaf: Vec<Client> = (0..2).map(|_| sidecar.client()).collect();
        for client in &mut deaf {
            client.set_patience(Duration::from_secs(1));
            // two gigabytes of replies; the sidecar may stop reading, or close
            let _ = client.try_send(&b"GET big\r\n".repeat(2_000));
        }
        let mut other = sidecar.client();
        for n in 0..200 {
            assert_eq!(other.call(&["ECHO", &n.to_string()]), Value::bulk(n.to_string()));
        }
    });
}

#[test]
fn endless_commands_without_reading_are_bounded() {
    while_another_works(256 * MB, |sidecar, _| {
        let mut deaf = sidecar.client();
        deaf.set_patience(Duration::from_millis(500));
        let batch = b"*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n".repeat(10_000);
        // stops when the sidecar takes no more, or after 130 MB
        for _ in 0..500 {
            if deaf.try_send(&batch).is_err() {
                break;
            }
        }
    });
}

#[test]
fn a_subscriber_that_never_reads_is_closed_and_the_others_hear_all() {
    while_another_works(256 * MB, |sidecar, redis| {
        let (mut deaf, mut listener) = (sidecar.client(), sidecar.client());
        deaf.call(&["SUBSCRIBE", "c"]);
        listener.call(&["SUBSCRIBE", "c"]);
        let message = vec![b'm'; 1 << 20];
        let mut publisher = redis.direct();
        for _ in 0..150 {
            publisher.call(&[b"PUBLISH".as_slice(), b"c", &message]);
            assert_eq!(listener.read().items()[2], Value::Bulk(message.clone()));
        }
        let heard = deaf.read_to_close().len();
        assert!(heard < 100 << 20, "heard {heard} bytes before it was closed");
    });
}

#[test]
fn deeply_nested_replies_pass_or_fail_alone() {
    while_another_works(64 * MB, |sidecar, _| {
        let script = "local t = 1 for i = 1, 100 do t = {t} end return t";
        let mut client = sidecar.client();
        client.send(&["EVAL", script, "0"]);
        let reply = client.read_raw_reply();
        assert_eq!(reply, [b"*1\r\n".repeat(100), b":1\r\n".to_vec()].concat());
    });
}
