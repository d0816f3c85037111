//! What isn't allowed, and what becomes of the operation then.

use cryptoki_sys::{CK_MECHANISM, CKM_SHA256};
use strongroom_model::{AttributeType, Attributes, Handle, MechanismType, Params, Value};
use strongroom_wire::StreamKind;

use super::super::ciphering::Ciphering;
use super::super::digesting::Digesting;
use super::super::lengths::Direction;
use super::super::signing::Signing;
use super::super::{Operations, begin};
use super::world::{Buffer, World, input, mechanism, plain};
use super::*;
use crate::abi::Src;

fn init(world: &World, kind: StreamKind, how: Parsed, key: Handle) -> ReturnCode {
    match kind {
        StreamKind::Encrypt => code(Ciphering::new(world, Direction::Encrypt, how, key)),
        StreamKind::Decrypt => code(Ciphering::new(world, Direction::Decrypt, how, key)),
        StreamKind::Sign | StreamKind::Verify => code(Signing::new(world, kind, how, key)),
    }
}

#[test]
fn an_init_refuses_what_the_key_cannot_do() {
    let world = World::new();
    let (public, private) = world.rsa();
    let (_, ec) = world.p256();
    let (aes, secret) = (world.aes(), world.secret());
    let iv = mechanism(MechanismType::AES_CBC, Params::Iv([0; 16].into()));
    let sha256_rsa = plain(MechanismType::SHA256_RSA_PKCS);
    let cases = [
        (StreamKind::Sign, sha256_rsa.clone(), private, ReturnCode::OK),
        (StreamKind::Sign, sha256_rsa.clone(), ec, ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Sign, sha256_rsa.clone(), public, ReturnCode::KEY_FUNCTION_NOT_PERMITTED),
        (StreamKind::Verify, sha256_rsa.clone(), private, ReturnCode::KEY_FUNCTION_NOT_PERMITTED),
        (StreamKind::Sign, sha256_rsa.clone(), Handle(0), ReturnCode::KEY_HANDLE_INVALID),
        (StreamKind::Sign, sha256_rsa.clone(), Handle(u64::MAX), ReturnCode::KEY_HANDLE_INVALID),
        (StreamKind::Decrypt, sha256_rsa, private, ReturnCode::MECHANISM_INVALID),
        (StreamKind::Sign, iv.clone(), aes, ReturnCode::MECHANISM_INVALID),
        (StreamKind::Encrypt, iv.clone(), secret, ReturnCode::KEY_TYPE_INCONSISTENT),
        (StreamKind::Encrypt, iv, aes, ReturnCode::OK),
        (StreamKind::Sign, plain(MechanismType::SHA256), secret, ReturnCode::MECHANISM_INVALID),
    ];
    for (kind, how, key, expected) in cases {
        assert_eq!(init(&world, kind, how.clone(), key), expected, "{kind:?} {how:?}");
    }
}

#[test]
fn an_init_obeys_usage_and_allowed_mechanisms() {
    let world = World::new();
    let template = || Attributes::new().with(AttributeType::VALUE_LEN, 16);
    let only_ecb = Value::Mechanisms(vec![MechanismType::AES_ECB.0]);
    let mute = world.make(MechanismType::AES_KEY_GEN, template().with(AttributeType::ENCRYPT, false));
    let bound =
        world.make(MechanismType::AES_KEY_GEN, template().with(AttributeType::ALLOWED_MECHANISMS, only_ecb));
    let ecb = || plain(MechanismType::AES_ECB);
    assert_eq!(init(&world, StreamKind::Encrypt, ecb(), mute), ReturnCode::KEY_FUNCTION_NOT_PERMITTED);
    assert_eq!(init(&world, StreamKind::Decrypt, ecb(), mute), ReturnCode::OK);
    assert_eq!(init(&world, StreamKind::Encrypt, ecb(), bound), ReturnCode::OK);
    let cmac = plain(MechanismType::AES_CMAC);
    assert_eq!(init(&world, StreamKind::Sign, cmac, bound), ReturnCode::MECHANISM_INVALID);
}

