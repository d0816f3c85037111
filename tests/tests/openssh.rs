//! OpenSSH with keys in a cluster: logins to an sshd on the loopback, the agent, a certification authority.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::geteuid;
use strongroom_testkit::{Background, Cluster, Finished, free_port, run, run_any, run_with, wait_until};
use strongroom_tests::pkcs11_tool::generate_key_pair;
use strongroom_tests::program;

const LIMIT: Duration = Duration::from_secs(20);

/// The keys that OpenSSH has a use for.
const KEYS: [(&str, &str, &str); 4] = [
    ("rsa:2048", "rsa", "01"),
    ("EC:prime256v1", "p256", "02"),
    ("EC:secp384r1", "p384", "03"),
    ("EC:secp521r1", "p521", "04"),
];

/// OpenSSH's programs in front of a cluster with [`KEYS`], in the cluster's folder.
struct OpenSsh<'a> {
    cluster: &'a Cluster,
}

impl<'a> OpenSsh<'a> {
    #[track_caller]
    fn new(cluster: &'a Cluster) -> Self {
        for (kind, label, id) in KEYS {
            generate_key_pair(cluster, kind, label, id);
        }
        let ask = cluster.folder().join("ask");
        fs::write(&ask, "#!/bin/sh\necho \"$PIN\"\n").expect("a program that tells the PIN");
        fs::set_permissions(&ask, Permissions::from_mode(0o700)).expect("permissions of one's own file");
        Self { cluster }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cluster.folder().join(name)
    }

