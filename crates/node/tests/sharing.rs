//! Owners, sharees and everybody else: what each may do with a key (cloudhsm.md 4.1; 14, items 45 to 48; attacks.md A28 to A30).

mod common;

use std::time::Instant;

use common::people::{terms, world_of_people};
use common::{Client, P256, World, operation, world};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Handle, Mechanism, MechanismType, Params, Profile,
    ReturnCode, Role, Value,
};
use strongroom_wire::{Answer, Ownership, Request, Response, StreamKind};

const PROFILES: [Profile; 3] = [Profile::Standard, Profile::CloudHsm, Profile::Strict];
const KWP: MechanismType = MechanismType::AES_KEY_WRAP_KWP;

fn on_token() -> Attributes {
    Attributes::new().with(A::TOKEN, true)
}

fn named(label: &str) -> Attributes {
    Attributes::new().with(A::LABEL, label.as_bytes())
}

fn share(handle: Handle, with: &str, shared: bool) -> Request {
    Request::Share { handle, user: with.parse().unwrap(), shared }
}

fn encrypt(key: Handle) -> Request {
    Request::Encrypt(operation(MechanismType::AES_ECB, key, &[7; 16]))
}

fn sign(key: Handle) -> Request {
    Request::Sign { operation: operation(MechanismType::ECDSA, key, &[1; 32]), digested: false }
}

fn wrap(wrapping: Handle, key: Handle) -> Request {
    Request::Wrap { mechanism: Mechanism::plain(KWP), wrapping, key }
}

fn ownership(client: &mut Client, handle: Handle) -> Ownership {
    match client.ask(Request::Ownership { handle }) {
        Ok(Response::Ownership(ownership)) => ownership,
        other => panic!("{other:?}"),
    }
}

/// A key that can do all that AES keys can, and could be read by its owner.
fn open_key(client: &mut Client) -> Handle {
    let mut template = on_token().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
    for usage in [A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP] {
        template.set(usage, true);
    }
    client.aes(template)
}

fn ecdh(client: &mut Client, public: Handle) -> Mechanism {
    let Answer::Value(Value::Bytes(point)) = client.attribute(public, A::EC_POINT) else { panic!() };
    let params = Params::Ecdh { kdf: None, shared: Blob::new(), public: point };
    Mechanism { kind: MechanismType::ECDH1_DERIVE, params }
}

/// Items 45 and 48, A29.
#[test]
fn a_sharee_uses_a_key_and_does_nothing_else_with_it() {
    for profile in [Profile::Standard, Profile::CloudHsm] {
        let world = world_of_people(profile);
        let (mut ann, mut ben, mut cyd) = (world.person("ann"), world.person("ben"), world.person("cyd"));
        let key = open_key(&mut ann);
        assert_eq!(ben.code(encrypt(key)), ReturnCode::KEY_HANDLE_INVALID);
        assert_eq!(ann.code(share(key, "ben", true)), ReturnCode::OK);

        let ciphertext = ben.bytes(encrypt(key));
        assert_eq!(ciphertext, ann.bytes(encrypt(key)));
        let decrypt = Request::Decrypt(operation(MechanismType::AES_ECB, key, &ciphertext));
        assert_eq!(ben.bytes(decrypt), Blob::from([7; 16]));
        assert_eq!(ben.find(Attributes::new()), [key]);
        assert!(cyd.find(Attributes::new()).is_empty());
        assert_eq!(ben.attribute(key, A::KEY_TYPE), ann.attribute(key, A::KEY_TYPE));
        assert_eq!(ben.attribute(key, A::VALUE), Answer::Sensitive, "reading is exporting");
        assert!(matches!(ann.attribute(key, A::VALUE), Answer::Value(_)));

        // To wrap a key of one's own is a use of the wrapping key; to be wrapped isn't.
        let extractable = ben.aes(Attributes::new().with(A::EXTRACTABLE, true).with(A::WRAP, true));
        assert_eq!(ben.code(wrap(key, extractable)), ReturnCode::OK);
        let forbidden = [
            wrap(extractable, key),
            Request::SetAttributes { handle: key, template: named("mine") },
            Request::Copy { handle: key, template: Attributes::new() },
            Request::Persist { handle: key },
            Request::Destroy { handle: key },
            share(key, "cyd", true),
            share(key, "ben", false),
        ];
        for request in forbidden {
            let refusal = ben.ask(request.clone()).unwrap_err();
            assert_eq!(refusal.code, ReturnCode::ACTION_PROHIBITED, "{request:?}");
            assert_eq!(refusal.message, "only the object's owner may do this");
        }
        assert_eq!(ann.code(Request::Destroy { handle: key }), ReturnCode::OK);
        assert_eq!(ben.code(encrypt(key)), ReturnCode::KEY_HANDLE_INVALID);
    }
}

