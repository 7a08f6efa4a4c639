//! A scenario file: a phone, its owner, what its apps do, and what of that was captured.
//!
//! It reads like a sentence. Every key is optional but `name` and `nights`; what is left out is drawn for each seed.

use std::path::PathBuf;

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A scenario that cannot be played.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}:{line}: {what}", .file.display())]
pub struct ScenarioError {
    /// Which file.
    pub file: PathBuf,
    /// Which line of it, from 1.
    pub line: usize,
    /// What is wrong and what would mend it.
    pub what: String,
}

/// What an export's truth is, for grading.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// An export that must be called one.
    Positive,
    /// None, and must not be called one.
    #[default]
    Negative,
    /// An export too small to be told from diagnostics.
    Small,
    /// An export that no passive method can see.
    Undetectable,
    /// An export that hides in the user's own activity.
    Evasive,
    /// Either answer is right.
    Ambiguous,
    /// A legitimate feature with the statistics of an export.
    Declared,
    /// Hidden in a tunnel.
    Opaque,
}

/// Which subject a scenario is graded on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judge {
    /// The messaging app.
    #[default]
    Messenger,
    /// The consumer cloud.
    Cloud,
    /// What no rule and no name explains.
    Unattributed,
}

/// Which messaging app is on the phone.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum App {
    /// WhatsApp, of Meta.
    #[default]
    Whatsapp,
    /// Signal.
    Signal,
}

/// A share of something, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Share(pub f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(n: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&n) {
            Ok(Self(n))
        } else {
            Err(format!("{n} is no share: it must lie between 0 and 1"))
        }
    }
}

/// A rate, size or length: from 0 to a million of its unit.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "f64")]
pub struct Amount(pub f64);

impl TryFrom<f64> for Amount {
    type Error = String;

    fn try_from(n: f64) -> Result<Self, String> {
        let fits = (0.0..=1e6).contains(&n);
        if fits { Ok(Self(n)) } else { Err(format!("{n} is out of range: it must lie between 0 and 1,000,000")) }
    }
}

/// A time of day on the phone's own clock, in hours after the midnight before.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub struct Clock(pub f64);

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(h, m)| Some((h.parse::<u8>().ok()?, m.parse::<u8>().ok()?)));
        match parts {
            Some((hour @ 0..24, minute @ 0..60)) => Ok(Self(f64::from(hour) + f64::from(minute) / 60.0)),
            _ => Err(format!("{text:?} is no time of day: write it as \"23:45\"")),
        }
    }
}

impl Clock {
    /// Hours after the midnight before the evening that a night begins with: what is before noon is tomorrow's.
    pub(super) fn of_night(self) -> f64 {
        if self.0 < 12.0 { self.0 + 24.0 } else { self.0 }
    }
}

/// Who uses the phone. What is left out is drawn for each seed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Persona {
    /// Mean bedtime.
    pub bedtime: Option<Clock>,
    /// Standard deviation of the bedtime, hours.
    pub bedtime_varies_hours: Option<Amount>,
    /// Mean sleep, hours.
    pub sleep_hours: Option<Amount>,
    /// Median over phones of the times a day that the phone is taken up.
    pub sessions_per_day: Option<Amount>,
    /// Median over phones of the messages sent a day.
    pub messages_per_day: Option<Amount>,
    /// Median over phones of the photos sent a day.
    pub photos_per_day: Option<Amount>,
    /// Median over phones of the videos sent a day.
    pub videos_per_day: Option<Amount>,
    /// Median size of a video, MB.
    pub video_mb: Option<Amount>,
    /// Median over phones of the voice notes sent a day.
    pub voice_notes_per_day: Option<Amount>,
    /// Median over phones of the calls a day.
    pub calls_per_day: Option<Amount>,
    /// Share of calls with pictures.
    pub video_calls: Option<Share>,
    /// Mean number of times a night that the sleeper looks at the phone.
    pub wakes_per_night: Option<Amount>,
    /// Share of sent media that wait in a queue and leave later.
    pub queued_uploads: Option<Share>,
    /// Median download of a minute of browsing that downloads anything, MB.
    pub browsing_mb_per_minute: Option<Amount>,
}

