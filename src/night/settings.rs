//! Every number the verdict depends on, by name.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::base::{Bytes, Span};

/// What a verdict does not depend on, and what is told otherwise.
const UNTELLING: [&str; 4] = ["power", "injections", "seed", "declared"];

/// The thresholds and rates of the night stage. The defaults are argued in `docs/method.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share of nights on which an unattended upload of `export_size` or more happens by accident. An assumption.
    pub accident_rate: f64,
    /// The same for sizes below `export_size`.
    pub small_accident_rate: f64,
    /// Of accidents of `export_size` or more, the share that reach `large_size`, 0 to 1.
    pub large_accidents: f64,
    /// The size from which accidents are that much rarer.
    pub large_size: Bytes,
    /// Share of days on which an upload happens by accident in some pause of use, by day or at rest. An assumption.
    pub pause_accident_rate: f64,
    /// The evidence (e-value) from which recurrence is called: under the accident rate it is ever reached with a
    /// chance of at most one in this.
    pub threshold: f64,
    /// Nights a recurrence verdict needs.
    pub needed_nights: u32,
    /// Share of a night's unattended minutes that must have been observed for it to count, 0 to 1.
    pub needed_coverage: f64,
    /// Sizes that a night's unattended bulk upload is held against, ascending.
    pub sizes: Vec<Bytes>,
    /// The median hit from which recurrent uploads are `export-like` rather than `small-recurrent`.
    pub export_size: Bytes,
    /// Unattended upload outside bulk bursts that makes a night count for the drip test.
    pub drip_size: Bytes,
    /// The tipping rate from which a verdict is `strong`.
    pub strong_tipping_rate: f64,
    /// False discovery rate over the rows of a device (e-BH).
    pub discovery_rate: f64,

    /// Distinct names within `name_window` minutes that show a person; more on a phone that looks up many by itself.
    pub names: u32,
    /// Minutes over which names are counted.
    pub name_window: u32,
    /// Distinct names within `name_window` minutes of its beginning, before or after, that show that a person began an
    /// upload.
    pub names_around: u32,
    /// Download in one minute that shows a person.
    pub download: Bytes,
    /// Minutes for which one sign of a person lasts.
    pub hold: u32,
    /// Share of interactive downloads without names above which attended time cannot be told, 0 to 1.
    pub most_leak: f64,
    /// Share of nights on which other traffic must show a person at all, 0 to 1.
    pub needed_use: f64,
    /// What the owner says about the hours of rest; replaces what is seen in traffic.
    pub declared: Option<Declared>,

    /// Minutes around a packet of the device within which it counts as present.
    pub presence: u32,
    /// Share of dropped packets from which a run of capture counts as not watched, 0 to 1.
    pub most_dropped: f64,

    /// Upload granted to acknowledgements, as a share of the download.
    pub acknowledgement_share: f64,
    /// Excess upload in one minute that belongs to a burst.
    pub burst_minute: Bytes,
    /// Quiet minutes that a burst may span.
    pub burst_gap: u32,
    /// Smallest bulk burst.
    pub bulk_size: Bytes,
    /// Smallest share of upload in all payload of a bulk burst, 0 to 1.
    pub bulk_asymmetry: f64,
    /// Smallest share of a bulk burst's upload that travels in packets of 1,000 bytes or more, 0 to 1.
    pub bulk_packets: f64,

    /// Share of the device's payload in opaque tunnels from which no app can be judged, 0 to 1.
    pub most_tunnel: f64,
    /// Share of a subject's upload that cannot be placed in time from which it cannot be judged, 0 to 1.
    pub most_unplaced: f64,
    /// Whether the smallest detectable export is worked out by injections.
    pub power: bool,
    /// How many injections.
    pub injections: u32,
    /// Seed of all random draws.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accident_rate: 0.05,
            small_accident_rate: 0.10,
            large_accidents: 0.4,
            large_size: Bytes::mb(25),
            pause_accident_rate: 0.25,
            threshold: 100.0,
            needed_nights: 5,
            needed_coverage: 0.5,
            sizes: [1, 5, 25, 100].map(Bytes::mb).into(),
            export_size: Bytes::mb(5),
            drip_size: Bytes::mb(2),
            strong_tipping_rate: 0.25,
            discovery_rate: 0.05,
            names: 4,
            name_window: 5,
            names_around: 3,
            download: Bytes::kb(300),
            hold: 20,
            most_leak: 0.5,
            needed_use: 0.25,
            declared: None,
            presence: 30,
            most_dropped: 0.5,
            acknowledgement_share: 0.03,
            burst_minute: Bytes::kb(64),
            burst_gap: 2,
            bulk_size: Bytes::kb(256),
            bulk_asymmetry: 0.75,
            bulk_packets: 0.5,
            most_tunnel: 0.5,
            most_unplaced: 0.5,
            power: true,
            injections: 200,
            seed: 1,
        }
    }
}

