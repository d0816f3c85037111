//! The front over real sockets, with operations in memory behind it.

mod access;
mod bad_input;
mod cbor;
mod echo;
mod hostile;
mod http;
mod json;
mod pages;
mod random;
mod repeats;
mod samples;
