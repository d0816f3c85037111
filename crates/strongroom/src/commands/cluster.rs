//! `strongroom cluster ...`.

use serde_json::{Value, json};
use strongroom_model::NodeId;
use strongroom_wire::{ClusterInfo, Extras, Request, Response};

use super::{certificates, mtls};
use crate::args::{ClusterCommand, Place};
use crate::output::{Failure, Output, table};
use crate::password::{self, Given, blob};
use crate::session::Desk;
use crate::views;

/// Activates a cluster, and says what its nodes are. Output as cloudhsm-cli's.
pub(crate) fn run(desk: &Desk, command: &ClusterCommand) -> Result<Output, Failure> {
    match command {
        ClusterCommand::Activate { place, password } => activate(desk, place, password.as_ref()),
        ClusterCommand::Certificates { place, save } => certificates::show(place, save.as_deref()),
        ClusterCommand::Initialize(arguments) => certificates::initialize(arguments),
        ClusterCommand::Mtls(command) => mtls::run(desk, command),
        ClusterCommand::HsmInfo { place, human } => hsm_info(desk, place, *human),
    }
}

fn activate(desk: &Desk, place: &Place, password: Option<&Given>) -> Result<Output, Failure> {
    let session = desk.anonymous(place)?;
    let password = password::new("the password of the officer admin", password)?;
    session.done(&Extras::default(), &Request::Activate { password: blob(&password) })?;
    Ok(Output::Data("Cluster activation successful".into()))
}

fn hsm_info(desk: &Desk, place: &Place, human: bool) -> Result<Output, Failure> {
    let session = desk.anonymous(place)?;
    let answers = views::ask_all(&session, &Request::Info, |response| match response {
        Response::Cluster(info) => Some(info),
        _ => None,
    })?;
    let hsms: Vec<Value> =
        answers.iter().filter_map(|(node, info)| Some(described(*node, info.as_ref()?))).collect();
    if human {
        let columns = ["serial-number", "vendor", "model", "firmware-id", "fips-state"];
        let text = |hsm: &Value, name: &str| hsm[name].as_str().unwrap_or_default().to_string();
        let rows: Vec<Vec<String>> =
            hsms.iter().map(|hsm| columns.map(|name| text(hsm, name)).to_vec()).collect();
        return Ok(Output::Text(table(&columns, &rows)));
    }
    Ok(Output::Data(json!({"hsms": hsms})))
}

/// A node as it is: software, validated by nobody.
fn described(node: NodeId, info: &ClusterInfo) -> Value {
    json!({
        "vendor": "Strongroom",
        "model": "software HSM",
        "serial-number": format!("{}-{}", info.serial, node.0),
        "hardware-version-major": "0",
        "hardware-version-minor": "0",
        "firmware-version-major": env!("CARGO_PKG_VERSION_MAJOR"),
        "firmware-version-minor": env!("CARGO_PKG_VERSION_MINOR"),
        "firmware-build-number": env!("CARGO_PKG_VERSION_PATCH"),
        "firmware-id": concat!("strongroom-", env!("CARGO_PKG_VERSION")),
        "fips-state": "0 [non-FIPS mode with single factor authentication]",
    })
}
