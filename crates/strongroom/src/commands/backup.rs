//! `strongroom backup ...`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use strongroom_server::Home;
use strongroom_server::control::{
    BackupCommand as Ask, BackupInfo, BackupSource, ControlError, ControlRequest, ControlResponse,
    VerifiedBackup, call,
};

use super::node;
use crate::args::{BackupCommand, BackupImage};
use crate::output::{Failure, Output, table};
use crate::{client_config, daemon, module_path, secrets};

/// Makes, shows and uses backups.
pub(crate) fn run(command: &BackupCommand) -> Result<Output, Failure> {
    match command {
        BackupCommand::Create(which) => {
            let (home, cluster) = node::place(which)?;
            let made = one(&home, Ask::Create { cluster })?;
            Ok(if which.human { show(&[made]) } else { Output::Data(json(&made)) })
        }
        BackupCommand::List { home, cluster, human } => list(&super::home(home), cluster.clone(), *human),
        BackupCommand::Verify { home, which } => verify(&super::home(home), which),
        BackupCommand::Copy { of, to } => {
            let to = to.as_deref().map(absolute).transpose()?;
            let copy = one(&super::home(&of.home), Ask::Copy { id: of.id.clone(), to: to.clone() })?;
            Ok(Output::Data(to.map_or_else(|| json(&copy), |file| json!({ "id": copy.id, "file": file }))))
        }
        BackupCommand::Delete(of) => changed(&super::home(&of.home), Ask::Delete { id: of.id.clone() }),
        BackupCommand::Undelete(of) => changed(&super::home(&of.home), Ask::Undelete { id: of.id.clone() }),
        BackupCommand::Keep { of, no_longer } => {
            changed(&super::home(&of.home), Ask::Keep { id: of.id.clone(), forever: !no_longer })
        }
        BackupCommand::Restore { home, which, name, nodes } => {
            restore(&super::home(home), which, name, *nodes)
        }
    }
}

fn list(home: &Home, cluster: Option<String>, human: bool) -> Result<Output, Failure> {
    match call(home.path(), ControlRequest::Backup(Ask::List { cluster }))? {
        ControlResponse::Backups(all) if human => Ok(show(&all)),
        ControlResponse::Backups(all) => {
            Ok(Output::Data(json!({ "backups": all.iter().map(json).collect::<Vec<_>>() })))
        }
        _ => Err(daemon::unexpected()),
    }
}

fn verify(home: &Home, which: &BackupImage) -> Result<Output, Failure> {
    match call(home.path(), ControlRequest::Backup(Ask::Verify { source: source(which)? }))? {
        ControlResponse::Verified(VerifiedBackup { id, serial, created, users, objects }) => {
            Ok(Output::Data(json!({
                "message": "Every byte of the backup is what was written",
                "id": id,
                "cluster-serial": serial,
                "created": created,
                "users": users,
                "objects": objects,
            })))
        }
        _ => Err(daemon::unexpected()),
    }
}

fn restore(home: &Home, which: &BackupImage, name: &str, nodes: u16) -> Result<Output, Failure> {
    let ask = Ask::Restore { source: source(which)?, name: name.to_owned(), nodes };
    let _alone = secrets::lock(home)?;
    let cluster = match call(home.path(), ControlRequest::Backup(ask)) {
        Ok(ControlResponse::Created(cluster)) => cluster,
        Ok(_) => return Err(daemon::unexpected()),
        Err(ControlError::Exists) => {
            return Err(Failure::new(format!(
                "there is a cluster {name} already, and a restore never overwrites one: nothing was changed; choose another --name"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let slot = client_config::update(home, std::slice::from_ref(&cluster), name)?;
    Ok(Output::Data(json!({
        "cluster": cluster.name,
        "label": cluster.label,
        "slot": slot,
        "module": module_path::find()?,
        "config": home.client_config(),
        "objects": cluster.objects,
        "nodes": cluster.nodes.iter().map(node::json).collect::<Vec<_>>(),
    })))
}

fn changed(home: &Home, ask: Ask) -> Result<Output, Failure> {
    Ok(Output::Data(json(&one(home, ask)?)))
}

fn one(home: &Home, ask: Ask) -> Result<BackupInfo, Failure> {
    match call(home.path(), ControlRequest::Backup(ask))? {
        ControlResponse::Backup(info) => Ok(info),
        _ => Err(daemon::unexpected()),
    }
}

fn source(which: &BackupImage) -> Result<BackupSource, Failure> {
    match (&which.id, &which.file) {
        (Some(id), _) => Ok(BackupSource::Id(id.clone())),
        (None, Some(file)) => Ok(BackupSource::File(absolute(file)?)),
        (None, None) => Err(Failure::new("name the backup with --id or --file")),
    }
}

/// The daemon is in another directory.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn json(info: &BackupInfo) -> Value {
    json!({
        "id": info.id,
        "state": info.state,
        "cluster": info.cluster,
        "cluster-serial": info.serial,
        "created": info.created,
        "reason": info.reason,
        "never-expires": info.never_expires,
        "delete-at": info.delete_at,
        "source": info.source,
        "bytes": info.bytes,
        "users": info.users,
        "objects": info.objects,
    })
}

fn show(all: &[BackupInfo]) -> Output {
    let row = |info: &BackupInfo| {
        vec![
            info.id.clone(),
            info.cluster.clone(),
            info.delete_at.map_or_else(|| "ready".to_owned(), |at| format!("goes at {at}")),
            info.created.to_string(),
            info.reason.to_string(),
            if info.never_expires || info.source.is_some() { "never" } else { "yes" }.to_owned(),
            info.users.to_string(),
            info.objects.to_string(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    Output::Text(table(
        &["id", "cluster", "state", "created", "reason", "expires", "users", "objects"],
        &rows,
    ))
}
