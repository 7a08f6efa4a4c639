//! Who uses the phone, and what it does by itself.

use serde::Deserialize;

use super::{Amount, Clock, Share};

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
