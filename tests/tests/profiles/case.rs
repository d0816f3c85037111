//! Cases as `tests/profiles` has them: a call a line, its arguments, `=>`, the return value without `CKR_`, and what
//! comes out. `$Name` stands for a value that an earlier line gave, or that this line gives.

use std::fs;
use std::path::Path;

/// A call.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) function: String,
    pub(crate) arguments: Vec<Item>,
    pub(crate) code: String,
    pub(crate) results: Vec<Item>,
}

/// A value by its name, or the length of one: `NAME=value` or `NAME:length`.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) is_length: bool,
    pub(crate) value: String,
}

/// Reads a case.
///
/// # Panics
///
/// When there is none, or a line isn't a call.
pub(crate) fn read(name: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(name).with_extension("txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(step).collect()
}

fn step(line: &str) -> Step {
    let (call, answer) = line.split_once(" => ").unwrap_or_else(|| panic!("not a call: {line}"));
    let mut call = call.split_whitespace();
    let mut answer = answer.split_whitespace();
    Step {
        function: call.next().unwrap_or_default().to_owned(),
        arguments: call.map(item).collect(),
        code: answer.next().unwrap_or_default().to_owned(),
        results: answer.map(item).collect(),
    }
}

/// A name alone is one whose length is asked for.
fn item(word: &str) -> Item {
    let (name, is_length, value) = if let Some((name, value)) = word.split_once('=') {
        (name, false, value)
    } else if let Some((name, value)) = word.split_once(':') {
        (name, true, value)
    } else {
        (word, true, "")
    };
    Item { name: name.to_owned(), is_length, value: value.to_owned() }
}