/// Item 45: there's no transfer, but what a sharee makes by a key is the sharee's.
#[test]
fn what_is_made_with_a_shared_key_belongs_to_its_maker() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let wrapping = open_key(&mut ann);
    let (public, private) = ann.p256(true);
    for key in [wrapping, private] {
        ann.ask(share(key, "ben", true)).unwrap();
    }
    let secret = ann.aes(on_token().with(A::EXTRACTABLE, true));
    let wrapped = ann.bytes(wrap(wrapping, secret));
    let aes = on_token().with(A::KEY_TYPE, cryptoki_sys::CKK_AES);
    let unwrapped = ben.object(Request::Unwrap {
        mechanism: Mechanism::plain(KWP),
        unwrapping: wrapping,
        wrapped,
        template: aes.clone().with(A::CLASS, cryptoki_sys::CKO_SECRET_KEY),
    });
    let mechanism = ecdh(&mut ann, public);
    let derived =
        ben.object(Request::Derive { mechanism, base: private, template: aes.with(A::VALUE_LEN, 32) });
    for key in [unwrapped.handle, derived.handle] {
        let whose = ownership(&mut ben, key);
        assert_eq!(whose.owner, Some("ben".parse().unwrap()));
        assert!(whose.terms.is_empty());
        assert_eq!(ann.code(Request::Object { handle: key }), ReturnCode::OBJECT_HANDLE_INVALID);
    }
}