impl Settings {
    /// These settings, or the first that makes no sense.
    pub fn checked(self) -> Result<Self, BadSetting> {
        let open = |name, value: f64| in_range(name, value, value > 0.0 && value < 1.0, "above 0 and below 1");
        let share = |name, value: f64| in_range(name, value, (0.0..=1.0).contains(&value), "from 0 to 1");
        open("accident_rate", self.accident_rate)?;
        open("small_accident_rate", self.small_accident_rate)?;
        open("large_accidents", self.large_accidents.min(0.999))?;
        open("pause_accident_rate", self.pause_accident_rate)?;
        open("discovery_rate", self.discovery_rate)?;
        in_range("threshold", self.threshold, self.threshold >= 1.0 && self.threshold.is_finite(), "1 or more")?;
        for (name, value) in [
            ("needed_coverage", self.needed_coverage),
            ("strong_tipping_rate", self.strong_tipping_rate),
            ("most_leak", self.most_leak),
            ("needed_use", self.needed_use),
            ("most_dropped", self.most_dropped),
            ("acknowledgement_share", self.acknowledgement_share),
            ("bulk_asymmetry", self.bulk_asymmetry),
            ("bulk_packets", self.bulk_packets),
            ("most_tunnel", self.most_tunnel),
            ("most_unplaced", self.most_unplaced),
        ] {
            share(name, value)?;
        }
        for (name, value, within, range) in [
            ("needed_nights", self.needed_nights, 1..=365, "from 1 to 365"),
            ("names", self.names, 1..=1_000, "from 1 to 1,000"),
            ("names_around", self.names_around, 1..=1_000, "from 1 to 1,000"),
            ("name_window", self.name_window, 1..=60, "from 1 to 60 minutes"),
            ("hold", self.hold, 0..=720, "from 0 to 720 minutes"),
            ("presence", self.presence, 1..=720, "from 1 to 720 minutes"),
            ("burst_gap", self.burst_gap, 0..=720, "from 0 to 720 minutes"),
            ("injections", self.injections, 1..=10_000, "from 1 to 10,000"),
        ] {
            in_range(name, value.into(), within.contains(&value), range)?;
        }
        let ascending = self.sizes.windows(2).all(|pair| pair[0] < pair[1]);
        in_range(
            "sizes",
            self.sizes.len() as f64,
            ascending && (1..=16).contains(&self.sizes.len()),
            "1 to 16, ascending",
        )?;
        Ok(self)
    }

    /// In what verdicts by these settings rest on something else than the defaults, a sentence each without its full
    /// stop.
    pub fn conditions(&self) -> Vec<String> {
        let of = |settings: &Self| serde_json::to_value(settings).unwrap_or_default();
        let (here, usual) = (of(self), of(&Self::default()));
        let mut changed: Vec<String> = Vec::new();
        for (name, value) in here.as_object().into_iter().flatten() {
            let before = usual.get(name).unwrap_or(&serde_json::Value::Null);
            if value != before && !UNTELLING.contains(&name.as_str()) {
                changed.push(format!("night.{name} = {value} (by default {before})"));
            }
        }
        let settings = format!("Judged by other settings than the default ones: {}", changed.join(", "));
        let declared = self.declared.as_ref().map(|declared| match declared {
            Declared::Asleep { from, to, zone } => {
                let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
                format!(
                    "When nobody was using it is taken on the owner's word, and not told from its traffic: every day \
                     from {} to {}, {} time",
                    clock(*from),
                    clock(*to),
                    zone.name()
                )
            }
            Declared::InUse(_) => {
                "When somebody was using it is taken from a log of the screen, and not told from its traffic".to_owned()
            }
        });
        declared.into_iter().chain((!changed.is_empty()).then_some(settings)).collect()
    }

    /// The upload that acknowledging `down` may take, or the other way round.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a volume is a volume")]
    pub(super) fn acknowledging(&self, down: Bytes) -> Bytes {
        Bytes((self.acknowledgement_share.clamp(0.0, 1.0) * down.0 as f64) as u64)
    }

