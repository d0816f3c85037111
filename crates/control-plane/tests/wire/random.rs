//! Requests with random damage: whatever arrives, the answer is a proper one, and the server goes on.

use std::io::Write;
use std::net::TcpStream;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::http::{Reply, Server, as_cbor, cbor_request, json_request};
use crate::samples::samples;

const ROUNDS: usize = 1500;

/// Some bytes changed, taken out, or put in twice.
fn damage(body: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..body.len());
        match random.random_range(0..4) {
            0 => body[at] = random.random(),
            1 => body[at] ^= 1 << random.random_range(0..8),
            2 => drop(body.drain(at..(at + random.random_range(1..9)).min(body.len() - 1).max(at))),
            _ => body.splice(at..at, body[at..(at + 8).min(body.len())].to_vec()).for_each(drop),
        }
    }
}

#[test]
fn damaged_bodies() {
    let seed: u64 = rand::rng().random();
    let mut random = StdRng::seed_from_u64(seed);
    let server = Server::start();
    let samples = samples();
    let mut stream: TcpStream = server.connect();
    let mut refused = 0;
    for _ in 0..ROUNDS {
        let sample = &samples[random.random_range(0..samples.len())];
        let request = if random.random() {
            let mut body = sample.input.to_string().into_bytes();
            damage(&mut body, &mut random);
            json_request(sample.operation, &body, "")
        } else {
            let mut body = Vec::new();
            ciborium::into_writer(&as_cbor(&sample.input), &mut body).unwrap();
            damage(&mut body, &mut random);
            cbor_request(sample.operation, &body)
        };
        stream.write_all(&request).unwrap();
        let reply = Reply::read(&mut stream).expect("an answer");
        assert!(matches!(reply.status, 200 | 400), "seed {seed}: {reply:?}");
        if reply.status == 400 {
            refused += 1;
            let (name, message) = reply.error();
            assert!(
                matches!(name.as_str(), "SerializationException" | "CloudHsmInvalidRequestException"),
                "{name}"
            );
            assert!(message.len() < 4000, "seed {seed}: {message}");
        }
    }
    assert!(refused > ROUNDS / 10, "seed {seed}: {refused} of {ROUNDS}");
}
