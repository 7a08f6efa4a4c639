//! One term of a filter: a key, how it is joined, a value.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, NaiveDateTime};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error as Unreadable};

use super::{
    FilterError,
    facts::Facts,
    lex::{Relation, Word},
    text::{Glob, HostLike},
    times::Times,
    value::{self, FIRST_DATE, FIRST_MOMENT, LAST_DATE, LAST_MOMENT},
};
use crate::{
    flow::Protocol,
    identify::{Confidence, Evidence, Kind, Role},
    night::Verdict,
};

/// A key with an example and what it asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyHelp {
    /// The key.
    pub key: &'static str,
    /// How it is used.
    pub example: &'static str,
    /// What it asks.
    pub asks: &'static str,
}

const fn help(key: &'static str, example: &'static str, asks: &'static str) -> KeyHelp {
    KeyHelp { key, example, asks }
}

/// Every key, in the order in which they are explained.
pub const KEYS: [KeyHelp; 20] = [
    help("app", "app:whatsapp,signal", "whose traffic it is, by id or name; * stands for anything"),
    help("operator", "operator:meta", "whose servers"),
    help("kind", "kind:messenger", "messenger, cloud, os, push, tracker, web or unattributed"),
    help("role", "role:media,backup", "what for: chat, media, call, push, backup, telemetry, account, update, web"),
    help("host", "host:whatsapp.net", "the server's name and what is below it; host~part or host~\"*.icloud*\""),
    help("addr", "addr:157.240.0.0/16", "the address of either end, or a block of them"),
    help("port", "port:5222..5228", "the port of either end"),
    help("proto", "proto:udp", "tcp, udp, or a protocol number"),
    help("device", "device:\"Ana's phone\"", "the audited device, by id or label"),
    help("up", "up>5MB", "payload from the device; down and total likewise"),
    help("down", "down<100kB", "payload to the device"),
    help("total", "total:1MB..2MB", "payload both ways"),
    help("packets", "packets>1000", "packets both ways"),
    help("lasts", "lasts>10m", "from the first packet to the last"),
    help("night", "night:2026-06-03..2026-06-10", "the nights that begin on these dates"),
    help("hour", "hour:1-5", "from 01:00 until 05:00 by the clock; 22-6 goes over midnight"),
    help("time", "time:2026-06-03T02:00..2026-06-03T03:00", "a stretch of time"),
    help("evidence", "evidence:sni,dns", "by what it was attributed"),
    help("confidence", "confidence:high", "how far that can be trusted: low, medium, high"),
    help("verdict", "verdict:export-like", "what is said of the app or service"),
];

/// Words that stand by themselves.
pub(super) const FLAGS: [&str; 2] = ["unattended", "attended"];

/// Which text of a thing is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TextKey {
    App,
    Operator,
    Device,
    /// Any name in it.
    Any,
}

/// Which number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NumberKey {
    Up,
    Down,
    Total,
    Packets,
    Lasts,
    Port,
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    Text(TextKey, Vec<Glob>),
    Host(Vec<HostLike>),
    Address(Vec<HostLike>),
    Kind(Vec<Kind>),
    Role(Vec<Role>),
    Evidence(Vec<Evidence>),
    Confidence(Vec<Confidence>),
    Verdict(Vec<Verdict>),
    Protocol(Vec<Protocol>),
    Number(NumberKey, RangeInclusive<u64>),
    Night(RangeInclusive<NaiveDate>),
    /// From and until, in minutes of the local day.
    Hour(u32, u32),
    Time(RangeInclusive<NaiveDateTime>),
    Unattended,
    Attended,
}

impl Term {
    /// A word by itself: a flag, or a text in any name.
    pub(super) fn bare(word: &Word) -> Result<Self, FilterError> {
        match word.text.to_lowercase().as_str() {
            "" => Err(FilterError::new(word.at.clone(), "an empty text is in everything; leave it out")),
            "unattended" if !word.quoted => Ok(Self::Unattended),
            "attended" if !word.quoted => Ok(Self::Attended),
            text => Ok(Self::Text(TextKey::Any, vec![Glob::inside(text)])),
        }
    }

