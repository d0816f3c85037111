//! Messages: each with its nonce, associated data and tag.

use std::collections::BTreeSet;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, P256, Raw, Rv, Session, Template, call};

/// The parameters of a message, and what they point to.
struct Gcm {
    nonce: Vec<u8>,
    tag: Vec<u8>,
    fixed_bits: u64,
    generator: CK_GENERATOR_FUNCTION,
}

impl Gcm {
    fn new(nonce: &[u8], generator: CK_GENERATOR_FUNCTION) -> Self {
        Self { nonce: nonce.to_vec(), tag: vec![0; 16], fixed_bits: 0, generator }
    }

    fn raw(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.nonce.as_mut_ptr(),
            ulIvLen: self.nonce.len() as u64,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: self.tag.len() as u64 * 8,
        }
    }
}

const SIZE: u64 = size_of::<CK_GCM_MESSAGE_PARAMS>() as u64;

/// A session that works on messages.
#[derive(Clone, Copy)]
struct Desk<'a> {
    raw: &'a Raw,
    session: Session<'a>,
}

impl Desk<'_> {
    fn init(self, key: u64) -> Rv<()> {
        let mut mechanism = Mechanism::plain(CKM_AES_GCM).raw();
        let (list, session) = (self.raw.newest(), self.session.handle);
        call!(list, C_MessageEncryptInit(session, &raw mut mechanism, key))?;
        call!(list, C_MessageDecryptInit(session, &raw mut mechanism, key))
    }

    fn encrypt(self, params: &mut Gcm, aad: &[u8], data: &[u8]) -> Rv<Vec<u8>> {
        let (mut out, mut len) = (vec![0; data.len() + 1], data.len() as u64 + 1);
        let (at, aad_at) = (data.as_ptr().cast_mut(), aad.as_ptr().cast_mut());
        let (data_len, aad_len) = (data.len() as u64, aad.len() as u64);
        let mut ck = params.raw();
        let (ck, handle, place) = ((&raw mut ck).cast(), self.session.handle, out.as_mut_ptr());
        call!(
            self.raw.newest(),
            C_EncryptMessage(handle, ck, SIZE, aad_at, aad_len, at, data_len, place, &raw mut len)
        )?;
        out.truncate(len as usize);
        Ok(out)
    }

    fn decrypt(self, params: &mut Gcm, aad: &[u8], data: &[u8]) -> Rv<Vec<u8>> {
        let (mut out, mut len) = (vec![0; data.len() + 1], data.len() as u64 + 1);
        let (at, aad_at) = (data.as_ptr().cast_mut(), aad.as_ptr().cast_mut());
        let (data_len, aad_len) = (data.len() as u64, aad.len() as u64);
        let mut ck = params.raw();
        let (ck, handle, place) = ((&raw mut ck).cast(), self.session.handle, out.as_mut_ptr());
        call!(
            self.raw.newest(),
            C_DecryptMessage(handle, ck, SIZE, aad_at, aad_len, at, data_len, place, &raw mut len)
        )?;
        out.truncate(len as usize);
        Ok(out)
    }

    fn encrypt_in_parts(self, params: &mut Gcm, aad: &[u8], parts: &[&[u8]]) -> Rv<Vec<u8>> {
        let (list, handle, mut ck) = (self.raw.newest(), self.session.handle, params.raw());
        let ck = (&raw mut ck).cast();
        let (aad_at, aad_len) = (aad.as_ptr().cast_mut(), aad.len() as u64);
        call!(list, C_EncryptMessageBegin(handle, ck, SIZE, aad_at, aad_len))?;
        let mut all = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let flags = if number + 1 == parts.len() { CKF_END_OF_MESSAGE } else { 0 };
            let (mut out, mut len) = (vec![0; part.len()], part.len() as u64);
            let (at, part_len, place) = (part.as_ptr().cast_mut(), part.len() as u64, out.as_mut_ptr());
            call!(list, C_EncryptMessageNext(handle, ck, SIZE, at, part_len, place, &raw mut len, flags))?;
            all.extend_from_slice(&out[..len as usize]);
        }
        Ok(all)
    }

    fn decrypt_in_parts(self, params: &mut Gcm, aad: &[u8], parts: &[&[u8]]) -> Rv<Vec<u8>> {
        let (list, handle, mut ck) = (self.raw.newest(), self.session.handle, params.raw());
        let ck = (&raw mut ck).cast();
        let (aad_at, aad_len) = (aad.as_ptr().cast_mut(), aad.len() as u64);
        call!(list, C_DecryptMessageBegin(handle, ck, SIZE, aad_at, aad_len))?;
        let room: usize = parts.iter().map(|part| part.len()).sum();
        let mut all = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let flags = if number + 1 == parts.len() { CKF_END_OF_MESSAGE } else { 0 };
            let (mut out, mut len) = (vec![0; room], room as u64);
            let (at, part_len, place) = (part.as_ptr().cast_mut(), part.len() as u64, out.as_mut_ptr());
            call!(list, C_DecryptMessageNext(handle, ck, SIZE, at, part_len, place, &raw mut len, flags))?;
            assert!(flags != 0 || len == 0, "plaintext before the tag was looked at");
            all.extend_from_slice(&out[..len as usize]);
        }
        Ok(all)
    }
}

