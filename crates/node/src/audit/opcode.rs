//! The opcodes: one row each.
//!
//! Names are the vendor's (cloudhsm.md 9), and so are the numbers below 0x5000 and `CN_END_MARKER_OPCODE`'s. Commands
//! whose number the vendor doesn't publish have ours, from 0x5000; commands that only Strongroom has, from 0x5100, with
//! names that begin with `SR_`.

/// What a command is called in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opcode {
    /// Its name.
    pub name: &'static str,
    /// Its number.
    pub number: u16,
    /// The category of the command.
    pub command: CommandType,
    /// Which further fields its events have.
    pub log: LogType,
}

/// The category of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandType {
    /// `CN_MGMT_CMD`: what users manage.
    Management,
    /// `CN_CERT_AUTH_CMD`: what nodes do among themselves to become clones.
    CertificateAuthentication,
}

impl CommandType {
    /// The vendor's name and number.
    pub const fn label(self) -> (&'static str, u8) {
        match self {
            Self::Management => ("CN_MGMT_CMD", 0x0),
            Self::CertificateAuthentication => ("CN_CERT_AUTH_CMD", 0x9),
        }
    }
}

/// Which fields an event has beyond those of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogType {
    /// None.
    Minimal,
    /// The handles of keys.
    Keys,
    /// A user's name and type.
    User,
    /// A sentence; used for what the log says of itself.
    Generic,
    /// What the vendor has no name for: sharing. Here it has the key's handle and the user's name and type.
    Unknown,
}

impl LogType {
    /// The vendor's name and number (of `GENERIC_LOG` it publishes none; 3 is ours).
    pub const fn label(self) -> (&'static str, u8) {
        match self {
            Self::Minimal => ("MINIMAL_LOG_ENTRY", 0),
            Self::Keys => ("MGMT_KEY_DETAILS_LOG", 1),
            Self::User => ("MGMT_USER_DETAILS_LOG", 2),
            Self::Generic => ("GENERIC_LOG", 3),
            Self::Unknown => ("UNKNOWN_LOG_TYPE", 5),
        }
    }
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $constant:ident = $name:ident $number:literal $log:ident;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Opcode = Opcode {
                name: stringify!($name),
                number: $number,
                command: CommandType::Management,
                log: LogType::$log,
            };
        )*

        /// All of them.
        pub const ALL: &[Opcode] = &[$($constant),*];
    };
}

