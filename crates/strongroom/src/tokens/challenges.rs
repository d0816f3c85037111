//! What nodes draw for a user to sign: when a key is registered, and at a login with a second factor.

use std::path::Path;

use serde::{Deserialize, Serialize};
use strongroom_crypto::digest::digest;
use strongroom_model::{Blob, Hash};
use strongroom_wire::SignedChallenge;

use super::encoding::{from_base64, read_small, to_base64, write_new};
use crate::output::Failure;

const VERSION: &str = "2.0";
/// An RSA-2048 signature, in bytes.
pub(super) const SIGNATURE: usize = 256;

/// The two forms of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// For the registration of an approver's key: with what the nodes drew.
    Registration,
    /// For a second factor: only what is to be signed.
    SecondFactor,
}

/// The file; fields that others add are passed over.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approval_data: Option<String>,
    unsigned: String,
    signed: String,
}

/// Writes what the nodes drew, one entry for each.
pub(crate) fn write_challenges(path: &Path, challenges: &[Blob], form: Form) -> Result<(), Failure> {
    let tokens = challenges.iter().map(|challenge| Token {
        approval_data: (form == Form::Registration).then(|| to_base64(challenge)),
        unsigned: to_base64(&unsigned(challenge)),
        signed: String::new(),
    });
    let file = File { version: VERSION.into(), tokens: tokens.collect() };
    let text = serde_json::to_string_pretty(&file)
        .map_err(|error| Failure::new(format!("the token can't be written down: {error}")))?;
    write_new(path, 0o600, format!("{text}\n").as_bytes())
}

/// The challenges of a file with their signatures. `known` are those that were written to a file of the second form, which doesn't
/// have them itself; entries may stand in another order, and each must be signed.
pub(crate) fn read_signed(path: &Path, known: Option<&[Blob]>) -> Result<Vec<SignedChallenge>, Failure> {
    let said = path.display();
    let file: File = serde_json::from_slice(&read_small(path)?).map_err(|error| {
        Failure::new(format!(
            "{said} isn't a token file: {error}. Was it cut short or edited? Ask for a new one"
        ))
    })?;
    if file.version != VERSION {
        return Err(Failure::new(format!(
            "{said} is of version {:?}; {VERSION:?} is known here",
            file.version
        )));
    }
    if file.tokens.is_empty() || file.tokens.iter().all(|token| token.signed.is_empty()) {
        return Err(Failure::new("No token signatures provided"));
    }
    let all = file.tokens.len();
    let mut signed: Vec<SignedChallenge> = Vec::with_capacity(all);
    for (at, token) in file.tokens.iter().enumerate() {
        let number = at + 1;
        let data = match known {
            Some(known) => known
                .iter()
                .find(|challenge| to_base64(&unsigned(challenge)) == token.unsigned)
                .cloned()
                .ok_or_else(|| {
                    Failure::new(format!("token {number} of {said} isn't one that was written now: was the file edited or mixed up?"))
                })?,
            None => stated(token).ok_or_else(|| {
                Failure::new(format!(
                    "token {number} of {said} was edited: `unsigned` isn't the SHA-256 of `approval_data`. Ask for a new file"
                ))
            })?,
        };
        if token.signed.is_empty() {
            return Err(Failure::new(format!(
                "token {number} of {all} in {said} isn't signed; there is one for each node, and each is to be signed"
            )));
        }
        let signature = from_base64(&token.signed).filter(|signature| signature.len() == SIGNATURE);
        let signature = signature.ok_or_else(|| {
            Failure::new(format!(
                "InvalidQuorumSignature: `signed` of token {number} in {said} isn't an RSA-2048 signature in base64"
            ))
        })?;
        if signed.iter().any(|earlier| earlier.data == data) {
            return Err(Failure::new(format!("token {number} of {said} is there twice")));
        }
        signed.push(SignedChallenge { data, signature });
    }
    if let Some(known) = known.filter(|known| known.len() != signed.len()) {
        return Err(Failure::new(format!(
            "{said} has {all} tokens, but {} were written: was it cut short?",
            known.len()
        )));
    }
    Ok(signed)
}

/// What is to be signed for a challenge.
fn unsigned(challenge: &[u8]) -> Vec<u8> {
    digest(Hash::Sha256, &[challenge])
}

/// The challenge that an entry has, if the rest of the entry is about it.
fn stated(token: &Token) -> Option<Blob> {
    let data = from_base64(token.approval_data.as_deref()?)?;
    let to_sign = from_base64(&token.unsigned)?;
    (unsigned(&data) == *to_sign).then_some(data)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn drawn() -> Vec<Blob> {
        (1..=3).map(|node: u8| Blob::from(vec![node; 80])).collect()
    }

    /// A file as written, changed by `edit`, and read.
    fn after(form: Form, edit: impl FnOnce(&mut Value)) -> Result<Vec<SignedChallenge>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write_challenges(&path, &drawn(), form).unwrap();
        let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for token in file["tokens"].as_array_mut().unwrap() {
            token["signed"] = to_base64(&[7; SIGNATURE]).into();
        }
        edit(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
        let known = drawn();
        read_signed(&path, (form == Form::SecondFactor).then_some(known.as_slice()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn signed_files_are_read_in_any_order_and_with_fields_of_others() {
        for form in [Form::Registration, Form::SecondFactor] {
            let signed = after(form, |file| {
                file["tokens"].as_array_mut().unwrap().reverse();
                file["signatures"] = json!([]);
                file["tokens"][0]["comment"] = "mine".into();
            });
            let datas: Vec<Blob> = signed.unwrap().into_iter().rev().map(|signed| signed.data).collect();
            assert_eq!(datas, drawn());
        }
    }

    #[test]
    fn the_second_form_shows_only_what_is_to_be_signed() {
        after(Form::SecondFactor, |file| assert!(file["tokens"][0].get("approval_data").is_none())).unwrap();
        after(Form::Registration, |file| assert!(file["tokens"][0].get("approval_data").is_some())).unwrap();
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let said = |edit: fn(&mut Value)| after(Form::Registration, edit).unwrap_err();
        assert!(said(|file| file["version"] = "1.0".into()).contains("version"));
        assert_eq!(said(|file| file["tokens"] = json!([])), "No token signatures provided");
        assert!(said(|file| file["tokens"][1]["signed"] = "".into()).contains("token 2 of 3"));
        assert!(
            said(|file| file["tokens"][1]["signed"] = "AQID".into()).starts_with("InvalidQuorumSignature")
        );
        assert!(said(|file| file["tokens"][1]["signed"] = "*".into()).starts_with("InvalidQuorumSignature"));
        assert!(said(|file| file["tokens"][2]["unsigned"] = "AQID".into()).contains("was edited"));
        assert!(said(|file| file["tokens"][2] = file["tokens"][1].clone()).contains("twice"));
        assert!(said(|file| *file = json!("text")).contains("isn't a token file"));
        let cut = after(Form::SecondFactor, |file| {
            file["tokens"].as_array_mut().unwrap().pop();
        });
        assert!(cut.unwrap_err().contains("cut short"));
    }
}
