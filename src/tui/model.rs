//! Everything that the screen shows, and where its cursors are.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ratatui::layout::Size;

use super::{brush::Brush, derive::Derived, event::Remark, keys::Keys, prompt::Prompt, pulse::Pulse, theme::Theme};
use crate::{
    capture::Progress,
    identify::{AsnTable, Kind},
    pipeline::{DeviceAudit, FlowRow, Snapshot, snapshot::Stage},
    report::{Brief, Filter, Redaction, Times},
};

/// Narrower or lower than this, nothing can be shown.
pub const SMALLEST: Size = Size { width: 60, height: 16 };

/// What is looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
#[expect(missing_docs, reason = "they are named on the screen")]
pub enum View {
    #[default]
    Overview,
    Nights,
    Traffic,
    Destinations,
    Flows,
    Finding,
    Help,
}

impl View {
    /// Those that number keys lead to, in order.
    pub const NUMBERED: [Self; 6] =
        [Self::Overview, Self::Nights, Self::Traffic, Self::Destinations, Self::Flows, Self::Finding];

    /// As tabs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Nights => "Nights",
            Self::Traffic => "Traffic",
            Self::Destinations => "Destinations",
            Self::Flows => "Flows",
            Self::Finding => "Finding",
            Self::Help => "Help",
        }
    }
}

/// What is chosen: one app or service, or a whole device. By name, so that it stays the same while more is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// Id of the device.
    pub device: String,
    /// Id of the subject; `None` for the whole device.
    pub subject: Option<String>,
}

/// One row of the overview.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A device, by index in the audit.
    Device(usize),
    /// What is said of a subject.
    Subject(Box<Brief>),
}

/// Which row of a list is chosen, and which is the first that shows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The chosen row.
    pub row: usize,
    /// The first row that shows.
    pub top: usize,
}

impl Place {
    /// Stays within `len` rows, and shows the chosen one in `height`.
    pub fn settle(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.row = self.row.min(len.saturating_sub(1));
        self.top = self.top.min(len.saturating_sub(height)).min(self.row);
        if self.row >= self.top + height {
            self.top = self.row + 1 - height;
        }
    }

    /// Moves the choice by `by` rows.
    pub const fn step(&mut self, by: isize) {
        self.row = self.row.saturating_add_signed(by);
    }
}

/// The cursor on the map of nights.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cell {
    /// Which night.
    pub night: usize,
    /// Minute of the night by the clock, from the hour at which rows begin.
    pub minute: u32,
}

/// Upload or download.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Way {
    #[default]
    Up,
    Down,
}

/// Where the map of nights stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct NightsPlace {
    /// The cursor.
    pub cursor: Cell,
    /// Where brushing began.
    pub anchor: Option<Cell>,
    /// The first night that shows.
    pub top: usize,
    /// What is shown.
    pub way: Way,
    /// The cursor was moved, and stays; until then it follows the newest night.
    pub moved: bool,
}

/// Where the chart of traffic stands, in minutes of the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrafficPlace {
    /// The first minute and the number of minutes that show; `None`: everything.
    pub window: Option<(u32, u32)>,
    /// The minute under the cursor; `None`: the newest.
    pub cursor: Option<u32>,
    /// Where brushing began.
    pub anchor: Option<u32>,
}

/// How destinations are grouped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash)]
pub enum Grouping {
    #[default]
    Destination,
    App,
    Operator,
    Role,
    Host,
    Address,
    System,
}

impl Grouping {
    /// All of them, in the order in which they follow each other.
    pub const ALL: [Self; 7] =
        [Self::Destination, Self::App, Self::Operator, Self::Role, Self::Host, Self::Address, Self::System];

    /// What follows: autonomous systems only where a table of them was named.
    pub fn next(self, asn: Option<&AsnTable>) -> Self {
        let all = if asn.is_some() { &Self::ALL[..] } else { &Self::ALL[..Self::ALL.len() - 1] };
        let at = all.iter().position(|grouping| *grouping == self).unwrap_or(0);
        all.get(at + 1).copied().unwrap_or_default()
    }

    /// As the heading of its column says.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::App => "app or service",
            Self::Operator => "operator",
            Self::Role => "what for",
            Self::Host => "host",
            Self::Address => "address block",
            Self::System => "network (AS)",
        }
    }

    /// Whether its rows come from flows, whose bytes are not known by minute.
    pub const fn is_of_flows(self) -> bool {
        matches!(self, Self::Host | Self::Address | Self::System)
    }
}

