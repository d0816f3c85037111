//! What keys may be made to do, through the module and by the command line: trust, templates of wrapping keys, what can't be taken
//! back, check values (cloudhsm.md 4.2 to 4.5; items 50, 54 to 59 and 63).

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::conversation::Conversation;
use strongroom_tests::raw::{Mechanism, Raw, Rv, Session, Template};
use strongroom_tests::workbench::hex;

const PROFILES: [&str; 3] = ["standard", "strict", "cloudhsm"];

fn cluster(profile: &str) -> Cluster {
    let people = Cluster::builder().officer_password("officers-secret").crypto_user("alice", "alices-secret");
    people.profile(profile).start()
}

fn officer(cluster: &Cluster) -> Conversation {
    Conversation::of(cluster, cluster.folder(), "admin", "admin", "officers-secret")
}

fn alice(cluster: &Cluster) -> Conversation {
    Conversation::of(cluster, cluster.folder(), "crypto-user", "alice", "alices-secret")
}

fn kwp() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP_KWP)
}

/// A template in a template.
fn holding(template: Template, attribute: CK_ATTRIBUTE_TYPE, inner: &Template) -> Template {
    let raw = inner.raw();
    // SAFETY: a `CK_ATTRIBUTE` is plain data.
    let bytes = unsafe { std::slice::from_raw_parts(raw.as_ptr().cast::<u8>(), size_of_val(raw.as_slice())) };
    template.bytes(attribute, bytes)
}

/// A wrapping key with more attributes.
fn kek(session: &Session<'_>, more: impl FnOnce(Template) -> Template) -> CK_OBJECT_HANDLE {
    let template = Template::new().number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP, CKA_UNWRAP, CKA_SENSITIVE]);
    session.generate(CKM_AES_KEY_GEN, &more(template)).expect("a wrapping key")
}

/// A key that may be wrapped, with more attributes.
fn key(session: &Session<'_>, more: impl FnOnce(Template) -> Template) -> CK_OBJECT_HANDLE {
    let template =
        Template::new().number(CKA_VALUE_LEN, 16).may(&[CKA_ENCRYPT, CKA_SENSITIVE, CKA_EXTRACTABLE]);
    session.generate(CKM_AES_KEY_GEN, &more(template)).expect("a key")
}

fn flag(session: &Session<'_>, key: CK_OBJECT_HANDLE, attribute: CK_ATTRIBUTE_TYPE) -> bool {
    session.attribute(key, attribute).expect("a flag") == [1]
}

