use strongroom_model::{Mechanism, MechanismType, ObjectClass};

use super::group::ffdhe;
use super::*;
use crate::digest::hex::unhex;
use crate::{derive, generate_pair, generate_parameters};

/// RFC 7919 appendix A.1, the first and the last bytes of ffdhe2048.
#[test]
fn primes_are_those_of_their_rfc() {
    let prime = ffdhe(2048).unwrap().to_bytes();
    assert_eq!(prime[..24], unhex("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1"));
    assert_eq!(prime[240..], unhex("886b423861285c97ffffffffffffffff"));
    assert!(ffdhe(1024).is_none());
}

fn group(bits: u64) -> Attributes {
    let mechanism = Mechanism::plain(MechanismType::DH_PKCS_PARAMETER_GEN);
    generate_parameters(&mechanism, &Attributes::new().with(AttributeType::PRIME_BITS, bits))
        .unwrap()
        .attributes
}

fn agreed(key: &Key, public: &[u8], len: Option<usize>) -> Result<Blob> {
    let mechanism = Mechanism { kind: MechanismType::DH_PKCS_DERIVE, params: Params::Data(public.into()) };
    derive(key, &mechanism, len)
}

#[test]
fn both_sides_get_the_same_secret() {
    for bits in [2048, 3072] {
        let pair =
            || generate_pair(&Mechanism::plain(MechanismType::DH_PKCS_KEY_PAIR_GEN), &group(bits)).unwrap();
        let (one, other) = (pair(), pair());
        let value = |pair: &KeyPair| pair.public.bytes(AttributeType::VALUE).unwrap().to_vec();
        let secret = agreed(&one.key, &value(&other), None).unwrap();
        assert_eq!(secret, agreed(&other.key, &value(&one), None).unwrap());
        assert_eq!(secret.len() as u64, bits / 8);
        assert_eq!(
            agreed(&one.key, &value(&other), Some(20)).unwrap().as_slice(),
            &secret[secret.len() - 20..]
        );
        assert!(agreed(&one.key, &value(&other), Some(secret.len() + 1)).is_err());
        // Of the private value there is as much as the group's strength asks for.
        let private = one.private.bytes(AttributeType::VALUE).unwrap();
        assert!(private.len() <= 36, "{}", private.len());
    }
}

/// NIST SP 800-56A section 5.6.2.3.1; attacks.md A21 for these groups.
#[test]
fn public_values_outside_the_group_are_refused() {
    let template = group(2048);
    let pair = generate_pair(&Mechanism::plain(MechanismType::DH_PKCS_KEY_PAIR_GEN), &template).unwrap();
    let prime = Number::from_bytes(template.bytes(AttributeType::PRIME).unwrap()).unwrap();
    let minus = |small| prime.minus(small).unwrap().to_bytes();
    // -4 is no square, since -1 is none.
    let outside =
        [Blob::new(), Blob::from([1]), minus(1), prime.to_bytes(), minus(4), Blob::from(vec![0xff; 600])];
    for public in outside {
        let error = agreed(&pair.key, &public, None).unwrap_err();
        assert_eq!(error.code, ReturnCode::MECHANISM_PARAM_INVALID);
        let template = template.clone().with(AttributeType::VALUE, public);
        let import = Key::from_attributes(ObjectClass::PublicKey, KeyType::Dh, &template);
        assert_eq!(import.unwrap_err().code, ReturnCode::ATTRIBUTE_VALUE_INVALID);
    }
    assert!(agreed(&pair.key, &[4], None).is_ok());
}

#[test]
fn new_parameters_are_a_group_of_x942() {
    let template =
        Attributes::new().with(AttributeType::PRIME_BITS, 1024).with(AttributeType::SUBPRIME_BITS, 160);
    let made = generate_parameters(&Mechanism::plain(MechanismType::X9_42_DH_PARAMETER_GEN), &template)
        .unwrap()
        .attributes;
    let pair = generate_pair(&Mechanism::plain(MechanismType::X9_42_DH_KEY_PAIR_GEN), &made).unwrap();
    for (class, attributes) in
        [(ObjectClass::PrivateKey, &pair.private), (ObjectClass::PublicKey, &pair.public)]
    {
        assert_eq!(Key::from_attributes(class, KeyType::X942Dh, attributes).unwrap().size(), 1024);
    }
    // Another subprime isn't the base's order.
    let mut wrong = made.clone();
    wrong.set(AttributeType::BASE, &[2][..]);
    let error = generate_pair(&Mechanism::plain(MechanismType::X9_42_DH_KEY_PAIR_GEN), &wrong).unwrap_err();
    assert_eq!(error.code, ReturnCode::DOMAIN_PARAMS_INVALID);
}

#[test]
fn der_encodings_come_back() {
    for (kind, template) in [(MechanismType::DH_PKCS_KEY_PAIR_GEN, group(2048)), {
        let wanted = Attributes::new().with(AttributeType::PRIME_BITS, 2048);
        let made = generate_parameters(&Mechanism::plain(MechanismType::X9_42_DH_PARAMETER_GEN), &wanted)
            .unwrap()
            .attributes;
        (MechanismType::X9_42_DH_KEY_PAIR_GEN, made)
    }] {
        let pair = generate_pair(&Mechanism::plain(kind), &template).unwrap();
        let (key_type, attributes) = crate::from_pkcs8(&crate::to_pkcs8(&pair.key).unwrap()).unwrap();
        assert_eq!(Some(key_type), kind.spec().and_then(|spec| spec.key_type));
        assert_eq!(attributes.bytes(AttributeType::VALUE), pair.private.bytes(AttributeType::VALUE));
        let (_, public) = crate::from_public_key_info(&pair.key.public_key_info().unwrap()).unwrap();
        assert_eq!(public, pair.public);
    }
}
