//! GnuTLS with keys in a cluster: `p11tool`, `certtool`, and a TLS server.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use strongroom_testkit::{Background, Cluster, Finished, free_port, run, run_any, run_with, wait_until};
use strongroom_tests::workbench::Workbench;

const PACKAGE: &str = "gnutls-bin";
const LIMIT: Duration = Duration::from_secs(20);

/// GnuTLS's programs in front of a cluster, in the cluster's folder. Arguments are one text, split at blanks.
struct Gnutls<'a> {
    cluster: &'a Cluster,
}

impl Gnutls<'_> {
    fn program(&self, name: &str, words: &str) -> Command {
        let mut command = self.cluster.command(strongroom_tests::program(name, PACKAGE));
        command.current_dir(self.cluster.folder()).env_remove("GNUTLS_PIN").env_remove("GNUTLS_SO_PIN");
        command.arg("--provider").arg(self.cluster.module()).args(words.split_whitespace());
        command
    }

    fn without_pin(&self, words: &str) -> Command {
        let mut command = self.program("p11tool", words);
        command.arg("--batch");
        command
    }

    /// p11tool, logged in.
    fn p11tool(&self, words: &str) -> Command {
        let mut command = self.without_pin(words);
        command.arg("--login").env("GNUTLS_PIN", self.cluster.pin());
        command
    }

    fn token(&self) -> String {
        format!("pkcs11:token={}", self.cluster.token_label())
    }

    fn key(&self, label: &str, class: &str) -> String {
        format!("{};object={label};type={class}", self.token())
    }

    #[track_caller]
    fn generate(&self, kind: &str, label: &str) -> Finished {
        let generate = format!("--generate-privkey={kind} --label {label} --outfile {label}.pub");
        run(self.p11tool(&generate).arg(self.token()))
    }

    /// How many objects it lists, by what.
    #[track_caller]
    fn count(&self, by: &str) -> usize {
        let listed = run(self.p11tool(by).arg(self.token())).stdout();
        listed.lines().filter(|line| line.starts_with("Object ")).count()
    }

    /// A certificate that the key signs for itself, `LABEL.crt`.
    #[track_caller]
    fn self_sign(&self, label: &str) {
        let bench = Workbench::new(self.cluster);
        bench.write(
            "template",
            "cn = localhost\ndns_name = localhost\nsigning_key\nencryption_key\ntls_www_server\nexpiration_days = 30\n",
        );
        let (private, public) = (self.key(label, "private"), self.key(label, "public"));
        let words = format!(
            "--generate-self-signed --load-privkey {private} --load-pubkey {public} --template template --outfile {label}.crt"
        );
        run(self.program("certtool", &words).env("GNUTLS_PIN", self.cluster.pin()));
    }
}

/// Some of p11tool's ways of writing a key end in more empty lines than others.
#[track_caller]
fn public_key(bench: &Workbench<'_>, file: &str) -> Vec<u8> {
    bench.openssl(&format!("pkey -pubin -in {file} -outform DER")).stdout_bytes().to_vec()
}

#[test]
fn p11tool_lists_token_mechanisms_and_objects() {
    let cluster = Cluster::start();
    let gnutls = Gnutls { cluster: &cluster };
    let tokens = run(&mut gnutls.without_pin("--list-tokens")).stdout();
    for wanted in ["Label: default", "Manufacturer: Strongroom", "Requires login"] {
        assert!(tokens.contains(wanted), "{wanted}: {tokens}");
    }
    assert!(!tokens.contains("ninitialized"), "{tokens}");
    let mechanisms = run(gnutls.without_pin("--list-mechanisms").arg(gnutls.token())).stdout();
    for wanted in ["CKM_RSA_PKCS_PSS ", "CKM_ECDSA ", "CKM_AES_GCM ", "CKM_SHA256_HMAC "] {
        assert!(mechanisms.contains(wanted), "{wanted}: {mechanisms}");
    }
    let random =
        || run(gnutls.p11tool("--generate-random=48 --outraw").arg(gnutls.token())).stdout_bytes().to_vec();
    assert_ne!(random(), random());

    gnutls.generate("rsa --bits 2048", "rsa");
    gnutls.generate("ecdsa --curve secp256r1", "ec");
    let all = run(gnutls.p11tool("--list-all").arg(gnutls.token())).stdout();
    for wanted in [
        "Type: Private key (RSA-2048)",
        "Type: Private key (EC/ECDSA-SECP256R1)",
        "Flags: CKA_WRAP/UNWRAP; CKA_PRIVATE; CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE; ",
        "Type: Public key (RSA-2048)",
        "Type: Public key (EC/ECDSA-SECP256R1)",
    ] {
        assert!(all.contains(wanted), "{wanted}: {all}");
    }
    let public = run(gnutls.without_pin("--list-all").arg(gnutls.token())).stdout();
    assert_eq!((public.matches("Type: Public").count(), public.matches("Type: Private").count()), (2, 0));
}

