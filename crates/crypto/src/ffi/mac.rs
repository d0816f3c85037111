//! Digests and message authentication codes.
