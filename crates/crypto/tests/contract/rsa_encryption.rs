use rsa::{Oaep, Pkcs1v15Encrypt};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use strongroom_crypto::{Key, decrypt, encrypt, from_pkcs8, random, unwrap, unwrap_secret, wrap};
use strongroom_model::{Hash, Mechanism, ObjectClass, Params, ReturnCode};

use crate::common::{A, Desk, M, RSA, code, other_rsa, rsa_pair};

fn oaep(hash: Hash, mgf: Hash, label: &[u8]) -> Mechanism {
    Mechanism { kind: M::RSA_PKCS_OAEP, params: Params::Oaep { hash, mgf, label: label.into() } }
}

#[test]
fn pkcs1_agrees_with_the_rsa_crate() {
    let mechanism = Mechanism::plain(M::RSA_PKCS);
    let other = other_rsa(&RSA.key);
    for len in [0, 1, 16, 48, 245] {
        let plain = vec![0x77; len];
        let ours = encrypt(&RSA.public_key, &mechanism, &plain).unwrap();
        assert_eq!(other.decrypt(Pkcs1v15Encrypt, &ours).unwrap(), plain);
        let theirs = other.to_public_key().encrypt(&mut rand::rng(), Pkcs1v15Encrypt, &plain).unwrap();
        assert_eq!(decrypt(&RSA.key, &mechanism, &theirs).unwrap()[..], plain[..]);
        assert_eq!(unwrap(&RSA.key, &mechanism, &theirs).unwrap()[..], plain[..]);
    }
    assert_eq!(code(encrypt(&RSA.public_key, &mechanism, &[0; 246])), ReturnCode::DATA_LEN_RANGE);
    assert_eq!(code(wrap(&RSA.public_key, &mechanism, &[0; 246])), ReturnCode::KEY_SIZE_RANGE);
}

#[test]
fn bad_pkcs1_padding_is_answered_with_a_made_up_message() {
    let mechanism = Mechanism::plain(M::RSA_PKCS);
    let raw = Mechanism::plain(M::RSA_X_509);
    let other = other_rsa(&RSA.key);
    let block = |head: &[u8], zero_at: usize| {
        let mut block = vec![0x11; 256];
        block[..head.len()].copy_from_slice(head);
        if zero_at > 0 {
            block[zero_at] = 0;
        }
        encrypt(&RSA.public_key, &raw, &block).unwrap().to_vec()
    };
    let mut bad: Vec<Vec<u8>> = vec![
        block(&[0, 1], 20),
        block(&[1, 2], 20),
        block(&[0, 2], 0),
        block(&[0, 2], 9),
        block(&[0, 0], 20),
        // The ciphertexts 0, 1 and n-1.
        vec![0; 256],
        [vec![0; 255], vec![1]].concat(),
        {
            let mut below = RSA.public.bytes(A::MODULUS).unwrap().to_vec();
            below[255] -= 1;
            below
        },
    ];
    for _ in 0..40 {
        let mut ciphertext = vec![0; 256];
        random::fill(&mut ciphertext[1..]);
        bad.push(ciphertext);
    }
    let mut lengths = std::collections::BTreeSet::new();
    for ciphertext in &bad {
        let answer = decrypt(&RSA.key, &mechanism, ciphertext).unwrap();
        assert_eq!(decrypt(&RSA.key, &mechanism, ciphertext).unwrap(), answer, "always the same");
        // The draft says how it's made, so that two implementations answer alike.
        assert_eq!(other.decrypt(Pkcs1v15Encrypt, ciphertext).unwrap()[..], answer[..]);
        assert!(answer.len() <= 245);
        lengths.insert(answer.len());
    }
    assert!(lengths.len() > 20, "the lengths look random: {lengths:?}");
    let another = rsa_pair(2048);
    assert_ne!(decrypt(&another.key, &mechanism, &bad[10]), decrypt(&RSA.key, &mechanism, &bad[10]));
}

