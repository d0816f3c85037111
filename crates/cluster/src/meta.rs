//! What a cluster is, sealed under the home's root key: the way to everything else.

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, NodeId, Profile};
use strongroom_node::state::Revision;
use strongroom_wire::encode_secret;

use crate::ClusterError;
use crate::keys::META;
use crate::vault::{FORMAT, Unreadable, header, split};

const ROOT_ID: usize = 16;

/// What a cluster is. The first record that is read of it; written when it's made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) name: String,
    /// 16 hex digits.
    pub(crate) serial: String,
    /// The profile that it was made with; the policy has the present one.
    pub(crate) profile: Profile,
    /// The nodes that it was made with; its [`Members`](crate::members::Members) are the present ones.
    pub(crate) nodes: Vec<NodeId>,
    /// Number of the membership's last change when it was made.
    pub(crate) epoch: u64,
    /// What the masking key is made of.
    pub(crate) masking: Blob,
}

impl Meta {
    /// `format | version | id of the root key | sealed`.
    pub(crate) fn seal(&self, root: &SealingKey, version: Revision) -> Result<Vec<u8>, ClusterError> {
        let plain = encode_secret(self).map_err(|_| damaged())?;
        let mut value = header(version);
        value.extend_from_slice(&root_id(root));
        value.extend_from_slice(&key(root).seal(&place(version), &plain));
        Ok(value)
    }

    /// The record and its version.
    pub(crate) fn open(root: &SealingKey, value: &[u8]) -> Result<(Revision, Self), ClusterError> {
        let (version, rest) = split(value).map_err(|error| match error {
            Unreadable::Format(found) => ClusterError::Format { found, known: FORMAT },
            Unreadable::Damaged => damaged(),
        })?;
        let (id, sealed) = rest.split_first_chunk::<ROOT_ID>().ok_or_else(damaged)?;
        if *id != root_id(root) {
            return Err(ClusterError::OtherRoot);
        }
        let plain = key(root).open(&place(version), sealed).map_err(|_| damaged())?;
        Ok((version, postcard::from_bytes(&plain).map_err(|_| damaged())?))
    }
}

fn key(root: &SealingKey) -> SealingKey {
    root.derive("cluster meta")
}

/// Tells root keys apart without telling anything of them.
fn root_id(root: &SealingKey) -> [u8; ROOT_ID] {
    let mut id = [0; ROOT_ID];
    id.copy_from_slice(&root.derive("root key id").to_bytes()[..ROOT_ID]);
    id
}

fn place(version: Revision) -> Vec<u8> {
    [META, &version.to_le_bytes()].concat()
}

fn damaged() -> ClusterError {
    ClusterError::Damaged { cluster: "?".to_owned(), what: "its own record can't be read".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> Meta {
        Meta {
            name: "default".to_owned(),
            serial: "0123456789abcdef".to_owned(),
            profile: Profile::Standard,
            nodes: vec![NodeId(0), NodeId(1)],
            epoch: 1,
            masking: Blob::from([9; 32]),
        }
    }

    #[test]
    fn another_root_key_is_told_from_damage() {
        let root = SealingKey::generate();
        let value = meta().seal(&root, 3).unwrap();
        let (version, opened) = Meta::open(&root, &value).unwrap();
        assert_eq!((version, opened.name.as_str()), (3, "default"));
        assert_eq!(opened.masking, Blob::from([9; 32]));

        assert!(matches!(Meta::open(&SealingKey::generate(), &value), Err(ClusterError::OtherRoot)));
        for at in [1, 8, value.len() - 1] {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(matches!(Meta::open(&root, &changed), Err(ClusterError::Damaged { .. })));
        }
        for len in 0..value.len() {
            assert!(Meta::open(&root, &value[..len]).is_err());
        }
    }
}
