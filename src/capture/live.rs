//! A wire becomes frames: live capture through libpcap.

use std::{net::IpAddr, time::Duration};

use ::pcap::{Active, Capture, Device, Error, Precision};

use super::{Frame, LinkType};
use crate::base::{Stamp, text::shown};

/// Why an interface cannot be captured on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LiveError {
    /// The user may not capture.
    #[error(
        "{interface}: not permitted to capture; run as root, or once as root: setcap cap_net_raw+ep $(which nightaudit)"
    )]
    Forbidden {
        /// The interface.
        interface: String,
    },
    /// There is no such interface.
    #[error("{interface}: no such interface; there are {}", known.join(", "))]
    Missing {
        /// The interface asked for.
        interface: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The filter cannot be compiled.
    #[error("filter {filter:?} on {interface}: {why}; see man pcap-filter")]
    Filter {
        /// The interface.
        interface: String,
        /// As the user wrote it.
        filter: String,
        /// libpcap's words.
        why: String,
    },
    /// Anything else, such as an interface that went away.
    #[error("{interface}: capture failed: {why}")]
    Failed {
        /// The interface.
        interface: String,
        /// libpcap's words.
        why: String,
    },
}

/// How to capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LiveOptions {
    /// Which interface, as [`list_interfaces`] names it.
    pub interface: String,
    /// A BPF filter, such as `not port 22`; empty for everything.
    pub filter: String,
    /// Size of the kernel's buffer in bytes. 16 to 32 MiB ride out a busy second.
    pub buffer: u32,
    /// Most bytes kept of a frame; see [`LiveOptions::WHOLE`].
    pub snap_length: u32,
    /// Whether frames for other hosts are wanted too.
    pub promiscuous: bool,
    /// How frames are handed over.
    pub delivery: Delivery,
}

/// How the kernel hands frames over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// In blocks, at the latest after a quarter of a second: for the daemon.
    Blocks,
    /// One by one as they arrive: for somebody who watches.
    Immediate,
}

impl LiveOptions {
    /// The snap length that loses nothing.
    ///
    /// Receive offload hands over several segments as one frame of up to 64 KiB and its headers, with large-receive
    /// offload (BIG TCP) more, and a post-quantum ClientHello lies across segments: what is cut off is a name.
    /// 262,144 is the most that libpcap keeps. In [`Delivery::Blocks`] it costs no memory: the kernel packs frames into
    /// its ring by their own lengths (`TPACKET_V3`). In [`Delivery::Immediate`] each takes a slot of the snap length
    /// (`TPACKET_V2`), so that 32 MiB hold no more than 128.
    pub const WHOLE: u32 = 262_144;

    /// Everything on `interface`, in blocks.
    pub fn on(interface: &str) -> Self {
        Self {
            interface: interface.into(),
            filter: String::new(),
            buffer: 32 << 20,
            snap_length: Self::WHOLE,
            promiscuous: false,
            delivery: Delivery::Blocks,
        }
    }
}

/// An interface that is being captured on.
pub struct Live {
    capture: Capture<Active>,
    interface: String,
    link: LinkType,
    /// A frame came last time, so that another may be there without waiting.
    flowing: bool,
    seen: Drops,
    last: [u32; 3],
}

/// Frames that came and frames that were lost, since the capture began.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Drops {
    /// Frames that passed the filter.
    pub received: u64,
    /// Frames lost because the buffer was full.
    pub dropped: u64,
    /// Frames lost by the interface or its driver.
    pub interface_dropped: u64,
}

impl Live {
    /// Begins to capture.
    pub fn open(options: &LiveOptions) -> Result<Self, LiveError> {
        let interface = shown(&options.interface, 64).into_owned();
        let refused = |error: Error| refusal(&interface, &error);
        let capture = Capture::from_device(options.interface.as_str())
            .map_err(refused)?
            .promisc(options.promiscuous)
            .snaplen(i32::try_from(options.snap_length.min(LiveOptions::WHOLE)).unwrap_or(i32::MAX))
            .buffer_size(i32::try_from(options.buffer).unwrap_or(i32::MAX))
            .timeout(BLOCK_TIMEOUT_MS)
            .immediate_mode(options.delivery == Delivery::Immediate)
            .precision(Precision::Nano)
            .open()
            .map_err(refused)?;
        let mut capture = capture.setnonblock().map_err(refused)?;
        if !options.filter.is_empty() {
            capture.filter(&options.filter, true).map_err(|error| LiveError::Filter {
                interface: interface.clone(),
                filter: options.filter.clone(),
                why: words(&error),
            })?;
        }
        let link = link_type(capture.get_datalink().0);
        Ok(Self { capture, interface, link, flowing: false, seen: Drops::default(), last: [0; 3] })
    }

