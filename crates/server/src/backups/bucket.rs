//! Images in a bucket of a service that speaks Amazon's S3.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rusty_s3::{Bucket as Place, Credentials, S3Action, UrlStyle};
use serde::Deserialize;
use strongroom_cluster::MAX_IMAGE;
use strongroom_control_plane::Secret;
use ureq::Agent;
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// How long a signed request may be used.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a transfer may take in all.
const TRANSFER: Duration = Duration::from_secs(300);
/// How much of an answer that tells of a problem is read, in bytes.
const MAX_TROUBLE: u64 = 4096;
/// Longest prefix: S3's keys have 1,024 bytes at most, and ours end in a backup's name.
const MAX_PREFIX: usize = 900;

/// A bucket to keep images in: `[backups.bucket]` of the daemon's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// The service: `https://s3.eu-central-1.amazonaws.com`. Over plain `http://` who listens sees no more than the bucket's
    /// readers do: images are encrypted and authenticated.
    pub endpoint: String,
    /// The bucket's name. It must be there.
    pub name: String,
    /// The region that requests are signed for.
    pub region: String,
    /// What the names of images start with, such as `strongroom/`.
    #[serde(default)]
    pub prefix: String,
    /// Who asks; else the environment's `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<String>,
    /// What requests are signed with; else the environment's `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<Secret>,
    /// The bucket's name is part of the host's name instead of the path.
    #[serde(default)]
    pub virtual_host: bool,
    /// PEM file of the authorities that vouch for the service; else those that the system trusts.
    pub ca_file: Option<std::path::PathBuf>,
}

/// A bucket, ready to be asked. What it says when it fails is a sentence.
pub(super) struct Bucket {
    place: Place,
    credentials: Credentials,
    prefix: String,
    agent: Agent,
    /// For messages: the service and the bucket.
    name: String,
}

impl Bucket {
    /// Checks the configuration; the service isn't asked yet.
    pub(super) fn new(config: &BucketConfig) -> Result<Self, String> {
        if config.prefix.len() > MAX_PREFIX {
            return Err(format!("backups.bucket.prefix has {MAX_PREFIX} bytes at most"));
        }
        let wrong =
            |error: &dyn fmt::Display| format!("backups.bucket.endpoint {}: {error}", config.endpoint);
        let endpoint = config.endpoint.parse().map_err(|error| wrong(&error))?;
        let style = if config.virtual_host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let place = Place::new(endpoint, style, config.name.clone(), config.region.clone())
            .map_err(|error| wrong(&error))?;
        Ok(Self {
            place,
            credentials: credentials(config)?,
            prefix: config.prefix.clone(),
            agent: agent(config)?,
            name: format!("{}/{}", config.endpoint.trim_end_matches('/'), config.name),
        })
    }

    pub(super) fn put(&self, id: &str, image: &[u8]) -> Result<(), String> {
        let key = self.key(id);
        let url = self.place.put_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let sent = self.agent.put(url.as_str()).send(image);
        self.answered("take", &key, sent, StatusCode::is_success).map(drop)
    }

    pub(super) fn get(&self, id: &str) -> Result<Vec<u8>, String> {
        let key = self.key(id);
        let url = self.place.get_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let mut response =
            self.answered("give", &key, self.agent.get(url.as_str()).call(), StatusCode::is_success)?;
        let body = response.body_mut().with_config().limit(MAX_IMAGE as u64 + 1).read_to_vec();
        body.map_err(|error| self.trouble("give", &key, &error))
    }

    /// Removes an image that may be there.
    pub(super) fn remove(&self, id: &str) -> Result<(), String> {
        let key = self.key(id);
        let url = self.place.delete_object(Some(&self.credentials), &key).sign(SIGNED_FOR);
        let gone = |status: &StatusCode| status.is_success() || *status == StatusCode::NOT_FOUND;
        self.answered("delete", &key, self.agent.delete(url.as_str()).call(), gone).map(drop)
    }

    fn key(&self, id: &str) -> String {
        format!("{}{id}.image", self.prefix)
    }

    fn answered(
        &self,
        deed: &str,
        key: &str,
        answer: Result<Response<ureq::Body>, ureq::Error>,
        good: impl Fn(&StatusCode) -> bool,
    ) -> Result<Response<ureq::Body>, String> {
        let mut response = answer.map_err(|error| self.trouble(deed, key, &error))?;
        let status = response.status();
        if good(&status) {
            return Ok(response);
        }
        let text = response.body_mut().with_config().limit(MAX_TROUBLE).read_to_string().unwrap_or_default();
        Err(self.trouble(deed, key, &format_args!("{status} {}", code_in(&text))))
    }

    fn trouble(&self, deed: &str, key: &str, why: &dyn fmt::Display) -> String {
        format!(
            "the bucket {} doesn't {deed} {key}: {why}; see [backups.bucket] of the configuration",
            self.name
        )
    }
}

fn credentials(config: &BucketConfig) -> Result<Credentials, String> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let key = config.access_key_id.clone().or_else(|| environment("AWS_ACCESS_KEY_ID"));
    let secret = config.secret_access_key.as_ref().map(|secret| secret.expose().to_owned());
    match (key, secret.or_else(|| environment("AWS_SECRET_ACCESS_KEY"))) {
        (Some(key), Some(secret)) => Ok(match environment("AWS_SESSION_TOKEN") {
            Some(token) if config.access_key_id.is_none() => Credentials::new_with_token(key, secret, token),
            _ => Credentials::new(key, secret),
        }),
        _ => Err("backups.bucket has no credentials: give access_key_id and secret_access_key, or set \
                  AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the daemon's environment"
            .to_owned()),
    }
}

fn agent(config: &BucketConfig) -> Result<Agent, String> {
    let roots = match &config.ca_file {
        None => RootCerts::PlatformVerifier,
        Some(file) => {
            let problem =
                |error: &dyn fmt::Display| format!("backups.bucket.ca_file {}: {error}", file.display());
            let text = std::fs::read(file).map_err(|error: io::Error| problem(&error))?;
            let found = rustls_pki_types::CertificateDer::pem_slice_iter(&text);
            let all = found.collect::<Result<Vec<_>, _>>().map_err(|error| problem(&error))?;
            if all.is_empty() {
                return Err(problem(&"there is no certificate in it"));
            }
            let all: Vec<_> = all.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
            RootCerts::new_with_certs(&all)
        }
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(roots)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // A signature is for one address only.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_global(Some(TRANSFER))
        .build();
    Ok(config.into())
}

/// What S3 calls the problem, such as `NoSuchBucket`.
fn code_in(text: &str) -> &str {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or("", |(code, _)| code)
        .get(..)
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .unwrap_or("")
}
