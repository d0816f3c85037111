//! Clients in front of the API.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A client's program, told by its environment where the API is.
pub(crate) fn client_at(endpoint: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("AWS_PROFILE").envs([
        ("AWS_ENDPOINT_URL_CLOUDHSM_V2", endpoint),
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("AWS_SECRET_ACCESS_KEY", "unused"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "none"),
        ("AWS_SHARED_CREDENTIALS_FILE", "none"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]);
    command
}

/// A program in `tests/python/control_plane`.
pub(crate) fn python_program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/control_plane").join(name)
}
