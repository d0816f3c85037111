//! Who comes to a node's address and doesn't mean well: dropped, and nobody else notices.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use strongroom_testkit::{Cluster, wait_until};
use strongroom_tls::ClientTls;
use strongroom_wire::Stream;

use crate::{PATIENCE, address, dial, single, users};

/// What is dropped at once is dropped within this.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Waits until the node has ended a connection; how long that took.
#[track_caller]
fn until_dropped(mut stream: TcpStream) -> Duration {
    let begun = Instant::now();
    let mut waste = [0; 4096];
    loop {
        match stream.read(&mut waste) {
            Ok(0) => return begun.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return begun.elapsed(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("the node didn't drop it: {error}"),
        }
    }
}

fn trust(cluster: &Cluster) -> ClientTls {
    let anchors = strongroom_tls::certificates(&cluster.ca()).expect("a certificate");
    ClientTls::new(&anchors, None, false).expect("a configuration")
}

#[test]
fn plain_text_and_garbage_are_dropped_at_once() {
    let cluster = single();
    let at = address(&cluster, 0);
    let hello = {
        // What a client says to a socket.
        let mut frame = 40_u32.to_le_bytes().to_vec();
        frame.extend([6; 40]);
        frame
    };
    let zeros = vec![0; 100_000];
    let record = [&[0x16, 3, 1, 0xff, 0xff][..], &[7; 70_000]].concat();
    let alert = [0x15, 3, 3, 0, 2, 2, 40];
    for said in
        [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], &hello, &zeros, &record, &alert, b"\x16\x03\x01\x00\x00"]
    {
        let mut stream = dial(at);
        // It may be dropped before it has said it all.
        let _ = stream.write_all(said);
        let _ = stream.shutdown(Shutdown::Write);
        let took = until_dropped(stream);
        assert!(took < AT_ONCE, "{took:?} for {:?}", &said[..5]);
    }
    users(&cluster, cluster.config()).expect_success();
    let log = cluster.log();
    assert!(log.contains("a client was dropped: sent what isn't TLS"), "{log}");
    wait_until("none is left", PATIENCE, || cluster.node(0).connections == 0);
}

#[test]
fn messages_after_a_good_handshake_are_checked_as_by_sockets() {
    let cluster = single();
    let stream = Stream::connect_tcp(address(&cluster, 0), PATIENCE).expect("a connection");
    let mut session = trust(&cluster).session(address(&cluster, 0).ip()).expect("a session");
    session.handshake(&stream, PATIENCE).expect("a handshake");
    session.write_all(&stream, &[0xff; 64]).expect("a connection");
    let begun = Instant::now();
    let mut answer = [0; 64];
    while let Ok(None) = session.try_read(&stream, &mut answer) {
        assert!(begun.elapsed() < AT_ONCE, "the node didn't drop it");
        std::thread::sleep(Duration::from_millis(5));
    }
    users(&cluster, cluster.config()).expect_success();
}

#[test]
fn slow_handshakes_end_and_keep_nobody_out() {
    let cluster = single();
    let at = address(&cluster, 0);
    // More than may be in their handshakes at once.
    let slow: Vec<_> = (0..200)
        .map(|number| {
            let mut stream = dial(at);
            if number % 2 == 0 {
                stream.write_all(&[0x16, 3, 1, 2, 0, 1]).expect("a connection");
            }
            stream
        })
        .collect();
    let begun = Instant::now();
    users(&cluster, cluster.config()).expect_success();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    for stream in slow {
        let took = until_dropped(stream);
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    assert!(cluster.log().contains("too slow in its TLS handshake"), "{}", cluster.log());
}

#[test]
fn connections_that_break_in_the_middle_leave_nothing() {
    let cluster = single();
    let at = address(&cluster, 0);
    let tls = trust(&cluster);
    for number in 0..60 {
        match number % 3 {
            // Before anything, within the first message, and after the handshake.
            0 => drop(dial(at)),
            1 => dial(at).write_all(&[0x16, 3, 1]).expect("a connection"),
            _ => {
                let stream = Stream::connect_tcp(at, PATIENCE).expect("a connection");
                let mut session = tls.session(at.ip()).expect("a session");
                session.handshake(&stream, PATIENCE).expect("a handshake");
            }
        }
    }
    wait_until("none is left", PATIENCE, || cluster.node(0).connections == 0);
    users(&cluster, cluster.config()).expect_success();
}

#[test]
fn memory_does_not_grow_over_many_handshakes() {
    let cluster = single();
    let at = address(&cluster, 0);
    let tls = trust(&cluster);
    let shake = |times: usize| {
        for _ in 0..times {
            let stream = Stream::connect_tcp(at, PATIENCE).expect("a connection");
            let mut session = tls.session(at.ip()).expect("a session");
            session.handshake(&stream, PATIENCE).expect("a handshake");
        }
        wait_until("none is left", PATIENCE, || cluster.node(0).connections == 0);
    };
    let memory = || {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", cluster.daemon_pid())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    shake(300);
    let before = memory();
    shake(1500);
    let after = memory();
    eprintln!("{before} kB after 300 handshakes, {after} kB after 1800");
    assert!(after < before + 4096, "{before} kB, then {after} kB");
}
