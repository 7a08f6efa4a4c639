//! The packets behind a finding: one subject's flows in one night, picked out of the captures they came from.
//!
//! Captures are read twice: once to learn which flows are the subject's and which of its minutes were unattended, and
//! once to pick. Each packet gets a comment that names subject, minute and destination.

use std::{collections::HashMap, io, net::IpAddr};

use chrono::NaiveDate;

use super::{
    audit::{Audit, DeviceAudit, FlowRow},
    auditor::{Auditor, Options},
    conclude,
    offline::Judging,
};
use crate::{
    base::{Endpoint, Minute, Span, Stamp, text::shown},
    capture::{Batch, Captures, Frame, Opened, Progress},
    decode::{DatagramId, Decoded, Decoder, Limits, Packet, Transport},
    flow::Protocol,
    identify::Role,
    night::Finding,
};

/// Flows of one subject that are kept in mind; of more, the last are left out and counted.
const MOST_FLOWS: usize = 1 << 20;
/// Longest name in a comment.
const LONGEST_NAME: usize = 128;

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    /// Id or name of the subject, in any case.
    pub subject: String,
    /// The local date on which the night begins.
    pub night: NaiveDate,
    /// Id or label of the device, where several have the subject.
    pub device: Option<String>,
}

/// Why there is nothing to pick.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoEvidence {
    /// No device has such a subject.
    #[error("no subject {wanted:?} in these captures; there are: {known}")]
    Subject {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// No device is called so.
    #[error("no device {wanted:?} has it; name one of: {known}")]
    Device {
        /// What was asked for.
        wanted: String,
        /// Those that have the subject.
        known: String,
    },
    /// Several devices have it.
    #[error("several devices have it; name one with --device: {0}")]
    Devices(String),
    /// The captures do not touch that night.
    #[error("these captures hold no night that begins on {wanted}; theirs begin on {known}")]
    Night {
        /// What was asked for.
        wanted: NaiveDate,
        /// The first and the last there are.
        known: String,
    },
}

/// Which packets are evidence, and what is to be said of them.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The subject's name.
    pub subject: String,
    /// Label or id of the device.
    pub device: String,
    /// The night, or everything from the first to the last minute that is searched.
    pub night: Span,
    /// The minutes that are searched, ascending and apart.
    spans: Vec<Span>,
    /// What left unattended in it, by the audit.
    pub finding: Finding,
    flows: HashMap<Tuple, Vec<Stretch>>,
    /// Flows that were too many to keep in mind.
    pub left_out: u64,
}

/// What was picked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Picked {
    /// Frames handed on.
    pub packets: u64,
    /// Fragments whose datagram nobody could tell, because too many waited at once: they were passed over.
    pub fragments: u64,
}

/// Frames of datagrams that are not whole yet: whose they are is known when the last has come.
#[derive(Default)]
struct Fragments {
    held: HashMap<DatagramId, Batch>,
    bytes: usize,
}

impl Fragments {
    /// Keeps a frame until its datagram is known; says whether there was room.
    fn hold(&mut self, datagram: DatagramId, frame: &Frame<'_>) -> bool {
        if self.bytes.saturating_add(frame.data.len()) > MOST_HELD {
            return false;
        }
        self.bytes += frame.data.len();
        self.held.entry(datagram).or_default().push(frame);
        true
    }

    fn take(&mut self, datagram: Option<DatagramId>) -> Option<Batch> {
        let frames = self.held.remove(&datagram?)?;
        self.bytes -= frames.iter().map(|frame| frame.data.len()).sum::<usize>();
        Some(frames)
    }
}

/// Bytes of fragments kept at once: more than the decoder holds.
const MOST_HELD: usize = 32 << 20;

/// Both ends of a flow, the smaller first.
type Tuple = (Endpoint, Endpoint, u8);

/// When a flow was the subject's, and what it was for.
#[derive(Clone, Debug)]
struct Stretch {
    first: Stamp,
    last: Stamp,
    role: Role,
    far: String,
    /// Whose it is, where that is not what all of them are of.
    whose: Option<String>,
}

