//! The functions of PKCS#11 2.40.

use std::ffi::c_void;

use cryptoki_sys::*;
use strongroom_model::{Result, ReturnCode};

use super::lists::FUNCTIONS;
use super::{Dest, In, List, Out, Room, Src, entry_points};
use crate::template::{AttributeQuery, Template};
use crate::{events, login, objects, operations, slots, state};

entry_points! {
    /// PKCS#11 2.40 section 5.4.
    bare fn C_Initialize(arguments: *mut c_void) || state::initialize(Src::new(arguments.cast()));
    /// PKCS#11 2.40 section 5.4.
    bare fn C_Finalize(reserved: *mut c_void) || state::finalize(!reserved.is_null());
    /// PKCS#11 2.40 section 5.4.
    with fn C_GetInfo(info: *mut CK_INFO) |_| Dest::new(info).put(slots::module_info());
    /// PKCS#11 2.40 section 5.4.
    bare fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST)
        || Dest::new(list).put((&raw const FUNCTIONS).cast_mut());

    /// PKCS#11 2.40 section 5.5.
    with fn C_GetSlotList(present: CK_BBOOL, list: *mut CK_SLOT_ID, count: *mut CK_ULONG)
        |m| slots::list(m, present != CK_FALSE, List::new(list, count));
    /// PKCS#11 2.40 section 5.5.
    with fn C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut CK_SLOT_INFO) |m| slots::slot_info(m, slot, Dest::new(info));
    /// PKCS#11 2.40 section 5.5.
    with fn C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO)
        |m| slots::token_info(m, slot, Dest::new(info));
    /// PKCS#11 2.40 section 5.5.
    with fn C_GetMechanismList(slot: CK_SLOT_ID, list: *mut CK_MECHANISM_TYPE, count: *mut CK_ULONG)
        |m| slots::mechanisms(m, slot, List::new(list, count));
    /// PKCS#11 2.40 section 5.5.
    with fn C_GetMechanismInfo(slot: CK_SLOT_ID, kind: CK_MECHANISM_TYPE, info: *mut CK_MECHANISM_INFO)
        |m| slots::mechanism_info(m, slot, kind, Dest::new(info));
    /// PKCS#11 2.40 section 5.5.
    with fn C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG, label: *mut CK_UTF8CHAR)
        |m| login::init_token(m, slot, In::new(pin, pin_len), In::new(label, 32));
    /// PKCS#11 2.40 section 5.5.
    beyond(session) fn C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG)
        |m| login::init_pin(m, session, In::new(pin, pin_len));
    /// PKCS#11 2.40 section 5.5.
    beyond(session) fn C_SetPIN(
        session: CK_SESSION_HANDLE, old: *mut CK_UTF8CHAR, old_len: CK_ULONG, new: *mut CK_UTF8CHAR, new_len: CK_ULONG,
    ) |m| login::set_pin(m, session, In::new(old, old_len), In::new(new, new_len));
    /// PKCS#11 2.40 section 5.5.
    with fn C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void)
        |m| events::wait(m, flags & CKF_DONT_BLOCK == 0, Dest::new(slot), !reserved.is_null());

    /// PKCS#11 2.40 section 5.6.
    with fn C_OpenSession(
        slot: CK_SLOT_ID, flags: CK_FLAGS, _application: *mut c_void, _notify: CK_NOTIFY, session: *mut CK_SESSION_HANDLE,
    ) |m| m.open_session(slot, flags, Dest::new(session));
    /// PKCS#11 2.40 section 5.6.
    with fn C_CloseSession(session: CK_SESSION_HANDLE) |m| m.close_session(session);
    /// PKCS#11 2.40 section 5.6.
    with fn C_CloseAllSessions(slot: CK_SLOT_ID) |m| m.close_all_sessions(slot);
    /// PKCS#11 2.40 section 5.6.
    with fn C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut CK_SESSION_INFO)
        |m| Dest::new(info).put(m.session(session)?.info());
    /// PKCS#11 2.40 section 5.6.
    beyond(session) fn C_GetOperationState(session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: *mut CK_ULONG)
        |m| operations::get_state(m, session, Out::new(state, len));
    /// PKCS#11 2.40 section 5.6.
    beyond(session) fn C_SetOperationState(
        session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: CK_ULONG, encryption: CK_OBJECT_HANDLE,
        authentication: CK_OBJECT_HANDLE,
    ) |m| operations::set_state(m, session, In::new(state, len), encryption, authentication);
    /// PKCS#11 2.40 section 5.6.
    with fn C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, pin_len: CK_ULONG)
        |m| login::login(m, session, user, In::new(pin, pin_len));
    /// PKCS#11 2.40 section 5.6.
    with fn C_Logout(session: CK_SESSION_HANDLE) |m| login::logout(m, session);

    /// PKCS#11 2.40 section 5.7.
    with fn C_CreateObject(
        session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE,
    ) |m| objects::create(m, session, Template::new(template, count), Dest::new(object));
    /// PKCS#11 2.40 section 5.7.
    beyond(session) fn C_CopyObject(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        copy: *mut CK_OBJECT_HANDLE,
    ) |m| objects::copy(m, session, object, Template::new(template, count), Dest::new(copy));
    /// PKCS#11 2.40 section 5.7.
    with fn C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE)
        |m| objects::destroy(m, session, object);
    /// PKCS#11 2.40 section 5.7.
    beyond(session) fn C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG)
        |m| objects::size(m, session, object, Dest::new(size));
    /// PKCS#11 2.40 section 5.7.
    with fn C_GetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
    ) |m| objects::get_attributes(m, session, object, AttributeQuery::new(template, count));
    /// PKCS#11 2.40 section 5.7.
    with fn C_SetAttributeValue(
        session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
    ) |m| objects::set_attributes(m, session, object, Template::new(template, count));
    /// PKCS#11 2.40 section 5.7.
    with fn C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG)
        |m| objects::find_init(m, session, Template::new(template, count));
    /// PKCS#11 2.40 section 5.7.
    with fn C_FindObjects(
        session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, room: CK_ULONG, count: *mut CK_ULONG,
    ) |m| objects::find(m, session, Dest::new(objects), room, Dest::new(count));
    /// PKCS#11 2.40 section 5.7.
    with fn C_FindObjectsFinal(session: CK_SESSION_HANDLE) |m| objects::find_final(m, session);

    /// PKCS#11 2.40 section 5.8.
    with fn C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE)
        |m| operations::encrypt_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.8.
    with fn C_Encrypt(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::encrypt(m, session, In::new(data, data_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.8.
    with fn C_EncryptUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::encrypt_update(m, session, In::new(part, part_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.8.
    with fn C_EncryptFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG)
        |m| operations::encrypt_final(m, session, Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.9.
    with fn C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE)
        |m| operations::decrypt_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.9.
    with fn C_Decrypt(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::decrypt(m, session, In::new(data, data_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.9.
    with fn C_DecryptUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::decrypt_update(m, session, In::new(part, part_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.9.
    with fn C_DecryptFinal(session: CK_SESSION_HANDLE, output: *mut CK_BYTE, output_len: *mut CK_ULONG)
        |m| operations::decrypt_final(m, session, Out::new(output, output_len));

    /// PKCS#11 2.40 section 5.10.
    with fn C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM)
        |m| operations::digest_init(m, session, Src::new(mechanism));
    /// PKCS#11 2.40 section 5.10.
    with fn C_Digest(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG,
    ) |m| operations::digest(m, session, In::new(data, data_len), Out::new(digest, digest_len));
    /// PKCS#11 2.40 section 5.10.
    with fn C_DigestUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG)
        |m| operations::digest_update(m, session, In::new(part, part_len));
    /// PKCS#11 2.40 section 5.10.
    beyond(session) fn C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE)
        |m| operations::digest_key(m, session, key);
    /// PKCS#11 2.40 section 5.10.
    with fn C_DigestFinal(session: CK_SESSION_HANDLE, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG)
        |m| operations::digest_final(m, session, Out::new(digest, digest_len));

    /// PKCS#11 2.40 section 5.11.
    with fn C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE)
        |m| operations::sign_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.11.
    with fn C_Sign(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
        signature_len: *mut CK_ULONG,
    ) |m| operations::sign(m, session, In::new(data, data_len), Out::new(signature, signature_len));
    /// PKCS#11 2.40 section 5.11.
    with fn C_SignUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG)
        |m| operations::sign_update(m, session, In::new(part, part_len));
    /// PKCS#11 2.40 section 5.11.
    with fn C_SignFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG)
        |m| operations::sign_final(m, session, Out::new(signature, signature_len));
    /// PKCS#11 2.40 section 5.11.
    beyond(session) fn C_SignRecoverInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::sign_recover_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.11.
    beyond(session) fn C_SignRecover(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE,
        signature_len: *mut CK_ULONG,
    ) |m| operations::sign_recover(m, session, In::new(data, data_len), Out::new(signature, signature_len));

    /// PKCS#11 2.40 section 5.12.
    with fn C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE)
        |m| operations::verify_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.12.
    with fn C_Verify(
        session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG,
    ) |m| operations::verify(m, session, In::new(data, data_len), In::new(signature, signature_len));
    /// PKCS#11 2.40 section 5.12.
    with fn C_VerifyUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG)
        |m| operations::verify_update(m, session, In::new(part, part_len));
    /// PKCS#11 2.40 section 5.12.
    with fn C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG)
        |m| operations::verify_final(m, session, In::new(signature, signature_len));
    /// PKCS#11 2.40 section 5.12.
    beyond(session) fn C_VerifyRecoverInit(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE,
    ) |m| operations::verify_recover_init(m, session, Src::new(mechanism), key);
    /// PKCS#11 2.40 section 5.12.
    beyond(session) fn C_VerifyRecover(
        session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG, data: *mut CK_BYTE,
        data_len: *mut CK_ULONG,
    ) |m| operations::verify_recover(m, session, In::new(signature, signature_len), Out::new(data, data_len));

    /// PKCS#11 2.40 section 5.13.
    beyond(session) fn C_DigestEncryptUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::digest_encrypt_update(m, session, In::new(part, part_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.13.
    beyond(session) fn C_DecryptDigestUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::decrypt_digest_update(m, session, In::new(part, part_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.13.
    beyond(session) fn C_SignEncryptUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::sign_encrypt_update(m, session, In::new(part, part_len), Out::new(output, output_len));
    /// PKCS#11 2.40 section 5.13.
    beyond(session) fn C_DecryptVerifyUpdate(
        session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG, output: *mut CK_BYTE, output_len: *mut CK_ULONG,
    ) |m| operations::decrypt_verify_update(m, session, In::new(part, part_len), Out::new(output, output_len));

    /// PKCS#11 2.40 section 5.14.
    with fn C_GenerateKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG,
        key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::generate_key(m, session, Src::new(mechanism), Template::new(template, count), Dest::new(key));
    /// PKCS#11 2.40 section 5.14.
    with fn C_GenerateKeyPair(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG,
        private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE,
        private_key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::generate_key_pair(
        m, session, Src::new(mechanism), Template::new(public, public_count), Template::new(private, private_count),
        Dest::new(public_key), Dest::new(private_key),
    );
    /// PKCS#11 2.40 section 5.14.
    with fn C_WrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE, wrapped_len: *mut CK_ULONG,
    ) |m| operations::wrap_key(m, session, Src::new(mechanism), wrapping, key, Out::new(wrapped, wrapped_len));
    /// PKCS#11 2.40 section 5.14.
    with fn C_UnwrapKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE,
        wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::unwrap_key(
        m, session, Src::new(mechanism), unwrapping, In::new(wrapped, wrapped_len), Template::new(template, count),
        Dest::new(key),
    );
    /// PKCS#11 2.40 section 5.14.
    with fn C_DeriveKey(
        session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE,
        count: CK_ULONG, key: *mut CK_OBJECT_HANDLE,
    ) |m| operations::derive_key(m, session, Src::new(mechanism), base, Template::new(template, count), Dest::new(key));

    /// PKCS#11 2.40 section 5.15.
    beyond(session) fn C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_len: CK_ULONG)
        |m| operations::seed_random(m, session, In::new(seed, seed_len));
    /// PKCS#11 2.40 section 5.15.
    with fn C_GenerateRandom(session: CK_SESSION_HANDLE, random: *mut CK_BYTE, random_len: CK_ULONG)
        |m| operations::generate_random(m, session, Room::new(random, random_len));

    /// PKCS#11 2.40 section 5.16.
    beyond(session) fn C_GetFunctionStatus(session: CK_SESSION_HANDLE) |_| not_parallel();
    /// PKCS#11 2.40 section 5.16.
    beyond(session) fn C_CancelFunction(session: CK_SESSION_HANDLE) |_| not_parallel();
}

fn not_parallel() -> Result<()> {
    Err(ReturnCode::FUNCTION_NOT_PARALLEL.into())
}
