//! Keeps the workspace liveable: what people agree on, and then forget, is checked here.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files aim for 300 lines; this is the wall.
const MAX_LINES: usize = 800;

/// Where `unsafe` may stand: the two rooms that product code has for it, and code that only tests run.
const UNSAFE_ROOMS: [&str; 5] =
    ["pkcs11-shim/", "crates/crypto/src/ffi/", "crates/testkit/", "tests/", "benches/"];

/// Ends of the names of files that are read as text.
const SOURCES: [&str; 13] =
    [".rs", ".toml", ".md", ".sh", ".py", ".java", ".js", ".c", ".h", ".map", ".yml", ".txt", ".ci/run"];

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    // As cargo says now: the workspace may have moved since this was built.
    let tests =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    tests.parent().expect("this crate lies in the workspace").to_path_buf()
}

/// Every file under version control, new ones that aren't added yet included.
fn tracked() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("names of files are text");
    // A name may be listed although the file is gone.
    names.split('\0').filter(|name| root().join(name).is_file()).map(str::to_string).collect()
}

fn sources() -> Vec<Source> {
    let sources: Vec<Source> = tracked()
        .into_iter()
        .filter(|path| SOURCES.iter().any(|end| path.ends_with(end)))
        .map(|path| {
            let text =
                fs::read_to_string(root().join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            Source { path, text }
        })
        .collect();
    assert!(sources.len() > 50, "only {} files were found, so this would show nothing", sources.len());
    sources
}

/// Lines of all sources that `is_bad` objects to, as `path:line: text`.
fn offences(is_bad: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let this = Path::new(file!()).file_name().expect("a name").to_string_lossy().into_owned();
    sources()
        .iter()
        // This file has to name what it forbids.
        .filter(|source| !source.path.ends_with(&this))
        .flat_map(|source| {
            let bad = source.text.lines().enumerate().filter(|(_, line)| is_bad(&source.path, line));
            bad.map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim())).collect::<Vec<_>>()
        })
        .collect()
}

fn assert_none(offences: &[String], rule: &str) {
    assert!(offences.is_empty(), "{rule}\n{}", offences.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&long, "a file has at most 800 lines; split it where a reader would:");
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let offences = offences(|path, line| {
        let code = line.split("//").next().unwrap_or_default();
        let room = UNSAFE_ROOMS.iter().any(|room| path.starts_with(room));
        let lint = code.contains("unsafe_code")
            || code.contains("unsafe_op_in_unsafe_fn")
            || code.contains("undocumented_unsafe");
        path.ends_with(".rs") && !room && !lint && words(code).any(|word| word == "unsafe")
    });
    assert_none(&offences, "`unsafe` belongs into pkcs11-shim/ and crates/crypto/src/ffi/ (tests apart):");
}

#[test]
fn crates_without_unsafe_code_say_so() {
    let with: BTreeSet<&str> = ["crates/crypto", "crates/testkit"].into();
    let silent: Vec<String> = tracked()
        .into_iter()
        .filter(|path| path.starts_with("crates/") || path.starts_with("xtask/"))
        .filter(|path| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
        .filter(|path| !with.iter().any(|name| path.starts_with(name)))
        .filter(|path| {
            let text = fs::read_to_string(root().join(path)).expect("a source file");
            !text.contains("#![forbid(unsafe_code)]")
        })
        .collect();
    assert_none(&silent, "these lack #![forbid(unsafe_code)]:");
}

#[test]
fn no_machine_is_named() {
    let paths = ["/root/", "/work/", "/Users/"];
    let offences = offences(|_, line| paths.iter().any(|path| line.contains(path)) || names_a_home(line));
    assert_none(&offences, "paths of one machine don't belong here:");
}

#[test]
fn nothing_is_left_for_later() {
    let markers = ["todo!", "unimplemented!", "FIXME", "TODO", "XXX", "#[ignore"];
    let offences = offences(|_, line| markers.iter().any(|marker| line.contains(marker)));
    assert_none(&offences, "finish it, or open an issue:");
}

#[test]
fn every_dependency_has_a_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let reasons = fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md");
    let table = manifest.split("[workspace.dependencies]").nth(1).expect("a table of dependencies");
    let table = table.split("\n[").next().unwrap_or_default();
    let missing: Vec<String> = table
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim().to_string())
        .filter(|name| !name.starts_with("strongroom-") && !name.starts_with('#'))
        .filter(|name| !reasons.contains(&format!("`{name}`")))
        .collect();
    assert_none(&missing, "docs/dependencies.md has no line about:");
}

