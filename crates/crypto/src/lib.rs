//! Algorithms over key material, one module per family.
