//! What may come next on a line.

use std::borrow::Cow;

use clap::builder::ValueHint;
use rustyline::Context;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;

use super::grammar::Grammar;

/// Completes commands, options, values that are known, and names of files.
pub(crate) struct Assistant {
    grammar: Grammar,
    files: FilenameCompleter,
}

/// What may come next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// One of these.
    Words(Vec<String>),
    /// A file.
    File,
}

impl Assistant {
    pub(super) fn new(grammar: Grammar) -> Self {
        Self { grammar, files: FilenameCompleter::new() }
    }
}

/// What may stand where the last word begins.
fn next(tree: &clap::Command, before: &[&str], begun: &str) -> Next {
    let mut command = tree;
    let mut option: Option<&clap::Arg> = None;
    for word in before {
        if let Some(name) = word.strip_prefix("--") {
            option =
                command.get_arguments().find(|arg| is_called(arg, name) && arg.get_action().takes_values());
        } else if let Some(inner) = command.find_subcommand(word) {
            (command, option) = (inner, None);
        } else if option.is_some_and(|arg| arg.get_num_args().is_none_or(|range| range.max_values() <= 1)) {
            option = None;
        }
    }
    if let Some(arg) = option.filter(|_| !begun.starts_with('-')) {
        if matches!(arg.get_value_hint(), ValueHint::FilePath | ValueHint::AnyPath | ValueHint::DirPath) {
            return Next::File;
        }
        let values: Vec<String> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_string()).collect();
        if !values.is_empty() {
            return Next::Words(values);
        }
    }
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long);
    let words: Vec<String> = if begun.starts_with('-') {
        options.map(|long| format!("--{long}")).collect()
    } else {
        let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        inner.map(|inner| inner.get_name().to_string()).collect()
    };
    Next::Words(words)
}

fn is_called(arg: &clap::Arg, name: &str) -> bool {
    arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..at];
        let start = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let before: Vec<&str> = typed[..start].split_whitespace().collect();
        match next(self.grammar.tree(), &before, &typed[start..]) {
            Next::File => self.files.complete(line, at, context),
            Next::Words(words) => {
                let fitting = words.into_iter().filter(|word| word.starts_with(&typed[start..]));
                let pairs =
                    fitting.map(|word| Pair { display: word.clone(), replacement: format!("{word} ") });
                Ok((start, pairs.collect()))
            }
        }
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, _at: usize) -> Cow<'l, str> {
        Cow::Borrowed(line)
    }
}

impl Validator for Assistant {}

impl rustyline::Helper for Assistant {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Place;

    fn after(before: &str, begun: &str) -> Vec<String> {
        let before: Vec<&str> = before.split_whitespace().collect();
        match next(Grammar::new(&Place::default()).tree(), &before, begun) {
            Next::Words(words) => words,
            Next::File => vec!["a file".into()],
        }
    }

    #[test]
    fn commands_options_values_and_files_are_completed() {
        let has = |words: Vec<String>, word: &str| {
            assert!(words.iter().any(|one| one == word), "{word}: {words:?}")
        };
        has(after("", ""), "quorum");
        has(after("quorum token-sign", "gen"), "generate");
        has(after("user create", "--"), "--username");
        has(after("user create --username bob", "--"), "--role");
        assert_eq!(after("quorum token-sign delete --scope", ""), ["user", "all"]);
        has(after("crypto sign ecdsa --hash-function", ""), "sha384");
        has(after("key list --filter attr.label=a", "--"), "--verbose");
        assert_eq!(after("user create --approval", ""), ["a file"]);
        assert_eq!(after("quorum token-sign generate --token", "t"), ["a file"]);
    }
}
