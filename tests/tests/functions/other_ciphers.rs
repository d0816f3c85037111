//! Messages by AES-CCM and ChaCha20-Poly1305, compared with encryption in one go.

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Rv, Session, Template, call};

/// A structure of parameters in C, as bytes.
struct Parameter<T>(T);

impl<T> Parameter<T> {
    fn of(&mut self) -> (*mut std::ffi::c_void, u64) {
        (ptr::from_mut(&mut self.0).cast(), size_of::<T>() as u64)
    }

    fn mechanism(&mut self, kind: CK_MECHANISM_TYPE) -> CK_MECHANISM {
        let (pointer, len) = self.of();
        CK_MECHANISM { mechanism: kind, pParameter: pointer, ulParameterLen: len }
    }
}

/// What both take beside their parameters.
struct Message<'a> {
    raw: &'a Raw,
    session: Session<'a>,
    aad: &'a [u8],
}

impl Message<'_> {
    fn whole<T>(&self, encrypts: bool, parameter: &mut Parameter<T>, data: &[u8]) -> Rv<Vec<u8>> {
        let list = self.raw.newest();
        let function = if encrypts { list.C_EncryptMessage } else { list.C_DecryptMessage };
        let (mut out, mut len) = (vec![0; data.len() + 1], data.len() as u64 + 1);
        let (pointer, size) = parameter.of();
        let (aad, aad_len) = (self.aad.as_ptr().cast_mut(), self.aad.len() as u64);
        let (at, data_len, place) = (data.as_ptr().cast_mut(), data.len() as u64, out.as_mut_ptr());
        let function = function.expect("a function");
        // SAFETY: all pointers lead to what their lengths say.
        let code = unsafe {
            function(self.session.handle, pointer, size, aad, aad_len, at, data_len, place, &raw mut len)
        };
        strongroom_tests::raw::outcome(code)?;
        out.truncate(len as usize);
        Ok(out)
    }

    /// Encrypts, in parts.
    fn parts<T>(&self, parameter: &mut Parameter<T>, data: &[u8]) -> Rv<Vec<u8>> {
        let (list, handle) = (self.raw.newest(), self.session.handle);
        let (pointer, size) = parameter.of();
        let (aad, aad_len) = (self.aad.as_ptr().cast_mut(), self.aad.len() as u64);
        call!(list, C_EncryptMessageBegin(handle, pointer, size, aad, aad_len))?;
        let mut all = Vec::new();
        let parts: Vec<_> = data.chunks(7).collect();
        for (number, part) in parts.iter().enumerate() {
            let flags = if number + 1 == parts.len() { CKF_END_OF_MESSAGE } else { 0 };
            let (mut out, mut len) = (vec![0; data.len()], data.len() as u64);
            let (at, part_len, place) = (part.as_ptr().cast_mut(), part.len() as u64, out.as_mut_ptr());
            call!(
                list,
                C_EncryptMessageNext(handle, pointer, size, at, part_len, place, &raw mut len, flags)
            )?;
            all.extend_from_slice(&out[..len as usize]);
        }
        Ok(all)
    }
}

/// `C_MessageEncryptInit` and `C_MessageDecryptInit`.
fn begin(raw: &Raw, session: Session<'_>, kind: CK_MECHANISM_TYPE, key: u64) {
    let mut mechanism = CK_MECHANISM { mechanism: kind, pParameter: ptr::null_mut(), ulParameterLen: 0 };
    call!(raw.newest(), C_MessageEncryptInit(session.handle, &raw mut mechanism, key)).expect("Init");
    call!(raw.newest(), C_MessageDecryptInit(session.handle, &raw mut mechanism, key)).expect("Init");
}

/// `C_Encrypt` with a mechanism.
fn encrypted(raw: &Raw, session: Session<'_>, mut mechanism: CK_MECHANISM, key: u64, data: &[u8]) -> Vec<u8> {
    call!(raw.newest(), C_EncryptInit(session.handle, &raw mut mechanism, key)).expect("C_EncryptInit");
    session.encrypt(data).expect("C_Encrypt")
}

