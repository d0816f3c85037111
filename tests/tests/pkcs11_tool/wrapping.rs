//! Keys leave the cluster wrapped, are understood elsewhere, and come back.

use strongroom_testkit::Cluster;
use strongroom_tests::workbench::{Workbench, unhex};

use crate::value;

const IV: &str = "000102030405060708090a0b0c0d0e0f";
const WRAPPING: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn aes_wraps_as_openssl_does() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("wrapping", unhex(WRAPPING));
    bench.tool(
        "--write-object wrapping --type secrkey --key-type AES:32 --id 01 --label wrapping --sensitive",
    );
    let made = bench.tool("--keygen --key-type AES:24 --id 02 --label wrapped --extractable");
    let key = value(&made, "VALUE");
    bench.write("key", unhex(key));
    for (mechanism, iv, cipher) in [
        ("AES-KEY-WRAP", "", "id-aes256-wrap -iv A6A6A6A6A6A6A6A6"),
        // CKM_AES_KEY_WRAP_KWP, which the tool has no name for.
        ("0x210B", "", "id-aes256-wrap-pad -iv A65959A6"),
        ("AES-CBC-PAD", &*format!("--iv {IV}"), &*format!("aes-256-cbc -iv {IV}")),
    ] {
        let wrap = format!("-m {mechanism} {iv} --id 01");
        bench.tool(&format!("--wrap {wrap} --application-id 02 -o wrapped"));
        bench.openssl(&format!("enc -d -{cipher} -K {WRAPPING} -in wrapped -out unwrapped"));
        bench.same("unwrapped", "key");
        // What somebody else wrapped.
        bench.openssl(&format!("enc -{cipher} -K {WRAPPING} -in key -out wrapped"));
        let back = bench.tool(&format!(
            "--unwrap {wrap} -i wrapped --key-type AES: --application-id 03 --application-label back --extractable"
        ));
        assert_eq!((value(&back, "VALUE"), value(&back, "Access")), (key, "extractable"), "{back}");
        bench.tool("--delete-object --type secrkey --id 03");

        let mut damaged = bench.read("wrapped");
        damaged[3] ^= 1;
        bench.write("damaged", damaged);
        if mechanism != "AES-CBC-PAD" {
            let said =
                bench.tool_fails(&format!("--unwrap {wrap} -i damaged --key-type AES: --application-id 03"));
            assert!(said.contains("CKR_WRAPPED_KEY_INVALID"), "{mechanism}: {said}");
        }
    }
}

#[test]
fn rsa_wraps_secret_keys() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.openssl("genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -outform DER -out private");
    bench.openssl("pkey -inform DER -in private -pubout -outform DER -out public");
    bench.tool("--write-object private --type privkey --id 01 --label rsa --usage-wrap");
    bench.tool("--write-object public --type pubkey --id 01 --label rsa --usage-wrap");
    let made = bench.tool("--keygen --key-type AES:32 --id 02 --label wrapped --extractable");
    let key = value(&made, "VALUE");
    bench.write("key", unhex(key));
    bench.tool("--wrap -m RSA-PKCS --id 01 --application-id 02 -o wrapped");
    bench.openssl("pkeyutl -decrypt -keyform DER -inkey private -in wrapped -out unwrapped");
    bench.same("unwrapped", "key");
    bench.openssl("pkeyutl -encrypt -pubin -keyform DER -inkey public -in key -out wrapped");
    let back = bench.tool(
        "--unwrap -m RSA-PKCS --id 01 -i wrapped --key-type AES: --application-id 03 --application-label back --extractable",
    );
    assert_eq!(value(&back, "VALUE"), key);
}

#[test]
fn what_may_not_leave_stays() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.tool("--keygen --key-type AES:32 --id 01 --label wrapping --usage-wrap");
    bench.tool("--keygen --key-type AES:32 --id 02 --label kept --sensitive");
    let said = bench.tool_fails("--wrap -m AES-KEY-WRAP --id 01 --application-id 02 -o wrapped");
    assert!(said.contains("CKR_KEY_UNEXTRACTABLE"), "{said}");
}
