//! What the customer's certificates must be like for a cluster to take them (control-plane.md 3.4).

use strongroom_crypto::x509::Certificate;
use strongroom_model::{KeyType, ReturnCode};

/// The most characters in one PEM text (cloudhsm.md 1.1).
const MAX_TEXT: usize = 20_000;
/// Bits of a customer's RSA key (cloudhsm.md 1.3).
const ANCHOR_BITS: [u32; 2] = [2048, 4096];

/// Reads both certificates and checks that they are each other's and the key's. What it says when it refuses is a sentence.
pub(super) fn check(
    public_key_info: &[u8],
    signed: &str,
    trust_anchor: &str,
    now: u64,
) -> Result<(Certificate, Certificate), String> {
    let signed = read("the signed certificate", signed)?;
    let anchor = read("the trust anchor", trust_anchor)?;
    check_anchor(&anchor)?;
    if signed.issuer() != anchor.subject() || !signed.names_as_issuer(&anchor) {
        return Err(format!(
            "the signed certificate is issued by {:?} and the trust anchor is {:?}: give the certificate that signed it",
            signed.issuer(),
            anchor.subject()
        ));
    }
    signed.check_signature(&anchor).map_err(|error| match error.code {
        // It says by itself what would do.
        ReturnCode::MECHANISM_INVALID => format!("the signed certificate {}", error.message),
        _ => format!("the signed certificate {} by the trust anchor's key: {MEND}", error.message),
    })?;
    if signed.public_key_info().map_err(|error| error.message)? != public_key_info {
        return Err(
            "the signed certificate is of another key than the cluster's: sign the cluster's own request, as it's told now"
                .to_owned(),
        );
    }
    if signed.is_authority() == Some(true) {
        return Err(
            "the signed certificate is an authority's (CA:TRUE): sign the request without that".to_owned()
        );
    }
    within("the signed certificate", &signed, now)?;
    within("the trust anchor", &anchor, now)?;
    Ok((signed, anchor))
}

const MEND: &str = "sign the cluster's request again";

fn read(what: &str, text: &str) -> Result<Certificate, String> {
    if text.len() > MAX_TEXT {
        return Err(format!("{what} has {} characters, and {MAX_TEXT} are the most", text.len()));
    }
    // The API's pattern for certificates: its `+-/` is a range (control-plane.md 2.1).
    let fits = |char: char| char.is_ascii_alphanumeric() || "+,-./=".contains(char) || char.is_whitespace();
    if let Some(odd) = text.chars().find(|char| !fits(*char)) {
        return Err(format!(
            "{what} has the character {odd:?}, which PEM hasn't: give the lines from BEGIN to END alone (openssl x509 -in FILE)"
        ));
    }
    Certificate::from_pem(text).map_err(|error| format!("{what} {}", error.message))
}

fn check_anchor(anchor: &Certificate) -> Result<(), String> {
    let refused = |why: &str| Err(format!("the trust anchor {why}"));
    if !anchor.names_as_issuer(anchor) {
        return refused(
            "isn't self-signed: its issuer is another than its subject; give the root certificate of your authority",
        );
    }
    let (key_type, key) = anchor
        .public_key()
        .map_err(|error| format!("the trust anchor has a key that can't be used: {}", error.message))?;
    if key_type != KeyType::Rsa || !ANCHOR_BITS.contains(&key.size()) {
        let found = match key_type {
            KeyType::Rsa => format!("an RSA key of {} bits", key.size()),
            other => format!("a key of type {other:?}"),
        };
        return refused(&format!("has {found}, and must have an RSA key of 2048 or 4096 bits"));
    }
    if anchor.has_extensions() && anchor.is_authority() != Some(true) {
        return refused("has extensions, and not BasicConstraints with CA:TRUE among them");
    }
    if !anchor.may_sign_certificates() {
        return refused("has a KeyUsage without keyCertSign, so it may not sign certificates");
    }
    anchor
        .check_signature(anchor)
        .map_err(|error| format!("the trust anchor {}: it must be signed by its own key", error.message))
}

fn within(what: &str, certificate: &Certificate, now: u64) -> Result<(), String> {
    let (from, to) = (certificate.not_before(), certificate.not_after());
    let why = if now < from {
        "isn't valid yet"
    } else if now > to {
        "has expired"
    } else {
        return Ok(());
    };
    Err(format!(
        "{what} {why} ({}): make it anew, and see that this machine's clock is right",
        certificate.validity()
    ))
}