/// Item 46, A30.
#[test]
fn unsharing_bites_at_the_next_use_and_in_the_middle_of_an_operation() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let key = open_key(&mut ann);
    ann.ask(share(key, "ben", true)).unwrap();
    assert_eq!(ben.code(encrypt(key)), ReturnCode::OK);
    let streams: Vec<u64> = (0..3)
        .map(|_| {
            let operation = operation(MechanismType::AES_ECB, key, &[1; 16]);
            match ben.ask(Request::Open { kind: StreamKind::Encrypt, operation }) {
                Ok(Response::Streaming { stream, .. }) => stream,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    ann.ask(share(key, "ben", false)).unwrap();
    assert_eq!(ben.code(encrypt(key)), ReturnCode::KEY_HANDLE_INVALID);
    let update = |stream| Request::Update { stream, data: Blob::from([2; 16]) };
    let finish = |stream| Request::Finish { stream, signature: Blob::new() };
    assert_eq!(ben.code(update(streams[0])), ReturnCode::KEY_HANDLE_INVALID);
    assert_eq!(ben.code(finish(streams[1])), ReturnCode::KEY_HANDLE_INVALID);
    // It's over, and stays so when the key is shared again.
    ann.ask(share(key, "ben", true)).unwrap();
    assert_eq!(ben.code(update(streams[0])), ReturnCode::OPERATION_NOT_INITIALIZED);
    assert_eq!(ben.code(finish(streams[1])), ReturnCode::OPERATION_NOT_INITIALIZED);
    assert_eq!(ben.code(encrypt(key)), ReturnCode::OK);
}

/// Item 47; and item 48: they aren't found by others, who see owned and shared keys only.
#[test]
fn public_keys_are_for_every_crypto_user_and_are_not_shared() {
    for profile in PROFILES {
        let world = world_of_people(profile);
        let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
        let (public, private) = ann.pair(
            Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
            on_token()
                .with(A::EC_PARAMS, P256)
                .with(A::VERIFY, true)
                .with(A::PRIVATE, profile == Profile::CloudHsm),
            on_token().with(A::SIGN, true),
        );
        let signature = ann.bytes(sign(private));
        let verify = |signature: &Blob| Request::Verify {
            operation: operation(MechanismType::ECDSA, public, &[1; 32]),
            digested: false,
            signature: signature.clone(),
        };
        assert_eq!(ben.code(verify(&signature)), ReturnCode::OK, "{profile}");
        assert_eq!(ben.code(sign(private)), ReturnCode::KEY_HANDLE_INVALID);
        assert_eq!(ben.code(Request::Destroy { handle: public }), ReturnCode::ACTION_PROHIBITED);
        let found = ben.find(Attributes::new());
        assert_eq!(found, if profile == Profile::CloudHsm { vec![] } else { vec![public] });
        for shared in [true, false] {
            let refusal = ann.ask(share(public, "ben", shared)).unwrap_err();
            assert_eq!(refusal.code, ReturnCode::ACTION_PROHIBITED);
            assert!(refusal.message.contains("public keys are for every crypto user"), "{refusal}");
        }
    }
}

#[test]
fn sharing_takes_the_owner_a_token_key_and_another_crypto_user() {
    let world = world_of_people(Profile::Standard);
    let mut ann = world.person("ann");
    let key = ann.aes(on_token());
    let session_key = ann.aes(Attributes::new());
    let data = Attributes::new().with(A::CLASS, cryptoki_sys::CKO_DATA).with(A::TOKEN, true);
    let data = ann.object(Request::Create { template: data.with(A::PRIVATE, true) }).handle;
    let refused = |client: &mut Client, request, code, text: &str| {
        let Error { code: actual, message } = client.ask(request).unwrap_err();
        assert_eq!(actual, code, "{message}");
        assert!(message.contains(text), "{message}");
    };
    let bad = ReturnCode::ARGUMENTS_BAD;
    refused(&mut ann, share(key, "nobody", true), bad, "there is no crypto user nobody");
    refused(&mut ann, share(key, "admin", true), bad, "there is no crypto user admin");
    refused(&mut ann, share(key, "ann", true), bad, "ann is the key's owner");
    refused(&mut ann, share(key, "ben", false), bad, "isn't shared with ben");
    ann.ask(share(key, "ben", true)).unwrap();
    refused(&mut ann, share(key, "ben", true), bad, "shared with ben already");
    ann.ask(share(key, "ben", false)).unwrap();
    refused(&mut ann, share(key, "ben", false), bad, "isn't shared with ben");
    refused(&mut ann, share(session_key, "ben", true), ReturnCode::ACTION_PROHIBITED, "session keys");
    refused(&mut ann, share(data, "ben", true), ReturnCode::ACTION_PROHIBITED, "only keys");
    refused(&mut ann, share(Handle(999_999), "ben", true), ReturnCode::OBJECT_HANDLE_INVALID, "");
    let mut officer = world.officer(9);
    refused(&mut officer, share(key, "ben", true), ReturnCode::USER_NOT_LOGGED_IN, "");
    refused(&mut world.client(10), share(key, "ben", true), ReturnCode::USER_NOT_LOGGED_IN, "");
}

#[test]
fn whose_a_key_is_may_be_asked_by_whoever_sees_it() {
    let world = world_of_people(Profile::CloudHsm);
    let (mut ann, mut ben, mut cyd) = (world.person("ann"), world.person("ben"), world.person("cyd"));
    let template = on_token().with(A::VALUE_LEN, 16);
    let generate = Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template };
    let Ok(Response::Object(info)) = ann.ask_with(terms(&["dan", "ben"], 2, 3), generate) else { panic!() };
    for client in [&mut ann, &mut ben, &mut world.officer(9)] {
        let whose = ownership(client, info.handle);
        assert_eq!(whose.owner, Some("ann".parse().unwrap()));
        assert_eq!(whose.terms.share_with, ["ben".parse().unwrap(), "dan".parse().unwrap()]);
        assert_eq!((whose.terms.manage_quorum, whose.terms.use_quorum), (2, 3));
    }
    let handle = info.handle;
    assert_eq!(cyd.code(Request::Ownership { handle }), ReturnCode::OBJECT_HANDLE_INVALID);
}

/// All that can be asked about a key, by its handle.
fn requests(key: Handle, own: Handle) -> Vec<Request> {
    let mechanism = Mechanism::plain(KWP);
    let plain = |kind| operation(kind, key, &[1; 16]);
    let public = Blob::from([4; 65]);
    let params = Params::Ecdh { kdf: None, shared: Blob::new(), public };
    vec![
        Request::Object { handle: key },
        Request::GetAttributes { handle: key, types: vec![A::CLASS, A::VALUE] },
        Request::SetAttributes { handle: key, template: named("x") },
        Request::ObjectSize { handle: key },
        Request::Copy { handle: key, template: Attributes::new() },
        Request::Destroy { handle: key },
        Request::Ownership { handle: key },
        Request::Persist { handle: key },
        share(key, "ben", true),
        share(key, "ben", false),
        encrypt(key),
        sign(key),
        Request::Decrypt(plain(MechanismType::AES_ECB)),
        Request::Verify {
            operation: plain(MechanismType::ECDSA),
            digested: false,
            signature: Blob::from([1; 64]),
        },
        Request::Open { kind: StreamKind::Encrypt, operation: plain(MechanismType::AES_ECB) },
        Request::Open { kind: StreamKind::Sign, operation: plain(MechanismType::SHA256_HMAC) },
        wrap(key, own),
        wrap(own, key),
        Request::Unwrap {
            mechanism,
            unwrapping: key,
            wrapped: Blob::from([1; 40]),
            template: Attributes::new(),
        },
        Request::Derive {
            mechanism: Mechanism { kind: MechanismType::ECDH1_DERIVE, params },
            base: key,
            template: Attributes::new(),
        },
    ]
}

/// A28: code and sentence are those for a handle that nobody has.
#[test]
fn a_handle_one_may_not_see_is_as_none() {
    for profile in PROFILES {
        let world = world_of_people(profile);
        let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
        let hidden_public = on_token().with(A::EC_PARAMS, P256).with(A::PRIVATE, true);
        let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        let (public, private) = ann.pair(mechanism, hidden_public, on_token().with(A::SIGN, true));
        let mut hidden = vec![ann.aes(on_token()), private];
        // There, public keys are for all.
        hidden.extend((profile != Profile::CloudHsm).then_some(public));
        let own = ben.aes(Attributes::new().with(A::WRAP, true));
        for key in hidden {
            for (request, twin) in requests(key, own).into_iter().zip(requests(Handle(987_654_321), own)) {
                let refusal = ben.ask(request.clone()).unwrap_err();
                let codes = [
                    ReturnCode::OBJECT_HANDLE_INVALID,
                    ReturnCode::KEY_HANDLE_INVALID,
                    ReturnCode::WRAPPING_KEY_HANDLE_INVALID,
                    ReturnCode::UNWRAPPING_KEY_HANDLE_INVALID,
                ];
                assert!(codes.contains(&refusal.code), "{request:?}: {refusal}");
                assert_eq!(Err(refusal), ben.ask(twin).map(drop), "{request:?}");
            }
        }
        let taken = ann.find(Attributes::new());
        assert_eq!(taken.len(), 3);
        for guess in 1..=100_000 {
            let code = ben.code(Request::Object { handle: Handle(guess) });
            let seen = profile == Profile::CloudHsm && guess == public.0;
            let expected = if seen { ReturnCode::OK } else { ReturnCode::OBJECT_HANDLE_INVALID };
            assert_eq!(code, expected, "{guess}");
        }
    }
}

/// A28: and it takes the same time, however many have the key shared.
#[test]
fn a_handle_one_may_not_see_takes_as_long_as_none() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let hidden = ann.aes(on_token());
    for name in ["cyd", "dan", "app", "other"] {
        ann.ask(share(hidden, name, true)).unwrap();
    }
    let mut times = [Vec::new(), Vec::new()];
    // In turn, so that whatever else the machine does befalls both.
    for _ in 0..20_000 {
        for (key, times) in [hidden, Handle(hidden.0 + 1_000_000)].into_iter().zip(&mut times) {
            let request = sign(key);
            let begun = Instant::now();
            let reply = ben.reply(request);
            times.push(begun.elapsed());
            assert!(reply.result.is_err());
        }
    }
    let [hidden, absent] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos()
    });
    // Tens of nanoseconds for a comparison of names; a request's way to the node takes microseconds.
    assert!(hidden.abs_diff(absent) <= absent.max(200), "hidden {hidden} ns, absent {absent} ns");
}