    /// `key`, relation, value.
    pub(super) fn pair(key: &Word, relation: Relation, value: &Word) -> Result<Self, FilterError> {
        let name = key.text.to_lowercase();
        if let Some(number) = number_key(&name) {
            let (read, wanted): (fn(&str) -> Option<u64>, _) = match number {
                NumberKey::Up | NumberKey::Down | NumberKey::Total => (value::size, "size, such as 5MB or 300kB"),
                NumberKey::Lasts => (value::length, "length of time, such as 90s, 15m or 2h"),
                NumberKey::Packets | NumberKey::Port => (value::count, "number"),
            };
            return Ok(Self::Number(number, value::numbers(value, not_like(key, relation)?, read, wanted)?));
        }
        match name.as_str() {
            "night" | "nights" | "date" => {
                let wanted = "date, such as 2026-06-03";
                let relation = not_like(key, relation)?;
                Ok(Self::Night(value::range(value, relation, value::date, FIRST_DATE, LAST_DATE, wanted)?))
            }
            "time" => {
                let (relation, wanted) = (not_like(key, relation)?, "moment, such as 2026-06-03T02:30");
                Ok(Self::Time(value::range(value, relation, value::moment, FIRST_MOMENT, LAST_MOMENT, wanted)?))
            }
            _ => Self::named(key, &name, relation, value),
        }
    }

    fn named(key: &Word, name: &str, relation: Relation, value: &Word) -> Result<Self, FilterError> {
        let like = match relation {
            Relation::Is => false,
            Relation::Like => true,
            _ => return Err(FilterError::new(key.at.clone(), format!("{name} is no number: write {name}:value"))),
        };
        let glob = if like { Glob::inside } else { Glob::whole };
        let texts = |key| Ok(Self::Text(key, listed(value).map(|(text, _)| glob(text)).collect()));
        match name {
            "app" | "subject" => texts(TextKey::App),
            "operator" => texts(TextKey::Operator),
            "device" => texts(TextKey::Device),
            "host" | "destination" if like => Ok(Self::Host(vec![HostLike::Pattern(Glob::inside(&value.text))])),
            "host" | "destination" => Ok(Self::Host(listed(value).map(|(text, _)| HostLike::of(text)).collect())),
            "addr" | "address" | "ip" => addresses(value),
            "kind" => words(value, "kind").map(Self::Kind),
            "role" => words(value, "role").map(Self::Role),
            "evidence" => words(value, "evidence").map(Self::Evidence),
            "confidence" => words(value, "confidence").map(Self::Confidence),
            "verdict" => verdicts(value),
            "proto" | "protocol" => protocols(value),
            "hour" | "hours" => value::hours(value).map(|(from, until)| Self::Hour(from, until)),
            _ => Err(FilterError::new(key.at.clone(), unknown_key(name))),
        }
    }

