//! `cryptoki`, a client from crates.io, and what it uses of the newer interfaces: messages, signatures that are given
//! first, Edwards and Montgomery curves, ML-DSA, ML-KEM, HKDF.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::aead::{GcmMessageParams, GcmParams, GeneratorFunction};
use cryptoki::mechanism::dsa::{HedgeType, SignAdditionalContext};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::hkdf::{HkdfParams, HkdfSalt};
use cryptoki::mechanism::{Mechanism, MechanismType, MessageParam};
use cryptoki::object::{
    Attribute, AttributeInfo, AttributeType, KeyType, MlDsaParameterSetType, MlKemParameterSetType,
    ObjectClass, ObjectHandle,
};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::P256;

/// RFC 8410.
const ED25519: [u8; 5] = [6, 3, 0x2b, 101, 112];
const ED448: [u8; 5] = [6, 3, 0x2b, 101, 113];
const X25519: [u8; 5] = [6, 3, 0x2b, 101, 110];

/// Plays a part with a session in which the crypto user is logged in.
fn with_session(part: impl FnOnce(&Pkcs11, &Session)) {
    let cluster = Cluster::start();
    cluster.configure_this_process();
    let module = Pkcs11::new(cluster.module()).expect("the module loads");
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).expect("C_Initialize");
    let slot = module.get_slots_with_token().expect("C_GetSlotList")[0];
    {
        let session = module.open_rw_session(slot).expect("C_OpenSession");
        session.login(UserType::User, Some(&AuthPin::new(cluster.pin().into()))).expect("C_Login");
        part(&module, &session);
        session.logout().expect("C_Logout");
    }
    module.finalize().expect("C_Finalize");
}

#[test]
fn it_sees_the_newest_interface_and_the_token() {
    alone(|| {
        with_session(|module, session| {
            let info = module.get_library_info().expect("C_GetInfo");
            assert_eq!((info.cryptoki_version().major(), info.cryptoki_version().minor()), (3, 2));
            for function in [
                Function::SessionCancel,
                Function::MessageEncryptInit,
                Function::EncapsulateKey,
                Function::VerifySignatureInit,
                Function::GetSessionValidationFlags,
            ] {
                assert!(module.is_fn_supported(function), "{function}");
            }
            let slot = module.get_slots_with_initialized_token().expect("C_GetSlotList")[0];
            assert!(module.get_token_info(slot).expect("C_GetTokenInfo").token_initialized());
            let mechanisms = module.get_mechanism_list(slot).expect("C_GetMechanismList");
            assert!(mechanisms.contains(&MechanismType::AES_GCM), "{mechanisms:?}");
            let info = module.get_mechanism_info(slot, MechanismType::ECDSA).expect("C_GetMechanismInfo");
            assert!(info.sign() && info.verify() && !info.encrypt());
            assert!(session.get_session_info().expect("C_GetSessionInfo").read_write());
            assert_eq!(session.generate_random_vec(33).expect("C_GenerateRandom").len(), 33);
        });
    });
}

