//! Keys that others must agree to: how they're made, used and managed, and that nothing gets round it (cloudhsm.md 3.6; 14,
//! items 43 and 44; attacks.md A31 and A32).

mod common;

use common::people::{approval, terms, world_of_people};
use common::{Client, P256, operation};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Handle, Mechanism, MechanismType, Params, Profile,
    ReturnCode, Service, Value,
};
use strongroom_wire::{Answer, Extras, Ownership, Request, Response, StreamKind};

const KWP: MechanismType = MechanismType::AES_KEY_WRAP_KWP;
/// cloudhsm.md 3.6.
const REUSED: &str = "Invalid username-signature pair for quorum authorization";
const UNAPPROVED: &str = "Quorum Failed";
const UNAPPROVED_MANAGEMENT: &str = "Quorum approval is required for this operation";
const INVALID: &str = "Invalid quorum value provided.";
const BOTH: &str = "The manage key and use key quorum values must be set to a value greater than 1";

fn on_token() -> Attributes {
    Attributes::new().with(A::TOKEN, true)
}

fn able(template: Attributes) -> Attributes {
    let usages = [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::WRAP, A::UNWRAP];
    usages.into_iter().fold(template, |template, usage| template.with(usage, true))
}

fn aes(template: Attributes) -> Request {
    let template = template.with(A::VALUE_LEN, 32);
    Request::GenerateKey { mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN), template }
}

fn pair() -> Request {
    Request::GeneratePair {
        mechanism: Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
        public: on_token().with(A::EC_PARAMS, P256),
        private: on_token().with(A::SIGN, true).with(A::DERIVE, true),
    }
}

