//! `strongroom configure`, with the options of CloudHSM's `configure-pkcs11` (cloudhsm.md 8.1).

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

pub(super) const HELP: &str = "\
Examples:
  strongroom configure -a 127.83.4.10 --hsm-ca-cert customerCA.crt
  strongroom configure -a 10.0.1.5 10.0.2.5:2224 --hsm-ca-cert customerCA.crt --config app.toml
  strongroom configure --cluster-id cluster-7xanmpleid2 --endpoint http://127.0.0.1:5556 --hsm-ca-cert customerCA.crt
  strongroom configure --client-cert-hsm-tls-file client.crt --client-key-hsm-tls-file client.key
  strongroom configure --disable-key-availability-check
  strongroom configure add-cluster --cluster-id cluster-7xanmpleid2 -a 10.0.3.5 --hsm-ca-cert customerCA.crt
  strongroom configure remove-cluster --cluster-id cluster-7xanmpleid2
  strongroom configure --config /opt/cloudhsm/etc/cloudhsm-pkcs11.cfg -a 10.0.1.5

Writes what the module and these commands read: the file that --config or STRONGROOM_CONFIG names, else client.toml in
STRONGROOM_HOME, else in ~/.config/strongroom. A file that ends in .cfg or .json gets CloudHSM's own form. What isn't
named on the command line stays as it is. With --cluster-id and no address, the control plane is asked for the addresses;
the call is signed with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY if they are set.";

/// What is to be configured.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Configure {
    #[command(subcommand)]
    pub(crate) command: Option<ConfigureCommand>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigureCommand {
    /// Add a cluster: a further slot
    AddCluster(Box<Settings>),
    /// Take a cluster out
    RemoveCluster {
        /// The cluster
        #[arg(long, value_name = "ID")]
        cluster_id: String,
        /// The file to change
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// What is said of a cluster.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("availability").args(["disable_key_availability_check", "enable_key_availability_check"]))]
pub(crate) struct Settings {
    /// Addresses of nodes, each with a port if it isn't 2223; they replace those that are there
    #[arg(short = 'a', long = "address", value_name = "ADDRESS", num_args = 1..)]
    pub(crate) addresses: Vec<String>,
    /// The cluster: nodes of another are refused
    #[arg(long, value_name = "ID")]
    pub(crate) cluster_id: Option<String>,
    /// Where the control plane is that is asked for addresses [default: http://127.0.0.1:5556]
    #[arg(long, value_name = "URL", requires = "cluster_id")]
    pub(crate) endpoint: Option<String>,
    /// The control plane's region [default: AWS_DEFAULT_REGION, AWS_REGION or us-east-1]
    #[arg(long, value_name = "REGION", requires = "cluster_id")]
    pub(crate) region: Option<String>,
    /// The certificate of the CA that signed the cluster's
    #[arg(long, value_name = "FILE")]
    pub(crate) hsm_ca_cert: Option<PathBuf>,
    /// The client's certificate
    #[arg(long, value_name = "FILE", requires = "server_client_key_file")]
    pub(crate) server_client_cert_file: Option<PathBuf>,
    /// The key of the client's certificate
    #[arg(long, value_name = "FILE", requires = "server_client_cert_file")]
    pub(crate) server_client_key_file: Option<PathBuf>,
    /// The client's certificate for clusters that ask for one (`cluster mtls`); it goes before the other
    #[arg(long, value_name = "FILE", requires = "client_key_hsm_tls_file")]
    pub(crate) client_cert_hsm_tls_file: Option<PathBuf>,
    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "client_cert_hsm_tls_file")]
    pub(crate) client_key_hsm_tls_file: Option<PathBuf>,
    /// Use and make token keys though only one node has them
    #[arg(long)]
    pub(crate) disable_key_availability_check: bool,
    /// Use and make token keys only while two nodes have them
    #[arg(long)]
    pub(crate) enable_key_availability_check: bool,
    /// Whether requests are repeated on another node
    #[arg(long, value_name = "MODE")]
    pub(crate) default_retry_mode: Option<RetryMode>,
    /// How much the module logs; for a file of CloudHSM's form, like the other options of the log
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
    /// Where the module logs to
    #[arg(long, value_name = "FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// Whether the module logs to standard error or to a file
    #[arg(long, value_name = "TYPE")]
    pub(crate) log_type: Option<LogType>,
    /// The file to change
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Whether requests are repeated.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RetryMode {
    Off,
    Standard,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where it's logged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogType {
    Term,
    File,
}
