//! Faults that are planted, to see whether the simulator finds them.

/// Something that goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A node that catches up misses a record.
    SkipOnHeal,
    /// A node isn't told of the deletion of an object.
    ForgetDeletion,
    /// A node isn't told of a logout.
    ForgetLogout,
    /// A commit is acknowledged, and isn't in the store.
    LoseCommit,
    /// A number for token objects is given out again.
    HandleTwice,
    /// A count of wrong passwords goes back to 0 by itself.
    ResetCount,
    /// An object that was deleted comes back.
    Resurrect,
    /// A record is written that nobody asked for.
    WriteUnasked,
    /// A note of what a node missed vanishes, so that users catch up by themselves.
    ForgetLag,
    /// A node counts as connected although it's cut off.
    FalseConnection,
    /// A quorum token that was used is there again.
    TokenAgain,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::SkipOnHeal,
        Self::ForgetDeletion,
        Self::ForgetLogout,
        Self::LoseCommit,
        Self::HandleTwice,
        Self::ResetCount,
        Self::Resurrect,
        Self::WriteUnasked,
        Self::ForgetLag,
        Self::FalseConnection,
        Self::TokenAgain,
    ];
}
