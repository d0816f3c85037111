//! Keys whose private bytes the test knows, imported and used.

use cryptoki_sys::*;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, RsaPrivateKey};
use strongroom_model::ReturnCode;
use strongroom_tests::raw::{Mechanism, P256, Session, Template};

use crate::scan::Secrets;

/// Keys made here.
pub(crate) struct KnownKeys {
    aes: [u8; 32],
    generic: [u8; 40],
    ec: [u8; 32],
    rsa: RsaPrivateKey,
}

impl KnownKeys {
    pub(crate) fn new() -> Self {
        let mut generic = [0; 40];
        generic[..32].copy_from_slice(&rand::random::<[u8; 32]>());
        generic[32..].copy_from_slice(&rand::random::<[u8; 8]>());
        let mut ec: [u8; 32] = rand::random();
        // Below the curve's order.
        ec[0] &= 0x7f;
        Self {
            aes: rand::random(),
            generic,
            ec,
            rsa: RsaPrivateKey::new(&mut rand::rng(), 2048).expect("a key"),
        }
    }

    /// What nobody else may have.
    pub(crate) fn add_to(&self, secrets: &mut Secrets) {
        secrets.add("the AES key", &self.aes);
        secrets.add("the generic secret", &self.generic);
        secrets.add("the EC key's scalar", &self.ec);
        let names = ["d", "p", "q", "d mod p-1", "d mod q-1", "q^-1 mod p"];
        for (name, part) in names.iter().zip(self.rsa_parts()) {
            secrets.add(&format!("the RSA key's {name}"), &part);
        }
    }

    /// Private exponent, primes, exponents and coefficient.
    fn rsa_parts(&self) -> [Vec<u8>; 6] {
        let [p, q] = self.rsa.primes() else { panic!("two primes") };
        let [dp, dq] = [self.rsa.dp(), self.rsa.dq()].map(|exponent| exponent.expect("computed"));
        let inverse = self.rsa.crt_coefficient().expect("computed");
        [self.rsa.d(), p, q, dp, dq, &inverse].map(bytes)
    }

