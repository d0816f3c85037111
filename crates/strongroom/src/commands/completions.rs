//! `strongroom completions`.

use clap_complete::{Shell, generate};

use crate::args;
use crate::output::Output;

/// Writes what a shell reads to complete our commands.
pub(crate) fn run(shell: Shell) -> Output {
    let mut script = Vec::new();
    generate(shell, &mut args::command(), "strongroom", &mut script);
    Output::Text(String::from_utf8_lossy(&script).into_owned())
}
