//! What a call costs beyond the node's own work: round trips to a node that answers at once, or after as
//! long as an operation takes. Prints the median and the 99th percentile in microseconds, and the rate.
//!
//! Run with `cargo bench -p strongroom-client`; `-- <seconds>` sets the time per line.
#![allow(clippy::print_stdout, reason = "it's a program for people")]

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use strongroom_client::{Client, ClusterConfig, Endpoint, Route};
use strongroom_model::{Blob, Handle, Mechanism, MechanismType, NodeId, Params, Profile};
use strongroom_wire::{
    ClusterInfo, Envelope, Frames, Hello, Member, Numbered, Operation, Reply, Request, Response, Standing,
    Stream, Welcome, decode, encode,
};

fn main() {
    // `cargo test --benches` passes no `--bench`: then each line is run only to see that it works.
    let arguments: Vec<String> = std::env::args().collect();
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok());
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let time = Duration::from_secs_f64(seconds.unwrap_or(if is_bench { 1.0 } else { 0.02 }));

    println!(
        "{:>6} {:>6} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "nodes", "work", "spin_us", "threads", "p50", "p99", "per s"
    );
    for (nodes, work) in [(1, 0), (3, 0), (1, 15), (3, 15), (1, 260)] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let paths: Vec<_> = (0..nodes).map(|node| dir.path().join(node.to_string())).collect();
        for node in 0..nodes {
            serve(&paths, node, Duration::from_micros(work));
        }
        for (spin_us, clients, threads) in [
            (0, 1, 1),
            (50, 1, 1),
            (0, 1, 2),
            (50, 1, 2),
            (0, 1, 8),
            (50, 1, 4),
            (50, 1, 8),
            (50, 1, 16),
            (50, 1, 64),
            (0, 2, 1),
            (50, 2, 1),
            (0, 8, 1),
            (50, 8, 1),
        ] {
            let clients: Vec<_> = (0..clients).map(|_| client(&paths[0], spin_us)).collect();
            run(&clients, threads, time / 5);
            let begun = Instant::now();
            let mut times = run(&clients, threads, time);
            let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
            times.sort_unstable();
            let at = |part: f64| times[(times.len() as f64 * part) as usize].as_nanos() as f64 / 1000.0;
            let (p50, p99) = (at(0.5), at(0.99));
            let clients = clients.len();
            println!(
                "{nodes:>6} {work:>6} {spin_us:>8} {clients:>8} {threads:>8} {p50:>8.1} {p99:>8.1} {rate:>9.0}"
            );
        }
    }
}

fn client(path: &Path, spin_us: u64) -> Client {
    let nodes = vec![Endpoint::Unix(path.to_owned())];
    Client::new(ClusterConfig { spin_us, ..ClusterConfig::new("bench", nodes) })
}

fn run(clients: &[Client], threads: usize, time: Duration) -> Vec<Duration> {
    let one = |client: &Client| {
        let mechanism = Mechanism { kind: MechanismType(0x1041), params: Params::None };
        let data = Blob::from([7; 32]);
        let request =
            Request::Sign { operation: Operation { key: Handle(1), mechanism, data }, digested: false };
        let mut times = Vec::new();
        let end = Instant::now() + time;
        loop {
            let begun = Instant::now();
            if begun >= end {
                return times;
            }
            client.call(Route::Any, 1, &request).expect("an answer");
            times.push(begun.elapsed());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .cycle()
            .take(clients.len() * threads)
            .map(|client| scope.spawn(move || one(client)))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// A node that keeps a core busy for `work`, then gives back what was to be signed.
fn serve(paths: &[PathBuf], node: usize, work: Duration) {
    let listener = UnixListener::bind(&paths[node]).expect("a socket");
    let member = |(node, path): (usize, &PathBuf)| Member {
        node: NodeId(node as u16),
        socket: path.to_string_lossy().into_owned(),
        address: None,
    };
    let cluster = ClusterInfo {
        name: "bench".to_owned(),
        label: "bench".to_owned(),
        serial: "0123456789abcdef".to_owned(),
        profile: Profile::Standard,
        variant: Default::default(),
        initialized: true,
        default_user: None,
        default_user_failing: false,
        default_user_locked: false,
        min_password: 4,
        max_password: 255,
        members: paths.iter().enumerate().map(member).collect(),
        epoch: 1,
    };
    let welcome = Ok(Welcome { node: NodeId(node as u16), cluster, mailbox: false });
    std::thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let welcome = welcome.clone();
            std::thread::spawn(move || answer(Stream::new(socket), &welcome, work));
        }
    });
}

fn answer(
    mut stream: Stream,
    welcome: &Result<Welcome, strongroom_model::Error>,
    work: Duration,
) -> Option<()> {
    let (mut frames, mut out) = (Frames::new(), Vec::new());
    let _: Hello = decode(frames.next(&mut stream, 1 << 20).ok()??).ok()?;
    encode(welcome, &mut out).ok()?;
    stream.write_all(&out).ok()?;
    out.clear();
    loop {
        let Numbered { number, message: envelope }: Numbered<Envelope> =
            decode(frames.next(&mut stream, 1 << 20).ok()??).ok()?;
        frames.wipe();
        let begun = Instant::now();
        while begun.elapsed() < work {
            std::hint::spin_loop();
        }
        let result = Ok(match envelope.request {
            Request::Sign { operation, .. } => Response::Bytes(operation.data),
            _ => Response::Done,
        });
        let reply = Reply { revision: 1, epoch: 1, detached: false, standing: Standing::Current, result };
        encode(&Numbered { number, message: reply }, &mut out).ok()?;
        if !frames.has_next() {
            stream.write_all(&out).ok()?;
            out.clear();
        }
    }
}