/// What the phone does by itself. What is left out is drawn for each seed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Background {
    /// A cloud backup runs on four nights of five.
    pub cloud_backup: Option<bool>,
    /// Its median size, MB.
    pub cloud_backup_mb: Option<Amount>,
    /// Photos are synchronised on seven nights of ten.
    pub photo_sync: Option<bool>,
    /// Mean number of OS updates a night.
    pub os_updates_per_night: Option<Amount>,
    /// Mean over phones of the messages received a day, before the phone's own factor.
    pub incoming_per_day: Option<Amount>,
    /// Median size of received media, MB.
    pub incoming_media_mb: Option<Amount>,
    /// Share of larger downloads from other hosts than the app's that come over QUIC.
    pub over_quic: Option<Share>,
    /// Mean number of names looked up a minute while the phone is in use.
    pub names_per_minute_in_use: Option<Amount>,
    /// Mean number of names looked up a minute while it lies idle.
    pub names_per_minute_idle: Option<Amount>,
    /// Mean number of times a night that the system wakes to do its chores.
    pub maintenance_wakes_per_night: Option<Amount>,
}

/// When an export leaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// At a time of day, give or take a jitter.
    Clock,
    /// Some time after bedtime.
    AfterBedtime,
    /// At any moment of the rest.
    AtRest,
    /// Within four minutes of the last use of the day.
    BedtimeTail,
    /// A little every five minutes, day and night.
    Drip,
    /// During the user's own sessions.
    PiggyBack,
}

/// Where an upload goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// The app's chat servers.
    OperatorChat,
    /// The app's media servers.
    #[default]
    OperatorMedia,
    /// The consumer cloud.
    Cloud,
    /// An address that no name and no rule explains.
    Unknown,
}

/// Data that leaves without the user's doing.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Export {
    /// When it leaves.
    pub when: When,
    /// Median size, MB: of a night's export, or of a day's drip or piggy-back.
    pub mb: Amount,
    /// Sigma of the size's logarithm.
    #[serde(default = "default_spread")]
    pub spread: Amount,
    /// Probability that it happens on a night it is due.
    #[serde(default = "default_on_nights")]
    pub on_nights: Share,
    /// Due on every n-th night.
    #[serde(default = "default_every")]
    pub every: u32,
    /// First night it is due, counted from 0.
    #[serde(default)]
    pub from_night: u32,
    /// Not due any more from this night on, counted from 0.
    pub until_night: Option<u32>,
    /// `clock`: the time of day.
    pub at: Option<Clock>,
    /// `clock`: how far it may be off, minutes, either way.
    #[serde(default = "default_jitter")]
    pub jitter_minutes: Amount,
    /// `after-bedtime`: median lag, minutes.
    #[serde(default = "default_lag")]
    pub lag_minutes: Amount,
    /// `after-bedtime`: sigma of the lag's logarithm.
    #[serde(default = "default_lag_spread")]
    pub lag_spread: Amount,
    /// Median speed, kB/s.
    #[serde(default = "default_speed")]
    pub kb_per_second: Amount,
    /// Share of its bytes in full packets.
    #[serde(default = "default_full_packets")]
    pub full_packets: Share,
    /// Over how many connections it is spread.
    #[serde(default = "default_flows")]
    pub flows: u32,
    /// Where it goes.
    #[serde(default)]
    pub to: Destination,
}

/// Something benign that an export could be mistaken for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, tag = "what", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Happening {
    /// A large video, sent late in the evening by someone who is awake.
    OwlVideo {
        /// Share of nights.
        on_nights: Share,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
    },
    /// A large video, begun at bedtime, that finishes after lights out.
    BedVideo {
        /// Share of nights.
        on_nights: Share,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
        /// Speed, kB/s.
        kb_per_second: Amount,
    },
    /// A call that goes on in bed, screen off.
    NightCall {
        /// Share of nights.
        on_nights: Share,
        /// Its length, minutes.
        minutes: Amount,
        /// Upstream speed, kB/s.
        kb_per_second: Amount,
        /// Downstream by upstream.
        down_by_up: Amount,
    },
    /// A file forwarded to several chats.
    Forward {
        /// Share of days.
        on_days: Share,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
    },
    /// The message history, sent in pieces over twelve hours to a newly linked computer.
    HistorySync {
        /// How often in all.
        times: u32,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
    },
    /// Diagnostics or a crash dump, sent at rest.
    Nightly {
        /// Share of nights.
        on_nights: Share,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
        /// Where it goes.
        to: Destination,
    },
    /// A large download at rest, whose acknowledgements go upstream.
    BigDownload {
        /// Share of nights.
        on_nights: Share,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
    },
}

