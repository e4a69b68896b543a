//! `man`: the manual page.

use clap::CommandFactory as _;

use super::answer;
use super::args::Cli;
use super::exit::{Code, Failure};

pub(super) fn run(name: Option<&str>) -> Result<Code, Failure> {
    let mut whole = Cli::command();
    whole.build();
    let command = match name {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Failure::usage(format!("{name:?} is no command of keybook")))?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|cause| Failure::unreachable(format!("writing the manual page: {cause}")))?;
    answer::out(&page)?;
    Ok(Code::Done)
}
