//! Making keys, and wrapping them. The node checks; what is checked here is what only the module
//! knows: the session.

use cryptoki_sys::{CKF_DERIVE, CKF_GENERATE, CKF_GENERATE_KEY_PAIR, CKF_UNWRAP, CKF_WRAP};
use strongroom_model::{Attributes, Blob, Error, Handle, Mechanism, Place, Result, ReturnCode};
use strongroom_wire::{Request, Response};

use super::stream::bytes;
use super::{Nodes, Route};
use crate::params::Parsed;
use crate::slot::unexpected;

/// `C_GenerateKey`: PKCS#11 3.2 section 5.18.
pub(super) fn generate(nodes: &dyn Nodes, parsed: Parsed, template: Attributes) -> Result<Handle> {
    let mechanism = able(parsed, CKF_GENERATE, "generate keys")?;
    make(nodes, &[], template, |template| Request::GenerateKey { mechanism, template })
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
pub(super) fn derive(
    nodes: &dyn Nodes,
    parsed: Parsed,
    base: Handle,
    template: Attributes,
) -> Result<Handle> {
    let mechanism = able(parsed, CKF_DERIVE, "derive keys")?;
    make(nodes, &[base], template, |template| Request::Derive { mechanism, base, template })
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