#[test]
fn messages_are_what_encryption_in_one_go_makes() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let desk = Desk { raw: &raw, session };
        let key = session.aes(true, "key").expect("a key");
        desk.init(key).expect("C_MessageEncryptInit");
        let message: Vec<u8> = (0..300_000u32).map(|at| at as u8).collect();
        for (len, tag_len) in [(0, 16), (1, 16), (16, 12), (1000, 16), (300_000, 13)] {
            let data = &message[..len];
            let mut params = Gcm::new(&[5; 12], CKG_NO_GENERATE);
            params.tag = vec![0; tag_len];
            let ciphertext = desk.encrypt(&mut params, b"aad", data).expect("C_EncryptMessage");
            let whole = Mechanism::gcm(&[5; 12], b"aad", tag_len as u64 * 8);
            session.encrypt_init(&whole, key).expect("C_EncryptInit");
            let expected = session.encrypt(data).expect("C_Encrypt");
            assert_eq!([&ciphertext[..], &params.tag].concat(), expected, "{len} bytes");
            assert_eq!(desk.decrypt(&mut params, b"aad", &ciphertext).as_deref(), Ok(data));

            let cut = [len / 3, len / 2, len];
            let parts = |of: &'static str| (of, [(0, cut[0]), (cut[0], cut[1]), (cut[1], cut[2])]);
            let (_, ranges) = parts("message");
            let split = |bytes: &[u8]| ranges.map(|(from, to)| bytes[from..to].to_vec());
            let (plain_parts, mut again) = (split(data), Gcm::new(&[5; 12], CKG_NO_GENERATE));
            again.tag = vec![0; tag_len];
            let slices = plain_parts.each_ref().map(Vec::as_slice);
            let in_parts = desk.encrypt_in_parts(&mut again, b"aad", &slices).expect("in parts");
            assert_eq!((&in_parts, &again.tag), (&ciphertext, &params.tag));
            let hidden = split(&ciphertext);
            let slices = hidden.each_ref().map(Vec::as_slice);
            assert_eq!(desk.decrypt_in_parts(&mut again, b"aad", &slices).as_deref(), Ok(data));
            let one = desk.encrypt_in_parts(&mut again, b"aad", &[data]).expect("in one part");
            assert_eq!((&one, &again.tag), (&ciphertext, &params.tag));
        }
    });
}

