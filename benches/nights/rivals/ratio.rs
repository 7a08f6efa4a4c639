//! nDPI's data ratio, `(sent - received) / (sent + received)`: above 0.2 it speaks of an upload.

use super::{Phone, Said};

pub(crate) fn of_all(phone: &Phone<'_>) -> Said {
    let cells = || phone.ledger.subjects[phone.subject].minutes.iter();
    let up = cells().map(|(_, cell)| cell.up.0 as f64).sum::<f64>();
    ratio(up, cells().map(|(_, cell)| cell.down.0 as f64).sum())
}

fn ratio(up: f64, down: f64) -> Said {
    let score = if up + down > 0.0 { (up - down) / (up + down) } else { 0.0 };
    Said { score, alarm: score > 0.2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_up_and_one_down_is_a_half() {
        assert_eq!(ratio(3e6, 1e6), Said { score: 0.5, alarm: true });
        assert!(!ratio(1e6, 1e6).alarm && !ratio(0.0, 0.0).alarm);
    }
}
