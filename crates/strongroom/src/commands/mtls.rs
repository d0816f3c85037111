//! `strongroom cluster mtls ...`. Output as cloudhsm-cli's.

use std::collections::BTreeMap;
use std::path::Path;

use pem_rfc7468::LineEnding;
use serde_json::{Value, json};
use strongroom_model::{Blob, Role};
use strongroom_wire::{Extras, Request, Response, TrustAnchorInfo};

use super::certificates::read_text;
use crate::args::{Access, ApprovalOption, MtlsCommand, Place};
use crate::output::{Failure, Output};
use crate::session::{Desk, Session, unexpected};
use crate::tokens::read_approvals;
use crate::views::{self, coverage};

const LABEL: &str = "CERTIFICATE";

/// Manages which clients the cluster accepts.
pub(crate) fn run(desk: &Desk, command: &MtlsCommand) -> Result<Output, Failure> {
    match command {
        MtlsCommand::RegisterTrustAnchor { access, path, approval } => register(desk, access, path, approval),
        MtlsCommand::DeregisterTrustAnchor { access, certificate_reference, approval } => {
            let reference = certificate_reference.0;
            let (session, extras) = officer(desk, access, approval)?;
            session.done(&extras, &Request::DeregisterTrustAnchor { reference })?;
            let message = format!("Trust anchor with reference {reference:#04x} deregistered successfully");
            Ok(Output::Data(json!({"message": message})))
        }
        MtlsCommand::ListTrustAnchors { place } => list(desk, place),
        MtlsCommand::SetEnforcement { access, level, approval } => {
            let (session, extras) = officer(desk, access, approval)?;
            session.done(&extras, &Request::SetMtlsEnforcement { level: *level })?;
            let name = match level {
                strongroom_model::MtlsEnforcement::None => "None",
                strongroom_model::MtlsEnforcement::Cluster => "Cluster",
            };
            Ok(Output::Data(json!({"message": format!("Mtls enforcement level set to {name} successfully")})))
        }
        MtlsCommand::GetEnforcement { access } => {
            let session = desk.login(access, Role::Admin)?;
            match session.call(&Request::MtlsEnforcement)? {
                Response::MtlsEnforcement(level) => {
                    Ok(Output::Data(json!({"mtls-enforcement-level": level.to_string()})))
                }
                _ => Err(unexpected()),
            }
        }
    }
}

fn register(desk: &Desk, access: &Access, path: &Path, approval: &ApprovalOption) -> Result<Output, Failure> {
    let text = read_text(path)?;
    let Ok((LABEL, der)) = pem_rfc7468::decode_vec(text.trim().as_bytes()) else {
        return Err(Failure::new(format!(
            "{} isn't one certificate in PEM, from -----BEGIN {LABEL}----- to its end",
            path.display()
        )));
    };
    let (session, extras) = officer(desk, access, approval)?;
    let request = Request::RegisterTrustAnchor { certificate: Blob::from(der) };
    let Response::TrustAnchors(added) = session.call_with(None, &extras, &request)? else {
        return Err(unexpected());
    };
    let added = added.into_iter().next().ok_or_else(unexpected)?;
    let anchors = seen(&session)?;
    let everywhere = anchors.get(&added.reference).is_some_and(|(_, everywhere)| *everywhere);
    Ok(Output::Data(json!({"trust_anchor": shown(&added, everywhere)})))
}

fn list(desk: &Desk, place: &Place) -> Result<Output, Failure> {
    let session = desk.anonymous(place)?;
    let anchors: Vec<Value> =
        seen(&session)?.values().map(|(anchor, everywhere)| shown(anchor, *everywhere)).collect();
    Ok(Output::Data(json!({"trust_anchors": anchors})))
}

fn officer(desk: &Desk, access: &Access, approval: &ApprovalOption) -> Result<(Session, Extras), Failure> {
    let approvals = read_approvals([&approval.approval])?;
    Ok((desk.login(access, Role::Admin)?, Extras { approvals, ..Extras::default() }))
}

/// The anchors that nodes have, by reference, and whether every node has each.
fn seen(session: &Session) -> Result<BTreeMap<u32, (TrustAnchorInfo, bool)>, Failure> {
    let answers = views::ask_all(session, &Request::TrustAnchors, |response| match response {
        Response::TrustAnchors(anchors) => Some(anchors),
        _ => None,
    })?;
    let mut all = BTreeMap::new();
    for anchor in answers.values().flatten().flatten() {
        let everywhere = answers.values().all(|view| view.as_ref().is_some_and(|view| view.contains(anchor)));
        all.insert(anchor.reference, (anchor.clone(), everywhere));
    }
    Ok(all)
}

fn shown(anchor: &TrustAnchorInfo, everywhere: bool) -> Value {
    let pem = pem_rfc7468::encode_string(LABEL, LineEnding::LF, &anchor.certificate);
    json!({
        "certificate-reference": format!("{:#04x}", anchor.reference),
        "certificate": pem.unwrap_or_default(),
        "cluster-coverage": coverage(everywhere),
    })
}
