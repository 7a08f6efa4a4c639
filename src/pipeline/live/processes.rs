//! Whose a local socket is: `/proc` says which process holds it (Linux, proc(5)).
//!
//! A thread reads the tables every two seconds, and soon after a flow that it does not know: reading every process's
//! open files takes longer than packets can wait. A flow that is over before it was looked for stays without a process.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    base::Endpoint,
    flow::{AppOwner, FlowId, FlowKey, Protocol},
    identify::Clues,
};

/// Between two readings, and between two that were asked for.
const READ_EVERY: Duration = Duration::from_secs(2);
const READ_SOON: Duration = Duration::from_millis(200);
/// A socket stays its process's so long after it was last seen.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Sockets remembered, at most.
const MOST_SOCKETS: usize = 1 << 16;

/// Says whose a flow is, where it is a process of this machine.
#[derive(Debug)]
pub struct Processes {
    known: Arc<Mutex<Known>>,
    asked: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

/// What the last readings found.
#[derive(Debug, Default)]
struct Known {
    sockets: HashMap<Socket, (Holder, Instant)>,
    addresses: HashSet<IpAddr>,
}

/// A local socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
struct Socket {
    protocol: Protocol,
    local: Endpoint,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Holder {
    process: u32,
    name: Arc<str>,
}

impl Processes {
    /// Reads once, so that it is known at the start whether that is possible, and goes on reading.
    pub fn watch() -> io::Result<Self> {
        let known = Arc::new(Mutex::new(Known::default()));
        let (asked, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        refresh(&known)?;
        let (shared, wanted, end) = (Arc::clone(&known), Arc::clone(&asked), Arc::clone(&over));
        thread::Builder::new().name("processes".into()).spawn(move || {
            let mut read = Instant::now();
            while !end.load(Ordering::Relaxed) {
                thread::sleep(READ_SOON);
                if wanted.swap(false, Ordering::Relaxed) || read.elapsed() >= READ_EVERY {
                    // A table that cannot be read now may be the next time.
                    let _ = refresh(&shared);
                    read = Instant::now();
                }
            }
        })?;
        Ok(Self { known, asked, over })
    }

    /// The process at one end of a flow. Where none is known, the tables are read again soon.
    pub fn owner(&self, key: &FlowKey) -> Option<AppOwner> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.is_here(key.initiator) && !known.is_here(key.responder) {
            return None;
        }
        let owner = known.owner(key);
        if owner.is_none() {
            self.asked.store(true, Ordering::Relaxed);
        }
        owner
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Known {
    fn is_here(&self, end: Endpoint) -> bool {
        self.addresses.contains(&end.addr)
    }

    /// The initiator is asked first: on loopback both ends are here.
    fn owner(&self, key: &FlowKey) -> Option<AppOwner> {
        let holder = [key.initiator, key.responder].into_iter().filter(|end| self.is_here(*end)).find_map(|end| {
            let anywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
            let places = [end.addr].into_iter().chain(anywhere);
            let mut sockets =
                places.map(|addr| Socket { protocol: key.protocol, local: Endpoint::new(addr, end.port) });
            sockets.find_map(|socket| self.sockets.get(&socket))
        });
        holder.map(|(holder, _)| AppOwner::Process(holder.process, holder.name.to_string()))
    }
}

fn refresh(known: &Mutex<Known>) -> io::Result<()> {
    let (addresses, sockets) = read(Path::new("/proc"))?;
    let now = Instant::now();
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.addresses = addresses;
    known.sockets.retain(|_, (_, seen)| now.duration_since(*seen) < REMEMBERED);
    for (socket, holder) in sockets {
        if known.sockets.len() < MOST_SOCKETS || known.sockets.contains_key(&socket) {
            known.sockets.insert(socket, (holder, now));
        }
    }
    Ok(())
}

/// Flows of this machine whose process is not known yet: it is asked for again, a few times.
#[derive(Debug)]
pub(crate) struct Ownerless {
    processes: Processes,
    flows: VecDeque<(FlowId, FlowKey, u8)>,
}

/// Flows that wait, at most, and how often each is asked for.
const MOST_WAITING: usize = 4_096;
const MOST_TIMES: u8 = 5;

impl Ownerless {
    pub(crate) fn new(processes: Processes) -> Self {
        Self { processes, flows: VecDeque::new() }
    }

    /// Tags a flow that just opened with its process, or remembers to ask again.
    pub(crate) fn tag(&mut self, flow: FlowId, key: &FlowKey, clues: &mut Clues) {
        match self.processes.owner(key) {
            Some(owner) => clues.tag(&owner.as_tag()),
            None if self.flows.len() < MOST_WAITING => self.flows.push_back((flow, *key, 0)),
            None => {}
        }
    }

    /// Asks for every flow that waits.
    pub(crate) fn ask_again(&mut self, mut found: impl FnMut(FlowId, &AppOwner)) {
        self.flows.retain_mut(|(flow, key, times)| {
            *times += 1;
            let owner = self.processes.owner(key);
            if let Some(owner) = &owner {
                found(*flow, owner);
            }
            owner.is_none() && *times < MOST_TIMES
        });
    }
}

type Found = (HashSet<IpAddr>, HashMap<Socket, Holder>);

/// This machine's addresses, and whose its sockets are, out of the files under `proc`.
fn read(proc: &Path) -> io::Result<Found> {
    let mut by_inode: HashMap<u64, Vec<Socket>> = HashMap::new();
    let tables = [("tcp", Protocol::Tcp), ("tcp6", Protocol::Tcp), ("udp", Protocol::Udp), ("udp6", Protocol::Udp)];
    for (table, protocol) in tables {
        // A kernel without IPv6 has half of them.
        let text = match fs::read_to_string(proc.join("net").join(table)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for (local, inode) in text.lines().skip(1).filter_map(row).take(MOST_SOCKETS) {
            by_inode.entry(inode).or_default().push(Socket { protocol, local });
        }
    }
    Ok((addresses(proc), holders(proc, &by_inode)?))
}

/// Local end and inode of one row of a socket table.
fn row(line: &str) -> Option<(Endpoint, u64)> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let inode = fields.nth(7)?.parse().ok().filter(|&inode| inode != 0)?;
    Some((Endpoint::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?), inode))
}

/// An address as these tables write it: 32 bits at a time, in this machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (place, at) in bytes.chunks_mut(4).zip([0, 8, 16, 24]) {
                place.copy_from_slice(&word(at)?);
            }
            Some(IpAddr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

fn holders(proc: &Path, by_inode: &HashMap<u64, Vec<Socket>>) -> io::Result<HashMap<Socket, Holder>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir(proc)? {
        let entry = entry?;
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Processes of others cannot be looked into without the right to do so, and some are over by now.
        let Ok(files) = fs::read_dir(entry.path().join("fd")) else { continue };
        let mut name = None;
        for file in files.flatten() {
            let Some(inode) = fs::read_link(file.path()).ok().and_then(|link| socket_inode(link.to_str()?)) else {
                continue;
            };
            for socket in by_inode.get(&inode).into_iter().flatten() {
                let name = name.get_or_insert_with(|| name_of(&entry.path()));
                found.insert(*socket, Holder { process, name: Arc::clone(name) });
            }
        }
    }
    Ok(found)
}

fn socket_inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// What a process is called: its program's file, which it cannot choose as freely as its name; the name where the
/// file is that of an interpreter, or cannot be seen.
fn name_of(process: &Path) -> Arc<str> {
    const INTERPRETERS: [&str; 9] = ["python", "java", "node", "electron", "perl", "ruby", "bash", "sh", "mono"];
    let program = fs::read_link(process.join("exe")).ok();
    let program = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    // What was updated while it runs has no file any more.
    let program = program.map(|name| name.trim_end_matches(" (deleted)").to_owned());
    let is_interpreter = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        INTERPRETERS.contains(&stem)
    };
    match program.filter(|name| !is_interpreter(name)) {
        Some(name) => name.into(),
        None => fs::read_to_string(process.join("comm")).unwrap_or_default().trim_end().into(),
    }
}

/// The addresses of this machine.
fn addresses(proc: &Path) -> HashSet<IpAddr> {
    let trie = fs::read_to_string(proc.join("net/fib_trie")).unwrap_or_default();
    let mut last: Option<IpAddr> = None;
    let mut found = HashSet::new();
    for line in trie.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            last = address.trim().parse().ok();
        } else if line.contains("host LOCAL") {
            found.extend(last);
        }
    }
    let six = fs::read_to_string(proc.join("net/if_inet6")).unwrap_or_default();
    let six = six.lines().filter_map(|line| u128::from_str_radix(line.split_ascii_whitespace().next()?, 16).ok());
    found.extend(six.map(|bits| IpAddr::V6(bits.into())));
    found
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    #[test]
    fn rows_of_socket_tables_are_read() {
        let tcp = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000   0 12345 1 0";
        assert_eq!(row(tcp), Some((Endpoint::new([127, 0, 0, 1].into(), 8080), 12345)));
        let six = "   1: 0000000000000000FFFF00000100007F:0035 0:0 07 0:0 00:0 0 0 0 77 2 0";
        assert_eq!(row(six), Some((Endpoint::new([127, 0, 0, 1].into(), 53), 77)));
        for odd in ["", "x", "0: 01:zz 0 0 0 0 0 0 0 1", "0: 0100007F:0035 0:0 07 0:0 00:0 0 0 0 0 2 0"] {
            assert_eq!(row(odd), None, "{odd}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_programs_sockets_are_its_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let datagrams = UdpSocket::bind("0.0.0.0:0").unwrap();
        let key = |protocol, port, other: u16| FlowKey {
            protocol,
            initiator: Endpoint::new([127, 0, 0, 1].into(), port),
            responder: Endpoint::new([203, 0, 113, 9].into(), other),
            initiator_mac: None,
            responder_mac: None,
        };
        let processes = Processes::watch().unwrap();
        for (protocol, port) in [
            (Protocol::Tcp, stream.local_addr().unwrap().port()),
            (Protocol::Udp, datagrams.local_addr().unwrap().port()),
        ] {
            let Some(AppOwner::Process(process, name)) = processes.owner(&key(protocol, port, 443)) else {
                panic!("{protocol:?}: nobody")
            };
            assert_eq!(process, std::process::id());
            assert!(name.starts_with("nightaudit"), "{name}");
        }
        // A host behind this machine that happens to use the same port is somebody else.
        let mut elsewhere = key(Protocol::Udp, datagrams.local_addr().unwrap().port(), 443);
        elsewhere.initiator.addr = [192, 0, 2, 77].into();
        assert_eq!(processes.owner(&elsewhere), None);
    }
}
