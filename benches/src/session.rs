//! PKCS#11 calls as an application makes them, nothing added.

use std::cell::Cell;
use std::ptr;

use cryptoki_sys::*;

/// A key pair, or a secret key as both its halves.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// For verification, encryption.
    pub public: CK_OBJECT_HANDLE,
    /// For signing, decryption.
    pub private: CK_OBJECT_HANDLE,
}

/// An open session; closed when dropped.
pub struct Session<'a> {
    pub(crate) functions: &'a CK_FUNCTION_LIST,
    pub(crate) handle: CK_SESSION_HANDLE,
    kept: Cell<bool>,
}

const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

macro_rules! call {
    ($session:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let function = $session.functions.$name.expect(stringify!($name));
        // SAFETY: every caller in this file passes pointers that are valid for the call, with their lengths.
        let rv = unsafe { function($session.handle, $($argument),*) };
        assert_eq!(rv, CKR_OK, stringify!($name));
    }};
}

impl<'a> Session<'a> {
    pub(crate) fn new(functions: &'a CK_FUNCTION_LIST, handle: CK_SESSION_HANDLE) -> Self {
        Self { functions, handle, kept: Cell::new(false) }
    }

    /// Leaves the session open for the rest of the process.
    pub(crate) fn keep(&self) {
        self.kept.set(true);
    }

