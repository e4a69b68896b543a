//! What the terminal sends: a thread that waits for nothing else.

use std::io;
use std::thread;

use crossterm::event::{Event, read};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Listens to the terminal for as long as the program runs: its events, in their order, and at last
/// the error for which there are no more.
///
/// A thread of its own takes them in while a frame is drawn, so that of many keys at once not each
/// has a frame of its own. crossterm's feature `use-dev-tty` asks whether something is there to be
/// read; without it, whether something came since it last asked, and then a key that comes together
/// with a change of size lies unread until the next one.
///
/// # Errors
/// If no thread can be started.
pub(super) fn listen() -> io::Result<UnboundedReceiver<io::Result<Event>>> {
    let (sender, events) = unbounded_channel();
    let named = thread::Builder::new().name("keybook-keys".to_owned());
    named.spawn(move || {
        loop {
            let event = read();
            let last = event.is_err();
            if sender.send(event).is_err() || last {
                return;
            }
        }
    })?;
    Ok(events)
}
