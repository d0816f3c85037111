//! Images of backups in a bucket, by a server of the S3 protocol that checks signatures.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use serde_json::Value;
use strongroom_testkit::{Cluster, free_port, run, run_any, wait_until};
use tokio::runtime::Runtime;

const KEY: &str = "a-key-of-the-bucket";
const SECRET: &str = "a-secret-of-the-bucket";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with one bucket, until this is dropped.
struct Service {
    folder: PathBuf,
    address: SocketAddr,
    /// Ends its tasks when it's dropped.
    _runtime: Runtime,
}

impl Service {
    fn start(folder: &Path, port: u16) -> Self {
        fs::create_dir_all(folder.join("images")).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = Runtime::new().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder: folder.to_owned(), address, _runtime: runtime }
    }

    /// The images that the bucket has.
    fn images(&self) -> Vec<PathBuf> {
        images(&self.folder.join("images").join("of-strongroom"))
    }
}

/// Files of this folder that are images.
fn images(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "image")).collect()
}

/// Has the daemon of a cluster keep its images in a bucket.
fn configure(cluster: &mut Cluster, address: SocketAddr, secret: &str) {
    let text = format!(
        "[backups]\nevery_hours = 0\n[backups.bucket]\nendpoint = \"http://{address}\"\nname = \"images\"\nregion = \"here-1\"\n\
         prefix = \"of-strongroom/\"\naccess_key_id = \"{KEY}\"\nsecret_access_key = \"{secret}\"\n"
    );
    let file = cluster.home().join("config.toml");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    cluster.restart();
}

#[track_caller]
fn data(command: &mut Command) -> Value {
    let mut printed: Value = serde_json::from_str(&run(command).stdout()).expect("JSON");
    assert_eq!(printed["error_code"], 0, "{printed}");
    printed["data"].take()
}

fn back_up(cluster: &Cluster) -> String {
    data(&mut cluster.strongroom(&["backup", "create"]))["id"].as_str().unwrap().to_owned()
}

#[test]
fn images_move_to_the_bucket_and_are_read_from_there() {
    let mut cluster = Cluster::builder().nodes(1).crypto_user("needleworker", "needles-secret").start();
    let service = Service::start(&cluster.folder().join("service"), 0);
    let local = cluster.home().join("backups");
    configure(&mut cluster, service.address, SECRET);
    let id = back_up(&cluster);
    // Those that were made before there was a bucket move, too.
    wait_until("all images in the bucket", PATIENCE, || images(&local).is_empty());
    let there = service.images();
    assert!(there.iter().any(|path| path.file_name().unwrap().to_str().unwrap() == format!("{id}.image")));

    data(&mut cluster.strongroom(&["backup", "verify", "--id", &id]));
    data(&mut cluster.strongroom(&["backup", "restore", "--id", &id, "--name", "clone"]));
    for path in &there {
        let image = fs::read(path).unwrap();
        assert!(!image.windows(12).any(|window| window == b"needleworker"), "{path:?}");
    }

    // What was touched in the bucket is refused.
    let path = there.iter().find(|path| path.to_str().unwrap().contains(&id)).unwrap();
    let mut image = fs::read(path).unwrap();
    *image.last_mut().unwrap() ^= 1;
    fs::write(path, image).unwrap();
    let refused = run_any(&mut cluster.strongroom(&["backup", "verify", "--id", &id])).expect_failure();
    assert!(refused.stdout().contains("the backup is refused: "), "{}", refused.report());
    // One that somebody removed is missed by name.
    fs::remove_file(path).unwrap();
    let refused = run_any(&mut cluster.strongroom(&["backup", "verify", "--id", &id])).expect_failure();
    assert!(refused.stdout().contains("NoSuchKey"), "{}", refused.report());
    assert!(!cluster.log().contains(SECRET));
}

#[test]
fn a_bucket_that_does_not_answer_costs_no_backup() {
    let mut cluster = Cluster::builder().nodes(1).start();
    let port = free_port();
    let folder = cluster.folder().join("service");
    let local = cluster.home().join("backups");
    configure(&mut cluster, SocketAddr::from(([127, 0, 0, 1], port)), SECRET);
    let id = back_up(&cluster);
    data(&mut cluster.strongroom(&["backup", "verify", "--id", &id]));
    wait_until("a word about it", PATIENCE, || cluster.log().contains("doesn't take of-strongroom/backup-"));
    assert!(!images(&local).is_empty());

    // Nor does one that doesn't know us.
    let service = Service::start(&folder, port);
    configure(&mut cluster, service.address, "another-secret");
    wait_until("a word about it", PATIENCE, || cluster.log().contains("SignatureDoesNotMatch"));
    assert!(!images(&local).is_empty() && service.images().is_empty());

    configure(&mut cluster, service.address, SECRET);
    wait_until("all images in the bucket", PATIENCE, || images(&local).is_empty());
    data(&mut cluster.strongroom(&["backup", "verify", "--id", &id]));
}
