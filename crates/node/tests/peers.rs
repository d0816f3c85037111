//! What other tokens offer and no node does stands in `docs/mechanisms.md` with a reason, as does what they use mechanisms for. The
//! lists in `peers/` say what those have, and where that is told.

use std::collections::BTreeMap;

use strongroom_model::{MECHANISMS, MechanismSpec, Profile, Regime};
use strongroom_node::rules::allowed;

const PEERS: [(&str, &str); 4] = [
    ("SoftHSM 2.7", include_str!("peers/softhsm.txt")),
    ("kryoptic 1.5", include_str!("peers/kryoptic.txt")),
    ("openCryptoki's soft token", include_str!("peers/opencryptoki.txt")),
    ("CloudHSM Client SDK 5", include_str!("peers/cloudhsm.txt")),
];
const PAGE: &str = include_str!("../../../docs/mechanisms.md");

/// The letters of the page, with the purposes of which a mechanism has one at least.
const LETTERS: [(char, u64); 8] = [
    ('G', cryptoki_sys::CKF_GENERATE | cryptoki_sys::CKF_GENERATE_KEY_PAIR),
    ('S', cryptoki_sys::CKF_SIGN),
    ('R', cryptoki_sys::CKF_SIGN_RECOVER),
    ('D', cryptoki_sys::CKF_DIGEST),
    ('E', cryptoki_sys::CKF_DECRYPT),
    ('W', cryptoki_sys::CKF_UNWRAP),
    ('V', cryptoki_sys::CKF_DERIVE),
    ('K', cryptoki_sys::CKF_DECAPSULATE),
];

#[test]
fn what_peers_offer_is_offered_or_explained() {
    let ours: BTreeMap<&str, &MechanismSpec> = MECHANISMS.iter().map(|row| (row.name, row)).collect();
    let (absent, unused) = (explained("## Not offered", 0), explained("## Not used so", 1));
    let mut unexplained = Vec::new();
    let mut listed = 0;
    for (peer, list) in PEERS {
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            listed += 1;
            let (name, uses) = line.split_once(' ').unwrap_or_else(|| panic!("{peer}: {line}"));
            let Some(row) = ours.get(name) else {
                if !absent.iter().any(|(pattern, _)| fits(pattern, name)) {
                    unexplained.push(format!("{peer}: {name}"));
                }
                continue;
            };
            let here = allowed(Regime::of(Profile::Standard), row.kind).expect("`standard` has all");
            for letter in uses.chars() {
                let (_, flags) = LETTERS
                    .iter()
                    .find(|(known, _)| *known == letter)
                    .unwrap_or_else(|| panic!("{peer}: {line}"));
                let has = here.purposes.0 & flags != 0;
                let told = unused.iter().any(|(pattern, not)| fits(pattern, name) && not.contains(letter));
                if !has && !told {
                    unexplained.push(format!("{peer}: {name} for {letter}"));
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "docs/mechanisms.md doesn't say why not:\n{}", unexplained.join("\n"));
    assert!(listed > 400, "{listed}");
}

#[test]
fn nothing_is_explained_that_is_there() {
    for (pattern, _) in explained("## Not offered", 0) {
        let there = MECHANISMS.iter().find(|row| fits(&pattern, row.name));
        assert!(there.is_none(), "{pattern}: {there:?}");
    }
}

/// The names in the first column of a table, with what stands in another.
fn explained(heading: &str, column: usize) -> Vec<(String, String)> {
    let (_, section) = PAGE.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let said = cells[column].to_owned();
        let names = cells[0].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        names.into_iter().map(move |name| (name, said.clone()))
    })
    .collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}
