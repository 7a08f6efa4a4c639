use super::*;
use crate::flow::Protocol;

const PHONE: &str = "02:00:00:00:07:17";
const ROUTER: &str = "02:00:00:00:00:01";

/// A flow as `address@hardware`, either part of which may stand alone.
fn flow(initiator: &str, responder: &str) -> FlowKey {
    let end = |text: &str| {
        let (addr, mac) = text.split_once('@').map_or((text, None), |(addr, mac)| (addr, Some(mac)));
        (Endpoint::new(addr.parse().unwrap(), 443), mac.map(|mac| mac.parse().unwrap()))
    };
    let ((initiator, initiator_mac), (responder, responder_mac)) = (end(initiator), end(responder));
    FlowKey { protocol: Protocol::Udp, initiator, responder, initiator_mac, responder_mac }
}

fn at(addr: &str, mac: &str) -> String {
    format!("{addr}@{mac}")
}

fn placed(devices: &mut Devices, initiator: &str, responder: &str) -> Option<(String, Side)> {
    let place = devices.place(&flow(initiator, responder), None)?;
    Some((devices.device(place.device).id.clone(), place.side))
}

fn devices() -> Devices {
    Devices::new(DeviceOptions::default())
}

#[test]
fn one_flow_alone_is_placed_by_what_its_ends_are() {
    let cases = [
        ("192.168.7.23", "157.240.0.60", "192.168.7.23", Side::Initiator),
        ("157.240.0.60", "192.168.7.23", "192.168.7.23", Side::Responder),
        ("192.168.7.23", "192.168.7.1", "192.168.7.23", Side::Initiator),
        ("192.168.7.23", "224.0.0.251", "192.168.7.23", Side::Initiator),
        ("203.0.113.9", "224.0.0.251", "203.0.113.9", Side::Initiator),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9", Side::Initiator),
        ("fd00::5", "2001:db8::1", "fd00::5", Side::Initiator),
        ("100.64.3.2", "157.240.0.60", "100.64.3.2", Side::Initiator),
        ("192.168.7.23@00:00:00:00:00:00", "157.240.0.60", "192.168.7.23", Side::Initiator),
        ("192.168.7.23@02:00:00:00:07:17", "157.240.0.60@02:00:00:00:00:01", PHONE, Side::Initiator),
        ("157.240.0.60@02:00:00:00:00:01", "192.168.7.23@02:00:00:00:07:17", PHONE, Side::Responder),
    ];
    for (initiator, responder, id, side) in cases {
        let found = placed(&mut devices(), initiator, responder);
        assert_eq!(found, Some((id.to_owned(), side)), "{initiator} > {responder}");
    }
}

#[test]
fn groups_are_never_devices() {
    assert_eq!(placed(&mut devices(), "0.0.0.0", "255.255.255.255"), None);
    assert_eq!(placed(&mut devices(), "ff02::1", "ff02::fb"), None);
}

#[test]
fn what_is_sent_to_everybody_is_the_senders() {
    let everybody = at("192.168.7.127", "ff:ff:ff:ff:ff:ff");
    let cases = [
        ("192.168.7.23", "192.168.7.255", "the usual home network"),
        (&*at("192.168.7.23", PHONE), &*everybody, "a smaller network, by its frame"),
        ("0.0.0.0", "255.255.255.255", "DHCP"),
    ];
    for (from, to, what) in cases {
        let mut devices = devices();
        let place = devices.place(&flow(from, to), None);
        assert!(place.is_none_or(|place| place.side == Side::Initiator), "{what}");
        assert!(devices.iter().all(|(_, device)| device.id != "192.168.7.255"), "{what}");
    }
    let mut devices = devices();
    assert_eq!(
        placed(&mut devices, "203.0.113.9", "192.168.7.255"),
        Some(("192.168.7.255".to_owned(), Side::Responder))
    );
}

#[test]
fn both_families_of_one_hardware_address_are_one_device() {
    let mut devices = devices();
    placed(&mut devices, &at("192.168.7.23", PHONE), &at("157.240.0.60", ROUTER));
    // Mid-flow, the server seems to have opened it: the known hardware address decides all the same.
    let v6 = placed(&mut devices, &at("2a03:2880::1", ROUTER), &at("2001:db8:7::23", PHONE));
    assert_eq!(v6, Some((PHONE.to_owned(), Side::Responder)));
    assert_eq!(devices.iter().count(), 1);
    let (_, phone) = devices.iter().next().unwrap();
    assert_eq!(phone.addresses.len(), 2);
}

