//! The terminal UI without a terminal: keys in, a screen out. Work beside the screen is done on the
//! spot, what goes outside is kept.
#![allow(clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use keybook::book::Book;
use keybook::tui::effect::{Effect, Msg};
use keybook::tui::key::{Code, Key};
use keybook::tui::keymap::{Keymap, Preset};
use keybook::tui::screens;
use keybook::tui::state::{FeedId, State};
use keybook::tui::update::update;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// A state with what went outside.
pub struct Stage {
    pub state: State,
    /// Everything that is not work, in order.
    pub outside: Vec<Effect>,
    /// How often it was looked whether a run was cut off.
    pub looked: usize,
    /// Work that was asked for and is held back; done at once unless `hold` is set.
    pub held: Vec<Effect>,
    /// Whether work is held back.
    pub hold: bool,
}

impl Stage {
    /// A fleet of these, on a terminal of this size.
    pub fn of(books: &[Arc<Book>], size: (u16, u16)) -> Self {
        let now: DateTime<Utc> = books.iter().map(|book| book.now).max().expect("a book");
        let names = books.iter().map(|book| book.snapshot.cluster.name.clone());
        let mut stage = Self {
            state: State::new(names, now, Keymap::new(Preset::Keybook)),
            outside: Vec::new(),
            looked: 0,
            held: Vec::new(),
            hold: false,
        };
        stage.send(Msg::Resize(size.0, size.1));
        for (id, book) in (0u16..).zip(books) {
            stage.send(Msg::Book(FeedId(id), book.clone()));
        }
        stage
    }

    /// One cluster on a terminal of this size.
    pub fn new(book: &Arc<Book>, size: (u16, u16)) -> Self {
        Self::of(std::slice::from_ref(book), size)
    }

    /// Takes over a message, and what comes of it.
    pub fn send(&mut self, msg: Msg) {
        let mut left = vec![msg];
        while let Some(msg) = left.pop() {
            for effect in update(&mut self.state, msg) {
                match effect {
                    Effect::Run(job) if !self.hold => left.push(Msg::Done(Box::new(job.run()))),
                    Effect::Run(_) => self.held.push(effect),
                    Effect::CutOff { .. } => self.looked += 1,
                    effect => self.outside.push(effect),
                }
            }
        }
    }

    /// Does the work that was held back, in order.
    pub fn release(&mut self) {
        self.hold = false;
        for effect in std::mem::take(&mut self.held) {
            if let Effect::Run(job) = effect {
                self.send(Msg::Done(Box::new(job.run())));
            }
        }
    }

    /// Presses keys, in the spelling of the registry, with spaces between.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let key = key.parse().unwrap_or_else(|error| panic!("{error}"));
            self.send(Msg::Key(key));
        }
        self
    }

    /// Types a text.
    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.send(Msg::Key(Key::plain(Code::Char(c))));
        }
        self
    }

    /// Runs a command.
    pub fn command(&mut self, text: &str) -> &mut Self {
        self.keys(":").type_text(text).keys("enter")
    }

    /// The screen as it is drawn.
    pub fn buffer(&self) -> Buffer {
        let (width, height) = self.state.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        screens::draw(&self.state, &mut buffer);
        buffer
    }

    /// The screen as text, lines without their trailing spaces.
    pub fn text(&self) -> String {
        text(&self.buffer())
    }

    /// The screen as text, and below it how it looks: for each line, which columns have which
    /// style.
    pub fn styled(&self) -> String {
        let buffer = self.buffer();
        format!("{}\n{}", text(&buffer), styles(&buffer))
    }
}

/// The cells of every line as a terminal shows them: symbol and style.
pub fn lines(buffer: &Buffer) -> impl Iterator<Item = Vec<(String, Style)>> + '_ {
    let area = buffer.area;
    (area.top()..area.bottom()).map(move |y| {
        let mut cells = Vec::new();
        let mut x = area.left();
        while x < area.right() {
            let cell = &buffer[(x, y)];
            let wide = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
            cells.push((cell.symbol().to_owned(), cell.style()));
            // The second half of a wide character is no cell of its own.
            for _ in 1..wide {
                cells.push((String::new(), cell.style()));
            }
            x += u16::try_from(wide).unwrap_or(1);
        }
        cells
    })
}

fn text(buffer: &Buffer) -> String {
    let rows: Vec<String> = lines(buffer)
        .map(|cells| {
            let line: String = cells.iter().map(|(symbol, _)| symbol.as_str()).collect();
            line.trim_end().to_owned()
        })
        .collect();
    format!("{}\n", rows.join("\n").trim_end())
}

fn styles(buffer: &Buffer) -> String {
    let mut text = String::new();
    for (y, cells) in lines(buffer).enumerate() {
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (x, (symbol, style)) in cells.iter().enumerate() {
            let name = style_name(*style);
            // A space shows its ground and lines only.
            let shown = if symbol.trim().is_empty() && !name.contains("on") && !name.contains("rev")
            {
                String::new()
            } else {
                name
            };
            match runs.last_mut() {
                Some((_, end, have)) if *have == shown && *end == x => *end = x + 1,
                _ if shown.is_empty() => {}
                _ => runs.push((x, x + 1, shown)),
            }
        }
        let runs: Vec<String> = runs
            .iter()
            .filter(|(.., name)| !name.is_empty())
            .map(|(from, to, name)| format!("{from}-{} {name}", to - 1))
            .collect();
        if !runs.is_empty() {
            let _ = writeln!(text, "{y:>2}: {}", runs.join(", "));
        }
    }
    text
}

fn style_name(style: Style) -> String {
    let mut parts = Vec::new();
    let color = |color: Color| format!("{color:?}").to_lowercase();
    if let Some(fg) = style.fg.filter(|fg| *fg != Color::Reset) {
        parts.push(color(fg));
    }
    if let Some(bg) = style.bg.filter(|bg| *bg != Color::Reset) {
        parts.push(format!("on {}", color(bg)));
    }
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if style.add_modifier.contains(modifier) {
            parts.push(name.to_owned());
        }
    }
    parts.join(" ")
}
