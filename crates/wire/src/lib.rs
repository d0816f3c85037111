//! What a client and a node say to each other: messages, their encoding in frames, and the transport.
//!
//! A connection carries one [`Hello`], answered by a [`Welcome`], then any number of
//! [`Envelope`]s, each answered by a [`Reply`], in order and with its number ([`Numbered`]). A client may send several before it reads; those that are
//! there together are answered together, unless one takes long. One request is one write and one read on either side.

#![forbid(unsafe_code)]

mod frame;
mod mailbox;
mod message;
mod nature;
mod quorum;
mod reply;
mod request;
mod stream;

pub use frame::{Frames, decode, encode, encode_secret, renumber};
pub use mailbox::{CAPACITY, Mailbox, Manner};
pub use message::{
    Attach, Availability, ClusterInfo, Envelope, Hello, InstanceId, Member, Numbered, PROTOCOL, Ticket,
    Welcome,
};
pub use quorum::{
    Approval, ChallengeKind, Extras, OwnKey, Ownership, QuorumSettings, QuorumTokenInfo, Signature,
    SignedChallenge,
};
pub use reply::{Answer, Found, MechanismEntry, Reply, Response, Standing, TrustAnchorInfo, UserInfo};
pub use request::{Login, Operation, Request, StreamKind};
pub use stream::{CONNECT_LIMIT, Stream};