#[test]
fn ccm_makes_messages_as_it_makes_data() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(false, "key").expect("a key");
        begin(&raw, session, CKM_AES_CCM, key);
        let (mut nonce, mut mac, data, mut aad) = ([3; 12], [0; 8], [7; 50], *b"for everybody");
        let message = Message { raw: &raw, session, aad: &aad.clone() };
        let mut parameter = Parameter(CK_CCM_MESSAGE_PARAMS {
            ulDataLen: 50,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            ulNonceFixedBits: 0,
            nonceGenerator: CKG_NO_GENERATE,
            pMAC: mac.as_mut_ptr(),
            ulMACLen: 8,
        });
        let mut plain = Parameter(CK_CCM_PARAMS {
            ulDataLen: 50,
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: 12,
            pAAD: aad.as_mut_ptr(),
            ulAADLen: aad.len() as u64,
            ulMACLen: 8,
        });
        let expected = encrypted(&raw, session, plain.mechanism(CKM_AES_CCM), key, &data);
        let ciphertext = message.whole(true, &mut parameter, &data).expect("C_EncryptMessage");
        assert_eq!([&ciphertext[..], &mac].concat(), expected);
        assert_eq!(message.whole(false, &mut parameter, &ciphertext), Ok(data.to_vec()));
        mac = [0; 8];
        assert_eq!(message.parts(&mut parameter, &data), Ok(ciphertext.clone()));
        assert_eq!([&ciphertext[..], &mac].concat(), expected, "in parts");
        mac[0] ^= 1;
        // It's read by way of a pointer.
        std::hint::black_box(&mac);
        let forged = message.whole(false, &mut parameter, &ciphertext);
        assert_eq!(forged, Err(ReturnCode::AEAD_DECRYPT_FAILED));
        parameter.0.nonceGenerator = CKG_GENERATE_COUNTER;
        message.whole(true, &mut parameter, &data).expect("C_EncryptMessage");
        assert_eq!(nonce, [0; 12]);
        parameter.0.ulMACLen = 7;
        assert_eq!(message.whole(true, &mut parameter, &data), Err(ReturnCode::MECHANISM_PARAM_INVALID));
    });
}

#[test]
fn chacha20_poly1305_makes_messages_as_it_makes_data() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let template = Template::new().may(&[CKA_ENCRYPT, CKA_DECRYPT]);
        let key = session.generate(CKM_CHACHA20_KEY_GEN, &template).expect("a key");
        begin(&raw, session, CKM_CHACHA20_POLY1305, key);
        let (mut nonce, mut tag, data, mut aad) = ([3; 24], [0; 16], [7; 50], *b"for everybody");
        let message = Message { raw: &raw, session, aad: &aad.clone() };
        for bits in [96, 192] {
            let mut parameter = Parameter(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS {
                pNonce: nonce.as_mut_ptr(),
                ulNonceLen: bits,
                pTag: tag.as_mut_ptr(),
            });
            let mut plain = Parameter(CK_SALSA20_CHACHA20_POLY1305_PARAMS {
                pNonce: nonce.as_mut_ptr(),
                ulNonceLen: bits,
                pAAD: aad.as_mut_ptr(),
                ulAADLen: aad.len() as u64,
            });
            let expected = encrypted(&raw, session, plain.mechanism(CKM_CHACHA20_POLY1305), key, &data);
            let ciphertext = message.whole(true, &mut parameter, &data).expect("C_EncryptMessage");
            assert_eq!([&ciphertext[..], &tag].concat(), expected);
            assert_eq!(message.whole(false, &mut parameter, &ciphertext), Ok(data.to_vec()));
            tag = [0; 16];
            assert_eq!(message.parts(&mut parameter, &data), Ok(ciphertext.clone()));
            assert_eq!([&ciphertext[..], &tag].concat(), expected, "in parts");
            tag[15] ^= 1;
            let forged = message.whole(false, &mut parameter, &ciphertext);
            assert_eq!(forged, Err(ReturnCode::AEAD_DECRYPT_FAILED));
        }
    });
}
