//! The toggle test: a feature is switched on and off by a calendar drawn at random, and the uploads either follow the
//! switch or they do not.
//!
//! The draw is what makes it a proof: whatever else differs from night to night differs without regard to the switch. So
//! the chance that as clear a difference arises without any effect can be counted out, with no assumption about accident
//! rates and none about how uploads are spread. In: a [`TogglePlan`] and a device's minutes. Out: a [`Toggled`].

mod ranks;

use chrono::{Days, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    base::{Bytes, Minute, Span},
    ledger::DeviceLedger,
    night::{Lacking, Night, Settings, case::nights_in, verdict::median},
};
use ranks::{binomial, chance_of_ranks, interval, typical_difference};

/// Which way the switch is for a night.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// The feature is on.
    On,
    /// It is off.
    Off,
}

/// One night of a plan.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToggleNight {
    /// The local date on whose evening it begins.
    pub date: NaiveDate,
    /// Which way the switch is to be.
    pub feature: Switch,
    /// Why it does not count, where its owner says so: the switch was forgotten, the phone was lent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
}

/// A calendar of nights, drawn at random before any of them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TogglePlan {
    /// What is switched, in its owner's words.
    pub what: String,
    /// What the calendar was drawn from.
    pub seed: u64,
    /// The local time at which to switch: a night reaches from there to the same time a day later.
    pub switch_at: SwitchTime,
    /// Where the phone lives.
    #[serde(with = "super::settings::zone")]
    pub timezone: Tz,
    /// The nights, ascending.
    pub night: Vec<ToggleNight>,
}

/// A minute of the local day, written as `18:00`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SwitchTime(u16);

/// A plan that cannot be drawn or judged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The number of nights is out of range.
    #[error("{0} nights: a plan holds {FEWEST} to {MOST} (14 are usual; 10 is the least that can be conclusive)")]
    Nights(usize),
    /// The calendar runs past the last date there is.
    #[error("{0} is too far from now for a plan")]
    Start(NaiveDate),
    /// The nights do not follow each other.
    #[error("night {0} comes after a later one, or twice: the nights of a plan ascend")]
    Order(NaiveDate),
    /// All nights are alike.
    #[error("every night is {0}: without nights of both kinds there is nothing to compare")]
    OneKind(&'static str),
    /// A time that is none.
    #[error("{0:?} is no time of day: write it as \"18:00\"")]
    Time(String),
}

/// Fewer nights cannot bring p below 5 %.
const FEWEST: usize = 6;
/// More nights than this add nothing.
const MOST: usize = 120;

impl TryFrom<String> for SwitchTime {
    type Error = PlanError;

    fn try_from(text: String) -> Result<Self, PlanError> {
        text.parse()
    }
}

impl std::str::FromStr for SwitchTime {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let parts = text.split_once(':').and_then(|(h, m)| Some((h.parse::<u16>().ok()?, m.parse::<u16>().ok()?)));
        match parts {
            Some((hour @ 0..24, minute @ 0..60)) => Ok(Self(hour * 60 + minute)),
            _ => Err(PlanError::Time(text.to_owned())),
        }
    }
}

impl From<SwitchTime> for String {
    fn from(time: SwitchTime) -> Self {
        time.to_string()
    }
}

impl std::fmt::Display for SwitchTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl TogglePlan {
    /// Draws a calendar of `nights` nights from `start` on, half of them with the feature on (of an odd number, one more
    /// with it off). Every such calendar is equally likely; the same seed gives the same one.
    pub fn draw(
        what: String,
        nights: usize,
        start: NaiveDate,
        switch_at: SwitchTime,
        timezone: Tz,
        seed: u64,
    ) -> Result<Self, PlanError> {
        if !(FEWEST..=MOST).contains(&nights) {
            return Err(PlanError::Nights(nights));
        }
        let mut feature: Vec<Switch> =
            (0..nights).map(|n| if n < nights / 2 { Switch::On } else { Switch::Off }).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for last in (1..nights).rev() {
            feature.swap(last, random.random_range(0..=last));
        }
        let night = (0..).zip(feature).map(|(n, feature)| {
            let date = start.checked_add_days(Days::new(n)).ok_or(PlanError::Start(start))?;
            Ok(ToggleNight { date, feature, left_out: None })
        });
        let plan = Self { what, seed, switch_at, timezone, night: night.collect::<Result<_, _>>()? };
        plan.checked()
    }