/// The destination that flows are looked at for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Towards {
    /// One that a filter stands for.
    Asked(String),
    /// An autonomous system, or none that the table knows.
    System {
        /// Its number.
        number: Option<u32>,
        /// Number and name.
        says: String,
    },
}

/// By what a table is sorted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub struct Sorting {
    /// Index among the sortable columns of the view.
    pub by: usize,
    /// Turned round.
    pub reversed: bool,
}

/// The whole state.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is shown.
    pub snapshot: Arc<Snapshot>,
    /// What came while the picture was held still.
    pub held: Option<Arc<Snapshot>>,
    /// The picture is held still.
    pub paused: bool,
    /// How far the reading is, and when that was heard.
    pub progress: Option<(Progress, Duration)>,
    /// How fast it goes, while packets come in.
    pub pulse: Pulse,
    /// Since the screen opened.
    pub now: Duration,
    /// What the audit knows of time.
    pub times: Arc<Times>,
    /// The rows of the overview, most important first within their device.
    pub entries: Vec<Entry>,
    /// What is chosen; `None` while there is nothing.
    pub scope: Option<Scope>,
    /// What is looked at.
    pub view: View,
    /// Where `back` leads.
    pub trail: Vec<View>,
    /// What is asked.
    pub filter: Filter,
    /// As it was typed.
    pub filter_text: String,
    /// What is being typed.
    pub prompt: Option<Prompt>,
    /// What was asked before, the newest last.
    pub history: Vec<String>,
    /// The chosen stretch of time.
    pub brush: Option<Brush>,
    /// The destination that flows are looked at for.
    pub target: Option<Towards>,
    /// Where the overview stands.
    pub overview: Place,
    /// Where the map of nights stands.
    pub nights: NightsPlace,
    /// Where the chart stands.
    pub traffic: TrafficPlace,
    /// Where the destinations stand.
    pub destinations: Place,
    /// How they are grouped.
    pub grouping: Grouping,
    /// How they are sorted.
    pub destination_sorting: Sorting,
    /// Where the flows stand.
    pub flows: Place,
    /// How they are sorted.
    pub flow_sorting: Sorting,
    /// The chosen flow, so that it stays chosen while more come.
    pub flow: Option<Arc<FlowRow>>,
    /// The detail of the chosen flow shows.
    pub detail: bool,
    /// The first line of the finding that shows.
    pub finding: usize,
    /// The first line of help that shows.
    pub help: usize,
    /// The menu of file formats is open.
    pub exporting: bool,
    /// A line that shows until a moment.
    pub remark: Option<(Remark, Duration)>,
    /// Who announces which address, where a table was named.
    pub asn: Option<Arc<AsnTable>>,
    /// The captures that packets can be picked from again; `None` where there are none.
    pub captures: Option<Arc<[PathBuf]>>,
    /// What is worked out from all that, kept until something changes.
    pub derived: Derived,
    /// Colours and characters.
    pub theme: Theme,
    /// Which key does what.
    pub keys: Keys,
    /// Whether names are hidden.
    pub redaction: Redaction,
    /// The key by which they can be, once it was loaded.
    pub redaction_key: Option<Redaction>,
    /// Columns and rows of the terminal.
    pub size: Size,
}

impl Model {
    /// A screen of this size before anything was read.
    pub fn new(snapshot: Arc<Snapshot>, size: Size, theme: Theme, keys: Keys) -> Self {
        let times = Arc::new(Times::of(&snapshot.audit));
        let mut model = Self {
            snapshot: Arc::clone(&snapshot),
            held: None,
            paused: false,
            progress: None,
            pulse: Pulse::default(),
            now: Duration::ZERO,
            times,
            entries: Vec::new(),
            scope: None,
            view: View::Overview,
            trail: Vec::new(),
            filter: Filter::default(),
            filter_text: String::new(),
            prompt: None,
            history: Vec::new(),
            brush: None,
            target: None,
            overview: Place::default(),
            nights: NightsPlace::default(),
            traffic: TrafficPlace::default(),
            destinations: Place::default(),
            grouping: Grouping::default(),
            destination_sorting: Sorting { by: 0, reversed: false },
            flows: Place::default(),
            flow_sorting: Sorting { by: 0, reversed: false },
            flow: None,
            detail: false,
            finding: 0,
            help: 0,
            exporting: false,
            remark: None,
            asn: None,
            captures: None,
            derived: Derived::default(),
            theme,
            keys,
            redaction: Redaction::Off,
            redaction_key: None,
            size,
        };
        model.show(snapshot);
        super::derive::refresh(&mut model);
        model
    }

