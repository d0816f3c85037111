//! Lengths and counts that nothing can have.

use std::ptr;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::process::memory;
use strongroom_tests::raw::{Raw, Template, call};
use strongroom_tests::{alone, raw::Mechanism};

use crate::pointers::harmless;
use crate::table::{Arg, Memory};

#[test]
fn absurd_lengths_and_counts_are_refused_by_every_function() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let main = raw.logged_in(&cluster);
        let key = main.aes(true, "key").expect("a key");
        let mut arguments_memory = Memory::new();
        let before = memory(std::process::id());
        for function in harmless(&raw) {
            for (place, arg) in function.args.iter().enumerate() {
                // Attributes beyond a limit aren't read; of bytes, only what no process can have is absurd.
                let absurd: &[u64] = match arg {
                    Arg::Count => &[1 << 32, 1 << 47, 1 << 63, u64::MAX, u64::MAX / 24 + 1],
                    Arg::Len => &[1 << 47, 1 << 62, 1 << 63, u64::MAX],
                    _ => continue,
                };
                for count in absurd {
                    let session = raw.open().expect("C_OpenSession");
                    let mut arguments = arguments_memory.arguments(&function, session.handle, key, 0);
                    arguments[place] = *count;
                    let code = function.call(&arguments);
                    let wrong = [ReturnCode::OK, ReturnCode::GENERAL_ERROR, ReturnCode::HOST_MEMORY];
                    assert!(
                        !wrong.contains(&code),
                        "{} with {count:#x} in place {place}: {code}",
                        function.name
                    );
                    session.close().expect("C_CloseSession");
                }
            }
        }
        let grown = memory(std::process::id()).saturating_sub(before);
        assert!(grown < 4 << 20, "memory has grown by {grown} bytes");
    });
}

#[test]
fn buffers_that_are_said_to_be_endless_get_what_there_is() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "key").expect("a key pair");
        session.sign_init(&Mechanism::plain(CKM_ECDSA), pair.private).expect("C_SignInit");
        let (mut data, mut signature, mut len) = ([1u8; 32], [0u8; 64], u64::MAX);
        let out = signature.as_mut_ptr();
        call!(raw.functions(), C_Sign(session.handle, data.as_mut_ptr(), 32, out, &raw mut len))
            .expect("C_Sign");
        assert_eq!(len, 64);
        session.check_ecdsa(pair.public, &data, &signature).expect("a right signature");

        session.find_init(&Template::new()).expect("C_FindObjectsInit");
        let (mut found, mut count) = ([0; 8], 0);
        let room = found.as_mut_ptr();
        call!(raw.functions(), C_FindObjects(session.handle, room, u64::MAX, &raw mut count))
            .expect("C_FindObjects");
        assert_eq!(count, 2);
        session.find_final().expect("C_FindObjectsFinal");
    });
}

#[test]
fn data_longer_than_a_message_is_done_in_parts_or_refused() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let key = session.aes(true, "key").expect("a key");
        let long = vec![5; 40 << 20];
        let mechanism = Mechanism::with_bytes(CKM_AES_CBC, &[1; 16]);
        session.encrypt_init(&mechanism, key).expect("C_EncryptInit");
        let hidden = session.encrypt(&long).expect("C_Encrypt of 40 MiB");
        session.decrypt_init(&mechanism, key).expect("C_DecryptInit");
        assert!(session.decrypt(&hidden) == Ok(long.clone()), "40 MiB came back otherwise");

        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        assert_eq!(session.digest(&long).map(|digest| digest.len()), Ok(32));
        let pair = session.rsa(true, "key").expect("a key pair");
        session.sign_init(&Mechanism::plain(CKM_RSA_PKCS), pair.private).expect("C_SignInit");
        assert_eq!(session.sign(&long).unwrap_err(), ReturnCode::DATA_LEN_RANGE);
        session.sign_init(&Mechanism::plain(CKM_ECDSA), pair.private).unwrap_err();
        let mut random = vec![0; 20 << 20];
        session.random(&mut random).expect("C_GenerateRandom of 20 MiB");
        assert_ne!(random[random.len() - 16..], [0; 16]);
        assert_eq!(session.random(&mut []), Ok(()));
        let nothing = call!(raw.functions(), C_GenerateRandom(session.handle, ptr::null_mut(), 1));
        assert_eq!(nothing.unwrap_err(), ReturnCode::ARGUMENTS_BAD);
    });
}
