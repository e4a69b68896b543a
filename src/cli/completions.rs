//! `completions`: for a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::answer;
use super::args::Cli;
use super::exit::{Code, Failure};

pub(super) fn run(shell: Shell) -> Result<Code, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keybook", &mut text);
    answer::out(&text)?;
    Ok(Code::Done)
}
