//! The PKCS#11 module: C ABI, sessions and operations.
