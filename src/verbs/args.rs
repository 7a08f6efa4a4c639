//! What was typed.

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::{Parser, Subcommand, ValueEnum};

use crate::base::Cidr;

/// Audits what messaging apps upload while nobody uses the phone.
///
/// Reads packet captures, works out which app sent how much to whom in which minute, and says with evidence and
/// bounds whether its unattended uploads look like ordinary routing traffic, a backup, or a nightly export. Headers
/// and handshakes only: no message is ever decrypted.
#[derive(Debug, Parser)]
#[command(name = "nightaudit", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 nothing export-like, 1 an export-like verdict, 2 the request or an input could not \
    be handled, 3 no verdict possible."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,

    /// What need not be typed every time.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Where settings come from.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// The settings file; default nightaudit/nightaudit.toml in the XDG configuration folder.
    #[arg(long, global = true, value_name = "FILE", env = "NIGHTAUDIT_CONFIG")]
    pub config: Option<PathBuf>,

    /// Change one setting, such as `night.accident_rate=0.1`: over the file and over NIGHTAUDIT_* variables.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// What a user can ask for.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Give verdicts from captures.
    Check(CheckArgs),
    /// List every flow with its attribution.
    Flows(FlowsArgs),
    /// Look at captures in the terminal: the nights, the destinations, every flow.
    View(super::view::ViewArgs),
    /// Look at a live capture in the terminal, and keep it in the ledger.
    #[cfg(feature = "live")]
    Live(super::live::LiveArgs),
    /// Say which rules there are, whether yours are sound, and which one decides about a host or address.
    Rules(RulesArgs),
    /// Test whether uploads follow a switch, such as an app's backup: draw a calendar, judge what came of it.
    Toggle(super::toggle::ToggleArgs),
    /// Make a capture with known truth from a scenario file.
    Simulate(SimulateArgs),
    /// Gather the ledgers of many sensors on one server.
    Fleet(super::fleet::FleetArgs),
    /// Give verdicts from the ledger, for any span, device and subject.
    Report(super::report::ReportArgs),
    /// List schedules, say what is due next, or write a scheduled report now.
    Schedule(super::schedule::ScheduleArgs),
    /// Write a script by which a shell completes verbs and options.
    Completions(super::completions::CompletionsArgs),
    /// Write the manual, a page for each verb.
    Man(super::man::ManArgs),
    /// Write the packets behind a finding to a capture of their own.
    Evidence(super::evidence::EvidenceArgs),
    /// Watch for months: capture into the ledger, report on schedule, tell whom it concerns.
    #[cfg(feature = "live")]
    Watch(Box<super::watch::WatchArgs>),
    /// Say what is there, what is missing, and the command that mends it.
    Doctor,
}

/// Where packets come from and how they are attributed.
#[derive(Debug, clap::Args)]
pub struct InputArgs {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; `-` for standard input. Rotated sets in any order.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Capture from this interface or stream instead, until interrupted or for the time given with --for; may be
    /// repeated. Streams: - (standard input), tcp://HOST:PORT, tcp-listen://ADDRESS:PORT, udp-listen://ADDRESS:PORT,
    /// http://HOST:PORT/PATH (docs/daemon.md).
    #[cfg(feature = "live")]
    #[arg(short, long, value_name = "SOURCE", conflicts_with = "files")]
    pub interface: Vec<crate::capture::Source>,

    /// With --interface: stop after this long, such as 90s, 15m or 2h.
    #[cfg(feature = "live")]
    #[arg(long = "for", value_name = "TIME", requires = "interface", value_parser = parse_duration)]
    pub duration: Option<std::time::Duration>,

    /// How a wire is listened to.
    #[cfg(feature = "live")]
    #[command(flatten)]
    pub listen: super::listen::ListenArgs,

    /// A folder of rule files that add to the built-in ones or replace those of the same id.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Addresses that are local: their hosts are the devices.
    #[arg(long, value_name = "CIDR")]
    pub local: Vec<Cidr>,

    /// Who announces which addresses (iptoasn.com TSV, or an MMDB such as GeoLite2-ASN; plain or gzip), for
    /// destinations that no rule knows.
    #[arg(long, value_name = "FILE")]
    pub asn: Option<PathBuf>,
}

