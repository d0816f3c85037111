use strongroom_crypto::{Input, Key, complete_import, generate_pair, generate_secret, sign, verify};
use strongroom_model::{AttributeType, Attributes, Hash, KeyType, Mechanism, ObjectClass, ReturnCode, Value};

use crate::common::{A, CURVES, Desk, M, RSA, code, ec_pair, rsa_pair};

const CRT: [AttributeType; 5] = [A::PRIME_1, A::PRIME_2, A::EXPONENT_1, A::EXPONENT_2, A::COEFFICIENT];

fn rsa_private(attributes: &Attributes) -> strongroom_model::Result<Key> {
    Key::from_attributes(ObjectClass::PrivateKey, KeyType::Rsa, attributes)
}

fn without(attributes: &Attributes, missing: &[AttributeType]) -> Attributes {
    attributes.clone().into_iter().filter(|(attribute, _)| !missing.contains(attribute)).collect()
}

fn set(attributes: &Attributes, attribute: AttributeType, value: impl Into<Value>) -> Attributes {
    attributes.clone().with(attribute, value)
}

#[test]
fn what_an_rsa_key_lacks_is_worked_out() {
    for exponent in [vec![3], vec![1, 0, 1], vec![0xff, 0xff, 0xff, 0xfb]] {
        let template =
            Attributes::new().with(A::MODULUS_BITS, 1024).with(A::PUBLIC_EXPONENT, exponent.clone());
        let pair = generate_pair(&Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap();
        assert_eq!(pair.private.len(), 8);
        assert_eq!(pair.private.bytes(A::PUBLIC_EXPONENT), Some(&exponent[..]));
        let mechanism = Mechanism::plain(M::SHA256_RSA_PKCS);
        let wanted = sign(&pair.key, &mechanism, Input::Message(b"m")).unwrap();
        let mut missing: Vec<Vec<AttributeType>> = CRT.iter().map(|one| vec![*one]).collect();
        missing.push(CRT.to_vec());
        missing.push(CRT[2..].to_vec());
        missing.push(vec![]);
        for mut missing in missing {
            if exponent.len() < 4 {
                missing.push(A::PUBLIC_EXPONENT);
            }
            let given = without(&pair.private, &missing);
            let key = rsa_private(&given).unwrap();
            assert_eq!(sign(&key, &mechanism, Input::Message(b"m")).unwrap(), wanted);
            assert_eq!(key.public_key_info().unwrap(), pair.public_key.public_key_info().unwrap());
            let completed = complete_import(ObjectClass::PrivateKey, KeyType::Rsa, &given).unwrap();
            assert_eq!(completed.len(), missing.len());
            let whole: Attributes = given.into_iter().chain(completed).collect();
            assert_eq!(whole, pair.private, "without {missing:?}");
        }
    }
}

#[test]
fn an_unusual_exponent_cant_be_guessed() {
    let template =
        Attributes::new().with(A::MODULUS_BITS, 1024).with(A::PUBLIC_EXPONENT, vec![0xff, 0xff, 0xfb]);
    let pair = generate_pair(&Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap();
    let given = without(&pair.private, &[A::PUBLIC_EXPONENT]);
    assert_eq!(code(rsa_private(&given)), ReturnCode::TEMPLATE_INCOMPLETE);
}

#[test]
fn big_integers_get_their_usual_form() {
    let mut given = RSA.private.clone();
    for attribute in [A::MODULUS, A::PUBLIC_EXPONENT, A::PRIME_2] {
        let padded = [&[0, 0], given.bytes(attribute).unwrap()].concat();
        given.set(attribute, padded);
    }
    let completed = complete_import(ObjectClass::PrivateKey, KeyType::Rsa, &given).unwrap();
    assert_eq!(completed.len(), 3);
    assert_eq!(given.into_iter().chain(completed).collect::<Attributes>(), RSA.private);

    let public = without(&RSA.public, &[A::MODULUS_BITS]);
    let completed = complete_import(ObjectClass::PublicKey, KeyType::Rsa, &public).unwrap();
    assert_eq!(completed, Attributes::new().with(A::MODULUS_BITS, 2048));
}

#[test]
fn rsa_numbers_that_dont_belong_together_are_refused() {
    let good = &RSA.private;
    let another = rsa_pair(2048).private;
    let invalid = ReturnCode::ATTRIBUTE_VALUE_INVALID;
    let bits = |bits: usize| {
        let mut number = vec![0xff; bits / 8];
        number[0] = 0x80;
        number
    };
    for attribute in [A::MODULUS, A::PRIVATE_EXPONENT].into_iter().chain(CRT) {
        let foreign = set(good, attribute, another.bytes(attribute).unwrap());
        assert_eq!(code(rsa_private(&foreign)), invalid, "{attribute}");
        let one_off = {
            let mut number = good.bytes(attribute).unwrap().to_vec();
            *number.last_mut().unwrap() ^= 2;
            set(good, attribute, number)
        };
        assert_eq!(code(rsa_private(&one_off)), invalid, "{attribute}");
        for absurd in [vec![1], vec![2], vec![0xff; 256], vec![0xff; 2000], vec![0xff; 200_000]] {
            let refused = code(rsa_private(&set(good, attribute, absurd)));
            assert!(refused == invalid || refused == ReturnCode::KEY_SIZE_RANGE, "{attribute} {refused}");
        }
    }
    // Without primes, d and e must still belong to n.
    let bare = without(good, &CRT);
    for attribute in [A::MODULUS, A::PRIVATE_EXPONENT] {
        assert_eq!(code(rsa_private(&set(&bare, attribute, another.bytes(attribute).unwrap()))), invalid);
    }
    for exponent in
        [vec![0], vec![1], vec![2], vec![0, 1], vec![1, 0, 0], vec![3, 0, 0, 0, 1], vec![0xff; 256]]
    {
        assert_eq!(
            code(rsa_private(&set(good, A::PUBLIC_EXPONENT, exponent.clone()))),
            invalid,
            "{exponent:?}"
        );
        let public = set(&RSA.public, A::PUBLIC_EXPONENT, exponent);
        assert_eq!(code(Key::from_attributes(ObjectClass::PublicKey, KeyType::Rsa, &public)), invalid);
    }
    for missing in [A::MODULUS, A::PRIVATE_EXPONENT] {
        assert_eq!(code(rsa_private(&without(good, &[missing]))), ReturnCode::TEMPLATE_INCOMPLETE);
        assert_eq!(code(rsa_private(&set(good, missing, vec![]))), ReturnCode::TEMPLATE_INCOMPLETE);
    }
    for missing in [A::MODULUS, A::PUBLIC_EXPONENT] {
        let public = without(&RSA.public, &[missing]);
        let refused = code(Key::from_attributes(ObjectClass::PublicKey, KeyType::Rsa, &public));
        assert_eq!(refused, ReturnCode::TEMPLATE_INCOMPLETE);
    }
    for (size, wanted) in [(512, false), (1016, false), (1024, true), (8192, true), (8200, false)] {
        let public = set(&RSA.public, A::MODULUS, bits(size));
        let key = Key::from_attributes(ObjectClass::PublicKey, KeyType::Rsa, &public);
        assert_eq!(code(key), if wanted { ReturnCode::OK } else { ReturnCode::KEY_SIZE_RANGE }, "{size}");
    }
}

#[test]
fn rsa_pairs_are_made_as_asked() {
    let mechanism = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
    for bits in [1024u64, 1152, 2048] {
        let pair = rsa_pair(bits);
        assert_eq!(pair.key.size(), bits as u32);
        assert_eq!(pair.public_key.size(), bits as u32);
        assert_eq!(pair.public.ulong(A::MODULUS_BITS), Some(bits));
        assert_eq!(pair.public.bytes(A::PUBLIC_EXPONENT), Some(&[1, 0, 1][..]));
        assert_eq!(pair.public.bytes(A::MODULUS), pair.private.bytes(A::MODULUS));
        assert_eq!(pair.public.bytes(A::MODULUS).unwrap().len() as u64, bits / 8);
    }
    let x931 = Mechanism::plain(M::RSA_X9_31_KEY_PAIR_GEN);
    assert_eq!(code(generate_pair(&x931, &Attributes::new().with(A::MODULUS_BITS, 1024))), ReturnCode::OK);
    for bits in [0u64, 512, 1000, 1023, 1025, 2047, 8193, 8320, 16_384, u64::MAX, 1 << 32, (1 << 32) + 2048] {
        let template = Attributes::new().with(A::MODULUS_BITS, bits);
        assert_eq!(code(generate_pair(&mechanism, &template)), ReturnCode::KEY_SIZE_RANGE, "{bits}");
    }
    assert_eq!(code(generate_pair(&mechanism, &Attributes::new())), ReturnCode::TEMPLATE_INCOMPLETE);
    for (exponent, wanted) in [
        (vec![0, 0, 3], ReturnCode::OK),
        (vec![], ReturnCode::ATTRIBUTE_VALUE_INVALID),
        (vec![0], ReturnCode::ATTRIBUTE_VALUE_INVALID),
        (vec![1], ReturnCode::ATTRIBUTE_VALUE_INVALID),
        (vec![0, 1], ReturnCode::ATTRIBUTE_VALUE_INVALID),
        (vec![4], ReturnCode::ATTRIBUTE_VALUE_INVALID),
        (vec![1, 0, 0, 0, 1], ReturnCode::TEMPLATE_INCONSISTENT),
    ] {
        let template =
            Attributes::new().with(A::MODULUS_BITS, 1024).with(A::PUBLIC_EXPONENT, exponent.clone());
        assert_eq!(code(generate_pair(&mechanism, &template)), wanted, "{exponent:?}");
    }
}

#[test]
fn ec_pairs_are_made_as_asked() {
    for ((name, params, len), bits) in CURVES.into_iter().zip([224, 256, 384, 521, 256]) {
        let pair = ec_pair(params);
        assert_eq!(pair.key.size(), bits, "{name}");
        assert_eq!(pair.public_key.size(), bits);
        assert_eq!(pair.public.bytes(A::EC_PARAMS), Some(params));
        assert_eq!(pair.private.bytes(A::EC_PARAMS), Some(params));
        assert_eq!(pair.private.bytes(A::VALUE).unwrap().len(), len);
        assert!(!pair.private.contains(A::EC_POINT));
        let octets = pair.public.bytes(A::EC_POINT).unwrap();
        let head = if len == 66 { vec![4, 0x81, 133, 4] } else { vec![4, 1 + 2 * len as u8, 4] };
        assert!(octets.starts_with(&head), "{octets:02x?}");

        // The same from their attributes.
        let key = Key::from_attributes(ObjectClass::PrivateKey, KeyType::Ec, &pair.private).unwrap();
        let public_key = Key::from_attributes(ObjectClass::PublicKey, KeyType::Ec, &pair.public).unwrap();
        let mechanism = Mechanism::plain(M::ECDSA_SHA256);
        let signature = sign(&key, &mechanism, Input::Message(b"m")).unwrap();
        verify(&public_key, &mechanism, Input::Message(b"m"), &signature).unwrap();
        assert_eq!(key.public_key_info().unwrap(), public_key.public_key_info().unwrap());
        assert_eq!(key.check_value().unwrap(), public_key.check_value().unwrap());
        for (class, attributes) in
            [(ObjectClass::PrivateKey, &pair.private), (ObjectClass::PublicKey, &pair.public)]
        {
            assert!(complete_import(class, KeyType::Ec, attributes).unwrap().is_empty());
        }
    }
}

#[test]
fn curves_have_names_too() {
    let printable = |name: &str| [&[0x13, name.len() as u8], name.as_bytes()].concat();
    for (name, params, len) in CURVES {
        let pair = ec_pair(&printable(name));
        assert_eq!(pair.private.bytes(A::VALUE).unwrap().len(), len);
        let by_oid = set(&pair.private, A::EC_PARAMS, params);
        let key = Key::from_attributes(ObjectClass::PrivateKey, KeyType::Ec, &by_oid).unwrap();
        assert_eq!(key.public_key_info().unwrap(), pair.key.public_key_info().unwrap());
    }
    let ec = Mechanism::plain(M::EC_KEY_PAIR_GEN);
    for (params, wanted) in [
        (printable("P-256"), ReturnCode::OK),
        (printable("curve25519"), ReturnCode::CURVE_NOT_SUPPORTED),
        // brainpoolP256r1, prime192v2, sect163k1
        (vec![0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], ReturnCode::OK),
        (vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x02], ReturnCode::CURVE_NOT_SUPPORTED),
        (vec![0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x01], ReturnCode::CURVE_NOT_SUPPORTED),
        (vec![], ReturnCode::DOMAIN_PARAMS_INVALID),
        (vec![5, 0], ReturnCode::DOMAIN_PARAMS_INVALID),
        (vec![0x30, 3, 2, 1, 1], ReturnCode::DOMAIN_PARAMS_INVALID),
        ([CURVES[1].1, &[0]].concat(), ReturnCode::DOMAIN_PARAMS_INVALID),
        (CURVES[1].1[..9].to_vec(), ReturnCode::DOMAIN_PARAMS_INVALID),
    ] {
        let template = Attributes::new().with(A::EC_PARAMS, params.clone());
        assert_eq!(code(generate_pair(&ec, &template)), wanted, "{params:02x?}");
    }
    assert_eq!(code(generate_pair(&ec, &Attributes::new())), ReturnCode::TEMPLATE_INCOMPLETE);
}

#[test]
fn ec_private_values_are_checked_and_get_their_usual_form() {
    for (name, params, len) in CURVES {
        let import = |value: Vec<u8>| {
            let given = Attributes::new().with(A::EC_PARAMS, params).with(A::VALUE, value);
            complete_import(ObjectClass::PrivateKey, KeyType::Ec, &given)
        };
        let one = [vec![0; len - 1], vec![1]].concat();
        let usual = Attributes::new().with(A::VALUE, one.clone());
        assert_eq!(import(vec![1]).unwrap(), usual, "{name}");
        assert_eq!(import([vec![0], one.clone()].concat()).unwrap(), usual, "{name}");
        assert!(import(one).unwrap().is_empty());
        for bad in [vec![], vec![0], vec![0; len], vec![0xff; len], vec![1; len + 1], vec![1; 100_000]] {
            assert_eq!(code(import(bad)), ReturnCode::ATTRIBUTE_VALUE_INVALID, "{name}");
        }
    }
    let given = Attributes::new().with(A::EC_PARAMS, CURVES[1].1);
    for class in [ObjectClass::PrivateKey, ObjectClass::PublicKey] {
        assert_eq!(code(complete_import(class, KeyType::Ec, &given)), ReturnCode::TEMPLATE_INCOMPLETE);
    }
    // A point without its OCTET STRING gets it.
    let pair = ec_pair(CURVES[1].1);
    let bare = set(&pair.public, A::EC_POINT, &pair.public.bytes(A::EC_POINT).unwrap()[2..]);
    let completed = complete_import(ObjectClass::PublicKey, KeyType::Ec, &bare).unwrap();
    assert_eq!(completed, without(&pair.public, &[A::EC_PARAMS]));
}

#[test]
fn secret_keys_are_made_and_checked() {
    let (aes, generic) = (Mechanism::plain(M::AES_KEY_GEN), Mechanism::plain(M::GENERIC_SECRET_KEY_GEN));
    for (mechanism, len, wanted) in [
        (&aes, 16, true),
        (&aes, 24, true),
        (&aes, 32, true),
        (&aes, 0, false),
        (&aes, 17, false),
        (&aes, 64, false),
        (&generic, 1, true),
        (&generic, 4096, true),
        (&generic, 0, false),
        (&generic, 4097, false),
    ] {
        match generate_secret(mechanism, len) {
            Ok(value) => assert!(wanted && value.len() == len),
            Err(error) => assert!(!wanted && error.code == ReturnCode::KEY_SIZE_RANGE),
        }
    }
    assert_ne!(generate_secret(&aes, 32).unwrap(), generate_secret(&aes, 32).unwrap());

    let secret = |key_type, value: &[u8]| {
        Key::from_attributes(ObjectClass::SecretKey, key_type, &Attributes::new().with(A::VALUE, value))
    };
    for (key_type, len, wanted) in [
        (KeyType::Aes, 16, true),
        (KeyType::Aes, 0, false),
        (KeyType::Aes, 33, false),
        (KeyType::GenericSecret, 0, false),
        (KeyType::GenericSecret, 1, true),
        (KeyType::Hmac(Hash::Sha256), 4096, true),
        (KeyType::Hmac(Hash::Sha256), 4097, false),
    ] {
        let wanted = if wanted { ReturnCode::OK } else { ReturnCode::ATTRIBUTE_VALUE_INVALID };
        assert_eq!(code(secret(key_type, &vec![7; len])), wanted, "{key_type:?} {len}");
    }
    let given = Attributes::new().with(A::VALUE, vec![7; 16]);
    let completed = complete_import(ObjectClass::SecretKey, KeyType::Aes, &given).unwrap();
    assert_eq!(completed, Attributes::new().with(A::VALUE_LEN, 16));
    let lying = given.with(A::VALUE_LEN, 32);
    let refused = code(Key::from_attributes(ObjectClass::SecretKey, KeyType::Aes, &lying));
    assert_eq!(refused, ReturnCode::ATTRIBUTE_VALUE_INVALID);
    let empty = Key::from_attributes(ObjectClass::SecretKey, KeyType::Aes, &Attributes::new());
    assert_eq!(code(empty), ReturnCode::TEMPLATE_INCOMPLETE);

    // The zero block under the zero key of 128 bits is 66e94b...; SHA-1 of "abc" is a9993e...
    assert_eq!(secret(KeyType::Aes, &[0; 16]).unwrap().check_value().unwrap(), [0x66, 0xe9, 0x4b]);
    assert_eq!(secret(KeyType::GenericSecret, b"abc").unwrap().check_value().unwrap(), [0xa9, 0x99, 0x3e]);
}

#[test]
fn class_and_type_must_fit() {
    let fits = |class, key_type| match class {
        ObjectClass::PublicKey | ObjectClass::PrivateKey => matches!(key_type, KeyType::Rsa | KeyType::Ec),
        ObjectClass::SecretKey => !matches!(key_type, KeyType::Rsa | KeyType::Ec),
        _ => false,
    };
    for class in ObjectClass::ALL {
        for key_type in
            [KeyType::Rsa, KeyType::Ec, KeyType::Aes, KeyType::GenericSecret, KeyType::Hmac(Hash::Sha1)]
        {
            let wanted = if fits(class, key_type) {
                ReturnCode::TEMPLATE_INCOMPLETE
            } else {
                ReturnCode::TEMPLATE_INCONSISTENT
            };
            assert_eq!(code(Key::from_attributes(class, key_type, &Attributes::new())), wanted);
        }
    }
}

#[test]
fn public_key_info_is_openssls() {
    let desk = Desk::new();
    let mut pairs: Vec<_> = CURVES.iter().map(|(_, params, _)| ec_pair(params)).collect();
    pairs.push(rsa_pair(1024));
    for pair in &pairs {
        desk.put("key.der", &strongroom_crypto::to_pkcs8(&pair.key).unwrap());
        let wanted =
            desk.openssl(&["pkey", "-in", "key.der", "-inform", "DER", "-pubout", "-outform", "DER"]);
        assert_eq!(pair.key.public_key_info().unwrap(), wanted);
        assert_eq!(pair.public_key.public_key_info().unwrap(), wanted);
    }
    let secret = Attributes::new().with(A::VALUE, vec![7; 16]);
    let secret = Key::from_attributes(ObjectClass::SecretKey, KeyType::Aes, &secret).unwrap();
    assert_eq!(code(secret.public_key_info()), ReturnCode::KEY_TYPE_INCONSISTENT);
}

#[test]
fn debug_shows_no_material() {
    let secret = Attributes::new().with(A::VALUE, vec![0xab; 16]);
    let secret = Key::from_attributes(ObjectClass::SecretKey, KeyType::Aes, &secret).unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(SecretKey(Aes, 16 bytes))");
    assert_eq!(format!("{:?}", RSA.key), "RsaPrivate(RsaPrivate(2048 bits))");
    assert_eq!(format!("{:?}", ec_pair(CURVES[1].1).key), "EcPrivate(EcPrivate(P-256))");
}
