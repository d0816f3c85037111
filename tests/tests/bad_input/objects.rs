//! Templates for making and changing objects: incomplete, contradictory, lying, nested.

use std::ffi::c_void;
use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::process::memory;
use strongroom_tests::raw::{P256, Raw, Rv, Session, Template, call};

fn create(raw: &Raw, session: Session<'_>, attributes: &mut [CK_ATTRIBUTE]) -> Rv<u64> {
    let (mut object, count) = (0, attributes.len() as u64);
    call!(raw.functions(), C_CreateObject(session.handle, attributes.as_mut_ptr(), count, &raw mut object))?;
    Ok(object)
}

#[test]
fn templates_that_make_no_sense_get_the_standards_codes() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let aes = || Template::key(CKO_SECRET_KEY, CKK_AES);
        let cases = [
            (Template::new(), ReturnCode::TEMPLATE_INCOMPLETE),
            (aes(), ReturnCode::TEMPLATE_INCOMPLETE),
            (Template::of(CKO_SECRET_KEY).bytes(CKA_VALUE, [1; 32]), ReturnCode::TEMPLATE_INCOMPLETE),
            (Template::of(0x7777), ReturnCode::ATTRIBUTE_VALUE_INVALID),
            (Template::key(CKO_SECRET_KEY, 0x7777), ReturnCode::ATTRIBUTE_VALUE_INVALID),
            (aes().bytes(CKA_VALUE, [1; 31]), ReturnCode::ATTRIBUTE_VALUE_INVALID),
            (aes().bytes(CKA_VALUE, [1; 32]).bytes(CKA_TOKEN, []), ReturnCode::ATTRIBUTE_VALUE_INVALID),
            (aes().bytes(CKA_VALUE, [1; 32]).bytes(CKA_TOKEN, [1, 1]), ReturnCode::ATTRIBUTE_VALUE_INVALID),
            (aes().bytes(CKA_VALUE, [1; 32]).bytes(0x8123_4567, [1]), ReturnCode::ATTRIBUTE_TYPE_INVALID),
            (aes().bytes(CKA_VALUE, [1; 32]).bytes(CKA_MODULUS, [1]), ReturnCode::TEMPLATE_INCONSISTENT),
            (aes().bytes(CKA_VALUE, [1; 32]).flag(CKA_LOCAL, true), ReturnCode::ATTRIBUTE_READ_ONLY),
            (aes().bytes(CKA_VALUE, [1; 32]).bytes(CKA_VALUE, [2; 32]), ReturnCode::TEMPLATE_INCONSISTENT),
            (
                Template::key(CKO_PRIVATE_KEY, CKK_EC)
                    .bytes(CKA_EC_PARAMS, [6, 1, 0])
                    .bytes(CKA_VALUE, [1; 32]),
                ReturnCode::CURVE_NOT_SUPPORTED,
            ),
            (
                Template::key(CKO_PRIVATE_KEY, CKK_EC)
                    .bytes(CKA_EC_PARAMS, P256)
                    .bytes(CKA_VALUE, [0xff; 32]),
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
            ),
            (
                Template::key(CKO_PUBLIC_KEY, CKK_EC).bytes(CKA_EC_PARAMS, P256).bytes(CKA_EC_POINT, [4; 67]),
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
            ),
        ];
        for (template, expected) in cases {
            let code = session.create(&template).unwrap_err();
            // Which of several faults is named first is the token's choice.
            let also = [ReturnCode::TEMPLATE_INCONSISTENT, ReturnCode::ATTRIBUTE_VALUE_INVALID];
            let fits = code == expected || also.contains(&expected) && also.contains(&code);
            assert!(fits, "{template:?}: {code}, not {expected}");
        }
        assert_eq!(session.find(&Template::new()), Ok(vec![]), "nothing was made");
    });
}

