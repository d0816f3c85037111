//! What the tests of all families need.

use strongroom_crypto::{
    Key, KeyPair, Stream, StreamKind, complete_import, from_pkcs8, from_public_key_info, generate_pair,
    to_pkcs8,
};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Error, Hedge, KeyType, Mechanism, MechanismType, ObjectClass,
    Params, Result, ReturnCode, SignContext,
};

/// A template that names a parameter set.
pub(crate) fn set(number: u64) -> Attributes {
    Attributes::new().with(A::PARAMETER_SET, number)
}

/// A key pair of a parameter set.
pub(crate) fn made(kind: MechanismType, number: u64) -> KeyPair {
    generate_pair(&Mechanism::plain(kind), &set(number)).unwrap()
}

/// A key from its attributes, completed as at import.
pub(crate) fn imported(class: ObjectClass, key_type: KeyType, attributes: &Attributes) -> Result<Key> {
    let mut whole = attributes.clone();
    for (attribute, value) in complete_import(class, key_type, attributes)? {
        whole.set(attribute, value);
    }
    Key::from_attributes(class, key_type, &whole)
}

/// The code of a refusal.
#[track_caller]
pub(crate) fn refusal<T>(outcome: Result<T>) -> ReturnCode {
    let Err(Error { code, .. }) = outcome else { panic!("it was accepted") };
    code
}

/// The bytes with the lowest bit of one of them changed.
pub(crate) fn altered(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// Both halves come back from their DER encodings, of which nothing may be missing, left over or changed in kind.
#[track_caller]
pub(crate) fn survive_encoding(pair: &KeyPair, key_type: KeyType) {
    let der = pair.public_key.public_key_info().unwrap();
    assert_eq!(pair.key.public_key_info().unwrap(), der);
    assert_eq!(pair.key.check_value().unwrap(), pair.public_key.check_value().unwrap());
    let (actual, attributes) = from_public_key_info(&der).unwrap();
    assert_eq!(actual, key_type);
    assert_eq!(attributes.bytes(A::VALUE), pair.public.bytes(A::VALUE));
    let private = to_pkcs8(&pair.key).unwrap();
    let (actual, attributes) = from_pkcs8(&private).unwrap();
    assert_eq!(actual, key_type);
    for (attribute, value) in pair.private.iter() {
        assert_eq!(attributes.get(attribute), Some(value), "{attribute}");
    }
    for (der, read) in [
        (der.as_slice(), (|der| from_public_key_info(der).map(drop)) as fn(&[u8]) -> Result<()>),
        (private.as_slice(), |der| from_pkcs8(der).map(drop)),
    ] {
        for damaged in [&der[..der.len() - 1], &[der, &[0]].concat(), &der[2..], &[]] {
            assert!(read(damaged).is_err());
        }
    }
    assert_eq!(refusal(to_pkcs8(&pair.public_key)), ReturnCode::KEY_NOT_WRAPPABLE);
}

/// A mechanism with a context.
pub(crate) fn with(kind: MechanismType, hedge: Hedge, context: &[u8]) -> Mechanism {
    let context = SignContext { hedge, context: context.into(), hash: None };
    Mechanism { kind, params: Params::Context(context) }
}

/// A signature over a message that comes in parts.
pub(crate) fn in_parts(key: &Key, mechanism: &Mechanism, message: &[u8]) -> Result<Blob> {
    let mut stream = Stream::open(StreamKind::Sign, key, mechanism)?;
    for part in message.chunks(33) {
        assert!(stream.update(part)?.is_empty());
    }
    stream.finish()
}
