//! A blind draw: a phone, its owner, what goes wrong, and what is exported, all drawn at random and nothing named.
//!
//! The ranges reach beyond those of the named scenarios on both sides. Whoever tunes the judge uses one range of seeds
//! and reports another.

use chrono::{Days, NaiveDate};
use nightaudit::simulate::{
    Amount, Background, Class, Clock, Coverage, Destination, Export, Happening, Judge, Network, Persona, Scenario,
    Share, Travel, When,
};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Normal};

/// Phone number `seed` of the draw.
pub(crate) fn phone(seed: u64) -> Scenario {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed ^ 0x6e69_6768_7461_7564));
    let text = format!("name = \"phone {seed}\"\nnights = {}\n", draw.0.random_range(10..=35));
    let mut scenario = Scenario::parse(&text, "drawn").expect("a name and a number of nights are a scenario");
    scenario.seed = seed;
    let year = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date");
    scenario.start = year + Days::new(draw.0.random_range(0..365));
    scenario.timezone = *ZONES.choose(&mut draw.0).expect("a zone");
    let bedtime = draw.bedtime();
    scenario.persona = draw.persona(bedtime);
    scenario.background = draw.background();
    scenario.happenings = draw.happenings();
    scenario.coverage = draw.coverage();
    scenario.network = Network { second_phone: draw.holds(0.06), ..Network::default() };
    scenario.travel = draw.travel(scenario.nights);
    if draw.holds(0.5) {
        draw.export(bedtime, &mut scenario);
    }
    scenario
}

const ZONES: [chrono_tz::Tz; 8] = [
    chrono_tz::Europe::Berlin,
    chrono_tz::Europe::Lisbon,
    chrono_tz::America::New_York,
    chrono_tz::America::Sao_Paulo,
    chrono_tz::Asia::Kolkata,
    chrono_tz::Asia::Tokyo,
    chrono_tz::Australia::Adelaide,
    chrono_tz::Africa::Lagos,
];

struct Draw(ChaCha8Rng);

impl Draw {
    fn holds(&mut self, probability: f64) -> bool {
        self.0.random_bool(probability)
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0.random_range(low..high)
    }

    fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        LogNormal::new(median.ln(), sigma).map_or(median, |law| law.sample(&mut self.0))
    }

    fn amount(&mut self, low: f64, high: f64) -> Amount {
        Amount(self.between(low, high))
    }

    fn about(&mut self, median: f64, sigma: f64, most: f64) -> Amount {
        Amount(self.lognormal(median, sigma).min(most))
    }

    fn share(&mut self, low: f64, high: f64) -> Share {
        Share(self.between(low, high))
    }

    /// Hours after the midnight before: most sleep at night, some in the morning, some by day.
    fn bedtime(&mut self) -> f64 {
        match self.between(0.0, 1.0) {
            kind if kind < 0.8 => Normal::new(23.75, 0.9).map_or(23.75, |law| law.sample(&mut self.0)),
            kind if kind < 0.9 => self.between(26.0, 28.0),
            _ => self.between(30.0, 34.0),
        }
    }

    fn persona(&mut self, bedtime: f64) -> Persona {
        Persona {
            bedtime: Some(Clock(bedtime.rem_euclid(24.0))),
            bedtime_varies_hours: Some(self.amount(0.2, 1.2)),
            sleep_hours: Some(self.amount(6.0, 8.7)),
            sessions_per_day: Some(self.about(55.0, 0.4, 200.0)),
            messages_per_day: Some(self.about(60.0, 0.8, 1_000.0)),
            photos_per_day: Some(self.about(3.0, 0.9, 60.0)),
            videos_per_day: Some(self.about(0.35, 1.0, 10.0)),
            video_mb: Some(self.about(7.0, 0.5, 40.0)),
            voice_notes_per_day: Some(self.about(2.0, 0.9, 40.0)),
            calls_per_day: Some(self.about(0.35, 0.8, 6.0)),
            video_calls: Some(self.share(0.0, 0.6)),
            wakes_per_night: Some(self.amount(0.0, 1.2)),
            queued_uploads: Some(Share(self.lognormal(0.015, 0.9).min(0.15))),
            browsing_mb_per_minute: Some(self.about(0.6, 0.4, 4.0)),
        }
    }

    fn background(&mut self) -> Background {
        Background {
            cloud_backup: Some(self.holds(0.5)),
            cloud_backup_mb: Some(self.about(18.0, 0.8, 400.0)),
            photo_sync: Some(self.holds(0.5)),
            os_updates_per_night: Some(self.amount(0.0, 0.6)),
            incoming_per_day: Some(self.about(25.0, 0.8, 400.0)),
            incoming_media_mb: Some(self.about(0.5, 0.5, 4.0)),
            over_quic: Some(self.share(0.1, 0.8)),
            names_per_minute_in_use: Some(self.amount(1.8, 3.6)),
            names_per_minute_idle: Some(self.about(0.06, 0.6, 0.3)),
            maintenance_wakes_per_night: Some(self.amount(0.3, 3.5)),
        }
    }

    /// Each thing that an export could be mistaken for, on some phones.
    fn happenings(&mut self) -> Vec<Happening> {
        let mut all = Vec::new();
        let spread = |draw: &mut Self| draw.amount(0.3, 1.0);
        if self.holds(0.15) {
            let (on_nights, mb) = (self.share(0.1, 0.7), self.amount(20.0, 120.0));
            all.push(Happening::OwlVideo { on_nights, mb, spread: spread(self) });
        }
        if self.holds(0.15) {
            let (on_nights, mb) = (self.share(0.1, 0.5), self.amount(20.0, 150.0));
            let kb_per_second = self.amount(60.0, 600.0);
            all.push(Happening::BedVideo { on_nights, mb, spread: spread(self), kb_per_second });
        }
        if self.holds(0.12) {
            let (on_nights, minutes) = (self.share(0.1, 0.8), self.amount(10.0, 180.0));
            let (kb_per_second, down_by_up) = (self.amount(4.0, 120.0), self.amount(0.5, 1.6));
            all.push(Happening::NightCall { on_nights, minutes, kb_per_second, down_by_up });
        }
        if self.holds(0.05) {
            let (on_nights, kb_per_second) = (self.share(0.3, 1.0), self.amount(20.0, 150.0));
            all.push(Happening::BabyCamera { on_nights, kb_per_second });
        }
        if self.holds(0.15) {
            let (on_days, mb) = (self.share(0.05, 0.4), self.amount(5.0, 60.0));
            all.push(Happening::Forward { on_days, mb, spread: spread(self) });
        }
        if self.holds(0.10) {
            let (times, mb) = (self.0.random_range(1..=2), self.amount(50.0, 400.0));
            all.push(Happening::HistorySync { times, mb, spread: spread(self) });
        }
        if self.holds(0.15) {
            let (on_nights, mb) = (self.share(0.3, 1.0), self.amount(0.1, 0.6));
            all.push(Happening::Nightly { on_nights, mb, spread: Amount(0.4), to: Destination::OperatorChat });
        }
        if self.holds(0.15) {
            let (on_nights, mb) = (self.share(0.01, 0.10), self.amount(3.0, 40.0));
            let to = Destination::OperatorMedia;
            all.push(Happening::Nightly { on_nights, mb, spread: spread(self), to });
        }
        if self.holds(0.15) {
            let (on_nights, mb) = (self.share(0.1, 0.7), self.amount(200.0, 1_500.0));
            all.push(Happening::BigDownload { on_nights, mb, spread: spread(self) });
        }
        if self.holds(0.08) {
            let (on_days, files, mb) = (self.share(0.1, 0.6), self.amount(0.5, 2.0), self.amount(1.0, 8.0));
            all.push(Happening::DesktopRelay { on_days, files, mb, spread: spread(self) });
        }
        all
    }

    fn coverage(&mut self) -> Coverage {
        let days_missing = self.holds(0.25).then(|| self.share(0.0, 0.4));
        let hours_missing = self.holds(0.10).then(|| self.share(0.0, 0.2));
        let packets_dropped = self.holds(0.25).then(|| self.share(0.0, 0.1));
        Coverage { days_missing, hours_missing, packets_dropped, ..Coverage::default() }
    }

    fn travel(&mut self, nights: u32) -> Vec<Travel> {
        if !self.holds(0.10) {
            return Vec::new();
        }
        let from_day = self.0.random_range(2..nights - 2);
        let until_day = self.holds(0.7).then(|| from_day + self.0.random_range(2..=10));
        vec![Travel { from_day, until_day, minutes_ahead: 30 * self.0.random_range(-18..=18) }]
    }

    /// One export: three times of four at rest, otherwise where it is hard or impossible to see.
    fn export(&mut self, bedtime: f64, scenario: &mut Scenario) {
        let (when, class) = match self.between(0.0, 1.0) {
            kind if kind < 0.28 => (When::Clock, Class::Positive),
            kind if kind < 0.55 => (When::AfterBedtime, Class::Positive),
            kind if kind < 0.85 => (When::AtRest, Class::Positive),
            kind if kind < 0.90 => (When::Drip, Class::Evasive),
            kind if kind < 0.95 => (When::BedtimeTail, Class::Evasive),
            _ => (When::PiggyBack, Class::Evasive),
        };
        let to = match self.between(0.0, 1.0) {
            place if place < 0.65 => Destination::OperatorMedia,
            place if place < 0.80 => Destination::OperatorChat,
            _ => Destination::Unknown,
        };
        let mb = 400.0_f64.powf(self.between(0.0, 1.0));
        // As among the named scenarios: what is smaller than 5 MB cannot be told from diagnostics.
        scenario.class = if class == Class::Positive && mb < 5.0 { Class::Small } else { class };
        scenario.judge = if to == Destination::Unknown { Judge::Unattributed } else { Judge::Messenger };
        scenario.exports = vec![Export {
            when,
            mb: Amount(mb),
            spread: self.amount(0.1, 0.6),
            on_nights: self.share(0.25, 1.0),
            every: 1,
            from_night: 0,
            until_night: None,
            at: Some(Clock((bedtime + self.between(1.0, 6.0)).rem_euclid(24.0))),
            jitter_minutes: self.amount(0.0, 60.0),
            lag_minutes: self.amount(20.0, 180.0),
            lag_spread: self.amount(0.3, 0.8),
            kb_per_second: Amount(self.lognormal(400.0, 0.9).clamp(20.0, 3_000.0)),
            full_packets: if self.holds(0.05) { Share(0.0) } else { self.share(0.8, 1.0) },
            flows: self.0.random_range(1..=20),
            to,
            disguised_as: nightaudit::simulate::Disguise::Upload,
        }];
    }
}
