//! `strongroom interactive`.

use std::io::{self, IsTerminal};

use clap::error::ErrorKind;
use zeroize::Zeroizing;

use crate::args::{self, Command, Interactive};
use crate::output::{self, Failure, Output, Style};
use crate::password;
use crate::session::Desk;
use crate::shell::{Grammar, Lines, split};

/// Carries out commands, one a line, until `quit` or the end of the input. A line that begins with # is a comment.
pub(crate) fn run(arguments: &Interactive) -> Result<Output, Failure> {
    let grammar = Grammar::new(&arguments.place);
    let mut lines = Lines::new(&grammar)?;
    let desk = Desk::of_many_commands();
    let style = if lines.are_typed() && io::stdout().is_terminal() { Style::Broad } else { Style::Line };
    let mut success = true;
    while let Some(line) = lines.next()? {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        // Before anything can go wrong with the command: its password mustn't be taken for the next one.
        let words = split(&line);
        if !lines.are_typed() && words.as_ref().is_ok_and(|words| takes_password(words)) {
            password::feed(Some(password::next_line()?));
        }
        let outcome = match words.and_then(|words| command(&grammar, &words)) {
            Ok(Some(Command::Quit)) => break,
            Ok(Some(command)) => carry_out(&desk, command),
            Ok(None) => Ok(Output::Silence),
            Err(failure) => Err(failure),
        };
        password::feed(None);
        success &= output::print(outcome, style);
    }
    Ok(Output::Ended { success })
}

/// The command of a line; `None` if it asked for help, and got it.
fn command(grammar: &Grammar, words: &[Zeroizing<String>]) -> Result<Option<Command>, Failure> {
    match grammar.parse(words) {
        Ok(command) => Ok(Some(command)),
        Err(error) if is_help(error.kind()) => {
            output::print(Ok(Output::Text(error.render().to_string())), Style::Line);
            Ok(None)
        }
        Err(error) => {
            let names = args::names_in(grammar.tree(), words.iter().map(|word| word.as_str()));
            Err(output::misunderstood(&error.to_string(), ["help", &names].join(" ").trim_end()))
        }
    }
}

/// Whether a password is on the next line.
fn takes_password(words: &[Zeroizing<String>]) -> bool {
    words.windows(2).any(|pair| pair[0].ends_with("password") && *pair[1] == "-")
        || words.iter().any(|word| word.ends_with("password=-"))
}

const fn is_help(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
}

fn carry_out(desk: &Desk, command: Command) -> Result<Output, Failure> {
    let name = match &command {
        Command::Up(_) => "up",
        Command::Down(_) => "down",
        Command::Serve(_) => "serve",
        Command::Interactive(_) => "interactive",
        _ => return super::run(desk, command),
    };
    Err(Failure::new(format!("`{name}` isn't for interactive mode: say  quit, then  strongroom {name}")))
}