/// Reads captures to their end and learns which packets of them are `wanted`.
pub fn trace(
    opened: Opened,
    options: &Options,
    judging: &Judging,
    wanted: &Wanted,
    mut progress: impl FnMut(Progress),
) -> Result<Trail, NoEvidence> {
    let Opened { mut captures, .. } = opened;
    let (mut rows, mut left_out) = (Vec::new(), 0_u64);
    let mut auditor = Auditor::new(options);
    auditor.list_flows(|row| if rows.len() < MOST_FLOWS { rows.push(Known::of(row)) } else { left_out += 1 });
    let mut until_step = FRAMES_A_STEP;
    while captures.advance().is_some() {
        auditor.take(&captures.frame());
        until_step -= 1;
        if until_step == 0 {
            until_step = FRAMES_A_STEP;
            progress(captures.progress());
        }
    }
    let audit = auditor.audit(&conclude::watched(&captures.into_reports(), &[]), judging);
    let (device, at) = find(&audit, wanted)?;
    let finding = &device.finding.findings[at];
    let night = night(finding, wanted, judging)?;
    let subject = &device.ledger.subjects[at].subject;
    let own: Vec<&str> = device.ledger.subjects.iter().map(|ledger| ledger.subject.id.as_str()).collect();
    let is_its = |known: &Known| {
        // Sites that were sent little are one subject together.
        let id = if own.contains(&known.subject.as_str()) { known.subject.as_str() } else { "web" };
        known.device.as_ref() == Some(&device.id) && id == subject.id
    };
    let mut flows: HashMap<Tuple, Vec<Stretch>> = HashMap::new();
    for known in rows.into_iter().filter(is_its) {
        flows.entry(known.tuple).or_default().push(known.stretch);
    }
    Ok(Trail {
        subject: subject.name.clone(),
        device: device.label.clone().unwrap_or_else(|| device.id.clone()),
        night,
        spans: vec![night],
        finding: finding.clone(),
        flows,
        left_out,
    })
}

/// Frames between two calls of whoever follows the progress.
const FRAMES_A_STEP: u32 = 1 << 14;

/// What is kept in mind of a flow.
struct Known {
    tuple: Tuple,
    device: Option<String>,
    subject: String,
    stretch: Stretch,
}

impl Known {
    fn of(row: FlowRow) -> Self {
        let protocol = match row.protocol {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Other(number) => number,
        };
        let far = row.host.unwrap_or_else(|| row.b.addr.to_string());
        Self {
            tuple: tuple(row.a, row.b, protocol),
            device: row.device,
            subject: row.subject,
            stretch: Stretch { first: row.first, last: row.last, role: row.role, far, whose: None },
        }
    }
}

fn tuple(a: Endpoint, b: Endpoint, protocol: u8) -> Tuple {
    if a <= b { (a, b, protocol) } else { (b, a, protocol) }
}

fn find<'a>(audit: &'a Audit, wanted: &Wanted) -> Result<(&'a DeviceAudit, usize), NoEvidence> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(&wanted.subject);
    let place = |device: &DeviceAudit| {
        device.ledger.subjects.iter().position(|l| is_it(&l.subject.id) || is_it(&l.subject.name))
    };
    let having: Vec<_> = audit.devices.iter().filter_map(|device| Some((device, place(device)?))).collect();
    let name = |device: &DeviceAudit| shown(device.label.as_ref().unwrap_or(&device.id), LONGEST_NAME).into_owned();
    let names = || having.iter().map(|(device, _)| name(device)).collect::<Vec<_>>().join(", ");
    if having.is_empty() {
        let mut known: Vec<_> = audit
            .devices
            .iter()
            .flat_map(|device| &device.ledger.subjects)
            .map(|ledger| shown(&ledger.subject.id, LONGEST_NAME).into_owned())
            .collect();
        known.sort_unstable();
        known.dedup();
        known.truncate(MOST_NAMED);
        return Err(NoEvidence::Subject {
            wanted: shown(&wanted.subject, LONGEST_NAME).into_owned(),
            known: known.join(", "),
        });
    }
    match (&wanted.device, &having[..]) {
        (None, [only]) => Ok(*only),
        (None, _) => Err(NoEvidence::Devices(names())),
        (Some(asked), _) => {
            let called =
                |(device, _): &&(&DeviceAudit, usize)| device.id == *asked || device.label.as_ref() == Some(asked);
            let missing = || NoEvidence::Device { wanted: shown(asked, LONGEST_NAME).into_owned(), known: names() };
            having.iter().find(called).copied().ok_or_else(missing)
        }
    }
}