#[test]
fn p11tool_generates_exports_renames_signs_and_deletes() {
    let cluster = Cluster::start();
    let gnutls = Gnutls { cluster: &cluster };
    let bench = Workbench::new(&cluster);
    for (kind, label) in [
        ("rsa --bits 2048", "r2048"),
        ("rsa --bits 3072", "r3072"),
        ("ecdsa --curve secp224r1", "e224"),
        ("ecdsa --curve secp256r1", "e256"),
        ("ecdsa --curve secp384r1", "e384"),
        ("ecdsa --curve secp521r1", "e521"),
    ] {
        gnutls.generate(kind, label);
        // Made from the private key's attributes, and from those of the public key.
        for (what, class) in [("--export-pubkey", "private"), ("--export", "public")] {
            let export = format!("{what} --outfile exported");
            run(gnutls.p11tool(&export).arg(gnutls.key(label, class)));
            assert_eq!(public_key(&bench, "exported"), public_key(&bench, &format!("{label}.pub")));
        }
        let key = gnutls.key(label, "private");
        let signed = run(gnutls.p11tool("--test-sign").arg(&key)).output();
        assert_eq!(signed.matches("... ok").count(), 3, "{signed}");
    }
    for hash in ["SHA384", "SHA512"] {
        for (label, parameters) in [("r2048", ""), ("r2048", "--sign-params=rsa-pss"), ("e256", "")] {
            let test = format!("--test-sign --hash {hash} {parameters}");
            let signed = run(gnutls.p11tool(&test).arg(gnutls.key(label, "private"))).output();
            assert!(signed.contains("Verifying against public key in the token... ok"), "{signed}");
        }
    }
    run(gnutls.p11tool("--set-id 0a0b0c").arg(gnutls.key("r2048", "private")));
    run(gnutls.p11tool("--set-label renamed").arg(gnutls.key("r2048", "private")));
    let keys = run(gnutls.p11tool("--list-privkeys").arg(gnutls.token())).stdout();
    assert!(keys.contains("Label: renamed") && keys.contains("ID: 0a:0b:0c"), "{keys}");
    assert!(!keys.contains("Label: r2048"), "{keys}");

    assert_eq!(gnutls.count("--list-all"), 12);
    run(gnutls.p11tool("--delete").arg(gnutls.key("renamed", "private")));
    run(gnutls.p11tool("--delete").arg(gnutls.key("e521", "public")));
    assert_eq!((gnutls.count("--list-all"), gnutls.count("--list-privkeys")), (10, 5));
}

#[test]
fn p11tool_writes_certificates_keys_and_secrets_and_deletes_them() {
    let cluster = Cluster::start();
    let gnutls = Gnutls { cluster: &cluster };
    let bench = Workbench::new(&cluster);
    bench.openssl("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -subj /CN=mine -days 9 -out crt.pem");
    run(gnutls.p11tool("--write --load-certificate crt.pem --label mine").arg(gnutls.token()));
    run(gnutls.p11tool("--write --load-privkey key.pem --label mine").arg(gnutls.token()));
    bench.openssl("pkey -in key.pem -pubout -out pub.pem");
    run(gnutls.p11tool("--write --load-pubkey pub.pem --label mine").arg(gnutls.token()));
    run(gnutls
        .p11tool("--write --secret-key 00112233445566778899aabbccddeeff --label mine")
        .arg(gnutls.token()));
    run(gnutls.p11tool("--export --outfile back.pem").arg(gnutls.key("mine", "cert")));
    let der = |file: &str| bench.openssl(&format!("x509 -in {file} -outform DER")).stdout_bytes().to_vec();
    assert_eq!(der("back.pem"), der("crt.pem"));
    let certificates = run(gnutls.p11tool("--list-all-certs").arg(gnutls.token())).stdout();
    assert!(certificates.contains("Type: X.509 Certificate (RSA-2048)"), "{certificates}");
    let signed = run(gnutls.p11tool("--test-sign").arg(gnutls.key("mine", "private"))).output();
    assert!(signed.contains("Verifying against private key parameters... ok"), "{signed}");
    for class in ["cert", "private", "public", "secret-key"] {
        let url = gnutls.key("mine", class);
        let listed = run(gnutls.p11tool("--list-all").arg(&url)).stdout();
        assert!(listed.contains("Label: mine"), "{class}: {listed}");
        let deleted = run(gnutls.p11tool("--delete").arg(&url)).output();
        assert!(deleted.contains("1 objects deleted"), "{class}: {deleted}");
    }
    let nothing = run_any(gnutls.p11tool("--list-all").arg(gnutls.token())).expect_failure();
    assert!(nothing.output().contains("No matching objects found"), "{}", nothing.report());
}

