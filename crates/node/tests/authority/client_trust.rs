//! Which clients are accepted by their certificates: who says so, on whose approval, and what can be an anchor (cloudhsm.md 3.1, 7.1).

use strongroom_crypto::x509::{Certificate, CertificateOrder, Issuer, Usage};
use strongroom_crypto::{Key as CryptoKey, generate_pair};
use strongroom_model::{
    AttributeType as A, Attributes, Blob, HsmType, Mechanism, MechanismType, MtlsEnforcement, Profile,
    ReturnCode, Service, Variant,
};
use strongroom_node::state::{Change, Expect, Key, Policy, Record};
use strongroom_wire::{Request, Response, TrustAnchorInfo};

use crate::common::{Client, OFFICER};
use crate::people::approved;
use crate::world::{Cluster, OFFICERS, cluster};

/// When the clusters of these tests begin.
const NOW: u64 = 1_700_000_000;
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const SECP256K1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a];

fn ec(curve: &[u8]) -> CryptoKey {
    let template = Attributes::new().with(A::EC_PARAMS, curve);
    generate_pair(&Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN), &template).unwrap().key
}

fn rsa(bits: u64) -> CryptoKey {
    let template = Attributes::new().with(A::MODULUS_BITS, bits);
    generate_pair(&Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN), &template).unwrap().key
}

fn certificate(key: &CryptoKey, usage: Usage, not_before: u64, not_after: u64) -> Certificate {
    let public_key_info = key.public_key_info().unwrap();
    let order = CertificateOrder {
        subject: "CN=clients of the test",
        public_key_info: &public_key_info,
        usage,
        not_before,
        not_after,
    };
    Issuer { key, certificate: None }.issue(&order).unwrap()
}

fn anchor(key: &CryptoKey) -> Certificate {
    certificate(key, Usage::Authority(None), NOW - 10, NOW + 1_000_000)
}

fn register(certificate: &Certificate) -> Request {
    Request::RegisterTrustAnchor { certificate: Blob::from(certificate.der()) }
}

fn listed(client: &mut Client) -> Vec<TrustAnchorInfo> {
    match client.ask(Request::TrustAnchors).unwrap() {
        Response::TrustAnchors(anchors) => anchors,
        other => panic!("{other:?}"),
    }
}

fn level(client: &mut Client) -> MtlsEnforcement {
    match client.ask(Request::MtlsEnforcement).unwrap() {
        Response::MtlsEnforcement(level) => level,
        other => panic!("{other:?}"),
    }
}

const ENFORCE: Request = Request::SetMtlsEnforcement { level: MtlsEnforcement::Cluster };
const RELAX: Request = Request::SetMtlsEnforcement { level: MtlsEnforcement::None };

#[test]
fn anchors_come_and_go_by_numbers_that_never_come_back() {
    let cluster = cluster(Profile::CloudHsm, 2);
    let mut admin = cluster.officer("admin", 1);
    let mut nobody = cluster.client(1, 2);
    assert!(listed(&mut nobody).is_empty());
    let (first, second, third) = (anchor(&rsa(2048)), anchor(&ec(&P256)), anchor(&ec(&P256)));
    let refused = admin.ask(Request::DeregisterTrustAnchor { reference: 1 }).unwrap_err();
    assert!(refused.message.contains("0x01"), "{refused}");
    for (certificate, reference) in [(&first, 1), (&second, 2)] {
        let Response::TrustAnchors(added) = admin.ask(register(certificate)).unwrap() else { panic!() };
        assert_eq!((added.len(), added[0].reference), (1, reference));
    }
    assert_eq!(
        admin.ask(register(&first)).unwrap_err().message,
        "Invalid Certificate: Trust anchor already exists."
    );
    assert_eq!(admin.code(register(&third)), ReturnCode::ACTION_PROHIBITED, "two are the most");
    let told = listed(&mut nobody);
    assert_eq!(
        told.iter().map(|anchor| anchor.certificate.as_slice()).collect::<Vec<_>>(),
        [first.der(), second.der()]
    );
    admin.ask(Request::DeregisterTrustAnchor { reference: 1 }).unwrap();
    admin.ask(register(&first)).unwrap();
    let references: Vec<u32> = listed(&mut nobody).iter().map(|anchor| anchor.reference).collect();
    assert_eq!(references, [2, 3]);
}

