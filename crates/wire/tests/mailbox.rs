//! Memory shared by a client and a node: what passes, who is woken, how it ends, and what a hostile end can do.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use strongroom_wire::{CAPACITY, Mailbox, Manner, Stream};
use vm_memory::{FileOffset, MmapRegion, VolatileMemory};

const LIMIT: Option<Duration> = Some(Duration::from_secs(10));
/// Longer than a reader sleeps where it doesn't see the socket.
const LONG: Duration = Duration::from_millis(20);

struct End {
    mailbox: Mailbox,
    socket: Stream,
}

impl End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(read) = self.try_read(buffer)? {
                return Ok(read);
            }
            self.wait(LIMIT)?;
        }
    }

    fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut all = vec![0; len];
        let mut have = 0;
        while have < len {
            let read = self.read(&mut all[have..]).unwrap();
            assert!(read > 0, "the end, after {have} of {len} bytes");
            have += read;
        }
        all
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.mailbox.try_read(|| Some(&self.socket), buffer)
    }

    fn wait(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.mailbox.wait(|| Some(&self.socket), limit)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.mailbox.write_all(|| Some(&self.socket), bytes)
    }
}

/// A node's end and a client's.
fn ends() -> (End, End) {
    let (one, other) = UnixStream::pair().unwrap();
    let node = Mailbox::create().unwrap();
    let client = Mailbox::open(node.as_fd().try_clone_to_owned().unwrap()).unwrap();
    (End { mailbox: node, socket: Stream::new(one) }, End { mailbox: client, socket: Stream::new(other) })
}

/// The memory as somebody sees it who has the descriptor.
fn seen(end: &End) -> MmapRegion {
    let file = File::from(end.mailbox.as_fd().try_clone_to_owned().unwrap());
    let len = file.metadata().unwrap().len() as usize;
    MmapRegion::from_file(FileOffset::new(file, 0), len).unwrap()
}

/// A word of the box that the node reads, by where it is.
fn word(memory: &MmapRegion, at: usize) -> &AtomicU32 {
    memory.get_atomic_ref(at).unwrap()
}

const POSTED: usize = 0;
const LEN: usize = 4;
const MANNER: usize = 12;
const READER: usize = 128;
const NAPS: u32 = 1;
const AT_SOCKET: u32 = 2;

fn some(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8 + 1).collect()
}

#[test]
fn parcels_of_all_lengths_pass_both_ways_and_nothing_of_them_is_left() {
    let (mut node, mut client) = ends();
    for len in [1, 2, 255, 256, 257, 5000, CAPACITY - 1, CAPACITY, CAPACITY + 1, 1 << 20] {
        let bytes = some(len);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                client.write(&bytes).unwrap();
                assert!(client.read_exact(len) == bytes, "{len}");
                assert!(client.mailbox.was_taken());
            });
            assert!(node.read_exact(len) == bytes, "{len}");
            node.write(&bytes).unwrap();
        });
        let memory = seen(&node);
        let mut left = vec![0u8; memory.size()];
        memory.as_volatile_slice().copy_to(&mut left);
        for parcel in left.chunks(memory.size() / 2).map(|half| &half[256..]) {
            assert_eq!(parcel.iter().position(|byte| *byte != 0), None, "of {len}");
        }
    }
    assert!(client.try_read(&mut [0; 9]).unwrap().is_none() && node.try_read(&mut [0; 9]).unwrap().is_none());
}

#[test]
fn a_parcel_is_read_in_pieces_and_frees_the_box_at_its_end() {
    let (mut node, mut client) = ends();
    client.mailbox.set_write_timeout(Some(Duration::from_millis(30)));
    client.write(&some(10)).unwrap();
    assert!(!client.mailbox.was_taken());
    let mut piece = [0; 4];
    assert_eq!(node.read(&mut piece).unwrap(), 4);
    assert_eq!(piece, [1, 2, 3, 4]);
    assert!(client.mailbox.was_taken(), "it was begun");
    assert_eq!(client.write(&[9]).unwrap_err().kind(), io::ErrorKind::WouldBlock, "it's still in the box");
    assert_eq!(node.read_exact(6), [5, 6, 7, 8, 9, 10]);
    client.write(&[9]).unwrap();
    assert_eq!(node.read_exact(1), [9]);
}