#[test]
fn nonces_are_made_as_the_generator_says() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let desk = Desk { raw: &raw, session };
        let key = session.aes(false, "key").expect("a key");
        desk.init(key).expect("C_MessageEncryptInit");
        let mut nonces = BTreeSet::new();
        for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM] {
            for _ in 0..50 {
                let mut params = Gcm::new(&[0; 12], generator);
                let ciphertext = desk.encrypt(&mut params, b"", b"message").expect("C_EncryptMessage");
                assert_eq!(desk.decrypt(&mut params, b"", &ciphertext), Ok(b"message".to_vec()));
                assert!(nonces.insert(params.nonce), "the same nonce twice");
            }
        }
        let made = |fixed_bits, generator, given: [u8; 12]| {
            let mut params = Gcm::new(&given, generator);
            params.fixed_bits = fixed_bits;
            desk.encrypt(&mut params, b"", b"message").map(|_| params.nonce)
        };
        let random = made(32, CKG_GENERATE, [0xab; 12]).expect("a nonce");
        assert_eq!(random[..4], [0xab; 4]);
        assert_ne!(random[4..], [0xab; 8]);
        assert_eq!(
            made(33, CKG_GENERATE, [0; 12]),
            Err(ReturnCode::MECHANISM_PARAM_INVALID),
            "63 random bits"
        );
        assert_eq!(made(97, CKG_NO_GENERATE, [0; 12]), Err(ReturnCode::MECHANISM_PARAM_INVALID));
        assert_eq!(made(0, 9, [0; 12]), Err(ReturnCode::MECHANISM_PARAM_INVALID));
        assert_eq!(made(0, CKG_NO_GENERATE, [3; 12]), Ok(vec![3; 12]));

        // Counters start at zero with each Init.
        call!(raw.newest(), C_MessageEncryptFinal(session.handle)).expect("Final");
        call!(raw.newest(), C_MessageDecryptFinal(session.handle)).expect("Final");
        desk.init(key).expect("C_MessageEncryptInit");
        let fixed = |last: u8| [&[0xcd; 11][..], &[last]].concat();
        for count in 0..4 {
            let given = [0xcd; 12];
            assert_eq!(made(94, CKG_GENERATE_COUNTER, given), Ok(fixed(0xcc | count)), "message {count}");
        }
        let exhausted = made(94, CKG_GENERATE_COUNTER, [0xcd; 12]);
        assert_eq!(exhausted, Err(ReturnCode::MECHANISM_PARAM_INVALID), "two bits count four messages");
        assert_eq!(made(64, CKG_GENERATE_COUNTER_XOR, [0xf0; 12]), Ok([&[0xf0; 11][..], &[0xf4]].concat()));
    });
}