fn made(client: &mut Client, extras: Extras, request: Request) -> Handle {
    match client.ask_with(extras, request) {
        Ok(Response::Object(info)) => info.handle,
        Ok(Response::Pair { private, .. }) => private.handle,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(answer: Result<Response, Error>, code: ReturnCode, message: &str) {
    let refusal = answer.unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (code, message));
}

#[track_caller]
fn unapproved(answer: Result<Response, Error>, message: &str) {
    refused(answer, ReturnCode::FUNCTION_REJECTED, message);
}

fn ownership(client: &mut Client, handle: Handle) -> Ownership {
    match client.ask(Request::Ownership { handle }) {
        Ok(Response::Ownership(ownership)) => ownership,
        other => panic!("{other:?}"),
    }
}

fn encrypt(key: Handle) -> Request {
    Request::Encrypt(operation(MechanismType::AES_ECB, key, &[7; 16]))
}

fn wrap(wrapping: Handle, key: Handle) -> Request {
    Request::Wrap { mechanism: Mechanism::plain(KWP), wrapping, key }
}

fn set_label(handle: Handle) -> Request {
    Request::SetAttributes { handle, template: Attributes::new().with(A::LABEL, b"x".as_slice()) }
}

fn share(handle: Handle, with: &str, shared: bool) -> Request {
    Request::Share { handle, user: with.parse().unwrap(), shared }
}

/// Several approvals with one request.
fn together(approvals: impl IntoIterator<Item = Extras>) -> Extras {
    let approvals = approvals.into_iter().flat_map(|extras| extras.approvals).collect();
    Extras { approvals, ..Extras::default() }
}

/// Item 43: enough users, values up to 8, both or none under `cloudhsm`, token keys only.
#[test]
fn quorum_values_are_checked_when_a_key_is_made() {
    let bad = ReturnCode::ARGUMENTS_BAD;
    for profile in [Profile::Standard, Profile::CloudHsm, Profile::Strict] {
        let world = world_of_people(profile);
        let mut ann = world.person("ann");
        let all = ["ben", "cyd", "dan"];
        for (manage, using) in [(0, 0), (1, 1), (0, 1), (2, 2), (3, 2), (4, 4)] {
            let key = made(&mut ann, terms(&all, manage, using), aes(on_token()));
            let terms = ownership(&mut ann, key).terms;
            assert_eq!((terms.manage_quorum, terms.use_quorum), (manage, using));
        }
        for (sharees, manage, using) in
            [(3, 5, 5), (2, 4, 2), (2, 2, 4), (0, 2, 2), (1, 3, 3), (3, 9, 9), (3, 2, 255)]
        {
            refused(ann.ask_with(terms(&all[..sharees], manage, using), aes(on_token())), bad, INVALID);
            refused(ann.ask_with(terms(&all[..sharees], manage, using), pair()), bad, INVALID);
        }
        for (manage, using) in [(2, 0), (0, 2), (1, 2)] {
            let answer = ann.ask_with(terms(&all, manage, using), aes(on_token()));
            match profile {
                Profile::CloudHsm => refused(answer, bad, BOTH),
                Profile::Standard | Profile::Strict => assert!(answer.is_ok()),
            }
        }
        let message = "session keys can be neither shared nor guarded by a quorum: make a token key";
        for wanted in [terms(&[], 2, 2), terms(&["ben"], 0, 0)] {
            refused(ann.ask_with(wanted, aes(Attributes::new())), bad, message);
        }
        refused(
            ann.ask_with(terms(&["ann"], 0, 0), aes(on_token())),
            bad,
            "ann is the key's owner: share it with another crypto user",
        );
        refused(ann.ask_with(terms(&["eve"], 0, 0), aes(on_token())), bad, "there is no crypto user eve");
        let twice = "ben is named twice among those whom the key is to be shared with";
        refused(ann.ask_with(terms(&["ben", "cyd", "ben"], 0, 0), aes(on_token())), bad, twice);
    }
}

/// The four ways to make a key under terms; item 44: they're the private half's.
#[test]
fn every_way_to_make_a_key_takes_terms_and_nothing_else_does() {
    let world = world_of_people(Profile::Standard);
    let mut ann = world.person("ann");
    let wanted = || terms(&["ben", "cyd"], 2, 3);
    let Ok(Response::Pair { public, private }) = ann.ask_with(wanted(), pair()) else { panic!() };
    let wrapping = ann.aes(Attributes::new());
    let open = ann.aes(on_token().with(A::EXTRACTABLE, true));
    let wrapped = ann.bytes(wrap(wrapping, open));
    let secret =
        on_token().with(A::CLASS, cryptoki_sys::CKO_SECRET_KEY).with(A::KEY_TYPE, cryptoki_sys::CKK_AES);
    let unwrap = Request::Unwrap {
        mechanism: Mechanism::plain(KWP),
        unwrapping: wrapping,
        wrapped,
        template: secret.clone(),
    };
    let create = Request::Create { template: secret.with(A::VALUE, [5; 32].as_slice()) };
    let mut keys = vec![private.handle];
    keys.extend([aes(on_token()), unwrap, create].map(|request| made(&mut ann, wanted(), request)));
    for key in keys {
        assert_eq!(ownership(&mut ann, key).terms, wanted().terms);
        assert!(world.person("ben").ask(Request::Object { handle: key }).is_ok());
    }
    assert!(ownership(&mut ann, public.handle).terms.is_empty());
    assert!(world.person("dan").ask(Request::Object { handle: public.handle }).is_ok());

    let public_key =
        on_token().with(A::CLASS, cryptoki_sys::CKO_PUBLIC_KEY).with(A::KEY_TYPE, cryptoki_sys::CKK_EC);
    let Answer::Value(point) = ann.attribute(public.handle, A::EC_POINT) else { panic!() };
    let public_key = public_key.with(A::EC_PARAMS, P256).with(A::EC_POINT, point);
    let not_for_this = [
        Request::Create { template: public_key },
        Request::Create { template: on_token().with(A::CLASS, cryptoki_sys::CKO_DATA) },
    ];
    for request in not_for_this {
        let message = "only secret and private keys are shared or guarded by a quorum";
        refused(ann.ask_with(wanted(), request), ReturnCode::ARGUMENTS_BAD, message);
    }
    let fixed = [
        set_label(open),
        Request::Copy { handle: open, template: Attributes::new() },
        share(open, "ben", true),
        encrypt(open),
        Request::Destroy { handle: open },
    ];
    for request in fixed {
        let message = "sharing and quorum values are given when a key is generated, unwrapped or created, and stay as they are";
        refused(ann.ask_with(wanted(), request), ReturnCode::ARGUMENTS_BAD, message);
    }
    assert!(ownership(&mut ann, open).terms.is_empty());
}

/// Each use takes an approval of its own (cloudhsm.md 3.2: single use).
#[test]
fn every_use_of_a_guarded_key_takes_an_approval() {
    let world = world_of_people(Profile::CloudHsm);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let secret = made(&mut ann, terms(&["ben", "cyd"], 2, 2), aes(able(on_token())));
    let private = made(&mut ann, terms(&["ben", "cyd"], 2, 2), pair());
    let hmac = on_token().with(A::VALUE_LEN, 32).with(A::SIGN, true).with(A::VERIFY, true);
    let generic = Mechanism::plain(MechanismType::GENERIC_SECRET_KEY_GEN);
    let generate = Request::GenerateKey { mechanism: generic, template: hmac };
    let mac_key = made(&mut ann, terms(&["ben", "cyd"], 2, 2), generate);
    let sign = |kind, key| Request::Sign { operation: operation(kind, key, &[1; 32]), digested: false };
    let uses = [
        (private, sign(MechanismType::ECDSA, private)),
        (mac_key, sign(MechanismType::SHA256_HMAC, mac_key)),
        (secret, encrypt(secret)),
        (secret, Request::Decrypt(operation(MechanismType::AES_ECB, secret, &[1; 16]))),
        (
            secret,
            Request::Open {
                kind: StreamKind::Encrypt,
                operation: operation(MechanismType::AES_ECB, secret, &[1; 16]),
            },
        ),
        (
            mac_key,
            Request::Open {
                kind: StreamKind::Sign,
                operation: operation(MechanismType::SHA256_HMAC, mac_key, b"x"),
            },
        ),
    ];
    for (key, request) in uses {
        for client in [&mut ann, &mut ben] {
            unapproved(client.ask(request.clone()), UNAPPROVED);
            let alone = client.approved_for(Service::KeyUsage, key, &["ben"]);
            let few = "Too few quorum approvals: currently 1 approvals, but 2 approvals required";
            unapproved(client.ask_with(alone, request.clone()), few);
            let approved = client.approved_for(Service::KeyUsage, key, &["ben", "cyd"]);
            assert!(client.ask_with(approved.clone(), request.clone()).is_ok(), "{request:?}");
            unapproved(client.ask_with(approved, request.clone()), REUSED);
        }
    }
    let signature = {
        let approved = ann.approved_for(Service::KeyUsage, mac_key, &["ann", "ben"]);
        match ann.ask_with(approved, sign(MechanismType::SHA256_HMAC, mac_key)) {
            Ok(Response::Bytes(signature)) => signature,
            other => panic!("{other:?}"),
        }
    };
    let verify = Request::Verify {
        operation: operation(MechanismType::SHA256_HMAC, mac_key, &[1; 32]),
        digested: false,
        signature,
    };
    unapproved(ann.ask(verify.clone()), UNAPPROVED);
    let approved = ann.approved_for(Service::KeyUsage, mac_key, &["ann", "cyd"]);
    assert!(ann.ask_with(approved, verify).is_ok());
    // The rest of a multi-part operation belongs to the use that began it.
    let approved = ann.approved_for(Service::KeyUsage, secret, &["ann", "cyd"]);
    let open = Request::Open {
        kind: StreamKind::Encrypt,
        operation: operation(MechanismType::AES_ECB, secret, &[1; 16]),
    };
    let Ok(Response::Streaming { stream, .. }) = ann.ask_with(approved, open) else { panic!() };
    assert!(ann.ask(Request::Update { stream, data: Blob::from([2; 16]) }).is_ok());
    assert!(ann.ask(Request::Finish { stream, signature: Blob::new() }).is_ok());
}

/// A31: each approval is for one user, service and key.
#[test]
fn an_approval_for_something_else_is_none() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let mut make = |wanted| made(&mut ann, wanted, aes(able(on_token())));
    let (key, other) = (make(terms(&["ben", "cyd"], 2, 2)), make(terms(&["ben", "cyd"], 2, 2)));
    let by = ["ann", "ben"];
    let for_management = ann.approved_for(Service::KeyManagement, key, &by);
    let refusal = ann.ask_with(for_management.clone(), encrypt(key)).unwrap_err();
    assert!(refusal.message.contains("the service key-management"), "{refusal}");
    let for_other = ann.approved_for(Service::KeyUsage, other, &by);
    let refusal = ann.ask_with(for_other.clone(), encrypt(key)).unwrap_err();
    assert!(refusal.message.contains("another key"), "{refusal}");
    let of_ann = ann.approved_for(Service::KeyUsage, key, &by);
    unapproved(ben.ask_with(of_ann.clone(), encrypt(key)), REUSED);
    // None of them was used up by that.
    assert!(ann.ask_with(for_management, set_label(key)).is_ok());
    assert!(ann.ask_with(for_other, encrypt(other)).is_ok());
    assert!(ann.ask_with(of_ann, encrypt(key)).is_ok());
    // Dan has nothing to do with the key; one who approves twice is one.
    let data = ann.key_token(Service::KeyUsage, key);
    let with = |by: &[&str]| Extras { approvals: vec![approval(data.clone(), by)], ..Extras::default() };
    unapproved(ann.ask_with(with(&["ann", "dan"]), encrypt(key)), REUSED);
    let few = "Too few quorum approvals: currently 1 approvals, but 2 approvals required";
    unapproved(ann.ask_with(with(&["ben", "ben"]), encrypt(key)), few);
    // Nor has cyd, once it isn't shared with cyd any more.
    let approved = ann.approved_for(Service::KeyManagement, key, &by);
    ann.ask_with(approved, share(key, "cyd", false)).unwrap();
    unapproved(ann.ask_with(with(&["ann", "cyd"]), encrypt(key)), REUSED);
    assert!(ann.ask_with(with(&["ann", "ben"]), encrypt(key)).is_ok());
}

