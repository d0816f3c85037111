//! Messages between client and node, their encoding, and the transports.
