//! Where a cluster is.

use std::env;
use std::path::{Path, PathBuf};

use strongroom_client::{ClusterConfig, Config};
use strongroom_server::{Home, default_home};

use crate::args::Place;
use crate::client_config;
use crate::output::Failure;

/// The home that's meant, and the configuration to use. A configuration that isn't a home's own still
/// has its secrets beside it, if anywhere.
pub(super) fn find(place: &Place) -> Result<(Home, Config), Failure> {
    let of_home = |home: PathBuf| -> Result<(Home, Config), Failure> {
        let home = Home::new(home);
        client_config::refresh(&home, place.cluster.as_deref())?;
        let config = load(&home.client_config())?;
        Ok((home, config))
    };
    if let Some(home) = &place.home.home {
        return of_home(home.clone());
    }
    if let Some(file) = env::var_os("STRONGROOM_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from) {
        let folder = file.parent().unwrap_or(Path::new(".")).to_path_buf();
        return Ok((Home::new(folder), load(&file)?));
    }
    let home = default_home();
    if Home::new(&home).client_config().exists() || Home::new(&home).control().exists() {
        return of_home(home);
    }
    let config = Config::load().map_err(|error| Failure::new(error.to_string()))?;
    Ok((Home::new(home), config))
}
fn load(file: &Path) -> Result<Config, Failure> {
    if !file.exists() {
        let folder = file.parent().unwrap_or(Path::new("/")).display();
        return Err(Failure::new(format!(
            "there is no {}: no cluster was brought up in that home. Bring one up with  strongroom up --home {folder}",
            file.display()
        )));
    }
    Config::from_file(file).map_err(|error| Failure::new(error.to_string()))
}

pub(super) fn pick(config: Config, wanted: Option<&str>) -> Result<ClusterConfig, Failure> {
    let names: Vec<String> = config.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let mut clusters = config.clusters.into_iter();
    let picked = match wanted {
        Some(name) => clusters.find(|cluster| cluster.name == name),
        None => clusters.next(),
    };
    picked.ok_or_else(|| {
        Failure::new(format!(
            "the configuration has no cluster {}; it has {}",
            wanted.unwrap_or("at all"),
            names.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cluster_is_picked_unless_one_is_named() {
        let text =
            "[[cluster]]\nname = 'a'\nnodes = ['unix:/a']\n[[cluster]]\nname = 'b'\nnodes = ['unix:/b']\n";
        let config = || Config::from_toml(text).unwrap();
        assert_eq!(pick(config(), None).unwrap().name, "a");
        assert_eq!(pick(config(), Some("b")).unwrap().name, "b");
        assert!(pick(config(), Some("c")).is_err());
    }
}
