//! The loop around [`super::update`]: keys, Books, finished work and time come in as messages;
//! effects go out. It waits for nothing else, and draws only what has changed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crossterm::event::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::clipboard::Carrier;
use super::effect::{Effect, Msg};
use super::event::message;
use super::job::{Done, Job, Lane};
use super::keyboard;
use super::options::{FeedSource, TuiOptions};
use super::signals::{Asked, Signals, stop};
use super::state::{FeedId, Notice, State, Tone};
use super::terminal::Screen;
use super::theme::Slot;
use super::update::update;
use super::wake;
use super::widgets::wrapped;
use super::worker::Workers;
use crate::change::{Desk, Planned};
use crate::feed::Clock;
use crate::model::shell_word;

/// How long a frame waits for work that is nearly done, so that moving about does not flicker.
const GRACE: Duration = Duration::from_millis(6);

/// How many events are taken in before the next frame.
const BATCH: usize = 256;

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The person quit.
    Quit,
    /// A signal of this number.
    Signal(i32),
}

pub(super) struct Ui {
    state: State,
    screen: Screen,
    events: UnboundedReceiver<io::Result<Event>>,
    signals: Signals,
    workers: Workers,
    results: UnboundedReceiver<Msg>,
    sender: UnboundedSender<Msg>,
    feeds: Vec<FeedSource>,
    clock: Clock,
    carrier: Carrier,
    /// Work that begins once the key that asked for it is answered by a frame: on a busy machine
    /// the thread that does it would be run first.
    later: Option<Job>,
    /// How many pieces of work are out that are nearly always done within [`GRACE`].
    out: usize,
    dirty: bool,
    stopped: bool,
    /// What has a plan that is being applied stop.
    stops: Vec<Weak<AtomicBool>>,
    ended: Option<Ended>,
}

impl Ui {
    pub(super) fn new(options: TuiOptions, mut state: State) -> io::Result<Self> {
        let signals = Signals::new()?;
        let screen = Screen::new()?;
        state.size = screen.size()?;
        for (view, source) in state.feeds.iter_mut().zip(&options.feeds) {
            view.flags.clone_from(&source.flags);
        }
        let (sender, results) = unbounded_channel();
        Ok(Self {
            state,
            screen,
            events: keyboard::listen()?,
            signals,
            workers: Workers::new(sender.clone()),
            results,
            sender,
            feeds: options.feeds,
            clock: options.clock,
            carrier: Carrier::detect(|name| std::env::var(name).ok()),
            later: None,
            out: 0,
            dirty: true,
            stopped: false,
            stops: Vec::new(),
            ended: None,
        })
    }

    pub(super) async fn run(mut self) -> io::Result<Ended> {
        for (id, feed) in (0u16..).zip(&self.feeds) {
            forward(FeedId(id), feed, self.sender.clone());
        }
        loop {
            self.settle().await;
            if let Some(ended) = self.ended {
                return Ok(ended);
            }
            if self.dirty && !self.stopped {
                self.screen.draw(&self.state)?;
                self.dirty = false;
            }
            if let Some(job) = self.later.take() {
                self.workers.run(job);
            }
            let wake = wake::next(&self.state).filter(|_| !self.stopped);
            let wake = wake.map(|wait| Instant::now() + wait);
            tokio::select! {
                biased;
                asked = self.signals.next() => self.signal(asked)?,
                event = self.events.recv() => self.event(event)?,
                Some(msg) = self.results.recv() => self.take(msg)?,
                () = until(wake), if wake.is_some() => {
                    let now = (self.clock)();
                    self.take(Msg::Tick(now))?;
                }
            }
            self.drain()?;
        }
    }

