//! The lines that were typed before.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// How many lines are kept.
pub(super) const KEPT: usize = 1000;

/// Options that take a password.
const SECRET: [&str; 3] = ["--password", "--officer-password", "--crypto-user"];

/// Whether a line may be kept: never with a password, nor if it can't be told.
pub(super) fn may_keep(words: &[Zeroizing<String>]) -> bool {
    let has_secret = words.iter().enumerate().any(|(at, word)| {
        SECRET.iter().any(|option| match word.strip_prefix(option) {
            Some("") => words.get(at + 1).is_some_and(|value| value.as_str() != "-"),
            Some(value) => value.starts_with('=') && value != "=-",
            // clap takes no abbreviations, so nothing else can be one of them.
            None => false,
        })
    });
    !words.is_empty() && !has_secret
}

/// Where lines are kept, made ready for its owner only; `None` if there is no place.
pub(super) fn file() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".local/state")))?;
    let folder = state.join("strongroom");
    prepare(&folder).ok()
}

fn prepare(folder: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = folder.join("history");
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::split;

    #[test]
    fn lines_with_passwords_are_not_kept() {
        let kept = |line: &str| may_keep(&split(line).unwrap());
        for line in [
            "user create --username bob --role admin --password secret",
            "login --username bob --role admin --password=secret",
            "up --crypto-user app:secret",
            "login --password '' --username bob",
        ] {
            assert!(!kept(line), "{line}");
        }
        for line in ["user list", "login --username bob --role admin --password -", "login --password=-"] {
            assert!(kept(line), "{line}");
        }
        assert!(!kept("   "));
    }

    #[test]
    fn the_file_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = prepare(&folder.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