#[test]
fn what_cant_be_an_anchor_is_refused() {
    let cluster = cluster(Profile::Standard, 1);
    let mut admin = cluster.officer("admin", 1);
    let good = anchor(&ec(&P256));
    let other_key = {
        // Says that it signed itself, and another key did.
        let (own, other) = (ec(&P256), ec(&P256));
        let public_key_info = own.public_key_info().unwrap();
        let order = CertificateOrder {
            subject: "CN=clients of the test",
            public_key_info: &public_key_info,
            usage: Usage::Authority(None),
            not_before: NOW - 10,
            not_after: NOW + 10,
        };
        Issuer { key: &other, certificate: None }.issue(&order).unwrap()
    };
    let cases = [
        (certificate(&ec(&P256), Usage::Client, NOW - 10, NOW + 10), "CA:TRUE"),
        (anchor(&rsa(1024)), "RSA of 2048, 3072 or 4096"),
        (anchor(&ec(&SECP256K1)), "P-256, P-384 or P-521"),
        (certificate(&ec(&P256), Usage::Authority(None), NOW - 10, NOW - 1), "isn't valid now"),
        (certificate(&ec(&P256), Usage::Authority(None), NOW + 100, NOW + 200), "isn't valid now"),
        (other_key, "doesn't verify"),
    ];
    for (certificate, why) in cases {
        let error = admin.ask(register(&certificate)).unwrap_err();
        assert_eq!(error.code, ReturnCode::ARGUMENTS_BAD, "{error}");
        assert!(error.message.starts_with("Invalid Certificate") && error.message.contains(why), "{error}");
    }
    let der = good.der().to_vec();
    for bad in [
        Vec::new(),
        b"garbage".to_vec(),
        der[..der.len() - 1].to_vec(),
        [der.clone(), vec![0]].concat(),
        vec![0x30; 20_000],
    ] {
        let request = Request::RegisterTrustAnchor { certificate: Blob::from(bad) };
        assert_eq!(admin.code(request), ReturnCode::ARGUMENTS_BAD);
    }
    // Of a changed certificate only one is taken that doesn't say any more that it signed itself, which anchors needn't.
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1 << (at % 8);
        let request = Request::RegisterTrustAnchor { certificate: Blob::from(changed.as_slice()) };
        if let Ok(Response::TrustAnchors(added)) = admin.ask(request) {
            let taken = Certificate::from_der(&changed).unwrap();
            assert!(!taken.names_as_issuer(&taken), "byte {at}");
            admin.ask(Request::DeregisterTrustAnchor { reference: added[0].reference }).unwrap();
        }
    }
    assert!(listed(&mut admin).is_empty());
    admin.ask(register(&good)).unwrap();
}

#[test]
fn enforcement_takes_an_anchor_and_the_officer_admin() {
    let cluster = cluster(Profile::CloudHsm, 2);
    let (mut admin, mut olga, mut app) =
        (cluster.officer("admin", 1), cluster.officer("olga", 2), cluster.app(3));
    assert_eq!(level(&mut app), MtlsEnforcement::None);
    let error = admin.ask(ENFORCE).unwrap_err();
    assert!(error.message.contains("register-trust-anchor"), "{error}");
    olga.ask(register(&anchor(&ec(&P256)))).unwrap();
    assert_eq!(olga.code(ENFORCE), ReturnCode::ACTION_PROHIBITED, "only admin");
    assert_eq!(app.code(ENFORCE), ReturnCode::USER_NOT_LOGGED_IN);
    admin.ask(ENFORCE).unwrap();
    assert_eq!(level(&mut app), MtlsEnforcement::Cluster);
    // Nobody takes away what everybody needs.
    let error = olga.ask(Request::DeregisterTrustAnchor { reference: 1 }).unwrap_err();
    assert!(error.message.contains("--level none"), "{error}");
    admin.ask(RELAX).unwrap();
    olga.ask(Request::DeregisterTrustAnchor { reference: 1 }).unwrap();
    assert_eq!((level(&mut app), listed(&mut app).len()), (MtlsEnforcement::None, 0));
}