#[test]
fn who_sleeps_is_woken_wherever_it_sleeps_and_no_bell_is_left_over() {
    let (mut node, mut client) = ends();
    // Around the time at which a reader goes from one place to the other.
    let pauses = [0, 1, 3000, 4800, 4900, 4950, 5000, 5050, 5100, 5200, 6000, 20_000];
    let rounds = 12;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (round, pause) in (0..rounds).flat_map(|round| pauses.map(|pause| (round, pause))) {
                let bytes = some(1 + round * 7);
                assert_eq!(node.read_exact(bytes.len()), bytes);
                if round % 2 == 0 {
                    std::thread::sleep(Duration::from_micros(pause));
                }
                node.write(&bytes).unwrap();
            }
        });
        for (round, pause) in (0..rounds).flat_map(|round| pauses.map(|pause| (round, pause))) {
            std::thread::sleep(Duration::from_micros(pause));
            client.mailbox.set_manner(if round % 3 == 0 { Manner::NearWaker } else { Manner::Anywhere });
            let bytes = some(1 + round * 7);
            client.write(&bytes).unwrap();
            assert_eq!(client.read_exact(bytes.len()), bytes);
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(8), "somebody was woken late: {:?}", begun.elapsed());
    assert!(!client.socket.is_over() && !node.socket.is_over(), "something was left at a socket");
}

#[test]
fn the_client_says_how_both_sleep_and_is_believed_to_say_no_more() {
    let (mut node, mut client) = ends();
    for manner in [Manner::NearWaker, Manner::Anywhere, Manner::NearWaker] {
        client.mailbox.set_manner(manner);
        client.write(b"request").unwrap();
        assert_eq!(node.read_exact(7), b"request");
        assert_eq!(node.mailbox.manner(), manner);
        node.write(b"answer").unwrap();
        assert_eq!(client.read_exact(6), b"answer");
        assert_eq!(client.mailbox.manner(), manner);
    }
    let memory = seen(&client);
    client.write(b"x").unwrap();
    word(&memory, MANNER).store(70_000, Ordering::Relaxed);
    assert_eq!(node.read_exact(1), b"x");
    assert_eq!(node.mailbox.manner(), Manner::Anywhere);
}

#[test]
fn who_is_near_its_waker_sleeps_at_the_socket_only() {
    let (mut node, mut client) = ends();
    client.mailbox.set_manner(Manner::NearWaker);
    client.write(b"request").unwrap();
    assert_eq!(node.read_exact(7), b"request");
    let memory = seen(&client);
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(node.read_exact(4), b"next"));
        let begun = Instant::now();
        while word(&memory, READER).load(Ordering::SeqCst) != AT_SOCKET {
            assert_ne!(word(&memory, READER).load(Ordering::SeqCst), NAPS);
            assert!(begun.elapsed() < Duration::from_secs(10));
        }
        client.write(b"next").unwrap();
    });
    assert!(!client.socket.is_over() && !node.socket.is_over(), "a bell was left over");
}

#[test]
fn waiting_has_an_end() {
    let (mut node, mut client) = ends();
    for limit in [Duration::ZERO, Duration::from_millis(2), LONG] {
        let begun = Instant::now();
        assert_eq!(client.wait(Some(limit)).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= limit && begun.elapsed() < limit + Duration::from_secs(5));
    }
    node.write(b"x").unwrap();
    client.wait(None).unwrap();
    assert_eq!(client.read_exact(1), b"x");
}

#[test]
fn at_the_end_it_is_known_whether_the_last_parcel_was_begun() {
    for taken in [false, true] {
        for pause in [Duration::ZERO, LONG] {
            let (mut node, mut client) = ends();
            client.write(b"request").unwrap();
            if taken {
                assert_eq!(node.read(&mut [0; 3]).unwrap(), 3);
            }
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    std::thread::sleep(pause);
                    node.mailbox.hang_up();
                    drop(node);
                });
                let end = client.read(&mut [0; 9]);
                match taken {
                    true => assert_eq!(end.unwrap(), 0),
                    false => assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset),
                }
            });
            assert!(client.write(b"another").is_err(), "nobody is there to read it");
        }
    }
}

