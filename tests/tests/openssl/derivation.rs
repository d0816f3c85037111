//! ECDH with one side's private key in the cluster.

use strongroom_testkit::{Cluster, run};
use strongroom_tests::openssl::{OpenSsl, plain};

#[test]
fn pkeyutl_derives_the_same_secret_as_the_peer() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (curve, length, id) in [("prime256v1", 32, "01"), ("secp384r1", 48, "02"), ("secp521r1", 66, "03")] {
        let public = openssl.generate(&format!("EC:{curve}"), curve, id);
        let (peer, peer_public) = (openssl.path("peer"), openssl.path("peer.pub"));
        run(plain(&[
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            &format!("ec_paramgen_curve:{curve}"),
            "-out",
        ])
        .arg(&peer));
        run(plain(&["pkey", "-pubout", "-in"]).arg(&peer).arg("-out").arg(&peer_public));

        let ours = run(openssl
            .engine("pkeyutl", &["-derive", "-keyform", "engine", "-inkey", &openssl.uri(curve), "-peerkey"])
            .arg(&peer_public));
        let theirs = run(plain(&["pkeyutl", "-derive", "-inkey"]).arg(&peer).arg("-peerkey").arg(&public));
        assert_eq!(ours.stdout_bytes().len(), length, "{}", ours.report());
        assert_eq!(ours.stdout_bytes(), theirs.stdout_bytes(), "{curve}");
    }
}
