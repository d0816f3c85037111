//! Benchmarks: criterion, and side by side with SoftHSM.
