//! Apps that write a command in pieces, and leave it to the system when these are sent (Nagle's algorithm): the second
//! piece waits until the first is acknowledged, and straight to Redis that takes 40 ms.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Certs, DEADLINE, Redis, Sidecar, SidecarOptions};
use crate::listen_tls;

/// Less than Linux delays an acknowledgement, and time enough for a busy machine to do it once without.
const SOON: Duration = Duration::from_millis(30);

const SET: [&[u8]; 2] = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n", b"$2\r\nhi\r\n"];

fn connect(address: &str) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// Of some tries, what the fastest took.
fn fastest(mut exchange: impl FnMut()) -> Duration {
    let took = (0..12).map(|_| {
        let start = Instant::now();
        exchange();
        start.elapsed()
    });
    // A connection's first segments are acknowledged at once by everybody.
    took.skip(4).min().unwrap()
}

fn in_pieces<S: Read + Write>(app: &mut S) -> Duration {
    fastest(|| {
        for piece in SET {
            app.write_all(piece).unwrap();
            app.flush().unwrap();
        }
        let mut reply = [0; 5];
        app.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+OK\r\n");
    })
}

#[test]
fn a_command_in_pieces_does_not_wait_for_a_delayed_acknowledgement() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let took = in_pieces(&mut connect(sidecar.address()));
    assert!(took < SOON, "{took:?}");

    let certs = Certs::generate();
    let sidecar = listen_tls::start(&redis, &certs, "");
    let took = in_pieces(&mut listen_tls::connect(&sidecar, &certs, None).unwrap());
    assert!(took < SOON, "{took:?} over TLS");
}

#[test]
fn the_first_command_of_a_connection_may_come_in_pieces_too() {
    let redis = Redis::start();
    let sidecar = Sidecar::start(&redis);
    let took = fastest(|| {
        let mut app = connect(sidecar.address());
        for piece in SET {
            app.write_all(piece).unwrap();
        }
        app.read_exact(&mut [0; 5]).unwrap();
    });
    assert!(took < SOON, "{took:?}");
}

/// Replies that become ready one after the other: our second does not wait for the app's acknowledgement of the first.
#[test]
fn a_reply_does_not_wait_for_the_acknowledgement_of_the_one_before() {
    let redis = Redis::start();
    let sidecar = SidecarOptions::upstream(&redis).env("SIDECAR_WORKERS", "1").start();
    let mut app = connect(sidecar.address());
    let took = fastest(|| {
        // The first is answered here, the second by Redis.
        app.write_all(b"PING\r\n").unwrap();
        app.write_all(b"CLIENT ID\r\nEXISTS none\r\n").unwrap();
        let mut replies = Vec::new();
        while !replies.ends_with(b"\n:0\r\n") {
            let mut more = [0; 64];
            let count = app.read(&mut more).unwrap();
            assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&replies));
            replies.extend_from_slice(&more[..count]);
        }
    });
    assert!(took < SOON, "{took:?}");
}
