//! Signing and verifying.

use strongroom_model::{Handle, Hash, MechanismType, Params};
use strongroom_wire::StreamKind;

use super::super::signing::Signing;
use super::world::{Buffer, World, input, mechanism, plain};
use super::*;

fn open<'a>(world: &'a World, kind: StreamKind, how: &Parsed, key: Handle) -> Run<'a, Signing> {
    let new = |nodes: &dyn Nodes, parsed, key| Signing::new(nodes, kind, parsed, key);
    Run::new(world, start(new, world, how.clone(), key))
}

fn sign(world: &World, how: &Parsed, key: Handle, data: &[u8]) -> Vec<u8> {
    let mut run = open(world, StreamKind::Sign, how, key);
    let signature = run.whole(|running, nodes, out| running.sign(nodes, input(data), out));
    assert!(run.is_over());
    signature
}

fn sign_in_parts(world: &World, how: &Parsed, key: Handle, data: &[u8], step: usize) -> Vec<u8> {
    let mut run = open(world, StreamKind::Sign, how, key);
    for part in data.chunks(step) {
        run.step(|running, nodes| running.update(nodes, input(part))).unwrap();
    }
    let signature = run.whole(|running, nodes, out| running.sign_final(nodes, out));
    assert!(run.is_over());
    signature
}

fn verify(world: &World, how: &Parsed, key: Handle, data: &[u8], signature: &[u8]) -> ReturnCode {
    let mut run = open(world, StreamKind::Verify, how, key);
    let single = code(run.step(|running, nodes| running.verify(nodes, input(data), input(signature))));
    assert!(run.is_over());
    let mut run = open(world, StreamKind::Verify, how, key);
    for part in data.chunks(1000) {
        run.step(|running, nodes| running.update(nodes, input(part))).unwrap();
    }
    let parts = code(run.step(|running, nodes| running.verify_final(nodes, input(signature))));
    assert!(run.is_over());
    assert_eq!(single, parts);
    single
}

fn pss(hash: Hash) -> Params {
    Params::Pss { hash, mgf: hash, salt: hash.len() as u32 }
}

#[test]
fn signatures_verify_whether_in_parts_or_not() {
    let world = World::new();
    let (rsa, ec) = (world.rsa(), world.p256());
    let message: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
    let digest = &message[..32];
    let cases = [
        (plain(MechanismType::SHA1_RSA_PKCS), rsa, &message[..]),
        (plain(MechanismType::SHA512_RSA_PKCS), rsa, &message[..]),
        (mechanism(MechanismType::SHA256_RSA_PKCS_PSS, pss(Hash::Sha256)), rsa, &message[..]),
        (plain(MechanismType::ECDSA_SHA384), ec, &message[..]),
        (plain(MechanismType::ECDSA_SHA256), ec, &[]),
        (plain(MechanismType::RSA_PKCS), rsa, digest),
        (plain(MechanismType::RSA_X_509), rsa, digest),
        (mechanism(MechanismType::RSA_PKCS_PSS, pss(Hash::Sha256)), rsa, digest),
        (plain(MechanismType::ECDSA), ec, digest),
    ];
    for (how, (public, private), data) in cases {
        for signature in [sign(&world, &how, private, data), sign_in_parts(&world, &how, private, data, 11)] {
            assert_eq!(verify(&world, &how, public, data, &signature), ReturnCode::OK, "{how:?}");
            let mut wrong = signature.clone();
            wrong[20] ^= 1;
            assert_eq!(verify(&world, &how, public, data, &wrong), ReturnCode::SIGNATURE_INVALID, "{how:?}");
            let short = verify(&world, &how, public, data, &signature[1..]);
            assert_eq!(short, ReturnCode::SIGNATURE_LEN_RANGE, "{how:?}");
        }
    }
}

#[test]
fn an_ecdsa_signature_may_lack_the_zeros_that_both_halves_begin_with() {
    let world = World::new();
    let (public, private) = world.p256();
    let how = plain(MechanismType::ECDSA_SHA256);
    let signature = sign(&world, &how, private, b"message");
    // Without zeros to leave out, these are numbers of other values, of a length that may be.
    let shorter = verify(&world, &how, public, b"message", &signature[..62]);
    assert_eq!(shorter, ReturnCode::SIGNATURE_INVALID);
    for impossible in [&signature[..0], &signature[..63], &[&signature[..], &[0, 0]].concat()] {
        let refused = verify(&world, &how, public, b"message", impossible);
        assert_eq!(refused, ReturnCode::SIGNATURE_LEN_RANGE, "{} bytes", impossible.len());
    }
}

#[test]
fn hashing_here_gives_what_hashing_there_gives() {
    let world = World::new();
    let (_, private) = world.rsa();
    let mut digest_info = vec![
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
        0x04, 0x20,
    ];
    let mut hasher = super::super::hasher::Hasher::new(Hash::Sha256);
    hasher.update(b"message");
    digest_info.extend_from_slice(&hasher.finish());
    assert_eq!(
        sign(&world, &plain(MechanismType::SHA256_RSA_PKCS), private, b"message"),
        sign(&world, &plain(MechanismType::RSA_PKCS), private, &digest_info)
    );
}

#[test]
fn macs_of_any_length() {
    let world = World::new();
    let (aes, secret) = (world.aes(), world.secret());
    let data = vec![0x5a; 200_000];
    for (how, key) in [
        (plain(MechanismType::AES_CMAC), aes),
        (plain(MechanismType::SHA256_HMAC), secret),
        (plain(MechanismType::SHA512_HMAC), secret),
    ] {
        // None, some, as much as is kept here, and more.
        for len in [0, 100, 65_536, 65_537, 200_000] {
            let mac = sign(&world, &how, key, &data[..len]);
            assert_eq!(sign_in_parts(&world, &how, key, &data[..len], 30_000), mac, "{how:?} {len}");
            assert_eq!(verify(&world, &how, key, &data[..len], &mac), ReturnCode::OK, "{how:?} {len}");
            let mut wrong = mac.clone();
            wrong[0] ^= 0x80;
            let refusal = verify(&world, &how, key, &data[..len], &wrong);
            assert_eq!(refusal, ReturnCode::SIGNATURE_INVALID, "{how:?} {len}");
        }
    }
}

#[test]
fn a_signature_is_one_message() {
    let world = World::new();
    let (_, private) = world.p256();
    let how = plain(MechanismType::ECDSA_SHA256);
    let data = [1; 10_000];
    let mut run = None;
    assert_eq!(world.calls(|| run = Some(open(&world, StreamKind::Sign, &how, private))), 0);
    let mut run = run.unwrap();
    let mut sign = |mut buffer: Buffer| {
        world.calls(|| {
            let _ = run.step(|running, nodes| running.sign(nodes, input(&data), &buffer.out()));
        })
    };
    assert_eq!([sign(Buffer::question()), sign(Buffer::of(63)), sign(Buffer::of(64))], [0, 0, 1]);
}
