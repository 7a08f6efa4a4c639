//! Live capture on the loopback interface. Skipped, and said so, where capturing is not permitted.
#![cfg(feature = "live")]
#![expect(clippy::print_stdout, clippy::panic, reason = "a skipped test says so, a failed one too")]

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use nightaudit::capture::{Delivery, Live, LiveError, LiveOptions, list_interfaces};

/// The name of the loopback interface.
fn loopback() -> Option<String> {
    list_interfaces().ok()?.into_iter().find(|it| it.loopback).map(|it| it.name)
}

/// Captures datagrams of one port; `None` (said aloud) where that is not permitted.
fn open(port: u16, delivery: Delivery) -> Option<Live> {
    let Some(interface) = loopback() else {
        println!("SKIPPED: there is no loopback interface");
        return None;
    };
    let options = LiveOptions { filter: format!("udp port {port}"), delivery, ..LiveOptions::on(&interface) };
    match Live::open(&options) {
        Ok(live) => Some(live),
        Err(LiveError::Forbidden { .. }) => {
            println!("SKIPPED: capturing is not permitted; run as root");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn datagrams_on_the_wire_become_frames() {
    for delivery in [Delivery::Blocks, Delivery::Immediate] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let here = socket.local_addr().expect("its address");
        let Some(mut live) = open(here.port(), delivery) else { return };
        // Larger than any wire packet: offload shows such frames, and none of it may be cut off.
        let payload = vec![0x5a; 20_000];
        socket.send_to(&payload, here).expect("sent");
        let deadline = Instant::now() + Duration::from_secs(20);
        let found = loop {
            assert!(Instant::now() < deadline, "the datagram was not seen");
            let link = live.link();
            if let Some(frame) = live.advance(Duration::from_millis(100)).expect("capturing") {
                assert_eq!((frame.link, frame.data.len()), (link, frame.original_len as usize));
                assert!(frame.stamp.seconds() > 1_700_000_000);
                break frame.data.ends_with(&payload);
            }
        };
        assert!(found, "the frame holds the datagram, whole");
        let drops = live.drops().expect("counters");
        assert!(drops.received >= 1);
        assert_eq!((drops.dropped, live.drops().expect("counters").interface_dropped), (0, 0));
    }
}

#[test]
fn an_idle_link_does_not_hold_up_its_caller() {
    let Some(mut live) = open(9, Delivery::Blocks) else { return };
    for _ in 0..3 {
        // It would hang here for ever, not for longer than asked.
        assert!(live.advance(Duration::from_millis(20)).expect("capturing").is_none());
    }
}

#[test]
fn a_wrong_request_says_what_is_wrong() {
    let Some(interface) = loopback() else { return };
    let missing = Live::open(&LiveOptions::on("no-such0")).err().map(|error| error.to_string());
    assert!(missing.as_deref().is_some_and(|line| line.starts_with("no-such0: ")), "{missing:?}");
    let filter = LiveOptions { filter: "port of call".into(), ..LiveOptions::on(&interface) };
    match Live::open(&filter).err() {
        Some(LiveError::Forbidden { .. }) => println!("SKIPPED: capturing is not permitted; run as root"),
        Some(error) => assert!(error.to_string().contains("man pcap-filter"), "{error}"),
        None => panic!("the filter was taken"),
    }
}