    /// This plan, or why it cannot be judged: a file may have been edited.
    pub fn checked(self) -> Result<Self, PlanError> {
        if !(FEWEST..=MOST).contains(&self.night.len()) {
            return Err(PlanError::Nights(self.night.len()));
        }
        if let Some(pair) = self.night.windows(2).find(|pair| pair[1].date <= pair[0].date) {
            return Err(PlanError::Order(pair[1].date));
        }
        let on = self.night.iter().filter(|night| night.feature == Switch::On).count();
        match on {
            0 => Err(PlanError::OneKind("off")),
            all if all == self.night.len() => Err(PlanError::OneKind("on")),
            _ => match self.night.iter().find(|night| self.span(night.date).is_none()) {
                Some(night) => Err(PlanError::Start(night.date)),
                None => Ok(self),
            },
        }
    }

    /// How many calendars there are with as many nights of each kind.
    pub fn calendars(&self) -> f64 {
        let on = self.night.iter().filter(|night| night.feature == Switch::On).count();
        binomial(self.night.len(), on)
    }

    /// The smallest p-value that this plan can reach: one calendar in all.
    pub fn smallest_p(&self) -> f64 {
        1.0 / self.calendars()
    }

    /// From one switch to the next. Where a clock change skips or repeats the time of day, the first reading is taken.
    fn span(&self, date: NaiveDate) -> Option<Span> {
        let at = |date: NaiveDate| {
            let local = date.and_hms_opt(0, 0, 0)? + TimeDelta::minutes(i64::from(self.switch_at.0));
            let moment = self.timezone.from_local_datetime(&local).earliest();
            let later = || self.timezone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest();
            let seconds = moment.or_else(later)?.timestamp();
            u32::try_from(seconds.div_euclid(60)).ok().map(Minute)
        };
        Some(Span { first: at(date)?, end: at(date.checked_add_days(Days::new(1))?)? })
    }
}

/// What is compared between nights.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Excess upload while nobody used the device.
    Unattended,
    /// All upload: when the device was in use cannot be told. The draw makes the test as exact, but less sensitive.
    All,
}

/// Why a night does not count.
#[derive(Clone, Debug, PartialEq)]
pub enum LeftOut {
    /// Its owner says so.
    Owner(String),
    /// It was not observed well enough: this share of its unattended minutes, 0 to 1.
    Coverage(f64),
}

/// One night of the plan with what was seen of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToggledNight {
    /// The local date on whose evening it begins.
    pub date: NaiveDate,
    /// Which way the switch was.
    pub feature: Switch,
    /// What went up in it.
    pub up: Bytes,
    /// Why it does not count; `None` where it does.
    pub left_out: Option<LeftOut>,
}

/// What the test says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// p is 1 % or less.
    Follows,
    /// p is 5 % or less.
    ProbablyFollows,
    /// p is above 5 %.
    NotShown,
    /// With the nights that are left, no outcome could have brought p to 5 % or less.
    TooFew,
}

/// How much more goes up on a night with the feature on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The median of all differences between a night with and a night without (Hodges and Lehmann), bytes.
    pub typical: i64,
    /// It lies from this, bytes,
    pub least: i64,
    /// to this,
    pub most: i64,
    /// with this confidence, 0 to 1: as near 95 % as so many nights allow, from above where they do.
    pub confidence: f64,
}

/// A plan held against a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Toggled {
    /// What was compared.
    pub measure: Measure,
    /// Every night of the plan.
    pub nights: Vec<ToggledNight>,
    /// The chance that as clear a difference arises where the feature has no effect; `None` where a kind of night is
    /// missing.
    pub p: Option<f64>,
    /// The smallest p that the nights which count could have given.
    pub smallest_p: Option<f64>,
    /// How much the switch makes.
    pub effect: Option<Effect>,
    /// What that comes to.
    pub answer: Answer,
}