#[test]
fn lengths_that_lie_are_refused_unread() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (mut class, mut yes, mut bytes) = (CKO_DATA, 1u8, [7u8; 16]);
        let of = |type_, value: *mut c_void, len| CK_ATTRIBUTE { type_, pValue: value, ulValueLen: len };
        let class_at = (&raw mut class).cast();
        for lie in [
            of(CKA_TOKEN, (&raw mut yes).cast(), 1 << 63),
            of(CKA_TOKEN, (&raw mut yes).cast(), u64::MAX),
            of(CKA_VALUE, bytes.as_mut_ptr().cast(), u64::MAX),
            of(CKA_VALUE, bytes.as_mut_ptr().cast(), 1 << 47),
            of(CKA_VALUE, ptr::null_mut(), 16),
            of(CKA_LABEL, ptr::null_mut(), u64::MAX),
            of(CKA_CLASS, class_at, 4),
            of(CKA_CLASS, class_at, 0),
            of(CKA_CLASS, ptr::null_mut(), 8),
        ] {
            let code = create(&raw, session, &mut [of(CKA_CLASS, class_at, 8), lie]).unwrap_err();
            let expected = [
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                ReturnCode::ARGUMENTS_BAD,
                ReturnCode::TEMPLATE_INCONSISTENT,
            ];
            assert!(
                expected.contains(&code),
                "attribute {:#x}, length {:#x}: {code}",
                lie.type_,
                lie.ulValueLen
            );
        }
        // An empty value may come without a pointer.
        let empty =
            create(&raw, session, &mut [of(CKA_CLASS, class_at, 8), of(CKA_LABEL, ptr::null_mut(), 0)]);
        assert!(empty.is_ok());
        let large = Template::of(CKO_DATA).bytes(CKA_VALUE, vec![1; 2 << 20]);
        let code = session.create(&large).unwrap_err();
        assert!([ReturnCode::ATTRIBUTE_VALUE_INVALID, ReturnCode::DEVICE_MEMORY].contains(&code), "{code}");
    });
}

#[test]
fn templates_in_templates_end_somewhere() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (mut class, mut kind, mut value) = (CKO_SECRET_KEY, CKK_AES, [1u8; 32]);
        let mut with = |nested: CK_ATTRIBUTE| {
            let of = |type_, value: *mut c_void, len| CK_ATTRIBUTE { type_, pValue: value, ulValueLen: len };
            let mut template = [
                of(CKA_CLASS, (&raw mut class).cast(), 8),
                of(CKA_KEY_TYPE, (&raw mut kind).cast(), 8),
                of(CKA_VALUE, value.as_mut_ptr().cast(), 32),
                nested,
            ];
            create(&raw, session, &mut template)
        };
        let size = size_of::<CK_ATTRIBUTE>() as u64;
        // One that contains itself.
        let mut own = CK_ATTRIBUTE { type_: CKA_UNWRAP_TEMPLATE, pValue: ptr::null_mut(), ulValueLen: size };
        own.pValue = (&raw mut own).cast();
        assert!(with(own).is_err());
        // A chain of a hundred thousand.
        let mut chain =
            vec![CK_ATTRIBUTE { type_: CKA_WRAP_TEMPLATE, pValue: ptr::null_mut(), ulValueLen: 0 }; 100_000];
        let start = chain.as_mut_ptr();
        for at in 1..chain.len() {
            // SAFETY: both places are in the vector.
            unsafe {
                (*start.add(at)).pValue = start.add(at - 1).cast();
                (*start.add(at)).ulValueLen = size;
            }
        }
        assert!(with(chain[chain.len() - 1]).is_err());
        // Two levels are what anybody needs; odd lengths are nobody's.
        assert!(with(CK_ATTRIBUTE { ulValueLen: size, ..chain[1] }).is_ok());
        for len in [1, size - 1, size + 1, u64::MAX, size << 32] {
            assert!(with(CK_ATTRIBUTE { ulValueLen: len, ..chain[1] }).is_err(), "a template of {len} bytes");
        }
    });
}

#[test]
fn ten_thousand_refusals_take_no_memory() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let template = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [1; 31]);
        let large = Template::of(CKO_DATA).bytes(CKA_VALUE, vec![1; 300_000]);
        let (own, daemon) = (std::process::id(), cluster.daemon_pid());
        let refuse = |times| {
            for round in 0..times {
                assert!(session.create(if round % 20 == 0 { &large } else { &template }).is_err());
                assert!(session.attribute(0xdead, CKA_LABEL).is_err());
            }
        };
        refuse(1000);
        let before = [memory(own), memory(daemon)];
        refuse(10_000);
        let grown = [memory(own).saturating_sub(before[0]), memory(daemon).saturating_sub(before[1])];
        assert!(grown[0] < 2 << 20 && grown[1] < 8 << 20, "client and daemon have grown by {grown:?} bytes");
    });
}
