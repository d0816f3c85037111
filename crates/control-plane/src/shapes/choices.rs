//! Members that are one of a few words.

use serde::{Deserialize, Serialize};

/// An enum of words, with their text on the wire.
macro_rules! choices {
    ($($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// All of them, as text.
            pub const TEXTS: &'static [&'static str] = &[$($text,)+];

            /// As text.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(format!("{text:?} is none of {}", Self::TEXTS.join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }
    )+};
}

choices! {
    /// Where a cluster is in its life.
    ClusterState {
        /// Being made.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// Waits for its first HSM and the customer's certificates.
        Uninitialized = "UNINITIALIZED",
        /// Takes the certificates.
        InitializeInProgress = "INITIALIZE_IN_PROGRESS",
        /// Waits for the first officer's password.
        Initialized = "INITIALIZED",
        /// In use.
        Active = "ACTIVE",
        /// HSMs come or go.
        UpdateInProgress = "UPDATE_IN_PROGRESS",
        /// Changes its HSM type.
        ModifyInProgress = "MODIFY_IN_PROGRESS",
        /// Changes its HSM type back.
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        /// Being deleted.
        DeleteInProgress = "DELETE_IN_PROGRESS",
        /// Gone.
        Deleted = "DELETED",
        /// An HSM doesn't answer.
        Degraded = "DEGRADED",
    }
    /// Where an HSM is in its life.
    HsmState {
        /// Being made.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// In use.
        Active = "ACTIVE",
        /// Doesn't answer.
        Degraded = "DEGRADED",
        /// Being deleted.
        DeleteInProgress = "DELETE_IN_PROGRESS",
        /// Gone.
        Deleted = "DELETED",
    }
    /// Where a backup is in its life.
    BackupState {
        /// Being made.
        CreateInProgress = "CREATE_IN_PROGRESS",
        /// Can be used.
        Ready = "READY",
        /// Gone.
        Deleted = "DELETED",
        /// Goes in some days, unless it's restored.
        PendingDeletion = "PENDING_DELETION",
    }
    /// Which algorithms a cluster allows.
    ClusterMode {
        /// Those that FIPS 140 allows.
        Fips = "FIPS",
        /// All that CloudHSM has.
        NonFips = "NON_FIPS",
    }
    /// The kind of HSM. The model allows other texts; CloudHSM has these.
    HsmType {
        /// The first: FIPS mode only.
        Hsm1Medium = "hsm1.medium",
        /// The second: either mode.
        Hsm2mMedium = "hsm2m.medium",
    }
    /// The addresses of HSMs.
    NetworkType {
        /// Version 4 only.
        Ipv4 = "IPV4",
        /// Versions 4 and 6.
        Dualstack = "DUALSTACK",
    }
    /// When backups are made.
    BackupPolicy {
        /// As CloudHSM makes them.
        Default = "DEFAULT",
    }
    /// The unit of a retention's value.
    BackupRetentionType {
        /// Days.
        Days = "DAYS",
    }
}
