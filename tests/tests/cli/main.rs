//! The command line, by transcripts: text files that read as documentation and are played against a throw-away cluster.
//!
//! A transcript (`tests/transcripts/NAME.txt`) has these lines:
//!
//! | line | meaning |
//! |---|---|
//! | `# ...` | prose |
//! | `$ strongroom up ...` | first of all: the cluster |
//! | `$ ...` | a command for the shell; lines that begin with `> ` go on with it |
//! | `$ strongroom interactive` | begins an interactive session, which `strongroom> quit` ends |
//! | `strongroom> ...` | a command in the session |
//! | `: ...` | a line that this command reads |
//! | `! ...` | a command for the shell while the session's command waits for its next line |
//! | anything else | what was printed: JSON, laid out at will, or text. Without it, the command must succeed |
//!
//! In what was printed, `<handle>`, `<base64>`, `<hex>`, `<number>` and `<any>` stand for what differs from time to time;
//! `<handle:name>` also remembers it, for later lines and commands. A field `"...": "..."` stands for fields that aren't shown.

mod matching;
mod modes;
mod play;
mod script;

use std::fs;

macro_rules! transcripts {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play::transcript(stringify!($name));
        })*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

transcripts! {
    approvals
    audit backups
    certificates
    clones
    cluster
    configure
    coverage
    files
    key_quorum
    keys
    login
    mtls
    nodes
    permissions
    quorum
    second_factor
    session_keys
    sharing
    signatures
    users
    wrapping
}

#[test]
fn every_transcript_is_played() {
    let files = fs::read_dir(script::folder()).expect("the folder of transcripts");
    let mut names: Vec<String> = files
        .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
        .map(|name| name.trim_end_matches(".txt").to_string())
        .collect();
    names.sort();
    let mut played = NAMES.to_vec();
    played.sort_unstable();
    assert_eq!(names, played);
}
