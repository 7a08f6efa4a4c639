//! Capture streams and interfaces while they happen, through the library: what comes out is what went in.
#![cfg(all(feature = "live", unix))]
#![allow(clippy::expect_used, clippy::panic, reason = "a helper that fails fails its test")]

mod netns;
mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use chrono_tz::Tz;
use netns::{GATEWAY, LAN, Lab, PHONE};
use nightaudit::{
    capture::{Captures, Faucet, SaveOptions, Source},
    flow,
    identify::{DeviceOptions, Rules},
    night::Settings,
    pipeline::{self, Audit, Auditor, Judging, Listener, Listening, Options, SourceState, Status},
};
use support::{
    genuine,
    pcap::{ETHERNET, Pcap},
};

/// Longer than anything here takes on the slowest machine; only a test that fails waits for it.
const DEADLINE: Duration = Duration::from_secs(120);

fn options() -> Options {
    Options {
        rules: Arc::new(Rules::embedded().expect("the rules")),
        asn: None,
        devices: DeviceOptions::default(),
        flows: flow::Limits::default(),
    }
}

fn judging() -> Judging {
    Judging { timezone: Tz::UTC, night: Settings { power: false, ..Settings::default() } }
}

/// Listens until `enough`, on a thread of its own.
fn listening(
    listening: Listening,
    mut enough: impl FnMut(&Status) -> bool + Send + 'static,
) -> thread::JoinHandle<(Status, Audit)> {
    let (ready, is_ready) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        let listener = Listener::open(&listening).unwrap_or_else(|error| panic!("{error}"));
        ready.send(()).expect("the test waits");
        let mut auditor = Auditor::new(&options());
        let stop = AtomicBool::new(false);
        let status = listener
            .run(&mut auditor, &stop, Some(DEADLINE), |_, status| {
                if enough(status) {
                    stop.store(true, Ordering::Relaxed);
                }
            })
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(stop.load(Ordering::Relaxed) || enough(&status), "it did not come: {status:#?}");
        let audit = auditor.audit(&status.coverage(), &judging());
        (status, audit)
    });
    is_ready.recv().expect("the listener opens");
    thread
}

fn to(source: &str) -> Listening {
    Listening::to(&[source.parse().expect("a source")])
}

/// A port that nobody uses.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

/// What the audit of the file says, from what the audit of the stream must not differ.
fn of_file(path: &Path) -> Audit {
    pipeline::check(Captures::open(&[path]), &options(), &judging(), |_| {})
}

fn assert_same(streamed: &Audit, path: &Path) {
    let read = of_file(path);
    assert!(read.totals.payload_up.0 > 0, "the capture holds something");
    assert_eq!(streamed.totals, read.totals);
    let ledgers = |audit: &Audit| {
        let devices = audit.devices.iter();
        devices.map(|device| (device.id.clone(), device.ledger.subjects.clone())).collect::<Vec<_>>()
    };
    assert_eq!(ledgers(streamed), ledgers(&read));
}

fn frames_of(path: &Path) -> u64 {
    Pcap::read(path).records.len() as u64
}

#[test]
fn an_exporter_that_connects_is_heard_whatever_the_pieces_it_sends() {
    let path = genuine("tls13-post-quantum");
    let frames = frames_of(&path);
    let port = free_port();
    let heard = listening(to(&format!("tcp-listen://127.0.0.1:{port}")), move |status| status.packets() >= frames);
    let mut phone = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    phone.set_nodelay(true).expect("small segments");
    for piece in fs::read(&path).expect("the capture").chunks(7) {
        phone.write_all(piece).expect("sent");
    }
    let (status, audit) = heard.join().expect("heard");
    assert_eq!(status.packets(), frames);
    assert_eq!((status.sources[0].gaps, status.notes.len()), (0, 0), "{status:?}");
    assert_same(&audit, &path);
}

