//! Public keys in X.509's format, SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 5480).

use ::rsa::pkcs1;
use p256::pkcs8::der::asn1::{AnyRef, BitStringRef, UintRef};
use p256::pkcs8::der::{self, Encode};
use p256::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use strongroom_model::{Error, Result, ReturnCode};

use crate::ec::Curve;
use crate::rsa::RsaPublic;

pub(crate) fn rsa(key: &RsaPublic) -> Result<Vec<u8>> {
    let encode = || -> der::Result<Vec<u8>> {
        let numbers = pkcs1::RsaPublicKey {
            modulus: UintRef::new(key.modulus())?,
            public_exponent: UintRef::new(key.exponent())?,
        };
        info(pkcs1::ALGORITHM_ID, &numbers.to_der()?)
    };
    encode().map_err(too_large)
}

pub(crate) fn ec(curve: &Curve, point: &[u8]) -> Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef {
        oid: p256::elliptic_curve::ALGORITHM_OID,
        parameters: Some(AnyRef::from(&curve.oid)),
    };
    info(algorithm, point).map_err(too_large)
}

fn info(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(key)? }.to_der()
}

fn too_large(error: der::Error) -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, format!("the public key couldn't be encoded: {error}"))
}
