//! Making keys, and wrapping them. The node checks; what is checked here is what only the module
//! knows: the session.

use cryptoki_sys::{
    CK_OBJECT_HANDLE, CKF_DECAPSULATE, CKF_DERIVE, CKF_ENCAPSULATE, CKF_GENERATE, CKF_GENERATE_KEY_PAIR,
    CKF_UNWRAP, CKF_WRAP, CKP_ML_KEM_512, CKP_ML_KEM_768, CKP_ML_KEM_1024,
};
use strongroom_model::{
    Attributes, Blob, Error, Handle, KeyType, Mechanism, ObjectInfo, Params, Place, Result, ReturnCode,
};
use strongroom_wire::{Request, Response};

use super::stream::bytes;
use super::{Nodes, Route};
use crate::abi::{Dest, Out};
use crate::params::Parsed;
use crate::slot::unexpected;

/// What a call made.
pub(super) struct Made {
    /// The keys, in the mechanism's order.
    pub(super) keys: Vec<Handle>,
    /// What the parameters receive.
    pub(super) written: Blob,
}

/// `C_GenerateKey`: PKCS#11 3.2 section 5.18.
pub(super) fn generate(nodes: &dyn Nodes, parsed: Parsed, template: Attributes) -> Result<Made> {
    let mechanism = able(parsed, CKF_GENERATE, "generate keys")?;
    let request = Request::GenerateKey { mechanism, template: template.clone() };
    made(nodes.make(&[&template], &[], &request)?)
}

/// `C_GenerateKeyPair`: the public key, then the private one.
pub(super) fn generate_pair(
    nodes: &dyn Nodes,
    parsed: Parsed,
    public: Attributes,
    private: Attributes,
) -> Result<(Handle, Handle)> {
    let mechanism = able(parsed, CKF_GENERATE_KEY_PAIR, "generate key pairs")?;
    let templates = [public.clone(), private.clone()];
    let request = Request::GeneratePair { mechanism, public, private };
    match nodes.make(&templates.each_ref(), &[], &request)? {
        Response::Pair { public, private } => Ok((public.handle, private.handle)),
        _ => Err(unexpected()),
    }
}

/// `C_WrapKey`. Wrapping may be repeated, so that a question for the length is answered by doing it.
pub(super) fn wrap(nodes: &dyn Nodes, parsed: Parsed, wrapping: Handle, key: Handle) -> Result<Blob> {
    let mechanism = able(parsed, CKF_WRAP, "wrap")?;
    // If either is a session key, its node does it.
    let route = if wrapping.place() == Place::Cluster { Route::Of(key) } else { Route::Of(wrapping) };
    bytes(nodes.call(route, &Request::Wrap { mechanism, wrapping, key })?)
}

/// `C_UnwrapKey`.
pub(super) fn unwrap(
    nodes: &dyn Nodes,
    parsed: Parsed,
    unwrapping: Handle,
    wrapped: Blob,
    template: Attributes,
) -> Result<Handle> {
    let mechanism = able(parsed, CKF_UNWRAP, "unwrap")?;
    make(nodes, &[unwrapping], template, |template| Request::Unwrap {
        mechanism,
        unwrapping,
        wrapped,
        template,
    })
}

/// `C_DeriveKey`.
pub(super) fn derive(nodes: &dyn Nodes, parsed: Parsed, base: Handle, template: Attributes) -> Result<Made> {
    let mechanism = able(parsed, CKF_DERIVE, "derive keys")?;
    let further = match &mechanism.params {
        Params::Kbkdf(params) => params.further.clone(),
        _ => Vec::new(),
    };
    let templates: Vec<_> = std::iter::once(&template).chain(&further).collect();
    let uses: Vec<_> = std::iter::once(base).chain(mechanism.params.keys()).collect();
    let request = Request::Derive { mechanism, base, template: template.clone() };
    made(nodes.make(&templates, &uses, &request)?)
}

fn made(response: Response) -> Result<Made> {
    match response {
        Response::Object(info) => Ok(Made { keys: vec![info.handle], written: Blob::new() }),
        Response::Derived { keys, written } => {
            Ok(Made { keys: keys.iter().map(|key| key.handle).collect(), written })
        }
        _ => Err(unexpected()),
    }
}

/// `C_EncapsulateKey`. The ciphertext's length is known before anything is made: a question for it costs no key.
pub(super) fn encapsulate(
    nodes: &dyn Nodes,
    parsed: Parsed,
    public: Handle,
    template: Attributes,
    out: &Out,
    key: &Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let mechanism = able(parsed, CKF_ENCAPSULATE, "encapsulate")?;
    let len = encapsulated(&*nodes.key(public)?)?;
    if !out.size(len)? {
        return Ok(());
    }
    let request = Request::Encapsulate { mechanism, public, template: template.clone() };
    match nodes.make(&[&template], &[public], &request)? {
        Response::Encapsulated { object, ciphertext } => {
            out.fill(&ciphertext)?;
            key.put(object.handle.0)
        }
        _ => Err(unexpected()),
    }
}

/// The length of what a public key encapsulates (FIPS 203 table 3).
fn encapsulated(public: &ObjectInfo) -> Result<usize> {
    match (public.key_type, u64::from(public.size)) {
        (Some(KeyType::MlKem), CKP_ML_KEM_512) => Ok(768),
        (Some(KeyType::MlKem), CKP_ML_KEM_768) => Ok(1088),
        (Some(KeyType::MlKem), CKP_ML_KEM_1024) => Ok(1568),
        _ => Err(Error::new(
            ReturnCode::KEY_TYPE_INCONSISTENT,
            format!("key {} doesn't encapsulate", public.handle),
        )),
    }
}

/// `C_DecapsulateKey`.
pub(super) fn decapsulate(
    nodes: &dyn Nodes,
    parsed: Parsed,
    private: Handle,
    ciphertext: Blob,
    template: Attributes,
) -> Result<Handle> {
    let mechanism = able(parsed, CKF_DECAPSULATE, "decapsulate")?;
    make(nodes, &[private], template, |template| Request::Decapsulate {
        mechanism,
        private,
        ciphertext,
        template,
    })
}

/// The mechanism, if it's for this purpose.
fn able(parsed: Parsed, purpose: u64, verb: &str) -> Result<Mechanism> {
    if parsed.spec.purposes.contains(purpose) {
        Ok(parsed.mechanism)
    } else {
        Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} can't {verb}", parsed.spec.name)))
    }
}

/// Makes one key.
fn make(
    nodes: &dyn Nodes,
    uses: &[Handle],
    template: Attributes,
    request: impl FnOnce(Attributes) -> Request,
) -> Result<Handle> {
    match nodes.make(&[&template.clone()], uses, &request(template))? {
        Response::Object(info) => Ok(info.handle),
        _ => Err(unexpected()),
    }
}