/// Which files are read, and how their packets are attributed.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// Capture files: pcap or pcapng, plain, gzip or zstd; `-` for standard input. Rotated sets in any order.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// A folder of rule files that add to the built-in ones or replace those of the same id.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,

    /// Addresses that are local: their hosts are the devices.
    #[arg(long, value_name = "CIDR")]
    pub local: Vec<Cidr>,

    /// An address table (iptoasn.com TSV, plain or gzip) for destinations that no rule knows.
    #[arg(long, value_name = "FILE")]
    pub asn: Option<PathBuf>,
}

impl FileArgs {
    /// The same, for what takes interfaces too.
    pub fn input(&self) -> InputArgs {
        InputArgs {
            files: self.files.clone(),
            #[cfg(feature = "live")]
            interface: Vec::new(),
            #[cfg(feature = "live")]
            duration: None,
            #[cfg(feature = "live")]
            listen: super::listen::ListenArgs::default(),
            rules: self.rules.clone(),
            local: self.local.clone(),
            asn: self.asn.clone(),
        }
    }
}

/// How results are shown.
#[derive(Debug, clap::Args)]
pub struct OutputArgs {
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace device identifiers by pseudonyms.
    #[arg(long)]
    pub redact: bool,

    /// When to colour text.
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
}

/// `nightaudit check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Where packets come from.
    #[command(flatten)]
    pub input: InputArgs,

    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,

    /// The form of the report.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,

    /// IANA time zone that times are shown in; default the system's.
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<Tz>,

    /// When the phone was in use, where traffic cannot tell.
    #[command(flatten)]
    pub declared: super::declared::DeclaredArgs,

    /// Tell how the verdict on this app, cloud or service was reached, step by step.
    #[arg(long, value_name = "SUBJECT", conflicts_with = "format")]
    pub explain: Option<String>,

    /// Skip the search for the smallest upload that would have been noticed.
    #[arg(long)]
    pub no_power: bool,

    /// Say first what is new since this report, which was written as JSON.
    #[arg(long, value_name = "REPORT")]
    pub previous: Option<PathBuf>,

    /// Read the captures into this ledger, each once, and audit all of it; `default` for the one in the settings or
    /// the XDG state folder. A ledger that is not there is begun. Without captures, a sensor's ledger on a fleet's server
    /// is audited: `http://HOST:8123/DATABASE#SENSOR`.
    #[cfg_attr(feature = "live", arg(long, value_name = "FILE", conflicts_with = "interface"))]
    #[cfg_attr(not(feature = "live"), arg(long, value_name = "FILE"))]
    pub ledger: Option<PathBuf>,
}

/// `nightaudit flows`.
#[derive(Debug, clap::Args)]
pub struct FlowsArgs {
    /// Which files are read.
    #[command(flatten)]
    pub input: FileArgs,

    /// How results are shown.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Only the flows that this filter asks for, such as 'app:whatsapp up>5MB unattended' (docs/filters.md).
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,

    /// The form of the list.
    #[arg(long, value_enum, default_value_t = FlowsFormat::Table)]
    pub format: FlowsFormat,
}

/// `nightaudit rules`.
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub verb: RulesVerb,
}

/// What can be asked of the rules.
#[derive(Debug, Subcommand)]
pub enum RulesVerb {
    /// List the rule files.
    List {
        /// Folders of your own rule files.
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
    },
    /// Read a folder of rule files and run the expectations in them.
    Check {
        /// The folder.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Show every rule that says something of a host name or address, and why one of them wins.
    Explain {
        /// A host name or an IP address.
        #[arg(value_name = "HOST|ADDRESS")]
        what: String,
        /// Folders of your own rule files.
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
    },
}

/// `nightaudit simulate`.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// The scenario file.
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,

    /// The capture to write; a name that ends in .zst is compressed.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Write what really happened to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// Draw another phone and another month from the same scenario.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum CheckFormat {
    /// For people, in a terminal.
    Text,
    /// Schema 1 (docs/schema-1.json).
    Json,
    /// One self-contained page.
    Html,
    /// For notes and issues.
    Md,
    /// For spreadsheets: a row for each device, subject and night.
    Csv,
    /// For spreadsheets: a row for each device and subject.
    SubjectsCsv,
}

/// The form of a list of flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum FlowsFormat {
    /// For people, in a terminal.
    Table,
    /// A JSON object a line.
    Jsonl,
    /// For spreadsheets.
    Csv,
}

/// When to colour text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(feature = "live")]
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{text:?} is no length of time: a number and s, m, h or d, such as 90s or 2h");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(std::time::Duration::from_secs).ok_or_else(wrong)
}
