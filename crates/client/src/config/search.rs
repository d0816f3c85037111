//! Where the configuration is looked for.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::{CLOUDHSM_FILE, Config, ConfigError, FILE, client_toml, cloudhsm};

impl Config {
    /// Reads the first file there is of: `$STRONGROOM_CONFIG`; `client.toml` in `$STRONGROOM_HOME`;
    /// in `strongroom` under `$XDG_CONFIG_HOME` (or `~/.config`), under `$XDG_DATA_HOME` (or
    /// `~/.local/share`, where `strongroom up` puts it) and under `/etc`; in `/var/lib/strongroom`.
    ///
    /// After those, [`CLOUDHSM_FILE`]. A file that ends in `.cfg` or `.json` is read as CloudHSM's own.
    ///
    /// The first two are orders: what they name must be there. In a program that runs with more
    /// rights than its caller, the environment is the caller's and isn't heeded.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which says what to do.
    pub fn load() -> Result<Self, ConfigError> {
        if is_privileged() {
            return Self::search(|_| None);
        }
        Self::search(|name| std::env::var_os(name))
    }

    /// As [`Self::load`], in an environment given as a function.
    fn search(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let path = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(file) = path("STRONGROOM_CONFIG") {
            return Self::from_file(&file);
        }
        if let Some(home) = path("STRONGROOM_HOME") {
            return Self::first_of(vec![home.join(FILE)]);
        }
        let home = path("HOME");
        let under = |name: &str, default: &str| {
            let base = path(name).or_else(|| home.as_ref().map(|home| home.join(default)));
            base.map(|base| base.join("strongroom").join(FILE))
        };
        let mut places = Vec::new();
        places.extend(under("XDG_CONFIG_HOME", ".config"));
        places.extend(under("XDG_DATA_HOME", ".local/share"));
        places.push(Path::new("/etc/strongroom").join(FILE));
        places.push(Path::new("/var/lib/strongroom").join(FILE));
        places.push(PathBuf::from(CLOUDHSM_FILE));
        Self::first_of(places)
    }

    fn first_of(places: Vec<PathBuf>) -> Result<Self, ConfigError> {
        for place in &places {
            match Self::from_file(place) {
                Err(ConfigError::Read { source, .. }) if is_absence(place, &source) => {}
                result => return result,
            }
        }
        Err(ConfigError::NotFound { looked: places })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] and [`ConfigError::Invalid`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::check(path, &text)
    }

    /// Reads what is in a file, or will be; the file's name says in which form, and its folder where relative paths lead.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn check(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let parsed = match path.extension().and_then(|extension| extension.to_str()) {
            Some("cfg" | "json") => cloudhsm::parse(text, folder.as_deref()),
            _ => client_toml::parse(text, folder.as_deref()),
        };
        parsed.map_err(|message| ConfigError::Invalid { path: Some(path.to_owned()), message })
    }

    /// Reads what would be in a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        client_toml::parse(text, None).map_err(|message| ConfigError::Invalid { path: None, message })
    }
}

/// Whether a file that can't be read isn't there, or is behind a folder that isn't for this user: a
/// daemon that changed its user often keeps the `HOME` of another.
fn is_absence(path: &Path, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => std::fs::metadata(path).is_err(),
        _ => false,
    }
}

/// Whether the process was started with another identity than its caller's (setuid, setgid).
fn is_privileged() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

#[cfg(test)]
mod tests {
    use strongroom_model::{Error, ReturnCode};

    use super::*;

    fn searched(pairs: &[(&str, &Path)]) -> Result<Config, ConfigError> {
        Config::search(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str().to_owned())
        })
    }

    fn write(file: &Path, name: &str) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("[[cluster]]\nname = {name:?}\nnodes = [\"unix:/s\"]\n")).unwrap();
    }

    #[test]
    fn the_first_file_of_the_search_order_counts() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let (home, config, data, user) = (at("home"), at("config"), at("data"), at("user"));
        for (file, name) in [
            (at("file.toml"), "file"),
            (home.join("client.toml"), "home"),
            (config.join("strongroom/client.toml"), "config"),
            (data.join("strongroom/client.toml"), "data"),
            (user.join(".local/share/strongroom/client.toml"), "share"),
        ] {
            write(&file, name);
        }
        let file = at("file.toml");
        let all = [
            ("STRONGROOM_CONFIG", file.as_path()),
            ("STRONGROOM_HOME", &home),
            ("XDG_CONFIG_HOME", &config),
            ("XDG_DATA_HOME", &data),
            ("HOME", &user),
        ];
        let expected = ["file", "home", "config", "data", "share"];
        for (skipped, expected) in expected.iter().enumerate() {
            assert_eq!(searched(&all[skipped..]).unwrap().clusters[0].name, *expected);
        }
        write(&user.join(".config/strongroom/client.toml"), "dot-config");
        assert_eq!(searched(&all[4..]).unwrap().clusters[0].name, "dot-config");
        let empty = [("STRONGROOM_CONFIG", Path::new("")), ("HOME", &user)];
        assert_eq!(searched(&empty).unwrap().clusters[0].name, "dot-config");
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none.toml");
        let error = searched(&[("STRONGROOM_CONFIG", &missing), ("HOME", dir.path())]).unwrap_err();
        assert!(matches!(&error, ConfigError::Read { path, .. } if *path == missing), "{error}");
        let error = searched(&[("STRONGROOM_HOME", dir.path())]).unwrap_err().to_string();
        let expected = dir.path().join("client.toml");
        assert!(error.contains(expected.to_str().unwrap()) && error.contains("strongroom up"), "{error}");
        assert_eq!(Error::from(ConfigError::NotFound { looked: vec![] }).code, ReturnCode::GENERAL_ERROR);
    }
}
