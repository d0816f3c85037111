//! Objects: making, changing, reading and finding them.

mod read;
mod search;

use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};
use strongroom_client::Route;
use strongroom_model::{AttributeType, Error, Handle, ObjectClass, Place, Quirk, Result, ReturnCode};
use strongroom_wire::{Request, Response};

use crate::abi::Dest;
use crate::module::Module;
use crate::session::Session;
use crate::slot::unexpected;
use crate::template::Template;

pub(crate) use read::{Answered, get_attributes};
pub(crate) use search::{Search, find, find_final, find_init};

/// `C_CreateObject`.
pub(crate) fn create(
    module: &Module,
    session: CK_SESSION_HANDLE,
    template: Template<'_>,
    object: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    object.check()?;
    let template = template.attributes()?;
    session.may_make(&template)?;
    put_object(session.call(Route::Any, &Request::Create { template }), &object)
}

/// `C_CopyObject`.
pub(crate) fn copy(
    module: &Module,
    session: CK_SESSION_HANDLE,
    source: CK_OBJECT_HANDLE,
    template: Template<'_>,
    object: Dest<CK_OBJECT_HANDLE>,
) -> Result<()> {
    let session = module.session(session)?;
    object.check()?;
    let handle = existing(source)?;
    let mut template = template.attributes()?;
    // Said outright, so that the copy goes where it can be used with others of its kind.
    if !template.contains(AttributeType::TOKEN) {
        template.set(AttributeType::TOKEN, handle.place() == Place::Cluster);
    }
    session.may_make(&template)?;
    put_object(session.call(Route::Of(handle), &Request::Copy { handle, template }), &object)
}

/// `C_DestroyObject`.
pub(crate) fn destroy(module: &Module, session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> Result<()> {
    let session = module.session(session)?;
    let handle = existing(object)?;
    session.may_change(handle.place() == Place::Cluster)?;
    ask(&session, handle, &Request::Destroy { handle })?;
    session.slot().forget(handle);
    Ok(())
}

/// `C_GetObjectSize`.
pub(crate) fn size(
    module: &Module,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: Dest<CK_ULONG>,
) -> Result<()> {
    let session = module.session(session)?;
    size.check()?;
    let handle = existing(object)?;
    match ask(&session, handle, &Request::ObjectSize { handle })? {
        Response::Size(bytes) => size.put(bytes),
        _ => Err(unexpected()),
    }
}

/// `C_SetAttributeValue`.
pub(crate) fn set_attributes(
    module: &Module,
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: Template<'_>,
) -> Result<()> {
    let session = module.session(session)?;
    let handle = existing(object)?;
    may_set(&session, handle)?;
    let template = template.attributes()?;
    session.may_change(handle.place() == Place::Cluster)?;
    session.may_make(&template)?;
    session.slot().forget(handle);
    ask(&session, handle, &Request::SetAttributes { handle, template })?;
    // Whoever asked in the meantime may have got the old values.
    session.slot().forget(handle);
    Ok(())
}

/// The vendor's library sets attributes of certificates only (cloudhsm.md 5.1); keys' are set by the command.
fn may_set(session: &Session, handle: Handle) -> Result<()> {
    let slot = session.slot();
    if !slot.regime().has(Quirk::MissingFunctions) {
        return Ok(());
    }
    match ask(session, handle, &Request::Object { handle })? {
        Response::Object(info) if info.class == ObjectClass::Certificate => Ok(()),
        Response::Object(_) => slot.must_go_beyond_cloudhsm("C_SetAttributeValue for keys"),
        _ => Err(unexpected()),
    }
}

/// Puts the handle of an object that was made.
fn put_object(result: Result<Response>, object: &Dest<CK_OBJECT_HANDLE>) -> Result<()> {
    match result.map_err(as_object)? {
        Response::Object(info) => object.put(info.handle.0),
        _ => Err(unexpected()),
    }
}

/// Asks about an object.
fn ask(session: &Session, handle: Handle, request: &Request) -> Result<Response> {
    session.call(Route::Of(handle), request).map_err(as_object)
}

/// In functions on objects, what isn't there is an object, not a key.
fn as_object(error: Error) -> Error {
    match error.code {
        ReturnCode::KEY_HANDLE_INVALID => Error { code: ReturnCode::OBJECT_HANDLE_INVALID, ..error },
        _ => error,
    }
}

fn existing(handle: CK_OBJECT_HANDLE) -> Result<Handle> {
    if handle == 0 {
        return Err(Error::new(ReturnCode::OBJECT_HANDLE_INVALID, "0 is never an object's handle"));
    }
    Ok(Handle(handle))
}
