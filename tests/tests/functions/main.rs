//! The functions of PKCS#11 3.2 beyond those that every client calls: what each does, and how it refuses.

#[allow(dead_code, reason = "bad input takes more of it")]
#[path = "../bad_input/table.rs"]
mod table;

mod built_in;
mod client;
mod documented;
mod dual;
mod events;
mod forks;
mod interfaces;
mod logins;
mod messages;
mod other_ciphers;
mod recovery;
mod state;
mod verification;
mod wrapping;
