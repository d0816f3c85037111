//! Block ciphers and authenticated encryption.