/// Subjects named in an error.
const MOST_NAMED: usize = 40;

fn night(finding: &Finding, wanted: &Wanted, judging: &Judging) -> Result<Span, NoEvidence> {
    let date = |minute: Minute| minute.start().utc().with_timezone(&judging.timezone).date_naive();
    let starts: Vec<_> = finding.nights.iter().map(|night| night.start).collect();
    let at = starts.iter().position(|start| date(*start) == wanted.night);
    let known = || match (starts.first(), starts.last()) {
        (Some(first), Some(last)) => format!("{} to {}", date(*first), date(*last)),
        _ => "no day".to_owned(),
    };
    let at = at.ok_or_else(|| NoEvidence::Night { wanted: wanted.night, known: known() })?;
    let first = starts[at];
    let day = first.plus(24 * 60);
    Ok(Span { first, end: starts.get(at + 1).map_or(day, |next| (*next).min(day)) })
}

/// The flows that are evidence, by who knows them already.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Whose flows they are.
    pub device: &'a DeviceAudit,
    /// What they are flows of; `None` where each says for itself.
    pub subject: Option<&'a str>,
    /// What says when the device was in use.
    pub finding: &'a Finding,
}

impl Trail {
    /// The packets of `rows` in `spans`, ascending and apart. `None` where there is no minute to search.
    pub fn of<'a>(about: About<'_>, rows: impl Iterator<Item = &'a FlowRow>, spans: Vec<Span>) -> Option<Self> {
        let night = Span { first: spans.first()?.first, end: spans.last()?.end };
        let mut flows: HashMap<Tuple, Vec<Stretch>> = HashMap::new();
        for row in rows {
            let whose = row.app.clone().or_else(|| row.operator.clone()).filter(|_| about.subject.is_none());
            let known = Known::of(row.clone());
            flows.entry(known.tuple).or_default().push(Stretch { whose, ..known.stretch });
        }
        Some(Self {
            subject: about.subject.unwrap_or("traffic").to_owned(),
            device: about.device.label.clone().unwrap_or_else(|| about.device.id.clone()),
            night,
            spans,
            finding: about.finding.clone(),
            flows,
            left_out: 0,
        })
    }

    fn searches(&self, minute: Minute) -> bool {
        let after = self.spans.partition_point(|span| span.first <= minute);
        after > 0 && self.spans[after - 1].contains(minute)
    }

    /// Reads captures again and hands every packet that is evidence to `keep`, with a comment for it.
    pub fn pick(
        &self,
        captures: &mut Captures,
        judging: &Judging,
        keep: impl FnMut(&Frame<'_>, &str) -> io::Result<()>,
        mut progress: impl FnMut(Progress),
    ) -> io::Result<Picked> {
        self.pick_while(captures, judging, keep, |at| {
            progress(at);
            true
        })
    }

    /// The same as long as `goes_on`, which hears of the progress now and then.
    pub fn pick_while(
        &self,
        captures: &mut Captures,
        judging: &Judging,
        mut keep: impl FnMut(&Frame<'_>, &str) -> io::Result<()>,
        mut goes_on: impl FnMut(Progress) -> bool,
    ) -> io::Result<Picked> {
        let (mut decoder, mut picked) = (Decoder::new(Limits::default()), Picked::default());
        let (mut fragments, mut lost) = (Fragments::default(), 0);
        let mut hand_on = |frame: &Frame<'_>, said: &str| {
            picked.packets += 1;
            keep(frame, said)
        };
        let mut until_step = FRAMES_A_STEP;
        while captures.advance().is_some() {
            let frame = captures.frame();
            let said = match decoder.decode(&frame) {
                Decoded::Packet(packet) => Fate::of(self.comment(&packet, judging)),
                Decoded::Held => Fate::Unknown,
                _ => Fate::Passed,
            };
            match (said, decoder.fragment()) {
                (Fate::Unknown, Some(datagram)) => lost += u64::from(!fragments.hold(datagram, &frame)),
                (Fate::Picked(said), datagram) => {
                    hand_on_all(fragments.take(datagram).as_ref(), &said, &mut hand_on)?;
                    hand_on(&frame, &said)?;
                }
                (_, datagram) => drop(fragments.take(datagram)),
            }
            self.pick_abandoned(&mut decoder, &mut fragments, judging, &mut hand_on)?;
            until_step -= 1;
            if until_step == 0 {
                until_step = FRAMES_A_STEP;
                if !goes_on(captures.progress()) {
                    break;
                }
            }
        }
        decoder.flush();
        self.pick_abandoned(&mut decoder, &mut fragments, judging, &mut hand_on)?;
        picked.fragments = lost;
        Ok(picked)
    }

    /// Hands on the fragments of datagrams that did not become whole.
    fn pick_abandoned(
        &self,
        decoder: &mut Decoder,
        fragments: &mut Fragments,
        judging: &Judging,
        keep: &mut impl FnMut(&Frame<'_>, &str) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(packet) = decoder.abandoned() {
            let said = self.comment_on(&packet, judging, Precision::About);
            let frames = fragments.take(decoder.fragment());
            if let Some(said) = said {
                hand_on_all(frames.as_ref(), &said, keep)?;
            }
        }
        Ok(())
    }

    /// What is to be said of a packet; `None` where it is no evidence.
    fn comment(&self, packet: &Packet<'_>, judging: &Judging) -> Option<String> {
        self.comment_on(packet, judging, Precision::Exact)
    }

    fn comment_on(&self, packet: &Packet<'_>, judging: &Judging, precision: Precision) -> Option<String> {
        let minute = packet.stamp.minute();
        if !self.searches(minute) {
            return None;
        }
        let stretches = self.flows.get(&key(packet))?;
        let apart = |it: &&Stretch| packet.stamp.since(it.last).max(it.first.since(packet.stamp));
        let nearest = stretches.iter().min_by_key(apart)?;
        let stretch = Some(nearest).filter(|it| precision == Precision::About || apart(it) == 0)?;
        let local = minute.start().utc().with_timezone(&judging.timezone);
        let use_of_it = if self.finding.is_attended(minute) { "in use" } else { "unattended" };
        Some(format!(
            "nightaudit: {} on {}, {} {}, {use_of_it}, {} {}",
            shown(stretch.whose.as_ref().unwrap_or(&self.subject), LONGEST_NAME),
            shown(&self.device, LONGEST_NAME),
            local.format("%Y-%m-%d %H:%M"),
            judging.timezone.name(),
            role(stretch.role),
            shown(&stretch.far, LONGEST_NAME),
        ))
    }
}