#[test]
fn it_finds_reads_and_changes_objects() {
    alone(|| {
        with_session(|_, session| {
            let template = |label: u8| {
                [
                    Attribute::Token(true),
                    Attribute::ValueLen(32.into()),
                    Attribute::Label(vec![b'k', label]),
                    Attribute::Encrypt(true),
                ]
            };
            let keys: Vec<ObjectHandle> = (0..12)
                .map(|at| session.generate_key(&Mechanism::AesKeyGen, &template(at)).expect("C_GenerateKey"))
                .collect();
            let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Token(true)];
            let mut found = session.find_objects(&wanted).expect("C_FindObjects");
            found.sort_by_key(|handle| handle.handle());
            assert_eq!(found, keys);
            let one = session.find_objects(&[Attribute::Label(b"k\x03".to_vec())]).expect("C_FindObjects");
            assert_eq!(one, [keys[3]]);

            let asked = [AttributeType::Label, AttributeType::Sensitive, AttributeType::KeyType];
            let read = session.get_attributes(keys[0], &asked).expect("C_GetAttributeValue");
            assert!(read.contains(&Attribute::KeyType(KeyType::AES)), "{read:?}");
            let info = session.get_attribute_info(keys[0], &[AttributeType::Value]).expect("sizes");
            assert!(matches!(info[..], [AttributeInfo::Sensitive]), "{info:?}");
            session
                .update_attributes(keys[0], &[Attribute::Label(b"new".to_vec())])
                .expect("C_SetAttributeValue");
            let copy = session.copy_object(keys[0], &[Attribute::Token(false)]).expect("C_CopyObject");
            let read = session.get_attributes(copy, &[AttributeType::Label]).expect("C_GetAttributeValue");
            assert_eq!(read, [Attribute::Label(b"new".to_vec())]);
            for key in keys {
                session.destroy_object(key).expect("C_DestroyObject");
            }
            assert_eq!(session.find_objects(&wanted).expect("C_FindObjects"), []);
        });
    });
}

#[test]
fn it_signs_whole_and_in_parts() {
    alone(|| {
        with_session(|_, session| {
            let (public, private) =
                pair(session, &Mechanism::EccKeyPairGen, Attribute::EcParams(P256.to_vec()));
            let signature = session.sign(&Mechanism::EcdsaSha256, private, b"message").expect("C_Sign");
            session.verify(&Mechanism::EcdsaSha256, public, b"message", &signature).expect("C_Verify");
            let refused = session.verify(&Mechanism::EcdsaSha256, public, b"another", &signature);
            assert!(
                matches!(refused, Err(Error::Pkcs11(RvError::SignatureInvalid, Function::Verify))),
                "{refused:?}"
            );
            session.sign_init(&Mechanism::EcdsaSha256, private).expect("C_SignInit");
            session.sign_update(b"mess").expect("C_SignUpdate");
            session.sign_update(b"age").expect("C_SignUpdate");
            let signature = session.sign_final().expect("C_SignFinal");
            session.verify_signature_init(&Mechanism::EcdsaSha256, public, &signature).expect("init");
            session.verify_signature_update(b"mess").expect("C_VerifySignatureUpdate");
            session.verify_signature_update(b"age").expect("C_VerifySignatureUpdate");
            session.verify_signature_final().expect("C_VerifySignatureFinal");
        });
    });
}

#[test]
fn it_encrypts_by_messages() {
    alone(|| {
        with_session(|_, session| {
            let template =
                [Attribute::ValueLen(32.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)];
            let key = session.generate_key(&Mechanism::AesKeyGen, &template).expect("C_GenerateKey");
            // Each message has its own initialisation vector, made by the module.
            let mut made = Vec::new();
            for at in 0..3_u8 {
                let (mut iv, mut tag) = ([0; 12], [0; 16]);
                let params =
                    GcmMessageParams::new(&mut iv, 0.into(), GeneratorFunction::GenerateRandom, &mut tag)
                        .expect("parameters");
                if at == 0 {
                    session.message_encrypt_init(&Mechanism::AesGcmMessage(params), key).expect("init");
                }
                let encrypted = session
                    .encrypt_message(&MessageParam::AesGcmMessage(params), &[at], &[at; 40])
                    .expect("C_EncryptMessage");
                made.push((iv, tag, encrypted));
            }
            session.message_encrypt_final().expect("C_MessageEncryptFinal");
            assert!(made[0].0 != made[1].0 && made[0].0 != [0; 12], "{made:?}");

            for (at, (iv, tag, encrypted)) in (0_u8..).zip(&mut made) {
                let mut copied = *iv;
                // As one-shot GCM has it: the tag behind the ciphertext.
                let joined = [encrypted.as_slice(), tag].concat();
                let aad = [at];
                let params = GcmParams::new(&mut copied, &aad, 128.into()).expect("parameters");
                let plain = session.decrypt(&Mechanism::AesGcm(params), key, &joined).expect("C_Decrypt");
                assert_eq!(plain, [at; 40]);
                let params = GcmMessageParams::new(iv, 0.into(), GeneratorFunction::NoGenerate, tag)
                    .expect("parameters");
                if at == 0 {
                    session.message_decrypt_init(&Mechanism::AesGcmMessage(params), key).expect("init");
                }
                let plain = session
                    .decrypt_message(&MessageParam::AesGcmMessage(params), &[at], encrypted)
                    .expect("C_DecryptMessage");
                assert_eq!(plain, [at; 40]);
                let wrong =
                    session.decrypt_message(&MessageParam::AesGcmMessage(params), b"other", encrypted);
                assert!(matches!(wrong, Err(Error::Pkcs11(_, Function::DecryptMessage))), "{wrong:?}");
            }
            session.message_decrypt_final().expect("C_MessageDecryptFinal");
        });
    });
}

