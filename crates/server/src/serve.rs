//! The daemon from start to end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::aws::Aws;
use crate::config::Config;
use crate::control::{Control, ControlRequest, ControlResponse, Handler, Refusal, Status};
use crate::daemon::Daemon;
use crate::logging::LogFile;
use crate::{Home, ServeError, default_home, logging, process};

/// How often it's looked whether a backup is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What `strongroom serve` is told.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The home; else the configuration's, else [`default_home`].
    pub home: Option<PathBuf>,
    /// The configuration file; else `config.toml` in the home, if it's there.
    pub config: Option<PathBuf>,
    /// Whether to log to `daemon.log` in the home rather than to standard error.
    pub log_to_file: bool,
    /// Where to serve the AWS control plane, if the configuration doesn't say or says otherwise.
    pub aws: Option<SocketAddr>,
}

/// Serves a home until the process gets `SIGTERM` or `SIGINT`, or is told to end by its control socket. At `SIGHUP` a log
/// in a file is opened anew, so that it can be rotated; without one it ends, too, since its terminal has gone.
///
/// Prepares the process (no core dumps, locked memory, its umask), so it's for a process of its own.
///
/// # Errors
///
/// See [`ServeError`]; each says what to do.
pub fn serve(options: &ServeOptions) -> Result<(), ServeError> {
    let (home, config) = settle(options)?;
    home.prepare()?;
    let log = logging::start(&home, options.log_to_file, config.log.as_deref())?;
    process::prepare();

    let (end, ended) = channel();
    watch_signals(end.clone(), log)
        .map_err(|error| ServeError::io("watch signals for", home.path(), error))?;
    let daemon = Arc::new(Daemon::start_with(&home, config.backups, config.network)?);
    let mut aws = config.aws;
    if let Some(listen) = options.aws {
        aws.get_or_insert_default().api.listen = listen;
    }
    let aws = Aws::start(&home, &daemon, aws)?;
    let address = aws.as_ref().and_then(Aws::address);
    let control =
        Control::start(&home, Arc::new(Commands { daemon: Arc::clone(&daemon), aws: address, end }))?;
    tracing::info!("serving {}", home.path().display());
    keep_backups(&daemon).map_err(|error| ServeError::io("start a thread for", home.path(), error))?;
    wait(&ended, aws.as_ref());

    tracing::info!("ending");
    drop(control);
    // Its calls under way need the clusters.
    drop(aws);
    daemon.stop();
    tracing::info!("ended");
    Ok(())
}

/// Where the home is, and what the configuration says: the file that was named, or the home's own if there is one.
fn settle(options: &ServeOptions) -> Result<(Home, Config), ServeError> {
    if let Some(file) = &options.config {
        let mut config = Config::read(file)?;
        let home = options.home.clone().or(config.home.take()).unwrap_or_else(default_home);
        return Ok((Home::new(home), config));
    }
    let home = Home::new(options.home.clone().unwrap_or_else(default_home));
    let own = home.config();
    let config = if own.exists() { Config::read(&own)? } else { Config::default() };
    Ok((home, config))
}

/// What the control socket can have done.
struct Commands {
    daemon: Arc<Daemon>,
    /// Where the AWS control plane is called.
    aws: Option<SocketAddr>,
    end: Sender<()>,
}

impl Handler for Commands {
    fn handle(&self, request: ControlRequest) -> Result<ControlResponse, Refusal> {
        match request {
            ControlRequest::Status => {
                Ok(ControlResponse::Status(Status { aws: self.aws, ..self.daemon.status() }))
            }
            ControlRequest::AuditHeads => Ok(ControlResponse::AuditHeads(self.daemon.audit_heads())),
            ControlRequest::CreateCluster(wanted) => {
                self.daemon.create_cluster(wanted).map(ControlResponse::Created)
            }
            ControlRequest::Fault { cluster, node, fault } => {
                self.daemon.fault(&cluster, node, fault).map(ControlResponse::Cluster)
            }
            ControlRequest::AddNode { cluster } => {
                let (node, cluster) = self.daemon.add_node(&cluster)?;
                Ok(ControlResponse::Added { node, cluster })
            }
            ControlRequest::RemoveNode { cluster, node } => {
                self.daemon.remove_node(&cluster, node).map(ControlResponse::Cluster)
            }
            ControlRequest::Backup(command) => self.daemon.backup(command),
            ControlRequest::Certificates { cluster } => {
                self.daemon.certificates(&cluster).map(ControlResponse::Certificates)
            }
            ControlRequest::Initialize { cluster, signed_cert, trust_anchor } => self
                .daemon
                .initialize_cluster(&cluster, &signed_cert, &trust_anchor)
                .map(ControlResponse::Certificates),
            ControlRequest::Listen { cluster } => self.daemon.listen(&cluster).map(ControlResponse::Cluster),
            ControlRequest::Shutdown => {
                // The receiver is gone only when the daemon is ending anyway.
                let _ = self.end.send(());
                Ok(ControlResponse::Ending { pid: std::process::id() })
            }
        }
    }
}

fn watch_signals(end: Sender<()>, log: Option<LogFile>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if let (SIGHUP, Some(log)) = (signal, &log) {
                log.reopen();
                tracing::info!("opened the log anew");
                continue;
            }
            tracing::info!("got signal {signal}");
            let _ = end.send(());
        }
    })?;
    Ok(())
}

/// Keeps backups until the process ends. A thread of its own, since a bucket's service may let it wait; what it's at when
/// the process ends is whole or not there.
fn keep_backups(daemon: &Arc<Daemon>) -> std::io::Result<()> {
    let daemon = Arc::clone(daemon);
    std::thread::Builder::new().name("backups".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            daemon.keep_backups();
        }
    })?;
    Ok(())
}

/// Until the end, the AWS control plane is kept up to date.
fn wait(ended: &Receiver<()>, aws: Option<&Aws>) {
    // The sender lives as long as the control socket.
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        aws.iter().for_each(|aws| aws.settle());
    }
}
