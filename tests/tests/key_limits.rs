//! How many keys there may be under `cloudhsm`, through the module and by the command line (cloudhsm.md 4.6; item 65).

use cryptoki_sys::*;
use strongroom_model::{Limits, Profile, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::conversation::Conversation;
use strongroom_tests::raw::{Mechanism, Raw, Session, Template};

fn cluster() -> Cluster {
    let people = Cluster::builder().crypto_user("alice", "alices-secret").crypto_user("bob", "bobs-secret");
    // One node: session keys count where they are.
    people.profile("cloudhsm").nodes(1).start()
}

/// Has the module ask for no second node.
fn one_node_is_enough(cluster: &Cluster) {
    let own = cluster.folder().join("one.toml");
    let config = std::fs::read_to_string(cluster.config()).expect("client.toml");
    std::fs::write(&own, config + "key_availability_check = false\n").expect("a file");
    // SAFETY: no other thread of this process runs yet.
    unsafe { std::env::set_var("STRONGROOM_CONFIG", &own) };
}

fn start(cluster: &Cluster) -> Raw {
    let raw = Raw::load(cluster);
    one_node_is_enough(cluster);
    raw.initialize().expect("C_Initialize");
    raw
}

/// Makes session keys until there's no room; how many.
fn fill(session: &Session<'_>, most: usize, make: impl Fn() -> Result<(), ReturnCode>) -> usize {
    for made in 0..=most {
        if let Err(code) = make() {
            assert_eq!(code, ReturnCode::DEVICE_MEMORY);
            session.random(&mut [0; 8]).expect("a module that lives");
            return made;
        }
    }
    panic!("more than {most} keys were made");
}

#[test]
fn keys_are_limited_and_session_keys_count() {
    alone(|| {
        let cluster = cluster();
        let raw = start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        let limit = Limits::of(Profile::CloudHsm).keys;
        assert_eq!(limit, 16_666);
        let own = session.aes(true, "token key").expect("a key");
        let short = raw.open().expect("C_OpenSession");
        let keys = 500;
        for _ in 0..keys {
            short.aes(false, "short-lived").expect("a key");
        }
        let aes = || session.aes(false, "many").map(drop);
        assert_eq!(fill(&session, limit, aes), limit - 1 - keys);
        // The limit is everybody's, for keys of every kind and however they come about.
        assert_eq!(session.p256(false, "pair").map(drop), Err(ReturnCode::DEVICE_MEMORY));
        assert_eq!(session.aes(true, "token").map(drop), Err(ReturnCode::DEVICE_MEMORY));
        let imported = Template::key(CKO_SECRET_KEY, CKK_AES).bytes(CKA_VALUE, [1; 16]);
        assert_eq!(session.create(&imported).map(drop), Err(ReturnCode::DEVICE_MEMORY));
        let mut bob = Conversation::of(&cluster, cluster.folder(), "crypto-user", "bob", "bobs-secret");
        let refused = bob.fails("key generate-symmetric aes --label bobs --key-length-bytes 32");
        assert!(refused.contains("16666 keys") || refused.contains("at least 2 HSMs"), "{refused}");
        // What is there works, and room comes back.
        session.encrypt_init(&Mechanism::plain(CKM_AES_ECB), own).expect("C_EncryptInit");
        session.encrypt(&[0; 16]).expect("C_Encrypt");
        short.close().expect("C_CloseSession");
        assert_eq!(fill(&session, limit, aes), keys);
        session.destroy(own).expect("C_DestroyObject");
        session.aes(true, "room for one").expect("a key");
        assert_eq!(session.aes(true, "but not for two").map(drop), Err(ReturnCode::DEVICE_MEMORY));
        raw.finalize().expect("C_Finalize");
    });
}

#[test]
fn public_and_private_keys_are_limited_further() {
    alone(|| {
        let cluster = cluster();
        let raw = start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        session.login(cluster.pin_of("alice")).expect("alice's login");
        let limit = Limits::of(Profile::CloudHsm).asymmetric_keys;
        assert_eq!(limit, 3_333);
        let pair = session.p256(true, "token pair").expect("a pair");
        let p256 = || session.p256(false, "many").map(drop);
        assert_eq!(fill(&session, limit, p256), (limit - 2) / 2);
        assert_eq!(session.p256(true, "token").map(drop), Err(ReturnCode::DEVICE_MEMORY));
        session.aes(false, "still room for others").expect("a key");
        session.aes(true, "on the token, too").expect("a key");
        session.ecdsa(pair.private, &[1; 32]).expect("a signature");
        session.destroy(pair.private).expect("C_DestroyObject");
        assert_eq!(session.p256(true, "half a pair has room").map(drop), Ok(()), "3,333 is odd");
        assert_eq!(session.p256(true, "and another has none").map(drop), Err(ReturnCode::DEVICE_MEMORY));
        raw.finalize().expect("C_Finalize");
    });
}