#[test]
fn it_signs_on_edwards_curves() {
    alone(|| {
        with_session(|_, session| {
            let curves = [
                (
                    ED25519,
                    vec![
                        EddsaSignatureScheme::Pure,
                        EddsaSignatureScheme::Ed25519ctx(b"context"),
                        EddsaSignatureScheme::Ed25519ph(b"context"),
                    ],
                ),
                (
                    ED448,
                    vec![EddsaSignatureScheme::Ed448(b"context"), EddsaSignatureScheme::Ed448ph(b"context")],
                ),
            ];
            for (params, schemes) in curves {
                let curve = Attribute::EcParams(params.to_vec());
                let (public, private) = pair(session, &Mechanism::EccEdwardsKeyPairGen, curve);
                for scheme in schemes {
                    let mechanism = Mechanism::Eddsa(EddsaParams::new(scheme));
                    let signature = session.sign(&mechanism, private, b"message").expect("C_Sign");
                    session.verify(&mechanism, public, b"message", &signature).expect("C_Verify");
                    assert!(session.verify(&mechanism, public, b"massage", &signature).is_err());
                }
            }
        });
    });
}

#[test]
fn it_agrees_on_secrets_and_derives_from_them() {
    alone(|| {
        with_session(|_, session| {
            let curve = || Attribute::EcParams(X25519.to_vec());
            let generate = || {
                let private = [Attribute::Derive(true)];
                session
                    .generate_key_pair(&Mechanism::EccMontgomeryKeyPairGen, &[curve()], &private)
                    .expect("C_GenerateKeyPair")
            };
            let (mine, yours) = (generate(), generate());
            let secret = |private: ObjectHandle, other: ObjectHandle| {
                let read = session.get_attributes(other, &[AttributeType::EcPoint]).expect("the point");
                let [Attribute::EcPoint(point)] = &read[..] else { panic!("{read:?}") };
                let params = Ecdh1DeriveParams::new(EcKdf::null(), &point[2..]);
                let template = [
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::GENERIC_SECRET),
                    Attribute::ValueLen(32.into()),
                    Attribute::Derive(true),
                    Attribute::Sensitive(false),
                    Attribute::Extractable(true),
                ];
                session.derive_key(&Mechanism::Ecdh1Derive(params), private, &template).expect("C_DeriveKey")
            };
            let (one, other) = (secret(mine.1, yours.0), secret(yours.1, mine.0));
            assert_eq!(value(session, one), value(session, other));

            let expanded = |base: ObjectHandle, info: &[u8]| {
                let params =
                    HkdfParams::new(MechanismType::SHA256, Some(HkdfSalt::Data(b"salt")), Some(info));
                let template = [
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::GENERIC_SECRET),
                    Attribute::ValueLen(48.into()),
                    Attribute::Sensitive(false),
                    Attribute::Extractable(true),
                ];
                let key = session.derive_key(&Mechanism::HkdfDerive(params), base, &template);
                value(session, key.expect("C_DeriveKey"))
            };
            assert_eq!(expanded(one, b"info"), expanded(other, b"info"));
            assert_ne!(expanded(one, b"info"), expanded(one, b"more"));
        });
    });
}

