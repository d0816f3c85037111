//! Certificates: the ceremony by which a customer makes a cluster its own, with the real `openssl` command, and what is refused.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use super::*;
use crate::{Certificates, HardwareRoots};

/// When the tests play, in seconds since 1970; the certificates are made by a program with a clock of its own.
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn roots() -> Arc<HardwareRoots> {
    static ROOTS: OnceLock<Arc<HardwareRoots>> = OnceLock::new();
    Arc::clone(ROOTS.get_or_init(|| Arc::new(HardwareRoots::make(now()).unwrap())))
}

fn awaiting(fixture: &Fixture) -> Cluster {
    // Later than all that openssl will make.
    fixture.clock.0.store(now() + 3600, Ordering::Relaxed);
    fixture.create(&CreateOptions { certificates: Issue::Awaiting(roots()), ..empty() }).unwrap()
}

/// A folder with a customer's things, and the cluster's request in it.
struct Customer {
    dir: tempfile::TempDir,
}

impl Customer {
    fn new(csr: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cluster.csr"), csr).unwrap();
        let customer = Self { dir };
        customer.authority("customerCA", "-newkey rsa:2048 -sha256 -days 3652");
        customer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn openssl(&self, words: &str) -> (bool, String) {
        run(self.dir.path(), words)
    }

    fn must(&self, words: &str) -> String {
        let (done, said) = self.openssl(words);
        assert!(done, "openssl {words}: {said}");
        said
    }

    /// An authority: `NAME.key`, `NAME.crt`.
    fn authority(&self, name: &str, how: &str) {
        self.must(&format!("req -x509 -nodes {how} -keyout {name}.key -out {name}.crt -subj /CN={name}"));
    }

    /// Signs the request.
    fn sign(&self, out: &str, how: &str) {
        self.must(&format!("x509 -req -in cluster.csr -CAcreateserial -out {out} {how}"));
    }

    fn signed(&self) {
        self.sign("cluster.crt", "-days 3652 -CA customerCA.crt -CAkey customerCA.key -sha256");
    }
}

fn run(dir: &Path, words: &str) -> (bool, String) {
    let output = Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("the openssl command is needed: apt-get install openssl");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn parts(cluster: &Cluster) -> Certificates {
    cluster.certificates().expect("the cluster has a key")
}

fn refusal_of(cluster: &Cluster, signed: &str, anchor: &str) -> String {
    let before = (cluster.certificates(), cluster.info().revision);
    let error = cluster.initialize(signed, anchor).expect_err("it was taken").to_string();
    assert_eq!((cluster.certificates(), cluster.info().revision), before);
    assert!(cluster.tls_identity().is_none());
    error
}

#[test]
fn a_customer_initializes_a_cluster_with_openssl() {
    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let made = parts(&cluster);
    assert!(made.cluster.is_none() && made.trust_anchor.is_none() && cluster.tls_identity().is_none());
    let customer = Customer::new(made.csr.as_ref().unwrap());
    let told = customer.must("req -in cluster.csr -noout -verify -subject -text");
    let serial = cluster.info().serial;
    assert!(told.contains(&format!("CN = \"HSM:{serial}:PARTN:1, for FIPS mode\"")), "{told}");
    assert!(told.contains("C = US, ST = CA, O = Strongroom EMULATOR, OU = EMULATOR"), "{told}");
    assert!(told.contains("Public-Key: (2048 bit)") && told.contains("sha256WithRSAEncryption"), "{told}");

    customer.signed();
    let (signed, anchor) = (customer.read("cluster.crt"), customer.read("customerCA.crt"));
    cluster.initialize(&signed, &anchor).unwrap();
    let after = parts(&cluster);
    assert_eq!(
        after,
        Certificates { csr: None, cluster: Some(signed.clone()), trust_anchor: Some(anchor.clone()), ..made }
    );
    let identity = cluster.tls_identity().unwrap();
    assert_eq!(identity.chain.len(), 1);

    let error = cluster.initialize(&signed, &anchor).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");
    drop(cluster);
    let opened = fixture.open().unwrap();
    assert_eq!(parts(&opened), after);
    assert_eq!(opened.tls_identity().unwrap().key, identity.key);
}

#[test]
fn both_chains_lead_to_their_roots_and_the_keys_are_equal() {
    let fixture = Fixture::new();
    let made = parts(&awaiting(&fixture));
    let customer = Customer::new(made.csr.as_ref().unwrap());
    customer.put("hsm.crt", made.hsm.as_ref().unwrap());
    customer.put("aws-hardware.crt", made.aws_hardware.as_ref().unwrap());
    customer.put("maker-hardware.crt", made.manufacturer_hardware.as_ref().unwrap());
    customer.put("aws-root.crt", &roots().aws.certificate().to_pem());
    customer.put("maker-root.crt", &roots().manufacturer.certificate().to_pem());
    for (root, hardware) in [("aws-root", "aws-hardware"), ("maker-root", "maker-hardware")] {
        customer.must(&format!("verify -x509_strict -CAfile {root}.crt {hardware}.crt"));
        customer.must(&format!("verify -x509_strict -CAfile {root}.crt -untrusted {hardware}.crt hsm.crt"));
    }
    assert!(!customer.openssl("verify -CAfile aws-root.crt -untrusted maker-hardware.crt hsm.crt").0);
    let key = customer.must("x509 -in hsm.crt -noout -pubkey");
    assert_eq!(key, customer.must("req -in cluster.csr -noout -pubkey"));
    assert!(customer.must("x509 -in aws-root.crt -noout -subject").contains("EMULATOR"));
}

#[test]
fn certificates_that_dont_fit_are_refused_and_say_what_to_mend() {
    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let customer = Customer::new(parts(&cluster).csr.as_ref().unwrap());
    customer.signed();
    let (good, anchor) = (customer.read("cluster.crt"), customer.read("customerCA.crt"));
    let by_customer = "-CA customerCA.crt -CAkey customerCA.key";

    let mut cases: Vec<(String, String, &str)> = Vec::new();
    let mut with_signed = |text: String, why| cases.push((text, anchor.clone(), why));
    customer.must("req -nodes -newkey rsa:2048 -keyout other.key -out other.csr -subj /CN=other");
    customer.must(&format!(
        "x509 -req -in other.csr -CAcreateserial -out other.crt -days 10 -sha256 {by_customer}"
    ));
    with_signed(customer.read("other.crt"), "another key than the cluster's");
    customer.sign("sha1.crt", &format!("-days 10 -sha1 {by_customer}"));
    with_signed(customer.read("sha1.crt"), "sha1WithRSAEncryption");
    customer.put("ca.ext", "basicConstraints=critical,CA:TRUE\n");
    customer.sign("authority.crt", &format!("-days 10 -sha256 -extfile ca.ext {by_customer}"));
    with_signed(customer.read("authority.crt"), "CA:TRUE");
    customer.must(
        "req -x509 -nodes -newkey rsa:2048 -keyout stranger.key -out stranger.crt -sha256 -days 10 -subj /CN=customerCA",
    );
    customer.sign("forged.crt", "-days 10 -sha256 -CA stranger.crt -CAkey stranger.key");
    with_signed(customer.read("forged.crt"), "doesn't verify");
    with_signed(anchor.clone(), "another key than the cluster's");
    with_signed(customer.read("cluster.csr"), "CERTIFICATE REQUEST");
    with_signed(String::new(), "is empty");
    with_signed("garbage".to_owned(), "isn't PEM");
    with_signed(format!("{good}{anchor}"), "2 PEM blocks");
    with_signed(good.replace("-----END", "----END"), "cut short");
    with_signed(format!("Certificate: {good}"), "':'");
    with_signed(good.replacen("MII", "AAA", 1), "isn't an X.509 certificate");
    with_signed("A".repeat(20_001), "20000 are the most");

    let mut with_anchor = |name: &str, how: &str, why| {
        customer.authority(name, how);
        customer.sign("by.crt", &format!("-days 10 -sha256 -CA {name}.crt -CAkey {name}.key"));
        cases.push((customer.read("by.crt"), customer.read(&format!("{name}.crt")), why));
    };
    with_anchor("small", "-newkey rsa:1024 -sha256 -days 10", "RSA key of 1024 bits");
    with_anchor("odd", "-newkey rsa:3072 -sha256 -days 10", "RSA key of 3072 bits");
    with_anchor("curve", "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -days 10", "type Ec");
    with_anchor(
        "weak",
        "-newkey rsa:2048 -sha1 -days 10",
        "the trust anchor is signed by sha1WithRSAEncryption",
    );
    customer.put(
        "no-ca.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nbasicConstraints=CA:FALSE\n",
    );
    with_anchor("no-ca", "-newkey rsa:2048 -sha256 -days 10 -config no-ca.cnf", "CA:TRUE");
    customer.put(
        "bare.cnf",
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nsubjectKeyIdentifier=hash\n",
    );
    with_anchor("bare", "-newkey rsa:2048 -sha256 -days 10 -config bare.cnf", "CA:TRUE");
    customer.put("usage.cnf", "[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\nbasicConstraints=CA:TRUE\nkeyUsage=digitalSignature\n");
    with_anchor("usage", "-newkey rsa:2048 -sha256 -days 10 -config usage.cnf", "keyCertSign");
    customer.authority("else", "-newkey rsa:2048 -sha256 -days 10");
    cases.push((good.clone(), customer.read("else.crt"), "give the certificate that signed it"));
    // An authority below another isn't an anchor.
    customer.must("req -nodes -newkey rsa:2048 -keyout middle.key -out middle.csr -subj /CN=middle");
    customer.must(&format!(
        "x509 -req -in middle.csr -CAcreateserial -out middle.crt -days 10 -sha256 -extfile ca.ext {by_customer}"
    ));
    customer.sign("below.crt", "-days 10 -sha256 -CA middle.crt -CAkey middle.key");
    cases.push((customer.read("below.crt"), customer.read("middle.crt"), "isn't self-signed"));
    // One that only says that it signed itself.
    cases.push((good.clone(), forge_signature(&anchor), "must be signed by its own key"));

    for (signed, anchor, why) in &cases {
        let error = refusal_of(&cluster, signed, anchor);
        assert!(error.contains(why), "expected {why:?}: {error}");
    }
    cluster.initialize(&good, &anchor).unwrap();
}

/// Changes a bit in the middle of a certificate's signature.
fn forge_signature(pem: &str) -> String {
    use strongroom_crypto::x509::{PemKind, from_pem, to_pem};
    let mut der = from_pem(PemKind::Certificate, pem).unwrap();
    let at = der.len() - 100;
    der[at] ^= 1;
    to_pem(PemKind::Certificate, &der)
}

#[test]
fn certificates_out_of_their_time_are_refused() {
    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let customer = Customer::new(parts(&cluster).csr.as_ref().unwrap());
    let (long, short) = ("-newkey rsa:2048 -sha256 -days 3652", "-newkey rsa:2048 -sha256 -days 2");
    customer.authority("long", long);
    customer.authority("short", short);
    customer.sign("brief.crt", "-days 2 -sha256 -CA long.crt -CAkey long.key");
    customer.sign("lasting.crt", "-days 3652 -sha256 -CA short.crt -CAkey short.key");
    let day = 24 * 3600;
    let at = |days: i64| {
        let time = now().checked_add_signed(days * day).unwrap();
        fixture.clock.0.store(time, Ordering::Relaxed);
    };
    let brief = || refusal_of(&cluster, &customer.read("brief.crt"), &customer.read("long.crt"));
    let lasting = || refusal_of(&cluster, &customer.read("lasting.crt"), &customer.read("short.crt"));
    at(3);
    assert!(brief().contains("the signed certificate has expired"), "{}", brief());
    assert!(lasting().contains("the trust anchor has expired"), "{}", lasting());
    at(-1);
    assert!(brief().contains("the signed certificate isn't valid yet"), "{}", brief());
    at(1);
    cluster.initialize(&customer.read("brief.crt"), &customer.read("long.crt")).unwrap();
}

#[test]
fn an_anchor_of_the_first_version_without_extensions_will_do() {
    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let customer = Customer::new(parts(&cluster).csr.as_ref().unwrap());
    customer.must("req -nodes -newkey rsa:4096 -keyout v1.key -out v1.csr -subj /CN=v1");
    customer.must("x509 -req -in v1.csr -signkey v1.key -sha512 -days 10 -out v1.crt");
    customer.sign("cluster.crt", "-days 10 -sha384 -CA v1.crt -CAkey v1.key");
    cluster.initialize(&customer.read("cluster.crt"), &customer.read("v1.crt")).unwrap();
}

#[test]
fn changed_bytes_are_never_taken_for_the_customers_and_never_end_it() {
    use strongroom_crypto::x509::{PemKind, from_pem, to_pem};
    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let customer = Customer::new(parts(&cluster).csr.as_ref().unwrap());
    customer.signed();
    let (good, anchor) = (customer.read("cluster.crt"), customer.read("customerCA.crt"));
    let flipped = |pem: &str, at: usize, bit: u8| {
        let mut der = from_pem(PemKind::Certificate, pem).unwrap();
        let at = at % der.len();
        der[at] ^= 1 << bit;
        to_pem(PemKind::Certificate, &der)
    };
    let len = from_pem(PemKind::Certificate, &good).unwrap().len();
    for at in 0..len {
        refusal_of(&cluster, &flipped(&good, at, (at % 8) as u8), &anchor);
        refusal_of(&cluster, &good, &flipped(&anchor, at, (at % 8) as u8));
    }
    for end in (0..good.len() - 1).step_by(7) {
        refusal_of(&cluster, &good[..end], &anchor);
    }
    cluster.initialize(&good, &anchor).unwrap();
}

#[test]
fn a_cluster_that_certifies_itself_shows_its_certificate_at_once() {
    let fixture = Fixture::new();
    fixture.clock.0.store(now(), Ordering::Relaxed);
    let authority = crate::Authority::make(crate::AuthorityKind::Customer, now()).unwrap();
    let authority = crate::Authority::from_bytes(&authority.to_bytes().unwrap()).unwrap();
    let anchor = authority.certificate().clone();
    let options = CreateOptions { certificates: Issue::SelfIssued(Arc::new(authority)), ..empty() };
    let cluster = fixture.create(&options).unwrap();
    let made = parts(&cluster);
    assert!(made.csr.is_none() && made.hsm.is_none());
    assert_eq!(cluster.tls_identity().unwrap().trust_anchor, anchor.der());
    let customer = Customer::new("");
    customer.put("ca.crt", &anchor.to_pem());
    customer.put("own.crt", made.cluster.as_ref().unwrap());
    customer.must("verify -x509_strict -purpose sslserver -CAfile ca.crt own.crt");
    let error = cluster.initialize(made.cluster.as_ref().unwrap(), &anchor.to_pem()).unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");

    let none = Fixture::new().create(&empty()).unwrap();
    assert!(none.certificates().is_none() && none.tls_identity().is_none());
    assert!(none.initialize("", "").unwrap_err().to_string().contains("no key to certify"));
}

#[test]
fn backups_carry_certificates_and_which_clients_are_accepted() {
    use strongroom_node::state::{ClientTrust, TrustAnchor};

    use crate::{Backup, BackupRoots, RestoreOptions};

    let fixture = Fixture::new();
    let cluster = awaiting(&fixture);
    let customer = Customer::new(parts(&cluster).csr.as_ref().unwrap());
    customer.signed();
    cluster.initialize(&customer.read("cluster.crt"), &customer.read("customerCA.crt")).unwrap();
    let trust = ClientTrust {
        anchors: vec![TrustAnchor { reference: 4, certificate: vec![1, 2, 3] }],
        last: 4,
        enforced: true,
    };
    let record = Some(Record::ClientTrust(Arc::new(trust)));
    cluster.ledger.commit(Change::of(Key::ClientTrust, Expect::Absent, record)).unwrap();
    assert!(all_equal(&cluster));
    let told = cluster.client_trust();
    assert_eq!((told.anchors, told.enforced), (vec![vec![1, 2, 3]], true));

    let roots = BackupRoots::new(&Blob::from([1; 32]), &Blob::from([2; 32]));
    let image = cluster.back_up(&roots, "backup-one", 99).unwrap();
    let private_key = cluster.tls_identity().unwrap().key;
    assert!(!image.windows(16).any(|part| private_key[64..].windows(16).any(|other| part == other)));
    let backup = Backup::read(&roots, &image).unwrap();
    let elsewhere = Fixture::new();
    let options = RestoreOptions { name: "clone".to_owned(), nodes: 3, first_node: 0, variant: None };
    let clone = Cluster::restore(
        Arc::<TestStore>::clone(&elsewhere.store),
        &backup,
        &options,
        &elsewhere.root,
        Arc::<HandClock>::clone(&elsewhere.clock),
    )
    .unwrap();
    assert_eq!(parts(&clone), parts(&cluster));
    assert_eq!(clone.tls_identity().unwrap().key, private_key);
    assert_eq!(clone.client_trust(), cluster.client_trust());
    assert!(all_equal(&clone));
}

#[test]
fn the_private_key_lies_nowhere_in_the_clear() {
    let fixture = Fixture::new();
    fixture.clock.0.store(now(), Ordering::Relaxed);
    let authority = Arc::new(crate::Authority::make(crate::AuthorityKind::Customer, now()).unwrap());
    let cluster =
        fixture.create(&CreateOptions { certificates: Issue::SelfIssued(authority), ..empty() }).unwrap();
    let key = cluster.tls_identity().unwrap().key;
    // The record as the replicas have it, too.
    let Some((_, record)) = cluster.ledger.read(|state| state.get(&Key::Identity)) else { panic!("no key") };
    let replicated = crate::draft::encode(&record).unwrap();
    let stored = fixture.store.memory.load().unwrap().records.into_iter().map(|(_, value)| value);
    for bytes in stored.chain([replicated.to_vec()]) {
        assert!(!bytes.windows(16).any(|part| key[32..64].windows(16).any(|other| part == other)));
    }
    assert!(!format!("{record:?}").contains("sealed"));
}