/// Item 56: what an unwrapping key imposes is joined with the caller's template; what contradicts it is refused.
#[test]
fn an_unwrap_template_is_joined_with_the_callers() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let imposed = Template::new()
                .flag(CKA_EXTRACTABLE, false)
                .flag(CKA_DECRYPT, true)
                .bytes(CKA_LABEL, "imposed");
            let kek = kek(&session, |template| holding(template, CKA_UNWRAP_TEMPLATE, &imposed));
            let wrapped = session.wrap(&kwp(), kek, key(&session, |template| template)).expect("C_WrapKey");
            let unwrap = |more: fn(Template) -> Template| {
                let template = Template::key(CKO_SECRET_KEY, CKK_AES).may(&[CKA_SENSITIVE]);
                session.unwrap(&kwp(), kek, &wrapped, &more(template))
            };
            // What is missing is filled in; what agrees may be said; what else the caller says holds as well.
            let agreeing: [fn(Template) -> Template; 3] = [
                |template| template,
                |template| template.flag(CKA_EXTRACTABLE, false).bytes(CKA_LABEL, "imposed"),
                |template| template.flag(CKA_ENCRYPT, true).bytes(CKA_ID, b"own"),
            ];
            for (number, more) in agreeing.into_iter().enumerate() {
                let made = unwrap(more).unwrap_or_else(|code| panic!("{profile}, {number}: {code}"));
                assert!(
                    !flag(&session, made, CKA_EXTRACTABLE) && flag(&session, made, CKA_DECRYPT),
                    "{profile}"
                );
                assert_eq!(
                    session.attribute(made, CKA_LABEL),
                    Ok(b"imposed".to_vec()),
                    "{profile}, {number}"
                );
                assert_eq!(
                    flag(&session, made, CKA_ENCRYPT),
                    number == 2 || profile == "standard",
                    "{profile}"
                );
            }
            let contradicting: [fn(Template) -> Template; 3] = [
                |template| template.flag(CKA_EXTRACTABLE, true),
                |template| template.flag(CKA_DECRYPT, false),
                |template| template.bytes(CKA_LABEL, "other"),
            ];
            let count = session.find(&Template::of(CKO_SECRET_KEY)).expect("a search").len();
            for more in contradicting {
                assert_eq!(unwrap(more), Err(ReturnCode::TEMPLATE_INCONSISTENT), "{profile}");
            }
            assert_eq!(session.find(&Template::of(CKO_SECRET_KEY)).expect("a search").len(), count);
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Item 57: only keys that are as the wrapping key's template says are wrapped by it.
#[test]
fn a_wrap_template_says_what_may_be_wrapped() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let wanted = Template::new()
                .number(CKA_KEY_TYPE, CKK_AES)
                .flag(CKA_ENCRYPT, true)
                .bytes(CKA_LABEL, "payment");
            let kek = kek(&session, |template| holding(template, CKA_WRAP_TEMPLATE, &wanted));
            let wrap = |key| session.wrap(&kwp(), kek, key).map(drop);
            let fits = key(&session, |template| template.bytes(CKA_LABEL, "payment"));
            assert_eq!(wrap(fits), Ok(()), "{profile}");
            let others = [
                ("another label", key(&session, |template| template.bytes(CKA_LABEL, "payments"))),
                ("no label", key(&session, |template| template)),
                ("a generic secret", {
                    let template = Template::new().number(CKA_VALUE_LEN, 32).bytes(CKA_LABEL, "payment");
                    let template = template.may(&[CKA_SIGN, CKA_EXTRACTABLE]);
                    session.generate(CKM_GENERIC_SECRET_KEY_GEN, &template).expect("a key")
                }),
                ("a key that doesn't encrypt", {
                    let template =
                        Template::new().number(CKA_VALUE_LEN, 16).may(&[CKA_DECRYPT, CKA_EXTRACTABLE]);
                    let template = template.flag(CKA_ENCRYPT, false).bytes(CKA_LABEL, "payment");
                    session.generate(CKM_AES_KEY_GEN, &template).expect("a key")
                }),
            ];
            for (what, key) in others {
                let refused = wrap(key).expect_err(what);
                let codes = [
                    ReturnCode::KEY_HANDLE_INVALID,
                    ReturnCode::KEY_NOT_WRAPPABLE,
                    ReturnCode::TEMPLATE_INCONSISTENT,
                ];
                assert!(codes.contains(&refused), "{profile}: {what}: {refused}");
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Items 54 and 55: only an officer says whom to trust, and who asks for trust gets it for good.
#[test]
fn trust_is_the_officers_and_asked_for_for_good() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let wrapping = kek(&session, |template| template.flag(CKA_TOKEN, true).bytes(CKA_LABEL, "kek"));
            let guarded = key(&session, |template| template.flag(CKA_WRAP_WITH_TRUSTED, true));
            let wrap = || session.wrap(&kwp(), wrapping, guarded).map(drop);
            assert_eq!(wrap(), Err(ReturnCode::KEY_NOT_WRAPPABLE), "{profile}");
            // Not by the owner: neither when the key is made nor later, neither here nor by the command.
            let trusted = || Template::new().flag(CKA_TRUSTED, true);
            let generated = trusted().number(CKA_VALUE_LEN, 32).may(&[CKA_WRAP]);
            assert!(session.generate(CKM_AES_KEY_GEN, &generated).is_err(), "{profile}");
            assert!(
                session.set(wrapping, &trusted()).is_err() && session.copy(wrapping, &trusted()).is_err()
            );
            let mut owner = alice(&cluster);
            owner.fails("key set-attribute --filter attr.label=kek --name trusted --value true");
            assert_eq!(wrap(), Err(ReturnCode::KEY_NOT_WRAPPABLE), "{profile}");
            let mut officer = officer(&cluster);
            officer.must("key set-attribute --filter attr.label=kek --name trusted --value true");
            assert_eq!(wrap(), Ok(()), "{profile}");
            owner.fails("key set-attribute --filter attr.label=kek --name trusted --value false");
            let less = Template::new().flag(CKA_WRAP_WITH_TRUSTED, false);
            assert!(session.set(guarded, &less).is_err(), "{profile}");
            assert!(session.copy(guarded, &less).is_err(), "{profile}");
            officer.must("key set-attribute --filter attr.label=kek --name trusted --value false");
            assert_eq!(wrap(), Err(ReturnCode::KEY_NOT_WRAPPABLE), "{profile}: trust that was taken back");
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Items 58 and 59: what may not leave doesn't, what may not be destroyed isn't, and nobody says what was.
#[test]
fn what_may_not_leave_or_be_destroyed_stays() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let wrapping = kek(&session, |template| template);
            let template =
                Template::new().number(CKA_VALUE_LEN, 16).placed(true, "kept").may(&[CKA_SENSITIVE]);
            let template = template.flag(CKA_EXTRACTABLE, false).flag(CKA_DESTROYABLE, false);
            let kept = session.generate(CKM_AES_KEY_GEN, &template).expect("a key");
            assert!(
                flag(&session, kept, CKA_NEVER_EXTRACTABLE) && flag(&session, kept, CKA_ALWAYS_SENSITIVE)
            );
            assert_eq!(session.wrap(&kwp(), wrapping, kept), Err(ReturnCode::KEY_UNEXTRACTABLE), "{profile}");
            for (attribute, value) in [
                (CKA_EXTRACTABLE, true),
                (CKA_SENSITIVE, false),
                (CKA_DESTROYABLE, true),
                (CKA_NEVER_EXTRACTABLE, false),
                (CKA_ALWAYS_SENSITIVE, false),
                (CKA_LOCAL, false),
            ] {
                let change = Template::new().flag(attribute, value);
                assert!(session.set(kept, &change).is_err(), "{profile}: {attribute:#x}");
                if let Ok(copy) = session.copy(kept, &change) {
                    panic!("{profile}: a copy {copy:#x} differs in {attribute:#x}");
                }
                let new = change.number(CKA_VALUE_LEN, 16);
                let never = [CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_LOCAL].contains(&attribute);
                assert_eq!(
                    session.generate(CKM_AES_KEY_GEN, &new).is_err(),
                    never,
                    "{profile}: {attribute:#x}"
                );
            }
            assert_eq!(session.destroy(kept), Err(ReturnCode::ACTION_PROHIBITED), "{profile}");
            let mut owner = alice(&cluster);
            owner.fails("key delete --filter attr.label=kept");
            for words in
                ["extractable --value true", "never-extractable --value false", "destroyable --value true"]
            {
                owner.fails(&format!("key set-attribute --filter attr.label=kept --name {words}"));
            }
            assert_eq!(session.find(&Template::new().bytes(CKA_LABEL, "kept")), Ok(vec![kept]), "{profile}");
            // What was in the clear once isn't always sensitive; what could leave could leave.
            let open = session.generate(
                CKM_AES_KEY_GEN,
                &Template::new()
                    .number(CKA_VALUE_LEN, 16)
                    .flag(CKA_SENSITIVE, profile == "strict")
                    .may(&[CKA_EXTRACTABLE]),
            );
            let open = open.expect("a key");
            assert_eq!(flag(&session, open, CKA_ALWAYS_SENSITIVE), profile == "strict");
            assert!(!flag(&session, open, CKA_NEVER_EXTRACTABLE));
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Item 63: the first bytes of a block of zeros encrypted, and of the SHA-1 of a public key; both halves of a pair have the same.
#[test]
fn check_values_are_the_vendors() {
    alone(|| {
        for profile in ["standard", "cloudhsm"] {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let session = raw.logged_in(&cluster);
            let template = Template::new().placed(true, "checked");
            let create =
                Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [0x2b; 32]).may(&[CKA_ENCRYPT]);
            for key in [
                key(&session, |template| template.placed(true, "checked")),
                session.create(&create).expect("a key"),
            ] {
                session.encrypt_init(&Mechanism::plain(CKM_AES_ECB), key).expect("C_EncryptInit");
                let block = session.encrypt(&[0; 16]).expect("C_Encrypt");
                assert_eq!(session.attribute(key, CKA_CHECK_VALUE), Ok(block[..3].to_vec()), "{profile}");
            }
            let listed =
                alice(&cluster).must("key list --verbose --filter attr.label=checked attr.class=secret-key");
            let own = session.find(&template).expect("a search")[0];
            let value = session.attribute(own, CKA_CHECK_VALUE).expect("a check value");
            assert_eq!(listed["matched_keys"][0]["attributes"]["check-value"], format!("0x{}", hex(&value)));

            let made = alice(&cluster).must(
                "key generate-asymmetric-pair rsa --public-label r --private-label r --modulus-size-bits 2048 --public-exponent 65537",
            );
            // The vendor keeps a public exponent in as many bytes as the modulus (cloudhsm.md 4.4).
            let len = if profile == "cloudhsm" { 512 } else { 256 };
            assert_eq!(made["public_key"]["attributes"]["key-length-bytes"], len, "{profile}");

            let pair = session.p256(false, "pair").expect("a pair");
            let [public, private] =
                [pair.public, pair.private].map(|half| session.attribute(half, CKA_CHECK_VALUE));
            assert_eq!(public.expect("a check value").len(), 3);
            assert_eq!(session.attribute(pair.public, CKA_CHECK_VALUE), private, "{profile}");
            let secret = Template::new().number(CKA_VALUE_LEN, 32);
            let secret = session.generate(CKM_GENERIC_SECRET_KEY_GEN, &secret).expect("a key");
            if profile == "cloudhsm" {
                assert_eq!(
                    session.attribute(secret, CKA_CHECK_VALUE),
                    Err(ReturnCode::ATTRIBUTE_TYPE_INVALID)
                );
            }
            raw.finalize().expect("C_Finalize");
        }
    });
}

