//! `docs/functions.md` says of every function where it's there, and that's so.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::table::{Memory, functions};

/// Whether the documentation promises each function under `standard` and `strict`, and under `cloudhsm`.
fn promised() -> BTreeMap<String, [bool; 2]> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/functions.md");
    let page = fs::read_to_string(page).expect("docs/functions.md");
    let rows = page.lines().filter(|line| line.starts_with("| `C_"));
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let there = |cell: &str| match cell {
            "yes" => true,
            "no" => false,
            other => panic!("neither yes nor no: {other:?} in {line}"),
        };
        (cells[1].trim_matches('`').to_owned(), [there(cells[2]), there(cells[3])])
    };
    rows.map(row).collect()
}

/// Asks every function whether it's there: with nonsense, which whatever is there refuses otherwise.
fn compare(profile: &str, column: usize) {
    let cluster = Cluster::builder().profile(profile).start();
    let raw = Raw::start(&cluster);
    let promised = promised();
    let mut memory = Memory::new();
    let mut seen = 0;
    for function in functions(raw.newest()) {
        if matches!(function.name, "C_Initialize" | "C_Finalize") {
            continue;
        }
        let session = raw.open().expect("C_OpenSession");
        let arguments = memory.arguments(&function, session.handle, 77, 0);
        let there = function.call(&arguments) != ReturnCode::FUNCTION_NOT_SUPPORTED;
        let row = promised.get(function.name).unwrap_or_else(|| panic!("no row for {}", function.name));
        assert_eq!(there, row[column], "{} under {profile}", function.name);
        // It may have been C_CloseSession.
        let _ = session.close();
        seen += usize::from(!there);
    }
    assert_eq!(promised.len(), 104, "rows for functions");
    assert_eq!(seen, promised.values().filter(|row| !row[column]).count());
}

#[test]
fn standard_and_strict_have_every_function() {
    alone(|| compare("standard", 0));
}

#[test]
fn strict_has_every_function() {
    alone(|| compare("strict", 0));
}

/// cloudhsm.md 5.1: 47 functions of 68, and none of those that came after 2.40 but the ones to ask for interfaces.
#[test]
fn cloudhsm_has_what_its_vendor_says() {
    alone(|| compare("cloudhsm", 1));
}

#[test]
fn the_vendor_supports_47_functions() {
    let supported = promised().into_iter().filter(|(_, row)| row[1]);
    let newer = ["C_GetInterface", "C_GetInterfaceList"];
    // Of certificates, C_SetAttributeValue sets attributes since 5.13.
    let attributes = "C_SetAttributeValue";
    let old = supported.filter(|(name, _)| !newer.contains(&name.as_str()) && name != attributes);
    assert_eq!(old.count(), 47);
}