    /// An RSA key pair.
    pub fn rsa(&self, bits: u64, token: bool, label: &str) -> Key {
        let exponent = [1u8, 0, 1];
        let public = [value(CKA_MODULUS_BITS, &bits), bytes(CKA_PUBLIC_EXPONENT, &exponent)];
        self.pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, token, label)
    }

    /// A P-256 key pair.
    pub fn p256(&self, token: bool, label: &str) -> Key {
        self.pair(CKM_EC_KEY_PAIR_GEN, &[bytes(CKA_EC_PARAMS, &P256)], token, label)
    }

    /// An AES-256 key.
    pub fn aes(&self, token: bool, label: &str) -> Key {
        self.secret(CKM_AES_KEY_GEN, &[flag(CKA_ENCRYPT), flag(CKA_DECRYPT)], token, label)
    }

    /// A generic secret of 32 bytes.
    pub fn generic(&self, token: bool, label: &str) -> Key {
        self.secret(CKM_GENERIC_SECRET_KEY_GEN, &[flag(CKA_SIGN), flag(CKA_VERIFY)], token, label)
    }

    /// `C_SignInit`, `C_Sign`; returns the length of the signature.
    pub fn sign(&self, mechanism: CK_MECHANISM_TYPE, key: Key, data: &[u8], out: &mut [u8]) -> usize {
        let mut mechanism = plain(mechanism);
        let mut len = out.len() as u64;
        call!(self, C_SignInit(&raw mut mechanism, key.private));
        call!(self, C_Sign(data.as_ptr().cast_mut(), data.len() as u64, out.as_mut_ptr(), &raw mut len));
        len as usize
    }

    /// `C_VerifyInit`, `C_Verify`.
    pub fn verify(&self, mechanism: CK_MECHANISM_TYPE, key: Key, data: &[u8], signature: &[u8]) {
        let mut mechanism = plain(mechanism);
        call!(self, C_VerifyInit(&raw mut mechanism, key.public));
        let (data_ptr, signature_ptr) = (data.as_ptr().cast_mut(), signature.as_ptr().cast_mut());
        call!(self, C_Verify(data_ptr, data.len() as u64, signature_ptr, signature.len() as u64));
    }

    /// AES-GCM with a 12-byte IV and a full tag.
    pub fn encrypt_gcm(&self, key: Key, data: &[u8], out: &mut [u8]) -> usize {
        let mut iv = [7u8; 12];
        let mut params = CK_GCM_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let mut mechanism = CK_MECHANISM {
            mechanism: CKM_AES_GCM,
            pParameter: (&raw mut params).cast(),
            ulParameterLen: size_of::<CK_GCM_PARAMS>() as u64,
        };
        let mut len = out.len() as u64;
        call!(self, C_EncryptInit(&raw mut mechanism, key.private));
        call!(self, C_Encrypt(data.as_ptr().cast_mut(), data.len() as u64, out.as_mut_ptr(), &raw mut len));
        len as usize
    }

    /// Handles of objects with a label, at most 16.
    pub fn find(&self, label: &str) -> usize {
        let mut template = [bytes(CKA_LABEL, label.as_bytes())];
        let mut found = [0; 16];
        let mut count = 0;
        call!(self, C_FindObjectsInit(template.as_mut_ptr(), 1));
        call!(self, C_FindObjects(found.as_mut_ptr(), 16, &raw mut count));
        call!(self, C_FindObjectsFinal());
        count as usize
    }

    /// Random bytes.
    pub fn random(&self, out: &mut [u8]) {
        call!(self, C_GenerateRandom(out.as_mut_ptr(), out.len() as u64));
    }

    /// SHA-256.
    pub fn sha256(&self, data: &[u8]) {
        let mut mechanism = plain(CKM_SHA256);
        let mut digest = [0u8; 32];
        let mut len = 32;
        call!(self, C_DigestInit(&raw mut mechanism));
        call!(self, C_Digest(data.as_ptr().cast_mut(), data.len() as u64, digest.as_mut_ptr(), &raw mut len));
    }

    /// Destroys both halves of a pair.
    pub fn destroy(&self, key: Key) {
        call!(self, C_DestroyObject(key.private));
        if key.public != key.private {
            call!(self, C_DestroyObject(key.public));
        }
    }

    fn pair(&self, mechanism: CK_MECHANISM_TYPE, public: &[CK_ATTRIBUTE], token: bool, label: &str) -> Key {
        let on_token = u8::from(token);
        let common = [value(CKA_TOKEN, &on_token), bytes(CKA_LABEL, label.as_bytes())];
        let mut public: Vec<_> = public.iter().chain(&common).copied().chain([flag(CKA_VERIFY)]).collect();
        let mut private: Vec<_> = common.into_iter().chain([flag(CKA_SIGN), flag(CKA_PRIVATE)]).collect();
        let mut mechanism = plain(mechanism);
        let mut key = Key { public: 0, private: 0 };
        call!(
            self,
            C_GenerateKeyPair(
                &raw mut mechanism,
                public.as_mut_ptr(),
                public.len() as u64,
                private.as_mut_ptr(),
                private.len() as u64,
                &raw mut key.public,
                &raw mut key.private,
            )
        );
        key
    }

    fn secret(&self, mechanism: CK_MECHANISM_TYPE, usages: &[CK_ATTRIBUTE], token: bool, label: &str) -> Key {
        let (on_token, len) = (u8::from(token), 32u64);
        let mut template: Vec<_> = usages.to_vec();
        template.extend([
            value(CKA_TOKEN, &on_token),
            value(CKA_VALUE_LEN, &len),
            bytes(CKA_LABEL, label.as_bytes()),
            flag(CKA_PRIVATE),
        ]);
        let mut mechanism = plain(mechanism);
        let mut handle = 0;
        let count = template.len() as u64;
        call!(self, C_GenerateKey(&raw mut mechanism, template.as_mut_ptr(), count, &raw mut handle));
        Key { public: handle, private: handle }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if !self.kept.get() {
            call!(self, C_CloseSession());
        }
    }
}

fn plain(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

fn flag(attribute: CK_ATTRIBUTE_TYPE) -> CK_ATTRIBUTE {
    static TRUE: u8 = CK_TRUE;
    value(attribute, &TRUE)
}

fn value<T>(attribute: CK_ATTRIBUTE_TYPE, value: &T) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: attribute,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: size_of::<T>() as u64,
    }
}

fn bytes(attribute: CK_ATTRIBUTE_TYPE, bytes: &[u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: attribute,
        pValue: bytes.as_ptr().cast_mut().cast(),
        ulValueLen: bytes.len() as u64,
    }
}