#[test]
fn a_phone_that_comes_back_takes_over_and_the_gap_is_counted() {
    let path = genuine("tls13");
    let bytes = fs::read(&path).expect("the capture");
    let frames = frames_of(&path);
    let port = free_port();
    let heard = listening(to(&format!("tcp-listen://127.0.0.1:{port}")), move |status| {
        status.packets() > frames && status.sources[0].gaps >= 2
    });
    let address = ("127.0.0.1", port);
    // Cut within a record, and never closed: a phone that lost its network.
    let mut lost = TcpStream::connect(address).expect("connected");
    lost.write_all(&bytes[..bytes.len() / 2]).expect("sent");
    thread::sleep(Duration::from_millis(300));
    let mut again = TcpStream::connect(address).expect("connected");
    again.write_all(&bytes).expect("sent");
    drop(again);
    let (status, _) = heard.join().expect("heard");
    let source = &status.sources[0];
    assert!(source.input.packets > frames && source.input.packets < 2 * frames, "{source:?}");
    assert_eq!(source.gaps, 2, "{source:?}");
    drop(lost);
}

/// A capture of one frame, stamped `seconds` since the epoch.
fn stamped(seconds: u64) -> Vec<u8> {
    let mut capture = Pcap::empty(ETHERNET);
    capture.push(u32::try_from(seconds).expect("before 2106"), &[0; 60]);
    capture.bytes()
}

#[test]
fn a_source_whose_clock_is_years_ahead_moves_nobody_elses_time() {
    const YEARS: u64 = 4 * 365 * 86_400;
    let ports = [free_port(), free_port()];
    let sources = ports.map(|port| format!("tcp-listen://127.0.0.1:{port}").parse().expect("a source"));
    let heard = listening(Listening::to(&sources), |status| {
        status.sources.iter().all(|source| source.input.packets > 0) && status.packet_time.is_some()
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let send = |port: u16, seconds: u64| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.write_all(&stamped(seconds)).expect("sent");
        stream
    };
    let open = [send(ports[0], now + YEARS), send(ports[1], now)];
    let (status, _) = heard.join().expect("heard");
    let time = status.packet_time.expect("some packet was stamped").seconds();
    assert!((now..now + 600).contains(&time), "it is {now}, and not {time}");
    drop(open);
}

#[test]
fn strangers_that_knock_are_named_and_change_nothing() {
    let path = genuine("tls13");
    let frames = frames_of(&path);
    let port = free_port();
    let heard = listening(to(&format!("tcp-listen://127.0.0.1:{port}")), move |status| status.packets() >= frames);
    let evil: [&[u8]; 4] = [
        b"GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0xff; 4096],
        // A pcap header, then a record of four gigabytes.
        &[&Pcap::empty(1).header[..], &[0xff; 64]].concat(),
        b"",
    ];
    for bytes in evil {
        let mut stranger = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        // The listener may have hung up already.
        let _ = stranger.write_all(bytes);
        drop(stranger);
        thread::sleep(Duration::from_millis(50));
    }
    let mut phone = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    phone.write_all(&fs::read(&path).expect("the capture")).expect("sent");
    let (status, audit) = heard.join().expect("heard");
    assert_same(&audit, &path);
    assert!(status.notes.iter().any(|note| note.contains("sent no capture")), "{:?}", status.notes);
    assert!(status.notes.iter().all(|note| !note.contains('\u{1b}')), "{:?}", status.notes);
}

#[test]
fn only_the_network_named_is_let_in() {
    let port = free_port();
    let source = format!("tcp-listen://127.0.0.1:{port}?from=192.0.2.0/24");
    let heard = listening(to(&source), |status| status.now.running > status.began.running + Duration::from_secs(2));
    let mut phone = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let _ = phone.write_all(&fs::read(genuine("tls13")).expect("the capture"));
    let (status, _) = heard.join().expect("heard");
    assert_eq!(status.packets(), 0);
}

#[test]
fn a_server_is_connected_to_again_after_it_hung_up() {
    let path = genuine("tls12");
    let frames = frames_of(&path);
    let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = server.local_addr().expect("its address").port();
    let heard = listening(to(&format!("tcp://127.0.0.1:{port}")), move |status| status.packets() >= 2 * frames);
    let bytes = fs::read(&path).expect("the capture");
    for _ in 0..2 {
        let (mut stream, _) = server.accept().expect("a caller");
        stream.write_all(&bytes).expect("sent");
    }
    let (status, _) = heard.join().expect("heard");
    assert_eq!(status.packets(), 2 * frames);
}

#[test]
fn a_capture_is_fetched_over_http_in_chunks() {
    let path = genuine("quic-v1");
    let frames = frames_of(&path);
    let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let port = server.local_addr().expect("its address").port();
    let heard = listening(to(&format!("http://127.0.0.1:{port}/capture.pcap")), move |s| s.packets() >= frames);
    let (mut stream, _) = server.accept().expect("a caller");
    let mut request = [0; 4096];
    let n = stream.read(&mut request).expect("a request");
    let request = String::from_utf8_lossy(&request[..n]).into_owned();
    assert!(request.starts_with("GET /capture.pcap HTTP/1.1\r\n"), "{request}");
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").expect("sent");
    for chunk in fs::read(&path).expect("the capture").chunks(777) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).expect("sent");
        stream.write_all(chunk).expect("sent");
        stream.write_all(b"\r\n").expect("sent");
    }
    let (_, audit) = heard.join().expect("heard");
    assert_same(&audit, &path);
}

