//! What the entry points call, one function each: the session, its lock, and what is under way.

use cryptoki_sys::{CK_FLAGS, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CKF_FIND_OBJECTS};
use strongroom_client::Route;
use strongroom_model::{Blob, Error, Handle, Result, ReturnCode, limits};
use strongroom_wire::{Request, StreamKind};

use super::ciphering::Ciphering;
use super::digesting::Digesting;
use super::drawn::{Drawn, is_drawn};
use super::keyed::Purpose;
use super::keys::Made;
use super::lengths::Direction;
use super::pledged::Pledged;
use super::recovering::Recovering;
use super::signing::Signing;
use super::{Nodes, authenticated, begin, begin_unparsed, keys, parsed, parsed_with_places, step, stream};
use crate::abi::{Dest, In, Out, Room, Src};
use crate::module::Module;
use crate::params::Places;
use crate::slot::unexpected;
use crate::sync::lock;
use crate::template::Template;

/// Functions that begin an operation of a kind (the field of [`super::Operations`]).
macro_rules! inits {
    ($($name:ident => $kind:ident($($key:ident)?) |$nodes:ident, $parsed:ident| $new:expr;)*) => {$(
        pub(crate) fn $name(
            module: &Module,
            session: CK_SESSION_HANDLE,
            mechanism: Src<CK_MECHANISM>,
            $($key: CK_OBJECT_HANDLE,)?
        ) -> Result<()> {
            let session = module.session(session)?;
            let $nodes: &dyn Nodes = &*session;
            begin(&mut lock(&session.ops).$kind, $nodes, mechanism, |$parsed| $new)
        }
    )*};
}

inits! {
    sign_init => sign(key) |nodes, parsed| Signing::new(nodes, StreamKind::Sign, parsed, Handle(key));
    verify_init => verify(key) |nodes, parsed| Signing::new(nodes, StreamKind::Verify, parsed, Handle(key));
    sign_recover_init => sign_recover(key) |nodes, parsed|
        Recovering::new(nodes, Purpose::SignRecover, parsed, Handle(key));
    verify_recover_init => verify_recover(key) |nodes, parsed|
        Recovering::new(nodes, Purpose::VerifyRecover, parsed, Handle(key));
    digest_init => digest() |nodes, parsed| {
        if nodes.lacks(parsed.mechanism.kind, cryptoki_sys::CKF_DIGEST) {
            let why = format!("the cluster's profile has no {}", parsed.mechanism.kind);
            return Err(Error::new(ReturnCode::MECHANISM_INVALID, why));
        }
        Digesting::new(&parsed)
    };
}

pub(crate) fn encrypt_init(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    let session = module.session(session)?;
    let nodes: &dyn Nodes = &*session;
    begin_unparsed(&mut lock(&session.ops).encrypt, nodes, mechanism, |mechanism| {
        let mut parsed = parsed(mechanism)?;
        // SAFETY: the parameters were just read, and the vendor's callers know that pIv is written to.
        let drawn = unsafe { Drawn::of(session.slot().regime(), &mut parsed, mechanism)? };
        let ciphering = Ciphering::new(nodes, Direction::Encrypt, parsed, Handle(key))?;
        Ok(if drawn.is_some() { ciphering.in_one_part(drawn) } else { ciphering })
    })
}

pub(crate) fn decrypt_init(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    let session = module.session(session)?;
    let nodes: &dyn Nodes = &*session;
    begin(&mut lock(&session.ops).decrypt, nodes, mechanism, |parsed| {
        let in_one_part = is_drawn(session.slot().regime(), parsed.mechanism.kind);
        let ciphering = Ciphering::new(nodes, Direction::Decrypt, parsed, Handle(key))?;
        Ok(if in_one_part { ciphering.in_one_part(None) } else { ciphering })
    })
}

/// Functions that carry on an operation of a kind, and may end it.
macro_rules! steps {
    ($($name:ident($($argument:ident: $type:ty),*) => $kind:ident |$running:ident, $nodes:ident| $call:expr;)*) => {$(
        pub(crate) fn $name(
            module: &Module,
            session: CK_SESSION_HANDLE,
            $($argument: $type,)*
        ) -> Result<()> {
            let session = module.session(session)?;
            let $nodes: &dyn Nodes = &*session;
            step(&mut lock(&session.ops).$kind, $nodes, |$running| $call)
        }
    )*};
}