#[test]
fn every_return_code_is_explained() {
    let explained = fs::read_to_string(root().join("docs/errors.md")).expect("docs/errors.md");
    let product = |path: &str| {
        path.ends_with(".rs") && (path.starts_with("crates/") || path.starts_with("pkcs11-shim/"))
    };
    let used: BTreeSet<String> = sources()
        .iter()
        .filter(|source| product(&source.path) && source.path.contains("/src/"))
        .flat_map(|source| {
            let names = source.text.split("ReturnCode::").skip(1).filter_map(|rest| words(rest).next());
            names
                .filter(|name| name.len() > 2 && !name.contains(char::is_lowercase))
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(used.len() > 40, "only {} codes were found, so this would show nothing", used.len());
    let missing: Vec<String> =
        used.into_iter().filter(|name| !explained.contains(&format!("`CKR_{name}`"))).collect();
    assert_none(&missing, "docs/errors.md has no row for:");
}

/// Documentation that names a file which isn't there is older than the code.
#[test]
fn documentation_names_files_that_exist() {
    let rooms = ["crates/", "pkcs11-shim/", "tests/", "benches/", "fuzz/", "xtask/", "docs/"];
    let mut named = 0;
    let mut missing = Vec::new();
    for source in sources().iter().filter(|source| source.path.ends_with(".md")) {
        let quoted = source.text.split('`').skip(1).step_by(2);
        let linked = source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for name in quoted.chain(linked) {
            let plain = !name.contains(|letter: char| letter.is_whitespace() || "*{}<>$".contains(letter));
            if plain && rooms.iter().any(|room| name.starts_with(room)) {
                named += 1;
                if !root().join(name).exists() {
                    missing.push(format!("{}: {name}", source.path));
                }
            }
        }
    }
    assert!(named > 20, "only {named} names were found, so this would show nothing");
    assert_none(&missing, "documentation names files that aren't there:");
}

/// A row about what CloudHSM does names what shows it: a transcript, or a file and tests in it, all of which are there.
#[test]
fn what_is_said_of_cloudhsm_is_shown_by_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/fidelity.md")).expect("docs/fidelity.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| shown by |"));
    let (mut named, mut missing) = (0, Vec::new());
    for row in rows {
        let shown = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        let mut tests_of_row = 0;
        // "`FILE` `TEST` `TEST`; `FILE`"
        for one in shown.split("; ") {
            let mut names = one.split('`').skip(1).step_by(2);
            let file = names.next().unwrap_or_default();
            let text = fs::read_to_string(root().join(file)).unwrap_or_default();
            let tests: Vec<&str> = names.collect();
            let is_test = |name: &str| text.contains(&format!("#[test]\nfn {name}("));
            let inner = |name: &str| text.contains(&format!("    #[test]\n    fn {name}("));
            let found = match file.ends_with(".rs") {
                true => !tests.is_empty() && tests.iter().all(|name| is_test(name) || inner(name)),
                false => file.starts_with("tests/transcripts/") && !text.is_empty() && tests.is_empty(),
            };
            tests_of_row += usize::from(found) * tests.len().max(1);
            if !found {
                missing.push(format!("{one}: {row}"));
            }
        }
        named += tests_of_row;
    }
    assert!(named > 80, "only {named} tests were found, so this would show nothing");
    assert_none(&missing, "docs/fidelity.md names tests that aren't there:");
}

/// Corpora are minimised before they're committed.
#[test]
fn what_fuzzing_starts_from_is_small() {
    let kept: Vec<String> = tracked().into_iter().filter(|path| path.starts_with("fuzz/corpus/")).collect();
    let size: u64 = kept.iter().map(|path| fs::metadata(root().join(path)).expect("a file").len()).sum();
    assert!(!kept.is_empty() && size < 200 << 10, "{} files in fuzz/corpus have {size} bytes", kept.len());
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Whether a line has `/home/` followed by somebody's name; documentation may say `/home/you`.
fn names_a_home(line: &str) -> bool {
    line.match_indices("/home/").any(|(at, found)| {
        let begins_a_path =
            !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || "._-}".contains(letter));
        let name = words(&line[at + found.len()..]).next().unwrap_or_default();
        begins_a_path && !name.is_empty() && name != "you"
    })
}
