//! What isn't a message.

use std::thread;
use std::time::{Duration, Instant};

use cryptoki_sys::CKA_WRAP_TEMPLATE;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use strongroom_model::{Attributes, limits};
use strongroom_testkit::{Cluster, wait_until};
use strongroom_tests::alone;
use strongroom_tests::process::{descriptors, memory, threads};
use strongroom_tests::raw::Raw;
use strongroom_wire::{Envelope, Hello, InstanceId, Numbered, PROTOCOL, Request};

use crate::wire::{BYSTANDERS, Stranger, beside_others, frame, framed, hello};

const INSTANCE: [u8; 16] = [7; 16];

#[test]
fn whoever_sends_garbage_is_hung_up_on() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let socket = cluster.sockets()[0];
        let instance = InstanceId(INSTANCE);
        let other_protocol = Hello { protocol: PROTOCOL + 1, ..Hello::new(instance) };
        let introductions: [(&str, Vec<u8>); 8] = [
            ("another protocol", b"GET / HTTP/1.1\r\nHost: strongroom\r\n\r\n".to_vec()),
            ("a frame of four gigabytes", vec![0xff; 64]),
            ("an introduction longer than introductions are", framed(&vec![0; 100_000])),
            ("an empty frame", framed(&[])),
            ("another version of the protocol", frame(&other_protocol)),
            ("bytes behind the introduction", framed(&[&hello(INSTANCE)[4..], &[0]].concat())),
            ("a request before the introduction", frame(&ask(Request::Info))),
            ("zeros", vec![0; 5000]),
        ];
        let requests: [(&str, Vec<u8>); 8] = [
            ("an empty frame", framed(&[])),
            ("half a request's number", framed(&[1, 0])),
            ("a second introduction", hello(INSTANCE)),
            ("a frame too long by a byte", (limits::MAX_FRAME as u32 + 1).to_le_bytes().to_vec()),
            ("a request of an unknown kind", framed(&[1, 0, 0, 0, 0, 0, 200, 1])),
            ("bytes behind a request", framed(&[&frame(&ask(Request::Info))[4..], &[0]].concat())),
            ("a length in a request that lies", framed(&[1, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 0x0f])),
            ("templates a million deep", framed(&nested(1_000_000))),
        ];
        beside_others(&raw, &cluster, || {
            for (what, bytes) in &introductions {
                let mut stranger = Stranger::connect(socket).expect("a connection");
                stranger.send(bytes);
                stranger.expect_hang_up(what);
            }
            for (what, bytes) in &requests {
                let mut stranger = Stranger::welcomed(socket, INSTANCE).expect("a connection");
                stranger.send(bytes);
                stranger.expect_hang_up(what);
            }
        });
        assert!(cluster.log().contains("what isn't a message"), "the daemon's log says nothing of it");
    });
}

#[test]
fn random_bytes_and_damaged_messages_leave_nothing_behind() {
    alone(|| {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let socket = cluster.sockets()[1];
        let daemon = cluster.daemon_pid();
        let whole =
            [hello(INSTANCE), frame(&ask(Request::Info)), frame(&ask(Request::Random { len: 100 }))].concat();
        let held = || (descriptors(daemon), threads(daemon));
        beside_others(&raw, &cluster, || {
            let mut before = (held(), memory(daemon));
            for round in 0..3000 {
                if round == 300 {
                    before = (held(), memory(daemon));
                }
                let mut bytes = whole.clone();
                if round % 3 == 0 {
                    rng.fill_bytes(&mut bytes);
                } else {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                    bytes.truncate(rng.random_range(1..=whole.len()));
                }
                Stranger::connect(socket).expect("a connection").send(&bytes);
            }
            // The bystanders' connections come and go, too.
            wait_until("what strangers held is released", Duration::from_secs(20), || {
                held().0 <= before.0.0 + BYSTANDERS && held().1 <= before.0.1 + 4
            });
            let grown = memory(daemon).saturating_sub(before.1);
            assert!(grown < 16 << 20, "the daemon's memory has grown by {grown} bytes");
        });
    });
}