#[test]
fn made_up_messages_agree_for_odd_sizes() {
    let mechanism = Mechanism::plain(M::RSA_PKCS);
    let desk = Desk::new();
    // The lengths of messages end just before a power of two (1,104 bits), or the modulus isn't whole bytes.
    for bits in [1104, 1112, 1025, 2047] {
        let option = format!("rsa_keygen_bits:{bits}");
        desk.put("key", &desk.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &option]));
        let der = desk.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key", "-outform", "DER"]);
        let (key_type, attributes) = from_pkcs8(&der).unwrap();
        let key = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).unwrap();
        let other = other_rsa(&key);
        for _ in 0..20 {
            let mut ciphertext = vec![0; attributes.bytes(A::MODULUS).unwrap().len()];
            random::fill(&mut ciphertext[1..]);
            let theirs = other.decrypt(Pkcs1v15Encrypt, &ciphertext).unwrap();
            assert_eq!(decrypt(&key, &mechanism, &ciphertext).unwrap()[..], theirs[..], "{bits}");
        }
    }
}

#[test]
fn oaep_agrees_with_the_rsa_crate() {
    let other = other_rsa(&RSA.key);
    let plain = b"a session key, say";
    for label in [&b""[..], b"label"] {
        macro_rules! compare {
            ($($hash:ident, $mgf:ident;)*) => {$({
                let mechanism = oaep(Hash::$hash, Hash::$mgf, label);
                let scheme = || Oaep::<$hash, $mgf>::new_with_mgf_hash_and_label(label);
                let ours = encrypt(&RSA.public_key, &mechanism, plain).unwrap();
                assert_eq!(other.decrypt(scheme(), &ours).unwrap(), plain);
                let theirs = other.to_public_key().encrypt(&mut rand::rng(), scheme(), plain).unwrap();
                assert_eq!(decrypt(&RSA.key, &mechanism, &theirs).unwrap()[..], plain[..]);
                assert_eq!(unwrap(&RSA.key, &mechanism, &theirs).unwrap()[..], plain[..]);
            })*};
        }
        compare! {
            Sha1, Sha1;
            Sha256, Sha256;
            Sha256, Sha1;
            Sha1, Sha512;
            Sha384, Sha384;
            Sha512, Sha512;
            Sha512, Sha256;
        }
    }
}

#[test]
fn oaep_takes_any_pair_of_hashes_and_says_nothing_of_what_was_wrong() {
    for hash in Hash::ALL {
        for mgf in Hash::ALL {
            let mechanism = oaep(hash, mgf, b"l");
            let longest = 256 - 2 - 2 * hash.len();
            let plain = vec![9; longest];
            let ciphertext = encrypt(&RSA.public_key, &mechanism, &plain).unwrap();
            assert_eq!(decrypt(&RSA.key, &mechanism, &ciphertext).unwrap()[..], plain[..]);
            assert_eq!(
                code(encrypt(&RSA.public_key, &mechanism, &vec![9; longest + 1])),
                ReturnCode::DATA_LEN_RANGE
            );
            let mut errors = Vec::new();
            for (mechanism, ciphertext) in [
                (oaep(hash, mgf, b"other"), ciphertext.to_vec()),
                (oaep(hash, mgf, b"l"), vec![3; 256].iter().map(|byte| byte / 2).collect()),
                (oaep(hash, mgf, b"l"), vec![0; 256]),
            ] {
                let error = decrypt(&RSA.key, &mechanism, &ciphertext).unwrap_err();
                assert_eq!(error.code, ReturnCode::ENCRYPTED_DATA_INVALID);
                errors.push(error);
                assert_eq!(code(unwrap(&RSA.key, &mechanism, &ciphertext)), ReturnCode::WRAPPED_KEY_INVALID);
            }
            assert!(errors.iter().all(|error| *error == errors[0]));
        }
    }
    let small = rsa_pair(1024);
    let mechanism = oaep(Hash::Sha512, Hash::Sha512, b"");
    assert_eq!(code(encrypt(&small.public_key, &mechanism, b"")), ReturnCode::KEY_SIZE_RANGE);
    assert_eq!(code(wrap(&small.public_key, &mechanism, b"")), ReturnCode::WRAPPING_KEY_SIZE_RANGE);
    assert_eq!(code(decrypt(&small.key, &mechanism, &[1; 128])), ReturnCode::KEY_SIZE_RANGE);
}

