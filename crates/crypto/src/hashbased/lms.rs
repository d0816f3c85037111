//! HSS and LMS (RFC 8554, with the parameter sets of NIST SP 800-208): verification.

use super::{Fields, Hasher};

/// Domain separators (RFC 8554 section 7.1): of one-time public keys, messages, leaves and inner nodes.
const PUBLIC: [u8; 2] = [0x80, 0x80];
const MESSAGE: [u8; 2] = [0x81, 0x81];
const LEAF: [u8; 2] = [0x82, 0x82];
const INNER: [u8; 2] = [0x83, 0x83];
/// The most levels of trees.
const MAX_LEVELS: u32 = 8;

/// An HSS public key.
pub(super) struct Hss<'a> {
    pub(super) levels: u32,
    pub(super) top: Lms<'a>,
}

/// An LMS public key.
pub(super) struct Lms<'a> {
    pub(super) kind: u32,
    pub(super) ots_kind: u32,
    tree: Tree,
    ots: Ots,
    identifier: &'a [u8],
    root: &'a [u8],
}

/// The parameters of a tree.
#[derive(Clone, Copy)]
struct Tree {
    hasher: Hasher,
    height: u32,
}

/// The parameters of a one-time signature.
#[derive(Clone, Copy)]
struct Ots {
    hasher: Hasher,
    /// Bits of a digit.
    width: u32,
}

/// The hash functions in the order of both registries: SHA-256, SHA-256/192, SHAKE256/256, SHAKE256/192.
const HASHERS: [Hasher; 4] = [
    Hasher::Sha256 { len: 32 },
    Hasher::Sha256 { len: 24 },
    Hasher::Shake256 { len: 32 },
    Hasher::Shake256 { len: 24 },
];

impl Tree {
    /// From the number in the registry: from 5 on, five heights for each hash function.
    fn of(kind: u32) -> Option<Self> {
        let at = kind.checked_sub(5)?;
        let hasher = *HASHERS.get(at as usize / 5)?;
        Some(Self { hasher, height: 5 * (at % 5 + 1) })
    }
}

impl Ots {
    /// From the number in the registry: from 1 on, four widths for each hash function.
    fn of(kind: u32) -> Option<Self> {
        let at = kind.checked_sub(1)?;
        let hasher = *HASHERS.get(at as usize / 4)?;
        Some(Self { hasher, width: 1 << (at % 4) })
    }

    /// Digits of a message's hash, and of their checksum (RFC 8554 appendix B).
    fn digits(self) -> (u32, u32) {
        let of_hash = (8 * self.hasher.len() as u32).div_ceil(self.width);
        let most = ((1 << self.width) - 1) * of_hash;
        (of_hash, (most.ilog2() + 1).div_ceil(self.width))
    }
}

impl<'a> Hss<'a> {
    /// A public key of exactly these bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let levels = fields.word()?;
        let top = Lms::read(&mut fields)?;
        ((1..=MAX_LEVELS).contains(&levels) && fields.is_empty()).then_some(Self { levels, top })
    }

    /// Whether it's a signature (RFC 8554 section 6.3); `None` for what can't be one.
    pub(super) fn verify(&self, message: &[u8], signature: &'a [u8]) -> Option<bool> {
        let mut fields = Fields(signature);
        if fields.word()? + 1 != self.levels {
            return None;
        }
        let mut key = Lms { ..self.top };
        for _ in 1..self.levels {
            let signed = OneSignature::read(&mut fields, &key)?;
            let before = fields.0;
            let next = Lms::read(&mut fields)?;
            if !key.verify(&before[..before.len() - fields.0.len()], &signed) {
                return Some(false);
            }
            key = next;
        }
        let last = OneSignature::read(&mut fields, &key)?;
        fields.is_empty().then(|| key.verify(message, &last))
    }
}

/// A signature by one tree.
struct OneSignature<'a> {
    leaf: u32,
    randomizer: &'a [u8],
    chains: &'a [u8],
    path: &'a [u8],
}

impl<'a> OneSignature<'a> {
    fn read(fields: &mut Fields<'a>, key: &Lms<'_>) -> Option<Self> {
        let (tree, ots) = (key.tree, key.ots);
        let leaf = fields.word()?;
        if fields.word()? != key.ots_kind {
            return None;
        }
        let (of_hash, of_checksum) = ots.digits();
        let randomizer = fields.take(ots.hasher.len())?;
        let chains = fields.take((of_hash + of_checksum) as usize * ots.hasher.len())?;
        if fields.word()? != key.kind || leaf >> tree.height != 0 {
            return None;
        }
        let path = fields.take(tree.height as usize * tree.hasher.len())?;
        Some(Self { leaf, randomizer, chains, path })
    }
}

impl<'a> Lms<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let (kind, ots_kind) = (fields.word()?, fields.word()?);
        let (tree, ots) = (Tree::of(kind)?, Ots::of(ots_kind)?);
        let (identifier, root) = (fields.take(16)?, fields.take(tree.hasher.len())?);
        // SP 800-208 section 4: one hash function in all of a tree.
        (tree.hasher == ots.hasher).then_some(Self { kind, ots_kind, tree, ots, identifier, root })
    }

    /// RFC 8554 algorithm 6a.
    fn verify(&self, message: &[u8], signature: &OneSignature<'_>) -> bool {
        let hasher = self.tree.hasher;
        let mut number = (1 << self.tree.height) + signature.leaf;
        let leaf = self.one_time_key(message, signature);
        let mut node = hasher.hash(&[self.identifier, &number.to_be_bytes(), &LEAF, &leaf]);
        for other in signature.path.chunks_exact(hasher.len()) {
            let (left, right) =
                if number % 2 == 1 { (other, node.as_slice()) } else { (node.as_slice(), other) };
            number /= 2;
            node = hasher.hash(&[self.identifier, &number.to_be_bytes(), &INNER, left, right]);
        }
        node == self.root
    }

    /// The one-time public key that the signature is right for (RFC 8554 algorithm 4b).
    fn one_time_key(&self, message: &[u8], signature: &OneSignature<'_>) -> Vec<u8> {
        let hasher = self.ots.hasher;
        let (leaf, width) = (signature.leaf.to_be_bytes(), self.ots.width);
        let mut digits = hasher.hash(&[self.identifier, &leaf, &MESSAGE, signature.randomizer, message]);
        let (of_hash, of_checksum) = self.ots.digits();
        let top = (1 << width) - 1;
        let sum: u32 = (0..of_hash).map(|at| top - digit(&digits, at, width)).sum();
        digits.extend(((sum << (16 - of_checksum * width)) as u16).to_be_bytes());
        let mut ends = Vec::with_capacity(signature.chains.len());
        for (chain, start) in (0..).zip(signature.chains.chunks_exact(hasher.len())) {
            let mut value = start.to_vec();
            for step in digit(&digits, u32::from(chain), width)..top {
                let place: [u8; 2] = u16::to_be_bytes(chain);
                value = hasher.hash(&[self.identifier, &leaf, &place, &[step as u8], &value]);
            }
            ends.extend(value);
        }
        hasher.hash(&[self.identifier, &leaf, &PUBLIC, &ends])
    }
}

/// A digit of `width` bits (RFC 8554 section 3.1.3).
fn digit(bytes: &[u8], at: u32, width: u32) -> u32 {
    let bit = at * width;
    u32::from(bytes[bit as usize / 8]) >> (8 - width - bit % 8) & ((1 << width) - 1)
}
