//! What single rooms cost: the engine, the wire. `cargo bench -p strongroom-benches --bench rooms`.

use criterion::{Criterion, criterion_group, criterion_main};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::{Input, generate_pair, sign};
use strongroom_model::{AttributeType, Attributes, Blob, Handle, Mechanism, MechanismType};
use strongroom_wire::{Envelope, Numbered, Operation, Request, decode, encode};

const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

fn engine(c: &mut Criterion) {
    let template = Attributes::new().with(AttributeType::EC_PARAMS, P256);
    let pair =
        generate_pair(&Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN), &template).expect("a P-256 pair");
    let ecdsa = Mechanism::plain(MechanismType::ECDSA);
    c.bench_function("engine: P-256 sign", |b| {
        b.iter(|| sign(&pair.key, &ecdsa, Input::Message(&[1; 32])).expect("a signature"));
    });
    let template = Attributes::new().with(AttributeType::MODULUS_BITS, 2048);
    let pair = generate_pair(&Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN), &template)
        .expect("an RSA pair");
    let pkcs = Mechanism::plain(MechanismType::RSA_PKCS);
    c.bench_function("engine: RSA-2048 sign", |b| {
        b.iter(|| sign(&pair.key, &pkcs, Input::Message(&[1; 51])).expect("a signature"));
    });
}

fn wire(c: &mut Criterion) {
    let operation = Operation {
        key: Handle(7),
        mechanism: Mechanism::plain(MechanismType::ECDSA),
        data: Blob::from([1; 32]),
    };
    let request = Request::Sign { operation, digested: false };
    let envelope = Numbered::new(1, Envelope { attach: None, session: 1, extras: None, request });
    let mut frame = Vec::new();
    c.bench_function("wire: encode a sign request", |b| {
        b.iter(|| {
            frame.clear();
            encode(&envelope, &mut frame).expect("it fits a frame");
        });
    });
    c.bench_function("wire: decode a sign request", |b| {
        b.iter(|| decode::<Numbered<Envelope>>(&frame[4..]).expect("what was encoded"));
    });
}

fn seal(c: &mut Criterion) {
    let key = SealingKey::generate();
    let record = vec![1; 1024];
    c.bench_function("seal 1 KiB", |b| b.iter(|| key.seal(b"context", &record)));
}

criterion_group!(rooms, engine, wire, seal);
criterion_main!(rooms);