opcodes! {
    /// A cluster's first node is initialised, or `C_InitToken` empties the token.
    INIT_TOKEN = CN_INIT_TOKEN 0x1 Minimal;
    /// A crypto user is made.
    CREATE_USER = CN_CREATE_USER 0x3 User;
    /// A crypto officer is made.
    CREATE_CO = CN_CREATE_CO 0x4 User;
    /// A password is changed.
    CHANGE_PSWD = CN_CHANGE_PSWD 0x9 User;
    /// A user logs in, or comes to this node with the login that another node granted.
    LOGIN = CN_LOGIN 0xd User;
    /// A user logs out here.
    LOGOUT = CN_LOGOUT 0xe User;
    /// An object is destroyed.
    DESTROY_OBJECT = CN_DESTROY_OBJECT 0x11 Keys;
    /// A key is shared, or no longer.
    SHARE_OBJECT = CN_SHARE_OBJECT 0x12 Unknown;
    /// A secret key is generated.
    GENERATE_KEY = CN_GENERATE_KEY 0x17 Keys;
    /// A key pair is generated.
    GENERATE_KEY_PAIR = CN_GENERATE_KEY_PAIR 0x19 Keys;
    /// A key is wrapped.
    WRAP_KEY = CN_WRAP_KEY 0x1a Keys;
    /// A key is unwrapped.
    UNWRAP_KEY = CN_UNWRAP_KEY 0x1b Keys;
    /// The first node makes the key that passwords are encrypted with.
    GEN_PSWD_ENC_KEY = CN_GEN_PSWD_ENC_KEY 0x1d Minimal;
    /// The AES key that a key was wrapped or unwrapped with.
    NIST_AES_WRAP = CN_NIST_AES_WRAP 0x1e Keys;
    /// The first node is initialised.
    INIT_DONE = CN_INIT_DONE 0x95 Minimal;
    /// A user is deleted.
    DELETE_USER = CN_DELETE_USER 0xa1 User;
    /// A new token object leaves the node that made it, masked, for the others; or one leaves for a clone of the cluster.
    EXTRACT_MASKED_OBJECT_USER = CN_EXTRACT_MASKED_OBJECT_USER 0xf0 Keys;
    /// A token object that another node made arrives; or one of another cluster, of which this is a clone.
    INSERT_MASKED_OBJECT_USER = CN_INSERT_MASKED_OBJECT_USER 0xf1 Keys;
    /// The first node makes the appliance user.
    CREATE_APPLIANCE_USER = CN_CREATE_APPLIANCE_USER 0xfc User;
    /// The node is removed from its cluster: the stream's end.
    END_MARKER_OPCODE = CN_END_MARKER_OPCODE 0xffff Minimal;

    /// A program ended without logging out.
    APP_FINALIZE = CN_APP_FINALIZE 0x5000 User;
    /// A forked child ended without logging out; the program goes on.
    CLOSE_SESSION = CN_CLOSE_SESSION 0x5001 User;
    /// The number of approvals that a service needs is set.
    SET_M_VALUE = CN_SET_M_VALUE 0x5002 Minimal;
    /// A quorum token is asked for.
    GET_TOKEN = CN_GET_TOKEN 0x5003 Minimal;
    /// A signature of an approver was presented, in favour of the next event of the session.
    APPROVE_TOKEN = CN_APPROVE_TOKEN 0x5004 User;
    /// Quorum tokens are deleted.
    DELETE_TOKEN = CN_DELETE_TOKEN 0x5005 Minimal;
    /// An object is made of what the caller gives: an import in the clear.
    CREATE_OBJECT = CN_CREATE_OBJECT 0x5006 Keys;
    /// Attributes are changed, or a session object becomes a token object.
    MODIFY_OBJECT = CN_MODIFY_OBJECT 0x5007 Keys;
    /// A key is derived.
    DERIVE_KEY = CN_DERIVE_KEY 0x5008 Keys;
    /// A later node begins to take over its cluster's state.
    RESTORE_BEGIN = CN_RESTORE_BEGIN 0x5009 Minimal;
    /// It has it.
    RESTORE_END = CN_RESTORE_END 0x500a Minimal;
    /// All objects and users of the cluster were destroyed by another node.
    ZEROIZE = CN_ZEROIZE 0x500b Minimal;

    /// An object is copied.
    COPY_OBJECT = SR_COPY_OBJECT 0x5100 Keys;
    /// A user registers a key to approve with.
    REGISTER_APPROVER = SR_REGISTER_APPROVER 0x5101 User;
    /// A second factor is set or taken away.
    CHANGE_MFA = SR_CHANGE_MFA 0x5102 User;
    /// The lifetimes of quorum tokens are set.
    SET_TOKEN_TIMEOUT = SR_SET_TOKEN_TIMEOUT 0x5103 Minimal;
    /// A user is brought to the nodes that missed changes of it.
    REPLICATE_USER = SR_REPLICATE_USER 0x5104 User;
    /// A certificate is registered that clients' certificates may come from.
    REGISTER_TRUST_ANCHOR = SR_REGISTER_TRUST_ANCHOR 0x5105 Minimal;
    /// One of these is taken away.
    DEREGISTER_TRUST_ANCHOR = SR_DEREGISTER_TRUST_ANCHOR 0x5106 Minimal;
    /// Whether clients must have a certificate is set.
    SET_MTLS_ENFORCEMENT = SR_SET_MTLS_ENFORCEMENT 0x5107 Minimal;
    /// A user leaves for a clone of the cluster, masked.
    EXTRACT_MASKED_USER = SR_EXTRACT_MASKED_USER 0x5108 User;
    /// Failures of clients that nobody is logged in on were too many to be told one by one.
    FAILURES_OMITTED = SR_FAILURES_OMITTED 0x51fe Generic;
    /// What the node found of its log when it started wasn't what it had written.
    LOG_DAMAGED = SR_LOG_DAMAGED 0x51ff Generic;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_page_has_the_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-log.md");
        let page = std::fs::read_to_string(page).unwrap();
        for opcode in ALL {
            let row = format!("| `{}` | {:#x} | {} |", opcode.name, opcode.number, opcode.log.label().0);
            assert!(page.contains(&row), "docs/audit-log.md lacks {row}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `CN_") || line.starts_with("| `SR_"));
        assert_eq!(rows.count(), ALL.len());
    }

    #[test]
    fn names_and_numbers_are_unique_and_ours_are_in_our_range() {
        let names: HashSet<_> = ALL.iter().map(|opcode| opcode.name).collect();
        let numbers: HashSet<_> = ALL.iter().map(|opcode| opcode.number).collect();
        assert_eq!((names.len(), numbers.len()), (ALL.len(), ALL.len()));
        for opcode in ALL {
            let ours = opcode.name.starts_with("SR_");
            assert!(ours || opcode.name.starts_with("CN_"), "{}", opcode.name);
            assert_eq!(ours, (0x5100..0x5200).contains(&opcode.number), "{}", opcode.name);
        }
    }
}
