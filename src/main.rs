//! The `keybook` binary: parse, run, exit code.

use std::process::ExitCode;

use keybook::cli::{self, Code, Failure, Fleet, Global, Next};
use keybook::config::Color;
use keybook::tui::keymap::Preset;
use keybook::tui::theme::ColorChoice;
use keybook::tui::{self, Ended, FeedSource, TuiOptions};

fn main() -> ExitCode {
    match cli::run(std::env::args_os()) {
        Next::Exit(code) => ExitCode::from(code.number()),
        Next::Terminal(global) => terminal(&global).unwrap_or_else(|failure| {
            eprintln!("keybook: {failure}");
            ExitCode::from(failure.code.number())
        }),
    }
}

/// Opens the terminal UI on what the flags name.
fn terminal(global: &Global) -> Result<ExitCode, Failure> {
    let Fleet { feeds, settings, runtime } = cli::start(global)?;
    let options = TuiOptions {
        feeds: feeds
            .iter()
            .map(|fed| FeedSource {
                flags: fed.flags.clone(),
                ..FeedSource::of(fed.name.clone(), &fed.feed, fed.desk.clone())
            })
            .collect(),
        theme: settings.theme.value.clone(),
        theme_dir: settings.paths.config.as_ref().map(|file| file.with_file_name("themes")),
        color: match settings.color.value {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        },
        keys: Preset::Keybook,
        clock: cli::clock(),
    };
    let ended = tui::run(options);
    // Whatever still reads a cluster or a log is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Quit) => Ok(ExitCode::SUCCESS),
        // As a shell reports it.
        Ok(Ended::Signal(number)) => Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(1))),
        Err(error) => Err(Failure { code: code(&error), message: error.to_string() }),
    }
}

fn code(error: &tui::Error) -> Code {
    match error {
        tui::Error::Terminal(_) | tui::Error::Fault => Code::Unreachable,
        _ => Code::Usage,
    }
}