impl Toggled {
    /// What went up on the nights of one kind that count.
    pub fn counted(&self, feature: Switch) -> Vec<Bytes> {
        let counts = |night: &&ToggledNight| night.feature == feature && night.left_out.is_none();
        self.nights.iter().filter(counts).map(|night| night.up).collect()
    }

    /// The median of one kind of night.
    pub fn median(&self, feature: Switch) -> Option<Bytes> {
        median(self.counted(feature))
    }
}

/// Holds `plan` against the minutes of subject number `subject`; `None` where the ledger holds no such subject.
///
/// One-sided rank-sum test (Wilcoxon 1945), its distribution counted out over all calendars with as many nights of each
/// kind, ties included. Ranks, because one late video must not decide it.
pub fn toggled(ledger: &DeviceLedger, subject: usize, plan: &TogglePlan, settings: &Settings) -> Option<Toggled> {
    let spans: Vec<Span> = plan.night.iter().filter_map(|night| plan.span(night.date)).collect();
    let (seen, lacking) = nights_in(ledger, subject, &spans, settings)?;
    let blind =
        |why: &Lacking| matches!(why, Lacking::AttendedTime { .. } | Lacking::OtherTraffic { .. } | Lacking::Tunnel);
    let measure = if lacking.iter().any(blind) { Measure::All } else { Measure::Unattended };
    let nights = plan.night.iter().zip(&spans).zip(&seen).map(|((planned, span), night)| {
        let coverage = match measure {
            Measure::Unattended => night.coverage,
            Measure::All => observed_share(ledger, *span),
        };
        ToggledNight {
            date: planned.date,
            feature: planned.feature,
            up: measure.of(night),
            left_out: left_out(planned, coverage, settings),
        }
    });
    Some(weighed(measure, nights.collect()))
}

impl Measure {
    fn of(self, night: &Night) -> Bytes {
        match self {
            Self::Unattended => night.unattended_up,
            Self::All => night.unattended_raw_up + night.attended_up,
        }
    }
}

fn left_out(planned: &ToggleNight, coverage: f64, settings: &Settings) -> Option<LeftOut> {
    let owner = planned.left_out.clone().map(LeftOut::Owner);
    owner.or_else(|| (coverage < settings.needed_coverage || coverage <= 0.0).then_some(LeftOut::Coverage(coverage)))
}

/// The share of the minutes of `span` in which a sensor was capturing.
fn observed_share(ledger: &DeviceLedger, span: Span) -> f64 {
    let shared = ledger
        .watched
        .iter()
        .map(|run| Span { first: run.span.first.max(span.first), end: run.span.end.min(span.end) }.minutes());
    f64::from(shared.sum::<u32>()) / f64::from(span.minutes().max(1))
}

fn weighed(measure: Measure, nights: Vec<ToggledNight>) -> Toggled {
    let mut toggled = Toggled { measure, nights, p: None, smallest_p: None, effect: None, answer: Answer::TooFew };
    let (on, off) = (toggled.counted(Switch::On), toggled.counted(Switch::Off));
    if on.is_empty() || off.is_empty() {
        return toggled;
    }
    let p = chance_of_ranks(&on, &off);
    let smallest = 1.0 / binomial(on.len() + off.len(), on.len());
    let (least, most, confidence) = interval(&on, &off, CONFIDENCE);
    toggled.p = Some(p);
    toggled.smallest_p = Some(smallest);
    toggled.effect = Some(Effect { typical: typical_difference(&on, &off), least, most, confidence });
    toggled.answer = match p {
        _ if smallest > LIKELY => Answer::TooFew,
        p if p <= CLEAR => Answer::Follows,
        p if p <= LIKELY => Answer::ProbablyFollows,
        _ => Answer::NotShown,
    };
    toggled
}

const CLEAR: f64 = 0.01;
const LIKELY: f64 = 0.05;
const CONFIDENCE: f64 = 0.95;

#[cfg(test)]
mod tests;