/// Item 48 and cloudhsm.md 2.2: an officer finds keys, to mark them, and has nothing of what they are made of.
#[test]
fn an_officer_finds_keys_but_neither_material_nor_data() {
    for profile in PROFILES {
        let world = world_of_people(profile);
        let (mut ann, mut officer) = (world.person("ann"), world.officer(9));
        let readable = on_token().with(A::SENSITIVE, false).with(A::EXTRACTABLE, true);
        let key = ann.aes(readable.with(A::LABEL, b"k".as_slice()));
        let data = on_token().with(A::CLASS, cryptoki_sys::CKO_DATA).with(A::PRIVATE, true);
        let create = Request::Create { template: data.with(A::VALUE, b"diary".as_slice()) };
        if profile == Profile::CloudHsm {
            // There is no data.
            assert_eq!(ann.code(create), ReturnCode::ATTRIBUTE_VALUE_INVALID);
            continue;
        }
        let data = ann.object(create).handle;
        assert_eq!(officer.find(Attributes::new()), [key]);
        assert_eq!(officer.find(named("k")), [key]);
        assert_eq!(officer.attribute(key, A::LABEL), Answer::Value(b"k".as_slice().into()));
        assert_eq!(officer.attribute(key, A::VALUE), Answer::Sensitive);
        assert_eq!(officer.code(Request::Object { handle: data }), ReturnCode::OBJECT_HANDLE_INVALID);
        assert_eq!(officer.code(encrypt(key)), ReturnCode::USER_NOT_LOGGED_IN);
        let destroy = Request::Destroy { handle: key };
        assert!(officer.ask(destroy).is_err());
        assert_eq!(ann.find(Attributes::new()), [key, data]);
    }
}

