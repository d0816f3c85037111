//! The daemon's configuration file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ServeError;
use crate::aws::AwsConfig;
use crate::backups::BackupPolicy;
use crate::network::Network;

/// What `strongroom serve --config FILE` reads, in TOML.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The home, unless the command names one.
    pub(crate) home: Option<PathBuf>,
    /// What to log, as in `STRONGROOM_LOG`, which goes before it: `info`, `debug`, `strongroom_node=trace,warn`.
    pub(crate) log: Option<String>,
    /// When backups are made, and how long they're kept.
    #[serde(default)]
    pub(crate) backups: BackupPolicy,
    /// How nodes are reached by TCP.
    #[serde(default)]
    pub(crate) network: Network,
    /// The AWS control plane, which is served if this is there.
    pub(crate) aws: Option<AwsConfig>,
}

impl Config {
    pub(crate) fn read(file: &Path) -> Result<Self, ServeError> {
        let problem = |problem: String| ServeError::Config { file: file.to_owned(), problem };
        let text =
            std::fs::read_to_string(file).map_err(|error| problem(format!("cannot be read: {error}")))?;
        let config: Self = toml::from_str(&text).map_err(|error| problem(error.to_string()))?;
        if config.has_secrets() {
            must_be_ours_alone(file)?;
        }
        let wrong = config.backups.problem().or_else(|| config.network.problem());
        let wrong = wrong.or_else(|| config.aws.as_ref()?.api.problem());
        wrong.map_or(Ok(config), |wrong| Err(problem(wrong)))
    }

    fn has_secrets(&self) -> bool {
        let of_bucket = self.backups.bucket.as_ref().is_some_and(|bucket| bucket.secret_access_key.is_some());
        of_bucket || self.aws.as_ref().is_some_and(|aws| !aws.api.credentials.is_empty())
    }
}

/// Refuses a file with secrets that others may read.
fn must_be_ours_alone(file: &Path) -> Result<(), ServeError> {
    let found = std::fs::metadata(file).map_err(|error| ServeError::io("read", file, error))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(ServeError::Exposed { path: file.to_owned(), mode, wanted: 0o600 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ServeError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(file.path())
    }

    #[test]
    fn known_keys_are_read_and_others_refused() {
        let config = read("home = \"/srv/keys\"\nlog = \"debug\"\n").unwrap();
        assert_eq!(config.home.as_deref(), Some(Path::new("/srv/keys")));
        assert_eq!(config.log.as_deref(), Some("debug"));
        assert_eq!(read("").unwrap(), Config::default());
        assert_eq!(read("[backups]\nevery_hours = 0\n").unwrap().backups.retention_days, 90);
        assert!(read("[backups]\nretention_days = 6\n").unwrap_err().to_string().contains("7 to 379"));
        let network = read("[network]\nenabled = true\naddresses = [\"10.0.0.5\"]\n").unwrap().network;
        assert_eq!((network.enabled, network.port, network.addresses.len()), (true, 2223, 1));
        let error = read("[network]\naddresses = [\"224.0.0.1\"]\n").unwrap_err().to_string();
        assert!(error.contains("network.addresses"), "{error}");
        let bucket = "[backups.bucket]\nendpoint = \"http://localhost:9\"\nname = \"b\"\nregion = \"r\"\n";
        assert_eq!(read(bucket).unwrap().backups.bucket.unwrap().name, "b");
        let error = read("hom = \"/srv\"").unwrap_err().to_string();
        assert!(error.contains("unknown field `hom`"), "{error}");
    }

    #[test]
    fn a_file_with_a_secret_must_be_the_daemons_alone() {
        let bucket = "[backups.bucket]\nendpoint = \"http://localhost:9\"\nname = \"b\"\nregion = \"r\"\naccess_key_id = \"a\"\n\
                      secret_access_key = \"very secret\"\n";
        let caller = "[aws]\n[[aws.credentials]]\naccess_key = \"a\"\nsecret_key = \"very secret\"\n";
        for text in [bucket, caller] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let config = Config::read(file.path()).unwrap();
            assert!(!format!("{config:?}").contains("very secret"));
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(Config::read(file.path()), Err(ServeError::Exposed { wanted: 0o600, .. })));
        }
    }
}
