//! The terminal itself: taken over, given back, whatever happens.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use super::screens;
use super::state::State;

/// The name of the thread that draws. A panic there ends the program; one elsewhere does not, and
/// must not write over the screen.
pub const THREAD: &str = "keybook-screen";

/// Whether the terminal is taken over now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What panicked beside the screen, to be told when the terminal is given back.
static ELSEWHERE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Gives the terminal back. Does nothing where it was not taken, and can be called from anywhere.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing more can be done where these fail: the terminal is gone.
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        cursor::Hide
    )
}

/// Has a panic give the terminal back before it is told.
pub fn install_panic_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() == Some(THREAD) || !TAKEN.load(Ordering::SeqCst) {
            give_back();
            before(info);
            return;
        }
        tracing::error!("{info}");
        ELSEWHERE.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
    }));
}

/// What panicked beside the screen, told once.
pub fn panics_elsewhere() -> Vec<String> {
    std::mem::take(&mut *ELSEWHERE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The terminal while it is taken over; dropping it gives it back.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over.
    pub fn new() -> io::Result<Self> {
        take()?;
        // Large enough for a whole frame, so that it goes out in one write.
        let out = BufWriter::with_capacity(1 << 18, io::stdout());
        match Terminal::new(CrosstermBackend::new(out)) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and lines, as the terminal says.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed.
    pub fn draw(&mut self, state: &State) -> io::Result<()> {
        if state.size.0 == 0 || state.size.1 == 0 {
            return Ok(());
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| {
            if let Some(position) = screens::draw(state, frame.buffer_mut()) {
                frame.set_cursor_position(position);
            }
        })?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Draws everything anew at the next frame. (`Terminal::clear` asks where the cursor is, and
    /// the answer would go to whoever reads keys.)
    pub fn repaint(&mut self) -> io::Result<()> {
        let (width, height) = self.size()?;
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// Sends bytes that draw nothing.
    pub fn send(&mut self, bytes: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(bytes.as_bytes())?;
        Write::flush(out)
    }

    /// Takes the terminal over again after it was given back.
    pub fn resume(&mut self) -> io::Result<()> {
        take()?;
        self.repaint()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}
