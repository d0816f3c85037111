//! Plain OpenSSL encrypts to a public key; `pkeyutl` decrypts with the private one.

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::openssl::{OpenSsl, plain};

#[test]
fn pkeyutl_decrypts_rsa_pkcs1_and_oaep_with_every_hash_and_a_label() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("rsa:2048", "rsa", "01");
    let cases: [&[&str]; 8] = [
        &["rsa_padding_mode:pkcs1"],
        &["rsa_padding_mode:oaep"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha1"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha384"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha512"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha1"],
        &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_oaep_label:6c6162656c"],
    ];
    for options in cases {
        round_trip(&openssl, "rsa", options, b"The combination is 12-34-56");
        round_trip(&openssl, "rsa", options, b"");
    }
    // The longest messages: the modulus less 11, and less two hashes and 2.
    round_trip(&openssl, "rsa", cases[0], &[7; 256 - 11]);
    round_trip(&openssl, "rsa", cases[3], &[7; 256 - 2 * 32 - 2]);
}

#[test]
fn pkeyutl_decrypts_without_padding_and_for_other_sizes() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    for (bits, bytes, id) in [(1024, 128, "01"), (3072, 384, "02")] {
        let label = bits.to_string();
        openssl.generate(&format!("rsa:{bits}"), &label, id);
        let mut number = vec![0x5a; bytes];
        number[0] = 0;
        round_trip(&openssl, &label, &["rsa_padding_mode:none"], &number);
        round_trip(&openssl, &label, &["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"], b"short");
    }
}

#[test]
fn a_damaged_oaep_ciphertext_is_refused_and_the_key_works_on() {
    let cluster = Cluster::start();
    let openssl = OpenSsl::new(&cluster);
    openssl.generate("rsa:2048", "rsa", "01");
    let damaged = openssl.file("damaged", [0x11; 256]);
    let refused = run_any(
        openssl
            .engine("pkeyutl", &["-decrypt", "-keyform", "engine", "-inkey", &openssl.uri("rsa")])
            .args(["-pkeyopt", "rsa_padding_mode:oaep", "-in"])
            .arg(damaged),
    );
    assert_eq!(refused.status().code(), Some(1), "{}", refused.report());
    round_trip(&openssl, "rsa", &["rsa_padding_mode:oaep"], b"still here");
}

fn round_trip(openssl: &OpenSsl<'_>, label: &str, options: &[&str], message: &[u8]) {
    let (clear, sealed) = (openssl.file("clear", message), openssl.path("sealed"));
    let options: Vec<&str> = options.iter().flat_map(|option| ["-pkeyopt", option]).collect();
    run(plain(&["pkeyutl", "-encrypt", "-pubin", "-inkey"])
        .arg(openssl.path(&format!("{label}.pub")))
        .args(&options)
        .arg("-in")
        .arg(&clear)
        .arg("-out")
        .arg(&sealed));
    let opened = run(openssl
        .engine("pkeyutl", &["-decrypt", "-keyform", "engine", "-inkey", &openssl.uri(label)])
        .args(&options)
        .arg("-in")
        .arg(&sealed));
    assert_eq!(opened.stdout_bytes(), message, "{options:?}: {}", opened.report());
}
