//! Strangers on the nodes' sockets: they send garbage, promise and don't keep, stop in the middle, come in
//! masses. Their connections are dropped, and nobody else notices.

mod death;
mod flood;
mod garbage;
mod wire;
