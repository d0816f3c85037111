//! AES in its modes.
