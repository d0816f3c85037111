//! NGINX with a key in the cluster, for one request.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Cluster, RSA_KEY, cannot, write_private};
use crate::step::{Failure, output};

const START_LIMIT: Duration = Duration::from_secs(20);

/// Starts NGINX in the foreground on a free port of the loopback, fetches its page and ends it.
pub(super) fn serve_once(cluster: &Cluster, folder: &Path, certificate: &Path) -> Result<String, Failure> {
    let port = free_port()?;
    let configuration = folder.join("nginx.conf");
    write_private(&configuration, &configure(cluster, folder, certificate, port))?;
    let errors = folder.join("nginx.log");
    // The log of an earlier run would only mislead.
    let _ = fs::remove_file(&errors);
    let mut nginx = Nginx::start(cluster, &configuration, &errors)?;
    nginx.wait_until_it_listens(port, &errors)?;
    let mut fetch = Command::new("curl");
    fetch.args(["--silent", "--show-error", "--fail", "--max-time", "20", "--noproxy", "*", "--cacert"]);
    fetch.arg(certificate).arg(format!("https://localhost:{port}/"));
    output(&mut fetch).map_err(|failure| nginx.blame(&failure, &errors))
}

struct Nginx(Child);

impl Nginx {
    fn start(cluster: &Cluster, configuration: &Path, errors: &Path) -> Result<Self, Failure> {
        cluster
            .command("/usr/sbin/nginx")
            .arg("-e")
            .arg(errors)
            .arg("-c")
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(|error| Failure::new(format!("NGINX can't be started: {error}")))
    }

    fn wait_until_it_listens(&mut self, port: u16, errors: &Path) -> Result<(), Failure> {
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = self.0.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                return Err(self.blame(&Failure::new("NGINX doesn't listen"), errors));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn blame(&self, failure: &Failure, errors: &Path) -> Failure {
        let log = fs::read_to_string(errors).unwrap_or_default();
        Failure::new(format!("{failure}\nNGINX's log:\n{log}"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers and then itself.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

fn configure(cluster: &Cluster, folder: &Path, certificate: &Path, port: u16) -> String {
    let folder_text = folder.display();
    let certificate = certificate.display();
    let key = cluster.uri(RSA_KEY);
    // Started by root, the workers run as another user, who has to get to the sockets in the home.
    let user = if rustix::process::geteuid().is_root() && !others_can_reach(&cluster.home) {
        "# The home is below a folder that only root may enter.\nuser root;"
    } else {
        ""
    };
    format!(
        "\
daemon off;
{user}
worker_processes 2;
pid {folder_text}/nginx.pid;
error_log {folder_text}/nginx.log;
# NGINX clears the environment; these two are what the engine and the module need.
env PKCS11_MODULE_PATH;
env STRONGROOM_CONFIG;
ssl_engine pkcs11;

events {{ }}

http {{
    access_log off;
    client_body_temp_path {folder_text}/nginx-body;
    proxy_temp_path {folder_text}/nginx-proxy;
    fastcgi_temp_path {folder_text}/nginx-fastcgi;
    uwsgi_temp_path {folder_text}/nginx-uwsgi;
    scgi_temp_path {folder_text}/nginx-scgi;

    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        ssl_certificate {certificate};
        ssl_certificate_key \"engine:pkcs11:{key}\";
        ssl_protocols TLSv1.2 TLSv1.3;

        location / {{
            default_type text/plain;
            return 200 \"Hello over $ssl_protocol, signed by a key in a Strongroom cluster.\\n\";
        }}
    }}
}}
"
    )
}

fn others_can_reach(path: &Path) -> bool {
    path.ancestors()
        .all(|folder| fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o001 != 0))
}

fn free_port() -> Result<u16, Failure> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| cannot("listen on", Path::new("the loopback"), &error))
}
