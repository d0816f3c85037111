//! How the ends sleep.

/// How who waits for a parcel sleeps. Who is woken by a futex runs wherever there's room at the moment; who is woken by a
/// socket, where the waker does, since the system expects that one to sleep now. The former is cheaper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// To be woken cheaply.
    #[default]
    Anywhere,
    /// To run where the waker does: best for callers who aren't more than the cores.
    NearWaker,
}

impl Manner {
    pub(super) const fn to_word(self) -> u32 {
        match self {
            Self::Anywhere => 0,
            Self::NearWaker => 1,
        }
    }

    /// What isn't known is the first.
    pub(super) const fn of_word(word: u32) -> Self {
        match word {
            1 => Self::NearWaker,
            _ => Self::Anywhere,
        }
    }
}