    /// The key it is written with.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Text(TextKey::App, _) => "app",
            Self::Text(TextKey::Operator, _) => "operator",
            Self::Text(TextKey::Device, _) => "device",
            Self::Text(TextKey::Any, _) => "text",
            Self::Host(_) => "host",
            Self::Address(_) => "addr",
            Self::Kind(_) => "kind",
            Self::Role(_) => "role",
            Self::Evidence(_) => "evidence",
            Self::Confidence(_) => "confidence",
            Self::Verdict(_) => "verdict",
            Self::Protocol(_) => "proto",
            Self::Number(NumberKey::Up, _) => "up",
            Self::Number(NumberKey::Down, _) => "down",
            Self::Number(NumberKey::Total, _) => "total",
            Self::Number(NumberKey::Packets, _) => "packets",
            Self::Number(NumberKey::Lasts, _) => "lasts",
            Self::Number(NumberKey::Port, _) => "port",
            Self::Night(_) => "night",
            Self::Hour(..) => "hour",
            Self::Time(_) => "time",
            Self::Unattended => "unattended",
            Self::Attended => "attended",
        }
    }

    pub(super) const fn needs_devices(&self) -> bool {
        let sided = matches!(self, Self::Number(NumberKey::Up | NumberKey::Down, _));
        sided || matches!(self, Self::Night(_) | Self::Text(TextKey::Device, _)) || self.needs_findings()
    }

    pub(super) const fn needs_findings(&self) -> bool {
        matches!(self, Self::Unattended | Self::Attended | Self::Verdict(_))
    }

    /// What `facts` answer; `None` where they do not tell.
    pub(super) fn answer(&self, facts: &Facts<'_>, times: &Times) -> Option<bool> {
        match self {
            Self::Text(key, globs) => text(*key, facts).map(|texts| any_text(globs, texts)),
            Self::Host(hosts) => facts.host.map(|host| {
                hosts.iter().any(|like| {
                    like.matches_name(host) || facts.addresses.into_iter().flatten().any(|a| like.matches_address(a))
                })
            }),
            Self::Address(blocks) => address(blocks, facts),
            Self::Kind(kinds) => facts.kind.map(|kind| kinds.contains(&kind)),
            Self::Role(roles) => facts.role.map(|role| roles.contains(&role)),
            Self::Evidence(all) => facts.evidence.map(|evidence| all.contains(&evidence)),
            Self::Confidence(all) => facts.confidence.map(|confidence| all.contains(&confidence)),
            Self::Verdict(all) => facts.verdict(times).map(|verdict| all.contains(&verdict)),
            Self::Protocol(all) => facts.protocol.map(|protocol| all.contains(&protocol)),
            Self::Number(key, range) => number(*key, range, facts),
            Self::Night(dates) => facts.when.map(|when| times.is_in_nights(facts.device_at, when, dates)),
            Self::Hour(from, until) => facts.when.map(|when| times.is_in_hours(when, *from, *until)),
            Self::Time(range) => facts.when.map(|when| times.is_in(when, range)),
            Self::Unattended => facts.attended(times).map(|attended| !attended),
            Self::Attended => facts.attended(times),
        }
    }
}

fn number_key(name: &str) -> Option<NumberKey> {
    Some(match name {
        "up" | "sent" => NumberKey::Up,
        "down" | "received" => NumberKey::Down,
        "total" | "bytes" | "size" => NumberKey::Total,
        "packets" => NumberKey::Packets,
        "lasts" | "duration" => NumberKey::Lasts,
        "port" => NumberKey::Port,
        _ => return None,
    })
}

fn not_like(key: &Word, relation: Relation) -> Result<Relation, FilterError> {
    match relation {
        Relation::Like => {
            Err(FilterError::new(key.at.clone(), format!("{0} is a number: write {0}>… or {0}:…", key.text)))
        }
        plain => Ok(plain),
    }
}

/// The parts of a value between commas, each with its place; a quoted value is one part.
fn listed(value: &Word) -> impl Iterator<Item = (&str, std::ops::Range<usize>)> {
    let comma = if value.quoted { '"' } else { ',' };
    let mut start = value.at.start;
    value.text.split(comma).map(move |part| {
        let at = start..start + part.len();
        start = at.end + 1;
        (part, if value.quoted { value.at.clone() } else { at })
    })
}

fn words<T: DeserializeOwned>(value: &Word, what: &str) -> Result<Vec<T>, FilterError> {
    listed(value)
        .map(|(text, at)| {
            let read: Result<T, Unreadable> = T::deserialize(text.to_lowercase().into_deserializer());
            read.map_err(|error| {
                let known = error.to_string().split("expected one of ").nth(1).map(|known| known.replace('`', ""));
                let known = known.map(|known| format!(": want one of {known}")).unwrap_or_default();
                FilterError::new(at, format!("{} is no {what}{known}", value::quoted(text)))
            })
        })
        .collect()
}

