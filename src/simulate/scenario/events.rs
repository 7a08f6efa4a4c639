//! What leaves without the owner's doing, and what could be mistaken for that.

use serde::Deserialize;

use super::{Amount, Clock, Share};

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
    /// The app's servers for measurements and crash reports.
    OperatorTelemetry,
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
    /// What it is made to look like.
    #[serde(default)]
    pub disguised_as: Disguise,
}

/// What an export is made to look like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disguise {
    /// A file that is sent: the plain case.
    #[default]
    Upload,
    /// A call: steady packets over UDP, with as much coming back.
    Call,
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
    /// A camera over the cradle: pictures go up all night, and hardly anything comes back.
    BabyCamera {
        /// Share of nights.
        on_nights: Share,
        /// Upstream speed, kB/s.
        kb_per_second: Amount,
    },
    /// Files that the owner sends from a computer, by day, and that the phone uploads for it while it lies beside.
    DesktopRelay {
        /// Share of days.
        on_days: Share,
        /// Mean number of files on such a day.
        files: Amount,
        /// Median size, MB.
        mb: Amount,
        /// Sigma of the size's logarithm.
        spread: Amount,
    },
    /// Media that arrive, at any hour, are sent on some minutes later: to the owner's own computer, say.
    PassOn {
        /// From what size on, MB.
        at_least_mb: Amount,
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