    /// The accident rate of a size at rest.
    pub fn accident_rate_at(&self, size: Bytes) -> f64 {
        // An accident of the larger size is one of the smaller too.
        let small = self.small_accident_rate.max(self.accident_rate);
        let large = if size < self.large_size { 1.0 } else { self.large_accidents };
        within(if size < self.export_size { small } else { self.accident_rate * large })
    }

    /// The accident rate of a size in all pauses of use together.
    pub(super) fn pause_rate_at(&self, size: Bytes) -> f64 {
        within(self.pause_accident_rate).max(self.accident_rate_at(size))
    }
}

/// An accident rate, kept inside what the evidence can be computed for.
fn within(rate: f64) -> f64 {
    if rate.is_nan() { 0.5 } else { rate.clamp(1e-6, 0.999) }
}

fn in_range(name: &'static str, value: f64, fits: bool, range: &'static str) -> Result<(), BadSetting> {
    if fits { Ok(()) } else { Err(BadSetting { name, value, range }) }
}

/// A setting outside the range in which it means anything.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("night.{name} = {value}: must be {range}")]
pub struct BadSetting {
    /// Which.
    pub name: &'static str,
    /// What it was set to (for a list, how many it holds).
    pub value: f64,
    /// What would be accepted.
    pub range: &'static str,
}

/// What the owner of a device says about when it was in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Declared {
    /// Nobody uses it between these times of day, every day; at all other times somebody may.
    Asleep {
        /// Minute of the local day at which rest begins, 0 to 1439.
        from: u16,
        /// Minute of the local day at which it ends; earlier than `from` where it passes midnight.
        to: u16,
        /// In which time zone.
        #[serde(with = "zone")]
        zone: Tz,
    },
    /// It was in use in these minutes (a screen log), and at no others.
    InUse(#[serde(with = "runs")] Vec<Span>),
}

/// Time zones are written by their IANA name.
pub(super) mod zone {
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
    pub(in crate::night) fn serialize<S: Serializer>(zone: &Tz, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(zone.name())
    }

    pub(in crate::night) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Tz, D::Error> {
        let name = String::deserialize(from)?;
        name.parse().map_err(|_| D::Error::custom(format!("{name:?} is no IANA time zone, such as Europe/Berlin")))
    }
}

/// Runs of minutes are written as pairs: first minute since the epoch, and the minute after the last.
mod runs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::base::{Minute, Span};

    pub(super) fn serialize<S: Serializer>(runs: &[Span], out: S) -> Result<S::Ok, S::Error> {
        runs.iter().map(|run| (run.first.0, run.end.0)).collect::<Vec<_>>().serialize(out)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Span>, D::Error> {
        let pairs = Vec::<(u32, u32)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(first, end)| Span { first: Minute(first), end: Minute(end) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_can_be_given_alone_and_a_wrong_name_is_refused() {
        let set: Settings = toml::from_str("accident_rate = 0.1").unwrap();
        assert_eq!(set, Settings { accident_rate: 0.1, ..Settings::default() });
        assert!(toml::from_str::<Settings>("acident_rate = 0.1").unwrap_err().to_string().contains("acident_rate"));
    }

    #[test]
    fn what_the_owner_declares_survives_being_written_down() {
        let declared = [
            Declared::Asleep { from: 1410, to: 420, zone: chrono_tz::Europe::Berlin },
            Declared::InUse(vec![Span { first: crate::base::Minute(7), end: crate::base::Minute(9) }]),
        ];
        for said in declared {
            let settings = Settings { declared: Some(said), ..Settings::default() };
            let text = toml::to_string(&settings).unwrap();
            assert_eq!(toml::from_str::<Settings>(&text).unwrap(), settings, "{text}");
        }
        let wrong = "declared = { asleep = { from = 0, to = 1, zone = \"Mars/Olympus\" } }";
        assert!(toml::from_str::<Settings>(wrong).unwrap_err().to_string().contains("IANA"));
    }

    #[test]
    fn settings_without_meaning_are_named() {
        assert!(Settings::default().checked().is_ok());
        let wrong = Settings { accident_rate: 1.0, ..Settings::default() }.checked().unwrap_err();
        assert_eq!(wrong.to_string(), "night.accident_rate = 1: must be above 0 and below 1");
        assert!(Settings { threshold: f64::NAN, ..Settings::default() }.checked().is_err());
        assert!(Settings { sizes: Vec::new(), ..Settings::default() }.checked().is_err());
        let wrong = Settings { name_window: 0, ..Settings::default() }.checked().unwrap_err();
        assert_eq!(wrong.to_string(), "night.name_window = 0: must be from 1 to 60 minutes");
    }
}
