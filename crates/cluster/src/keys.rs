//! What records are found by in the store: one letter for the kind, then what tells them apart.

use strongroom_model::{Handle, NodeId, Role, UserName};
use strongroom_node::state::Key;
use strongroom_wire::InstanceId;

/// What the cluster is; written once.
pub(crate) const META: &[u8] = b"m/meta";
/// How often it has started.
pub(crate) const BOOTS: &[u8] = b"m/boots";
/// The first number that no token object may have yet.
pub(crate) const HANDLES: &[u8] = b"m/handles";
/// Which nodes it has.
pub(crate) const MEMBERS: &[u8] = b"m/members";
/// There while a cluster is made from a backup, and isn't one yet.
pub(crate) const RESTORING: &[u8] = b"m/restoring";
/// What all the other records come to.
pub(crate) const STATE: &[u8] = b"m/state";

/// The key of a node's record.
pub(crate) fn encode(key: &Key) -> Vec<u8> {
    match key {
        Key::Policy => b"p".to_vec(),
        Key::User(role, name) => [&[b'u', letter(*role)], name.as_str().as_bytes()].concat(),
        Key::Object(handle) => [b"o".as_slice(), &handle.0.to_be_bytes()].concat(),
        Key::Revocation(instance) => [b"x".as_slice(), &instance.0].concat(),
        Key::Token(id) => [b"q".as_slice(), id].concat(),
        Key::Identity => b"i".to_vec(),
        Key::ClientTrust => b"t".to_vec(),
        Key::Failures(node, role, name) => {
            [b"f".as_slice(), &node.0.to_be_bytes(), &[letter(*role)], name.as_str().as_bytes()].concat()
        }
    }
}

const fn letter(role: Role) -> u8 {
    match role {
        Role::Admin => b'a',
        Role::CryptoUser => b'c',
        Role::UnactivatedAdmin => b'p',
        Role::Appliance => b's',
    }
}

fn user(letter: u8, name: &[u8]) -> Option<(Role, UserName)> {
    let role = match letter {
        b'a' => Role::Admin,
        b'c' => Role::CryptoUser,
        b'p' => Role::UnactivatedAdmin,
        b's' => Role::Appliance,
        _ => return None,
    };
    Some((role, str::from_utf8(name).ok()?.parse().ok()?))
}

/// The reverse; `None` for what isn't the key of a node's record.
pub(crate) fn decode(bytes: &[u8]) -> Option<Key> {
    match bytes {
        b"p" => Some(Key::Policy),
        b"i" => Some(Key::Identity),
        b"t" => Some(Key::ClientTrust),
        [b'u', role, name @ ..] => {
            let (role, name) = user(*role, name)?;
            Some(Key::User(role, name))
        }
        [b'o', handle @ ..] => Some(Key::Object(Handle(u64::from_be_bytes(handle.try_into().ok()?)))),
        [b'x', instance @ ..] => Some(Key::Revocation(InstanceId(instance.try_into().ok()?))),
        [b'q', id @ ..] => Some(Key::Token(id.try_into().ok()?)),
        [b'f', high, low, role, name @ ..] => {
            let (role, name) = user(*role, name)?;
            Some(Key::Failures(NodeId(u16::from_be_bytes([*high, *low])), role, name))
        }
        _ => None,
    }
}

/// What kind of record a key is for, in words for a message.
pub(crate) fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        META => "the cluster's own record",
        BOOTS => "the count of starts",
        HANDLES => "the count of handles",
        MEMBERS => "the list of nodes",
        RESTORING => "the mark of a restore that hasn't ended",
        STATE => "the record of the cluster's state",
        [b'p', ..] => "the policy",
        [b'u', b'a', ..] => "a crypto officer's record",
        [b'u', ..] => "a crypto user's record",
        [b'o', ..] => "a token object's record",
        [b'x', ..] => "a logout's record",
        [b'q', ..] => "a quorum token's record",
        [b'f', ..] => "a node's count of wrong passwords",
        b"i" => "the record of the cluster's key and certificates",
        b"t" => "the record of the clients that are accepted",
        [b'l', ..] => "the note of what a node missed",
        _ => "a record of a kind that isn't known",
    }
}

/// The key of the note of what a node has in the place of a record.
pub(crate) fn encode_lag(node: NodeId, key: &Key) -> Vec<u8> {
    [b"l".as_slice(), &node.0.to_be_bytes(), &encode(key)].concat()
}

/// The reverse.
pub(crate) fn decode_lag(bytes: &[u8]) -> Option<(NodeId, Key)> {
    let [b'l', high, low, key @ ..] = bytes else { return None };
    Some((NodeId(u16::from_be_bytes([*high, *low])), decode(key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_and_nothing_else_is_one() {
        let name = || "app".parse().unwrap();
        let keys = [
            Key::Policy,
            Key::Identity,
            Key::ClientTrust,
            Key::User(Role::Admin, name()),
            Key::User(Role::CryptoUser, name()),
            Key::Object(Handle(0x0102_0304_0506_0708)),
            Key::Revocation(InstanceId([7; 16])),
            Key::Token([8; 32]),
            Key::Failures(NodeId(300), Role::Admin, name()),
        ];
        for key in keys {
            let bytes = encode(&key);
            assert_eq!((decode(&bytes), decode_lag(&bytes)), (Some(key.clone()), None));
            assert!(!kind(&bytes).contains("isn't known"));
            let lag = encode_lag(NodeId(513), &key);
            assert_eq!((decode_lag(&lag), decode(&lag)), (Some((NodeId(513), key)), None));
            assert!(!kind(&lag).contains("isn't known"));
        }
        for bytes in
            [META, BOOTS, HANDLES, MEMBERS, STATE, b"", b"pp", b"ua", b"uzapp", b"uaA B", b"o1234567", b"x"]
        {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