/// Item 50: a session key is every session's of its program, until the one that made it ends.
#[test]
fn session_keys_are_their_programs_and_end_with_their_session() {
    alone(|| {
        for profile in PROFILES {
            let cluster = cluster(profile);
            let raw = Raw::start(&cluster);
            let first = raw.logged_in(&cluster);
            let second = raw.open().expect("C_OpenSession");
            let pair = first.p256(false, "ours").expect("a pair");
            second.ecdsa(pair.private, &[1; 32]).expect("a signature");
            assert_eq!(
                second.find(&Template::new().bytes(CKA_LABEL, "ours")).map(|found| found.len()),
                Ok(2)
            );
            let gone: Rv<()> = Err(ReturnCode::KEY_HANDLE_INVALID);
            first.close().expect("C_CloseSession");
            assert_eq!(second.ecdsa(pair.private, &[1; 32]).map(drop), gone, "{profile}");
            assert_eq!(second.find(&Template::new().bytes(CKA_LABEL, "ours")), Ok(vec![]));
            let pair = second.p256(false, "ours").expect("a pair");
            second.logout().expect("C_Logout");
            second.login(cluster.pin_of("alice")).expect("alice's login");
            assert_eq!(second.ecdsa(pair.private, &[1; 32]).map(drop), gone, "{profile}: after a logout");
            let pair = second.p256(false, "ours").expect("a pair");
            raw.finalize().expect("C_Finalize");
            raw.initialize().expect("C_Initialize");
            let again = raw.logged_in(&cluster);
            assert_eq!(again.ecdsa(pair.private, &[1; 32]).map(drop), gone, "{profile}: after C_Finalize");
            raw.finalize().expect("C_Finalize");
        }
    });
}
