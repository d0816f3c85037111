//! `ab`, which makes full TLS handshakes with a server and counts those that fail.

use std::process::Command;
use std::time::Duration;

use strongroom_testkit::run_with;

use crate::nginx::Site;

const LIMIT: Duration = Duration::from_secs(60);

/// What `ab` counted.
#[derive(Clone, Copy, Debug)]
pub struct Handshakes {
    /// Those that ended with a page.
    pub good: usize,
    /// Those that didn't.
    pub failed: usize,
    /// Per second.
    pub rate: f64,
}

/// `ab` for so many requests, each on a connection of its own with a full handshake.
#[track_caller]
fn load(site: &Site, protocol: &str, requests: usize, at_once: usize) -> Command {
    let mut command = Command::new(crate::program("ab", "apache2-utils"));
    // -r: go on after a connection that broke, and count it; -f takes TLS1.2 for TLSv1.2.
    command.args(["-r", "-q", "-n", &requests.to_string(), "-c", &at_once.to_string()]);
    command.args(["-f", &protocol.replace('v', ""), &format!("https://127.0.0.1:{}/", site.port)]);
    command
}

/// Makes so many full handshakes with a site and counts them.
///
/// # Panics
///
/// When `ab` can't be run.
#[track_caller]
pub fn shake_hands(site: &Site, protocol: &str, requests: usize, at_once: usize) -> Handshakes {
    let finished = run_with(&mut load(site, protocol, requests, at_once), b"", LIMIT);
    count(&finished.output(), requests).unwrap_or_else(|| panic!("{}", finished.report()))
}

/// What `ab` counted, from what it printed.
fn count(printed: &str, requests: usize) -> Option<Handshakes> {
    let value = |name: &str| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    // A handshake that fails before its connection has read a byte is a request that `ab` calls complete.
    let broken = printed.lines().filter(|line| line.contains("SSL") && line.contains("failed")).count();
    let complete = value("Complete requests:")? as usize;
    let counted = value("Failed requests:")? as usize + value("Non-2xx responses:").unwrap_or(0.0) as usize;
    let failed = counted.max(broken) + requests.saturating_sub(complete);
    Some(Handshakes { good: requests.saturating_sub(failed), failed, rate: value("Requests per second:")? })
}