    /// Imports all keys, as token objects or session objects.
    pub(crate) fn import(&self, session: Session<'_>, token: bool) -> Vec<CK_OBJECT_HANDLE> {
        let secret = |kind| Template::key(CKO_SECRET_KEY, kind).placed(token, "known").may(&[CKA_PRIVATE]);
        let aes = secret(CKK_AES).bytes(CKA_VALUE, self.aes);
        let aes = aes.may(&[CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_EXTRACTABLE]);
        let generic = secret(CKK_GENERIC_SECRET).bytes(CKA_VALUE, self.generic);
        let generic = generic.may(&[CKA_SIGN, CKA_VERIFY, CKA_EXTRACTABLE]).flag(CKA_SENSITIVE, false);
        let private = |kind| Template::key(CKO_PRIVATE_KEY, kind).placed(token, "known").may(&[CKA_PRIVATE]);
        let ec = private(CKK_EC).bytes(CKA_EC_PARAMS, P256).bytes(CKA_VALUE, self.ec);
        let ec = ec.may(&[CKA_SIGN, CKA_DERIVE, CKA_EXTRACTABLE]);
        let rsa = private(CKK_RSA).bytes(CKA_MODULUS, self.rsa.n_bytes());
        let rsa = rsa.bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]).may(&[CKA_SIGN, CKA_DECRYPT, CKA_EXTRACTABLE]);
        let kinds =
            [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];
        let rsa = kinds.iter().zip(self.rsa_parts()).fold(rsa, |rsa, (kind, part)| rsa.bytes(*kind, part));
        [aes, generic, ec, rsa].iter().map(|key| session.create(key).expect("C_CreateObject")).collect()
    }

    /// Does with imported keys all that there is to do, right and wrong.
    pub(crate) fn use_all(&self, session: Session<'_>, keys: &[CK_OBJECT_HANDLE]) {
        let [aes, generic, ec, rsa] = *keys else { panic!("four keys") };
        encipher(session, aes);
        for (mechanism, key) in [(CKM_ECDSA, ec), (CKM_SHA256_RSA_PKCS, rsa), (CKM_SHA256_HMAC, generic)] {
            session.sign_init(&Mechanism::plain(mechanism), key).expect("C_SignInit");
            session.sign(&[1; 32]).expect("C_Sign");
        }
        session.decrypt_init(&Mechanism::oaep(), rsa).expect("C_DecryptInit");
        assert!(session.decrypt(&[1; 256]).is_err());
        session.decrypt_init(&Mechanism::gcm(&[1; 12], b"", 128), aes).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&[1; 64]).unwrap_err(), ReturnCode::ENCRYPTED_DATA_INVALID);
        self.refuse(session, aes);
        let value = session.attribute(generic, CKA_VALUE);
        assert_eq!(value, Ok(self.generic.to_vec()), "this one may be read");
        let kinds =
            [(CKO_SECRET_KEY, CKK_GENERIC_SECRET), (CKO_PRIVATE_KEY, CKK_EC), (CKO_PRIVATE_KEY, CKK_RSA)];
        for (key, (class, kind)) in [generic, ec, rsa].into_iter().zip(kinds) {
            come_and_go(
                session,
                aes,
                key,
                &Template::key(class, kind).flag(CKA_TOKEN, false).may(&[CKA_SIGN]),
            );
        }
    }

    /// Templates that hold secrets and are refused: what is said of them must not repeat them.
    fn refuse(&self, session: Session<'_>, aes: CK_OBJECT_HANDLE) {
        let secret = |kind| Template::key(CKO_SECRET_KEY, kind).bytes(CKA_VALUE, self.aes);
        let refused = [
            secret(CKK_AES).bytes(CKA_VALUE, &self.aes[..31]),
            secret(CKK_AES).number(CKA_VALUE_LEN, 16),
            secret(CKK_AES).bytes(CKA_MODULUS, [1]),
            secret(0x7777),
            Template::key(CKO_PRIVATE_KEY, CKK_EC).bytes(CKA_EC_PARAMS, self.aes).bytes(CKA_VALUE, self.ec),
            Template::key(CKO_PRIVATE_KEY, CKK_RSA)
                .bytes(CKA_MODULUS, [5; 256])
                .bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1])
                .bytes(CKA_PRIVATE_EXPONENT, &self.rsa_parts()[0]),
        ];
        for template in refused {
            assert!(session.create(&template).is_err(), "{template:?}");
        }
        assert!(session.set(aes, &Template::new().bytes(CKA_VALUE, self.aes)).is_err());
    }
}

fn encipher(session: Session<'_>, aes: CK_OBJECT_HANDLE) {
    let iv = [2; 16];
    let mechanisms = [
        Mechanism::plain(CKM_AES_ECB),
        Mechanism::with_bytes(CKM_AES_CBC, &iv),
        Mechanism::ctr(128, iv),
        Mechanism::gcm(&iv[..12], b"aad", 128),
    ];
    for mechanism in &mechanisms {
        session.encrypt_init(mechanism, aes).expect("C_EncryptInit");
        let hidden = session.encrypt(&[3; 64]).expect("C_Encrypt");
        session.decrypt_init(mechanism, aes).expect("C_DecryptInit");
        assert_eq!(session.decrypt(&hidden), Ok(vec![3; 64]));
        // In parts; and one that is never ended.
        session.encrypt_init(mechanism, aes).expect("C_EncryptInit");
        session.encrypt_update(&[3; 64]).expect("C_EncryptUpdate");
        session.encrypt_final().expect("C_EncryptFinal");
    }
}

/// Wraps a key, unwraps it, copies and uses what comes out, and destroys both.
fn come_and_go(session: Session<'_>, with: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, template: &Template) {
    let mechanism = Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = session.wrap(&mechanism, with, key).expect("C_WrapKey");
    let back = session.unwrap(&mechanism, with, &wrapped, template).expect("C_UnwrapKey");
    let copy = session.copy(back, &Template::new().bytes(CKA_LABEL, "copy")).expect("C_CopyObject");
    let mechanism = [CKM_SHA256_HMAC, CKM_ECDSA, CKM_SHA256_RSA_PKCS]
        .into_iter()
        .find(|mechanism| session.sign_init(&Mechanism::plain(*mechanism), copy).is_ok());
    assert!(mechanism.is_some() && session.sign(&[1; 32]).is_ok());
    [back, copy].into_iter().for_each(|key| session.destroy(key).expect("C_DestroyObject"));
}

fn bytes(number: &BoxedUint) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    bytes[first..].to_vec()
}
