//! Encrypting and decrypting.

use strongroom_model::{Handle, Hash, MechanismType, Params};

use super::super::ciphering::Ciphering;
use super::super::lengths::Direction;
use super::super::stream::CHUNK;
use super::world::{Buffer, World, input, mechanism, plain};
use super::*;

fn open<'a>(world: &'a World, direction: Direction, how: &Parsed, key: Handle) -> Run<'a, Ciphering> {
    let new = |nodes: &dyn Nodes, parsed, key| Ciphering::new(nodes, direction, parsed, key);
    Run::new(world, start(new, world, how.clone(), key))
}

fn whole(world: &World, direction: Direction, how: &Parsed, key: Handle, data: &[u8]) -> Vec<u8> {
    let mut run = open(world, direction, how, key);
    let result = run.whole(|running, nodes, out| running.whole(nodes, input(data), out));
    assert!(run.is_over());
    result
}

fn in_parts(
    world: &World,
    direction: Direction,
    how: &Parsed,
    key: Handle,
    data: &[u8],
    step: usize,
) -> Vec<u8> {
    let mut run = open(world, direction, how, key);
    let mut result = Vec::new();
    for part in data.chunks(step) {
        result.extend(run.whole(|running, nodes, out| running.update(nodes, input(part), out)));
    }
    result.extend(run.whole(|running, nodes, out| running.last(nodes, out)));
    assert!(run.is_over());
    result
}

fn aes_mechanisms() -> [(Parsed, usize); 5] {
    let iv = || Params::Iv([7; 16].into());
    let gcm = Params::Gcm { iv: [3; 12].into(), aad: (*b"who").into(), tag_bits: 128 };
    [
        (plain(MechanismType::AES_ECB), 16),
        (mechanism(MechanismType::AES_CBC, iv()), 16),
        (mechanism(MechanismType::AES_CBC_PAD, iv()), 1),
        (mechanism(MechanismType::AES_CTR, Params::Ctr { bits: 64, block: [9; 16] }), 1),
        (mechanism(MechanismType::AES_GCM, gcm), 1),
    ]
}

#[test]
fn parts_give_what_the_whole_gives() {
    let world = World::new();
    let key = world.aes();
    let data: Vec<u8> = (0..200_u8).collect();
    for (how, unit) in aes_mechanisms() {
        for len in [0, 1, 15, 16, 17, 32, 33, 112, 200].into_iter().filter(|len| len % unit == 0) {
            let data = &data[..len];
            let encrypted = whole(&world, Direction::Encrypt, &how, key, data);
            assert_eq!(whole(&world, Direction::Decrypt, &how, key, &encrypted), data, "{how:?} {len}");
            for step in [1, 7, 16, 50] {
                let parts = in_parts(&world, Direction::Encrypt, &how, key, data, step);
                assert_eq!(parts, encrypted, "{how:?} {len} by {step}");
                let parts = in_parts(&world, Direction::Decrypt, &how, key, &encrypted, step);
                assert_eq!(parts, data, "{how:?} {len} by {step}");
            }
        }
    }
}

#[test]
fn more_than_a_message_holds_is_sent_in_parts() {
    let world = World::new();
    let key = world.aes();
    let data = vec![0x42; 2 * CHUNK + 32];
    for (how, _) in aes_mechanisms() {
        let mut run = open(&world, Direction::Encrypt, &how, key);
        let mut encrypted = Buffer::of(data.len() + 16);
        run.step(|running, nodes| running.whole(nodes, input(&data), &encrypted.out())).unwrap();
        let decrypted = whole(&world, Direction::Decrypt, &how, key, encrypted.content());
        assert!(decrypted == data, "{how:?}");
    }
}

#[test]
fn gcm_decryption_in_parts_that_are_long_streams() {
    let world = World::new();
    let key = world.aes();
    let (how, _) = aes_mechanisms()[4].clone();
    let data = vec![0x17; 200_000];
    let encrypted = whole(&world, Direction::Encrypt, &how, key, &data);
    assert!(in_parts(&world, Direction::Decrypt, &how, key, &encrypted, 30_000) == data);
}

