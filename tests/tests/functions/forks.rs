//! What a forked child makes of the operations that its parent had under way.

use std::fs;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Session, call};

/// Runs something in a forked child and panics unless it went well.
fn in_child(what: impl FnOnce()) {
    // SAFETY: the test has a process of its own with one thread in calls.
    let child = unsafe { libc_fork() };
    if child == 0 {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what));
        // SAFETY: the child has nothing to clean up.
        unsafe { libc_exit(i32::from(ended.is_err())) };
    }
    let mut status = -1;
    // SAFETY: there is room for the status.
    let waited = unsafe { libc_waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child failed");
}

unsafe extern "C" {
    #[link_name = "fork"]
    fn libc_fork() -> i32;
    #[link_name = "_exit"]
    fn libc_exit(code: i32) -> !;
    #[link_name = "waitpid"]
    fn libc_waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
}

fn message(raw: &Raw, session: Session<'_>) -> Result<Vec<u8>, ReturnCode> {
    let (mut nonce, mut tag) = (vec![0; 12], [0; 16]);
    let mut params = CK_GCM_MESSAGE_PARAMS {
        pIv: nonce.as_mut_ptr(),
        ulIvLen: 12,
        ulIvFixedBits: 0,
        ivGenerator: CKG_GENERATE_COUNTER,
        pTag: tag.as_mut_ptr(),
        ulTagBits: 128,
    };
    let (mut out, mut len, mut data) = ([0; 4], 4, [1; 4]);
    let (null, size) = (std::ptr::null_mut(), size_of::<CK_GCM_MESSAGE_PARAMS>() as u64);
    let (params, data, place) = ((&raw mut params).cast(), data.as_mut_ptr(), out.as_mut_ptr());
    let handle = session.handle;
    call!(raw.newest(), C_EncryptMessage(handle, params, size, null, 0, data, 4, place, &raw mut len))
        .map(|()| nonce)
}

#[test]
fn a_child_goes_on_with_digests_and_signatures_but_repeats_no_nonce() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let (list, handle) = (raw.newest(), session.handle);
        let key = session.aes(true, "key").expect("a key");
        let pair = session.p256(true, "pair").expect("a key pair");
        let mut gcm = Mechanism::plain(CKM_AES_GCM).raw();
        let mut ecdsa = Mechanism::plain(CKM_ECDSA_SHA256).raw();
        call!(list, C_MessageEncryptInit(handle, &raw mut gcm, key)).expect("Init");
        call!(list, C_MessageSignInit(handle, &raw mut ecdsa, pair.private)).expect("Init");
        session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
        session.digest_update(b"before").expect("C_DigestUpdate");
        let first = message(&raw, session).expect("a message");

        let digests = [cluster.folder().join("parent"), cluster.folder().join("child")];
        in_child(|| {
            assert_eq!(message(&raw, session), Err(ReturnCode::OPERATION_NOT_INITIALIZED));
            fs::write(&digests[1], session.digest_final().expect("C_DigestFinal")).expect("a file");
            let (mut signature, mut len, mut data) = ([0; 64], 64, *b"data");
            let (data, place, null) = (data.as_mut_ptr(), signature.as_mut_ptr(), std::ptr::null_mut());
            call!(list, C_SignMessage(handle, null, 0, data, 4, place, &raw mut len)).expect("C_SignMessage");
            // Events are the child's own.
            let mut slot = 0;
            let none = call!(list, C_WaitForSlotEvent(CKF_DONT_BLOCK, &raw mut slot, std::ptr::null_mut()));
            assert_eq!(none, Err(ReturnCode::NO_EVENT));
        });
        assert_ne!(message(&raw, session).expect("the parent goes on"), first);
        fs::write(&digests[0], session.digest_final().expect("C_DigestFinal")).expect("a file");
        let [parent, child] = digests.map(|path| fs::read(path).expect("a digest"));
        assert_eq!(parent, child);
    });
}
