//! `strongroom key import`.

use std::path::Path;

use strongroom_crypto::{Key, from_pkcs8, from_public_key_info};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, Hash, KeyType, Mechanism, MechanismType, ObjectClass, ObjectInfo,
    Params, Role, Value,
};
use strongroom_wire::{Extras, Operation, Request, Response};

use super::template::{self, Way};
use super::{file, find_one, made};
use crate::args::{Fresh, Import, KeyTypeClass};
use crate::attributes::Filter;
use crate::output::{Failure, Output};
use crate::session::{Desk, Session, unexpected};
use crate::tokens::read_small;

/// How a private key gets in: by a mechanism that encrypts and unwraps, and takes any length (RFC 5649).
const BY: MechanismType = MechanismType::AES_KEY_WRAP_KWP;

/// Brings a key in from a file.
pub(super) fn run(
    desk: &Desk,
    Import::Pem { fresh, path, key_type_class, wrapping_filter }: &Import,
) -> Result<Output, Failure> {
    let file = PemFile::read(path)?;
    match key_type_class.class() {
        ObjectClass::PublicKey => public(desk, fresh, *key_type_class, &file),
        ObjectClass::PrivateKey => private(desk, fresh, *key_type_class, &file, wrapping_filter),
        _ => Err(Failure::new(
            "a PEM file has no secret key; key-type-class is ec-public, rsa-public, ec-private or rsa-private here",
        )),
    }
}

fn public(desk: &Desk, fresh: &Fresh, kind: KeyTypeClass, file: &PemFile) -> Result<Output, Failure> {
    let der = file.expect("PUBLIC KEY", "openssl pkey -pubin -in KEY -pubout")?;
    let (key_type, material) = from_public_key_info(der)?;
    expect(key_type, kind, file)?;
    let mut template = template::of(desk, fresh, ObjectClass::PublicKey, key_type, Way::Create)?
        .with(A::CLASS, ObjectClass::PublicKey.to_ck())
        .with(A::KEY_TYPE, key_type.to_ck());
    for (attribute, value) in material {
        template.set(attribute, value);
    }
    let session = desk.login(&fresh.access, Role::CryptoUser)?;
    made(&session, session.call_with(None, &Extras::default(), &Request::Create { template })?)
}

fn private(
    desk: &Desk,
    fresh: &Fresh,
    kind: KeyTypeClass,
    file: &PemFile,
    wrapping_filter: &[String],
) -> Result<Output, Failure> {
    let der = file.expect("PRIVATE KEY", "openssl pkcs8 -topk8 -nocrypt -in KEY")?;
    let (key_type, _) = from_pkcs8(der)?;
    expect(key_type, kind, file)?;
    if wrapping_filter.is_empty() {
        return Err(Failure::new(
            "a private key comes in wrapped: name an AES key with encrypt=true and unwrap=true, or an RSA private key with \
             unwrap=true, with --wrapping-filter",
        ));
    }
    let template: Attributes = template::of(desk, fresh, ObjectClass::PrivateKey, key_type, Way::Unwrap)?
        .with(A::CLASS, ObjectClass::PrivateKey.to_ck())
        .with(A::KEY_TYPE, key_type.to_ck());
    let filter = Filter::parse(wrapping_filter)?;
    let session = desk.login(&fresh.access, Role::CryptoUser)?;
    let wrapping = find_one(&session, &filter, "so there is nothing to wrap the private key with")?;
    let (mechanism, wrapped) = match wrapping.key_type {
        Some(KeyType::Aes) => by_aes(&session, &wrapping, der)?,
        Some(KeyType::Rsa) => by_rsa(&session, &wrapping, der)?,
        _ => {
            return Err(Failure::new(
                "only an AES key with encrypt=true and unwrap=true, or an RSA private key with unwrap=true, brings a private key in",
            ));
        }
    };
    let request = Request::Unwrap { mechanism, unwrapping: wrapping.handle, wrapped, template };
    made(&session, session.call_with(Some(wrapping.handle), &Extras::default(), &request)?)
}

fn by_aes(session: &Session, wrapping: &ObjectInfo, der: &Blob) -> Result<(Mechanism, Blob), Failure> {
    let mechanism = Mechanism::plain(BY);
    let operation = Operation { key: wrapping.handle, mechanism: mechanism.clone(), data: der.clone() };
    match session.call_about(wrapping.handle, &Request::Encrypt(operation))? {
        Response::Bytes(wrapped) => Ok((mechanism, wrapped)),
        _ => Err(unexpected()),
    }
}

/// Wrapped here, with the public half: the private key tells it.
fn by_rsa(session: &Session, wrapping: &ObjectInfo, der: &Blob) -> Result<(Mechanism, Blob), Failure> {
    let [modulus, exponent] = file::bytes(session, wrapping, [A::MODULUS, A::PUBLIC_EXPONENT])?;
    let attributes = Attributes::new()
        .with(A::MODULUS, Value::Bytes(modulus))
        .with(A::PUBLIC_EXPONENT, Value::Bytes(exponent));
    let public = Key::from_attributes(ObjectClass::PublicKey, KeyType::Rsa, &attributes)?;
    let params =
        Params::RsaAesWrap { key_len: 32, hash: Hash::Sha256, mgf: Hash::Sha256, label: Blob::new() };
    let mechanism = Mechanism { kind: MechanismType::RSA_AES_KEY_WRAP, params };
    let wrapped = strongroom_crypto::wrap(&public, &mechanism, der)?;
    Ok((mechanism, wrapped))
}

/// Refuses a file that has another key than it's said to have. The vendor calls keys on Edwards curves EC keys, too.
fn expect(key_type: KeyType, kind: KeyTypeClass, file: &PemFile) -> Result<(), Failure> {
    let is_ec =
        matches!(key_type, KeyType::EcEdwards | KeyType::EcMontgomery) && kind.key_type() == KeyType::Ec;
    if key_type == kind.key_type() || is_ec {
        return Ok(());
    }
    let (has, said) =
        (crate::attributes::key_type_name(key_type), crate::attributes::key_type_name(kind.key_type()));
    Err(Failure::new(format!("{} has a key of the type {has}, and key-type-class says {said}", file.path)))
}

/// A PEM file; what is in it may be secret.
struct PemFile {
    path: String,
    label: String,
    der: Blob,
}

impl PemFile {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_small(path)?;
        let path = path.display().to_string();
        let (label, der) = pem_rfc7468::decode_vec(&text)
            .map_err(|error| Failure::new(format!("{path} isn't PEM: {error}")))?;
        Ok(Self { path, label: label.to_string(), der: Blob::from(der) })
    }

    /// What it has, if that's of the kind that can be read.
    fn expect(&self, label: &str, hint: &str) -> Result<&Blob, Failure> {
        if self.label == label {
            return Ok(&self.der);
        }
        Err(Failure::new(format!(
            "{} has a {}, and a {label} is needed: `{hint}` makes one",
            self.path, self.label
        )))
    }
}