/// cloudhsm.md 3.1, key-management: wrap, unwrap, share, unshare, set-attribute. Deleting isn't among them.
#[test]
fn managing_a_guarded_key_takes_an_approval_and_deleting_it_none() {
    let world = world_of_people(Profile::CloudHsm);
    let mut ann = world.person("ann");
    let guarded = |ann: &mut Client| {
        let template = able(on_token()).with(A::EXTRACTABLE, true);
        made(ann, terms(&["ben", "cyd"], 2, 2), aes(template))
    };
    let (key, wrapping) = (guarded(&mut ann), guarded(&mut ann));
    let free = ann.aes(able(Attributes::new()).with(A::EXTRACTABLE, true));
    for request in [set_label(key), share(key, "dan", true), share(key, "dan", false), wrap(free, key)] {
        unapproved(ann.ask(request.clone()), UNAPPROVED_MANAGEMENT);
        let usage = ann.approved_for(Service::KeyUsage, key, &["ann", "ben"]);
        assert!(ann.ask_with(usage, request.clone()).is_err());
        let approved = ann.approved_for(Service::KeyManagement, key, &["ann", "ben"]);
        assert!(ann.ask_with(approved.clone(), request.clone()).is_ok(), "{request:?}");
        // What was done can't be done again by the same approval, be it that it's done already.
        assert!(ann.ask_with(approved, request).is_err());
    }
    // The wrapping key's owners must agree as well (cloudhsm.md 7.1: --payload-approval, --wrapping-approval).
    let approve = |ann: &mut Client, key| ann.approved_for(Service::KeyManagement, key, &["ann", "cyd"]);
    unapproved(ann.ask(wrap(wrapping, free)), UNAPPROVED_MANAGEMENT);
    let one = approve(&mut ann, wrapping);
    let Ok(Response::Bytes(wrapped)) = ann.ask_with(one, wrap(wrapping, free)) else { panic!() };
    let one = approve(&mut ann, key);
    assert!(ann.ask_with(one.clone(), wrap(wrapping, key)).is_err());
    let both = together([approve(&mut ann, wrapping), one]);
    assert!(ann.ask_with(both.clone(), wrap(wrapping, key)).is_ok(), "the one wasn't used up alone");
    assert!(ann.ask_with(both, wrap(wrapping, key)).is_err());
    let itself = approve(&mut ann, key);
    assert!(ann.ask_with(itself, wrap(key, key)).is_ok());
    let template = Attributes::new()
        .with(A::CLASS, cryptoki_sys::CKO_SECRET_KEY)
        .with(A::KEY_TYPE, cryptoki_sys::CKK_AES);
    let unwrap =
        Request::Unwrap { mechanism: Mechanism::plain(KWP), unwrapping: wrapping, wrapped, template };
    unapproved(ann.ask(unwrap.clone()), UNAPPROVED_MANAGEMENT);
    let one = approve(&mut ann, wrapping);
    assert!(ann.ask_with(one, unwrap).is_ok());

    // An officer's mark isn't the owner's management.
    let trust =
        Request::SetAttributes { handle: wrapping, template: Attributes::new().with(A::TRUSTED, true) };
    assert!(world.officer(9).ask(trust).is_ok());
    assert!(ann.ask(Request::Destroy { handle: key }).is_ok());
}

