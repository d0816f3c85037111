//! Clients that share memory with the daemon, good and bad.

mod common;

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use common::{Client, LONG, TestHome, hello_with, wait_until};
use strongroom_model::Error;
use strongroom_wire::{
    CAPACITY, Envelope, Frames, Mailbox, Numbered, Reply, Request, Response, Stream, Welcome, decode, encode,
};

/// A client that was introduced by its socket.
struct Sharing {
    socket: Stream,
    mailbox: Mailbox,
}

impl Sharing {
    fn connect(home: &TestHome, instance: u8) -> Self {
        let (mut socket, mailbox) = offered(home, instance);
        socket.write_all(&[1]).unwrap();
        Self { socket, mailbox: mailbox.expect("the daemon offers memory") }
    }

    fn post(&mut self, requests: &[Request]) -> io::Result<()> {
        let mut parcel = Vec::new();
        for (number, request) in (1..).zip(requests) {
            let envelope = Envelope { attach: None, session: 1, extras: None, request: request.clone() };
            encode(&Numbered::new(number, envelope), &mut parcel).unwrap();
        }
        self.post_bytes(&parcel)
    }

    fn post_bytes(&mut self, parcel: &[u8]) -> io::Result<()> {
        self.mailbox.write_all(|| Some(&self.socket), parcel)
    }

    /// How long the next so many answers are.
    fn lens(&mut self, count: usize) -> io::Result<Vec<usize>> {
        let mut frames = Frames::new();
        (0..count)
            .map(|_| {
                let body =
                    frames.next(&mut Answers(self), usize::MAX)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                let reply = decode::<Numbered<Reply>>(body)?;
                frames.wipe();
                match reply.message.result {
                    Ok(Response::Bytes(bytes)) => Ok(bytes.len()),
                    other => panic!("{other:?}"),
                }
            })
            .collect()
    }

    fn is_served(&mut self) -> bool {
        self.post(&[Request::Random { len: 8 }]).is_ok() && self.lens(1).is_ok_and(|lens| lens == [8])
    }
}

struct Answers<'a>(&'a mut Sharing);

impl Read for Answers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Sharing { socket, mailbox } = &mut *self.0;
        loop {
            if let Some(read) = mailbox.try_read(|| Some(&*socket), buffer)? {
                return Ok(read);
            }
            mailbox.wait(|| Some(&*socket), Some(LONG))?;
        }
    }
}

/// A client that was introduced, and what it was offered.
fn offered(home: &TestHome, instance: u8) -> (Stream, Option<Mailbox>) {
    let mut socket = Stream::connect(&home.socket(0)).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket.write_all(&hello_with(instance, true)).unwrap();
    let mut bytes = vec![0; 64 * 1024];
    let (len, memory) = socket.receive_with(&mut bytes).unwrap();
    let mut frames = Frames::new();
    let welcome: Result<Welcome, Error> =
        decode(frames.next(&mut &bytes[..len], usize::MAX).unwrap().unwrap()).unwrap();
    assert_eq!(welcome.unwrap().mailbox, memory.is_some());
    (socket, memory.map(|memory| Mailbox::open(memory).unwrap()))
}

#[test]
fn requests_go_by_memory_alone_or_together_and_large_ones_by_the_socket() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut client = Sharing::connect(&home, 1);
    for pause in [0, 1, 5, 20] {
        let lens: Vec<usize> = (1..17).collect();
        let requests: Vec<_> = lens.iter().map(|len| Request::Random { len: *len as u32 }).collect();
        client.post(&requests).unwrap();
        assert_eq!(client.lens(16).unwrap(), lens);
        std::thread::sleep(Duration::from_millis(pause));
    }
    let large = CAPACITY + 1;
    client.post(&[Request::Random { len: large as u32 }]).unwrap();
    assert_eq!(client.lens(1).unwrap(), [large]);
    assert!(client.is_served());
}

#[test]
fn who_wants_no_memory_goes_on_by_the_socket() {
    let home = TestHome::new();
    let _daemon = home.start();
    let (mut socket, memory) = offered(&home, 1);
    assert!(memory.is_some());
    socket.write_all(&[0]).unwrap();
    let mut client = Client::introduced(socket);
    assert!(client.is_served());
    assert!(Client::connect(&home.socket(0), 2).is_served(), "who doesn't ask is offered none");
}

#[test]
fn garbage_in_memory_costs_only_its_sender_the_connection() {
    let home = TestHome::new();
    let daemon = home.start();
    let mut good = Sharing::connect(&home, 1);
    let oversize = |len: usize| u32::try_from(len).unwrap().to_le_bytes().to_vec();
    for parcel in [
        oversize(strongroom_model::limits::MAX_FRAME + 1),
        [oversize(64), vec![0xff; 64]].concat(),
        oversize(0),
    ] {
        let mut bad = Sharing::connect(&home, 2);
        bad.post_bytes(&parcel).unwrap();
        assert_eq!(bad.lens(1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(good.is_served());
    }
    // Whatever is in the words, too.
    for seed in 0..40u8 {
        let bad = Sharing::connect(&home, 3);
        let memory = std::fs::File::from(bad.mailbox.as_fd().try_clone_to_owned().unwrap());
        let scribble: Vec<u8> =
            (0..160u8).map(|at| at.wrapping_mul(31).wrapping_add(seed).wrapping_mul(seed | 1)).collect();
        std::os::unix::fs::FileExt::write_all_at(&memory, &scribble, 0).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&memory, &scribble, memory.metadata().unwrap().len() / 2)
            .unwrap();
        bad.mailbox.hang_up();
        assert!(good.is_served());
    }
    wait_until("the bad ones are gone", || daemon.status().clusters[0].nodes[0].connections == 1);
    assert!(good.is_served());
}

#[test]
fn when_the_daemon_ends_a_client_knows_whether_its_request_was_begun() {
    let home = TestHome::new();
    let daemon = home.start();
    let mut clients: Vec<_> = (1..9).map(|instance| Sharing::connect(&home, instance)).collect();
    std::thread::scope(|scope| {
        let busy: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    loop {
                        if client.post(&[Request::Random { len: 8 }]).is_err() {
                            return client.mailbox.was_taken();
                        }
                        match client.lens(1) {
                            Ok(lens) => assert_eq!(lens, [8]),
                            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                                return client.mailbox.was_taken();
                            }
                            Err(error) => panic!("a request was begun and not answered: {error}"),
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(200));
        drop(daemon);
        for client in busy {
            assert!(!client.join().unwrap(), "the last request was begun");
        }
    });
}