    /// The next frame, or `None` where none came within `wait`, or sooner without a reason: look whether to stop and
    /// what to flush, and call again.
    pub fn advance(&mut self, wait: Duration) -> Result<Option<Frame<'_>>, LiveError> {
        if !self.flowing && !self.readable(wait) {
            return Ok(None);
        }
        match self.capture.next_packet() {
            Ok(packet) => {
                self.flowing = true;
                let header = packet.header;
                let (seconds, nanos) = (header.ts.tv_sec, header.ts.tv_usec);
                Ok(Some(Frame {
                    stamp: Stamp::new(seconds.try_into().unwrap_or(0), nanos.try_into().unwrap_or(0)),
                    link: self.link,
                    data: packet.data,
                    original_len: header.len.max(header.caplen),
                    heading: None,
                    app: None,
                }))
            }
            Err(Error::TimeoutExpired) => {
                self.flowing = false;
                Ok(None)
            }
            Err(error) => Err(refusal(&self.interface, &error)),
        }
    }

    /// What the frames' first header is.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// What came and what was lost so far. To be asked at least once in 2^32 frames: libpcap counts in 32 bits.
    pub fn drops(&mut self) -> Result<Drops, LiveError> {
        let now = self.capture.stats().map_err(|error| refusal(&self.interface, &error))?;
        let now = [now.received, now.dropped, now.if_dropped];
        let sums = [&mut self.seen.received, &mut self.seen.dropped, &mut self.seen.interface_dropped];
        for ((sum, now), last) in sums.into_iter().zip(now).zip(&mut self.last) {
            *sum += u64::from(now.wrapping_sub(*last));
            *last = now;
        }
        Ok(self.seen)
    }

    /// Waits for frames: libpcap's own timeout is not kept on Linux while the link is idle.
    #[cfg(unix)]
    fn readable(&self, wait: Duration) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.capture, PollFlags::IN)];
        let patience = Timespec::try_from(wait.min(LONGEST_WAIT)).ok();
        // An error here is a signal: the caller looks whether it is to stop.
        let ready = poll(&mut fds, patience.as_ref()).is_ok_and(|ready| ready > 0);
        if ready && !fds[0].revents().contains(PollFlags::IN) {
            // An interface that went down says so for ever, and libpcap may not mind.
            std::thread::sleep(wait.min(Duration::from_millis(20)));
        }
        ready
    }

    #[cfg(not(unix))]
    fn readable(&self, wait: Duration) -> bool {
        std::thread::sleep(wait.min(Duration::from_millis(10)));
        true
    }
}

/// An interface that could be captured on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name, such as `br-lan`.
    pub name: String,
    /// What the system calls it, where it says so.
    pub description: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is up and running.
    pub running: bool,
    /// Whether it only carries traffic of this machine with itself.
    pub loopback: bool,
    /// Whether it is a radio.
    pub wireless: bool,
}

/// The interfaces of this machine.
pub fn list_interfaces() -> Result<Vec<Interface>, LiveError> {
    let devices = Device::list().map_err(|error| refusal("list of interfaces", &error))?;
    Ok(devices.into_iter().map(Interface::from).collect())
}

impl From<Device> for Interface {
    fn from(device: Device) -> Self {
        Self {
            addresses: device.addresses.iter().map(|it| it.addr).collect(),
            running: device.flags.is_up() && device.flags.is_running(),
            loopback: device.flags.is_loopback(),
            wireless: device.flags.is_wireless(),
            name: device.name,
            description: device.desc,
        }
    }
}

/// The registry's number of a link type that libpcap names by this system's own.
fn link_type(dlt: i32) -> LinkType {
    match u16::try_from(dlt) {
        Ok(12 | 14) => LinkType::RAW,
        Ok(number) => LinkType(number),
        Err(_) => LinkType(u16::MAX),
    }
}

/// What libpcap's refusal means to the user.
fn refusal(interface: &str, error: &Error) -> LiveError {
    let why = words(error);
    let interface = interface.to_owned();
    let lower = why.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return LiveError::Forbidden { interface };
    }
    let known: Vec<_> = Device::list().unwrap_or_default().into_iter().map(|device| device.name).collect();
    if lower.contains("no such device") && !known.contains(&interface) {
        return LiveError::Missing { interface, known };
    }
    LiveError::Failed { interface, why }
}

fn words(error: &Error) -> String {
    let text = match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    };
    shown(text.trim(), 300).into_owned()
}

const BLOCK_TIMEOUT_MS: i32 = 250;
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_numbers_of_raw_ip_become_the_registrys() {
        assert_eq!([12, 14, 101, 1, 276, -1].map(|dlt| link_type(dlt).0), [101, 101, 101, 1, 276, u16::MAX]);
    }

    #[test]
    fn refusals_say_what_would_mend_them() {
        let forbidden = Error::PcapError("eth0: You don't have permission to capture on that device".into());
        assert!(refusal("eth0", &forbidden).to_string().contains("setcap"));
        let missing = Error::PcapError("no0: No such device exists (SIOCGIFHWADDR)".into());
        assert!(matches!(refusal("no0", &missing), LiveError::Missing { .. }));
        let gone = Error::PcapError("The interface disappeared".into());
        assert_eq!(refusal("wlan0", &gone).to_string(), "wlan0: capture failed: The interface disappeared");
    }
}
