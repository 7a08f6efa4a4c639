//! An exponentially weighted mean and variance of the logarithm of each connection's upload, with an alarm at three
//! standard deviations: what most volume detectors come down to. It learns from everything it sees.

use super::{Phone, Said};

/// Weight of the newest value, connections that only teach, and the least standard deviation and upload of an alarm.
const ALPHA: f64 = 0.05;
const TAUGHT: u32 = 6;
const LEAST_DEVIATION: f64 = 0.5;
const LEAST_UPLOAD: f64 = 1e6;

pub(crate) fn alarms(phone: &Phone<'_>) -> Said {
    let own = phone.conversations.iter().filter(|one| one.subject == phone.subject);
    let alarms = own.scan(Ewma::default(), |ewma, one| Some(u32::from(ewma.alarms(one.up.0 as f64))));
    let alarms: u32 = alarms.sum();
    let days = phone.ledger.watched.iter().map(|run| f64::from(run.span.minutes())).sum::<f64>() / 1_440.0;
    let score = f64::from(alarms) / (days / 7.0).max(1.0);
    Said { score, alarm: score >= 1.0 }
}

#[derive(Default)]
struct Ewma {
    seen: u32,
    mean: f64,
    variance: f64,
}

impl Ewma {
    /// Whether `sent` is out of the ordinary; learns it either way.
    fn alarms(&mut self, sent: f64) -> bool {
        let x = sent.ln_1p();
        let limit = self.mean + 3.0 * self.variance.sqrt().max(LEAST_DEVIATION);
        let alarm = self.seen >= TAUGHT && x > limit && sent >= LEAST_UPLOAD;
        let off = x - self.mean;
        if self.seen == 0 {
            self.mean = x;
        } else {
            self.mean += ALPHA * off;
            self.variance = (1.0 - ALPHA) * (self.variance + ALPHA * off * off);
        }
        self.seen += 1;
        alarm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_by_hand() {
        let mut ewma = Ewma::default();
        ewma.alarms(std::f64::consts::E - 1.0); // ln 1p = 1
        ewma.alarms(3.0_f64.exp_m1());
        // 1 + 0.05 * 2, and 0.95 * (0 + 0.05 * 4).
        assert!((ewma.mean - 1.1).abs() < 1e-12 && (ewma.variance - 0.19).abs() < 1e-12);
    }

    #[test]
    fn a_first_large_upload_alarms_and_the_tenth_in_a_row_does_not() {
        let mut ewma = Ewma::default();
        assert!((0..20).all(|_| !ewma.alarms(2_000.0)));
        assert!(ewma.alarms(60e6), "out of the ordinary");
        let later: Vec<_> = (0..10).map(|_| ewma.alarms(60e6)).collect();
        assert!(!later[9], "learned: {later:?}");
    }
}