/// Whether a packet lies within its flow.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Precision {
    /// It does.
    Exact,
    /// It was given up on after its flow had ended, and is booked with the next of the same ends.
    About,
}

/// What becomes of a frame.
enum Fate {
    /// It is evidence, and this is to be said of it.
    Picked(String),
    /// It is none.
    Passed,
    /// It is a fragment of a datagram that is not whole yet.
    Unknown,
}

impl Fate {
    fn of(comment: Option<String>) -> Self {
        comment.map_or(Self::Passed, Self::Picked)
    }
}

fn hand_on_all(
    frames: Option<&Batch>,
    said: &str,
    keep: &mut impl FnMut(&Frame<'_>, &str) -> io::Result<()>,
) -> io::Result<()> {
    frames.into_iter().flat_map(Batch::iter).try_for_each(|frame| keep(&frame, said))
}

fn key(packet: &Packet<'_>) -> Tuple {
    let protocol = match packet.transport {
        Transport::Tcp { .. } => 6,
        Transport::Udp => 17,
        Transport::Other(number) => number,
    };
    let canonical = |end: Endpoint| Endpoint::new(IpAddr::to_canonical(&end.addr), end.port);
    tuple(canonical(packet.src), canonical(packet.dst), protocol)
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Chat => "chat with",
        Role::Media => "media with",
        Role::Call => "call with",
        Role::Push => "push from",
        Role::Backup => "backup to",
        Role::Telemetry => "telemetry to",
        Role::Account => "account with",
        Role::Update => "update from",
        Role::Web => "web with",
        Role::Unknown => "with",
    }
}
