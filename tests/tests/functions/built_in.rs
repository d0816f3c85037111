//! Objects that the token has of itself, and those of other kinds that anybody may keep, against PKCS#11 3.2 sections 4.3, 4.7 and
//! 4.13 to 4.15: who finds them, what they say, and that nobody makes, changes, copies or destroys them.

use std::collections::BTreeSet;
use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, Session, Template, call};

/// Classes whose objects are built in, with the attribute that tells what each of them is.
const CLASSES: [(CK_OBJECT_CLASS, CK_ATTRIBUTE_TYPE); 4] = [
    (CKO_HW_FEATURE, CKA_HW_FEATURE_TYPE),
    (CKO_MECHANISM, CKA_MECHANISM_TYPE),
    (CKO_PROFILE, CKA_PROFILE_ID),
    (CKO_VALIDATION, CKA_VALIDATION_TYPE),
];
const INVALID: Rv<()> = Err(ReturnCode::ATTRIBUTE_VALUE_INVALID);

fn under_each(play: impl Fn(&str, &Raw, &Session<'_>)) {
    for profile in ["standard", "strict", "cloudhsm"] {
        let cluster = Cluster::builder().profile(profile).start();
        let raw = Raw::start(&cluster);
        play(profile, &raw, &raw.logged_in(&cluster));
        raw.finalize().expect("C_Finalize");
    }
}

fn number(session: &Session<'_>, object: CK_OBJECT_HANDLE, attribute: CK_ATTRIBUTE_TYPE) -> u64 {
    let value = session.attribute(object, attribute).expect("a number");
    u64::from_ne_bytes(value.try_into().expect("8 bytes"))
}

fn mechanisms(raw: &Raw) -> BTreeSet<u64> {
    let mut count = 0;
    let functions = raw.newest();
    call!(functions, C_GetMechanismList(0, ptr::null_mut(), &raw mut count)).expect("C_GetMechanismList");
    let mut list = vec![0; count as usize];
    call!(functions, C_GetMechanismList(0, list.as_mut_ptr(), &raw mut count)).expect("C_GetMechanismList");
    list.into_iter().collect()
}

#[test]
fn the_token_says_what_it_is_to_who_asks_for_the_class() {
    alone(|| {
        under_each(|profile, raw, session| {
            let found = |template: &Template| session.find(template).expect("a search");
            let of = |(class, kind)| -> BTreeSet<u64> {
                found(&Template::of(class)).into_iter().map(|object| number(session, object, kind)).collect()
            };
            let kinds = CLASSES.map(of);
            if profile == "cloudhsm" {
                // The vendor's library is of version 2.40.
                assert!(kinds.iter().all(BTreeSet::is_empty), "{kinds:?}");
                return;
            }
            assert_eq!(kinds[0], BTreeSet::from([CKH_CLOCK]), "{profile}");
            assert_eq!(kinds[1], mechanisms(raw), "{profile}");
            let met = [
                CKP_BASELINE_PROVIDER,
                CKP_EXTENDED_PROVIDER,
                CKP_AUTHENTICATION_TOKEN,
                CKP_PUBLIC_CERTIFICATES_TOKEN,
            ];
            assert_eq!(kinds[2], BTreeSet::from(met), "{profile}");
            // Nobody has validated anything, and a token that isn't validated says so by having none.
            assert_eq!(kinds[3], BTreeSet::new(), "{profile}");

            // They're on the token, and hidden from searches that don't name their class.
            for (class, _) in &CLASSES[..3] {
                let all = found(&Template::of(*class)).len();
                assert_eq!(found(&Template::of(*class).flag(CKA_TOKEN, true)).len(), all, "{profile}");
                assert!(found(&Template::of(*class).flag(CKA_TOKEN, false)).is_empty(), "{profile}");
            }
            for template in [Template::new(), Template::new().flag(CKA_TOKEN, true)] {
                assert!(found(&template).is_empty(), "{profile}");
            }
            let one = Template::of(CKO_MECHANISM).number(CKA_MECHANISM_TYPE, CKM_AES_GCM);
            assert_eq!(found(&one).len(), 1, "{profile}");

            // Each has an id of its own, and everybody sees them.
            let all: Vec<_> = CLASSES.iter().flat_map(|(class, _)| found(&Template::of(*class))).collect();
            let ids: BTreeSet<_> =
                all.iter().map(|object| session.attribute(*object, CKA_UNIQUE_ID).expect("an id")).collect();
            assert_eq!(ids.len(), all.len(), "{profile}");
            session.logout().expect("C_Logout");
            assert_eq!(found(&Template::of(CKO_PROFILE)).len(), 4, "{profile}: without a login");
        });
    });
}

#[test]
fn nobody_makes_changes_copies_or_destroys_what_is_built_in() {
    alone(|| {
        under_each(|profile, _, session| {
            for (class, kind) in CLASSES {
                let claims = [
                    Template::of(class),
                    Template::of(class).number(kind, 1),
                    Template::of(class).flag(CKA_TOKEN, true).bytes(CKA_LABEL, "certified"),
                ];
                for claim in claims {
                    assert_eq!(session.create(&claim).map(drop), INVALID, "{profile} {class}");
                }
                let Some(object) = session.find(&Template::of(class)).expect("a search").first().copied()
                else {
                    continue;
                };
                let prohibited = Err(ReturnCode::ACTION_PROHIBITED);
                let label = Template::new().bytes(CKA_LABEL, "mine");
                assert_eq!(session.set(object, &label), prohibited, "{profile} {class}");
                assert_eq!(
                    session.set(object, &Template::new().bytes(CKA_VALUE, "2000010100000000")),
                    prohibited
                );
                assert_eq!(session.copy(object, &label).map(drop), prohibited, "{profile} {class}");
                assert_eq!(session.destroy(object), prohibited, "{profile} {class}");
                assert_eq!(session.find(&Template::of(class)).expect("a search").first(), Some(&object));
            }
            let unknown = session.create(&Template::of(CKO_OTP_KEY)).map(drop);
            assert_eq!(unknown, INVALID, "{profile}: a class that no token here has");
        });
    });
}

/// `CKA_OBJECT_VALIDATION_FLAGS` and `C_GetSessionValidationFlags`: neither keys nor operations met any validation's requirements.
#[test]
fn neither_keys_nor_operations_claim_a_validation() {
    alone(|| {
        under_each(|profile, raw, session| {
            let key = session.aes(false, "").expect("a key");
            let pair = session.p256(false, "").expect("a pair");
            let flags = |kind| {
                let mut flags = 0xa5;
                let said =
                    call!(raw.newest(), C_GetSessionValidationFlags(session.handle, kind, &raw mut flags));
                said.map(|()| flags)
            };
            let claimed = session.create(
                &Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET)
                    .bytes(CKA_VALUE, [1; 16])
                    .number(CKA_OBJECT_VALIDATION_FLAGS, 1),
            );
            if profile == "cloudhsm" {
                // It came with 3.2.
                let told = session.attribute(key, CKA_OBJECT_VALIDATION_FLAGS);
                assert_eq!(told, Err(ReturnCode::ATTRIBUTE_TYPE_INVALID));
                assert_eq!(claimed, Err(ReturnCode::TEMPLATE_INCONSISTENT));
                assert_eq!(flags(CKS_LAST_VALIDATION_OK), Err(ReturnCode::FUNCTION_NOT_SUPPORTED));
                return;
            }
            for object in [key, pair.public, pair.private] {
                assert_eq!(number(session, object, CKA_OBJECT_VALIDATION_FLAGS), 0, "{profile}");
            }
            assert_eq!(claimed, Err(ReturnCode::ATTRIBUTE_READ_ONLY), "{profile}");
            let set = session.set(key, &Template::new().number(CKA_OBJECT_VALIDATION_FLAGS, 1));
            assert_eq!(set, Err(ReturnCode::ATTRIBUTE_READ_ONLY), "{profile}");
            session.ecdsa(pair.private, &[1; 32]).expect("C_Sign");
            assert_eq!(flags(CKS_LAST_VALIDATION_OK), Ok(0), "{profile}");
            assert_eq!(flags(2), Err(ReturnCode::ARGUMENTS_BAD), "{profile}");
        });
    });
}

