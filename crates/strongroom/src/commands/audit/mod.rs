//! `strongroom audit ...`.

mod form;
mod show;
mod verify;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;
use strongroom_client::Config;
use strongroom_model::NodeId;
use strongroom_server::{Home, audit};

use crate::args::{AuditCommand, AuditLogs};
use crate::files;
use crate::output::{Failure, Output};

/// Shows, checks and exports audit logs.
pub(crate) fn run(command: &AuditCommand) -> Result<Output, Failure> {
    match command {
        AuditCommand::Show { logs, from, format, human, follow } => {
            let place = Place::of(logs)?;
            if *human { show::table(&place, *from) } else { show::lines(&place, *from, *format, *follow) }
        }
        AuditCommand::Verify { logs, from, file: Some(file), .. } => {
            verify::export(&super::home(&logs.home), file, *from)
        }
        AuditCommand::Verify { logs, from, since, .. } => {
            verify::logs(&Place::of(logs)?, *from, since.as_deref())
        }
        AuditCommand::Export { logs, to } => export(&Place::of(logs)?, to.as_deref()),
    }
}

/// The logs that a command means.
struct Place {
    home: Home,
    cluster: String,
    node: Option<NodeId>,
}

impl Place {
    fn of(logs: &AuditLogs) -> Result<Self, Failure> {
        let home = super::home(&logs.home);
        let cluster = match &logs.cluster {
            Some(cluster) => cluster.clone(),
            None => first_cluster(&home)?,
        };
        // It becomes a folder's name.
        if cluster.contains('/') || cluster.starts_with('.') {
            return Err(Failure::new(format!("{cluster:?} isn't a cluster's name")));
        }
        Ok(Self { home, cluster, node: logs.node.map(NodeId) })
    }

    fn nodes(&self) -> Result<Vec<NodeId>, Failure> {
        audit::nodes(&self.home, &self.cluster, self.node).map_err(|error| Failure::new(error.to_string()))
    }

    fn streams(&self) -> Result<Vec<audit::Stream>, Failure> {
        audit::streams(&self.home, &self.cluster, self.node).map_err(|error| Failure::new(error.to_string()))
    }
}

/// The first cluster that clients know; else the only one that has logs.
fn first_cluster(home: &Home) -> Result<String, Failure> {
    let configured = Config::from_file(&home.client_config()).ok();
    if let Some(cluster) = configured.and_then(|config| config.clusters.into_iter().next()) {
        return Ok(cluster.name);
    }
    let folders = fs::read_dir(home.audit()).map_err(|error| {
        Failure::new(format!("there are no audit logs in {}: {error}", home.audit().display()))
    })?;
    let names: Vec<_> =
        folders.flatten().map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    match names.as_slice() {
        [name] => Ok(name.clone()),
        names => {
            Err(Failure::new(format!("say which cluster's with --cluster; there is {}", names.join(", "))))
        }
    }
}

fn export(place: &Place, to: Option<&Path>) -> Result<Output, Failure> {
    // Of a log that is being written what its head names goes out.
    verify::heads(place)?;
    let streams = place.streams()?;
    let Some(folder) = to else {
        let mut out = io::stdout().lock();
        for stream in &streams {
            out.write_all(&stream.export())
                .map_err(|error| Failure::new(format!("the export wasn't written whole: {error}")))?;
        }
        return Ok(Output::Silence);
    };
    fs::create_dir_all(folder)
        .map_err(|error| Failure::new(format!("{} can't be made: {error}", folder.display())))?;
    let mut written = Vec::new();
    for stream in &streams {
        let path = folder.join(format!("{}-{}.jsonl", place.cluster, stream.node.0));
        files::replace(&path, 0o600, &stream.export())?;
        written.push(path);
    }
    Ok(Output::Data(json!({"cluster": place.cluster, "files": written})))
}
