//! Secrets stay where they belong: neither disk, nor logs, nor the memory of who is done with them has them.

mod client;
mod cores;
mod daemon;
mod files;
mod keys;
mod scan;