/// Item of cloudhsm.md 3.1: the service `cluster`.
#[test]
fn the_service_cluster_gates_every_change() {
    let cluster = cluster(Profile::CloudHsm, 1);
    cluster.register(&OFFICERS);
    let mut admin = cluster.officer("admin", 1);
    admin.ask(Request::SetQuorumValue { service: Service::Cluster, value: 2 }).unwrap();
    let changes =
        [register(&anchor(&ec(&P256))), ENFORCE, RELAX, Request::DeregisterTrustAnchor { reference: 1 }];
    for request in changes {
        let asked = format!("{request:?}");
        let error = admin.ask(request.clone()).unwrap_err();
        assert_eq!(error.message, "Quorum approval is required for this operation", "{asked}");
        // Another service's approval won't do.
        let data = admin.token(Service::User);
        let error = admin.with(vec![approved(&data, &["admin", "olga"])], request.clone()).unwrap_err();
        assert!(error.message.contains("service user"), "{asked}: {error}");
        admin.ask(Request::DeleteQuorumTokens { all: true }).unwrap();
        let data = admin.token(Service::Cluster);
        admin.with(vec![approved(&data, &["admin", "olga"])], request).unwrap();
        assert!(admin.tokens().is_empty(), "used up by {asked}");
    }
}

#[test]
fn hsm1_has_no_anchors_of_ones_own() {
    let cluster = cluster(Profile::CloudHsm, 1);
    play(&cluster, HsmType::Hsm1);
    let mut admin = cluster.officer("admin", 1);
    for request in [register(&anchor(&ec(&P256))), ENFORCE, Request::DeregisterTrustAnchor { reference: 1 }] {
        assert_eq!(admin.code(request), ReturnCode::FUNCTION_NOT_SUPPORTED);
    }
    assert!(listed(&mut admin).is_empty());
}

/// Has the cluster play another HSM.
fn play(cluster: &Cluster, hsm: HsmType) {
    let Some((version, Record::Policy(policy))) = cluster.ledger.read(|state| state.get(&Key::Policy)) else {
        panic!()
    };
    let policy = Policy { variant: Variant { hsm, ..policy.variant }, ..(*policy).clone() };
    cluster.commit(Change::of(Key::Policy, Expect::Version(version), Some(Record::Policy(policy.into()))));
}

/// A node that missed a change must not decide for all by what holds no more.
#[test]
fn a_node_that_lags_behind_leaves_it_to_others() {
    let cluster = cluster(Profile::CloudHsm, 1);
    let mut admin = cluster.officer("admin", 1);
    cluster.ledger.missed.lock().push(Key::ClientTrust);
    assert_eq!(admin.code(register(&anchor(&ec(&P256)))), ReturnCode::FUNCTION_FAILED);
    cluster.ledger.missed.lock().clear();
    admin.ask(register(&anchor(&ec(&P256)))).unwrap();
}

/// A cluster that waits for its customer's certificate can't be activated (cloudhsm.md 1.3).
#[test]
fn a_cluster_is_initialized_before_it_is_activated() {
    let cluster = crate::world::fresh_cluster(Profile::CloudHsm);
    let masking = strongroom_crypto::seal::SealingKey::generate();
    let mut identity = strongroom_node::state::Identity::new(&masking, vec![1], &Blob::from(*b"key"));
    identity.request = Some(vec![2]);
    let mut client = cluster.client(0, 1);
    let activate = || Request::Activate { password: Blob::from(OFFICER.as_bytes()) };
    let write = |identity: &strongroom_node::state::Identity| {
        let record = Record::Identity(std::sync::Arc::new(identity.clone()));
        cluster.commit(Change::of(Key::Identity, Expect::Anything, Some(record)));
    };
    write(&identity);
    let error = client.ask(activate()).unwrap_err();
    assert!(error.message.contains("initialize"), "{error}");
    (identity.request, identity.cluster) = (None, Some(vec![3]));
    write(&identity);
    client.ask(activate()).unwrap();
}
