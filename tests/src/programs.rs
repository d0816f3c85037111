//! Small programs in C and Python that do to the module what only a whole process can: fork, exit, unload it.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_testkit::{Background, Cluster, DEFAULT_TIMEOUT, Finished, run, run_any};

/// A program in C, built from `tests/programs/NAME.c` into a folder.
///
/// # Panics
///
/// When it can't be built.
#[track_caller]
pub fn build(name: &str, folder: &Path) -> PathBuf {
    let built = folder.join(name);
    let mut compiler = Command::new(crate::program("gcc", "gcc"));
    compiler.args(["-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&built);
    run(compiler.arg(source(&format!("{name}.c"))).arg("-ldl"));
    built
}

/// A program in Python, `tests/programs/NAME.py`.
#[track_caller]
pub fn python(name: &str) -> Command {
    let mut command = Command::new(crate::program("python3", "python3"));
    command.arg(source(&format!("{name}.py")));
    command
}

/// Runs a program with a scenario, in an environment that names module and PIN, and panics unless it succeeds.
///
/// # Panics
///
/// When it fails or takes too long.
#[track_caller]
pub fn play(cluster: &Cluster, program: &Path, scenario: &str) -> Finished {
    let ended = run_any(&mut prepare(cluster, program, scenario));
    assert!(ended.success(), "{scenario}: {}", ended.report());
    // What the module has to say, it says only when it's asked by STRONGROOM_LOG.
    assert_eq!(ended.stderr(), "", "{scenario}: {}", ended.report());
    ended
}

/// A program that's about to be run with a scenario.
pub fn prepare(cluster: &Cluster, program: &Path, scenario: &str) -> Command {
    let mut command = cluster.command(program);
    command.env("MODULE", cluster.module()).env("PIN", cluster.pin()).arg(scenario);
    command
}

/// A program that runs beside the test and speaks with it, a line at a time.
#[derive(Debug)]
pub struct Partner {
    program: Background,
    input: PipeWriter,
    output: BufReader<PipeReader>,
}

impl Partner {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it can't be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let (stdin, input) = pipe().expect("a pipe");
        let (output, stdout) = pipe().expect("a pipe");
        let program = Background::start(command.stdin(stdin).stdout(stdout));
        // The command holds the program's ends of the pipes; without them, its end can be heard.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        Self { program, input, output: BufReader::new(output) }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Says a line to it.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("a program that hears");
    }

    /// What it says next, without the line's end; `None` when it has closed its output.
    ///
    /// # Panics
    ///
    /// When that isn't text.
    #[track_caller]
    pub fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        let len = self.output.read_line(&mut line).expect("a line of text");
        (len > 0).then(|| line.trim_end().to_owned())
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it fails.
    #[track_caller]
    pub fn end(mut self) {
        let status = self.program.wait(DEFAULT_TIMEOUT);
        assert!(status.success(), "{status}");
    }
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(file)
}

/// Plays a program that says when it's ready and, once its daemon was killed and started again, is told to go on.
///
/// # Panics
///
/// When it doesn't say so, or fails.
#[track_caller]
pub fn play_across_a_restart(cluster: &mut Cluster, command: &mut Command) {
    let mut client = Partner::start(command);
    assert_eq!(client.hear().as_deref(), Some("ready"));
    cluster.kill();
    cluster.start_again();
    client.say("go on");
    client.end();
}
