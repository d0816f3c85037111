//! Clients, good and bad: what one does, the others don't notice.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::{Client, LONG, TestHome, create, hello, wait_until};
use strongroom_model::{AttributeType as A, Attributes, Error, ObjectClass, limits};
use strongroom_wire::{PROTOCOL, Request, Welcome, encode};

/// What a client's introduction is answered by.
type Answer = Result<Welcome, Error>;

#[test]
fn what_one_node_made_the_other_finds() {
    let home = TestHome::new();
    let daemon = home.start();
    let mut first = Client::login(&home.socket(0), 1);
    let mut second = Client::login(&home.socket(1), 1);
    first.create_data("shared", true).unwrap();
    assert_eq!(second.find("shared"), 1);
    let status = &daemon.status().clusters[0];
    assert_eq!((status.objects, status.nodes[0].connections, status.nodes[1].connections), (1, 1, 1));
    assert_eq!(status.nodes[0].revision, status.nodes[1].revision);
}

#[test]
fn garbage_costs_only_its_sender_the_connection() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut good = Client::connect(&home.socket(0), 1);
    let oversize = |len: usize| u32::try_from(len).unwrap().to_le_bytes().to_vec();
    let before_hello = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 8192],
        oversize(4097),
        [oversize(64), vec![0xff; 64]].concat(),
        oversize(0),
        // An introduction of another version.
        [oversize(34), vec![9; 34]].concat(),
    ];
    for bytes in &before_hello {
        let mut bad = Client::dial(&home.socket(0));
        // The daemon may hang up before all of it is sent.
        let _ = bad.stream.write_all(bytes);
        assert!(bad.is_dropped(), "{:?}", &bytes[..4]);
        assert!(good.is_served());
    }
    let after_hello = [oversize(limits::MAX_FRAME + 1), [oversize(64), vec![0xff; 64]].concat(), oversize(0)];
    for bytes in &after_hello {
        let mut bad = Client::connect(&home.socket(0), 2);
        bad.stream.write_all(bytes).unwrap();
        assert!(bad.is_dropped(), "{:?}", &bytes[..4]);
        assert!(good.is_served());
    }
}

#[test]
fn a_client_that_is_turned_away_is_told_why() {
    let home = TestHome::new();
    let _daemon = home.start();
    let instance = strongroom_wire::InstanceId([9; 16]);
    let hello = strongroom_wire::Hello { protocol: PROTOCOL + 1, ..strongroom_wire::Hello::new(instance) };
    let mut frame = Vec::new();
    encode(&hello, &mut frame).unwrap();
    let mut stranger = Client::dial(&home.socket(0));
    stranger.stream.write_all(&frame).unwrap();
    let why = stranger.receive::<Answer>().unwrap().expect("an answer").unwrap_err();
    assert!(why.message.contains(&format!("the client speaks protocol {}", PROTOCOL + 1)), "{why}");
    assert!(stranger.is_dropped());

    let _crowd: Vec<_> = (0..limits::MAX_CONNECTIONS).map(|_| Client::dial(&home.socket(1))).collect();
    let mut late = Client::dial(&home.socket(1));
    let why = late.receive::<Answer>().unwrap().expect("an answer").unwrap_err();
    assert!(why.message.contains("4096 connections already"), "{why}");
    assert!(late.is_dropped());
}

