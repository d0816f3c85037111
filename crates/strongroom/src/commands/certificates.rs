//! `strongroom cluster certificates` and `strongroom cluster initialize`: the customer's part, without AWS's API.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use strongroom_server::control::{ClusterCertificates, ControlRequest, ControlResponse, call};

use super::node::place_of;
use crate::args::{Initialize, Place};
use crate::output::{Failure, Output};
use crate::{daemon, files};

/// Shows what there is, and writes it into a folder if wanted.
pub(crate) fn show(place: &Place, save: Option<&Path>) -> Result<Output, Failure> {
    let (home, cluster) = place_of(&place.home, place.cluster.as_deref())?;
    let found = certificates(call(home.path(), ControlRequest::Certificates { cluster })?)?;
    let parts = parts(&found);
    if let Some(folder) = save {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("{} can't be made: {error}", folder.display())))?;
        let folder = std::path::absolute(folder)
            .map_err(|error| Failure::new(format!("{} can't be named: {error}", folder.display())))?;
        for (_, file, pem) in &parts {
            files::replace(&folder.join(file), 0o644, pem.as_bytes())?;
        }
    }
    let shown: Map<String, Value> =
        parts.into_iter().map(|(name, _, pem)| (name.to_owned(), Value::from(pem))).collect();
    Ok(Output::Data(Value::Object(shown)))
}

/// Gives the cluster what the customer has signed.
pub(crate) fn initialize(arguments: &Initialize) -> Result<Output, Failure> {
    let (home, cluster) = place_of(&arguments.place.home, arguments.place.cluster.as_deref())?;
    let request = ControlRequest::Initialize {
        cluster,
        signed_cert: read_text(&arguments.signed_cert)?,
        trust_anchor: read_text(&arguments.trust_anchor)?,
    };
    certificates(call(home.path(), request)?)?;
    Ok(Output::Data(json!({"message": "Cluster initialization successful"})))
}

/// A file with text.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = files::read_data(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| {
        Failure::new(format!("{} isn't PEM: openssl x509 -inform der makes it that", path.display()))
    })?;
    Ok(text.to_owned())
}

fn certificates(response: ControlResponse) -> Result<ClusterCertificates, Failure> {
    match response {
        ControlResponse::Certificates(certificates) => Ok(certificates),
        _ => Err(daemon::unexpected()),
    }
}

/// What there is: the name, the file, the text.
fn parts(found: &ClusterCertificates) -> Vec<(&'static str, &'static str, &str)> {
    let all = [
        ("cluster_csr", "cluster.csr", &found.csr),
        ("hsm_certificate", "hsm.crt", &found.hsm),
        ("aws_hardware_certificate", "aws_hardware.crt", &found.aws_hardware),
        ("manufacturer_hardware_certificate", "manufacturer_hardware.crt", &found.manufacturer_hardware),
        ("aws_root_certificate", "aws_root.crt", &found.aws_root),
        ("manufacturer_root_certificate", "manufacturer_root.crt", &found.manufacturer_root),
        ("cluster_certificate", "cluster.crt", &found.cluster),
        ("trust_anchor", "customerCA.crt", &found.trust_anchor),
    ];
    all.into_iter().filter_map(|(name, file, pem)| Some((name, file, pem.as_deref()?))).collect()
}
