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
    /// How often the module begins a new file, whose name ends in the day or the hour
    #[arg(long, value_name = "INTERVAL")]
    pub(crate) log_rotation: Option<LogRotation>,
    #[command(flatten)]
    pub(crate) fixed: Fixed,
    /// The file to change
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Options of the vendor's that aren't a client's to choose here. They are known so that it can be said why.
#[derive(Debug, Args)]
pub(crate) struct Fixed {
    #[arg(long, hide = true)]
    enable_certificate_storage: bool,
    #[arg(long, hide = true)]
    disable_certificate_storage: bool,
    #[arg(long, hide = true)]
    enable_ecdh_without_kdf: bool,
    #[arg(long, hide = true)]
    disable_ecdh_without_kdf: bool,
    /// As it always is
    #[arg(long, hide = true, conflicts_with = "disable_validate_key_at_init")]
    enable_validate_key_at_init: bool,
    #[arg(long, hide = true)]
    disable_validate_key_at_init: bool,
    #[arg(long, hide = true)]
    enable_clear_key_extraction_in_software: bool,
    #[arg(long, hide = true)]
    disable_clear_key_extraction_in_software: bool,
}

impl Fixed {
    /// Why what was asked for can't be had, and what to do; `None` if it's as asked for.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        const CERTIFICATES: &str = "whether certificates are kept is the cluster's to say, for all its clients at once: make it with  \
             strongroom up --profile cloudhsm --quirk certificate-storage=on  (it's off otherwise, and in clusters of the AWS API)";
        const KDF: &str = "whether ECDH does without a KDF is the cluster's to say, for all its clients at once: make it with  \
             strongroom up --profile cloudhsm --quirk kdf-required=off  (it's on otherwise, and in clusters of the AWS API)";
        const VALIDATION: &str = "keys are always looked at when an operation begins; it costs no call, since the module keeps what it \
             knows of them: leave --disable-validate-key-at-init out";
        const JCE: &str = "the extraction of keys is for the vendor's JCE provider, and there is none here: Java goes by SunPKCS11, which \
             reads the value of a key that is extractable and not sensitive";
        let asked = [
            (self.enable_certificate_storage || self.disable_certificate_storage, CERTIFICATES),
            (self.enable_ecdh_without_kdf || self.disable_ecdh_without_kdf, KDF),
            (self.disable_validate_key_at_init, VALIDATION),
            (
                self.enable_clear_key_extraction_in_software || self.disable_clear_key_extraction_in_software,
                JCE,
            ),
        ];
        asked.into_iter().find_map(|(is_asked, why)| is_asked.then_some(why))
    }
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

/// How often a new file is begun.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogRotation {
    Never,
    Hourly,
    Daily,
}