/// A change of state and the end of the token that approved it are one commit.
#[test]
fn a_token_ends_with_what_it_approved() {
    let world = world_of_people(Profile::Standard);
    let mut ann = world.person("ann");
    let key = made(&mut ann, terms(&["ben"], 2, 2), aes(able(on_token())));
    for (service, request) in [(Service::KeyManagement, set_label(key)), (Service::KeyUsage, encrypt(key))] {
        let approved = ann.approved_for(service, key, &["ann", "ben"]);
        let before = world.node.revision();
        ann.ask_with(approved, request).unwrap();
        assert_eq!(world.node.revision(), before + 1);
        assert!(
            matches!(ann.ask(Request::ListQuorumTokens), Ok(Response::QuorumTokens(left)) if left.is_empty())
        );
    }
}

/// A32: there's no way round it.
#[test]
fn nothing_gets_round_a_keys_quorum() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let readable = able(on_token()).with(A::EXTRACTABLE, true).with(A::SENSITIVE, false);
    // Only its use is guarded; management would be free.
    let key = made(&mut ann, terms(&["ben", "cyd"], 0, 3), aes(readable));
    let free = ann.aes(able(Attributes::new()).with(A::EXTRACTABLE, true));

    assert_eq!(ann.attribute(key, A::VALUE), Answer::Sensitive, "its own owner reads it by asking nobody");
    for token in [true, false] {
        let template = Attributes::new().with(A::TOKEN, token);
        let refusal = ann.ask(Request::Copy { handle: key, template }).unwrap_err();
        assert_eq!(refusal.code, ReturnCode::ACTION_PROHIBITED);
    }
    // To wrap it, or with it, is as good as using it.
    for request in [wrap(free, key), wrap(key, free)] {
        unapproved(ann.ask(request.clone()), UNAPPROVED);
        let few = ann.approved_for(Service::KeyUsage, key, &["ann", "ben"]);
        assert!(ann.ask_with(few, request.clone()).is_err());
        let approved = ann.approved_for(Service::KeyUsage, key, &["ann", "ben", "cyd"]);
        assert!(ann.ask_with(approved, request).is_ok());
    }
    // Its terms can't be lowered, neither by attributes nor by taking users off it.
    for user in ["ben", "cyd"] {
        assert_eq!(ann.code(share(key, user, false)), ReturnCode::ACTION_PROHIBITED);
    }
    ann.ask(share(key, "dan", true)).unwrap();
    ann.ask(share(key, "cyd", false)).unwrap();
    assert_eq!(ann.code(Request::Persist { handle: key }), ReturnCode::OK, "which changes nothing");
    let now = ownership(&mut ben, key);
    assert_eq!((now.owner, now.terms), (Some("ann".parse().unwrap()), terms(&["ben", "dan"], 0, 3).terms));
}