#[test]
fn a_hardware_address_before_many_public_ones_is_a_router_and_no_device() {
    let mut devices = devices();
    for n in 1..9 {
        placed(&mut devices, &at("192.168.7.23", PHONE), &at(&format!("198.51.100.{n}"), ROUTER));
    }
    let inward = placed(&mut devices, &at("203.0.113.5", ROUTER), &at("203.0.113.77", "02:00:00:00:07:18"));
    assert_eq!(inward, Some(("02:00:00:00:07:18".to_owned(), Side::Responder)), "the side that is no router");
    let behind = placed(&mut devices, &at("192.168.9.9", ROUTER), &at("198.51.100.1", "02:00:00:00:00:02"));
    assert_eq!(behind, Some(("192.168.9.9".to_owned(), Side::Initiator)), "a host behind the router goes by address");
}

#[test]
fn a_phone_with_changing_ipv6_addresses_is_no_router() {
    let mut devices = devices();
    for n in 1..40 {
        let phone = at(&format!("2001:db8:7:0::{n:x}"), PHONE);
        let found = placed(&mut devices, &phone, &at(&format!("2a03:2880:{n:x}::1"), ROUTER));
        assert_eq!(found, Some((PHONE.to_owned(), Side::Initiator)));
    }
}

#[test]
fn what_the_user_declares_local_settles_it() {
    let options = DeviceOptions { local: vec!["203.0.113.0/24".parse().unwrap()], ..DeviceOptions::default() };
    let mut devices = Devices::new(options);
    let found = placed(&mut devices, "198.51.100.7", "203.0.113.5");
    assert_eq!(found, Some(("203.0.113.5".to_owned(), Side::Responder)));
    let found = placed(&mut devices, "10.0.0.1", "203.0.113.5");
    assert_eq!(found, Some(("203.0.113.5".to_owned(), Side::Responder)), "even against a private address");
}

#[test]
fn the_capturing_host_breaks_a_tie() {
    let mut devices = devices();
    let place = devices.place(&flow("198.51.100.7", "203.0.113.5"), Some(Heading::Inbound)).unwrap();
    assert_eq!(place.side, Side::Responder);
}

#[test]
fn a_label_joins_addresses_and_names_the_device() {
    let label = DeviceLabel {
        label: "Ana's phone".to_owned(),
        mac: PHONE.parse().ok(),
        addresses: vec!["10.215.173.1".parse().unwrap(), "fd00:2:fd00:1:fd00:1:fd00:1".parse().unwrap()],
    };
    let mut devices = Devices::new(DeviceOptions { labels: vec![label], ..DeviceOptions::default() });
    for initiator in ["10.215.173.1", "fd00:2:fd00:1:fd00:1:fd00:1", "192.168.7.23@02:00:00:00:07:17"] {
        assert_eq!(placed(&mut devices, initiator, "198.51.100.7"), Some((PHONE.to_owned(), Side::Initiator)));
    }
    assert_eq!(devices.iter().count(), 1);
    assert_eq!(devices.device(DeviceId(0)).label.as_deref(), Some("Ana's phone"));
}

#[test]
fn both_families_of_a_phone_that_captures_itself_are_one_device() {
    let mut devices = devices();
    for initiator in ["fd00:2:fd00:1:fd00:1:fd00:1", "10.215.173.1"] {
        let found = placed(&mut devices, initiator, "198.51.100.7");
        assert_eq!(found, Some(("10.215.173.1".to_owned(), Side::Initiator)));
    }
}

#[test]
fn a_full_table_refuses_and_counts() {
    let mut devices = Devices::new(DeviceOptions { most: 1, ..DeviceOptions::default() });
    assert!(placed(&mut devices, "192.168.7.1", "198.51.100.7").is_some());
    assert!(placed(&mut devices, "192.168.7.2", "198.51.100.7").is_none());
    assert!(placed(&mut devices, "192.168.7.1", "198.51.100.8").is_some());
    assert_eq!(devices.refused(), 1);
}