#[test]
fn a_client_that_says_nothing_is_dropped_and_a_slow_one_served() {
    let home = TestHome::new();
    let daemon = home.start();
    let start = Instant::now();
    let mut silent = Client::dial(&home.socket(0));
    // Bytes that trickle in don't win more time.
    let mut trickling = Client::dial(&home.socket(0));
    let mut slow = Client::dial(&home.socket(0));
    for byte in hello(1) {
        slow.stream.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(slow.receive::<Answer>().unwrap().is_some_and(|answer| answer.is_ok()));
    for byte in hello(2).into_iter().take(16) {
        if trickling.stream.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(silent.is_dropped() && trickling.is_dropped());
    let took = start.elapsed();
    assert!((Duration::from_secs(9)..LONG).contains(&took), "{took:?}");
    assert!(slow.is_served());
    wait_until("only the slow one is left", || daemon.status().clusters[0].nodes[0].connections == 1);
}

#[test]
fn clients_that_dont_read_hold_up_nobody_else() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut deaf: Vec<_> = (0..8).map(|n| Client::connect(&home.socket(0), n)).collect();
    for client in &mut deaf {
        // Far more than a socket holds; the frames are small, so sending them doesn't block.
        for _ in 0..32 {
            client.send(Request::Random { len: 1024 * 1024 });
        }
    }
    let mut good = Client::connect(&home.socket(0), 100);
    let start = Instant::now();
    for _ in 0..100 {
        assert!(good.is_served());
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_client_that_dies_in_mid_call_takes_its_session_objects_along() {
    let home = TestHome::new();
    let daemon = home.start();
    let mut client = Client::login(&home.socket(0), 1);
    client.create_data("session", false).unwrap();
    assert_eq!(client.find("session"), 1);
    client.send(Request::Random { len: 1024 * 1024 });
    drop(client);
    let mut frame = hello(1);
    frame.truncate(9);
    Client::dial(&home.socket(0)).stream.write_all(&frame).unwrap();

    wait_until("the connections are gone", || daemon.status().clusters[0].nodes[0].connections == 0);
    let mut again = Client::login(&home.socket(0), 1);
    assert_eq!(again.find("session"), 0);
}

#[test]
fn many_clients_at_once() {
    const CLIENTS: usize = 300;
    let home = TestHome::new();
    let daemon = home.start();
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|n| Client::connect(&home.socket((n % 2) as u16), (n % 250) as u8)).collect();
    assert!(clients.iter_mut().all(Client::is_served));
    let connections = || {
        let status = daemon.status();
        status.clusters[0].nodes.iter().map(|node| node.connections).sum::<u64>()
    };
    assert_eq!(connections(), CLIENTS as u64);
    drop(clients);
    wait_until("all are gone", || connections() == 0);
}

/// Short messages don't wait for the memory that long ones take, nor do users' long ones for strangers'.
#[test]
fn unfinished_messages_of_strangers_take_little_memory_and_leave_the_rest_to_users() {
    const STRANGERS: u8 = 60;
    let home = TestHome::new();
    let daemon = home.spawn();
    create(&home.home, "default");
    let mut user = Client::login(&home.socket(0), 1);
    let before = memory(daemon.id());
    let mut message = u32::try_from(limits::MAX_FRAME).unwrap().to_le_bytes().to_vec();
    message.resize(10 << 20, 1);
    let send = &|number| {
        let mut stranger = Client::connect(&home.socket(1), number);
        stranger.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        // Most aren't listened to to the end.
        let _ = stranger.stream.write_all(&message);
        stranger
    };
    std::thread::scope(|scope| {
        let strangers: Vec<_> =
            (100..100 + STRANGERS).map(|number| scope.spawn(move || send(number))).collect();
        let strangers: Vec<_> = strangers.into_iter().map(|thread| thread.join().unwrap()).collect();
        // A buffer that grows is there twice until the old one is wiped, so what's taken settles in a moment.
        let taken = || memory(daemon.id()).saturating_sub(before);
        let end = Instant::now() + Duration::from_secs(1);
        while taken() >= 300 << 20 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(taken() < 300 << 20, "{STRANGERS} strangers took {} MiB", taken() >> 20);

        let start = Instant::now();
        let template = Attributes::new()
            .with(A::CLASS, ObjectClass::Data.to_ck())
            .with(A::VALUE, vec![7; 200_000].as_slice());
        user.ask(Request::Create { template }).unwrap();
        assert!(user.is_served() && Client::connect(&home.socket(1), 9).is_served());
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        drop(strangers);
    });
}

/// The memory that a process has, in bytes.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