#[test]
fn p11tool_initialises_a_token() {
    let cluster = Cluster::uninitialized();
    let gnutls = Gnutls { cluster: &cluster };
    let set = |words: &str| run(&mut gnutls.without_pin(words)).output();
    set("--initialize --label fresh --set-so-pin officer-secret pkcs11:token=default");
    set("--initialize-pin --set-pin user-secret --set-so-pin officer-secret pkcs11:token=fresh");
    let tokens = set("--list-tokens");
    assert!(tokens.contains("Label: fresh") && !tokens.contains("ninitialized"), "{tokens}");
    let generate =
        "--login --set-pin user-secret --generate-privkey=rsa --bits 2048 --label mine pkcs11:token=fresh";
    set(generate);
    let mut wrong = gnutls.without_pin(&generate.replace("user-secret", "wrong-secret"));
    let refused = run_any(&mut wrong).expect_failure().output();
    assert!(refused.contains("Wrong PIN has been provided"), "{refused}");
    set("--login --set-pin user-secret --test-sign pkcs11:token=fresh;object=mine;type=private");
}

#[test]
fn certtool_makes_certificates_and_requests_with_the_clusters_keys() {
    let cluster = Cluster::start();
    let gnutls = Gnutls { cluster: &cluster };
    let bench = Workbench::new(&cluster);
    for (kind, label) in [("rsa --bits 2048", "rsa"), ("ecdsa --curve secp256r1", "ec")] {
        gnutls.generate(kind, label);
        gnutls.self_sign(label);
        bench.openssl(&format!("verify -CAfile {label}.crt {label}.crt"));
        let private = gnutls.key(label, "private");
        let request =
            format!("--generate-request --load-privkey {private} --template template --outfile request");
        run(gnutls.program("certtool", &request).env("GNUTLS_PIN", cluster.pin()));
        bench.openssl("req -verify -noout -in request");
    }
}

#[test]
fn a_tls_server_and_its_clients_agree() {
    let cluster = Cluster::start();
    let gnutls = Gnutls { cluster: &cluster };
    for (kind, label) in [("rsa --bits 2048", "rsa"), ("ecdsa --curve secp384r1", "ec")] {
        gnutls.generate(kind, label);
        gnutls.self_sign(label);
        let port = free_port();
        let said = cluster.folder().join("server");
        let log = File::create(&said).expect("a file");
        let key = gnutls.key(label, "private");
        let words = format!("--http --port {port} --x509keyfile {key} --x509certfile {label}.crt");
        let mut server = gnutls.program("gnutls-serv", &words);
        server.env("GNUTLS_PIN", cluster.pin()).stdin(Stdio::null());
        server.stdout(log.try_clone().expect("a second descriptor")).stderr(log);
        let _server = Background::start(&mut server);
        wait_until("gnutls-serv listens", LIMIT, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });

        for version in ["1.2", "1.3"] {
            for _ in 0..3 {
                let mut client = Command::new(strongroom_tests::program("gnutls-cli", PACKAGE));
                client.current_dir(cluster.folder()).args(["--x509cafile", &format!("{label}.crt")]);
                client.arg("--priority").arg(format!("NORMAL:-VERS-ALL:+VERS-TLS{version}"));
                client.args(["--port", &port.to_string(), "localhost"]);
                let served = run_with(&mut client, b"GET / HTTP/1.0\r\n\r\n", LIMIT).expect_success();
                let served = served.output();
                assert!(served.contains("Handshake was completed"), "{served}");
                assert!(served.contains(&format!("Description: (TLS{version}-X.509)")), "{served}");
                assert!(served.contains("HTTP/1.0 200 OK"), "{served}");
            }
        }
    }
}
