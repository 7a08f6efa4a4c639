//! Two network namespaces joined by a cable, made and removed by a test: a phone, and the gateway with all servers
//! behind it. Neither has any other interface, so that nothing leaves the machine.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

use std::{
    fs::File,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsFd,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The phone's address, and the gateway's, where the resolver is too.
pub(crate) const PHONE: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 23);
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 1);
pub(crate) const PHONE_MAC: &str = "02:00:00:00:07:17";
/// The gateway's end of the cable, which is captured on.
pub(crate) const LAN: &str = "lan0";

/// Labs made by this process, so that no two bear the same names.
static MADE: AtomicU32 = AtomicU32::new(0);

/// The two ends of one cable. Dropping it takes both down.
pub(crate) struct Lab {
    /// The audited device.
    pub(crate) phone: Space,
    /// The gateway and every server.
    pub(crate) net: Space,
}

impl Lab {
    /// Lays the cable; `servers` are addresses that the gateway answers on. `None`, said aloud, without root.
    pub(crate) fn new(servers: &[Ipv4Addr]) -> Option<Self> {
        if let Err(why) = ip("link show lo").and_then(|()| ip("netns list")) {
            skipped(&format!("`ip` of iproute2 is wanted: {why}"));
            return None;
        }
        let number = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let spaces = Space::new(&format!("nightaudit-phone-{number}"))
            .and_then(|phone| Ok((phone, Space::new(&format!("nightaudit-net-{number}"))?)));
        let (phone, net) = match spaces {
            Ok(both) => both,
            Err(why) => {
                skipped(&format!("network namespaces need root: {why}"));
                return None;
            }
        };
        let lab = Self { phone, net };
        lab.plug_in();
        for server in servers {
            lab.net.must(&format!("addr add {server}/32 dev lo"));
        }
        Some(lab)
    }

    /// Lays the cable and brings it up.
    pub(crate) fn plug_in(&self) {
        let (phone, net) = (&self.phone.name, &self.net.name);
        must(&format!(
            "link add wlan0 address {PHONE_MAC} netns {phone} type veth peer name {LAN} address 02:00:00:00:07:01 \
             netns {net}"
        ));
        for (space, interface, address) in [(&self.phone, "wlan0", PHONE), (&self.net, LAN, GATEWAY)] {
            space.must("link set lo up");
            space.quiet_ipv6();
            space.must(&format!("addr add {address}/24 dev {interface}"));
            space.must(&format!("link set {interface} up"));
        }
        self.phone.must(&format!("route add default via {GATEWAY}"));
    }

    /// Pulls the cable out, interface and all.
    pub(crate) fn unplug(&self) {
        self.net.must(&format!("link del {LAN}"));
    }
}

/// A network namespace. Dropping it deletes it.
pub(crate) struct Space {
    name: String,
}

impl Space {
    fn new(name: &str) -> Result<Self, String> {
        ip(&format!("netns add {name}"))?;
        Ok(Self { name: name.to_owned() })
    }

    /// `ip` in this namespace, which must succeed.
    pub(crate) fn must(&self, arguments: &str) {
        must(&format!("-n {} {arguments}", self.name));
    }

    /// Neighbours and routers would otherwise be looked for with packets that no test sends.
    fn quiet_ipv6(&self) {
        self.inside(|| {
            for scope in ["all", "default"] {
                let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
                let _ = std::fs::write(path, "1");
            }
        });
    }

    /// `program`, to be run in this namespace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]).stdin(Stdio::null());
        command
    }

    pub(crate) fn listen(&self, address: SocketAddr) -> TcpListener {
        self.inside(|| TcpListener::bind(address).expect("a server's socket"))
    }

    pub(crate) fn connect(&self, address: SocketAddr) -> TcpStream {
        self.inside(|| TcpStream::connect(address).expect("a connection"))
    }

    pub(crate) fn datagrams(&self, address: SocketAddr) -> UdpSocket {
        self.inside(|| UdpSocket::bind(address).expect("a socket"))
    }

    /// What `work` makes on a thread of this namespace. Sockets stay in it, whoever uses them later; so do threads.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            let space = File::open(format!("/var/run/netns/{}", self.name)).expect("the namespace");
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).expect("to enter it");
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join()).expect("the thread in the namespace")
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Err(error) = ip(&format!("netns del {}", self.name)) {
            let _ = writeln!(std::io::stderr(), "namespace {} stays behind: {error}", self.name);
        }
    }
}

/// Says on standard error, where the test harness cannot swallow it, that a test did not test.
pub(crate) fn skipped(why: &str) {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}

fn must(arguments: &str) {
    ip(arguments).unwrap_or_else(|error| panic!("{error}"));
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