/// A32: what is derived is guarded like that from which it is, for the same users; nothing is derived into a session.
#[test]
fn what_is_derived_from_a_guarded_key_is_guarded_too() {
    let world = world_of_people(Profile::Standard);
    let (mut ann, mut ben) = (world.person("ann"), world.person("ben"));
    let base = made(&mut ann, terms(&["ben", "cyd"], 2, 3), pair());
    let (peer, _) = ben.p256(false);
    let Answer::Value(Value::Bytes(public)) = ben.attribute(peer, A::EC_POINT) else { panic!() };
    let derive = |token| {
        let params = Params::Ecdh { kdf: None, shared: Blob::new(), public: public.clone() };
        let mechanism = Mechanism { kind: MechanismType::ECDH1_DERIVE, params };
        let template = able(Attributes::new()).with(A::TOKEN, token).with(A::KEY_TYPE, cryptoki_sys::CKK_AES);
        let template = template.with(A::SENSITIVE, false).with(A::EXTRACTABLE, true).with(A::VALUE_LEN, 32);
        Request::Derive { mechanism, base, template }
    };
    let by = ["ann", "ben", "cyd"];
    unapproved(ben.ask(derive(true)), UNAPPROVED);
    let approved = ben.approved_for(Service::KeyUsage, base, &by);
    let refusal = ben.ask_with(approved.clone(), derive(false)).unwrap_err();
    assert_eq!(refusal.code, ReturnCode::ACTION_PROHIBITED);
    let derived = made(&mut ben, approved, derive(true));
    let whose = ownership(&mut ann, derived);
    assert_eq!(
        (whose.owner, whose.terms),
        (Some("ben".parse().unwrap()), terms(&["ann", "cyd"], 2, 3).terms)
    );
    assert_eq!(ben.attribute(derived, A::VALUE), Answer::Sensitive);
    unapproved(ben.ask(encrypt(derived)), UNAPPROVED);
    let approved = ben.approved_for(Service::KeyUsage, derived, &by);
    assert!(ben.ask_with(approved, encrypt(derived)).is_ok());
}

