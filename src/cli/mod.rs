//! The commands: one file each. What they answer goes to standard output, the rest to standard
//! error.

mod again;
mod answer;
mod apply;
mod args;
mod can;
mod change_args;
mod changing;
mod check;
mod completions;
mod credentials;
mod desk;
mod due;
mod exit;
mod feeds;
mod findings;
mod fits;
mod identity;
mod info;
mod ingest;
mod journal;
mod kept;
mod man;
mod outcome;
mod outside;
mod places;
mod planning;
mod query;
mod reach;
mod reviews;
mod served;
mod show;
mod snapshot;
mod sources;
mod splitting;
mod store;
mod suggestion;
mod text;
mod which_journal;
mod who;
mod who_can;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::Path;

use clap::{CommandFactory as _, FromArgMatches as _};

pub use self::args::{Cli, Command, Global, Output};
pub use self::change_args::ChangeCommand;
pub use self::exit::{Code, Failure};
pub use self::feeds::{Fleet, clock, start};
pub use self::sources::{connect_options, demo_policy, load_options, now, runtime, settings};

/// What is left to do once the command line is understood.
#[derive(Debug)]
pub enum Next {
    /// Nothing: end with this.
    Exit(Code),
    /// Open the terminal UI.
    Terminal(Box<Global>),
}

/// Reads the command line and does what it says, short of opening the terminal UI.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Next {
    let words: Vec<OsString> = words.into_iter().collect();
    let cli = match parse(&words) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions are no errors; if nobody reads them, that is none either.
            let _ = error.print();
            return Next::Exit(if error.use_stderr() { Code::Usage } else { Code::Done });
        }
    };
    let global = cli.global;
    if let Some(why) = refuse_follow(&global, cli.command.is_some()) {
        answer::say_error(why);
        return Next::Exit(Code::Usage);
    }
    let done = match cli.command {
        None => return terminal(global),
        Some(Command::Demo) => {
            let mut global = global;
            global.input.demo = true;
            return terminal(global);
        }
        Some(Command::Who { filter, sort, reach }) => {
            who::run(&global, &filter.join(" "), sort, reach)
        }
        Some(Command::Show { identity }) => show::run(&global, &identity),
        Some(Command::Can { identity, verb, resource, name }) => {
            can::run(&global, &identity, &identity::Words { verb, resource, name })
        }
        Some(Command::WhoCan { verb, resource, name }) => {
            who_can::run(&global, &identity::Words { verb, resource, name })
        }
        Some(Command::Check { file }) => check::run(&global, &file),
        Some(Command::Findings { fail_on, exempted }) => findings::run(&global, fail_on, exempted),
        Some(Command::Reach { identity, fail_on }) => {
            reach::run(&global, identity.as_deref(), fail_on)
        }
        Some(Command::Credentials { identity }) => credentials::run(&global, identity.as_deref()),
        Some(Command::Change(command)) => changing::run(&global, &command),
        Some(Command::Snapshot { out }) => snapshot::run(&global, &out),
        Some(Command::Ingest { whose, sources }) => {
            ingest::run(&global, whose.as_deref(), &sources)
        }
        Some(Command::Store { command }) => store::run(&global, &command),
        Some(Command::Query(args)) => query::run(&args),
        Some(Command::Info) => info::run(&global),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Man { command }) => man::run(command.as_deref()),
    };
    Next::Exit(match done {
        Ok(code) => code,
        Err(failure) => {
            answer::say_error(&failure.message);
            failure.code
        }
    })
}

/// Why a log cannot be followed as asked, if it cannot.
fn refuse_follow(global: &Global, answers_once: bool) -> Option<&'static str> {
    if !global.input.follow {
        return None;
    }
    if answers_once {
        return Some(
            "--follow belongs to the terminal UI: a command answers once, from what the log holds \
             by then; leave --follow out",
        );
    }
    let nothing = global.input.audit.is_empty();
    nothing.then_some("--follow needs a log to follow: name it with --audit")
}

/// The terminal UI needs a terminal: to draw on, and to be typed at.
fn terminal(global: Global) -> Next {
    if let Some(form) = global.look.output {
        let form = clap::ValueEnum::to_possible_value(&form);
        let form = form.map_or_else(String::new, |value| value.get_name().to_owned());
        answer::say_error(&format!(
            "-o {form} needs a command, such as keybook who -o {form}; without one the terminal UI opens"
        ));
        return Next::Exit(Code::Usage);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        answer::say_error(
            "the terminal UI needs a terminal for input and output; \
             without one, list everybody with: keybook who",
        );
        return Next::Exit(Code::Usage);
    }
    Next::Terminal(Box::new(global))
}

/// The command line's own description; called by the name under which it was started.
fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    if is_plugin(words) {
        command = command.bin_name("kubectl keybook");
    }
    let read = command.clone().try_get_matches_from(words);
    let read = read.and_then(|matches| Cli::from_arg_matches(&matches));
    read.map_err(|mut error| {
        suggestion::keep_near(&mut error, &command, words);
        error
    })
}

/// Whether kubectl started it: as `kubectl-keybook`.
fn is_plugin(words: &[OsString]) -> bool {
    let name = words.first().and_then(|name| Path::new(name).file_stem());
    name.is_some_and(|name| name == "kubectl-keybook")
}