#[test]
fn promised_lengths_cost_nothing_and_kept_ones_are_given_back() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let socket = cluster.sockets()[0];
        let daemon = cluster.daemon_pid();
        beside_others(&raw, &cluster, || {
            let before = memory(daemon);
            let promise = (limits::MAX_FRAME as u32).to_le_bytes();
            let strangers: Vec<_> = (0..200u8)
                .map(|number| {
                    let mut stranger = Stranger::welcomed(socket, [number; 16]).expect("a connection");
                    stranger.send(&promise);
                    stranger.send(&[0; 1000]);
                    stranger
                })
                .collect();
            let promised = memory(daemon) - before;
            assert!(promised < 32 << 20, "200 promises of 16 MiB cost {promised} bytes");
            drop(strangers);
            // Some keep it, but for the last byte. What the allocator holds on to is bounded, however often they do.
            let rest = vec![0; limits::MAX_FRAME - 1];
            let mut sizes = Vec::new();
            for _ in 0..6 {
                let keep = |number: u8| {
                    let mut stranger = Stranger::welcomed(socket, [number; 16]).expect("a connection");
                    stranger.send(&promise);
                    stranger.send(&rest);
                    stranger
                };
                drop((0..8).map(keep).collect::<Vec<_>>());
                thread::sleep(Duration::from_millis(300));
                sizes.push(memory(daemon).saturating_sub(before) >> 20);
            }
            eprintln!("MiB kept after 8 times 16 MiB were sent: {sizes:?}");
            assert!(sizes[5] < sizes[0] + 32 && sizes[5] < 256);
        });
    });
}

#[test]
fn whoever_is_slow_is_hung_up_on_in_time() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let socket = cluster.sockets()[0];
        let daemon = cluster.daemon_pid();
        beside_others(&raw, &cluster, || {
            let before = descriptors(daemon);
            // A thousand that say nothing, one that says a byte now and then, one that says it all but an end.
            let silent: Vec<_> =
                (0..1000).map(|_| Stranger::connect(socket).expect("a connection")).collect();
            let mut begun = Stranger::connect(socket).expect("a connection");
            begun.send(&hello(INSTANCE)[..20]);
            let mut trickling = Stranger::connect(socket).expect("a connection");
            let started = Instant::now();
            for byte in hello(INSTANCE) {
                if rustix::io::retry_on_intr(|| rustix::io::write(&trickling.stream, &[byte])).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(400));
            }
            trickling.expect_hang_up("a trickle");
            begun.expect_hang_up("half an introduction");
            let mut last = silent.into_iter().next_back().expect("a thousand");
            last.expect_hang_up("silence");
            let took = started.elapsed();
            assert!(took > Duration::from_secs(5) && took < Duration::from_secs(18), "{took:?}");
            wait_until("their descriptors are closed", Duration::from_secs(10), || {
                descriptors(daemon) <= before + BYSTANDERS
            });
        });
    });
}

#[test]
fn whoever_does_not_read_keeps_the_daemons_memory_bounded() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let socket = cluster.sockets()[0];
        let daemon = cluster.daemon_pid();
        beside_others(&raw, &cluster, || {
            let before = memory(daemon);
            let request = frame(&ask(Request::Random { len: limits::MAX_RANDOM as u32 }));
            let strangers: Vec<_> = (0..20u8)
                .map(|number| {
                    let stranger = Stranger::welcomed(socket, [number; 16]).expect("a connection");
                    stranger.stream.set_nonblocking(true).expect("a socket");
                    // Until nothing more fits into the socket.
                    while rustix::io::write(&stranger.stream, &request)
                        .is_ok_and(|sent| sent == request.len())
                    {}
                    stranger
                })
                .collect();
            thread::sleep(Duration::from_millis(500));
            let grown = memory(daemon).saturating_sub(before);
            assert!(grown < 128 << 20, "20 clients that don't read cost {grown} bytes");
            drop(strangers);
        });
    });
}

fn ask(request: Request) -> Numbered<Envelope> {
    Numbered::new(1, Envelope { attach: None, session: 1, extras: None, request })
}

/// The body of a request with templates in templates.
fn nested(depth: usize) -> Vec<u8> {
    let empty = frame(&ask(Request::Create { template: Attributes::new() }));
    // Behind the header; the last byte is the number of attributes.
    let start = &empty[4..empty.len() - 1];
    let mut kind = Vec::new();
    let mut rest = CKA_WRAP_TEMPLATE;
    while rest > 0x7f {
        kind.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    kind.push(rest as u8);
    let level = [&[1], kind.as_slice(), &[4]].concat();
    [start, &level.repeat(depth), &[0]].concat()
}

#[test]
fn the_bytes_of_nested_templates_are_what_nodes_read() {
    let template = Attributes::new().with(
        strongroom_model::AttributeType(CKA_WRAP_TEMPLATE),
        strongroom_model::Value::Template(Attributes::new()),
    );
    assert_eq!(framed(&nested(1)), frame(&ask(Request::Create { template })));
}