/// cloudhsm.md 4.7: there are no public objects there.
#[test]
fn without_a_login_nothing_is_seen_under_cloudhsm() {
    let world = world_of_people(Profile::CloudHsm);
    let mut ann = world.person("ann");
    let (public, _) = ann.p256(true);
    let mut nobody = world.client(5);
    assert!(nobody.ask(Request::Object { handle: public }).is_err());
    let template = on_token().with(A::PRIVATE, false).with(A::VALUE_LEN, 16);
    let generate = Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template };
    assert_eq!(nobody.code(generate), ReturnCode::USER_NOT_LOGGED_IN);
}

/// A deleted user's name may be given again, and what was shared with the first isn't shared with the second.
#[test]
fn a_later_user_of_a_name_has_nothing_shared() {
    let world: World = world(Profile::Standard);
    let (mut app, mut officer) = (world.app(1), world.officer(2));
    let key = app.aes(on_token());
    app.ask(share(key, "other", true)).unwrap();
    assert_eq!(world.other(3).code(encrypt(key)), ReturnCode::OK);
    officer.ask(Request::DeleteUser { role: Role::CryptoUser, user: "other".parse().unwrap() }).unwrap();
    assert!(ownership(&mut app, key).terms.share_with.is_empty());
    let login = strongroom_wire::Login {
        role: Role::CryptoUser,
        user: Some("other".parse().unwrap()),
        password: Blob::from(common::OTHER.as_bytes()),
    };
    officer.ask(Request::CreateUser(login)).unwrap();
    assert_eq!(world.other(4).code(encrypt(key)), ReturnCode::KEY_HANDLE_INVALID);
}

