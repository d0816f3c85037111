//! The tests that the tool brings along.

use strongroom_testkit::{Cluster, run};
use strongroom_tests::workbench::Workbench;

use crate::CURVES;

#[test]
fn its_test_of_rsa_digests_and_random_finds_no_error() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    for bits in [1024, 2048] {
        bench.tool(&format!("--keypairgen --key-type rsa:{bits} --id 01 --label rsa"));
        let said = bench.tool("--test");
        assert!(said.contains("No errors"), "{said}");
        for wanted in ["all 4 digest functions seem to work", "all 4 signature functions seem to work"] {
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
        // Signed, verified, decrypted.
        for (mechanism, times) in
            [("RSA-PKCS", 3), ("RSA-X-509", 3), ("SHA1-RSA-PKCS", 2), ("SHA256-RSA-PKCS", 1)]
        {
            let passed = said.lines().filter(|line| line.trim() == format!("{mechanism}: OK")).count();
            assert_eq!(passed, times, "{mechanism}, {bits} bits: {said}");
        }
        bench.tool("--delete-object --type privkey --id 01");
        bench.tool("--delete-object --type pubkey --id 01");
    }
}

#[test]
fn its_test_of_curves_passes_on_all_five() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    for curve in CURVES {
        let said = bench.tool(&format!("--session-rw --test-ec --id 77 --key-type EC:{curve}"));
        assert!(said.contains("==> OK"), "{curve}: {said}");
    }
    // It deletes what it makes.
    assert_eq!(bench.objects().len(), 0);
}

#[test]
fn its_test_of_what_mozilla_does_passes() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    bench.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=ca -outform DER -out ca.der");
    let said = bench.tool("--session-rw --moz-cert ca.der --key-type RSA:2048 --id 77");
    assert!(said.contains("==> OK, successful!"), "{said}");
}

#[test]
fn threads_initialise_and_ask_at_once() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    // Initialise with NULL or with locking; then C_GetInfo, C_GetSlotList, C_GetTokenInfo.
    let threads =
        ["INGISLT0", "ILGISLT0", "INSLGIGI", "ILSLT0GI", "INSLT0T0", "ILSLSLSL", "INGIGIGI", "ILGISLGI"];
    let words: Vec<String> = threads.iter().map(|thread| format!("--test-threads {thread}")).collect();
    // What else it does, it does beside them, and takes longer.
    let said = bench.tool(&format!("{} --test", words.join(" ")));
    assert!(said.contains("test_threads all threads have ended with CKR_OK"), "{said}");
    for number in 0..threads.len() {
        assert!(said.contains(&format!("Test thread {number} returning rv = 0")), "{number}: {said}");
    }
}

#[test]
fn a_forked_child_initialises_again() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    let said = bench.tool("--test-fork --list-objects");
    assert!(said.contains("Calling C_Initialize in forked child process"), "{said}");
    assert!(!said.contains("failed"), "{said}");
}

#[test]
fn it_shows_what_module_slot_token_and_mechanisms_are() {
    let cluster = Cluster::start();
    let bench = Workbench::new(&cluster);
    let ask = |words: &str| run(&mut bench.tool_as_nobody(words)).output();
    let info = ask("--show-info");
    assert!(info.contains("Cryptoki version 3.2") && info.contains("Strongroom"), "{info}");
    let slots = ask("--list-token-slots");
    let flags = "login required, rng, token initialized, PIN initialized";
    assert!(slots.contains("Slot 0 (0x0)") && slots.contains(flags), "{slots}");
    assert!(slots.contains(&format!(": {}\n", cluster.token_label())), "{slots}");

    let mechanisms = ask("--list-mechanisms");
    for wanted in [
        "RSA-PKCS-KEY-PAIR-GEN, keySize={1024,8192}, hw, generate_key_pair",
        "RSA-PKCS-OAEP, keySize={1024,8192}, hw, encrypt, decrypt, wrap, unwrap",
        "SHA512-RSA-PKCS-PSS, keySize={1024,8192}, hw, sign, verify",
        "ECDSA-KEY-PAIR-GEN, keySize={160,521}, hw, generate_key_pair, EC F_P, EC OID, EC uncompressed",
        "ECDSA-SHA384, keySize={160,521}, hw, sign, verify",
        "ECDH1-DERIVE, keySize={160,521}, hw, derive",
        "AES-KEY-GEN, keySize={16,32}, hw, generate",
        "AES-GCM, keySize={16,32}, hw, encrypt, decrypt",
        "AES-KEY-WRAP, keySize={16,32}, hw",
        "AES-CMAC, keySize={16,32}, hw, sign, verify",
        "SHA256-HMAC, keySize={1,4096}, hw, sign, verify",
        "SHA512, hw, digest",
    ] {
        assert!(mechanisms.contains(wanted), "{wanted}: {mechanisms}");
    }
}
