//! Homes that aren't served: those that another daemon has, that others may read, that are damaged.

use std::fs::{self, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use strongroom_testkit::{Cluster, run, run_any};
use strongroom_tests::pkcs11_tool::generate_key_pair;

/// What `strongroom serve` or `up` says when it refuses.
fn refusal(cluster: &Cluster, subcommand: &str) -> String {
    run_any(&mut cluster.strongroom(&[subcommand])).expect_failure().output()
}

#[test]
fn a_second_daemon_refuses_and_the_first_goes_on() {
    let cluster = Cluster::start();
    let said = refusal(&cluster, "serve");
    assert!(said.contains(&format!("process {}", cluster.daemon_pid())), "{said}");
    generate_key_pair(&cluster, "EC:prime256v1", "key", "01");
    // `up` finds it and changes nothing.
    let again = run(&mut cluster.strongroom(&["up"])).stdout();
    assert!(again.contains(&format!("\"pid\":{}", cluster.daemon_pid())), "{again}");
}

#[test]
fn a_home_that_others_may_read_is_refused_and_the_message_says_chmod() {
    let mut cluster = Cluster::start();
    cluster.stop();
    for mode in [0o755, 0o750, 0o701 | 0o022] {
        fs::set_permissions(cluster.home(), Permissions::from_mode(mode)).expect("a mode");
        for subcommand in ["up", "serve"] {
            let said = refusal(&cluster, subcommand);
            assert!(said.contains(&format!("chmod 711 {}", cluster.home().display())), "{said}");
        }
    }
    fs::set_permissions(cluster.home(), Permissions::from_mode(0o711)).expect("a mode");
    let root_key = cluster.home().join("root.key");
    fs::set_permissions(&root_key, Permissions::from_mode(0o644)).expect("a mode");
    let said = refusal(&cluster, "serve");
    assert!(said.contains(&format!("chmod 600 {}", root_key.display())), "{said}");
    fs::set_permissions(&root_key, Permissions::from_mode(0o600)).expect("a mode");
    cluster.start_again();
}

#[test]
fn a_damaged_store_is_refused_by_name_and_with_a_remedy() {
    let mut cluster = Cluster::start();
    (0..4).for_each(|number| generate_key_pair(&cluster, "EC:prime256v1", &format!("key{number}"), "01"));
    cluster.stop();
    let store = cluster.home().join("clusters/default");
    for file in files(&store) {
        let whole = fs::read(&file).expect("a file of the store");
        if whole.is_empty() {
            continue;
        }
        // The middle of what is written, and the end of it.
        let written = whole.iter().rposition(|byte| *byte != 0).map_or(whole.len(), |last| last + 1);
        let outcomes = [written / 2, written - 1].map(|at| {
            overwrite(&file, at as u64, whole[at] ^ 0x55);
            let ended = run_any(&mut cluster.strongroom(&["up"]));
            let said = ended.output();
            if ended.success() {
                // It didn't matter, and all is there.
                run(&mut cluster.strongroom(&["down"]));
            } else {
                assert!(said.contains(&store.display().to_string()), "{}: {said}", file.display());
                assert!(said.contains("backup") || said.contains("copy"), "no remedy: {said}");
            }
            fs::write(&file, &whole).expect("the file as it was");
            ended.success()
        });
        eprintln!("{}: served with a wrong byte in the middle, at the end: {outcomes:?}", file.display());
    }
    cluster.start_again();
    let listed = run(cluster.strongroom(&["key", "list"]).arg("--verbose"));
    assert!(listed.stdout().contains("key3"), "{}", listed.report());
}

#[test]
fn a_store_that_is_gone_or_older_than_its_witness_is_refused() {
    let mut cluster = Cluster::start();
    cluster.stop();
    let (store, kept) = (cluster.home().join("clusters/default"), cluster.folder().join("kept"));
    copy(&store, &kept);
    cluster.start_again();
    generate_key_pair(&cluster, "EC:prime256v1", "key", "01");
    cluster.stop();

    let new = cluster.folder().join("new");
    fs::rename(&store, &new).expect("the store out of the way");
    let said = refusal(&cluster, "serve");
    assert!(said.contains(&store.display().to_string()) && said.contains("put the directory back"), "{said}");

    copy(&kept, &store);
    let said = refusal(&cluster, "serve");
    assert!(said.contains(&store.display().to_string()), "{said}");
    assert!(said.contains("revision"), "it doesn't say what is missing: {said}");

    fs::remove_dir_all(&store).expect("the old copy gone");
    fs::rename(&new, &store).expect("the store in its place");
    cluster.start_again();
}

fn overwrite(file: &Path, at: u64, byte: u8) {
    let mut file = fs::OpenOptions::new().write(true).open(file).expect("a file of the store");
    file.seek(SeekFrom::Start(at)).expect("a place in the file");
    file.write_all(&[byte]).expect("a byte");
}

/// All files in a folder and below, and beside it those that have its name with an end.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let witness = folder.with_extension("witness");
    files.extend(witness.is_file().then_some(witness));
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files(from).into_iter().filter(|file| file.starts_with(from)) {
        let target = to.join(file.strip_prefix(from).expect("a file below"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::copy(&file, &target).expect("a copy");
    }
}
