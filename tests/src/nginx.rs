//! NGINX with keys in a cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process, kill_process_group};
use strongroom_testkit::{Background, Cluster, Finished, free_port, run_with, wait_until};

use crate::openssl::OpenSsl;

const START_LIMIT: Duration = Duration::from_secs(20);
const END_LIMIT: Duration = Duration::from_secs(20);

/// One TLS port of a server.
#[derive(Clone, Debug)]
pub struct Site {
    /// The label of its key.
    pub label: String,
    /// Its port on the loopback.
    pub port: u16,
}

/// A master and two workers. They end when this is dropped.
#[derive(Debug)]
pub struct Nginx {
    background: Background,
    master: u32,
    folder: PathBuf,
    sites: Vec<Site>,
}

impl Nginx {
    /// Starts it with an RSA and an EC key, made for it, on a port each.
    ///
    /// Its configuration has no `env` lines: NGINX clears its workers' environment, and the module must do
    /// without.
    ///
    /// # Panics
    ///
    /// When it doesn't listen in time.
    #[track_caller]
    pub fn start(cluster: &Cluster) -> Self {
        let (command, sites) = prepare(cluster, &[]);
        Self::start_as(cluster, command, sites)
    }

    /// As [`Self::start`], but in the background, as a service is: only then does NGINX let a new binary take
    /// over. The `env` lines are all that the new binary's environment has.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn start_detached(cluster: &Cluster, env: &[&str]) -> Self {
        let (command, sites) = prepare(cluster, env);
        let configured = cluster.folder().join("nginx.conf");
        let text = fs::read_to_string(&configured).expect("NGINX's configuration");
        fs::write(configured, text.replace("daemon off;", "daemon on;")).expect("NGINX's configuration");
        Self::start_as(cluster, command, sites)
    }

    #[track_caller]
    fn start_as(cluster: &Cluster, mut command: Command, sites: Vec<Site>) -> Self {
        let folder = cluster.folder().to_path_buf();
        let said = fs::File::create(folder.join("nginx.out")).expect("a file for what NGINX says");
        command.stdout(said.try_clone().expect("a copy")).stderr(said);
        let background = Background::start(&mut command);
        let mut nginx = Self { background, master: 0, folder, sites };
        wait_until("NGINX has two workers", START_LIMIT, || {
            assert!(!nginx.errors().contains("[emerg]"), "NGINX doesn't start:\n{}", nginx.errors());
            nginx.master = nginx.pid_in_file().unwrap_or(0);
            nginx.workers().len() == 2
        });
        nginx
    }

    /// Checks a configuration, with keys that exist but another PIN; what `nginx -t` makes of it.
    ///
    /// # Panics
    ///
    /// When it can't be run.
    #[track_caller]
    pub fn check_with_pin(cluster: &Cluster, label: &str, pin: &str) -> Finished {
        let openssl = OpenSsl::new(cluster);
        let folder = cluster.folder();
        let site = Site { label: label.into(), port: free_port() };
        let text = configuration(&openssl, folder, &[site], &[]);
        let text = text.replace(&openssl.uri(label), &openssl.uri_with_pin(label, pin));
        fs::write(folder.join("nginx.conf"), text).expect("NGINX's configuration");
        run_with(command(cluster, folder).arg("-t"), b"", START_LIMIT)
    }

    /// The site of a key.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn site(&self, label: &str) -> &Site {
        self.sites.iter().find(|site| site.label == label).expect("a site with this key")
    }

    /// The master's process.
    pub fn master(&self) -> u32 {
        self.master
    }

    /// The workers of the master that was started.
    pub fn workers(&self) -> BTreeSet<u32> {
        children(self.master)
    }

    /// Sends the master that was started a signal.
    pub fn signal(&self, which: Signal) {
        signal(self.master, which);
    }

    /// The process id of the master in charge.
    pub fn pid_in_file(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("nginx.pid")).ok()?.trim().parse().ok()
    }

    /// The end of the error log so far, for a person.
    pub fn errors(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        read("nginx.out") + &read("errors.log")
    }

    /// The access log so far, one record per request.
    ///
    /// # Panics
    ///
    /// When it can't be understood.
    #[track_caller]
    pub fn requests(&self) -> Vec<Request> {
        let log = fs::read_to_string(self.folder.join("access.log")).expect("the access log");
        log.lines().map(|line| Request::parse(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
    }

    /// Asks NGINX to end as soon as it has answered all, and checks that it does, without a crash and
    /// without a complaint but those that contain one of `expected`.
    ///
    /// # Panics
    ///
    /// When it complained or doesn't end well.
    #[track_caller]
    pub fn quit(mut self, expected: &[&str]) {
        let workers = self.workers();
        self.signal(Signal::QUIT);
        let status = self.background.wait(END_LIMIT);
        assert!(status.success(), "the master ended with {status}:\n{}", self.errors());
        for worker in workers {
            assert!(is_gone(worker), "worker {worker} is still there");
        }
        self.assert_no_complaints(expected);
    }

    /// Checks that nothing in the error log is worse than a warning, but for lines that contain one of `expected`.
    ///
    /// # Panics
    ///
    /// When something is.
    #[track_caller]
    pub fn assert_no_complaints(&self, expected: &[&str]) {
        let log = self.log();
        let bad = ["[error]", "[crit]", "[alert]", "[emerg]", "exited on signal", "core dumped"];
        let complaints: Vec<&str> = log
            .lines()
            .filter(|line| bad.iter().any(|bad| line.contains(bad)))
            .filter(|line| !expected.iter().any(|expected| line.contains(expected)))
            .collect();
        assert!(
            complaints.is_empty(),
            "NGINX complained:\n{}",
            complaints[..complaints.len().min(20)].join("\n")
        );
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In the background it's out of reach of the guard, with a process group of its own; a new binary's
        // processes are in it too.
        if self.master != 0 && self.master != self.background.pid() {
            let _ = kill_process_group(pid(self.master), Signal::KILL);
        }
    }
}

/// A request, as the access log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The process that answered.
    pub worker: u32,
    /// The port it came in on.
    pub port: u16,
    /// `TLSv1.2` or `TLSv1.3`.
    pub protocol: String,
    /// Whether the key had to sign: the session wasn't resumed.
    pub full: bool,
    /// The HTTP status.
    pub status: u16,
}

