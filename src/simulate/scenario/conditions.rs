//! What of it all the sensor saw, how the phone is connected, and by which clock its owner lives.

use serde::Deserialize;

use super::{Amount, Share};

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
    /// In the middle of the capture, its clock is put forward by this many minutes.
    pub clock_jumps_ahead_minutes: Option<Amount>,
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
    /// Connections to chat and push servers are opened anew after so many hours.
    pub connections_stand_hours: Amount,
    /// A stranger sends resets with far-off sequence numbers into connections that stand.
    pub stray_resets: bool,
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
            connections_stand_hours: Amount(24.0),
            stray_resets: false,
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
