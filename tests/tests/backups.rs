//! Backups of a cluster that real programs use: what is in them, what isn't, and what becomes of them elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use strongroom_testkit::{Cluster, run, run_any, strongroom, wait_until};
use strongroom_tests::pkcs11_tool::{pkcs11_tool, pkcs11_tool_as_nobody};

const PIN: &str = "needleworker:needles-secret";
const LABEL: &str = "needle-label";
/// AES-256.
const VALUE: [u8; 32] = *b"\x8e\x01needle-value-that-is-a-key\xf3\x9a\x07\x5c";

fn cluster() -> Cluster {
    Cluster::builder().nodes(1).crypto_user("needleworker", "needles-secret").start()
}

/// What a command prints when it succeeds.
#[track_caller]
fn data(command: &mut Command) -> Value {
    let mut printed: Value = serde_json::from_str(&run(command).stdout()).expect("JSON");
    assert_eq!(printed["error_code"], 0, "{printed}");
    printed["data"].take()
}

/// The sentence of a command that fails.
#[track_caller]
fn refusal(command: &mut Command) -> String {
    let printed: Value = serde_json::from_str(&run_any(command).expect_failure().stdout()).expect("JSON");
    printed["data"].as_str().expect("a sentence").to_owned()
}

fn import(cluster: &Cluster, label: &str) {
    let file = cluster.folder().join("value");
    fs::write(&file, VALUE).unwrap();
    let file = file.to_str().unwrap();
    run(pkcs11_tool(cluster).args([
        "--write-object",
        file,
        "--type",
        "secrkey",
        "--key-type",
        "AES:32",
        "--label",
        label,
    ]));
}

/// What an imported key makes of a block, by any cluster of a home.
fn encrypt(module: &Path, config: &Path, slot: &str, folder: &Path) -> Vec<u8> {
    let (input, output) = (folder.join("block"), folder.join("encrypted"));
    fs::write(&input, [7; 16]).unwrap();
    let mut command = Command::new("pkcs11-tool");
    command.env("STRONGROOM_CONFIG", config).arg("--module").arg(module);
    command.args(["--slot", slot, "--login", "--pin", PIN, "--encrypt", "-m", "AES-ECB", "--label", LABEL]);
    run(command.arg("-i").arg(&input).arg("-o").arg(&output));
    fs::read(output).unwrap()
}

fn list(cluster: &Cluster) -> Vec<Value> {
    data(&mut cluster.strongroom(&["backup", "list"]))["backups"].as_array().unwrap().clone()
}

/// Another home with the same roots, until this is dropped.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new(home: PathBuf, roots: &Path) -> Self {
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o711)).unwrap();
        for key in ["root.key", "maker.key"] {
            fs::copy(roots.join(key), home.join(key)).unwrap();
        }
        Self(home)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(strongroom());
        command.args(words).env("STRONGROOM_HOME", &self.0).env_remove("STRONGROOM_CONFIG");
        command
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

