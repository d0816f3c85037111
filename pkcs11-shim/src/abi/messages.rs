//! The functions on messages, which PKCS#11 3.0 added.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::{Block, In, Out, Src, entry_points};
use crate::operations;

entry_points! {
    /// PKCS#11 3.2 section 5.9.
    beyond(session) fn C_MessageEncryptInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::message_encrypt_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 3.2 section 5.9.
    beyond(session) fn C_EncryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, associated: *mut CK_BYTE,
        associated_len: CK_ULONG, data: *mut CK_BYTE, data_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::encrypt_message(
        m, session, Block::new(parameter, parameter_len), In::new(associated, associated_len), In::new(data, data_len),
        Out::new(output, output_len),
    );
    /// PKCS#11 3.2 section 5.9.
    beyond(session) fn C_EncryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, associated: *mut CK_BYTE,
        associated_len: CK_ULONG,
    ) |m| operations::encrypt_message_begin(
        m, session, Block::new(parameter, parameter_len), In::new(associated, associated_len),
    );
    /// PKCS#11 3.2 section 5.9.
    beyond(session) fn C_EncryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, part: *mut CK_BYTE,
        part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG, flags: CK_FLAGS,
    ) |m| operations::encrypt_message_next(
        m, session, Block::new(parameter, parameter_len), In::new(part, part_len), Out::new(output, output_len),
        flags & CKF_END_OF_MESSAGE != 0,
    );
    /// PKCS#11 3.2 section 5.9.
    beyond(session) fn C_MessageEncryptFinal(session: CK_SESSION_HANDLE)
        |m| operations::message_encrypt_final(m, session);

    /// PKCS#11 3.2 section 5.11.
    beyond(session) fn C_MessageDecryptInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::message_decrypt_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 3.2 section 5.11.
    beyond(session) fn C_DecryptMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, associated: *mut CK_BYTE,
        associated_len: CK_ULONG, data: *mut CK_BYTE, data_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::decrypt_message(
        m, session, Block::new(parameter, parameter_len), In::new(associated, associated_len), In::new(data, data_len),
        Out::new(output, output_len),
    );
    /// PKCS#11 3.2 section 5.11.
    beyond(session) fn C_DecryptMessageBegin(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, associated: *mut CK_BYTE,
        associated_len: CK_ULONG,
    ) |m| operations::decrypt_message_begin(
        m, session, Block::new(parameter, parameter_len), In::new(associated, associated_len),
    );
    /// PKCS#11 3.2 section 5.11.
    beyond(session) fn C_DecryptMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, part: *mut CK_BYTE,
        part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG, flags: CK_FLAGS,
    ) |m| operations::decrypt_message_next(
        m, session, Block::new(parameter, parameter_len), In::new(part, part_len), Out::new(output, output_len),
        flags & CKF_END_OF_MESSAGE != 0,
    );
    /// PKCS#11 3.2 section 5.11.
    beyond(session) fn C_MessageDecryptFinal(session: CK_SESSION_HANDLE)
        |m| operations::message_decrypt_final(m, session);

    /// PKCS#11 3.2 section 5.14.
    beyond(session) fn C_MessageSignInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::message_sign_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 3.2 section 5.14.
    beyond(session) fn C_SignMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
        data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG,
    ) |m| operations::sign_message(
        m, session, Block::new(parameter, parameter_len), In::new(data, data_len), Out::new(signature, signature_len),
    );
    /// PKCS#11 3.2 section 5.14.
    beyond(session) fn C_SignMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG)
        |m| operations::sign_message_begin(m, session, Block::new(parameter, parameter_len));
    /// PKCS#11 3.2 section 5.14.
    beyond(session) fn C_SignMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, part: *mut CK_BYTE,
        part_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG,
    ) |m| operations::sign_message_next(
        m, session, Block::new(parameter, parameter_len), In::new(part, part_len), Out::new(signature, signature_len),
    );
    /// PKCS#11 3.2 section 5.14.
    beyond(session) fn C_MessageSignFinal(session: CK_SESSION_HANDLE) |m| operations::message_sign_final(m, session);

    /// PKCS#11 3.2 section 5.16.
    beyond(session) fn C_MessageVerifyInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::message_verify_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 3.2 section 5.16.
    beyond(session) fn C_VerifyMessage(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, data: *mut CK_BYTE,
        data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG,
    ) |m| operations::verify_message(
        m, session, Block::new(parameter, parameter_len), In::new(data, data_len), In::new(signature, signature_len),
    );
    /// PKCS#11 3.2 section 5.16.
    beyond(session) fn C_VerifyMessageBegin(session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG)
        |m| operations::verify_message_begin(m, session, Block::new(parameter, parameter_len));
    /// PKCS#11 3.2 section 5.16. Without a signature it isn't the last part.
    beyond(session) fn C_VerifyMessageNext(
        session: CK_SESSION_HANDLE, parameter: *mut c_void, parameter_len: CK_ULONG, part: *mut CK_BYTE,
        part_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG,
    ) |m| operations::verify_message_next(
        m, session, Block::new(parameter, parameter_len), In::new(part, part_len), In::new(signature, signature_len),
    );
    /// PKCS#11 3.2 section 5.16.
    beyond(session) fn C_MessageVerifyFinal(session: CK_SESSION_HANDLE) |m| operations::message_verify_final(m, session);
}
