//! Shares, amounts and times of day, as scenario files write them.

use serde::Deserialize;

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
    pub(in crate::simulate) fn of_night(self) -> f64 {
        if self.0 < 12.0 { self.0 + 24.0 } else { self.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_before_noon_belongs_to_the_evening_before() {
        assert!((Clock::try_from("03:36".to_owned()).unwrap().of_night() - 27.6).abs() < 1e-9);
        assert!((Clock::try_from("23:45".to_owned()).unwrap().of_night() - 23.75).abs() < 1e-9);
    }
}
