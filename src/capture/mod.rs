//! A file or a wire becomes frames.
//!
//! In: capture files (classic pcap, pcapng; plain, gzip, zstd, by content and not by name), standard input, an
//! interface. Out: [`Frame`]s in time order, and a [`FileReport`] on each input; of files that are [`logs`] of
//! connections, their entries. The source owns the buffer; a frame borrows it. Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng, with the blocks that PCAPdroid and Apple
//! add to say whose a packet is.
//!
//! ```
//! use nightaudit::{base::Stamp, capture::{Captures, Frame, LinkType, PcapWriter, Precision}};
//!
//! # fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("phone.pcap");
//! let mut writer = PcapWriter::create(&path, LinkType::RAW, Precision::Micros, 65_535)?;
//! let (stamp, link) = (Stamp::new(1_780_000_000, 0), LinkType::RAW);
//! writer.write(&Frame { stamp, link, data: b"E...", original_len: 40, heading: None, app: None })?;
//! writer.finish()?;
//!
//! let opened = Captures::open(&[&path]);
//! assert!(opened.failed.is_empty());
//! let mut captures = opened.captures;
//! while let Some(input) = captures.advance() {
//!     let frame = captures.frame();
//!     assert_eq!((input, frame.data, frame.original_len), (0, &b"E..."[..], 40));
//! }
//! assert_eq!(captures.into_reports()[0].frames, 1);
//! # Ok(())
//! # }
//! ```

mod batch;
mod captures;
mod clock;
mod error;
mod feed;
mod input;
mod kept;
mod link;
#[cfg(feature = "live")]
mod live;
pub mod logs;
mod options;
mod pcap;
mod pcapng;
mod record;
mod report;
mod same;
#[cfg(feature = "live")]
mod save;
mod sniff;
#[cfg(feature = "live")]
mod streams;
mod tags;
mod window;
mod write;

pub use batch::Batch;
pub use captures::{Captures, Opened, Progress, Repeated};
pub use error::{CaptureError, Cut, CutReason, Problem};
pub use link::LinkType;
#[cfg(feature = "live")]
pub use live::{Delivery, Drops, Interface, Live, LiveError, LiveOptions, list_interfaces};
pub use report::FileReport;
#[cfg(feature = "live")]
pub use save::{SaveOptions, Saved, Saver, prepare as prepare_folder};
#[cfg(feature = "live")]
pub use streams::{
    Absent, Dispatch, Door, Faucet, Moment, News, NotASource, Source, SourceError, SourceOptions, Until,
};
pub use write::{PcapWriter, PcapngWriter, Precision, create_private};

use crate::base::Stamp;

/// Which way a frame went, where the capture says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Heading {
    /// Received by the capturing host.
    Inbound,
    /// Sent by it.
    Outbound,
}

/// How a capture names the app or process that a frame belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AppTag<'a> {
    /// An Android user id, with its package or app name where the capture gives one (PCAPdroid).
    Uid {
        /// The numeric user id.
        uid: i32,
        /// Package name (`com.whatsapp`) or, in older trailers, the app's label, possibly cut.
        name: Option<&'a str>,
    },
    /// A process (Apple PKTAP, pcapng process options), by command name.
    Process {
        /// The process id.
        pid: u32,
        /// The command name, possibly cut.
        name: &'a str,
    },
}

/// What a source yields: one link-layer frame, borrowed from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub stamp: Stamp,
    /// What its first header is.
    pub link: LinkType,
    /// The bytes that the snap length kept.
    pub data: &'a [u8],
    /// How long it was on the wire.
    pub original_len: u32,
    /// Which way it went, where the capture says so.
    pub heading: Option<Heading>,
    /// Whose it is, where the capture says so (pcapng comments, UID maps and process blocks).
    pub app: Option<AppTag<'a>>,
}

impl Frame<'_> {
    /// No frame: empty, at the epoch.
    const NONE: Self = Self {
        stamp: Stamp::from_nanos(0),
        link: LinkType::NULL,
        data: &[],
        original_len: 0,
        heading: None,
        app: None,
    };
}
