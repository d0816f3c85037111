//! A full disk: making keys fails with `CKR_DEVICE_MEMORY`, all else goes on, and so do keys when there is room.

use std::fs;
use std::path::Path;
use std::process::Command;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone_with_own_mounts;
use strongroom_tests::raw::{Raw, Session, Template};

/// Fills a file system to the last byte, by a file.
fn fill(file: &Path) {
    // It fails, since that's the point.
    let filled =
        Command::new("dd").args(["if=/dev/zero", "bs=4k"]).arg(format!("of={}", file.display())).output();
    assert!(!filled.expect("dd").status.success(), "the disk isn't full");
}

/// Makes keys until one fails; how many there are then, and the code.
fn make_until_it_fails(session: Session<'_>, label: &str) -> (usize, ReturnCode) {
    // A value that takes room: what changes little may fit into what the store holds already.
    let template = Template::of(CKO_DATA).placed(true, label).bytes(CKA_VALUE, vec![3; 100 << 10]);
    for made in 0..500 {
        if let Err(code) = session.create(&template) {
            return (made, code);
        }
    }
    panic!("500 objects of 100 KiB fit into a full disk");
}

#[test]
fn a_full_disk_refuses_keys_and_nothing_else_and_is_over_when_there_is_room() {
    alone_with_own_mounts(|| {
        let folder = std::env::temp_dir();
        let mut mount = Command::new(strongroom_tests::program("mount", "mount"));
        run(mount.args(["-t", "tmpfs", "-o", "size=16m,mode=711", "strongroom"]).arg(&folder));
        let mut cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "before").expect("a key pair");
        let ballast = folder.join("ballast");
        fill(&ballast);

        let (made, code) = make_until_it_fails(session, "large");
        assert_eq!(code, ReturnCode::DEVICE_MEMORY);
        let count =
            |label: &str| session.find(&Template::new().bytes(CKA_LABEL, label)).expect("a search").len();
        for _ in 0..5 {
            let refused = session
                .create(&Template::of(CKO_DATA).placed(true, "large").bytes(CKA_VALUE, vec![4; 100 << 10]));
            assert_eq!(refused.unwrap_err(), ReturnCode::DEVICE_MEMORY);
        }
        assert_eq!(count("large"), made, "nothing half-made is visible");
        // Keys in use aren't the disk's business.
        let signature = session.ecdsa(pair.private, &[1; 32]).expect("a signature");
        session.check_ecdsa(pair.public, &[1; 32], &signature).expect("a right one");
        let own = session.p256(false, "session").expect("a session key");
        assert!(session.ecdsa(own.private, &[1; 32]).is_ok());
        assert_eq!(session.attribute(pair.private, CKA_LABEL), Ok(b"before".to_vec()));
        assert!(cluster.log().to_lowercase().contains("space"), "the daemon's log says nothing of the disk");

        fs::remove_file(&ballast).expect("room");
        let late = session.p256(true, "after").expect("a key pair, now that there is room");
        assert!(session.ecdsa(late.private, &[1; 32]).is_ok());
        cluster.kill();
        cluster.start_again();
        assert_eq!([count("before"), count("large"), count("after")], [2, made, 2]);
        assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
        assert!(session.ecdsa(late.private, &[1; 32]).is_ok());
        eprintln!("{made} objects of 100 KiB found room in the store's own files after the disk was full");

        // Killed now, it may find no room to start, says so, and has lost nothing.
        fill(&ballast);
        assert_eq!(make_until_it_fails(session, "more").1, ReturnCode::DEVICE_MEMORY);
        let more = count("more");
        cluster.kill();
        fill(&ballast);
        let up = cluster.strongroom(&["up"]).output().expect("strongroom up");
        let said = String::from_utf8_lossy(&up.stdout);
        assert!(up.status.success() || said.contains("free some space"), "{said}");
        fs::remove_file(&ballast).expect("room");
        cluster.start_again();
        assert_eq!([count("before"), count("large"), count("after"), count("more")], [2, made, 2, more]);
    });
}
