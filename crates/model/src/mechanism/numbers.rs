//! The numbers of mechanisms: the standard's, and those of the vendor whose clusters are modelled here.

pub(super) use cryptoki_sys::*;
