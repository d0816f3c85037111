//! The quirk `unique-ids`: no two keys have the same `CKA_ID` (cloudhsm.md 4.2; 14, item 64).

mod common;

use std::sync::{Arc, Barrier};

use common::{Client, P256, world, world_under};
use strongroom_model::{
    AttributeType as A, Attributes, Handle, Mechanism, MechanismType, Profile, Quirk, Regime, Result,
    ReturnCode, Variant,
};
use strongroom_wire::{Request, Response};

fn quirky() -> Regime {
    let quirks = Variant::default().quirks.with(Quirk::UniqueIds, true);
    Regime { profile: Profile::CloudHsm, variant: Variant { quirks, ..Variant::default() } }
}

fn aes(client: &mut Client, token: bool, id: &[u8]) -> Result<Handle> {
    let template = Attributes::new().with(A::TOKEN, token).with(A::ID, id).with(A::VALUE_LEN, 32);
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_GEN);
    client.ask(Request::GenerateKey { mechanism, template }).map(|made| match made {
        Response::Object(info) => info.handle,
        other => panic!("{other:?}"),
    })
}

fn pair(client: &mut Client, token: bool, ids: [&[u8]; 2]) -> Result<()> {
    let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
    let half = |id: &[u8]| Attributes::new().with(A::TOKEN, token).with(A::ID, id);
    let public = half(ids[0]).with(A::EC_PARAMS, P256);
    client.ask(Request::GeneratePair { mechanism, public, private: half(ids[1]) }).map(drop)
}

fn code<T>(outcome: Result<T>) -> ReturnCode {
    outcome.err().map_or(ReturnCode::OK, |error| error.code)
}

const TAKEN: ReturnCode = ReturnCode::ATTRIBUTE_VALUE_INVALID;
const OK: ReturnCode = ReturnCode::OK;

#[test]
fn an_id_is_one_keys_or_one_pairs() {
    let world = world_under(quirky());
    let mut app = world.app(1);
    assert_eq!(code(aes(&mut app, true, b"1")), OK);
    assert_eq!(code(aes(&mut app, true, b"1")), TAKEN);
    assert_eq!(code(aes(&mut app, false, b"1")), TAKEN, "session keys count");
    assert_eq!(code(aes(&mut app, true, b"2")), OK);
    for _ in 0..3 {
        assert_eq!(code(aes(&mut app, true, b"")), OK, "none is no id");
    }
    // The halves of a pair have the same; nobody else has.
    assert_eq!(code(pair(&mut app, true, [b"1", b"1"])), TAKEN);
    assert_eq!(code(pair(&mut app, true, [b"3", b"3"])), OK);
    assert_eq!(code(pair(&mut app, true, [b"3", b"4"])), TAKEN);
    assert_eq!(code(pair(&mut app, true, [b"4", b"3"])), TAKEN);
    assert_eq!(code(aes(&mut app, true, b"3")), TAKEN);
    assert_eq!(code(pair(&mut app, false, [b"5", b"6"])), OK);
    assert_eq!(code(pair(&mut app, false, [b"6", b"5"])), OK, "the halves of two pairs, crossed");
    assert_eq!(code(aes(&mut app, false, b"6")), TAKEN);
    // It's unique in the cluster, whoever has the key.
    assert_eq!(code(aes(&mut world.other(2), true, b"1")), TAKEN);
    assert_eq!(code(aes(&mut world.other(2), true, b"5")), OK, "another program's session keys aren't known");
}

#[test]
fn an_id_that_is_free_again_can_be_taken() {
    let world = world_under(quirky());
    let mut app = world.app(1);
    for token in [true, false] {
        let key = aes(&mut app, token, b"1").expect("a key");
        assert_eq!(code(aes(&mut app, token, b"1")), TAKEN);
        assert_eq!(app.code(Request::Destroy { handle: key }), OK);
    }
    assert_eq!(code(aes(&mut app, true, b"1")), OK);
}

#[test]
fn a_changed_id_and_a_session_key_that_stays_are_looked_at() {
    let world = world_under(quirky());
    let mut app = world.app(1);
    let set =
        |handle, id: &[u8]| Request::SetAttributes { handle, template: Attributes::new().with(A::ID, id) };
    for token in [true, false] {
        let names: [&[u8]; 3] = if token { [b"1", b"2", b"3"] } else { [b"4", b"5", b"6"] };
        let (one, _) = (aes(&mut app, token, names[0]).unwrap(), aes(&mut app, token, names[1]).unwrap());
        assert_eq!(app.code(set(one, names[1])), TAKEN);
        assert_eq!(app.code(set(one, names[0])), OK, "its own");
        assert_eq!(app.code(set(one, names[2])), OK);
    }
    let session = aes(&mut app, false, b"7").unwrap();
    assert_eq!(app.code(Request::Persist { handle: session }), OK);
    assert_eq!(code(aes(&mut app, true, b"7")), TAKEN);
    // A program whose session keys the others don't know finds out when it wants to keep one.
    let mut other = world.other(2);
    let session = aes(&mut other, false, b"8").unwrap();
    assert_eq!(code(aes(&mut app, true, b"8")), OK);
    assert_eq!(other.code(Request::Persist { handle: session }), TAKEN);
}

#[test]
fn of_many_at_once_one_gets_it() {
    let world = world_under(quirky());
    let barrier = Arc::new(Barrier::new(4));
    let made: usize = std::thread::scope(|scope| {
        let programs: Vec<_> = (0..4u8)
            .map(|number| {
                let (world, barrier) = (&world, Arc::clone(&barrier));
                scope.spawn(move || {
                    let mut app = world.app(10 + number);
                    barrier.wait();
                    (0..20u8).filter(|id| aes(&mut app, true, &[*id]).is_ok()).count()
                })
            })
            .collect();
        programs.into_iter().map(|program| program.join().expect("a thread")).sum()
    });
    assert_eq!(made, 20);
}

#[test]
fn without_the_quirk_ids_are_anybodys() {
    for profile in [Profile::Standard, Profile::CloudHsm, Profile::Strict] {
        let mut app = world(profile).app(1);
        assert_eq!([(); 2].map(|()| code(aes(&mut app, true, b"1"))), [OK, OK]);
    }
}