/// What of it all the sensor saw.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Coverage {
    /// Share of days on which the sensor was off.
    pub days_missing: Option<Share>,
    /// Share of hours in which it was off.
    pub hours_missing: Option<Share>,
    /// Share of packets it dropped.
    pub packets_dropped: Option<Share>,
    /// The phone leaves this network from bedtime to getting up.
    pub away_at_night: bool,
    /// The sensor's clock runs fast by this many minutes a day.
    pub clock_gains_minutes_per_day: Option<Amount>,
}

/// How the phone is connected.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "things that are so or not, as the file says them")]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Network {
    /// A second phone, with an owner of its own and no exports, shares the address.
    pub second_phone: bool,
    /// Everything goes through one tunnel.
    pub vpn: bool,
    /// Names are hidden: encrypted DNS and Encrypted ClientHello.
    pub names_hidden: bool,
    /// The hardware address changes every day.
    pub randomised_mac: bool,
    /// The sensor's interface merges up to ten segments of a transfer into one frame, as Linux does by default.
    pub receive_offload: bool,
    /// How many bytes of each frame a capture keeps; handshakes are kept whole.
    pub snap_length: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            second_phone: false,
            vpn: false,
            names_hidden: false,
            randomised_mac: false,
            receive_offload: false,
            snap_length: 160,
        }
    }
}

/// The phone's owner lives by another clock for a while: travel, or a clock change.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Travel {
    /// First day, counted from 0.
    pub from_day: u32,
    /// First day back; left out: never.
    pub until_day: Option<u32>,
    /// How far local clocks are ahead of those at home, minutes.
    pub minutes_ahead: i32,
}

/// A phone, its owner, what its apps do, and what of that was captured.
///
/// ```
/// use nightaudit::simulate::Scenario;
///
/// let text = r#"
/// name = "60 MB every night at three"
/// nights = 14
///
/// [[export]]
/// when = "clock"
/// at = "03:00"
/// mb = 60
/// "#;
/// let scenario = Scenario::parse(text, "three.toml").expect("a scenario");
/// assert_eq!(scenario.exports.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// A short handle, such as `B04`.
    #[serde(default)]
    pub id: String,
    /// What it is, for people.
    pub name: String,
    /// Why it is worth playing.
    #[serde(default)]
    pub why: String,
    /// What its truth is.
    #[serde(default)]
    pub class: Class,
    /// The verdicts that would be right, by their names in reports.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Which subject they are said of.
    #[serde(default)]
    pub judge: Judge,
    /// How many nights.
    pub nights: u32,
    /// The day on whose evening the first of them begins.
    #[serde(default = "default_start")]
    pub start: NaiveDate,
    /// Where the phone lives.
    #[serde(default = "default_timezone", deserialize_with = "zone")]
    pub timezone: Tz,
    /// The seed, where the caller gives none.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Which messaging app.
    #[serde(default)]
    pub app: App,
    /// Who uses the phone.
    #[serde(default)]
    pub persona: Persona,
    /// What the phone does by itself.
    #[serde(default)]
    pub background: Background,
    /// What leaves without the user's doing.
    #[serde(default, rename = "export")]
    pub exports: Vec<Export>,
    /// What could be mistaken for that.
    #[serde(default, rename = "happening")]
    pub happenings: Vec<Happening>,
    /// Clocks that change.
    #[serde(default)]
    pub travel: Vec<Travel>,
    /// What the sensor saw.
    #[serde(default)]
    pub coverage: Coverage,
    /// How the phone is connected.
    #[serde(default)]
    pub network: Network,
}

