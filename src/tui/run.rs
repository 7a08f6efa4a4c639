//! The loop: events in, one update each, what it asks for done, the screen drawn.
//!
//! Nothing is polled: without an event the loop sleeps, so an idle screen costs nothing.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use ratatui::{
    crossterm::event::{self, KeyEventKind, MouseEventKind},
    layout::Size,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use super::{
    draw,
    event::{Effect, Event, Evidence, Export, Remark},
    export,
    keys::Keys,
    model::Model,
    terminal::{self, Screen},
    theme::Theme,
    update::update,
};
use crate::{
    identify::AsnTable,
    pipeline::{
        Snapshot,
        snapshot::{News, Stage},
    },
    report::Redaction,
};

/// How the screen is to be.
pub struct Setup {
    /// What is shown first.
    pub snapshot: Arc<Snapshot>,
    /// Colours and characters.
    pub theme: Theme,
    /// Which key does what.
    pub keys: Keys,
    /// Names are hidden from the beginning.
    pub redaction: Redaction,
    /// Set when reading is to stop.
    pub stop: Arc<AtomicBool>,
    /// The captures that packets can be picked from again; `None` where there are none.
    pub captures: Option<Arc<[PathBuf]>>,
    /// Who announces which address, where a table was named.
    pub asn: Option<Arc<AsnTable>>,
    /// Gets the key by which names are hidden, when it is first wanted.
    pub load_redaction: Box<dyn FnMut() -> Result<Redaction, String>>,
}

/// Between two looks at time going by, while something on the screen depends on it.
const TICK: Duration = Duration::from_millis(500);
/// No more pictures a second than this, however fast news comes.
const LEAST_BETWEEN_PICTURES: Duration = Duration::from_millis(15);

/// Shows the screen until it is closed. `news` is what the reading thread says.
pub fn run(setup: Setup, news: &Receiver<News>) -> io::Result<()> {
    let Setup { snapshot, theme, keys, redaction, stop, captures, asn, mut load_redaction } = setup;
    let mut screen = Screen::open()?;
    let (width, height) = ratatui::crossterm::terminal::size()?;
    let mut model = Model::new(snapshot, Size { width, height }, theme, keys);
    (model.captures, model.asn) = (captures, asn);
    let begin = Instant::now();
    if redaction != Redaction::Off {
        update(&mut model, Event::Redaction(redaction), Duration::ZERO);
    }
    let (send, hands) = unbounded();
    listen_to_signals(send.clone())?;
    let mut picking = Picking { tell: send.clone(), stop: Arc::default(), thread: None };
    thread::spawn(move || listen_to_hands(&send));
    let mut inbox = Inbox { hands, news: Some(news.clone()) };
    screen.draw(&model)?;
    loop {
        let waits = model.remark.is_some() || matches!(model.snapshot.stage, Stage::Reading);
        let Some(event) = inbox.next(waits) else { continue };
        // Everything that waits is taken in before the next picture.
        let mut next = Some(event);
        let picture_due = Instant::now() + LEAST_BETWEEN_PICTURES;
        while let Some(event) = next {
            let effect = update(&mut model, event, begin.elapsed());
            let said = match effect {
                Some(Effect::Quit) => {
                    stop.store(true, Ordering::Relaxed);
                    return Ok(());
                }
                Some(Effect::Evidence(evidence)) => Some(picking.begin(evidence)),
                Some(other) => perform(other, &stop, &mut *load_redaction),
                None => None,
            };
            if let Some(event) = said {
                update(&mut model, event, begin.elapsed());
            }
            next = if Instant::now() < picture_due { inbox.ready() } else { None };
        }
        heed_size(&mut model, begin.elapsed())?;
        screen.draw(&model)?;
    }
}

/// The word that the terminal was resized is lost where a key comes at the same moment: the size itself is asked as well.
fn heed_size(model: &mut Model, now: Duration) -> io::Result<()> {
    let (width, height) = ratatui::crossterm::terminal::size()?;
    if (Size { width, height }) != model.size {
        update(model, Event::Resize(width, height), now);
    }
    Ok(())
}

