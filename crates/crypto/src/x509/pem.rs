//! PEM (RFC 7468), as tools and people hand it on: lines of any width, blanks around it.

use base64ct::{Base64, Encoding};
use strongroom_model::{Error, Result, ReturnCode};

/// What a PEM text is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemKind {
    /// `CERTIFICATE`.
    Certificate,
    /// `CERTIFICATE REQUEST`.
    Request,
}

/// Characters of Base64 in a line (RFC 7468 section 2).
const WIDTH: usize = 64;

impl PemKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::Request => "CERTIFICATE REQUEST",
        }
    }
}

/// The text for a DER encoding, with a line end at its end.
pub fn to_pem(kind: PemKind, der: &[u8]) -> String {
    let (label, body) = (kind.label(), Base64::encode_string(der));
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..body.len()).step_by(WIDTH) {
        pem.push_str(&body[start..(start + WIDTH).min(body.len())]);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

/// The DER encoding of the one thing in a text.
///
/// # Errors
/// `ARGUMENTS_BAD`, with words that go behind the name of what was given: "has more than one certificate".
pub fn from_pem(kind: PemKind, text: &str) -> Result<Vec<u8>> {
    let refused = |why: String| Err(Error::new(ReturnCode::ARGUMENTS_BAD, why));
    let label = kind.label();
    let text = text.trim();
    if text.is_empty() {
        return refused("is empty".to_owned());
    }
    let count = text.matches("-----BEGIN ").count();
    if count > 1 {
        return refused(format!("has {count} PEM blocks: give the one {label} alone"));
    }
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let Some(rest) = text.strip_prefix(&begin) else {
        if let Some(found) = text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")) {
            let found: String = found.0.chars().take(40).collect();
            return refused(format!("is a PEM block of {found:?}, and {label} is wanted"));
        }
        return refused(format!("isn't PEM: it must start with {begin}, without text before it"));
    };
    let Some(body) = rest.strip_suffix(&end) else {
        return refused(format!("is cut short: it must end with {end}"));
    };
    let body: String = body.split_ascii_whitespace().collect();
    match Base64::decode_vec(&body) {
        Ok(der) => Ok(der),
        Err(_) => refused("has something else than Base64 between its first and its last line".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_in_any_width() {
        for len in [0usize, 1, 47, 48, 49, 96, 1000] {
            let der: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let pem = to_pem(PemKind::Certificate, &der);
            assert!(pem.lines().all(|line| line.len() <= 64));
            for text in [pem.clone(), pem.replace('\n', "\r\n"), format!("\n  {pem}\n\n")] {
                assert_eq!(from_pem(PemKind::Certificate, &text).unwrap(), der);
            }
            let lines: Vec<_> = pem.lines().collect();
            let middle = lines[1..lines.len() - 1].concat();
            let long = format!("{}\n{middle}\n{}", lines[0], lines[lines.len() - 1]);
            assert_eq!(from_pem(PemKind::Certificate, &long).unwrap(), der);
        }
    }

    #[test]
    fn what_isnt_one_block_is_refused_by_its_reason() {
        let pem = to_pem(PemKind::Certificate, b"content");
        let request = to_pem(PemKind::Request, b"content");
        for (text, why) in [
            (String::new(), "empty"),
            (" \n".to_owned(), "empty"),
            (format!("{pem}{pem}"), "2 PEM blocks"),
            (request, "CERTIFICATE REQUEST"),
            (format!("subject=CN\n{pem}"), "without text before"),
            (format!("{pem}more"), "must end with"),
            (pem[..pem.len() - 3].to_owned(), "must end with"),
            (pem.replace('Y', "?"), "Base64"),
            ("garbage".to_owned(), "isn't PEM"),
        ] {
            let error = from_pem(PemKind::Certificate, &text).unwrap_err();
            assert!(error.message.contains(why), "{text:?}: {}", error.message);
        }
    }
}