#[test]
fn datagrams_are_heard_with_and_without_their_header() {
    let path = genuine("tls13");
    let capture = Pcap::read(&path);
    let frames = capture.records.len() as u64;
    for with_header in [true, false] {
        let port = free_port();
        let heard = listening(to(&format!("udp-listen://127.0.0.1:{port}")), move |s| s.packets() >= frames);
        let phone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let send = |bytes: &[u8]| phone.send_to(bytes, ("127.0.0.1", port)).expect("sent");
        if with_header {
            send(&capture.header);
        }
        send(b"no record");
        for record in &capture.records {
            send(record);
            // Datagrams are not acknowledged: the sender is no faster than a phone.
            thread::sleep(Duration::from_micros(300));
        }
        let (status, audit) = heard.join().expect("heard");
        assert_same(&audit, &path);
        let told = status.notes.iter().any(|note| note.contains("header did not come"));
        assert_eq!(told, !with_header, "{:?}", status.notes);
    }
}

#[test]
fn a_named_pipe_is_read_writer_after_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("phone.pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    let path = genuine("tls12");
    let frames = frames_of(&path);
    let heard = listening(to(&pipe.to_string_lossy()), move |status| status.packets() >= 2 * frames);
    let bytes = fs::read(&path).expect("the capture");
    for _ in 0..2 {
        fs::OpenOptions::new().write(true).open(&pipe).and_then(|mut pipe| pipe.write_all(&bytes)).expect("written");
        thread::sleep(Duration::from_millis(500));
    }
    let (status, _) = heard.join().expect("heard");
    assert_eq!(status.packets(), 2 * frames);
}

#[test]
fn a_file_is_a_stream_that_ends_and_what_is_kept_of_it_is_the_same_again() {
    let path = genuine("quic-retry");
    let folder = tempfile::tempdir().expect("a folder");
    let save = SaveOptions::to(folder.path().join("kept"));
    let listening_to = Listening { save: Some(save.clone()), ..to(&path.to_string_lossy()) };
    let heard = listening(listening_to, |status| matches!(status.sources[0].state, SourceState::Over(None)));
    let (status, audit) = heard.join().expect("heard");
    assert_same(&audit, &path);
    let saved = status.saved.expect("something was kept");
    assert_eq!((saved.frames, saved.missed, saved.trouble), (frames_of(&path), 0, None));
    let kept = support::files(&save.folder);
    let again = pipeline::check(Captures::open(&kept), &options(), &judging(), |_| {});
    assert_eq!(again.totals, audit.totals);
}

#[test]
fn an_idle_source_ends_when_it_is_told_to() {
    let port = free_port();
    for source in [format!("tcp-listen://127.0.0.1:{port}"), format!("udp-listen://127.0.0.1:{port}")] {
        let heard = listening(to(&source), |_| true);
        let (status, _) = heard.join().expect("it ends");
        assert_eq!(status.packets(), 0);
    }
}

#[test]
fn an_address_in_use_is_refused_with_what_would_mend_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let source: Source =
        format!("tcp-listen://{}", taken.local_addr().expect("its address")).parse().expect("a source");
    let refused = Faucet::open(&source, &Listening::to(&[]).options).err().map(|error| error.to_string());
    assert!(refused.as_deref().is_some_and(|line| line.contains("another program listens there")), "{refused:?}");
}