#[test]
fn raw_encryption_pads_with_zeros_in_front() {
    let raw = Mechanism::plain(M::RSA_X_509);
    let ciphertext = encrypt(&RSA.public_key, &raw, b"short").unwrap();
    let plain = decrypt(&RSA.key, &raw, &ciphertext).unwrap();
    assert_eq!(plain.len(), 256);
    assert!(plain.ends_with(b"\0short"));
    assert_eq!(code(encrypt(&RSA.public_key, &raw, &[0xff; 256])), ReturnCode::DATA_INVALID);
    assert_eq!(code(encrypt(&RSA.public_key, &raw, &[0; 257])), ReturnCode::DATA_LEN_RANGE);
    assert_eq!(code(wrap(&RSA.public_key, &raw, &[0xff; 256])), ReturnCode::KEY_NOT_WRAPPABLE);
}

#[test]
fn ciphertexts_that_cant_be_are_refused() {
    for mechanism in
        [Mechanism::plain(M::RSA_PKCS), Mechanism::plain(M::RSA_X_509), oaep(Hash::Sha1, Hash::Sha1, b"")]
    {
        for len in [0, 1, 255, 257] {
            let ciphertext = vec![1; len];
            assert_eq!(
                code(decrypt(&RSA.key, &mechanism, &ciphertext)),
                ReturnCode::ENCRYPTED_DATA_LEN_RANGE
            );
            assert_eq!(code(unwrap(&RSA.key, &mechanism, &ciphertext)), ReturnCode::WRAPPED_KEY_LEN_RANGE);
        }
        assert_eq!(code(decrypt(&RSA.key, &mechanism, &[0xff; 256])), ReturnCode::ENCRYPTED_DATA_INVALID);
        assert_eq!(code(unwrap(&RSA.key, &mechanism, &[0xff; 256])), ReturnCode::WRAPPED_KEY_INVALID);
    }
    for mechanism in [
        Mechanism::plain(M::RSA_PKCS_OAEP),
        Mechanism { kind: M::RSA_PKCS, params: Params::Iv(vec![0; 16].into()) },
    ] {
        assert_eq!(code(encrypt(&RSA.public_key, &mechanism, b"x")), ReturnCode::MECHANISM_PARAM_INVALID);
        assert_eq!(code(decrypt(&RSA.key, &mechanism, &[1; 256])), ReturnCode::MECHANISM_PARAM_INVALID);
    }
}

#[test]
fn a_made_up_key_is_of_a_length_that_will_do() {
    let mechanism = Mechanism::plain(M::RSA_PKCS);
    let aes = [16, 24, 32];
    let mut seen = std::collections::BTreeSet::new();
    let mut wrapped: Vec<Vec<u8>> = (0..60)
        .map(|_| {
            let mut random = vec![0; 256];
            random::fill(&mut random[1..]);
            random
        })
        .collect();
    // Well padded, but of no length that will do.
    wrapped.push(wrap(&RSA.public_key, &mechanism, &[7; 20]).unwrap().to_vec());
    for wrapped in &wrapped {
        let key = unwrap_secret(&RSA.key, &mechanism, wrapped, &aes).unwrap();
        assert_eq!(unwrap_secret(&RSA.key, &mechanism, wrapped, &aes).unwrap(), key, "always the same");
        seen.insert(key.len());
        assert_eq!(unwrap_secret(&RSA.key, &mechanism, wrapped, &[33]).unwrap().len(), 33);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), aes);
    for len in aes {
        let wrapped = wrap(&RSA.public_key, &mechanism, &vec![7; len]).unwrap();
        assert_eq!(unwrap_secret(&RSA.key, &mechanism, &wrapped, &aes).unwrap()[..], vec![7; len][..]);
    }
    assert_eq!(
        code(unwrap_secret(&RSA.key, &mechanism, &[1; 256], &[246])),
        ReturnCode::WRAPPED_KEY_LEN_RANGE
    );
}