#[test]
fn a_key_for_one_hmac_serves_no_other() {
    let world = World::new();
    let template = Attributes::new()
        .with(AttributeType::VALUE_LEN, 32)
        .with(AttributeType::KEY_TYPE, cryptoki_sys::CKK_SHA256_HMAC);
    let key = world.make(MechanismType::GENERIC_SECRET_KEY_GEN, template);
    let sign = |kind| init(&world, StreamKind::Sign, plain(kind), key);
    assert_eq!(sign(MechanismType::SHA256_HMAC), ReturnCode::OK);
    assert_eq!(sign(MechanismType::SHA512_HMAC), ReturnCode::KEY_TYPE_INCONSISTENT);
}

#[test]
fn an_error_ends_the_operation() {
    let world = World::new();
    let aes = world.aes();
    let ecb = || Ciphering::new(&world, Direction::Encrypt, plain(MechanismType::AES_ECB), aes).unwrap();
    let mut room = Buffer::of(100);

    let mut run = Run::new(&world, ecb());
    let odd = run.step(|running, nodes| running.whole(nodes, input(b"odd"), &room.out()));
    assert_eq!(code(odd), ReturnCode::DATA_LEN_RANGE);
    assert!(run.is_over());

    let mut run = Run::new(&world, ecb());
    run.step(|running, nodes| running.update(nodes, input(b"odd"), &room.out())).unwrap();
    assert_eq!(code(run.step(|running, nodes| running.last(nodes, &room.out()))), ReturnCode::DATA_LEN_RANGE);
    let gone = run.step(|running, nodes| running.last(nodes, &room.out()));
    assert_eq!(code(gone), ReturnCode::OPERATION_NOT_INITIALIZED);

    let mut run = Run::new(&world, ecb());
    run.step(|running, nodes| running.update(nodes, input(&[1; 16]), &Buffer::of(16).out())).unwrap();
    let mixed = run.step(|running, nodes| running.whole(nodes, input(&[1; 16]), &Buffer::of(16).out()));
    assert_eq!(code(mixed), ReturnCode::OPERATION_ACTIVE);
    assert!(run.is_over());
}

#[test]
fn a_wrong_tag_or_padding_is_told_at_the_end() {
    let world = World::new();
    let aes = world.aes();
    let gcm = Params::Gcm { iv: [3; 12].into(), aad: [].into(), tag_bits: 128 };
    let pad = Params::Iv([0; 16].into());
    let cases = [mechanism(MechanismType::AES_GCM, gcm), mechanism(MechanismType::AES_CBC_PAD, pad)];
    for how in cases {
        let decrypt = || {
            let operation = Ciphering::new(&world, Direction::Decrypt, how.clone(), aes).unwrap();
            Run::new(&world, operation)
        };
        let (mut single, mut parts) = (decrypt(), decrypt());
        let result =
            single.step(|running, nodes| running.whole(nodes, input(&[9; 32]), &Buffer::of(32).out()));
        assert_eq!(code(result), ReturnCode::ENCRYPTED_DATA_INVALID, "{how:?}");
        parts.step(|running, nodes| running.update(nodes, input(&[9; 32]), &Buffer::of(32).out())).unwrap();
        let result = parts.step(|running, nodes| running.last(nodes, &Buffer::of(32).out()));
        assert_eq!(code(result), ReturnCode::ENCRYPTED_DATA_INVALID, "{how:?}");
        assert!(single.is_over() && parts.is_over());
    }
}

#[test]
fn a_message_too_long_for_the_mechanism_is_refused() {
    let world = World::new();
    let (public, private) = world.rsa();
    let long = vec![0; 100_000];
    let sign = Signing::new(&world, StreamKind::Sign, plain(MechanismType::RSA_PKCS), private).unwrap();
    let mut run = Run::new(&world, sign);
    run.step(|running, nodes| running.update(nodes, input(&long[..60_000]))).unwrap();
    let result = run.step(|running, nodes| running.update(nodes, input(&long)));
    assert_eq!(code(result), ReturnCode::DATA_LEN_RANGE);
    assert!(run.is_over());

    let how = plain(MechanismType::RSA_PKCS);
    let mut run = Run::new(&world, Ciphering::new(&world, Direction::Encrypt, how, public).unwrap());
    let result = run.step(|running, nodes| running.update(nodes, input(&long), &Buffer::of(0).out()));
    assert_eq!(code(result), ReturnCode::DATA_LEN_RANGE);
}

