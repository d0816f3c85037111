//! A log that can't grow: what it would have to tell of isn't done, and keys go on being used.

use std::fs;
use std::process::Command;

use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone_with_own_mounts;
use strongroom_tests::raw::Raw;

use crate::stream::{names, verify};

#[test]
fn a_full_disk_refuses_what_must_be_told_and_uses_go_on() {
    alone_with_own_mounts(|| {
        // The logs alone have the full disk, so that it's they who refuse.
        let mut cluster = Cluster::start();
        cluster.stop();
        let logs = cluster.home().join("audit");
        let kept = cluster.folder().join("kept");
        run(Command::new("cp").arg("-a").arg(&logs).arg(&kept));
        let mut mount = Command::new(strongroom_tests::program("mount", "mount"));
        run(mount.args(["-t", "tmpfs", "-o", "size=8m,mode=700", "strongroom"]).arg(&logs));
        run(Command::new("cp").arg("-a").arg(kept.join("default")).arg(&logs));
        cluster.start_again();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "before").expect("a key pair");
        session.find(&strongroom_tests::raw::Template::new()).expect("a search");

        let ballast = logs.join("ballast");
        let of = format!("of={}", ballast.display());
        // It fails, since that's the point.
        let filled = Command::new("dd").args(["if=/dev/zero", "bs=4k", &of]).output().expect("dd");
        assert!(!filled.status.success());
        let mut made = 0;
        let code = loop {
            match session.aes(false, "session") {
                Ok(_) => made += 1,
                Err(code) => break code,
            }
            assert!(made < 100_000, "the log never fills");
        };
        assert_eq!(code, ReturnCode::DEVICE_MEMORY);
        for _ in 0..20 {
            assert!(session.ecdsa(pair.private, &[1; 32]).is_ok(), "uses of keys go on");
            assert_eq!(session.p256(true, "refused").unwrap_err(), ReturnCode::DEVICE_MEMORY);
        }
        assert_eq!(
            session.find(&strongroom_tests::raw::Template::new().bytes(cryptoki_sys::CKA_LABEL, "refused")),
            Ok(vec![])
        );
        verify(&cluster);

        fs::remove_file(&ballast).expect("room");
        session.p256(true, "after").expect("a key pair, now that there's room");
        verify(&cluster);
        let told: usize = (0..2)
            .map(|node| {
                let names = names(&cluster, node, 0);
                names.iter().filter(|(name, code)| name == "CN_GENERATE_KEY" && *code == 0).count()
            })
            .sum();
        assert_eq!(told, made, "what was done was told");
    });
}
