//! ECDH with one side's private key in the cluster.

use strongroom_testkit::Cluster;
use strongroom_tests::workbench::Workbench;

use crate::CURVES;

#[test]
fn both_sides_derive_the_same_secret_on_every_curve() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    for (number, curve) in CURVES.iter().enumerate() {
        let id = format!("0{number}");
        bench.tool(&format!("--keypairgen --key-type EC:{curve} --id {id} --label {curve} --usage-derive"));
        let public = bench.public_key(&id);
        bench.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out peer"));
        bench.openssl("pkey -in peer -pubout -outform DER -out peer.pub");
        bench.tool(&format!("--derive -m ECDH1-DERIVE --id {id} -i peer.pub -o ours"));
        bench.openssl(&format!("pkeyutl -derive -inkey peer -peerkey {public} -out theirs"));
        bench.same("ours", "theirs");
    }
    // The last peer's point isn't on the first curve.
    bench.write("ours", "");
    let said = bench.tool_fails("--derive -m ECDH1-DERIVE --id 01 -i peer.pub -o ours");
    assert!(said.contains("CKR_MECHANISM_PARAM_INVALID"), "{said}");
}
