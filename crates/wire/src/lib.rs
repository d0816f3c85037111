//! What a client and a node say to each other: messages, their encoding in frames, and the transport.
//!
//! A connection carries one [`Hello`], answered by a [`Welcome`], then any number of
//! [`Envelope`]s, each answered by a [`Reply`] before the next is read. One request is one write
//! and one read on either side.

#![forbid(unsafe_code)]

mod frame;
mod message;
mod stream;

pub use frame::{Frames, decode, encode, encode_secret};
pub use message::{
    Answer, Attach, ClusterInfo, Envelope, Found, Hello, InstanceId, Login, MechanismEntry, Member,
    Operation, PROTOCOL, Reply, Request, Response, StreamKind, Ticket, UserInfo, Welcome,
};
pub use stream::Stream;