/// The one place where effects are done. What became of it is an event again.
fn perform(
    effect: Effect,
    stop: &AtomicBool,
    load_redaction: &mut dyn FnMut() -> Result<Redaction, String>,
) -> Option<Event> {
    match effect {
        Effect::Quit | Effect::Evidence(_) => None,
        Effect::Stop => {
            stop.store(true, Ordering::Relaxed);
            None
        }
        Effect::Copy(text) => Some(Event::Said(match terminal::copy(&text) {
            Ok(()) => Remark::Done("handed to the terminal's clipboard".to_owned()),
            Err(error) => Remark::Failed(format!("cannot copy: {error}")),
        })),
        Effect::Export(export) => Some(Event::Said(write(&export))),
        Effect::LoadRedaction => Some(match load_redaction() {
            Ok(redaction) => Event::Redaction(redaction),
            Err(error) => Event::Said(Remark::Failed(error)),
        }),
    }
}

/// Packets are picked on a thread of their own, one after the other, so that the screen goes on.
struct Picking {
    tell: Sender<Event>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Picking {
    /// Begins, unless it is at work.
    fn begin(&mut self, evidence: Box<Evidence>) -> Event {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return Event::Said(Remark::Failed("packets are being picked already".to_owned()));
        }
        let (tell, stop) = (self.tell.clone(), Arc::clone(&self.stop));
        self.thread = Some(thread::spawn(move || {
            let say = |remark| drop(tell.send(Event::Said(remark)));
            say(export::write_evidence(&evidence, Path::new("."), &stop, say));
        }));
        Event::Said(Remark::Done("picking packets".to_owned()))
    }
}

impl Drop for Picking {
    /// Waits until no half-written file is left.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write(export: &Export) -> Remark {
    match export::write(export, Path::new(".")) {
        Ok(path) => {
            let hidden = if export::is_redacted(export) { ", names hidden" } else { "" };
            Remark::Done(format!("wrote {}{hidden}", path.display()))
        }
        Err(error) => Remark::Failed(format!("cannot write a file here: {error}")),
    }
}

/// What hands, system and reading thread say, in that order of precedence.
struct Inbox {
    hands: Receiver<Event>,
    /// `None` once the reading thread has ended.
    news: Option<Receiver<News>>,
}

impl Inbox {
    /// The next event; with `ticks` time going by is one too. `None`: the reading thread has ended.
    fn next(&mut self, ticks: bool) -> Option<Event> {
        if let Some(event) = self.ready() {
            return Some(event);
        }
        let Some(news) = &self.news else {
            let received = if ticks { self.hands.recv_timeout(TICK) } else { self.hands.recv().map_err(Into::into) };
            return Some(match received {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Event::Tick,
                Err(RecvTimeoutError::Disconnected) => Event::Terminate,
            });
        };
        let timer = if ticks { crossbeam_channel::after(TICK) } else { crossbeam_channel::never() };
        let heard = crossbeam_channel::select_biased! {
            recv(self.hands) -> event => return Some(event.unwrap_or(Event::Terminate)),
            recv(news) -> news => news,
            recv(timer) -> _ => return Some(Event::Tick),
        };
        if let Ok(news) = heard {
            return Some(Event::News(news));
        }
        self.news = None;
        None
    }

    /// What waits already: hands first, so that no key waits for news.
    fn ready(&self) -> Option<Event> {
        let hands = self.hands.try_recv().ok();
        hands.or_else(|| self.news.as_ref().and_then(|news| news.try_recv().ok()).map(Event::News))
    }
}

fn listen_to_signals(send: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if send.send(Event::Terminate).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Passes on what the terminal says, until it says nothing any more.
fn listen_to_hands(send: &Sender<Event>) {
    loop {
        let event = match event::read() {
            Ok(event::Event::Key(key)) if key.kind != KeyEventKind::Release => Event::Key(key),
            Ok(event::Event::Mouse(mouse)) if mouse.kind != MouseEventKind::Moved => Event::Mouse(mouse),
            Ok(event::Event::Paste(text)) => Event::Paste(text),
            Ok(event::Event::Resize(width, height)) => Event::Resize(width, height),
            Ok(_) => continue,
            Err(_) => Event::Terminate,
        };
        let last = matches!(event, Event::Terminate);
        if send.send(event).is_err() || last {
            return;
        }
    }
}

/// One picture of a model, as text without colour: for documentation and tests.
pub fn picture(model: &Model) -> String {
    let area = ratatui::layout::Rect { x: 0, y: 0, width: model.size.width, height: model.size.height };
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    draw::draw(model, &mut buffer);
    let mut text = String::new();
    for y in 0..area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                line.push_str(symbol);
                skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