    /// Takes in what has come meanwhile, before the next frame.
    fn drain(&mut self) -> io::Result<()> {
        for _ in 0..BATCH {
            if self.ended.is_some() {
                return Ok(());
            }
            if let Ok(event) = self.events.try_recv() {
                self.event(Some(event))?;
            } else if let Ok(msg) = self.results.try_recv() {
                self.take(msg)?;
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits a moment for work that is out.
    async fn settle(&mut self) {
        let end = Instant::now() + GRACE;
        while self.out > 0 && self.ended.is_none() {
            tokio::select! {
                Some(msg) = self.results.recv() => {
                    if self.take(msg).is_err() {
                        return;
                    }
                }
                () = sleep_until(end) => return,
            }
        }
    }

    fn event(&mut self, event: Option<io::Result<Event>>) -> io::Result<()> {
        match event {
            Some(Ok(event)) => {
                if matches!(event, Event::Resize(..)) {
                    self.screen.repaint()?;
                }
                match message(event) {
                    Some(msg) => self.take(msg),
                    None => Ok(()),
                }
            }
            Some(Err(error)) => Err(error),
            // The terminal is gone.
            None => {
                self.ended = Some(Ended::Quit);
                Ok(())
            }
        }
    }

    fn take(&mut self, msg: Msg) -> io::Result<()> {
        match &msg {
            // Nobody waits for rows.
            Msg::Done(done) if matches!(**done, Done::Rows { .. }) => {}
            Msg::Done(_) | Msg::Notice(_) => self.out = self.out.saturating_sub(1),
            Msg::Key(_) => self.state.now = self.state.now.max((self.clock)()),
            _ => {}
        }
        let draws = !matches!(msg, Msg::Focus(_));
        for effect in update(&mut self.state, msg) {
            self.effect(effect)?;
        }
        self.dirty |= draws;
        Ok(())
    }

    fn effect(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Run(job) => {
                // Filtering and sorting are beside the screen because they take longer than a frame
                // may wait.
                if job.lane() == Lane::Rows {
                    self.later = Some(job);
                } else {
                    let dropped = self.workers.run(job);
                    self.out += usize::from(!dropped);
                }
            }
            Effect::Reload(feed) => {
                if let Some(feed) = self.feeds.get(usize::from(feed.0)) {
                    (feed.reload)();
                }
            }
            Effect::Copy(text) => match self.carrier.sequence(&text) {
                Some(sequence) => self.screen.send(&sequence)?,
                None => self.state.say(Tone::Refused, "copy: too long for a terminal's clipboard"),
            },
            Effect::Save { book, dir, .. } => save(book, dir, self.sender.clone()),
            Effect::Plan { feed, tag, book, intents } => {
                self.planned(feed, tag, move |desk| desk.plan(&book, &intents));
            }
            Effect::Undo { feed, tag, run } => {
                self.planned(feed, tag, move |desk| desk.undoing(run));
            }
            Effect::Finish { feed, tag, run } => {
                self.planned(feed, tag, move |desk| desk.finishing(run));
            }
            Effect::Journal { feed, tag } => {
                let sender = self.sender.clone();
                let columns = usize::from(self.state.size.0).saturating_sub(2);
                let made = self.at_desk(feed, move |desk| {
                    let _ = sender.send(journal(tag, desk.journal(), columns));
                });
                if let Err(why) = made {
                    let _ = self.sender.send(journal(tag, Err(why), columns));
                }
            }
            Effect::CutOff { feed } => {
                let sender = self.sender.clone();
                // Of saved objects there is no journal.
                let _ = self.at_desk(feed, move |desk| {
                    let _ = sender.send(Msg::CutOff { feed, found: desk.cut_off() });
                });
            }
            Effect::Apply { feed, tag, book, planned, folder } => {
                let sender = self.sender.clone();
                let stop = Arc::new(AtomicBool::new(false));
                self.stops.retain(|stop| stop.strong_count() > 0);
                self.stops.push(Arc::downgrade(&stop));
                let made = self.at_desk(feed, move |desk| {
                    let heard = sender.clone();
                    let mut told = move |line| drop(heard.send(Msg::Applying { tag, line }));
                    let (book, folder) = (book.as_deref(), folder.as_deref());
                    let result = desk.apply(book, &planned, folder, &stop, &mut told);
                    let _ = sender.send(Msg::Applied { tag, result });
                });
                if let Err(why) = made {
                    let _ = self.sender.send(Msg::Applied { tag, result: Err(why) });
                }
            }
            Effect::Stop => {
                for stop in self.stops.iter().filter_map(Weak::upgrade) {
                    stop.store(true, Ordering::SeqCst);
                }
            }
            Effect::SavePlan { planned, path, again } => {
                save_plan(planned, path, again, self.sender.clone());
            }
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.ended = Some(Ended::Quit),
        }
        Ok(())
    }

    /// Has something planned at a cluster's desk; what comes of it is told as a message.
    fn planned(
        &self,
        feed: FeedId,
        tag: u64,
        work: impl FnOnce(&dyn Desk) -> Result<Planned, String> + Send + 'static,
    ) {
        let sender = self.sender.clone();
        let made = self.at_desk(feed, move |desk| {
            let result = work(desk).map(Arc::new);
            let _ = sender.send(Msg::Planned { tag, result });
        });
        if let Err(why) = made {
            let _ = self.sender.send(Msg::Planned { tag, result: Err(why) });
        }
    }

    /// Has something done at a cluster's desk, beside the screen.
    fn at_desk(
        &self,
        feed: FeedId,
        work: impl FnOnce(&dyn Desk) + Send + 'static,
    ) -> Result<(), String> {
        let source = self.feeds.get(usize::from(feed.0));
        let desk = source.and_then(|feed| feed.desk.clone()).ok_or(
            "these are saved objects, and no cluster: a plan is made from its objects as they are now",
        )?;
        let named = thread::Builder::new().name("keybook-change".to_owned());
        let spawned = named.spawn(move || work(&*desk));
        spawned.map(drop).map_err(|cause| format!("start a thread: {cause}"))
    }

    fn signal(&mut self, asked: Asked) -> io::Result<()> {
        match asked {
            Asked::End(signal) => {
                self.ended = Some(Ended::Signal(signal));
                Ok(())
            }
            Asked::Stop => self.suspend(),
            Asked::Continue => self.go_on(),
        }
    }

    /// Gives the terminal back and stops. What comes after that runs when somebody continues the
    /// program, or at once where nobody could have.
    fn suspend(&mut self) -> io::Result<()> {
        super::terminal::give_back();
        self.stopped = true;
        if !stop() {
            self.go_on()?;
            self.state.say(Tone::Refused, "there is no shell to go back to");
        }
        Ok(())
    }

    fn go_on(&mut self) -> io::Result<()> {
        self.stopped = false;
        self.screen.resume()?;
        let (width, height) = self.screen.size()?;
        self.take(Msg::Resize(width, height))?;
        self.take(Msg::Tick((self.clock)()))
    }
}

async fn until(wake: Option<Instant>) {
    if let Some(wake) = wake {
        sleep_until(wake).await;
    }
}

/// Sends a feed's Books on: the one that is there, and every newer one that is seen.
fn forward(id: FeedId, feed: &FeedSource, sender: UnboundedSender<Msg>) {
    let mut books = feed.books.clone();
    books.mark_changed();
    tokio::spawn(async move {
        while books.changed().await.is_ok() {
            let book = books.borrow_and_update().clone();
            if sender.send(Msg::Book(id, book)).is_err() {
                return;
            }
        }
    });
}

/// The journal as a text.
fn journal(tag: u64, read: Result<Vec<String>, String>, columns: usize) -> Msg {
    let (read, slot) = match read {
        Ok(lines) => (lines, Slot::Base),
        Err(why) => (vec![why], Slot::Danger),
    };
    let mut lines = Vec::new();
    for line in read {
        wrapped(&line, slot, columns, &mut lines);
    }
    Msg::Done(Box::new(Done::Text { tag, lines: lines.into() }))
}

/// Saves a plan beside the screen.
fn save_plan(
    planned: Arc<Planned>,
    path: std::path::PathBuf,
    again: String,
    sender: UnboundedSender<Msg>,
) {
    let work = move || {
        let shown = path.display();
        let saved = if path.exists() {
            Err(std::io::Error::from(io::ErrorKind::AlreadyExists))
        } else {
            crate::report::save_plan(&planned.plan, &path)
        };
        let notice = match saved {
            Ok(()) => Notice {
                tone: Tone::Done,
                text: format!(
                    "saved to {shown}; keybook apply {}{again} applies it",
                    shell_word(shown.to_string())
                ),
            },
            Err(cause) => {
                Notice { tone: Tone::Refused, text: format!("saving the plan to {shown}: {cause}") }
            }
        };
        let _ = sender.send(Msg::Notice(notice));
    };
    drop(thread::Builder::new().name("keybook-save".to_owned()).spawn(work));
}

/// Saves a snapshot beside the screen.
fn save(book: Arc<crate::book::Book>, dir: std::path::PathBuf, sender: UnboundedSender<Msg>) {
    let work = move || {
        let notice = match crate::cluster::files::write(&book.snapshot, &dir) {
            Ok(_) => Notice { tone: Tone::Done, text: format!("saved to {}", dir.display()) },
            Err(error) => Notice { tone: Tone::Refused, text: error.to_string() },
        };
        // Nobody is left to tell where the screen is gone.
        let _ = sender.send(Msg::Notice(notice));
    };
    // Without a thread nothing is saved, and nothing says that it was.
    drop(thread::Builder::new().name("keybook-save".to_owned()).spawn(work));
}