#[test]
fn forgeries_and_misuse_end_a_message_but_not_the_others() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (desk, list) = (Desk { raw: &raw, session }, raw.newest());
        let key = session.aes(false, "key").expect("a key");
        desk.init(key).expect("C_MessageEncryptInit");
        assert_eq!(desk.init(key), Err(ReturnCode::OPERATION_ACTIVE));
        let mut params = Gcm::new(&[0; 12], CKG_GENERATE);
        let ciphertext = desk.encrypt(&mut params, b"aad", b"a message").expect("C_EncryptMessage");
        let forged = Err(ReturnCode::AEAD_DECRYPT_FAILED);
        assert_eq!(desk.decrypt(&mut params, b"bad", &ciphertext), forged);
        assert_eq!(desk.decrypt(&mut params, b"aad", &ciphertext[1..]), forged);
        assert_eq!(desk.decrypt_in_parts(&mut params, b"bad", &[&ciphertext[..3], &ciphertext[3..]]), forged);
        params.tag[3] ^= 1;
        assert_eq!(desk.decrypt(&mut params, b"aad", &ciphertext), forged);
        params.tag[3] ^= 1;
        params.nonce[0] ^= 1;
        assert_eq!(desk.decrypt(&mut params, b"aad", &ciphertext), forged);
        params.nonce[0] ^= 1;
        assert_eq!(desk.decrypt(&mut params, b"aad", &ciphertext), Ok(b"a message".to_vec()));

        // Length first, then too little room, then enough: one nonce, one message.
        let mut ck = params.raw();
        let (handle, ck) = (session.handle, (&raw mut ck).cast());
        let (mut out, mut len, data) = ([0; 16], 0, b"nine byte".as_ptr().cast_mut());
        let encrypt = |place: *mut u8, len: &mut u64| {
            call!(
                list,
                C_EncryptMessage(
                    handle,
                    ck,
                    SIZE,
                    std::ptr::null_mut(),
                    0,
                    data,
                    9,
                    place,
                    std::ptr::from_mut(len)
                )
            )
        };
        assert_eq!((encrypt(std::ptr::null_mut(), &mut len), len), (Ok(()), 9));
        len = 8;
        assert_eq!((encrypt(out.as_mut_ptr(), &mut len), len), (Err(ReturnCode::BUFFER_TOO_SMALL), 9));
        let before = params.nonce.clone();
        assert_eq!((encrypt(out.as_mut_ptr(), &mut len), len), (Ok(()), 9));
        assert_ne!(params.nonce, before);

        // In the middle of a message there is no other.
        let null = std::ptr::null_mut();
        call!(list, C_EncryptMessageBegin(handle, ck, SIZE, null, 0)).expect("Begin");
        let active = Err(ReturnCode::OPERATION_ACTIVE);
        assert_eq!(call!(list, C_EncryptMessageBegin(handle, ck, SIZE, null, 0)), active);
        assert_eq!(desk.encrypt(&mut params, b"", b"x"), Err(ReturnCode::OPERATION_ACTIVE));
        assert_eq!(call!(list, C_MessageEncryptFinal(handle)), active);
        let next = |part_len, flags| {
            let mut len = 0;
            call!(list, C_EncryptMessageNext(handle, ck, SIZE, null, part_len, null, &raw mut len, flags))
        };
        assert_eq!(next(5, 0), Err(ReturnCode::ARGUMENTS_BAD));
        assert_eq!(next(0, 0), Err(ReturnCode::OPERATION_NOT_INITIALIZED), "the error ended the message");
        assert!(desk.encrypt(&mut params, b"", b"another").is_ok());
        call!(list, C_EncryptMessageBegin(handle, ck, SIZE, null, 0)).expect("Begin");
        call!(list, C_SessionCancel(handle, CKF_MESSAGE_ENCRYPT)).expect("C_SessionCancel");
        assert_eq!(call!(list, C_MessageEncryptFinal(handle)), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
        assert_eq!(desk.decrypt(&mut params, b"", b""), forged, "decryption goes on");

        let ecb = &mut Mechanism::plain(CKM_AES_ECB).raw();
        let refusal = call!(list, C_MessageEncryptInit(handle, ecb, key)).unwrap_err();
        assert_eq!(refusal, ReturnCode::MECHANISM_INVALID);
        let unable = Template::new().number(CKA_VALUE_LEN, 32).flag(CKA_ENCRYPT, false);
        let unable = session.generate(CKM_AES_KEY_GEN, &unable.may(&[CKA_DECRYPT])).expect("a key");
        let gcm = &mut Mechanism::plain(CKM_AES_GCM).raw();
        let refusal = call!(list, C_MessageEncryptInit(handle, gcm, unable)).unwrap_err();
        assert_eq!(refusal, ReturnCode::KEY_FUNCTION_NOT_PERMITTED);
    });
}

