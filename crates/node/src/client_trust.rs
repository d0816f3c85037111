//! Which clients the cluster accepts by their certificates (cloudhsm.md 7.1, `cluster mtls`).
//!
//! It's a matter of the cluster's officers, and the quorum service `cluster` gates it. Nodes that listen on TCP ask for it at every
//! handshake; whoever comes by a node's Unix socket is let in by the system, so nobody locks himself out.

use std::sync::Arc;

use strongroom_crypto::Key as CryptoKey;
use strongroom_crypto::x509::Certificate;
use strongroom_model::{
    Blob, Error, HsmType, KeyType, MtlsEnforcement, Profile, Result, ReturnCode, Service, limits,
};
use strongroom_wire::{Response, TrustAnchorInfo};

use crate::access::Caller;
use crate::state::{Change, ClientTrust, Expect, Key, Record, Replica, TrustAnchor};
use crate::users::OFFICER;

/// Sizes of RSA keys that anchors may have, in bits (the vendor's page on `cluster mtls register-trust-anchor`).
const RSA_BITS: [u32; 3] = [2048, 3072, 4096];
/// Curves of EC keys that they may have.
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];

impl Caller<'_> {
    pub(crate) fn trust_anchors(&self) -> Response {
        let trust = trust(&self.node.replica.read());
        Response::TrustAnchors(trust.anchors.iter().map(info).collect())
    }

    pub(crate) fn mtls_enforcement(&self) -> Response {
        let enforced = trust(&self.node.replica.read()).enforced;
        Response::MtlsEnforcement(if enforced { MtlsEnforcement::Cluster } else { MtlsEnforcement::None })
    }

    /// Lets clients in whose certificates come from this one (DER).
    pub(crate) fn register_trust_anchor(&self, der: &[u8]) -> Result<Response> {
        self.must_have_mtls()?;
        check(der, self.node.clock.now())?;
        let added = self.change_trust(|trust| {
            if trust.anchors.iter().any(|anchor| anchor.certificate == der) {
                return Err(bad("Invalid Certificate: Trust anchor already exists."));
            }
            if trust.anchors.len() >= limits::MAX_TRUST_ANCHORS {
                return Err(Error::new(
                    ReturnCode::ACTION_PROHIBITED,
                    format!(
                        "a cluster has {} trust anchors at most: deregister one first",
                        limits::MAX_TRUST_ANCHORS
                    ),
                ));
            }
            trust.last += 1;
            let anchor = TrustAnchor { reference: trust.last, certificate: der.to_vec() };
            trust.anchors.push(anchor.clone());
            Ok(anchor)
        })?;
        Ok(Response::TrustAnchors(vec![info(&added)]))
    }

    pub(crate) fn deregister_trust_anchor(&self, reference: u32) -> Result<Response> {
        self.must_have_mtls()?;
        self.change_trust(|trust| {
            let before = trust.anchors.len();
            trust.anchors.retain(|anchor| anchor.reference != reference);
            if trust.anchors.len() == before {
                return Err(bad(format!(
                    "there is no trust anchor {reference:#04x}: `cluster mtls list-trust-anchors` shows those there are"
                )));
            }
            if trust.enforced && trust.anchors.is_empty() {
                return Err(Error::new(
                    ReturnCode::ACTION_PROHIBITED,
                    "it's the last trust anchor and mutual TLS is enforced, so no client could connect any more: `cluster mtls \
                     set-enforcement --level none` first, or register another",
                ));
            }
            Ok(())
        })?;
        Ok(Response::Done)
    }

    /// Has clients without such a certificate refused, or let in.
    pub(crate) fn set_mtls_enforcement(&self, level: MtlsEnforcement) -> Result<Response> {
        self.must_have_mtls()?;
        if self.principal.is_none_or(|principal| principal.user.as_str() != OFFICER) {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "only the officer `admin` may say whether mutual TLS is enforced: log in as admin",
            ));
        }
        self.change_trust(|trust| {
            if level == MtlsEnforcement::Cluster && trust.anchors.is_empty() {
                return Err(Error::new(
                    ReturnCode::ACTION_PROHIBITED,
                    "there is no trust anchor, so no client could connect: `cluster mtls register-trust-anchor` first",
                ));
            }
            trust.enforced = level == MtlsEnforcement::Cluster;
            Ok(())
        })?;
        Ok(Response::Done)
    }

    /// `hsm1.medium` has no mutual TLS of the customer's (cloudhsm.md 8.1).
    fn must_have_mtls(&self) -> Result<()> {
        if self.profile == Profile::CloudHsm && self.regime.variant.hsm == HsmType::Hsm1 {
            return Err(Error::new(
                ReturnCode::FUNCTION_NOT_SUPPORTED,
                "mutual TLS by trust anchors of one's own takes hsm2m.medium, and this cluster plays hsm1.medium",
            ));
        }
        Ok(())
    }

    fn change_trust<T>(&self, change: impl Fn(&mut ClientTrust) -> Result<T>) -> Result<T> {
        self.must_know_the_rules()?;
        self.node.port.must_be_up_to_date(&[Key::ClientTrust])?;
        self.commit(|replica| {
            let approved = self.officers_approval(replica, Service::Cluster)?;
            let mut trust = trust(replica);
            let made = change(&mut trust)?;
            let expect = replica.version(&Key::ClientTrust).map_or(Expect::Absent, Expect::Version);
            let record = Some(Record::ClientTrust(Arc::new(trust)));
            Ok((Change::of(Key::ClientTrust, expect, record).approved(approved), made))
        })
    }
}

/// Refuses what clients' certificates can't come from.
fn check(der: &[u8], now: u64) -> Result<()> {
    let refused = |why: &str| bad(format!("Invalid Certificate: it {why}"));
    let anchor = Certificate::from_der(der).map_err(|error| refused(&error.message))?;
    let (key_type, key) =
        anchor.public_key().map_err(|error| refused(&format!("has a key that can't be used: {error}")))?;
    let fits = match (key_type, &key) {
        (KeyType::Rsa, key) => RSA_BITS.contains(&key.size()),
        (KeyType::Ec, CryptoKey::EcPublic(key)) => CURVES.contains(&key.curve().name),
        _ => false,
    };
    if !fits {
        return Err(refused(
            "has a key of another kind than RSA of 2048, 3072 or 4096 bits or EC on P-256, P-384 or P-521",
        ));
    }
    if anchor.has_extensions() && anchor.is_authority() != Some(true) {
        return Err(refused("isn't an authority's: BasicConstraints must say CA:TRUE"));
    }
    if !anchor.may_sign_certificates() {
        return Err(refused("has a KeyUsage without keyCertSign, so it may not sign certificates"));
    }
    if now < anchor.not_before() || now > anchor.not_after() {
        return Err(refused(&format!("isn't valid now, but {}", anchor.validity())));
    }
    if anchor.names_as_issuer(&anchor) {
        anchor.check_signature(&anchor).map_err(|error| refused(&error.message))?;
    }
    Ok(())
}

fn trust(replica: &Replica) -> ClientTrust {
    replica.client_trust().map_or_else(ClientTrust::default, |trust| (**trust).clone())
}

fn info(anchor: &TrustAnchor) -> TrustAnchorInfo {
    TrustAnchorInfo { reference: anchor.reference, certificate: Blob::from(anchor.certificate.as_slice()) }
}

fn bad(why: impl Into<String>) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, why)
}