impl Scenario {
    /// Reads a scenario; `file` is what errors call it.
    pub fn parse(text: &str, file: impl Into<PathBuf>) -> Result<Self, ScenarioError> {
        let file = file.into();
        let scenario: Self = toml::from_str(text).map_err(|error| ScenarioError {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            what: error.message().replace('\n', " "),
            file: file.clone(),
        })?;
        match scenario.contradiction() {
            Some((key, what)) => Err(ScenarioError { line: line_with(text, key), what, file }),
            None => Ok(scenario),
        }
    }

    /// What cannot be played although each key by itself can, with the key it is about.
    fn contradiction(&self) -> Option<(&'static str, String)> {
        if !(1..=MOST_NIGHTS).contains(&self.nights) {
            return Some(("nights", format!("nights = {}: play 1 to {MOST_NIGHTS}", self.nights)));
        }
        for export in &self.exports {
            if export.when == When::Clock && export.at.is_none() {
                return Some(("when", "when = \"clock\" needs a time of day, such as at = \"03:00\"".into()));
            }
            if export.every == 0 || !(1..=MOST_FLOWS).contains(&export.flows) {
                return Some(("[[export]]", format!("every must be 1 or more, and flows 1 to {MOST_FLOWS}")));
            }
            if export.kb_per_second.0 < 1.0 {
                return Some(("kb-per-second", "kb-per-second: an export moves at least 1 kB/s".into()));
            }
        }
        None
    }
}

/// Longer scenarios than a year say nothing more and would only exhaust memory.
const MOST_NIGHTS: u32 = 400;
/// More connections than a phone opens for one upload.
const MOST_FLOWS: u32 = 1_000;

fn zone<'de, D: Deserializer<'de>>(source: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(source)?;
    name.parse().map_err(|_| D::Error::custom(format!("{name:?} is no time zone: write it as \"Europe/Berlin\"")))
}

fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

fn line_with(text: &str, key: &str) -> usize {
    1 + text.lines().position(|line| line.trim_start().starts_with(key)).unwrap_or_default()
}

const fn default_spread() -> Amount {
    Amount(0.3)
}

const fn default_on_nights() -> Share {
    Share(0.95)
}

const fn default_every() -> u32 {
    1
}

const fn default_jitter() -> Amount {
    Amount(15.0)
}

const fn default_lag() -> Amount {
    Amount(90.0)
}

const fn default_lag_spread() -> Amount {
    Amount(0.5)
}

const fn default_speed() -> Amount {
    Amount(600.0)
}

const fn default_full_packets() -> Share {
    Share(0.95)
}

const fn default_flows() -> u32 {
    1
}

const fn default_seed() -> u64 {
    1
}

const fn default_timezone() -> Tz {
    Tz::Europe__Berlin
}

fn default_start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Scenario::parse(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_named_with_its_file_and_line() {
        let unknown = refused("name = \"x\"\nnights = 3\n[persona]\nbedtimes = \"23:00\"\n");
        assert!(unknown.starts_with("a.toml:4: unknown field `bedtimes`"), "{unknown}");
        let share = refused("name = \"x\"\nnights = 3\n[coverage]\ndays-missing = 1.5\n");
        assert!(share.starts_with("a.toml:4: 1.5 is no share"), "{share}");
        let clock = refused("name = \"x\"\nnights = 3\n[[export]]\nwhen = \"clock\"\nmb = 5\n");
        assert!(clock.starts_with("a.toml:4: when = \"clock\" needs a time of day"), "{clock}");
        let time = refused("name = \"x\"\nnights = 3\n[persona]\nbedtime = \"25:00\"\n");
        assert!(time.starts_with("a.toml:4: \"25:00\" is no time of day"), "{time}");
        let nights = refused("name = \"x\"\nnights = 0\n");
        assert!(nights.starts_with("a.toml:2: nights = 0: play 1 to 400"), "{nights}");
    }

    #[test]
    fn a_time_before_noon_belongs_to_the_evening_before() {
        assert!((Clock::try_from("03:36".to_owned()).unwrap().of_night() - 27.6).abs() < 1e-9);
        assert!((Clock::try_from("23:45".to_owned()).unwrap().of_night() - 23.75).abs() < 1e-9);
    }
}
