//! What the README and the pages in `docs/` tell people to type.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A page, by its path from the root of the workspace.
///
/// # Panics
///
/// When it can't be read.
#[track_caller]
pub fn page(name: &str) -> String {
    // As cargo says now: the workspace may have moved since this was built.
    let tests =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let root = tests.parent().map_or_else(|| Path::new("/").to_owned(), Path::to_owned);
    fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The code blocks of a language below a heading, in their order, as they stand there.
///
/// # Panics
///
/// When there is no such heading.
#[track_caller]
pub fn blocks(text: &str, heading: &str, language: &str) -> Vec<String> {
    let heading = format!("\n{heading}\n");
    let section = text.split(&heading).nth(1).unwrap_or_else(|| panic!("no heading {heading:?}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let fence = format!("```{language}\n");
    section.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_string).collect()
}
