//! Other methods, from their published formulas, on the same phones: what they say of the subject that is judged.
//!
//! None of them was made for this question; they are here because each is what somebody would try first.

mod ewma;
mod ratio;
mod rita;
mod slips;
mod window;

use nightaudit::{ledger::DeviceLedger, simulate::Conversation};

/// What a method sees of one phone: the connections of the judged subject, and its minutes.
pub(crate) struct Phone<'a> {
    /// In the order they were opened.
    pub(crate) conversations: &'a [Conversation],
    pub(crate) ledger: &'a DeviceLedger,
    /// The judged subject.
    pub(crate) subject: usize,
    pub(crate) zone: chrono_tz::Tz,
}

/// What a method says: a number for ranking, and whether it raises an alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) score: f64,
    pub(crate) alarm: bool,
}

/// A method.
type Method = fn(&Phone<'_>) -> Said;

/// The methods by name, in the order of the table.
pub(crate) const RIVALS: [(&str, Method); 6] = [
    ("RITA v5, any 24 h, >= 0.70", rita::by_day),
    ("RITA v5, whole capture, >= 0.70", rita::whole),
    ("Slips, 100 MB flow or 500 MB hour", slips::uploads),
    ("EWMA 3 sigma per flow, >= 1 a week", ewma::alarms),
    ("fixed 00-06, median night >= 5 MB", window::median_night),
    ("nDPI data ratio > 0.2", ratio::of_all),
];
