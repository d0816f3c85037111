//! Requests that come together, as a module's callers send them that share a connection.

mod common;

use std::io::{Read, Write};

use common::{Client, TestHome};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use strongroom_model::{AttributeType as A, Attributes, Mechanism, MechanismType};
use strongroom_wire::{Envelope, Frames, Numbered, Reply, Request, Response, decode, encode};

fn frames(requests: impl IntoIterator<Item = Request>) -> Vec<u8> {
    let mut frames = Vec::new();
    for (number, request) in (1..).zip(requests) {
        let envelope = Envelope { attach: None, session: 1, extras: None, request };
        encode(&Numbered::new(number, envelope), &mut frames).unwrap();
    }
    frames
}

fn random(lens: std::ops::Range<u32>) -> Vec<u8> {
    frames(lens.map(|len| Request::Random { len }))
}

/// How many bytes each answer to [`random`] has.
fn lens(mut answers: &[u8]) -> Vec<u32> {
    let (mut frames, mut lens) = (Frames::new(), Vec::new());
    while let Some(body) = frames.next(&mut answers, usize::MAX).unwrap() {
        match decode::<Numbered<Reply>>(body).unwrap().message.result {
            Ok(Response::Bytes(bytes)) => lens.push(bytes.len() as u32),
            other => panic!("{other:?}"),
        }
    }
    lens
}

/// What comes at once.
fn read(client: &mut Client) -> Vec<u8> {
    let mut bytes = vec![0; 64 * 1024];
    let read = client.stream.read(&mut bytes).unwrap();
    bytes.truncate(read);
    bytes
}

fn has_answer(client: &Client) -> bool {
    let mut ready = [PollFd::new(&client.stream, PollFlags::IN)];
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() > 0
}

#[test]
fn requests_that_came_in_one_piece_are_answered_in_one_and_in_order() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut client = Client::connect(&home.socket(0), 1);
    for _ in 0..20 {
        client.stream.write_all(&random(1..17)).unwrap();
        assert_eq!(lens(&read(&mut client)), (1..17).collect::<Vec<_>>());
    }
}

#[test]
fn whole_requests_are_answered_though_the_next_is_not_there() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut client = Client::connect(&home.socket(0), 1);
    let requests = random(1..9);
    for split in [1, 3, 5, 9] {
        let (now, later) = requests.split_at(requests.len() - split);
        client.stream.write_all(now).unwrap();
        let mut answers = read(&mut client);
        let answered = lens(&answers).len();
        assert!((6..8).contains(&answered), "{answered} with {split} bytes missing");
        client.stream.write_all(later).unwrap();
        answers.extend(read(&mut client));
        assert_eq!(lens(&answers), (1..9).collect::<Vec<_>>());
    }
}

#[test]
fn answers_do_not_wait_for_what_takes_long() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut client = Client::login(&home.socket(0), 1);
    let pair = Request::GeneratePair {
        mechanism: Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
        public: Attributes::new().with(A::MODULUS_BITS, 4096),
        private: Attributes::new(),
    };
    client.stream.write_all(&[random(5..7), frames([pair]), random(7..8)].concat()).unwrap();
    assert_eq!(lens(&read(&mut client)), [5, 6]);
    assert!(!has_answer(&client), "the pair is made already");
    let made: Numbered<Reply> = client.receive().unwrap().unwrap();
    assert!(matches!(made.message.result, Ok(Response::Pair { .. })), "{made:?}");
    let last: Numbered<Reply> = client.receive().unwrap().unwrap();
    assert!(matches!(last.message.result, Ok(Response::Bytes(bytes)) if bytes.len() == 7));
}

#[test]
fn a_client_that_sends_much_and_reads_late_gets_all_answers() {
    let home = TestHome::new();
    let _daemon = home.start();
    let mut client = Client::connect(&home.socket(0), 1);
    let requests = frames((0..1000).map(|_| Request::Random { len: 1000 }));
    client.stream.write_all(&requests).unwrap();
    for number in 1..=1000 {
        let reply: Numbered<Reply> = client.receive().unwrap().unwrap();
        assert_eq!(reply.number(), number);
        assert!(matches!(reply.message.result, Ok(Response::Bytes(bytes)) if bytes.len() == 1000));
    }
}
