//! `C_GetAttributeValue` (clients.md, trap 11).

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, Session, call};

/// What a length is when there's no value (`CK_UNAVAILABLE_INFORMATION`).
const NONE: u64 = u64::MAX;

fn get(raw: &Raw, session: Session<'_>, object: u64, template: &mut [CK_ATTRIBUTE]) -> Rv<()> {
    let (start, count) = (template.as_mut_ptr(), template.len() as u64);
    call!(raw.functions(), C_GetAttributeValue(session.handle, object, start, count))
}

fn question(attribute: CK_ATTRIBUTE_TYPE, room: &mut [u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: attribute, pValue: room.as_mut_ptr().cast(), ulValueLen: room.len() as u64 }
}

fn sizes(template: &[CK_ATTRIBUTE]) -> Vec<u64> {
    template.iter().map(|attribute| attribute.ulValueLen).collect()
}

#[test]
fn one_bad_attribute_in_a_batch_spoils_none_of_the_others() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "label").expect("a key pair");
        let (mut label, mut class, mut value) = ([0xee; 8], [0xee; 8], [0xee; 64]);
        let (mut unknown, mut small) = ([0xee; 8], [0xee; 4]);

        let mut template = [
            question(CKA_LABEL, &mut label),
            question(0x8765_4321, &mut unknown),
            question(CKA_CLASS, &mut class),
            question(CKA_MODULUS, &mut value),
        ];
        assert_eq!(
            get(&raw, session, pair.private, &mut template).unwrap_err(),
            ReturnCode::ATTRIBUTE_TYPE_INVALID
        );
        assert_eq!(sizes(&template), [5, NONE, 8, NONE]);
        assert_eq!((&label[..5], class), (&b"label"[..], CKO_PRIVATE_KEY.to_ne_bytes()));

        let mut template = [
            question(CKA_VALUE, &mut value),
            question(CKA_LABEL, &mut label),
            question(CKA_KEY_TYPE, &mut class),
        ];
        assert_eq!(
            get(&raw, session, pair.private, &mut template).unwrap_err(),
            ReturnCode::ATTRIBUTE_SENSITIVE
        );
        assert_eq!(sizes(&template), [NONE, 5, 8]);
        assert_eq!((value, class), ([0xee; 64], CKK_EC.to_ne_bytes()), "nothing of a secret is written");

        let mut template = [
            question(CKA_LABEL, &mut small),
            question(CKA_KEY_TYPE, &mut class),
            CK_ATTRIBUTE { type_: CKA_EC_PARAMS, pValue: ptr::null_mut(), ulValueLen: 7 },
        ];
        assert_eq!(
            get(&raw, session, pair.private, &mut template).unwrap_err(),
            ReturnCode::BUFFER_TOO_SMALL
        );
        assert_eq!(sizes(&template), [NONE, 8, 10]);
        assert_eq!(small, [0xee; 4]);
    });
}

#[test]
fn what_every_client_reads_is_there() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (ec, rsa) =
            (session.p256(true, "ec").expect("a pair"), session.rsa(true, "rsa").expect("a pair"));
        for key in [ec.private, ec.public, rsa.private, rsa.public] {
            assert_eq!(session.attribute(key, CKA_ID), Ok(vec![]), "empty, not absent");
            for attribute in [CKA_LOCAL, CKA_TOKEN, CKA_PRIVATE, CKA_KEY_TYPE, CKA_ALLOWED_MECHANISMS] {
                assert!(session.attribute(key, attribute).is_ok(), "{attribute:#x}");
            }
        }
        for key in [ec.private, rsa.private] {
            assert_eq!(session.attribute(key, CKA_ALWAYS_AUTHENTICATE), Ok(vec![0]));
            assert_eq!(session.attribute(key, CKA_SENSITIVE), Ok(vec![1]));
        }
        let point = session.attribute(ec.public, CKA_EC_POINT).expect("CKA_EC_POINT");
        assert_eq!((point.len(), &point[..3]), (67, &[4, 65, 4][..]), "an OCTET STRING with a point in it");
        assert_eq!(session.attribute(ec.private, CKA_EC_PARAMS), session.attribute(ec.public, CKA_EC_PARAMS));
        for attribute in [CKA_MODULUS, CKA_PUBLIC_EXPONENT] {
            assert!(session.attribute(rsa.private, attribute).is_ok());
            assert_eq!(session.attribute(rsa.private, attribute), session.attribute(rsa.public, attribute));
        }
    });
}

#[test]
fn empty_and_endless_questions_are_answered() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "label").expect("a key");
        // The same one many times over; each place gets its answer.
        let mut rooms = [[0u8; 5]; 100];
        let mut template: Vec<_> = rooms.iter_mut().map(|room| question(CKA_LABEL, room)).collect();
        get(&raw, session, key, &mut template).expect("C_GetAttributeValue");
        assert!(rooms.iter().all(|room| room == b"label"));
        assert_eq!(get(&raw, session, key, &mut []), Ok(()));
        let none = call!(raw.functions(), C_GetAttributeValue(session.handle, key, ptr::null_mut(), 3));
        assert_eq!(none.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
        // An object that goes between the two calls.
        let mut size = [CK_ATTRIBUTE { type_: CKA_LABEL, pValue: ptr::null_mut(), ulValueLen: 0 }];
        get(&raw, session, key, &mut size).expect("a size");
        session.destroy(key).expect("C_DestroyObject");
        let mut room = [0; 5];
        let gone = get(&raw, session, key, &mut [question(CKA_LABEL, &mut room)]);
        assert_eq!((gone.unwrap_err(), room), (ReturnCode::OBJECT_HANDLE_INVALID, [0; 5]));
    });
}
