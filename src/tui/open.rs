//! Opening the terminal UI, and what can be in the way of that.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::thread;

use super::keymap::Keymap;
use super::options::TuiOptions;
use super::runtime::{Ended, Ui};
use super::state::State;
use super::terminal::{THREAD, give_back, install_panic_hook, panics_elsewhere};
use super::theme::{Depth, Theme, ThemeError};

/// Why the terminal UI could not be opened, or ended against its will.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard input or output is none.
    #[error("the terminal UI needs a terminal: without one, `keybook who` prints the same list")]
    NoTerminal,
    /// `TERM=dumb`.
    #[error(
        "the terminal UI needs a terminal that can move its cursor, and TERM is {0:?}: \
         `keybook who` prints the same list"
    )]
    Dumb(String),
    /// A theme that was asked for.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// A theme's file that cannot be read.
    #[error("reading the theme {}: {cause}", .path.display())]
    ThemeFile {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: io::Error,
    },
    /// The terminal does not answer.
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
    /// A fault in keybook; what it was has been told on standard error.
    #[error("keybook stopped by a fault of its own; the terminal was given back")]
    Fault,
}

/// Opens the terminal UI and returns when it ends. It runs on a thread of its own with a runtime of
/// its own, so that nothing that a feed does can keep a key from being read; the calling thread
/// only waits.
///
/// # Errors
/// Where there is no fitting terminal or theme, or the terminal fails.
pub fn run(options: TuiOptions) -> Result<Ended, Error> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Error::NoTerminal);
    }
    if let Ok(term) = std::env::var("TERM")
        && term == "dumb"
    {
        return Err(Error::Dumb(term));
    }
    let state = state(&options)?;
    install_panic_hook();
    let screen =
        thread::Builder::new().name(THREAD.to_owned()).spawn(move || screen(options, state))?;
    let ended = screen.join();
    give_back();
    for panic in panics_elsewhere() {
        eprintln!("keybook: a fault beside the screen: {panic}");
    }
    ended.unwrap_or(Err(Error::Fault))
}

fn screen(options: TuiOptions, state: State) -> Result<Ended, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(async { Ui::new(options, state)?.run().await });
    // Whatever still runs is not waited for.
    runtime.shutdown_background();
    Ok(ended?)
}

fn state(options: &TuiOptions) -> Result<State, Error> {
    let names = options.feeds.iter().map(|feed| feed.name.clone());
    let mut state = State::new(names, (options.clock)(), Keymap::new(options.keys));
    let own = options.theme_dir.as_deref().map_or(Ok(Vec::new()), |dir| themes_in(dir, options))?;
    for theme in own {
        state.themes.retain(|have| have.name != theme.name);
        state.themes.push(theme);
    }
    state.depth = Depth::detect(options.color, |name| std::env::var(name).ok());
    let wanted = options.theme.as_deref().unwrap_or("default");
    let found = state.themes.iter().find(|theme| theme.name == wanted);
    let theme = found.ok_or_else(|| {
        let names: Vec<&str> = state.themes.iter().map(|theme| &*theme.name).collect();
        ThemeError {
            name: wanted.to_owned(),
            what: format!("there is no such theme; there are {}", names.join(", ")),
        }
    })?;
    state.theme = theme.at(state.depth);
    Ok(state)
}

/// The person's own themes. One that is broken stops the start only where it is the one asked for.
fn themes_in(dir: &std::path::Path, options: &TuiOptions) -> Result<Vec<Theme>, Error> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let mut themes = Vec::new();
    for path in paths {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let wanted = name.is_some() && name == options.theme;
        match std::fs::read_to_string(&path) {
            Ok(text) => match Theme::parse(&path.display().to_string(), &text) {
                Ok(mut theme) => {
                    // A theme is called as its file is.
                    theme.name = name.unwrap_or(theme.name);
                    themes.push(theme);
                }
                Err(error) if wanted => return Err(error.into()),
                Err(error) => tracing::warn!("{error}"),
            },
            Err(cause) if wanted => return Err(Error::ThemeFile { path, cause }),
            Err(cause) => tracing::warn!("reading the theme {}: {cause}", path.display()),
        }
    }
    Ok(themes)
}
