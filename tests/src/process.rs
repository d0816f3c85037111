//! What processes hold: memory, descriptors, threads. Read from `/proc`.

use std::fs;

/// Resident memory in bytes.
///
/// # Panics
///
/// When there is no such process.
#[track_caller]
pub fn memory(pid: u32) -> u64 {
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    let status = status(pid);
    let resident = status.lines().find(|line| line.starts_with("VmRSS:")).and_then(kib);
    resident.expect("a size in kB") * 1024
}

/// How many threads there are.
///
/// # Panics
///
/// When there is no such process.
#[track_caller]
pub fn threads(pid: u32) -> usize {
    count(&format!("/proc/{pid}/task"))
}

/// How many descriptors are open.
///
/// # Panics
///
/// When there is no such process.
#[track_caller]
pub fn descriptors(pid: u32) -> usize {
    count(&format!("/proc/{pid}/fd"))
}

/// What `/proc` says of the process's state.
///
/// # Panics
///
/// When there is no such process.
#[track_caller]
pub fn status(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_else(|error| panic!("process {pid}: {error}"))
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder}: {error}")).count()
}
