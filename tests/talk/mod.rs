//! Genuine TLS 1.3 and QUIC clients and servers between the namespaces of a lab, with names in a resolver of its own,
//! and a made-up gateway with many devices.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here fails the test that asked for it")]

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use quinn::{
    Endpoint, EndpointConfig, TokioRuntime, VarInt, crypto::rustls::QuicClientConfig, crypto::rustls::QuicServerConfig,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, ServerName},
};

use crate::netns::{GATEWAY, Lab, PHONE};

/// What moved between two ends: bytes of TCP or UDP payload from the phone, and to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exchanged {
    /// The server's name; a resolver has none.
    pub(crate) host: Option<&'static str>,
    pub(crate) up: u64,
    pub(crate) down: u64,
}

/// An app's server, and how much a visit moves.
struct Visit {
    host: &'static str,
    address: Ipv4Addr,
    over: Over,
    up: usize,
    down: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    Tls,
    Quic,
}

const fn visit(host: &'static str, last: u8, over: Over, up: usize, down: usize) -> Visit {
    Visit { host, address: Ipv4Addr::new(203, 0, 113, last), over, up, down }
}

const VISITS: [Visit; 7] = [
    visit("mmg.whatsapp.net", 11, Over::Tls, 1_234_567, 8_901),
    visit("chat.signal.org", 12, Over::Tls, 4_321, 765_432),
    visit("gateway.discord.gg", 13, Over::Tls, 98_765, 43_210),
    visit("web.telegram.org", 14, Over::Quic, 654_321, 12_345),
    visit("mmg.whatsapp.net", 11, Over::Quic, 77_777, 333_333),
    visit("chat.signal.org", 12, Over::Tls, 1, 1),
    visit("files.slack.com", 15, Over::Quic, 2_000_003, 17),
];