/// Listens on the gateway's end of the cable, with everything opened in its namespace.
fn listening_in(
    lab: &Lab,
    tune: impl FnOnce(&mut Listening) + Send,
    enough: impl FnMut(&Status) -> bool + Send + 'static,
) -> thread::JoinHandle<(Status, Audit)> {
    lab.net.inside(move || {
        let mut on_lan = to(LAN);
        tune(&mut on_lan);
        listening(on_lan, enough)
    })
}

/// Sends `count` datagrams of 1,000 bytes from the phone to the gateway.
fn send(lab: &Lab, count: u32) {
    let phone = lab.phone.datagrams(SocketAddr::from((PHONE, 40_000)));
    for _ in 0..count {
        phone.send_to(&[0x5a; 1_000], SocketAddr::from((GATEWAY, 9_999))).expect("sent");
    }
}

#[test]
fn an_interface_that_goes_down_or_is_unplugged_is_waited_for() {
    let Some(lab) = Lab::new(&[]) else { return };
    // Somebody must hold the port, or every datagram is answered with an ICMP error.
    let sink = lab.net.datagrams(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9_999)));
    let (tell, told) = std::sync::mpsc::channel();
    let over = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&over);
    let heard = listening_in(
        &lab,
        |listening| listening.options.live.filter = "udp port 9999".into(),
        move |status| {
            let source = &status.sources[0];
            let _ = tell.send((matches!(source.state, SourceState::Open(_)), source.input.packets, source.gaps));
            end.load(Ordering::Relaxed)
        },
    );
    let await_that = |what: &str, is: &dyn Fn(&(bool, u64, u64)) -> bool| {
        let since = Instant::now();
        loop {
            let now = told.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no news while waiting for: {what}"));
            if is(&now) {
                return;
            }
            assert!(since.elapsed() < DEADLINE, "{what} did not come: {now:?}");
        }
    };
    await_that("the capture opens", &|(open, ..)| *open);
    send(&lab, 10);
    await_that("ten packets", &|(_, packets, _)| *packets == 10);
    lab.net.must(&format!("link set {LAN} down"));
    await_that("down is seen", &|(open, _, gaps)| !*open && *gaps == 1);
    lab.net.must(&format!("link set {LAN} up"));
    await_that("up is seen", &|(open, ..)| *open);
    send(&lab, 5);
    await_that("five packets more", &|(_, packets, _)| *packets == 15);
    lab.unplug();
    await_that("it is gone", &|(open, ..)| !*open);
    lab.plug_in();
    await_that("it is back", &|(open, ..)| *open);
    send(&lab, 7);
    await_that("seven packets more", &|(_, packets, _)| *packets == 22);
    over.store(true, Ordering::Relaxed);
    let (status, _) = heard.join().expect("heard");
    assert!(status.sources[0].gaps >= 2, "{status:?}");
    assert_eq!(status.lost(), 0);
    drop(sink);
}

/// Datagrams sent while nobody takes them.
const SENT: u32 = 60_000;

#[test]
fn what_cannot_be_kept_up_with_is_counted_and_coverage_says_so() {
    let Some(lab) = Lab::new(&[]) else { return };
    let sink = lab.net.datagrams(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9_999)));
    let (tell, told) = std::sync::mpsc::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let mut waited = false;
    let heard = listening_in(
        &lab,
        |listening| {
            listening.options.live.filter = "udp port 9999".into();
            listening.options.live.buffer = 1 << 20;
        },
        move |status| {
            // As if the disk stalled: nothing is booked until all is sent.
            if !waited {
                waited = true;
                tell.send(()).expect("the test waits");
                wait.recv_timeout(DEADLINE).expect("the test goes on");
            }
            status.packets() + status.lost() >= u64::from(SENT)
        },
    );
    told.recv_timeout(DEADLINE).expect("the listener waits");
    send(&lab, SENT);
    go_on.send(()).expect("the listener waits");
    let (status, audit) = heard.join().expect("heard");
    assert!(status.lost() > 0, "60 MB do not fit: {status:?}");
    assert_eq!(status.packets() + status.lost(), u64::from(SENT), "every packet came, or is counted as lost");
    assert_eq!(audit.totals.payload_up.0, status.packets() * 1_000);
    let share = status.lost() as f64 / f64::from(SENT);
    let worst = status.watched.iter().map(|run| run.dropped).fold(0.0, f64::max);
    assert!(worst >= share * 0.9, "lost {share}, said {worst}: {:?}", status.watched);
    drop(sink);
}