/// Many keys and people at random, against the few lines that say who may what (cloudhsm.md 4.1).
#[test]
fn who_may_what_holds_through_any_history() {
    struct Known {
        handle: Handle,
        owner: usize,
        sharees: Vec<usize>,
    }
    const PEOPLE: [&str; 4] = common::people::NAMES;
    for (round, profile) in PROFILES.into_iter().enumerate() {
        let world = world_of_people(profile);
        let mut clients = PEOPLE.map(|name| world.person(name));
        let mut keys: Vec<Known> = Vec::new();
        let mut state = 0x5eed + round as u64;
        let mut draw = |below: usize| {
            // Numerical Recipes' generator; its high bits are good enough here.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        for step in 0..3000 {
            let who = draw(PEOPLE.len());
            if keys.len() < 3 || draw(20) == 0 && keys.len() < 12 {
                let handle = clients[who].aes(on_token().with(A::ENCRYPT, true));
                keys.push(Known { handle, owner: who, sharees: Vec::new() });
                continue;
            }
            let at = draw(keys.len());
            let (key, other) = (&mut keys[at], draw(PEOPLE.len()));
            let (handle, owns) = (key.handle, key.owner == who);
            let sees = owns || key.sharees.contains(&who);
            let managed = |done: bool, missing, otherwise| match (sees, owns, done) {
                (false, ..) => missing,
                (true, false, _) => ReturnCode::ACTION_PROHIBITED,
                (true, true, true) => ReturnCode::OK,
                (true, true, false) => otherwise,
            };
            let missing = ReturnCode::OBJECT_HANDLE_INVALID;
            let client = &mut clients[who];
            let context = format!("{profile}, step {step}: {} and {key:?}", PEOPLE[who], key = handle);
            match draw(12) {
                0..=4 => {
                    let expected = if sees { ReturnCode::OK } else { ReturnCode::KEY_HANDLE_INVALID };
                    assert_eq!(client.code(encrypt(handle)), expected, "{context}");
                }
                5..=6 => assert_eq!(client.find(Attributes::new()).contains(&handle), sees, "{context}"),
                7..=8 => {
                    let possible = other != key.owner && !key.sharees.contains(&other);
                    let expected = managed(possible, missing, ReturnCode::ARGUMENTS_BAD);
                    assert_eq!(client.code(share(handle, PEOPLE[other], true)), expected, "{context}");
                    if expected == ReturnCode::OK {
                        key.sharees.push(other);
                    }
                }
                9 => {
                    let expected = managed(key.sharees.contains(&other), missing, ReturnCode::ARGUMENTS_BAD);
                    assert_eq!(client.code(share(handle, PEOPLE[other], false)), expected, "{context}");
                    if expected == ReturnCode::OK {
                        key.sharees.retain(|sharee| *sharee != other);
                    }
                }
                10 => {
                    let set = Request::SetAttributes { handle, template: named("other") };
                    assert_eq!(client.code(set), managed(true, missing, missing), "{context}");
                }
                _ => {
                    let expected = managed(true, missing, missing);
                    assert_eq!(client.code(Request::Destroy { handle }), expected, "{context}");
                    if expected == ReturnCode::OK {
                        keys.swap_remove(at);
                    }
                }
            }
        }
    }
}
