//! The functions that PKCS#11 3.0 and 3.2 added, apart from those on messages.

use cryptoki_sys::*;

use super::{Dest, In, Out, Src, entry_points};
use crate::template::Template;
use crate::{login, operations, session};

entry_points! {
    /// PKCS#11 3.2 section 5.6.
    beyond(session) fn C_LoginUser(
        session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG,
        name: *mut CK_UTF8CHAR, name_len: CK_ULONG,
    ) |m| login::login_user(m, session, user, In::new(pin, pin_len), In::new(name, name_len));
    /// PKCS#11 3.2 section 5.6.
    beyond(session) fn C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS)
        |m| operations::cancel(m, session, flags);
    /// PKCS#11 3.2 section 5.6.
    beyond(session) fn C_GetSessionValidationFlags(
        session: CK_SESSION_HANDLE, kind: CK_SESSION_VALIDATION_FLAGS_TYPE, flags: *mut CK_FLAGS,
    ) |m| session::validation_flags(m, session, kind, Dest::new(flags));

    /// PKCS#11 3.2 section 5.15.
    beyond(session) fn C_VerifySignatureInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE, signature: *mut CK_BYTE,
        signature_len: CK_ULONG,
    ) |m| operations::verify_signature_init(m, session, Src::new(mechanism), key, In::new(signature, signature_len));
    /// PKCS#11 3.2 section 5.15.
    beyond(session) fn C_VerifySignature(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG)
        |m| operations::verify_signature(m, session, In::new(data, data_len));
    /// PKCS#11 3.2 section 5.15.
    beyond(session) fn C_VerifySignatureUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG)
        |m| operations::verify_signature_update(m, session, In::new(part, part_len));
    /// PKCS#11 3.2 section 5.15.
    beyond(session) fn C_VerifySignatureFinal(session: CK_SESSION_HANDLE)
        |m| operations::verify_signature_final(m, session);

    /// PKCS#11 3.2 section 5.18.
    beyond(session) fn C_WrapKeyAuthenticated(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        associated: *mut CK_BYTE, associated_len: CK_ULONG, wrapped: *mut CK_BYTE, wrapped_len: *mut CK_ULONG,
    ) |m| operations::wrap_authenticated(
        m, session, Src::new(mechanism), (wrapping, key), In::new(associated, associated_len),
        Out::new(wrapped, wrapped_len),
    );
    /// PKCS#11 3.2 section 5.18.
    beyond(session) fn C_UnwrapKeyAuthenticated(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE,
        wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, associated: *mut CK_BYTE,
        associated_len: CK_ULONG, key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::unwrap_authenticated(
        m, session, Src::new(mechanism), unwrapping, [In::new(wrapped, wrapped_len), In::new(associated, associated_len)],
        Template::new(template, count), Dest::new(key),
    );
    /// PKCS#11 3.2 section 5.18.
    beyond(session) fn C_EncapsulateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: CK_OBJECT_HANDLE,
        template: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_len: *mut CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::encapsulate(
        m, session, Src::new(mechanism), public, Template::new(template, count), Out::new(ciphertext, ciphertext_len),
        Dest::new(key),
    );
    /// PKCS#11 3.2 section 5.18.
    beyond(session) fn C_DecapsulateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, private: CK_OBJECT_HANDLE,
        template: *mut CK_ATTRIBUTE, count: CK_ULONG, ciphertext: *mut CK_BYTE, ciphertext_len: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::decapsulate(
        m, session, Src::new(mechanism), private, Template::new(template, count), In::new(ciphertext, ciphertext_len),
        Dest::new(key),
    );

    /// PKCS#11 3.2 section 5.21.
    beyond(session) fn C_AsyncComplete(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, _result: *mut CK_ASYNC_DATA)
        |_| operations::async_complete(Src::new(function));
    /// PKCS#11 3.2 section 5.21.
    beyond(session) fn C_AsyncGetID(session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, id: *mut CK_ULONG)
        |_| operations::async_id(Src::new(function), &Dest::new(id));
    /// PKCS#11 3.2 section 5.21.
    beyond(session) fn C_AsyncJoin(
        session: CK_SESSION_HANDLE, function: *mut CK_UTF8CHAR, _id: CK_ULONG, _data: *mut CK_BYTE, _data_len: CK_ULONG,
    ) |_| operations::async_join(Src::new(function));
}