fn verdicts(value: &Word) -> Result<Term, FilterError> {
    let known = [
        ("insufficient", Verdict::Insufficient),
        ("routine", Verdict::Routine),
        ("small-recurrent", Verdict::SmallRecurrent),
        ("bulk-but-irregular", Verdict::BulkButIrregular),
        ("backup-like", Verdict::BackupLike),
        ("export-like", Verdict::ExportLike),
    ];
    let one = |(text, at): (&str, std::ops::Range<usize>)| {
        let found = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, verdict)| *verdict);
        found.ok_or_else(|| {
            let all = known.map(|(word, _)| word).join(", ");
            FilterError::new(at, format!("{} is no verdict: want one of {all}", value::quoted(text)))
        })
    };
    listed(value).map(one).collect::<Result<_, _>>().map(Term::Verdict)
}

fn protocols(value: &Word) -> Result<Term, FilterError> {
    let one = |(text, at): (&str, std::ops::Range<usize>)| match text.to_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "icmp" => Ok(Protocol::Other(1)),
        "esp" => Ok(Protocol::Other(50)),
        other => other.trim_start_matches("ip-").parse().map(Protocol::Other).map_err(|_| {
            FilterError::new(at, format!("{} is no protocol: tcp, udp, icmp, esp or a number", value::quoted(text)))
        }),
    };
    listed(value).map(one).collect::<Result<_, _>>().map(Term::Protocol)
}

fn addresses(value: &Word) -> Result<Term, FilterError> {
    let one = |(text, at): (&str, std::ops::Range<usize>)| match HostLike::of(text) {
        block @ HostLike::Block(_) => Ok(block),
        _ => Err(FilterError::new(
            at,
            format!("{} is no address: want 157.240.1.60 or 157.240.0.0/16", value::quoted(text)),
        )),
    };
    listed(value).map(one).collect::<Result<_, _>>().map(Term::Address)
}

fn unknown_key(name: &str) -> String {
    let near = KEYS.iter().map(|help| help.key).find(|key| key.starts_with(name) || name.starts_with(key));
    let all = || KEYS.map(|help| help.key).join(", ");
    match near {
        Some(key) => format!("there is no key {}; did you mean {key}?", value::quoted(name)),
        None => format!("there is no key {}; there are {}", value::quoted(name), all()),
    }
}

fn text<'a>(key: TextKey, facts: &Facts<'a>) -> Option<[Option<&'a str>; 6]> {
    let only = |a, b| [a, b, None, None, None, None];
    Some(match key {
        TextKey::App => only(Some(facts.app?), facts.name),
        TextKey::Operator => only(Some(facts.operator?), None),
        TextKey::Device => only(Some(facts.device?), facts.label),
        TextKey::Any => [facts.app, facts.name, facts.operator, facts.host, facts.device, facts.label],
    })
}

fn any_text(globs: &[Glob], texts: [Option<&str>; 6]) -> bool {
    texts.into_iter().flatten().any(|text| globs.iter().any(|glob| glob.matches(text)))
}

fn address(blocks: &[HostLike], facts: &Facts<'_>) -> Option<bool> {
    if facts.addresses == [None; 2] {
        // A destination without a name is a block of addresses.
        let host = facts.host.filter(|host| host.contains('/'))?;
        return Some(blocks.iter().any(|block| block.matches_name(host)));
    }
    let mut ends = facts.addresses.into_iter().flatten();
    Some(ends.any(|end| blocks.iter().any(|block| block.matches_address(end))))
}

fn number(key: NumberKey, range: &RangeInclusive<u64>, facts: &Facts<'_>) -> Option<bool> {
    let one = match key {
        NumberKey::Up => facts.up?.0,
        NumberKey::Down => facts.down?.0,
        NumberKey::Total => (facts.up? + facts.down?).0,
        NumberKey::Packets => facts.packets?,
        NumberKey::Lasts => facts.lasts()?,
        NumberKey::Port => return facts.ports.map(|ports| ports.iter().any(|port| range.contains(&u64::from(*port)))),
    };
    Some(range.contains(&one))
}