#[test]
fn it_signs_by_ml_dsa() {
    alone(|| {
        with_session(|_, session| {
            for set in [
                MlDsaParameterSetType::ML_DSA_44,
                MlDsaParameterSetType::ML_DSA_65,
                MlDsaParameterSetType::ML_DSA_87,
            ] {
                let (public, private) =
                    pair(session, &Mechanism::MlDsaKeyPairGen, Attribute::ParameterSet(set.into()));
                let hedged = Mechanism::MlDsa(SignAdditionalContext::new(HedgeType::Preferred, None));
                let signature = session.sign(&hedged, private, b"message").expect("C_Sign");
                session.verify_signature_init(&hedged, public, &signature).expect("C_VerifySignatureInit");
                session.verify_signature(b"message").expect("C_VerifySignature");

                let context = SignAdditionalContext::new(HedgeType::DeterministicRequired, Some(b"context"));
                let fixed = Mechanism::MlDsa(context);
                let first = session.sign(&fixed, private, b"message").expect("C_Sign");
                assert_eq!(session.sign(&fixed, private, b"message").expect("C_Sign"), first);
                session.verify(&fixed, public, b"message", &first).expect("C_Verify");
                let wrong = session.verify(&hedged, public, b"message", &first);
                assert!(matches!(wrong, Err(Error::Pkcs11(RvError::SignatureInvalid, _))), "{wrong:?}");

                let hashed =
                    Mechanism::HashMlDsaSha256(SignAdditionalContext::new(HedgeType::Preferred, None));
                let signature = session.sign(&hashed, private, b"message").expect("C_Sign");
                session.verify(&hashed, public, b"message", &signature).expect("C_Verify");
            }
        });
    });
}

#[test]
fn it_encapsulates_by_ml_kem() {
    alone(|| {
        with_session(|_, session| {
            for set in [
                MlKemParameterSetType::ML_KEM_512,
                MlKemParameterSetType::ML_KEM_768,
                MlKemParameterSetType::ML_KEM_1024,
            ] {
                let public = [Attribute::ParameterSet(set.into()), Attribute::Encapsulate(true)];
                let private = [Attribute::Decapsulate(true)];
                let (public, private) = session
                    .generate_key_pair(&Mechanism::MlKemKeyPairGen, &public, &private)
                    .expect("C_GenerateKeyPair");
                let template = [
                    Attribute::Class(ObjectClass::SECRET_KEY),
                    Attribute::KeyType(KeyType::AES),
                    Attribute::ValueLen(32.into()),
                    Attribute::Sensitive(false),
                    Attribute::Extractable(true),
                    Attribute::Encrypt(true),
                    Attribute::Decrypt(true),
                ];
                let (ciphertext, secret) =
                    session.encapsulate_key(&Mechanism::MlKem, public, &template).expect("C_EncapsulateKey");
                let same = session
                    .decapsulate_key(&Mechanism::MlKem, private, &template, &ciphertext)
                    .expect("C_DecapsulateKey");
                assert_eq!(value(session, secret), value(session, same));
                assert_eq!(value(session, secret).len(), 32);
            }
        });
    });
}

/// A key pair that signs.
fn pair(session: &Session, mechanism: &Mechanism<'_>, parameters: Attribute) -> (ObjectHandle, ObjectHandle) {
    let public = [parameters, Attribute::Verify(true)];
    session.generate_key_pair(mechanism, &public, &[Attribute::Sign(true)]).expect("C_GenerateKeyPair")
}

/// The bytes of a key that shows them.
fn value(session: &Session, key: ObjectHandle) -> Vec<u8> {
    let read = session.get_attributes(key, &[AttributeType::Value]).expect("C_GetAttributeValue");
    let [Attribute::Value(value)] = &read[..] else { panic!("{read:?}") };
    value.clone()
}
