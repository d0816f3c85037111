//! What is signed: parts of 80 bytes (cloudhsm.md 3.4).
//!
//! | offset | size | content, numbers big-endian |
//! |---|---|---|
//! | 0 | 2 | version, 1 |
//! | 2 | 2 | service |
//! | 4 | 4 | token id |
//! | 8 | 8 | key handle, 0 for services of users |
//! | 16 | 16 | nonce |
//! | 32 | 32 | user name, padded with zeros |
//! | 64 | 8 | seconds since 1970 |
//! | 72 | 8 | zero |

use strongroom_model::{Handle, UserName};

/// A part's length in bytes.
pub(super) const PART: usize = 80;
/// Where the nonce is.
pub(super) const NONCE: std::ops::Range<usize> = 16..32;

const VERSION: u16 = 1;

/// What one node signs of, or has signed.
pub(super) struct Part<'a> {
    pub(super) service: u16,
    pub(super) id: u32,
    pub(super) key: Option<Handle>,
    pub(super) nonce: [u8; 16],
    pub(super) user: &'a UserName,
    pub(super) time: u64,
}

impl Part<'_> {
    pub(super) fn encode(&self) -> [u8; PART] {
        let mut part = [0; PART];
        part[..2].copy_from_slice(&VERSION.to_be_bytes());
        part[2..4].copy_from_slice(&self.service.to_be_bytes());
        part[4..8].copy_from_slice(&self.id.to_be_bytes());
        part[8..16].copy_from_slice(&self.key.map_or(0, |key| key.0).to_be_bytes());
        part[NONCE].copy_from_slice(&self.nonce);
        let user = self.user.as_str().as_bytes();
        part[32..][..user.len()].copy_from_slice(user);
        part[64..72].copy_from_slice(&self.time.to_be_bytes());
        part
    }
}

/// The time in a part.
pub(super) fn time(part: &[u8; PART]) -> u64 {
    part[64..72].iter().fold(0, |time, byte| time << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout of the vendor's own sample: USER_MGMT, token 0x18 (cloudhsm.md 3.4).
    #[test]
    fn the_vendors_layout() {
        let part = Part {
            service: 3,
            id: 0x18,
            key: None,
            nonce: [7; 16],
            user: &"admin".parse().unwrap(),
            time: 0x63e6_f6de,
        }
        .encode();
        let expected = [
            &[0, 1, 0, 3, 0, 0, 0, 0x18][..],
            &[0; 8],
            &[7; 16],
            b"admin",
            &[0; 27],
            &[0, 0, 0, 0, 0x63, 0xe6, 0xf6, 0xde],
            &[0; 8],
        ]
        .concat();
        assert_eq!(part.to_vec(), expected);
        assert_eq!(time(&part), 0x63e6_f6de);
        let longest = "a".repeat(UserName::MAX_LEN);
        let part = Part {
            service: 7,
            id: 0,
            key: Some(Handle(0x1234)),
            nonce: [0; 16],
            user: &longest.parse().unwrap(),
            time: 0,
        };
        let part = part.encode();
        assert_eq!((&part[8..16], part[63]), (&[0, 0, 0, 0, 0, 0, 0x12, 0x34][..], 0));
    }
}