steps! {
    encrypt(data: In<'_>, out: Out) => encrypt |running, nodes| running.whole(nodes, data, &out);
    encrypt_update(part: In<'_>, out: Out) => encrypt |running, nodes| running.update(nodes, part, &out);
    encrypt_final(out: Out) => encrypt |running, nodes| running.last(nodes, &out);
    decrypt(data: In<'_>, out: Out) => decrypt |running, nodes| running.whole(nodes, data, &out);
    decrypt_update(part: In<'_>, out: Out) => decrypt |running, nodes| running.update(nodes, part, &out);
    decrypt_final(out: Out) => decrypt |running, nodes| running.last(nodes, &out);
    digest(data: In<'_>, out: Out) => digest |running, nodes| running.whole(data, &out);
    digest_update(part: In<'_>) => digest |running, nodes| running.update(part);
    digest_key(key: CK_OBJECT_HANDLE) => digest |running, nodes| running.key(nodes, Handle(key));
    digest_final(out: Out) => digest |running, nodes| running.last(&out);
    sign(data: In<'_>, out: Out) => sign |running, nodes| running.sign(nodes, data, &out);
    sign_update(part: In<'_>) => sign |running, nodes| running.update(nodes, part);
    sign_final(out: Out) => sign |running, nodes| running.sign_final(nodes, &out);
    verify(data: In<'_>, signature: In<'_>) => verify |running, nodes| running.verify(nodes, data, signature);
    verify_update(part: In<'_>) => verify |running, nodes| running.update(nodes, part);
    verify_final(signature: In<'_>) => verify |running, nodes| running.verify_final(nodes, signature);
    sign_recover(data: In<'_>, out: Out) => sign_recover |running, nodes| running.sign(nodes, data, &out);
    verify_recover(signature: In<'_>, out: Out) => verify_recover |running, nodes| running.verify(nodes, signature, &out);
    verify_signature(data: In<'_>) => verify_signature |running, nodes| running.whole(nodes, data);
    verify_signature_update(part: In<'_>) => verify_signature |running, nodes| running.update(nodes, part);
    verify_signature_final() => verify_signature |running, nodes| running.last(nodes);
}

pub(crate) fn verify_signature_init(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    key: CK_OBJECT_HANDLE,
    signature: In<'_>,
) -> Result<()> {
    let session = module.session(session)?;
    let new = |parsed| Pledged::new(&*session, parsed, Handle(key), signature);
    begin(&mut lock(&session.ops).verify_signature, &*session, mechanism, new)
}

/// `C_SessionCancel`: gives up the operations and the search that `flags` name. Flags of what isn't under way, or can't
/// be, don't matter.
pub(crate) fn cancel(module: &Module, session: CK_SESSION_HANDLE, flags: CK_FLAGS) -> Result<()> {
    let session = module.session(session)?;
    lock(&session.ops).cancel(&*session, flags);
    if flags & CKF_FIND_OBJECTS != 0 {
        *lock(&session.search) = None;
    }
    Ok(())
}

pub(crate) fn generate_key(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    template: Template<'_>,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    key.check()?;
    let (mechanism, places) = parsed_with_places(mechanism.demand()?)?;
    give(&key, &places, keys::generate(&*session, mechanism, template.attributes()?)?)
}

pub(crate) fn generate_key_pair(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    public: Template<'_>,
    private: Template<'_>,
    public_key: Dest<CK_OBJECT_HANDLE>,
    private_key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    public_key.check()?;
    private_key.check()?;
    let mechanism = parsed(mechanism.demand()?)?;
    let (public, private) =
        keys::generate_pair(&*session, mechanism, public.attributes()?, private.attributes()?)?;
    public_key.put(public.0)?;
    private_key.put(private.0)
}

pub(crate) fn wrap_key(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    out: Out,
) -> Result<()> {
    let session = module.session(session)?;
    out.capacity()?;
    let mechanism = mechanism.demand()?;
    let mut parsed = parsed(mechanism)?;
    // SAFETY: as for `encrypt_init`.
    let drawn = unsafe { Drawn::of(session.slot().regime(), &mut parsed, mechanism)? };
    let mut wrapped = keys::wrap(&*session, parsed, Handle(wrapping), Handle(key))?;
    if let Some(drawn) = drawn {
        wrapped = drawn.deliver(&wrapped)?;
    }
    out.fill(&wrapped)
}

pub(crate) fn unwrap_key(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    unwrapping: CK_OBJECT_HANDLE,
    wrapped: In<'_>,
    template: Template<'_>,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    key.check()?;
    let mechanism = parsed(mechanism.demand()?)?;
    let wrapped = wrapped.bytes()?;
    if wrapped.len() > limits::MAX_OBJECT {
        return Err(ReturnCode::WRAPPED_KEY_LEN_RANGE.into());
    }
    let (unwrapping, wrapped) = (Handle(unwrapping), Blob::from(wrapped));
    key.put(keys::unwrap(&*session, mechanism, unwrapping, wrapped, template.attributes()?)?.0)
}

pub(crate) fn derive_key(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    base: CK_OBJECT_HANDLE,
    template: Template<'_>,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    let (mechanism, places) = parsed_with_places(mechanism.demand()?)?;
    if places.gives_key() {
        key.check()?;
    }
    let derived = template
        .attributes()
        .and_then(|template| keys::derive(&*session, mechanism, Handle(base), template))
        .and_then(|made| give(&key, &places, made));
    if derived.is_err() {
        places.void()?;
    }
    derived
}

/// Gives out what was made: a key to the place that the call has for it, the rest to those that the parameters name.
fn give(key: &Dest<CK_OBJECT_HANDLE>, places: &Places, made: Made) -> Result<()> {
    match made.keys.split_first() {
        Some((first, further)) if places.gives_key() => {
            places.fill(further, &made.written)?;
            key.put(first.0)
        }
        None if places.gives_key() => Err(unexpected()),
        _ => places.fill(&made.keys, &made.written),
    }
}

pub(crate) fn wrap_authenticated(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    (wrapping, key): (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE),
    associated: In<'_>,
    out: Out,
) -> Result<()> {
    let session = module.session(session)?;
    let keys = (Handle(wrapping), Handle(key));
    authenticated::wrap(&*session, mechanism.demand()?, keys, associated, &out)
}

pub(crate) fn unwrap_authenticated(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    unwrapping: CK_OBJECT_HANDLE,
    wrapped_and_associated: [In<'_>; 2],
    template: Template<'_>,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    key.check()?;
    let (mechanism, template) = (mechanism.demand()?, template.attributes()?);
    let unwrapping = Handle(unwrapping);
    key.put(authenticated::unwrap(&*session, mechanism, unwrapping, wrapped_and_associated, template)?.0)
}

pub(crate) fn encapsulate(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    public: CK_OBJECT_HANDLE,
    template: Template<'_>,
    ciphertext: Out,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    if !ciphertext.is_query()? {
        key.check()?;
    }
    let mechanism = parsed(mechanism.demand()?)?;
    keys::encapsulate(&*session, mechanism, Handle(public), template.attributes()?, &ciphertext, &key)
}

pub(crate) fn decapsulate(
    module: &Module,
    session: CK_SESSION_HANDLE,
    mechanism: Src<CK_MECHANISM>,
    private: CK_OBJECT_HANDLE,
    template: Template<'_>,
    ciphertext: In<'_>,
    key: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    key.check()?;
    let mechanism = parsed(mechanism.demand()?)?;
    let (private, ciphertext) = (Handle(private), Blob::from(ciphertext.at_most(limits::MAX_OBJECT)?));
    key.put(keys::decapsulate(&*session, mechanism, private, ciphertext, template.attributes()?)?.0)
}

/// The nodes' randomness comes from their operating system; a seed from here would add nothing, and
/// is dropped. It's not refused, because clients then make do with weaker sources of their own.
pub(crate) fn seed_random(module: &Module, session: CK_SESSION_HANDLE, seed: In<'_>) -> Result<()> {
    module.session(session)?;
    seed.bytes().map(|_| ())
}

pub(crate) fn generate_random(module: &Module, session: CK_SESSION_HANDLE, room: Room) -> Result<()> {
    let session = module.session(session)?;
    random(&*session, &room)
}

fn random(nodes: &dyn Nodes, room: &Room) -> Result<()> {
    let len = room.len()?;
    let mut done = 0;
    while done < len {
        let part = (len - done).min(limits::MAX_RANDOM);
        room.put(done, &random_bytes(nodes, part)?)?;
        done += part;
    }
    Ok(())
}

/// Random bytes of a node, at most [`limits::MAX_RANDOM`].
pub(super) fn random_bytes(nodes: &dyn Nodes, len: usize) -> Result<Blob> {
    let bytes = stream::bytes(nodes.call(Route::Any, &Request::Random { len: len as u32 })?)?;
    if bytes.len() == len { Ok(bytes) } else { Err(unexpected()) }
}