#[test]
fn a_cluster_is_backed_up_by_itself_and_nothing_shows_in_the_images() {
    let cluster = cluster();
    import(&cluster, LABEL);
    wait_until("the first backup", Duration::from_secs(10), || !list(&cluster).is_empty());
    assert_eq!(list(&cluster)[0]["reason"], "activated");
    data(&mut cluster.strongroom(&["backup", "create"]));
    data(&mut cluster.strongroom(&["node", "add"]));
    // Within one second their order isn't told.
    let all = list(&cluster);
    let mut reasons: Vec<_> = all.iter().map(|backup| backup["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["activated", "node-added", "requested"]);

    let folder = cluster.home().join("backups");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    let mut images = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        let content = fs::read(&path).unwrap();
        let holds = |word: &[u8]| content.windows(word.len()).any(|window| window == word);
        assert!(!holds(&VALUE[2..20]) && !holds(LABEL.as_bytes()) && !holds(b"needleworker"), "{path:?}");
        images += usize::from(path.extension().is_some_and(|kind| kind == "image"));
    }
    assert_eq!(images, 3);
}

#[test]
fn a_key_from_before_works_elsewhere_when_its_cluster_is_gone() {
    let cluster = cluster();
    import(&cluster, LABEL);
    let (module, config) = (cluster.module().to_owned(), cluster.config().to_owned());
    let expected = encrypt(&module, &config, "0", cluster.folder());
    let id = data(&mut cluster.strongroom(&["backup", "create"]))["id"].as_str().unwrap().to_owned();
    import(&cluster, "late-label");

    // Beside its cluster, through the module, and after a restart of the daemon.
    let clone = data(&mut cluster.strongroom(&["backup", "restore", "--id", &id, "--name", "clone"]));
    assert_eq!((&clone["slot"], &clone["objects"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(encrypt(&module, &config, "1", cluster.folder()), expected);
    let mut cluster = cluster;
    cluster.restart();
    let mut shown = pkcs11_tool_as_nobody(&cluster);
    let shown = run(shown.args(["--slot", "1", "--login", "--pin", PIN, "--list-objects"])).stdout();
    assert!(shown.contains(LABEL) && !shown.contains("late-label"), "{shown}");

    let image = cluster.folder().join("safe.image");
    data(&mut cluster.strongroom(&["backup", "copy", "--id", &id, "--to", image.to_str().unwrap()]));
    let home = cluster.home();
    cluster.stop();

    // In a home of its own with both roots.
    let elsewhere = Elsewhere::new(cluster.folder().join("e"), &home);
    data(&mut elsewhere.command(&["up", "--cluster", "other", "--nodes", "1"]));
    let image = image.to_str().unwrap();
    let restored = data(&mut elsewhere.command(&["backup", "restore", "--file", image, "--name", "again"]));
    let slot = restored["slot"].to_string();
    assert_eq!(encrypt(&module, &elsewhere.0.join("client.toml"), &slot, cluster.folder()), expected);
}

#[test]
fn what_was_touched_or_is_of_another_installation_is_refused_and_nothing_has_changed() {
    let cluster = cluster();
    let id = data(&mut cluster.strongroom(&["backup", "create"]))["id"].as_str().unwrap().to_owned();
    let file = cluster.folder().join("image").to_str().unwrap().to_owned();
    data(&mut cluster.strongroom(&["backup", "copy", "--id", &id, "--to", &file]));
    let image = fs::read(&file).unwrap();
    let restore_by =
        |cluster: &Cluster| cluster.strongroom(&["backup", "restore", "--name", "clone", "--file", &file]);
    let restore = |image: &[u8]| {
        fs::write(&file, image).unwrap();
        refusal(&mut restore_by(&cluster))
    };
    for at in (0..image.len()).step_by(image.len() / 12) {
        let mut touched = image.clone();
        touched[at] ^= 0x10;
        let why = restore(&touched);
        assert!(why.starts_with("the backup is refused: "), "{at}: {why}");
        let why = restore(&image[..at]);
        assert!(why.starts_with("the backup is refused: "), "{at}: {why}");
    }
    let other = Cluster::builder().nodes(1).start();
    fs::write(&file, &image).unwrap();
    let why = refusal(&mut restore_by(&other));
    assert!(why.contains("other roots"), "{why}");
    let why = refusal(&mut cluster.strongroom(&["backup", "verify", "--file", "nothing-is-here"]));
    assert!(why.contains("can't be read"), "{why}");
    for cluster in [&cluster, &other] {
        let names: Vec<_> = fs::read_dir(cluster.home().join("clusters"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().contains("clone"))
            .collect();
        assert!(names.is_empty(), "{names:?}");
    }
    // Twice the same name isn't made either.
    fs::write(&file, &image).unwrap();
    data(&mut restore_by(&cluster));
    let why = refusal(&mut restore_by(&cluster));
    assert!(why.contains("never overwrites one"), "{why}");
}
