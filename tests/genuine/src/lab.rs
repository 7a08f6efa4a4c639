//! Two network namespaces joined by a cable: a phone, and everything it talks to.
//!
//! The addresses look like a home network and the public Internet, but nothing leaves the machine: neither namespace
//! has any other interface.

use std::{
    fs::File,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::hosts::{HOSTS, PHONE_V4, PHONE_V6, ROUTER_V4, ROUTER_V6};

/// The interface that is captured, on the phone's end of the cable.
pub const PHONE_INTERFACE: &str = "wlan0";
const ROUTER_INTERFACE: &str = "lan0";
const PHONE_MAC: &str = "02:00:00:00:07:17";
const ROUTER_MAC: &str = "02:00:00:00:07:01";

/// Whether a sending stack may hand several segments to the wire in one piece, as network cards with segmentation
/// offload let it: the capture then holds packets that are larger than any wire carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Offload {
    /// Every captured packet fits the link.
    Off,
    /// Packets of up to 64 KiB are captured.
    On,
}

/// The two ends of one cable. Dropping it takes both down.
pub struct Lab {
    /// The audited device.
    pub phone: Space,
    /// Resolver and servers.
    pub internet: Space,
}

impl Lab {
    /// Lays the cable and gives every host of [`HOSTS`] its addresses. Needs root.
    pub fn new(offload: Offload) -> Result<Self> {
        let lab = Self { phone: Space::new("genuine-phone")?, internet: Space::new("genuine-net")? };
        let (phone, internet) = (&lab.phone.name, &lab.internet.name);
        ip(&format!(
            "link add {PHONE_INTERFACE} address {PHONE_MAC} netns {phone} type veth \
             peer name {ROUTER_INTERFACE} address {ROUTER_MAC} netns {internet}"
        ))?;
        lab.phone.plug_in(PHONE_INTERFACE, offload)?;
        lab.internet.plug_in(ROUTER_INTERFACE, offload)?;
        lab.address_phone()?;
        lab.address_internet()?;
        Ok(lab)
    }

    fn address_phone(&self) -> Result<()> {
        self.phone.ip(&format!("addr add {PHONE_V4}/24 dev {PHONE_INTERFACE}"))?;
        self.phone.ip(&format!("addr add {PHONE_V6}/64 dev {PHONE_INTERFACE} nodad"))?;
        self.phone.ip(&format!("route add default via {ROUTER_V4} advmss {MSS}"))?;
        self.phone.ip(&format!("-6 route add default via {ROUTER_V6} advmss {MSS}"))
    }

    fn address_internet(&self) -> Result<()> {
        let internet = &self.internet;
        internet.ip(&format!("addr add {ROUTER_V4}/24 dev {ROUTER_INTERFACE}"))?;
        internet.ip(&format!("addr add {ROUTER_V6}/64 dev {ROUTER_INTERFACE} nodad"))?;
        // What a server advertises bounds the segments that the phone sends: a long ClientHello then takes two.
        internet.ip(&format!("route change 192.168.7.0/24 dev {ROUTER_INTERFACE} advmss {MSS}"))?;
        internet.ip(&format!("-6 route add {PHONE_V6}/128 dev {ROUTER_INTERFACE} advmss {MSS}"))?;
        for host in HOSTS {
            internet.ip(&format!("addr add {}/32 dev {ROUTER_INTERFACE}", host.v4))?;
            if let Some(v6) = host.v6 {
                internet.ip(&format!("addr add {v6}/128 dev {ROUTER_INTERFACE} nodad"))?;
            }
        }
        Ok(())
    }
}

/// Bytes of TCP payload that both ends accept in a segment, as behind a tunnel or a mobile carrier.
const MSS: u32 = 1400;

/// A network namespace. Dropping it deletes it.
pub struct Space {
    name: String,
}

impl Space {
    fn new(name: &str) -> Result<Self> {
        let name = format!("{name}-{}", std::process::id());
        ip(&format!("netns add {name}"))?;
        Ok(Self { name })
    }

    fn plug_in(&self, interface: &str, offload: Offload) -> Result<()> {
        self.ip("link set lo up")?;
        if offload == Offload::Off {
            self.ip(&format!("link set {interface} gso_max_segs 1"))?;
        }
        self.ip(&format!("link set {interface} up"))
    }

    fn ip(&self, arguments: &str) -> Result<()> {
        ip(&format!("-n {} {arguments}", self.name))
    }

    /// `program`, to be run in this namespace.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// A TCP server's socket.
    pub fn listen(&self, address: SocketAddr) -> Result<TcpListener> {
        self.inside(|| TcpListener::bind(address).with_context(|| format!("cannot listen on {address}")))
    }

    /// A TCP connection to `address`.
    pub fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        self.inside(|| TcpStream::connect(address).with_context(|| format!("cannot connect to {address}")))
    }

    /// A UDP socket bound to `address`.
    pub fn datagrams(&self, address: SocketAddr) -> Result<UdpSocket> {
        self.inside(|| UdpSocket::bind(address).with_context(|| format!("cannot bind {address}")))
    }

    /// Returns once `address` can be bound: an IPv6 address takes a moment to become usable.
    pub fn await_address(&self, address: IpAddr) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.datagrams(SocketAddr::new(address, 0)).is_err() {
            if Instant::now() > end {
                bail!("{address} did not become usable");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What `work` makes on a thread of this namespace. Sockets stay in it, whoever uses them later.
    fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let enter = || -> Result<T> {
            let space = File::open(format!("/var/run/netns/{}", self.name))?;
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join())
            .unwrap_or_else(|_| bail!("the thread in namespace {} panicked", self.name))
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Err(error) = ip(&format!("netns del {}", self.name)) {
            eprintln!("namespace {} stays behind: {error}", self.name);
        }
    }
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().context("cannot run `ip`")?;
    if !output.status.success() {
        bail!("`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
