//! Calls that came with PKCS#11 3.2.

use std::ptr;

use cryptoki_sys::*;

use super::{Mechanism, Raw, Rv, Session, Template, call, outcome};

/// More than any ciphertext of a key has.
const ROOM: usize = 4 << 10;

impl Raw {
    /// The 3.2 function list.
    ///
    /// # Panics
    ///
    /// When `C_GetInterface` doesn't give one.
    pub fn functions_3_2(&self) -> &CK_FUNCTION_LIST_3_2 {
        let mut version = CK_VERSION { major: 3, minor: 2 };
        let mut interface: *mut CK_INTERFACE = ptr::null_mut();
        // SAFETY: the standard gives the symbol this type, and the arguments are there while it runs.
        let answer = unsafe {
            let get: CK_C_GetInterface =
                *self.module().library().get(b"C_GetInterface\0").expect("C_GetInterface is exported");
            get.expect("a function")(ptr::null_mut(), &raw mut version, &raw mut interface, 0)
        };
        outcome(answer).expect("C_GetInterface for 3.2");
        // SAFETY: an interface of this version has this list, which lives as long as the module.
        unsafe { &*(*interface).pFunctionList.cast::<CK_FUNCTION_LIST_3_2>() }
    }

    /// `C_EncapsulateKey`: the ciphertext and the secret's handle.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn encapsulate(
        &self,
        session: &Session<'_>,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        template: &Template,
    ) -> Rv<(Vec<u8>, CK_OBJECT_HANDLE)> {
        let (mut attributes, mut secret) = (template.raw(), 0);
        let (start, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
        let (mut out, mut len) = (vec![0; ROOM], ROOM as u64);
        let functions = self.functions_3_2();
        call!(
            functions,
            C_EncapsulateKey(
                session.handle,
                &mut mechanism.raw(),
                key,
                start,
                count,
                out.as_mut_ptr(),
                &raw mut len,
                &raw mut secret
            )
        )?;
        out.truncate(len as usize);
        Ok((out, secret))
    }

    /// `C_DecapsulateKey`: the secret's handle.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn decapsulate(
        &self,
        session: &Session<'_>,
        mechanism: &Mechanism,
        key: CK_OBJECT_HANDLE,
        ciphertext: &[u8],
        template: &Template,
    ) -> Rv<CK_OBJECT_HANDLE> {
        let (mut attributes, mut secret) = (template.raw(), 0);
        let (start, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
        let functions = self.functions_3_2();
        call!(
            functions,
            C_DecapsulateKey(
                session.handle,
                &mut mechanism.raw(),
                key,
                start,
                count,
                ciphertext.as_ptr().cast_mut(),
                ciphertext.len() as u64,
                &raw mut secret
            )
        )?;
        Ok(secret)
    }
}