#[test]
fn rsa_and_key_wrap_both_ways() {
    let world = World::new();
    let (public, private) = world.rsa();
    let oaep = Params::Oaep { hash: Hash::Sha256, mgf: Hash::Sha1, label: (*b"label").into() };
    for how in [plain(MechanismType::RSA_PKCS), mechanism(MechanismType::RSA_PKCS_OAEP, oaep)] {
        let encrypted = whole(&world, Direction::Encrypt, &how, public, b"message");
        assert_eq!(encrypted.len(), 128);
        assert_eq!(whole(&world, Direction::Decrypt, &how, private, &encrypted), b"message");
        assert_eq!(in_parts(&world, Direction::Decrypt, &how, private, &encrypted, 100), b"message");
    }
    let raw = plain(MechanismType::RSA_X_509);
    let message = [&[0; 127][..], &[2]].concat();
    let encrypted = whole(&world, Direction::Encrypt, &raw, public, &message);
    assert_eq!(whole(&world, Direction::Decrypt, &raw, private, &encrypted), message);

    let key = world.aes();
    for (how, len) in [(MechanismType::AES_KEY_WRAP, 24), (MechanismType::AES_KEY_WRAP_KWP, 21)] {
        let wrapped = whole(&world, Direction::Encrypt, &plain(how), key, &vec![5; len]);
        assert_eq!(wrapped.len(), 32);
        assert_eq!(whole(&world, Direction::Decrypt, &plain(how), key, &wrapped), vec![5; len]);
    }
}

#[test]
fn a_result_that_did_not_fit_is_kept() {
    let world = World::new();
    let (public, private) = world.rsa();
    let how = plain(MechanismType::RSA_PKCS);
    let first = whole(&world, Direction::Encrypt, &how, public, b"a message");
    let second = whole(&world, Direction::Encrypt, &how, public, b"another one");
    let mut run = open(&world, Direction::Decrypt, &how, private);
    let decrypt = |run: &mut Run<'_, Ciphering>, data: &[u8], buffer: &mut Buffer| {
        let (mut result, mut sent) = (ReturnCode::OK, 0);
        sent += world.calls(|| {
            result = code(run.step(|running, nodes| running.whole(nodes, input(data), &buffer.out())));
        });
        (result, sent, buffer.len())
    };
    // The most it can be, without asking.
    assert_eq!(decrypt(&mut run, &first, &mut Buffer::question()), (ReturnCode::OK, 0, 117));
    assert_eq!(decrypt(&mut run, &first, &mut Buffer::of(4)), (ReturnCode::BUFFER_TOO_SMALL, 1, 9));
    assert_eq!(decrypt(&mut run, &first, &mut Buffer::question()), (ReturnCode::OK, 0, 9));
    assert_eq!(decrypt(&mut run, &first, &mut Buffer::of(8)), (ReturnCode::BUFFER_TOO_SMALL, 0, 9));
    // Other data is other work.
    assert_eq!(decrypt(&mut run, &second, &mut Buffer::of(8)), (ReturnCode::BUFFER_TOO_SMALL, 1, 11));
    let mut buffer = Buffer::of(100);
    assert_eq!(decrypt(&mut run, &second, &mut buffer), (ReturnCode::OK, 0, 11));
    assert_eq!(buffer.content(), b"another one");
    assert!(run.is_over());
}

#[test]
fn questions_and_small_buffers_cost_no_message() {
    let world = World::new();
    let key = world.aes();
    let (gcm, _) = aes_mechanisms()[4].clone();
    let mut run = open(&world, Direction::Encrypt, &gcm, key);
    let encrypt = |run: &mut Run<'_, Ciphering>, mut buffer: Buffer| {
        world.calls(|| {
            let _ = run.step(|running, nodes| running.whole(nodes, input(b"data"), &buffer.out()));
        })
    };
    assert_eq!(encrypt(&mut run, Buffer::question()), 0);
    assert_eq!(encrypt(&mut run, Buffer::of(19)), 0);
    assert_eq!(encrypt(&mut run, Buffer::of(20)), 1);
    assert!(run.is_over());
}

#[test]
fn an_end_without_parts_encrypts_nothing() {
    let world = World::new();
    let key = world.aes();
    for (how, _) in aes_mechanisms() {
        let encrypted = in_parts(&world, Direction::Encrypt, &how, key, b"", 1);
        assert_eq!(encrypted, whole(&world, Direction::Encrypt, &how, key, b""));
        let mut run = open(&world, Direction::Encrypt, &how, key);
        run.step(|running, nodes| running.update(nodes, input(b""), &Buffer::of(0).out())).unwrap();
        assert_eq!(run.whole(|running, nodes, out| running.last(nodes, out)), encrypted);
    }
}