/// A32: a guarded key is one, too, where another one is the base key and its handle is among the parameters.
#[test]
fn a_guarded_key_goes_into_others_on_approval_only() {
    let world = world_of_people(Profile::Standard);
    let mut ann = world.person("ann");
    let template =
        || able(on_token()).with(A::DERIVE, true).with(A::EXTRACTABLE, true).with(A::SENSITIVE, false);
    let guarded = made(&mut ann, terms(&["ben", "cyd"], 2, 3), aes(template()));
    let free = ann.aes(template());
    let join = |base, other, token| {
        let kind = MechanismType::CONCATENATE_BASE_AND_KEY;
        let mechanism = Mechanism { kind, params: Params::Key(other) };
        let template = Attributes::new().with(A::TOKEN, token).with(A::SENSITIVE, false);
        Request::Derive { mechanism, base, template }
    };
    for (base, other) in [(free, guarded), (guarded, free)] {
        unapproved(ann.ask(join(base, other, true)), UNAPPROVED);
        let approved = ann.approved_for(Service::KeyUsage, guarded, &["ann", "ben", "cyd"]);
        let refusal = ann.ask_with(approved.clone(), join(base, other, false)).unwrap_err();
        assert_eq!(refusal.code, ReturnCode::ACTION_PROHIBITED);
        let derived = made(&mut ann, approved, join(base, other, true));
        assert_eq!(ownership(&mut ann, derived).terms, terms(&["ben", "cyd"], 2, 3).terms);
        assert_eq!(ann.attribute(derived, A::VALUE), Answer::Sensitive);
    }
    assert!(ann.ask(join(free, free, true)).is_ok());
}
