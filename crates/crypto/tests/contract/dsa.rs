//! DSA: keys come and go in every format, and signatures fit the keys that made them.

use strongroom_crypto::{
    Input, Key, from_pkcs8, from_public_key_info, generate_pair, generate_parameters, sign, to_pkcs8, verify,
};
use strongroom_model::{
    AttributeType, Attributes, KeyType, Mechanism, MechanismType, ObjectClass, ReturnCode,
};

fn plain(kind: MechanismType) -> Mechanism {
    Mechanism::plain(kind)
}

fn parameters(bits: u64, order: u64) -> Attributes {
    let template =
        Attributes::new().with(AttributeType::PRIME_BITS, bits).with(AttributeType::SUBPRIME_BITS, order);
    generate_parameters(&plain(MechanismType::DSA_PARAMETER_GEN), &template).unwrap().attributes
}

#[test]
fn keys_are_read_again_from_every_format() {
    for (bits, order) in [(1024, 160), (2048, 224)] {
        let pair = generate_pair(&plain(MechanismType::DSA_KEY_PAIR_GEN), &parameters(bits, order)).unwrap();
        let info = pair.public_key.public_key_info().unwrap();
        assert_eq!(pair.key.public_key_info().unwrap(), info);
        assert_eq!(pair.key.check_value().unwrap(), pair.public_key.check_value().unwrap());
        let (key_type, public) = from_public_key_info(&info).unwrap();
        assert_eq!(key_type, KeyType::Dsa);
        let public = Key::from_attributes(ObjectClass::PublicKey, key_type, &public).unwrap();
        let (key_type, private) = from_pkcs8(&to_pkcs8(&pair.key).unwrap()).unwrap();
        let private = Key::from_attributes(ObjectClass::PrivateKey, key_type, &private).unwrap();
        assert_eq!((u64::from(public.size()), u64::from(private.size())), (bits, bits));
        let mechanism = plain(MechanismType::DSA_SHA256);
        let signature = sign(&private, &mechanism, Input::Message(b"message")).unwrap();
        assert_eq!(signature.len() as u64, 2 * order / 8);
        verify(&public, &mechanism, Input::Message(b"message"), &signature).unwrap();
        let wrong = verify(&public, &mechanism, Input::Message(b"massage"), &signature).unwrap_err();
        assert_eq!(wrong.code, ReturnCode::SIGNATURE_INVALID);
        let short = verify(&public, &mechanism, Input::Message(b"message"), &signature[1..]).unwrap_err();
        assert_eq!(short.code, ReturnCode::SIGNATURE_LEN_RANGE);
        for damaged in [&info[..info.len() - 1], &[info.as_slice(), &[0]].concat(), &info[2..]] {
            assert!(from_public_key_info(damaged).is_err());
        }
    }
}

/// The engine inverts nonces by Fermat's theorem: in a group of composite order signatures would be wrong, and tell.
#[test]
fn groups_that_are_none_are_refused() {
    let good = parameters(1024, 160);
    let pair = generate_pair(&plain(MechanismType::DSA_KEY_PAIR_GEN), &good).unwrap();
    for (attribute, value) in [
        (AttributeType::SUBPRIME, vec![0xff; 20]),
        (AttributeType::SUBPRIME, vec![3]),
        (AttributeType::BASE, vec![1]),
        (AttributeType::BASE, vec![2]),
        (AttributeType::PRIME, vec![0xff; 128]),
    ] {
        let template = good.clone().with(attribute, value.as_slice());
        let refused = generate_pair(&plain(MechanismType::DSA_KEY_PAIR_GEN), &template).unwrap_err();
        assert_eq!(refused.code, ReturnCode::DOMAIN_PARAMS_INVALID, "{attribute}");
        let imported = pair.public.clone().with(attribute, value.as_slice());
        let refused = Key::from_attributes(ObjectClass::PublicKey, KeyType::Dsa, &imported).unwrap_err();
        assert_eq!(refused.code, ReturnCode::ATTRIBUTE_VALUE_INVALID, "{attribute}");
    }
}
