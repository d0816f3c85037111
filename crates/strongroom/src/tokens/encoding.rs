//! Base64 and PEM, and files that are written once.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64ct::{Base64, Encoding};
use strongroom_model::Blob;

use crate::output::Failure;

/// Larger than any file of tokens, keys or signatures has to be.
const MAX_FILE: u64 = 1024 * 1024;
/// How a file of a public key says what it is (RFC 7468 section 13).
const PUBLIC_KEY: &str = "PUBLIC KEY";

/// Standard base64 with padding (RFC 4648 section 4).
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// The bytes of a base64 text, which may be broken into lines as `base64` and `openssl` do.
pub(crate) fn from_base64(text: &str) -> Option<Blob> {
    let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    Base64::decode_vec(&compact).ok().map(Blob::from)
}

/// A public key in PEM, as SubjectPublicKeyInfo in DER.
pub(crate) fn read_public_key(path: &Path) -> Result<Blob, Failure> {
    let text = read_small(path)?;
    let said = path.display();
    let (label, der) = pem_rfc7468::decode_vec(&text).map_err(|error| {
        Failure::new(format!(
            "{said} isn't a public key in PEM ({error}); `openssl rsa -in KEY -pubout` makes one"
        ))
    })?;
    match label {
        PUBLIC_KEY => Ok(Blob::from(der)),
        _ if label.ends_with("PRIVATE KEY") => Err(Failure::new(format!(
            "{said} has a private key, which stays with its owner: give the public one, from `openssl rsa -in {said} -pubout`"
        ))),
        _ => Err(Failure::new(format!(
            "{said} has a {label}; a file that begins with BEGIN {PUBLIC_KEY} is needed"
        ))),
    }
}

/// The content of a file of moderate size.
pub(crate) fn read_small(path: &Path) -> Result<Blob, Failure> {
    let failed = |error: io::Error| Failure::new(format!("{} can't be read: {error}", path.display()));
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut content = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > MAX_FILE {
        return Err(Failure::new(format!("{} is larger than such a file can be", path.display())));
    }
    Ok(Blob::from(content))
}

/// Writes a file that mustn't be there yet: it might have signatures, or a key.
pub(crate) fn write_new(path: &Path, mode: u32, content: &[u8]) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(format!(
            "{} is there already and was left as it is: remove it, or choose another name",
            path.display()
        )),
        _ => Failure::new(format!("{} can't be written: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_survives_lines_and_nothing_else() {
        assert_eq!(from_base64("AQID\nBA==\n").unwrap().as_slice(), [1, 2, 3, 4]);
        assert_eq!(to_base64(&[1, 2, 3, 4]), "AQIDBA==");
        for bad in ["AQIDBA", "AQID*A==", "QIDBA==", "é"] {
            assert!(from_base64(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_file_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write_new(&path, 0o600, b"first").unwrap();
        assert!(write_new(&path, 0o600, b"second").unwrap_err().to_string().contains("already"));
        assert_eq!(read_small(&path).unwrap().as_slice(), b"first");
    }

    #[test]
    fn a_private_key_is_not_taken_for_a_public_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write_new(&path, 0o600, b"-----BEGIN PRIVATE KEY-----\nAQID\n-----END PRIVATE KEY-----\n").unwrap();
        assert!(read_public_key(&path).unwrap_err().to_string().contains("stays with its owner"));
    }
}
