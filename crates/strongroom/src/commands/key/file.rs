//! `strongroom key generate-file`.

use std::fmt::Write;
use std::path::Path;

use pem_rfc7468::LineEnding;
use serde_json::json;
use strongroom_crypto::Key;
use strongroom_model::{AttributeType as A, Attributes, Blob, ObjectClass, ObjectInfo, Role, Value};
use strongroom_wire::{Answer, Request, Response};

use super::{find, find_one};
use crate::args::{Encoding, OneKey};
use crate::attributes::{Filter, class_name};
use crate::output::{Failure, Output};
use crate::session::{Desk, Session, unexpected};
use crate::tokens::write_new;

/// What OpenSSL's PKCS#11 provider knows its files by.
const PROVIDER_LABEL: &str = "PKCS#11 PROVIDER URI";
const PROVIDER_VERSION: &str = "PKCS#11 Provider URI v1.0";

/// Writes a public key, or where a private key is found.
pub(super) fn run(
    desk: &Desk,
    OneKey { access, filter }: &OneKey,
    encoding: Encoding,
    path: &Path,
) -> Result<Output, Failure> {
    let filter = Filter::parse(filter)?;
    let session = desk.login(access, Role::CryptoUser)?;
    let key = find_one(&session, &filter, "so no file was written")?;
    let (label, der) = match encoding {
        Encoding::Pem => ("PUBLIC KEY", public_key(&session, &key)?),
        Encoding::ReferencePem => (PROVIDER_LABEL, provider_key(&uri(&session, &key)?)),
    };
    let pem = pem_rfc7468::encode_string(label, LineEnding::LF, &der)
        .map_err(|error| Failure::new(format!("the key can't be written as PEM: {error}")))?;
    write_new(path, 0o644, pem.as_bytes())?;
    let message = match encoding {
        Encoding::Pem => "Successfully exported key in PEM format",
        Encoding::ReferencePem => "Successfully generated PEM reference",
    };
    Ok(Output::Data(json!({"message": format!("{message}: {}", path.display())})))
}

fn public_key(session: &Session, key: &ObjectInfo) -> Result<Vec<u8>, Failure> {
    if key.class != ObjectClass::PublicKey {
        return Err(Failure::new(format!(
            "the key is a {}, and pem is for public keys: add attr.class=public-key to the filter",
            class_name(key.class)
        )));
    }
    let [info] = bytes(session, key, [A::PUBLIC_KEY_INFO])?;
    if !info.is_empty() {
        return Ok(info.to_vec());
    }
    // The vendor's keys don't tell it, only what it's made of (cloudhsm.md 4.9).
    let parts = [A::MODULUS, A::PUBLIC_EXPONENT, A::EC_PARAMS, A::EC_POINT];
    let values = parts.into_iter().zip(bytes(session, key, parts)?).filter(|(_, value)| !value.is_empty());
    let attributes =
        values.fold(Attributes::new(), |all, (attribute, value)| all.with(attribute, Value::Bytes(value)));
    let key_type = key.key_type.ok_or_else(|| Failure::new("the key doesn't say its type"))?;
    Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes)
        .and_then(|key| key.public_key_info())
        .map_err(|error| Failure::new(format!("the key doesn't say its public key: {error}")))
}

/// A PKCS#11 URI (RFC 7512) that finds this key and no other.
fn uri(session: &Session, key: &ObjectInfo) -> Result<String, Failure> {
    if key.class != ObjectClass::PrivateKey {
        return Err(Failure::new(format!(
            "the key is a {}, and reference-pem is for private keys: add attr.class=private-key to the filter",
            class_name(key.class)
        )));
    }
    let [id, label] = bytes(session, key, [A::ID, A::LABEL])?;
    let template = Attributes::new()
        .with(A::CLASS, ObjectClass::PrivateKey.to_ck())
        .with(A::ID, Value::Bytes(id.clone()))
        .with(A::LABEL, Value::Bytes(label.clone()));
    let alike = find(session, &Filter { reference: None, template })?.len();
    if alike > 1 || (id.is_empty() && label.is_empty()) {
        return Err(Failure::new(format!(
            "{alike} private key(s) with this label and id: a file can't tell which is meant. Give it a label or an id of its own with  \
             key set-attribute"
        )));
    }
    let (token, serial) = session.token()?;
    let mut uri = format!("pkcs11:token={};serial={}", escaped(token.as_bytes()), escaped(serial.as_bytes()));
    for (name, value) in [("id", &id), ("object", &label)] {
        if !value.is_empty() {
            let _ = write!(uri, ";{name}={}", escaped(value));
        }
    }
    Ok(uri + ";type=private")
}

/// Percent-encoded but for what stands for itself everywhere in a URI (RFC 3986 section 2.3).
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => text.push((*byte).into()),
            byte => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// A sequence of a VisibleString, the version, and a UTF8String, the URI, in DER.
fn provider_key(uri: &str) -> Vec<u8> {
    let content = [element(0x1a, PROVIDER_VERSION.as_bytes()), element(0x0c, uri.as_bytes())].concat();
    element(0x30, &content)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = &length[zeros..];
    let head = match content.len() {
        short @ 0..128 => vec![tag, u8::try_from(short).unwrap_or_default()],
        _ => [&[tag, 0x80 | u8::try_from(length.len()).unwrap_or_default()], length].concat(),
    };
    [&head, content].concat()
}

/// Attributes that are bytes; absent ones are empty.
pub(super) fn bytes<const N: usize>(
    session: &Session,
    key: &ObjectInfo,
    types: [A; N],
) -> Result<[Blob; N], Failure> {
    let request = Request::GetAttributes { handle: key.handle, types: types.to_vec() };
    let Response::Answers(answers) = session.call_about(key.handle, &request)? else {
        return Err(unexpected());
    };
    let mut answers = answers.into_iter();
    Ok(std::array::from_fn(|_| match answers.next() {
        Some(Answer::Value(Value::Bytes(bytes))) => bytes,
        _ => Blob::new(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_uri_is_escaped() {
        assert_eq!(escaped("a-b_c;d=é".as_bytes()), "a-b_c%3Bd%3D%C3%A9");
    }

    #[test]
    fn long_elements_say_their_length_in_more_bytes() {
        assert_eq!(element(0x0c, &[7]), [0x0c, 1, 7]);
        assert_eq!(element(0x0c, &[7; 200])[..3], [0x0c, 0x81, 200]);
        assert_eq!(element(0x0c, &[7; 300])[..4], [0x0c, 0x82, 1, 44]);
    }
}