/// Every address that a server of an app has.
pub(crate) fn addresses() -> Vec<Ipv4Addr> {
    let mut addresses: Vec<_> = VISITS.iter().map(|visit| visit.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Looks every name up and visits every server, one after the other.
pub(crate) fn everything(lab: &Lab) -> Vec<Exchanged> {
    let trust = Trust::new();
    let resolver = lab.net.datagrams(SocketAddr::from((GATEWAY, 53)));
    thread::spawn(move || resolve(&resolver));
    let mut exchanged = Vec::new();
    for visit in &VISITS {
        exchanged.push(look_up(lab, visit.host, visit.address));
        exchanged.push(match visit.over {
            Over::Tls => over_tls(lab, visit, &trust),
            Over::Quic => over_quic(lab, visit, &trust),
        });
    }
    exchanged
}

/// A certificate for every name, and who believes in it.
struct Trust {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Trust {
    fn new() -> Self {
        let names: Vec<String> = VISITS.iter().map(|visit| visit.host.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("an anchor");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a server's settings");
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        server.alpn_protocols = vec![b"h3".to_vec()];
        client.alpn_protocols = vec![b"h3".to_vec()];
        Self { server: Arc::new(server), client: Arc::new(client) }
    }
}

/// A connection whose bytes are counted: what TCP carries as payload.
struct Counted {
    stream: TcpStream,
    read: u64,
    written: u64,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(out)?;
        self.read += n as u64;
        Ok(n)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.stream.write(bytes)?;
        self.written += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn over_tls(lab: &Lab, visit: &Visit, trust: &Trust) -> Exchanged {
    let listener = lab.net.listen(SocketAddr::from((visit.address, 443)));
    let (up, down, settings) = (visit.up, visit.down, Arc::clone(&trust.server));
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a caller");
        let connection = ServerConnection::new(settings).expect("a server");
        let mut tls = StreamOwned::new(connection, Counted { stream, read: 0, written: 0 });
        let mut request = vec![0; up];
        tls.read_exact(&mut request).expect("the request");
        tls.write_all(&vec![b'd'; down]).expect("the answer");
        tls.conn.send_close_notify();
        tls.flush().expect("sent");
        let mut rest = Vec::new();
        tls.read_to_end(&mut rest).expect("the client's farewell");
        (tls.sock.read, tls.sock.written)
    });
    let stream = lab.phone.connect(SocketAddr::from((visit.address, 443)));
    let name = ServerName::try_from(visit.host).expect("a name");
    let connection = ClientConnection::new(Arc::clone(&trust.client), name).expect("a client");
    let mut tls = StreamOwned::new(connection, Counted { stream, read: 0, written: 0 });
    tls.write_all(&vec![b'u'; up]).expect("the request");
    tls.flush().expect("sent");
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).expect("the answer");
    assert_eq!(answer.len(), down);
    tls.conn.send_close_notify();
    tls.flush().expect("sent");
    let (read, written) = (tls.sock.read, tls.sock.written);
    drop(tls);
    assert_eq!(server.join().expect("the server"), (written, read), "both ends counted the same");
    Exchanged { host: Some(visit.host), up: written, down: read }
}

fn over_quic(lab: &Lab, visit: &Visit, trust: &Trust) -> Exchanged {
    let theirs = lab.net.datagrams(SocketAddr::from((visit.address, 443)));
    let ours = lab.phone.datagrams(SocketAddr::from((PHONE, 0)));
    let server_tls = QuicServerConfig::try_from(Arc::clone(&trust.server)).expect("QUIC over TLS 1.3");
    let client_tls = QuicClientConfig::try_from(Arc::clone(&trust.client)).expect("QUIC over TLS 1.3");
    let work = async {
        let server_settings = quinn::ServerConfig::with_crypto(Arc::new(server_tls));
        let endpoint = |socket: UdpSocket, settings| {
            Endpoint::new(EndpointConfig::default(), settings, socket, Arc::new(TokioRuntime)).expect("an endpoint")
        };
        let (server, mut client) = (endpoint(theirs, Some(server_settings)), endpoint(ours, None));
        client.set_default_client_config(quinn::ClientConfig::new(Arc::new(client_tls)));
        let (up, down) = (visit.up, visit.down);
        let serve = async {
            let connection = server.accept().await.expect("a caller").await.expect("a connection");
            let (mut send, mut receive) = connection.accept_bi().await.expect("a stream");
            assert_eq!(receive.read_to_end(up).await.expect("the request").len(), up);
            send.write_all(&vec![b'd'; down]).await.expect("the answer");
            send.finish().expect("its end");
            connection.closed().await;
            connection
        };
        let call = async {
            let remote = SocketAddr::from((visit.address, 443));
            let connection = client.connect(remote, visit.host).expect("a call").await.expect("a connection");
            let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
            send.write_all(&vec![b'u'; up]).await.expect("the request");
            send.finish().expect("its end");
            assert_eq!(receive.read_to_end(down).await.expect("the answer").len(), down);
            // Acknowledgements on their way would otherwise meet a connection that is gone.
            tokio::time::sleep(Duration::from_millis(100)).await;
            connection.close(VarInt::from_u32(0), b"");
            connection
        };
        let (theirs, ours) = tokio::join!(serve, call);
        client.wait_idle().await;
        server.wait_idle().await;
        (ours.stats().udp_tx.bytes, theirs.stats().udp_tx.bytes)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (up, down) = runtime.block_on(work);
    Exchanged { host: Some(visit.host), up, down }
}

/// Answers every question with the address of the visit of that name (RFC 1035).
fn resolve(socket: &UdpSocket) {
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let question = &question[..length];
        let Some(visit) =
            VISITS.iter().find(|visit| question.get(12..).is_some_and(|rest| rest.starts_with(&labels(visit.host))))
        else {
            continue;
        };
        let answer = answer(question, visit.address);
        let _ = socket.send_to(&answer, from);
    }
}

fn look_up(lab: &Lab, name: &str, address: Ipv4Addr) -> Exchanged {
    let socket = lab.phone.datagrams(SocketAddr::from((PHONE, 0)));
    socket.connect(SocketAddr::from((GATEWAY, 53))).expect("connected");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("patience");
    let asked = question(name);
    socket.send(&asked).expect("asked");
    let mut answered = [0; 512];
    let length = socket.recv(&mut answered).expect("an answer");
    assert!(answered[..length].ends_with(&address.octets()));
    Exchanged { host: None, up: asked.len() as u64, down: length as u64 }
}

fn question(name: &str) -> Vec<u8> {
    let mut message = vec![0x6e, 0x61, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend(labels(name));
    message.extend([0, 1, 0, 1]);
    message
}

fn answer(question: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[7] = 1;
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
    message.extend(address.octets());
    message
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a short label"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Writes what a gateway captures of `devices` for so many minutes, as classic pcap: every other minute a device looks
/// one of two thousand names up and speaks TLS to it; beside that it keeps a connection alive.
pub(crate) fn gateway(out: &mut impl Write, devices: u32, minutes: u32) -> io::Result<()> {
    const FIRST: u32 = 1_780_012_800;
    const NAMES: u32 = 2_000;
    let trust = Trust::new();
    let hellos: Vec<(String, Vec<u8>)> = (0..NAMES).map(|at| hello(&trust, at)).collect();
    let mut out = io::BufWriter::with_capacity(1 << 18, out);
    out.write_all(&crate::support::pcap::Pcap::empty(1).header)?;
    for minute in 0..minutes {
        for device in 0..devices {
            let at = FIRST + minute * 60 + device * 59 / devices.max(1);
            let mut wire = Wire { out: &mut out, at, device };
            wire.udp([1, 1, 1, 1], 51_820, 4_500, &[0x17; 64], true)?;
            if (minute + device) % 2 == 0 {
                continue;
            }
            let which = device.wrapping_mul(7_919).wrapping_add(minute.wrapping_mul(104_729)) % NAMES;
            let (name, hello) = &hellos[which as usize];
            let server = Ipv4Addr::from(0x2d00_0000 + which * 257);
            let port = u16::try_from(20_000 + minute % 40_000).expect("a port");
            let asked = question(name);
            wire.udp([9, 9, 9, 9], port, 53, &asked, true)?;
            wire.udp([9, 9, 9, 9], port, 53, &answer(&asked, server), false)?;
            wire.tcp(server.octets(), port, (1_000, 0), 0x02, &[], true)?;
            wire.tcp(server.octets(), port, (5_000, 1_001), 0x12, &[], false)?;
            wire.tcp(server.octets(), port, (1_001, 5_001), 0x18, hello, true)?;
            wire.tcp(
                server.octets(),
                port,
                (5_001, 1_001 + u32::try_from(hello.len()).expect("short")),
                0x19,
                &[0x16; 900],
                false,
            )?;
        }
    }
    out.flush()
}

fn hello(trust: &Trust, at: u32) -> (String, Vec<u8>) {
    let name = format!("cdn{at}.site{}.example", at % 700);
    let server = ServerName::try_from(name.clone()).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(&trust.client), server).expect("a client");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("a hello");
    (name, hello)
}

/// Frames of one device at one moment.
struct Wire<'a, W: Write> {
    out: &'a mut W,
    at: u32,
    device: u32,
}

impl<W: Write> Wire<'_, W> {
    fn udp(&mut self, remote: [u8; 4], port: u16, to: u16, payload: &[u8], up: bool) -> io::Result<()> {
        let (from, to) = if up { (port, to) } else { (to, port) };
        let mut segment =
            [from, to, u16::try_from(payload.len() + 8).expect("short"), 0].map(u16::to_be_bytes).concat();
        segment.extend(payload);
        self.frame(17, remote, &segment, up)
    }

    fn tcp(
        &mut self,
        remote: [u8; 4],
        port: u16,
        numbers: (u32, u32),
        flags: u8,
        payload: &[u8],
        up: bool,
    ) -> io::Result<()> {
        let (from, to) = if up { (port, 443) } else { (443, port) };
        let mut segment = [from, to].map(u16::to_be_bytes).concat();
        segment.extend(numbers.0.to_be_bytes());
        segment.extend(numbers.1.to_be_bytes());
        segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(payload);
        self.frame(6, remote, &segment, up)
    }

    fn frame(&mut self, protocol: u8, remote: [u8; 4], segment: &[u8], up: bool) -> io::Result<()> {
        let device = self.device.to_be_bytes();
        let here = [10, 0, device[2], device[3]];
        let mac = [2, 0, 0, 1, device[2], device[3]];
        let gateway = [2, 0, 0, 0, 7, 1];
        let (source, target, to_mac, from_mac) =
            if up { (here, remote, gateway, mac) } else { (remote, here, mac, gateway) };
        let total = u16::try_from(segment.len() + 20).expect("short").to_be_bytes();
        let ip = [0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0];
        let length = u32::try_from(segment.len() + 34).expect("short").to_le_bytes();
        for part in [
            &self.at.to_le_bytes()[..],
            &[0; 4],
            &length,
            &length,
            &to_mac,
            &from_mac,
            &[8, 0],
            &ip,
            &source,
            &target,
            segment,
        ] {
            self.out.write_all(part)?;
        }
        Ok(())
    }
}
