//! Calls in a session.

use std::ptr;

use cryptoki_sys::*;

use super::{Mechanism, P256, Rv, Template, call};

/// A session by its handle. It stays open when this is dropped.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    pub(super) functions: &'a CK_FUNCTION_LIST,
    /// Its handle.
    pub handle: CK_SESSION_HANDLE,
}

/// The halves of a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// For verification and encryption.
    pub public: CK_OBJECT_HANDLE,
    /// For signing and decryption.
    pub private: CK_OBJECT_HANDLE,
}

/// A function that takes data and gives out bytes.
type Through =
    unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;

/// More than anything here gives out.
const ROOM: usize = 64 << 10;

macro_rules! session_calls {
    ($($(#[$doc:meta])* $method:ident = $name:ident($($argument:ident: $type:ty),*) as ($($raw:expr),*);)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What it answers.
        pub fn $method(&self, $($argument: $type),*) -> Rv<()> {
            call!(self.functions, $name(self.handle, $($raw),*))
        }
    )*};
}

macro_rules! through_calls {
    ($($(#[$doc:meta])* $method:ident = $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What it answers.
        pub fn $method(&self, data: &[u8]) -> Rv<Vec<u8>> {
            self.through(self.functions.$name.expect(stringify!($name)), data)
        }
    )*};
}

macro_rules! final_calls {
    ($($(#[$doc:meta])* $method:ident = $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// What it answers.
        pub fn $method(&self) -> Rv<Vec<u8>> {
            let mut out = vec![0; ROOM];
            let mut len = ROOM as u64;
            call!(self.functions, $name(self.handle, out.as_mut_ptr(), &raw mut len))?;
            out.truncate(len as usize);
            Ok(out)
        }
    )*};
}

impl Session<'_> {
    session_calls! {
        /// `C_CloseSession`.
        close = C_CloseSession() as ();
        /// `C_Logout`.
        logout = C_Logout() as ();
        /// `C_DestroyObject`.
        destroy = C_DestroyObject(object: CK_OBJECT_HANDLE) as (object);
        /// `C_EncryptInit`.
        encrypt_init = C_EncryptInit(mechanism: &Mechanism, key: CK_OBJECT_HANDLE) as (&mut mechanism.raw(), key);
        /// `C_DecryptInit`.
        decrypt_init = C_DecryptInit(mechanism: &Mechanism, key: CK_OBJECT_HANDLE) as (&mut mechanism.raw(), key);
        /// `C_SignInit`.
        sign_init = C_SignInit(mechanism: &Mechanism, key: CK_OBJECT_HANDLE) as (&mut mechanism.raw(), key);
        /// `C_VerifyInit`.
        verify_init = C_VerifyInit(mechanism: &Mechanism, key: CK_OBJECT_HANDLE) as (&mut mechanism.raw(), key);
        /// `C_DigestInit`.
        digest_init = C_DigestInit(mechanism: &Mechanism) as (&mut mechanism.raw());
        /// `C_SignUpdate`.
        sign_update = C_SignUpdate(part: &[u8]) as (part.as_ptr().cast_mut(), part.len() as u64);
        /// `C_DigestUpdate`.
        digest_update = C_DigestUpdate(part: &[u8]) as (part.as_ptr().cast_mut(), part.len() as u64);
        /// `C_FindObjectsInit`.
        find_init = C_FindObjectsInit(template: &Template)
            as (template.raw().as_mut_ptr(), template.raw().len() as u64);
        /// `C_FindObjectsFinal`.
        find_final = C_FindObjectsFinal() as ();
        /// `C_Verify`.
        verify = C_Verify(data: &[u8], signature: &[u8]) as (
            data.as_ptr().cast_mut(), data.len() as u64, signature.as_ptr().cast_mut(), signature.len() as u64
        );
        /// `C_GenerateRandom`.
        random = C_GenerateRandom(out: &mut [u8]) as (out.as_mut_ptr(), out.len() as u64);
        /// `C_SetAttributeValue`.
        set = C_SetAttributeValue(object: CK_OBJECT_HANDLE, template: &Template)
            as (object, template.raw().as_mut_ptr(), template.raw().len() as u64);
    }

    through_calls! {
        /// `C_Encrypt`.
        encrypt = C_Encrypt;
        /// `C_EncryptUpdate`.
        encrypt_update = C_EncryptUpdate;
        /// `C_Decrypt`.
        decrypt = C_Decrypt;
        /// `C_DecryptUpdate`.
        decrypt_update = C_DecryptUpdate;
        /// `C_Sign`.
        sign = C_Sign;
        /// `C_Digest`.
        digest = C_Digest;
    }

    final_calls! {
        /// `C_EncryptFinal`.
        encrypt_final = C_EncryptFinal;
        /// `C_DecryptFinal`.
        decrypt_final = C_DecryptFinal;
        /// `C_SignFinal`.
        sign_final = C_SignFinal;
        /// `C_DigestFinal`.
        digest_final = C_DigestFinal;
    }

    /// `C_Login` as the crypto user.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn login(&self, pin: &str) -> Rv<()> {
        self.login_as(CKU_USER, pin.as_bytes())
    }

    /// `C_Login`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn login_as(&self, user: CK_USER_TYPE, pin: &[u8]) -> Rv<()> {
        call!(self.functions, C_Login(self.handle, user, pin.as_ptr().cast_mut(), pin.len() as u64))
    }

    /// `C_GetSessionInfo`; the state.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn state(&self) -> Rv<CK_STATE> {
        let mut info = CK_SESSION_INFO::default();
        call!(self.functions, C_GetSessionInfo(self.handle, &raw mut info)).map(|()| info.state)
    }

    /// `C_CreateObject`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn create(&self, template: &Template) -> Rv<CK_OBJECT_HANDLE> {
        let (mut attributes, mut object) = (template.raw(), 0);
        let count = attributes.len() as u64;
        call!(self.functions, C_CreateObject(self.handle, attributes.as_mut_ptr(), count, &raw mut object))?;
        Ok(object)
    }

    /// `C_GenerateKey`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn generate(&self, mechanism: CK_MECHANISM_TYPE, template: &Template) -> Rv<CK_OBJECT_HANDLE> {
        self.generate_with(&Mechanism::plain(mechanism), template)
    }

    /// `C_GenerateKey` by a mechanism with parameters.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn generate_with(&self, mechanism: &Mechanism, template: &Template) -> Rv<CK_OBJECT_HANDLE> {
        let mut mechanism = mechanism.raw();
        let (mut attributes, mut key) = (template.raw(), 0);
        let (start, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
        call!(self.functions, C_GenerateKey(self.handle, &raw mut mechanism, start, count, &raw mut key))?;
        Ok(key)
    }

    /// `C_DeriveKey`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn derive(
        &self,
        mechanism: &Mechanism,
        base: CK_OBJECT_HANDLE,
        template: &Template,
    ) -> Rv<CK_OBJECT_HANDLE> {
        let mut mechanism = mechanism.raw();
        let (mut attributes, mut key) = (template.raw(), 0);
        let (start, count) = (attributes.as_mut_ptr(), attributes.len() as u64);
        call!(
            self.functions,
            C_DeriveKey(self.handle, &raw mut mechanism, base, start, count, &raw mut key)
        )?;
        Ok(key)
    }

    /// `C_GenerateKeyPair`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn generate_pair(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        public: &Template,
        private: &Template,
    ) -> Rv<Pair> {
        let mut mechanism = Mechanism::plain(mechanism).raw();
        let (mut public, mut private) = (public.raw(), private.raw());
        let (public_len, private_len) = (public.len() as u64, private.len() as u64);
        let mut pair = Pair { public: 0, private: 0 };
        call!(
            self.functions,
            C_GenerateKeyPair(
                self.handle,
                &raw mut mechanism,
                public.as_mut_ptr(),
                public_len,
                private.as_mut_ptr(),
                private_len,
                &raw mut pair.public,
                &raw mut pair.private,
            )
        )?;
        Ok(pair)
    }

    /// `C_WrapKey`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn wrap(
        &self,
        mechanism: &Mechanism,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Rv<Vec<u8>> {
        let mut wrapped = vec![0; ROOM];
        let mut len = ROOM as u64;
        call!(
            self.functions,
            C_WrapKey(self.handle, &mut mechanism.raw(), wrapping, key, wrapped.as_mut_ptr(), &raw mut len)
        )?;
        wrapped.truncate(len as usize);
        Ok(wrapped)
    }

    /// `C_UnwrapKey`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn unwrap(
        &self,
        mechanism: &Mechanism,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: &Template,
    ) -> Rv<CK_OBJECT_HANDLE> {
        let (mut attributes, mut key) = (template.raw(), 0);
        let count = attributes.len() as u64;
        call!(
            self.functions,
            C_UnwrapKey(
                self.handle,
                &mut mechanism.raw(),
                unwrapping,
                wrapped.as_ptr().cast_mut(),
                wrapped.len() as u64,
                attributes.as_mut_ptr(),
                count,
                &raw mut key
            )
        )?;
        Ok(key)
    }

    /// `C_GetAttributeValue` of one attribute, as it stands.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn query(&self, object: CK_OBJECT_HANDLE, query: &mut CK_ATTRIBUTE) -> Rv<()> {
        call!(self.functions, C_GetAttributeValue(self.handle, object, query, 1))
    }

    /// `C_CopyObject`.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn copy(&self, object: CK_OBJECT_HANDLE, template: &Template) -> Rv<CK_OBJECT_HANDLE> {
        let (mut attributes, mut copy) = (template.raw(), 0);
        let count = attributes.len() as u64;
        call!(
            self.functions,
            C_CopyObject(self.handle, object, attributes.as_mut_ptr(), count, &raw mut copy)
        )?;
        Ok(copy)
    }

    /// A P-256 key pair.
    ///
    /// # Errors
    ///
    /// What `C_GenerateKeyPair` answers.
    pub fn p256(&self, token: bool, label: &str) -> Rv<Pair> {
        let public = Template::new().bytes(CKA_EC_PARAMS, P256).placed(token, label).may(&[CKA_VERIFY]);
        let private = Template::new().placed(token, label).may(&[CKA_SIGN, CKA_PRIVATE]);
        self.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private)
    }

    /// An RSA-2048 key pair.
    ///
    /// # Errors
    ///
    /// What `C_GenerateKeyPair` answers.
    pub fn rsa(&self, token: bool, label: &str) -> Rv<Pair> {
        let public = Template::new().number(CKA_MODULUS_BITS, 2048).bytes(CKA_PUBLIC_EXPONENT, [1, 0, 1]);
        let public = public.placed(token, label).may(&[CKA_VERIFY, CKA_ENCRYPT]);
        let private = Template::new().placed(token, label).may(&[CKA_SIGN, CKA_DECRYPT, CKA_PRIVATE]);
        self.generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private)
    }

    /// An AES-256 key.
    ///
    /// # Errors
    ///
    /// What `C_GenerateKey` answers.
    pub fn aes(&self, token: bool, label: &str) -> Rv<CK_OBJECT_HANDLE> {
        let template = Template::new().number(CKA_VALUE_LEN, 32).placed(token, label);
        self.generate(CKM_AES_KEY_GEN, &template.may(&[CKA_ENCRYPT, CKA_DECRYPT, CKA_PRIVATE]))
    }

    /// Signs a digest by ECDSA.
    ///
    /// # Errors
    ///
    /// What `C_SignInit` or `C_Sign` answers.
    pub fn ecdsa(&self, key: CK_OBJECT_HANDLE, digest: &[u8]) -> Rv<Vec<u8>> {
        self.sign_init(&Mechanism::plain(CKM_ECDSA), key)?;
        self.sign(digest)
    }

    /// Verifies a signature of a digest by ECDSA.
    ///
    /// # Errors
    ///
    /// What `C_VerifyInit` or `C_Verify` answers.
    pub fn check_ecdsa(&self, key: CK_OBJECT_HANDLE, digest: &[u8], signature: &[u8]) -> Rv<()> {
        self.verify_init(&Mechanism::plain(CKM_ECDSA), key)?;
        self.verify(digest, signature)
    }

    /// `C_GetAttributeValue` for one attribute, size and value.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn attribute(&self, object: CK_OBJECT_HANDLE, attribute: CK_ATTRIBUTE_TYPE) -> Rv<Vec<u8>> {
        let mut question = CK_ATTRIBUTE { type_: attribute, pValue: ptr::null_mut(), ulValueLen: 0 };
        call!(self.functions, C_GetAttributeValue(self.handle, object, &raw mut question, 1))?;
        let mut value = vec![0u8; question.ulValueLen as usize];
        question.pValue = value.as_mut_ptr().cast();
        call!(self.functions, C_GetAttributeValue(self.handle, object, &raw mut question, 1))?;
        Ok(value)
    }

    /// `C_FindObjects` for at most `limit` objects of the search under way.
    ///
    /// # Errors
    ///
    /// What it answers.
    pub fn find_next(&self, limit: usize) -> Rv<Vec<CK_OBJECT_HANDLE>> {
        let (mut found, mut count) = (vec![0; limit], 0);
        call!(self.functions, C_FindObjects(self.handle, found.as_mut_ptr(), limit as u64, &raw mut count))?;
        found.truncate(count as usize);
        Ok(found)
    }

    /// All objects with these attributes.
    ///
    /// # Errors
    ///
    /// What one of the three functions answers.
    pub fn find(&self, template: &Template) -> Rv<Vec<CK_OBJECT_HANDLE>> {
        self.find_init(template)?;
        let mut all = Vec::new();
        loop {
            let found = self.find_next(100)?;
            if found.is_empty() {
                break;
            }
            all.extend(found);
        }
        self.find_final()?;
        Ok(all)
    }

    fn through(&self, function: Through, data: &[u8]) -> Rv<Vec<u8>> {
        let mut out = vec![0; data.len() + ROOM];
        let mut len = out.len() as u64;
        let (start, data_len) = (data.as_ptr().cast_mut(), data.len() as u64);
        // SAFETY: the data is there, and the output as long as it says.
        let code = unsafe { function(self.handle, start, data_len, out.as_mut_ptr(), &raw mut len) };
        super::outcome(code)?;
        out.truncate(len as usize);
        Ok(out)
    }
}