impl Request {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [worker, port, protocol, reused, status] = words.try_into().ok()?;
        Some(Self {
            worker: worker.parse().ok()?,
            port: port.parse().ok()?,
            protocol: protocol.into(),
            full: reused == ".",
            status: status.parse().ok()?,
        })
    }
}

/// The children of a process.
pub fn children(parent: u32) -> BTreeSet<u32> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

/// Whether a process has ended, collected or not.
pub fn is_gone(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Sends a signal to a process, which may be gone.
pub fn signal(process: u32, signal: Signal) {
    let _ = kill_process(pid(process), signal);
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.cast_signed()).expect("a process id")
}

/// Makes keys, certificates and the configuration.
#[track_caller]
fn prepare(cluster: &Cluster, env: &[&str]) -> (Command, Vec<Site>) {
    let openssl = OpenSsl::new(cluster);
    let keys = [("rsa:2048", "rsa", "01"), ("EC:prime256v1", "ec", "02")];
    let sites = keys.map(|(kind, label, id)| {
        openssl.generate(kind, label, id);
        openssl.self_sign(label);
        Site { label: label.into(), port: free_port() }
    });
    let folder = cluster.folder();
    let text = configuration(&openssl, folder, &sites, env);
    fs::write(folder.join("nginx.conf"), text).expect("NGINX's configuration");
    (command(cluster, folder), sites.into())
}

fn command(cluster: &Cluster, folder: &Path) -> Command {
    let mut command = cluster.command(crate::program("nginx", "nginx"));
    command
        .env("PKCS11_MODULE_PATH", cluster.module())
        .env_remove("OPENSSL_CONF")
        .arg("-e")
        .arg(folder.join("errors.log"))
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(folder.join("nginx.conf"));
    command
}

fn configuration(openssl: &OpenSsl<'_>, folder: &Path, sites: &[Site], env: &[&str]) -> String {
    // Only a master that is root can have workers that aren't.
    let user = if geteuid().is_root() { "user www-data;" } else { "" };
    let env: String = env.iter().map(|name| format!("env {name};\n")).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("    {what}_temp_path {}/nginx-{what};\n", folder.display()))
        .collect();
    let servers: String = sites.iter().map(|site| server(openssl, site)).collect();
    format!(
        "\
daemon off;
{user}
{env}
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/errors.log notice;
ssl_engine pkcs11;
events {{ }}
http {{
{temporary}
    log_format handshakes '$pid $server_port $ssl_protocol $ssl_session_reused $status';
    access_log {folder}/access.log handshakes;
    keepalive_timeout 0;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
{servers}
}}
",
        folder = folder.display(),
    )
}

fn server(openssl: &OpenSsl<'_>, site: &Site) -> String {
    format!(
        "
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key \"engine:pkcs11:{key}\";
        location / {{ return 200 \"hello\\n\"; }}
    }}
",
        port = site.port,
        certificate = openssl.path(&format!("{}.crt", site.label)).display(),
        key = openssl.uri(&site.label),
    )
}
