//! Quorum tokens and their approvals.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use strongroom_crypto::digest::digest;
use strongroom_model::{Handle, Hash, Role, Service};
use strongroom_wire::{Approval, Signature};

use super::challenges::SIGNATURE;
use super::encoding::{from_base64, read_small, to_base64, write_new};
use crate::output::Failure;

const VERSION: &str = "2.0";
/// What one node adds to `approval_data`, in bytes (cloudhsm.md 3.4).
const PART: usize = 80;

/// The file; fields that others add are passed over.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_reference: Option<String>,
    approval_data: String,
    token: String,
    signatures: Vec<Signed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    signature: String,
}

/// Writes a token for its approvers. The services of keys are named in the file, with the key.
pub(crate) fn write_token(path: &Path, data: &[u8], about: Option<(Service, Handle)>) -> Result<(), Failure> {
    let file = File {
        version: VERSION.into(),
        service: about.map(|(service, _)| service.to_string()),
        key_reference: about.map(|(_, key)| reference(key)),
        approval_data: to_base64(data),
        token: to_base64(&digest(Hash::Sha256, &[data])),
        signatures: Vec::new(),
    };
    let text = serde_json::to_string_pretty(&file)
        .map_err(|error| Failure::new(format!("the token can't be written down: {error}")))?;
    write_new(path, 0o600, format!("{text}\n").as_bytes())
}

/// The approvals in files of signed tokens.
pub(crate) fn read_approvals<'a>(
    paths: impl IntoIterator<Item = &'a Option<PathBuf>>,
) -> Result<Vec<Approval>, Failure> {
    paths.into_iter().flatten().map(|path| read_approval(path)).collect()
}

/// Everything that can be told without the cluster is checked here; who signed what, the nodes check.
fn read_approval(path: &Path) -> Result<Approval, Failure> {
    let said = path.display();
    let file: File = serde_json::from_slice(&read_small(path)?).map_err(|error| {
        Failure::new(format!(
            "{said} isn't a quorum token: {error}. Was it cut short or edited? Ask for a new token"
        ))
    })?;
    if file.version != VERSION {
        return Err(Failure::new(format!(
            "{said} is of version {:?}; {VERSION:?} is known here",
            file.version
        )));
    }
    let data =
        from_base64(&file.approval_data).filter(|data| !data.is_empty() && data.len().is_multiple_of(PART));
    let data = data.ok_or_else(|| {
        Failure::new(format!(
            "`approval_data` in {said} isn't {PART} bytes for each node, in base64: ask for a new token"
        ))
    })?;
    if from_base64(&file.token).is_none_or(|token| *token != digest(Hash::Sha256, &[&data])[..]) {
        return Err(Failure::new(format!(
            "`token` in {said} isn't the SHA-256 of `approval_data`: the file was edited or mixed from two. Ask for a new token"
        )));
    }
    check_subject(path, &file, &data)?;
    if file.signatures.is_empty() {
        return Err(Failure::new("No token signatures provided"));
    }
    let signatures =
        file.signatures.iter().map(|signed| signature(path, signed)).collect::<Result<_, _>>()?;
    Ok(Approval { data, signatures })
}

fn signature(path: &Path, signed: &Signed) -> Result<Signature, Failure> {
    let said = path.display();
    let bytes = from_base64(&signed.signature).filter(|bytes| bytes.len() == SIGNATURE).ok_or_else(|| {
        Failure::new(format!(
            "InvalidQuorumSignature: the signature of {:?} in {said} isn't an RSA-2048 signature in base64",
            signed.username
        ))
    })?;
    let role: Option<Role> = signed.role.as_deref().map(str::parse).transpose()?;
    Ok(Signature { user: signed.username.parse()?, role, signature: bytes })
}

/// Refuses a file that tells approvers something else than what they sign (offsets of cloudhsm.md 3.4).
fn check_subject(path: &Path, file: &File, data: &[u8]) -> Result<(), Failure> {
    let number =
        |from: usize, to: usize| data[from..to].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let service = Service::ALL.into_iter().find(|service| u64::from(service.number()) == number(2, 4));
    let edited = |what: &str| {
        Failure::new(format!(
            "`{what}` in {} isn't what `approval_data` says: ask for a new token",
            path.display()
        ))
    };
    if let Some(stated) = &file.service
        && service.is_none_or(|service| service.to_string() != *stated)
    {
        return Err(edited("service"));
    }
    match &file.key_reference {
        Some(stated) if *stated != reference(Handle(number(8, 16))) => Err(edited("key_reference")),
        _ => Ok(()),
    }
}

fn reference(key: Handle) -> String {
    format!("{:#018x}", key.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn drawn() -> Vec<u8> {
        let mut part = [0; PART];
        part[1] = 1;
        part[3] = 7;
        part[15] = 42;
        part.repeat(2)
    }

    /// A file as written, signed and changed by `edit`, and read.
    fn after(edit: impl FnOnce(&mut Value)) -> Result<Approval, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write_token(&path, &drawn(), Some((Service::KeyUsage, Handle(42)))).unwrap();
        let mut file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        file["signatures"] = json!([
            {"username": "Alice", "role": "crypto-user", "signature": to_base64(&[1; SIGNATURE])},
            {"username": "bob", "signature": to_base64(&[2; SIGNATURE])},
        ]);
        edit(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
        read_approval(&path).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_signed_token_is_read_as_it_was_written() {
        let approval = after(|file| file["note"] = "of somebody".into()).unwrap();
        assert_eq!(approval.data.as_slice(), drawn());
        let signers: Vec<_> =
            approval.signatures.iter().map(|signature| (signature.user.as_str(), signature.role)).collect();
        assert_eq!(signers, [("alice", Some(Role::CryptoUser)), ("bob", None)]);
        after(|file| {
            file["service"].take();
            file["key_reference"].take();
        })
        .unwrap();
    }

    #[test]
    fn no_part_of_a_file_is_taken_for_the_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.json");
        write_token(&path, &drawn(), None).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for len in 0..whole.len() - 2 {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert!(read_approval(&path).unwrap_err().to_string().contains("cut short"), "{len}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_token_is_said() {
        let said = |edit: fn(&mut Value)| after(edit).unwrap_err();
        assert_eq!(said(|file| file["signatures"] = json!([])), "No token signatures provided");
        assert!(
            said(|file| file["signatures"][0]["signature"] = "AQID".into())
                .starts_with("InvalidQuorumSignature")
        );
        assert!(said(|file| file["signatures"][0] = json!("AQID")).contains("isn't a quorum token"));
        assert!(said(|file| file["signatures"][0]["role"] = "king".into()).contains("king"));
        assert!(said(|file| file["version"] = "3".into()).contains("version"));
        assert!(said(|file| file["token"] = to_base64(&[0; 32]).into()).contains("SHA-256"));
        assert!(said(|file| file["approval_data"] = to_base64(&[0; 81]).into()).contains("80 bytes"));
        assert!(said(|file| file["service"] = "user".into()).contains("`service`"));
        assert!(said(|file| file["key_reference"] = "0x000000000000002b".into()).contains("`key_reference`"));
        assert!(
            said(|file| {
                let text = file.to_string();
                *file = json!(text[..text.len() / 2]);
            })
            .contains("cut short")
        );
    }
}