    /// A program that gets the PIN when it asks for one.
    #[track_caller]
    fn client(&self, name: &str) -> Command {
        let mut command = self.cluster.command(program(name, "openssh-client"));
        command
            .current_dir(self.cluster.folder())
            .env_remove("SSH_AUTH_SOCK")
            .env("SSH_ASKPASS", self.path("ask"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("PIN", self.cluster.pin());
        command
    }

    /// The public keys on the token, in the form of `authorized_keys`.
    #[track_caller]
    fn public_keys(&self) -> Vec<String> {
        let mut list = self.client("ssh-keygen");
        // Whoever asks for public keys isn't asked for a PIN.
        list.env_remove("SSH_ASKPASS").env("SSH_ASKPASS_REQUIRE", "never");
        let listed = run(list.arg("-D").arg(self.cluster.module()));
        listed.stdout().lines().map(str::to_string).collect()
    }

    /// The public key of a label, written to `LABEL.pub`.
    #[track_caller]
    fn public_key(&self, label: &str) -> String {
        let keys = self.public_keys();
        let key = keys.iter().find(|key| key.ends_with(&format!(" {label}")));
        let key = key.unwrap_or_else(|| panic!("no key {label} in {keys:?}"));
        fs::write(self.path(&format!("{label}.pub")), format!("{key}\n")).expect("a public key");
        key.clone()
    }

    /// `ssh` to a server, without any key or setting of the user who runs this.
    #[track_caller]
    fn ssh(&self, server: &Server) -> Command {
        let mut command = self.client("ssh");
        command.args(["-F", "none", "-o", "IdentityFile=none", "-o", "PreferredAuthentications=publickey"]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", self.path("known_hosts").display()));
        command.args(["-p", &server.port.to_string()]);
        command
    }

    /// Starts an agent that may load the module.
    #[track_caller]
    fn agent(&self) -> (Background, PathBuf) {
        let socket = self.path("agent");
        let module = fs::canonicalize(self.cluster.module()).expect("the module's path");
        let mut command = self.client("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).arg("-P").arg(module).stdout(Stdio::null());
        let agent = Background::start(&mut command);
        wait_until("ssh-agent listens", LIMIT, || socket.exists());
        (agent, socket)
    }
}

/// An `sshd` that lets in whoever has one of the authorized keys; it ends when this is dropped.
struct Server {
    port: u16,
    log: PathBuf,
    _background: Background,
}

impl Server {
    #[track_caller]
    fn start(ssh: &OpenSsh<'_>, authorized: &str) -> Self {
        let sshd = program("sshd", "openssh-server");
        if geteuid().is_root() {
            // A service manager makes it otherwise; sshd doesn't start without.
            fs::create_dir_all("/run/sshd").expect("sshd's folder");
        }
        let host_key = ssh.path("host_key");
        run(ssh.client("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host_key));
        let port = free_port();
        let public = fs::read_to_string(ssh.path("host_key.pub")).expect("the host's key");
        fs::write(ssh.path("known_hosts"), format!("[127.0.0.1]:{port} {public}")).expect("a file");
        fs::write(ssh.path("authorized_keys"), authorized).expect("a file");
        let configuration = ssh.path("sshd_config");
        let settings = [
            format!("ListenAddress 127.0.0.1:{port}"),
            format!("HostKey {}", host_key.display()),
            format!("AuthorizedKeysFile {}", ssh.path("authorized_keys").display()),
            "PidFile none".into(),
            "UsePAM no".into(),
            "StrictModes no".into(),
            "PermitRootLogin prohibit-password".into(),
            "PasswordAuthentication no".into(),
            "KbdInteractiveAuthentication no".into(),
            "LogLevel VERBOSE".into(),
        ];
        fs::write(&configuration, settings.join("\n") + "\n").expect("sshd's configuration");
        let log = ssh.path("sshd.log");
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f"]).arg(configuration);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
        let background = Background::start(&mut command);
        let server = Self { port, log, _background: background };
        wait_until("sshd listens", LIMIT, || server.log().contains("Server listening"));
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How many logins it has accepted.
    fn accepted(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// Logs in and runs a command there.
    #[track_caller]
    fn log_in(&self, command: &mut Command) -> Finished {
        let before = self.accepted();
        let there = run_any(command.args(["127.0.0.1", "echo logged in"]));
        assert!(there.success(), "{}\n--- sshd\n{}", there.report(), self.log());
        assert!(there.stdout().contains("logged in"), "{}", there.report());
        wait_until("sshd has logged it", LIMIT, || self.accepted() == before + 1);
        there
    }
}

#[track_caller]
fn agent_has(ssh: &OpenSsh<'_>, socket: &Path) -> Vec<String> {
    let listed = run_any(ssh.client("ssh-add").env("SSH_AUTH_SOCK", socket).arg("-L"));
    let shown = listed.stdout();
    // With a sentence and an error code it says that there are none.
    shown.lines().filter(|_| listed.success()).map(str::to_string).collect()
}

#[test]
fn ssh_keygen_lists_public_keys_without_a_login() {
    let cluster = Cluster::start();
    let ssh = OpenSsh::new(&cluster);
    let kinds: Vec<String> = ssh
        .public_keys()
        .iter()
        .map(|key| {
            let mut words = key.split(' ');
            format!("{} {}", words.next().unwrap_or_default(), words.nth(1).unwrap_or_default())
        })
        .collect();
    assert_eq!(
        kinds,
        ["ssh-rsa rsa", "ecdsa-sha2-nistp256 p256", "ecdsa-sha2-nistp384 p384", "ecdsa-sha2-nistp521 p521"]
    );
}

#[test]
fn ssh_logs_in_with_keys_of_every_kind() {
    let cluster = Cluster::start();
    let ssh = OpenSsh::new(&cluster);
    let server = Server::start(&ssh, "");
    for (_, label, _) in KEYS {
        fs::write(ssh.path("authorized_keys"), ssh.public_key(label)).expect("a file");
        server.log_in(ssh.ssh(&server).arg("-I").arg(cluster.module()));
    }
    // The signature, too, is the RSA key's with one hash and the other.
    fs::write(ssh.path("authorized_keys"), ssh.public_key("rsa")).expect("a file");
    for algorithm in ["rsa-sha2-256", "rsa-sha2-512"] {
        let mut command = ssh.ssh(&server);
        command.args(["-o", &format!("PubkeyAcceptedAlgorithms={algorithm}")]).arg("-I");
        server.log_in(command.arg(cluster.module()));
    }
    let accepted = server.accepted();
    for pin in ["app:wrong-secret", ""] {
        let mut command = ssh.ssh(&server);
        command.env("PIN", pin).arg("-I").arg(cluster.module()).args(["127.0.0.1", "true"]);
        run_any(&mut command).expect_failure();
    }
    assert_eq!(server.accepted(), accepted);
}

#[test]
fn ssh_agent_keeps_the_login_across_a_restart_of_the_daemon() {
    let mut cluster = Cluster::start();
    let (server, agent, socket) = {
        let ssh = OpenSsh::new(&cluster);
        let server = Server::start(&ssh, &ssh.public_keys().join("\n"));
        let (agent, socket) = ssh.agent();
        let mut add = ssh.client("ssh-add");
        run(add.env("SSH_AUTH_SOCK", &socket).arg("-s").arg(cluster.module()));
        assert_eq!(agent_has(&ssh, &socket), ssh.public_keys());
        (server, agent, socket)
    };
    for round in 0..3 {
        if round == 2 {
            cluster.restart();
        }
        let ssh = OpenSsh { cluster: &cluster };
        for (_, label, _) in KEYS {
            let public = format!("{label}.pub");
            ssh.public_key(label);
            // Signs something and verifies it.
            run(ssh.client("ssh-add").env("SSH_AUTH_SOCK", &socket).args(["-T", &public]));
            let mut command = ssh.ssh(&server);
            // The file with the public key says which of the agent's keys to use.
            command.args(["-o", "IdentitiesOnly=yes", "-i", &public]);
            server.log_in(command.env("SSH_AUTH_SOCK", &socket));
        }
    }
    let ssh = OpenSsh { cluster: &cluster };
    run(ssh.client("ssh-add").env("SSH_AUTH_SOCK", &socket).arg("-e").arg(cluster.module()));
    assert!(agent_has(&ssh, &socket).is_empty());
    drop(agent);
}

#[test]
fn a_key_in_the_cluster_certifies_others_and_signs_files() {
    let cluster = Cluster::start();
    let ssh = OpenSsh::new(&cluster);
    let server = Server::start(&ssh, &format!("cert-authority {}", ssh.public_key("p256")));
    run(ssh.client("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", "user"]));
    let who = run(&mut Command::new("whoami")).stdout();
    let mut certify = ssh.client("ssh-keygen");
    certify.arg("-D").arg(cluster.module()).args([
        "-s",
        "p256.pub",
        "-I",
        "user",
        "-n",
        who.trim(),
        "user.pub",
    ]);
    run(&mut certify);
    server.log_in(ssh.ssh(&server).args(["-i", "user"]));

    // As git signs commits.
    let (_agent, socket) = ssh.agent();
    run(ssh.client("ssh-add").env("SSH_AUTH_SOCK", &socket).arg("-s").arg(cluster.module()));
    const SIGNED: &[u8] = b"what is signed";
    fs::write(ssh.path("text"), SIGNED).expect("a file");
    for (_, label, _) in KEYS {
        let public = ssh.public_key(label);
        fs::write(ssh.path("signers"), format!("me {public}\n")).expect("a file");
        let mut sign = ssh.client("ssh-keygen");
        run(sign.env("SSH_AUTH_SOCK", &socket).args([
            "-Y",
            "sign",
            "-n",
            "file",
            "-f",
            &format!("{label}.pub"),
            "text",
        ]));
        let mut verify = ssh.client("ssh-keygen");
        verify.args(["-Y", "verify", "-f", "signers", "-I", "me", "-n", "file", "-s", "text.sig"]);
        run_with(&mut verify, SIGNED, LIMIT).expect_success();
        fs::remove_file(ssh.path("text.sig")).expect("a signature");
    }
}