    /// Takes a newer snapshot in. What was chosen stays chosen.
    pub fn show(&mut self, snapshot: Arc<Snapshot>) {
        self.times = Arc::new(Times::of(&snapshot.audit));
        self.entries = entries(&snapshot, &self.redaction);
        self.snapshot = snapshot;
        self.settle_scope();
    }

    /// Makes sure that what is chosen is there.
    pub fn settle_scope(&mut self) {
        let there = self.scope.as_ref().and_then(|scope| self.entries.iter().position(|e| self.is_entry(e, scope)));
        self.overview.row = there.unwrap_or(0);
        self.scope = self.entries.get(self.overview.row).map(|entry| self.scope_of(entry));
    }

    /// Chooses the row of the overview at `row`, or the last.
    pub fn choose(&mut self, row: usize) {
        self.overview.row = row.min(self.entries.len().saturating_sub(1));
        self.scope = self.entries.get(self.overview.row).map(|entry| self.scope_of(entry));
        (self.finding, self.target) = (0, None);
    }

    fn is_entry(&self, entry: &Entry, scope: &Scope) -> bool {
        self.scope_of(entry) == *scope
    }

    fn scope_of(&self, entry: &Entry) -> Scope {
        let devices = &self.snapshot.audit.devices;
        let id = |at: usize| devices.get(at).map(|device| device.id.clone()).unwrap_or_default();
        match entry {
            Entry::Device(at) => Scope { device: id(*at), subject: None },
            Entry::Subject(brief) => {
                let subjects = devices.get(brief.device).map(|device| device.ledger.subjects.as_slice());
                let subject = subjects.and_then(|all| all.get(brief.subject)).map(|ledger| ledger.subject.id.clone());
                Scope { device: id(brief.device), subject }
            }
        }
    }

    /// The chosen device: its index, and what is known of it.
    pub fn device(&self) -> Option<(usize, &DeviceAudit)> {
        let at = match self.entries.get(self.overview.row)? {
            Entry::Device(at) => *at,
            Entry::Subject(brief) => brief.device,
        };
        self.snapshot.audit.devices.get(at).map(|device| (at, device))
    }

    /// The index of the chosen subject on the chosen device.
    pub fn subject(&self) -> Option<usize> {
        self.brief().map(|brief| brief.subject)
    }

    /// What is said of the chosen subject.
    pub fn brief(&self) -> Option<&Brief> {
        match self.entries.get(self.overview.row)? {
            Entry::Subject(brief) => Some(brief),
            Entry::Device(_) => None,
        }
    }

    /// The name of what is chosen.
    pub fn scope_name(&self) -> String {
        let device = self.device().map(|(at, _)| self.device_name(at)).unwrap_or_default();
        match self.brief() {
            Some(brief) => format!("{} on {device}", brief.name),
            None => device,
        }
    }

    /// The name of a device, or a pseudonym.
    pub fn device_name(&self, at: usize) -> String {
        let Some(device) = self.snapshot.audit.devices.get(at) else { return String::new() };
        let name = self.redaction.label(device.label.as_deref()).map(str::to_owned);
        crate::base::text::shown(&name.unwrap_or_else(|| self.redaction.device(&device.id).into_owned()), 40)
            .into_owned()
    }

    /// Whether packets come in right now.
    pub fn is_live(&self) -> bool {
        matches!(self.snapshot.stage, Stage::Live(_))
    }

    /// Whether the terminal is too small to show anything.
    pub const fn is_too_small(&self) -> bool {
        self.size.width < SMALLEST.width || self.size.height < SMALLEST.height
    }
}

/// Each device with its subjects, the most important first; those of which nothing was seen are left out.
fn entries(snapshot: &Snapshot, redaction: &Redaction) -> Vec<Entry> {
    let mut briefs = crate::report::briefs(&snapshot.audit, redaction);
    briefs.retain(|brief| brief.up.0 + brief.down.0 > 0 || brief.kind == Kind::Messenger);
    let mut entries = Vec::with_capacity(briefs.len() + snapshot.audit.devices.len());
    for at in 0..snapshot.audit.devices.len() {
        entries.push(Entry::Device(at));
        let own = briefs.extract_if(.., |brief| brief.device == at);
        entries.extend(own.map(|brief| Entry::Subject(Box::new(brief))));
    }
    entries
}
