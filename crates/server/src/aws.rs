//! The AWS control plane in the daemon: its configuration, its records and its server.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use strongroom_control_plane::estate::{Estate, EstateConfig, SystemClock};
use strongroom_control_plane::{ApiConfig, ApiServer, Operations};
use strongroom_store::SledStore;
use toml::{Table, Value};

use crate::data_plane::RealPlane;
use crate::{Daemon, Home, ServeError};

/// The members of `[aws]` that are about clusters and backups. The others are about who may call, and where.
const OF_ESTATE: [&str; 5] =
    ["transition_delay_seconds", "hsms_per_account", "clusters_per_account", "limit_error", "regions"];

/// `[aws]` in the daemon's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AwsConfig {
    pub(crate) api: ApiConfig,
    pub(crate) estate: EstateConfig,
}

impl<'de> Deserialize<'de> for AwsConfig {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (estate, api): (Table, Table) =
            Table::deserialize(from)?.into_iter().partition(|(name, _)| OF_ESTATE.contains(&name.as_str()));
        Ok(Self {
            api: Value::Table(api).try_into().map_err(D::Error::custom)?,
            estate: Value::Table(estate).try_into().map_err(D::Error::custom)?,
        })
    }
}

/// The control plane of a daemon. The estate is kept up to date also while nobody may call.
pub(crate) struct Aws {
    estate: Arc<Estate>,
    server: Option<ApiServer>,
}

impl Aws {
    /// Opens the estate, if there is one or `config` wants one, and serves it if `config` wants that.
    pub(crate) fn start(
        home: &Home,
        daemon: &Arc<Daemon>,
        config: Option<AwsConfig>,
    ) -> Result<Option<Self>, ServeError> {
        let path = home.aws();
        if config.is_none() && !path.exists() {
            return Ok(None);
        }
        let problem = |error: &dyn std::fmt::Display| ServeError::Aws {
            path: path.clone(),
            problem: error.to_string(),
        };
        let store = SledStore::open(&path).map_err(|error| problem(&error))?;
        let rules = config.as_ref().map(|config| config.estate.clone()).unwrap_or_default();
        let plane = Arc::new(RealPlane::new(daemon));
        let estate = Estate::open(Arc::new(store), plane, Arc::new(SystemClock), rules)
            .map_err(|error| problem(&error))?;
        let estate = Arc::new(estate);
        let serve = |config: AwsConfig| {
            let operations: Arc<dyn Operations> = Arc::<Estate>::clone(&estate);
            let server = ApiServer::start(config.api, operations)
                .map_err(|error| ServeError::Aws { path: path.clone(), problem: error.to_string() })?;
            tracing::info!("serving the AWS CloudHSM API at http://{}", server.local_addr());
            Ok(server)
        };
        let server = config.map(serve).transpose()?;
        Ok(Some(Self { estate, server }))
    }

    /// Where it's called.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(ApiServer::local_addr)
    }

    /// Brings everything up to date.
    pub(crate) fn settle(&self) {
        self.estate.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AwsConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_member_goes_where_it_belongs() {
        let config = read(
            "listen = \"127.0.0.1:0\"\ntransition_delay_seconds = 2\nregions = [\"us-east-1\"]\nlimit_error = \"service\"\n",
        )
        .unwrap();
        assert_eq!(config.api.listen.port(), 0);
        assert_eq!((config.estate.transition_delay_seconds, config.estate.hsms_per_account), (2, 6));
        assert_eq!(config.estate.regions.len(), 1);
        assert_eq!(read("").unwrap(), AwsConfig::default());
        assert!(read("regions = [\"mars\"]").unwrap_err().contains("region"));
        assert!(read("listne = \"127.0.0.1:0\"").unwrap_err().contains("listne"));
    }
}
