//! What openssl encrypts, the cluster's keys decrypt, and the other way round.

use strongroom_testkit::Cluster;
use strongroom_tests::workbench::{Workbench, hex};

use crate::DIGESTS;

const IV: &str = "000102030405060708090a0b0c0d0e0f";

#[test]
fn rsa_decrypts_what_openssl_encrypted() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.tool("--keypairgen --key-type rsa:2048 --id 01 --label rsa --usage-decrypt");
    let public = bench.public_key("01");
    let encrypt = |options: &str| {
        bench
            .openssl(&format!("pkeyutl -encrypt -pubin -inkey {public} -in secret -out encrypted {options}"));
    };
    for secret in ["", "a", "sixty bytes that only the owner of the private key shall see"] {
        bench.write("secret", secret);
        encrypt("");
        bench.tool("--decrypt -m RSA-PKCS --id 01 -i encrypted -o decrypted");
        bench.same("decrypted", "secret");
        for (openssl, pkcs11) in DIGESTS {
            encrypt(&format!(
                "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:{openssl} -pkeyopt rsa_mgf1_md:{openssl}"
            ));
            let oaep = format!("--hash-algorithm {pkcs11} --mgf MGF1-{openssl}");
            bench.tool(&format!("--decrypt -m RSA-PKCS-OAEP {oaep} --id 01 -i encrypted -o decrypted"));
            bench.same("decrypted", "secret");
        }
    }
    // The digests of padding and mask needn't be the same, but those of both sides must.
    encrypt("-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:SHA256 -pkeyopt rsa_mgf1_md:SHA1");
    let decrypt =
        "--decrypt -m RSA-PKCS-OAEP --hash-algorithm SHA256 --id 01 -i encrypted -o decrypted --mgf";
    bench.tool(&format!("{decrypt} MGF1-SHA1"));
    bench.same("decrypted", "secret");
    let said = bench.tool_fails(&format!("{decrypt} MGF1-SHA256"));
    assert!(said.contains("CKR_ENCRYPTED_DATA_INVALID"), "{said}");

    let raw = [&[0][..], &[0x37; 255]].concat();
    bench.write("secret", raw);
    encrypt("-pkeyopt rsa_padding_mode:none");
    bench.tool("--decrypt -m RSA-X-509 --id 01 -i encrypted -o decrypted");
    bench.same("decrypted", "secret");
}

#[test]
fn aes_encrypts_as_openssl_does() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.write("blocks", [7; 64]);
    bench.write("text", [9; 3001]);
    bench.write("nothing", "");
    for length in [16, 24, 32] {
        let key: Vec<u8> = (0..length).map(|byte| byte * 3 + length).collect();
        bench.write("key", &key);
        let (key, bits) = (hex(&key), u16::from(length) * 8);
        bench.tool(&format!(
            "--write-object key --type secrkey --key-type AES:{length} --id {length} --label k{length} --usage-decrypt"
        ));
        for (mechanism, cipher, inputs) in [
            ("AES-ECB", "ecb -nopad", &["blocks"][..]),
            ("AES-CBC", "cbc -nopad", &["blocks"]),
            ("AES-CBC-PAD", "cbc", &["blocks", "text", "nothing"]),
        ] {
            let iv = if mechanism == "AES-ECB" { String::new() } else { format!("-iv {IV}") };
            for input in inputs {
                bench.tool(&format!("--encrypt -m {mechanism} --id {length} --iv {IV} -i {input} -o ours"));
                bench.openssl(&format!("enc -aes-{bits}-{cipher} -K {key} {iv} -in {input} -out theirs"));
                bench.same("ours", "theirs");
                bench.tool(&format!("--decrypt -m {mechanism} --id {length} --iv {IV} -i theirs -o back"));
                bench.same("back", input);
            }
        }
        let said = bench.tool_fails(&format!("--encrypt -m AES-CBC --id {length} --iv {IV} -i text -o ours"));
        assert!(said.contains("CKR_DATA_LEN_RANGE"), "{said}");
        let said =
            bench.tool_fails(&format!("--decrypt -m AES-CBC-PAD --id {length} --iv {IV} -i text -o back"));
        assert!(said.contains("CKR_ENCRYPTED_DATA_LEN_RANGE"), "{said}");
    }
}
