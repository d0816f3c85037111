//! Commands as they are typed in interactive mode.

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser};
use zeroize::Zeroizing;

use crate::args::{self, Command, Place};

#[derive(Debug, Parser)]
#[command(name = "strongroom>", no_binary_name = true, disable_version_flag = true, help_template = HELP)]
struct Typed {
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "Commands:\n{subcommands}\n\n`help COMMAND` tells more, `quit` ends.\n";

/// What may be typed.
#[derive(Clone)]
pub(crate) struct Grammar(clap::Command);

impl Grammar {
    /// Commands are about this place unless they name another. That's the place of this process: the environment has been heeded.
    pub(crate) fn new(place: &Place) -> Self {
        // These live as long as the process, and there is one grammar.
        let home = place.home.home.clone().map(|home| &*Box::leak(home.into_os_string().into_boxed_os_str()));
        let cluster = place.cluster.clone().map(|cluster| &*Box::leak(cluster.into_boxed_str()));
        let mut command = at(args::with_examples(Typed::command()), home, cluster);
        command.build();
        Self(command)
    }

    /// The command that the words are.
    pub(crate) fn parse(&self, words: &[Zeroizing<String>]) -> Result<Command, clap::Error> {
        let matches = self.0.clone().try_get_matches_from(words.iter().map(|word| word.as_str()))?;
        Ok(Typed::from_arg_matches(&matches)?.command)
    }

    /// The command's tree, for completion.
    pub(crate) const fn tree(&self) -> &clap::Command {
        &self.0
    }
}

fn at(
    command: clap::Command,
    home: Option<&'static std::ffi::OsStr>,
    cluster: Option<&'static str>,
) -> clap::Command {
    let command = command.mut_args(|arg| match (arg.get_id().as_str(), home, cluster) {
        ("home", Some(home), _) => arg.env(Resettable::Reset).default_value_os(home).hide_default_value(true),
        ("home", None, _) => arg.env(Resettable::Reset),
        ("cluster", _, Some(cluster)) => arg.default_value(cluster).hide_default_value(true),
        _ => arg,
    });
    command.mut_subcommands(|inner| at(inner, home, cluster))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::args::{ClusterCommand, HomeOption};
    use crate::shell::split;

    fn place(grammar: &Grammar, line: &str) -> (Option<PathBuf>, Option<String>) {
        match grammar.parse(&split(line).unwrap()).unwrap() {
            Command::Cluster(ClusterCommand::HsmInfo { place, .. }) => (place.home.home, place.cluster),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_are_about_where_one_is() {
        let home = HomeOption { home: Some("there".into()) };
        let grammar = Grammar::new(&Place { home, cluster: Some("a".into()) });
        assert_eq!(place(&grammar, "cluster hsm-info"), (Some("there".into()), Some("a".into())));
        let elsewhere = "cluster hsm-info --home elsewhere --cluster-id b";
        assert_eq!(place(&grammar, elsewhere), (Some("elsewhere".into()), Some("b".into())));
        assert_eq!(place(&Grammar::new(&Place::default()), "cluster hsm-info"), (None, None));
    }
}
