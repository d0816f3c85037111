//! The image: what a file with a backup holds.
//!
//! ```text
//! magic (16) | format (2) | length of the header (4) | header | wrapped key (40) | sealed content
//! ```
//!
//! Numbers have their least significant byte first. The wrapped key is the image's own AES-256 key, wrapped
//! by the persistent key (NIST SP 800-38F, KW); the content is sealed under it by XAES-256-GCM, with all that stands before
//! as associated data, so that no byte can be changed unnoticed.

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_crypto::{Key, SecretKey, mac, random};
use strongroom_model::{Blob, Hash, KeyType, Mechanism, MechanismType};

use super::content::Content;
use crate::ClusterError;

/// The largest image in bytes.
pub const MAX_IMAGE: usize = 1024 * 1024 * 1024;
/// The format that this program writes, and the only one it reads.
pub(super) const FORMAT: u16 = 1;
const MAGIC: &[u8; 16] = b"STRONGROOM-IMAGE";
/// A header has an id and some numbers.
const MAX_HEADER: usize = 1024;
const KEY_LEN: usize = 32;
const WRAPPED_LEN: usize = KEY_LEN + 8;
const ROOTS_ID: usize = 16;

/// The two roots of all backups of an installation. Both are needed to read one.
pub struct BackupRoots {
    /// What they yield together: wraps the images' own keys.
    persistent: Key,
    id: [u8; ROOTS_ID],
}

/// What an image says of itself to anybody. It's protected from change, not from reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The backup's name.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The serial number of the cluster that it's of.
    pub serial: String,
    /// Tells roots apart without telling anything of them.
    roots: [u8; ROOTS_ID],
}

impl BackupRoots {
    /// From the maker's root and the service's, 32 bytes each.
    ///
    /// The persistent key is one block of the KDF in counter mode of NIST SP 800-108r1 section 4.1 with HMAC-SHA-256.
    pub fn new(maker: &Blob, service: &Blob) -> Self {
        let both: Blob = [maker.as_slice(), service.as_slice()].concat().into();
        let derive = |label: &[u8]| {
            let (counter, bits) = (1u32.to_be_bytes(), 256u32.to_be_bytes());
            Blob::from(mac::hmac(Hash::Sha256, &both, &[&counter, label, &[0], b"strongroom backup", &bits]))
        };
        let mut id = [0; ROOTS_ID];
        id.copy_from_slice(&derive(b"roots id")[..ROOTS_ID]);
        let persistent = SecretKey { key_type: KeyType::Aes, value: derive(b"persistent backup key") };
        Self { persistent: Key::Secret(persistent), id }
    }
}

/// Writes an image.
pub(super) fn write(
    roots: &BackupRoots,
    content: &Content,
    id: &str,
    created: u64,
) -> Result<Vec<u8>, ClusterError> {
    let header = Header { id: id.to_owned(), created, serial: content.serial.clone(), roots: roots.id };
    let header = postcard::to_allocvec(&header).map_err(|error| bug(&error))?;
    let own = random::blob(KEY_LEN);
    let wrapped = strongroom_crypto::wrap(&roots.persistent, &key_wrap(), &own)?;
    let plain = content.encode()?;
    if plain.len() > MAX_IMAGE - 2 * MAX_HEADER {
        return Err(refused(format!(
            "the cluster's state has {} bytes, and an image no more than {MAX_IMAGE}",
            plain.len()
        )));
    }
    let len = u32::try_from(header.len()).map_err(|error| bug(&error))?;
    let mut image = [MAGIC.as_slice(), &FORMAT.to_le_bytes(), &len.to_le_bytes(), &header, &wrapped].concat();
    let sealed = SealingKey::from_bytes(own)?.seal(&image, &plain);
    image.extend_from_slice(&sealed);
    Ok(image)
}

/// Reads an image: its header and its content.
pub(super) fn open(roots: &BackupRoots, image: &[u8]) -> Result<(Header, Blob), ClusterError> {
    let short = || refused("it's cut short".to_owned());
    if image.len() > MAX_IMAGE {
        return Err(refused(format!("it has {} bytes, more than any backup", image.len())));
    }
    let (magic, rest) = image.split_first_chunk::<16>().ok_or_else(short)?;
    if magic != MAGIC {
        return Err(refused("it isn't a backup".to_owned()));
    }
    let (format, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let format = u16::from_le_bytes(*format);
    if format != FORMAT {
        return Err(refused(format!(
            "it has format {format} and this program knows {FORMAT} only: use the version that wrote it"
        )));
    }
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let len = u32::from_le_bytes(*len) as usize;
    let (header, rest) =
        rest.split_at_checked(len).filter(|(header, _)| header.len() <= MAX_HEADER).ok_or_else(short)?;
    let (wrapped, sealed) = rest.split_at_checked(WRAPPED_LEN).ok_or_else(short)?;
    let header: Header = match postcard::take_from_bytes(header) {
        Ok((header, [])) => header,
        _ => return Err(changed()),
    };
    if header.roots != roots.id {
        return Err(refused(
            "it was made under other roots, or was changed: restore it where it was made, or with that home's root.key and maker.key"
                .to_owned(),
        ));
    }
    let own = strongroom_crypto::unwrap(&roots.persistent, &key_wrap(), wrapped).map_err(|_| changed())?;
    let start = image.len() - sealed.len();
    let plain = SealingKey::from_bytes(own)?.open(&image[..start], sealed).map_err(|_| changed())?;
    Ok((header, plain))
}

fn key_wrap() -> Mechanism {
    Mechanism::plain(MechanismType::AES_KEY_WRAP)
}

pub(super) fn changed() -> ClusterError {
    refused("it was changed or cut short after it was made: take another copy".to_owned())
}

pub(super) fn refused(why: String) -> ClusterError {
    ClusterError::Backup(why)
}

fn bug(error: &dyn std::fmt::Display) -> ClusterError {
    refused(format!("it can't be encoded ({error}); this is a bug"))
}