#[test]
fn messages_are_signed_and_verified_one_after_the_other() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (list, handle) = (raw.newest(), session.handle);
        let pair = session.p256(true, "key").expect("a key pair");
        let mut mechanism = Mechanism::plain(CKM_ECDSA_SHA256).raw();
        let null: *mut u8 = std::ptr::null_mut();
        call!(list, C_MessageSignInit(handle, &raw mut mechanism, pair.private)).expect("Init");
        call!(list, C_MessageVerifyInit(handle, &raw mut mechanism, pair.public)).expect("Init");
        let long: Vec<u8> = (0..100_000u32).map(|at| at as u8).collect();
        for message in [&b""[..], b"one", &long] {
            let (at, len) = (message.as_ptr().cast_mut(), message.len() as u64);
            let (mut signature, mut signature_len) = ([0; 64], 64);
            let place = signature.as_mut_ptr();
            call!(list, C_SignMessage(handle, null.cast(), 0, at, len, place, &raw mut signature_len))
                .expect("C_SignMessage");
            call!(list, C_VerifyMessage(handle, null.cast(), 0, at, len, place, 64))
                .expect("C_VerifyMessage");
            signature[7] ^= 1;
            let wrong =
                call!(list, C_VerifyMessage(handle, null.cast(), 0, at, len, signature.as_mut_ptr(), 64));
            assert_eq!(wrong, Err(ReturnCode::SIGNATURE_INVALID), "and verification goes on");

            call!(list, C_SignMessageBegin(handle, null.cast(), 0)).expect("Begin");
            let half = message.len() / 2;
            let rest = message[half..].as_ptr().cast_mut();
            let rest_len = (message.len() - half) as u64;
            let next = |at, len, place, place_len: *mut u64| {
                call!(list, C_SignMessageNext(handle, null.cast(), 0, at, len, place, place_len))
            };
            next(at, half as u64, null, std::ptr::null_mut()).expect("the first part");
            let mut room = 10;
            let small = next(rest, rest_len, signature.as_mut_ptr(), &raw mut room);
            assert_eq!((small, room), (Err(ReturnCode::BUFFER_TOO_SMALL), 64));
            next(rest, rest_len, signature.as_mut_ptr(), &raw mut room).expect("the last part");
            let whole =
                call!(list, C_VerifyMessage(handle, null.cast(), 0, at, len, signature.as_mut_ptr(), 64));
            assert_eq!(whole, Ok(()));
            call!(list, C_VerifyMessageBegin(handle, null.cast(), 0)).expect("Begin");
            call!(list, C_VerifyMessageNext(handle, null.cast(), 0, at, half as u64, null, 0)).expect("Next");
            let place = signature.as_mut_ptr();
            call!(list, C_VerifyMessageNext(handle, null.cast(), 0, rest, rest_len, place, 64))
                .expect("last");
        }
        call!(list, C_SignMessageBegin(handle, null.cast(), 0)).expect("Begin");
        assert_eq!(call!(list, C_MessageSignFinal(handle)), Err(ReturnCode::OPERATION_ACTIVE));
        call!(list, C_MessageSignInit(handle, null.cast(), 0)).expect("given up");
        call!(list, C_MessageVerifyFinal(handle)).expect("Final");
        assert_eq!(call!(list, C_MessageVerifyFinal(handle)), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn a_key_that_wants_a_login_for_each_use_wants_one_for_each_message() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (list, handle) = (raw.newest(), session.handle);
        let public = Template::new().bytes(CKA_EC_PARAMS, P256).may(&[CKA_VERIFY]);
        let private = Template::new().may(&[CKA_SIGN, CKA_PRIVATE, CKA_ALWAYS_AUTHENTICATE]);
        let pair = session.generate_pair(CKM_EC_KEY_PAIR_GEN, &public, &private).expect("a key pair");
        let mut mechanism = Mechanism::plain(CKM_ECDSA).raw();
        call!(list, C_MessageSignInit(handle, &raw mut mechanism, pair.private)).expect("Init");
        let sign = || {
            let (mut signature, mut len, mut digest) = ([0; 64], 64, [7; 32]);
            let (digest, place) = (digest.as_mut_ptr(), signature.as_mut_ptr());
            let null = std::ptr::null_mut();
            call!(list, C_SignMessage(handle, null, 0, digest, 32, place, &raw mut len))
        };
        for _ in 0..3 {
            assert_eq!(sign(), Err(ReturnCode::USER_NOT_LOGGED_IN));
            session.login_as(CKU_CONTEXT_SPECIFIC, cluster.pin().as_bytes()).expect("C_Login");
            assert_eq!(sign(), Ok(()));
        }
    });
}