#[test]
fn a_null_mechanism_gives_up_and_an_active_operation_stands_in_the_way() {
    let world = World::new();
    let mut slot: Option<Digesting> = None;
    let ck = CK_MECHANISM { mechanism: CKM_SHA256, pParameter: std::ptr::null_mut(), ulParameterLen: 0 };
    // SAFETY: NULL, or a mechanism that lives.
    let (null, sha256) = unsafe { (Src::new(std::ptr::null()), Src::new(&raw const ck)) };
    let mut digest = |mechanism| code(begin(&mut slot, &world, mechanism, |parsed| Digesting::new(&parsed)));
    assert_eq!(digest(null), ReturnCode::ARGUMENTS_BAD);
    assert_eq!(digest(sha256), ReturnCode::OK);
    assert_eq!(digest(sha256), ReturnCode::OPERATION_ACTIVE);
    assert_eq!(digest(null), ReturnCode::OK);
    assert_eq!(digest(sha256), ReturnCode::OK);
}

#[test]
fn giving_up_ends_the_stream_on_the_node() {
    let world = World::new();
    let aes = world.aes();
    let ecb = Ciphering::new(&world, Direction::Encrypt, plain(MechanismType::AES_ECB), aes).unwrap();
    let mut slot = Some(ecb);
    let mut room = Buffer::of(16);
    step(&mut slot, &world, |running| running.update(&world, input(&[0; 16]), &room.out())).unwrap();
    let mut copy = slot.clone();
    // SAFETY: NULL is allowed.
    let null = unsafe { Src::new(std::ptr::null()) };
    begin(&mut slot, &world, null, |_| unreachable!()).unwrap();
    assert!(slot.is_none());
    let late = step(&mut copy, &world, |running| running.update(&world, input(&[0; 16]), &room.out()));
    assert_eq!(code(late), ReturnCode::OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_child_goes_on_with_what_no_node_has_begun() {
    let world = World::new();
    let (aes, secret) = (world.aes(), world.secret());
    let mut operations = Operations {
        encrypt: Some(
            Ciphering::new(&world, Direction::Encrypt, plain(MechanismType::AES_ECB), aes).unwrap(),
        ),
        sign: Some(
            Signing::new(&world, StreamKind::Sign, plain(MechanismType::SHA256_HMAC), secret).unwrap(),
        ),
        digest: Some(Digesting::new(&plain(MechanismType::SHA256)).unwrap()),
        ..Operations::default()
    };
    let mut room = Buffer::of(16);
    step(&mut operations.encrypt, &world, |running| running.update(&world, input(&[0; 16]), &room.out()))
        .unwrap();
    step(&mut operations.sign, &world, |running| running.update(&world, input(b"held"))).unwrap();
    let child = operations.in_child();
    assert!(child.encrypt.is_none());
    assert!(child.sign.is_some() && child.digest.is_some());
}

#[test]
fn digests_take_readable_secret_keys_only() {
    let world = World::new();
    let readable = Attributes::new()
        .with(AttributeType::CLASS, cryptoki_sys::CKO_SECRET_KEY)
        .with(AttributeType::KEY_TYPE, cryptoki_sys::CKK_GENERIC_SECRET)
        .with(AttributeType::SENSITIVE, false)
        .with(AttributeType::EXTRACTABLE, true)
        .with(AttributeType::VALUE, b"abc".as_slice());
    let request = strongroom_wire::Request::Create { template: readable };
    let strongroom_wire::Response::Object(readable) = world.call(super::super::Route::Any, &request).unwrap()
    else {
        panic!("no object");
    };
    let mut slot = Some(Digesting::new(&plain(MechanismType::SHA_1)).unwrap());
    step(&mut slot, &world, |running| running.key(&world, readable.handle)).unwrap();
    let mut room = Buffer::of(20);
    step(&mut slot, &world, |running| running.last(&room.out())).unwrap();
    assert_eq!(room.content()[..4], [0xa9, 0x99, 0x3e, 0x36]);

    for key in [world.rsa().1, world.secret()] {
        let mut slot = Some(Digesting::new(&plain(MechanismType::SHA_1)).unwrap());
        let refused = step(&mut slot, &world, |running| running.key(&world, key));
        assert_eq!(code(refused), ReturnCode::KEY_INDIGESTIBLE);
        assert!(slot.is_none());
    }
}