/// Trust objects are anybody's to keep, and say which certificate they're about before they trust it, later too.
#[test]
fn no_trust_is_set_without_the_certificate_that_it_is_for() {
    alone(|| {
        under_each(|profile, _, session| {
            let trust =
                || Template::of(CKO_TRUST).bytes(CKA_ISSUER, "issuer").bytes(CKA_SERIAL_NUMBER, [2, 1, 1]);
            let about = |template: Template| {
                template.bytes(CKA_HASH_OF_CERTIFICATE, [7; 32]).number(CKA_NAME_HASH_ALGORITHM, CKM_SHA256)
            };
            let trusts = |value: u32| Template::new().number(CKA_TRUST_SERVER_AUTH, value.into());
            if profile == "cloudhsm" {
                assert_eq!(session.create(&trust()).map(drop), INVALID);
                return;
            }
            let incomplete = Err(ReturnCode::TEMPLATE_INCOMPLETE);
            assert_eq!(session.create(&Template::of(CKO_TRUST)), incomplete, "{profile}");
            assert_eq!(session.create(&trust().and(&trusts(CKT_TRUSTED))), incomplete, "{profile}");
            let empty =
                trust().bytes(CKA_HASH_OF_CERTIFICATE, []).number(CKA_NAME_HASH_ALGORITHM, CKM_SHA256);
            assert_eq!(session.create(&empty.and(&trusts(CKT_TRUST_ANCHOR))), incomplete, "{profile}");
            assert_eq!(session.create(&about(trust()).and(&trusts(9))).map(drop), INVALID, "{profile}");

            let nameless = session.create(&trust().and(&trusts(CKT_NOT_TRUSTED))).expect("a trust object");
            for (value, code) in [
                (CKT_TRUSTED, ReturnCode::TEMPLATE_INCONSISTENT),
                (CKT_TRUST_MUST_VERIFY_TRUST, ReturnCode::TEMPLATE_INCONSISTENT),
                (9, ReturnCode::ATTRIBUTE_VALUE_INVALID),
                (CKT_TRUST_UNKNOWN, ReturnCode::OK),
            ] {
                let set = session.set(nameless, &trusts(value)).err().unwrap_or(ReturnCode::OK);
                assert_eq!(set, code, "{profile} {value}");
                let copied = session.copy(nameless, &trusts(value)).err().unwrap_or(ReturnCode::OK);
                assert_eq!(copied, code, "{profile} {value}");
            }
            let named = session.create(&about(trust())).expect("a trust object");
            assert_eq!(
                number(session, named, CKA_TRUST_OCSP_SIGNING),
                u64::from(CKT_TRUST_UNKNOWN),
                "{profile}"
            );
            assert_eq!(session.set(named, &trusts(CKT_TRUST_ANCHOR)), Ok(()), "{profile}");
            assert_eq!(
                number(session, named, CKA_TRUST_SERVER_AUTH),
                u64::from(CKT_TRUST_ANCHOR),
                "{profile}"
            );
            let found = session.find(&trust().flag(CKA_TOKEN, false)).expect("a search");
            assert_eq!(found.len(), 3, "{profile}: with the copy");
            assert_eq!(session.destroy(named), Ok(()), "{profile}");
        });
    });
}