#[test]
fn what_was_posted_before_the_end_is_read_before_it() {
    let (mut node, mut client) = ends();
    client.write(b"request").unwrap();
    assert_eq!(node.read_exact(7), b"request");
    node.write(b"answer").unwrap();
    drop(node);
    std::thread::sleep(LONG);
    assert_eq!(client.read_exact(6), b"answer");
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
}

#[test]
fn a_socket_that_was_shut_ends_the_reading_of_who_shut_it() {
    let (mut node, mut client) = ends();
    std::thread::scope(|scope| {
        let socket = node.socket.as_fd().try_clone_to_owned().unwrap();
        scope.spawn(move || {
            std::thread::sleep(LONG);
            rustix::net::shutdown(&socket, rustix::net::Shutdown::Read).unwrap();
        });
        assert_eq!(node.read(&mut [0; 9]).unwrap(), 0);
    });
    drop(node);
    // It may find out when it writes or when it waits; in no case was it read.
    if client.write(b"request").is_ok() {
        assert_eq!(client.read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    assert!(!client.mailbox.was_taken());
}

#[test]
fn a_descriptor_that_the_host_took_over_is_the_end() {
    let (_node, mut client) = ends();
    let End { mailbox, .. } = &mut client;
    mailbox.wait(|| None, LIMIT).unwrap();
    assert_eq!(mailbox.try_read(|| None, &mut [0; 9]).unwrap(), Some(0));
}

#[test]
fn what_is_no_parcel_is_refused() {
    for (posted, len) in [(1, 0), (1, CAPACITY as u32 + 1), (1, 1 << 31), (2, 5), (u32::MAX, 5)] {
        let (mut node, client) = ends();
        let memory = seen(&client);
        word(&memory, LEN).store(len, Ordering::Relaxed);
        word(&memory, POSTED).store(posted, Ordering::Relaxed);
        let error = node.read(&mut [0; 9]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{posted} {len}");
    }
}

#[test]
fn a_client_that_says_what_is_not_so_hurts_itself_only() {
    // A parcel announced to come by the socket, that doesn't.
    let (mut node, client) = ends();
    let memory = seen(&client);
    word(&memory, LEN).store(1 << 31 | 100, Ordering::Relaxed);
    word(&memory, POSTED).store(1, Ordering::Relaxed);
    assert!(node.try_read(&mut [0; 9]).unwrap().is_none());
    assert_eq!(node.wait(Some(LONG)).unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(client);
    assert_eq!(node.read(&mut [0; 9]).unwrap(), 0);

    // A bell that isn't rung.
    let (mut node, client) = ends();
    let memory = seen(&client);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| node.wait(Some(Duration::from_millis(100))));
        while word(&memory, READER).load(Ordering::Relaxed) != AT_SOCKET {
            std::thread::sleep(Duration::from_millis(1));
        }
        word(&memory, READER).store(7, Ordering::Relaxed);
        assert_eq!(waits.join().unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    });

    // Bytes at the socket that nobody announced.
    let (mut node, mut client) = ends();
    client.socket.write_all(b"hello").unwrap();
    node.wait(LIMIT).unwrap();
    assert_eq!(node.try_read(&mut [0; 9]).unwrap(), Some(0), "as if it had gone");

    // A box that's never emptied, by who stays and by who goes.
    let (mut node, client) = ends();
    node.mailbox.set_write_timeout(Some(LONG));
    node.write(b"one").unwrap();
    assert_eq!(node.write(b"two").unwrap_err().kind(), io::ErrorKind::WouldBlock);
    node.mailbox.set_write_timeout(None);
    drop(client);
    assert_eq!(node.write(b"two").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn the_memory_cannot_be_made_shorter() {
    let (node, client) = ends();
    for end in [&node, &client] {
        assert!(rustix::fs::ftruncate(&end.mailbox, 0).is_err());
        assert!(rustix::fs::ftruncate(&end.mailbox, 1 << 30).is_err());
    }
}
