//! The AWS API by real clients: boto3, Debian's `awscli` and the crate `aws-sdk-cloudhsmv2`.
//!
//! What each wire protocol does with every single member is in `crates/control-plane/tests`, where the operations in memory
//! are from, too.

mod aws_cli;
mod boto3;
#[expect(dead_code, reason = "what it remembers is for the tests it's from")]
#[path = "../../../crates/control-plane/tests/wire/echo.rs"]
mod echo;
mod exceptions;
mod members;
mod rust_sdk;
mod service;
mod terraform;
