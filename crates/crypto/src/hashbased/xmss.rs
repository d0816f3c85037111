//! XMSS and XMSS^MT (RFC 8391, with the parameter sets of NIST SP 800-208): verification.

use super::{Fields, Hasher};

/// Digits of a checksum, with digits of four bits: three for every hash that there is.
const CHECKSUM: usize = 3;
/// The values of a digit.
const DIGITS: u16 = 16;

/// Kinds of address (RFC 8391 section 2.5).
const ONE_TIME: u32 = 0;
const COMPRESSION: u32 = 1;
const TREE: u32 = 2;

/// A public key.
pub(super) struct Xmss<'a> {
    /// The number of its parameter set.
    pub(super) number: u32,
    hasher: Hasher,
    /// Of all trees together.
    height: u32,
    layers: u32,
    root: &'a [u8],
    seed: &'a [u8],
}

/// The hash functions of the registry of XMSS, each of which has three heights.
const HASHERS: [Hasher; 7] = [
    Hasher::Sha256 { len: 32 },
    Hasher::Sha512,
    Hasher::Shake128,
    Hasher::Shake256 { len: 64 },
    Hasher::Sha256 { len: 24 },
    Hasher::Shake256 { len: 32 },
    Hasher::Shake256 { len: 24 },
];
/// Heights and layers of XMSS^MT, for each hash function.
const LAYERED: [(u32, u32); 8] = [(20, 2), (20, 4), (40, 2), (40, 4), (40, 8), (60, 3), (60, 6), (60, 12)];

impl<'a> Xmss<'a> {
    /// A public key of exactly these bytes, of one tree or (`layered`) of layers of them.
    pub(super) fn parse(bytes: &'a [u8], layered: bool) -> Option<Self> {
        let mut fields = Fields(bytes);
        let number = fields.word()?;
        let at = number.checked_sub(1)? as usize;
        let (hasher, (height, layers)) = if layered {
            (*HASHERS.get(at / LAYERED.len())?, LAYERED[at % LAYERED.len()])
        } else {
            (*HASHERS.get(at / 3)?, ([10, 16, 20][at % 3], 1))
        };
        let (root, seed) = (fields.take(hasher.len())?, fields.take(hasher.len())?);
        fields.is_empty().then_some(Self { number, hasher, height, layers, root, seed })
    }

    /// Whether it's a signature (RFC 8391 algorithms 14 and 17); `None` for what can't be one.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Option<bool> {
        let (len, per_layer) = (self.hasher.len(), self.height / self.layers);
        let mut fields = Fields(signature);
        let index_len = if self.layers == 1 { 4 } else { self.height.div_ceil(8) as usize };
        let index = fields.take(index_len)?.iter().fold(0_u64, |index, byte| index << 8 | u64::from(*byte));
        if index >> self.height != 0 {
            return None;
        }
        let randomizer = fields.take(len)?;
        let mut place = vec![0; len];
        place[len - 8..].copy_from_slice(&index.to_be_bytes());
        let mut node = self.keyed(2, &[randomizer, self.root, &place, message]);
        let mut tree = index;
        for layer in 0..self.layers {
            let leaf = (tree & ((1 << per_layer) - 1)) as u32;
            tree >>= per_layer;
            let chains = fields.take((2 * len + CHECKSUM) * len)?;
            let path = fields.take(per_layer as usize * len)?;
            let address = Address::of(layer, tree);
            node = self.root_of(address, leaf, chains, path, &node);
        }
        fields.is_empty().then(|| node == self.root)
    }

    /// The root that one layer of a signature is right for (RFC 8391 algorithm 13).
    fn root_of(&self, address: Address, leaf: u32, chains: &[u8], path: &[u8], message: &[u8]) -> Vec<u8> {
        let mut node = self.compressed(
            address.kind(COMPRESSION).word(4, leaf),
            self.one_time_key(address.kind(ONE_TIME).word(4, leaf), chains, message),
        );
        let mut index = leaf;
        for (height, other) in (0..).zip(path.chunks_exact(self.hasher.len())) {
            let (left, right) = if index.is_multiple_of(2) { (&node[..], other) } else { (other, &node[..]) };
            index /= 2;
            node = self.joined(address.kind(TREE).word(5, height).word(6, index), left, right);
        }
        node
    }

    /// The one-time public key that the signature is right for (RFC 8391 algorithm 6).
    fn one_time_key(&self, address: Address, chains: &[u8], message: &[u8]) -> Vec<Vec<u8>> {
        let mut digits: Vec<u16> =
            message.iter().flat_map(|byte| [u16::from(byte >> 4), u16::from(byte & 15)]).collect();
        let sum: u16 = digits.iter().map(|digit| DIGITS - 1 - digit).sum();
        digits.extend([sum >> 8 & 15, sum >> 4 & 15, sum & 15]);
        let starts = chains.chunks_exact(self.hasher.len());
        let end = |((chain, start), digit): ((u32, &[u8]), u16)| {
            (digit..DIGITS - 1).fold(start.to_vec(), |value, step| {
                let address = address.word(5, chain).word(6, u32::from(step));
                let (key, mask) = (self.random(address, 0), self.random(address, 1));
                self.keyed(0, &[&key, &masked(&value, &mask)])
            })
        };
        (0..).zip(starts).zip(digits).map(end).collect()
    }

    /// The root of an L-tree (RFC 8391 algorithm 8).
    fn compressed(&self, address: Address, mut nodes: Vec<Vec<u8>>) -> Vec<u8> {
        for height in 0.. {
            if nodes.len() == 1 {
                break;
            }
            let pair = |(index, pair): (u32, &[Vec<u8>])| match pair {
                [left, right] => self.joined(address.word(5, height).word(6, index), left, right),
                // The last of an odd number moves up as it is.
                other => other.concat(),
            };
            nodes = (0..).zip(nodes.chunks(2)).map(pair).collect();
        }
        nodes.concat()
    }

    /// RFC 8391 algorithm 7.
    fn joined(&self, address: Address, left: &[u8], right: &[u8]) -> Vec<u8> {
        let [key, mask, other] = [0, 1, 2].map(|part| self.random(address, part));
        self.keyed(1, &[&key, &masked(left, &mask), &masked(right, &other)])
    }

    /// A key or a mask for an address.
    fn random(&self, address: Address, part: u32) -> Vec<u8> {
        self.keyed(3, &[self.seed, &address.word(7, part).0])
    }

    /// The hash with its domain separator, which is as long as the hash, or four bytes for short ones (SP 800-208 section
    /// 5).
    fn keyed(&self, separator: u8, parts: &[&[u8]]) -> Vec<u8> {
        let len = if self.hasher.len() == 24 { 4 } else { self.hasher.len() };
        let mut padded = vec![0; len];
        padded[len - 1] = separator;
        self.hasher.hash(&[&[padded.as_slice()], parts].concat())
    }
}

/// The address of a hash, eight words.
#[derive(Clone, Copy)]
struct Address([u8; 32]);

impl Address {
    fn of(layer: u32, tree: u64) -> Self {
        Self([0; 32]).word(0, layer).word(1, (tree >> 32) as u32).word(2, tree as u32)
    }

    fn kind(self, kind: u32) -> Self {
        self.word(3, kind)
    }

    fn word(mut self, at: usize, value: u32) -> Self {
        self.0[4 * at..][..4].copy_from_slice(&value.to_be_bytes());
        self
    }
}

fn masked(bytes: &[u8], mask: &[u8]) -> Vec<u8> {
    bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}
