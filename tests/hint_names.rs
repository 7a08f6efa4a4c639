//! DNS and HTTP through the inspector: names asked for, answered and requested.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

mod opening;

use std::net::IpAddr;

use nightaudit::{
    flow::{Protocol, Side},
    hint::{Answer, Hint, NameSource, Recognised},
};
use opening::inspect;
use proptest::prelude::*;

fn read<'a>(protocol: Protocol, port: u16, pieces: impl IntoIterator<Item = (Side, &'a [u8])>) -> Vec<Hint> {
    inspect(protocol, port, pieces).0
}

mod dns {
    use super::*;

    const A: u16 = 1;
    const CNAME: u16 = 5;
    const AAAA: u16 = 28;
    const HTTPS: u16 = 65;

    fn name(text: &str) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in text.split('.') {
            wire.push(u8::try_from(label.len()).unwrap());
            wire.extend(label.as_bytes());
        }
        wire.push(0);
        wire
    }

    fn message(flags: u16, asked: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = vec![0x12, 0x34];
        wire.extend(flags.to_be_bytes());
        wire.extend([0, 1]);
        wire.extend(u16::try_from(answers.len()).unwrap().to_be_bytes());
        wire.extend([0; 4]);
        wire.extend(name(asked));
        wire.extend(kind.to_be_bytes());
        wire.extend([0, 1]);
        wire.extend(answers.concat());
        wire
    }

    fn query(asked: &str, kind: u16) -> Vec<u8> {
        message(0x0100, asked, kind, &[])
    }

    fn answer(asked: &str, kind: u16, answers: &[Vec<u8>]) -> Vec<u8> {
        message(0x8180, asked, kind, answers)
    }

    fn record(owner: &str, kind: u16, lifetime: u32, data: &[u8]) -> Vec<u8> {
        let mut wire = name(owner);
        wire.extend(kind.to_be_bytes());
        wire.extend([0, 1]);
        wire.extend(lifetime.to_be_bytes());
        wire.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        wire.extend(data);
        wire
    }

    fn answered(hints: &[Hint]) -> Vec<&Answer> {
        hints.iter().filter_map(|hint| if let Hint::Answered(answer) = hint { Some(answer) } else { None }).collect()
    }

    fn lookups(hints: &[Hint]) -> Vec<&str> {
        hints.iter().filter_map(|hint| if let Hint::Lookup(name) = hint { Some(name.as_str()) } else { None }).collect()
    }

    #[test]
    fn aliases_lead_to_addresses_that_live_as_short_as_the_shortest() {
        let reply = answer(
            "mmg.example",
            A,
            &[
                record("mmg.example", CNAME, 300, &name("edge.example")),
                record("edge.example", CNAME, 20, &name("far.example")),
                record("far.example", A, 60, &[157, 240, 1, 1]),
                record("far.example", A, 10, &[157, 240, 1, 2]),
                record("other.example", A, 60, &[9, 9, 9, 9]),
            ],
        );
        let hints =
            read(Protocol::Udp, 53, [(Side::Initiator, &query("MMG.example", A)[..]), (Side::Responder, &reply)]);
        assert_eq!(lookups(&hints), ["mmg.example"]);
        let address = |last| IpAddr::from([157, 240, 1, last]);
        let wanted = Answer { name: "mmg.example".into(), addresses: vec![(address(1), 20), (address(2), 10)] };
        assert_eq!(answered(&hints), [&wanted]);
    }

    #[test]
    fn service_bindings_give_addresses_and_a_bad_parameter_costs_only_itself() {
        let hint = [&[0, 1, 0][..], &[0, 4, 0, 4, 203, 0, 113, 7], &[0, 9, 0xff, 0xff]].concat();
        let reply = answer(
            "web.example",
            HTTPS,
            &[
                record("web.example", HTTPS, 30, &hint),
                record("web.example", 999, 30, &[1, 2, 3]),
                record("web.example", AAAA, 40, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ],
        );
        let hints = read(Protocol::Udp, 53, [(Side::Responder, &reply[..])]);
        let addresses: Vec<_> =
            answered(&hints)[0].addresses.iter().map(|(addr, ttl)| (addr.to_string(), *ttl)).collect();
        assert_eq!(addresses, [("203.0.113.7".to_owned(), 30), ("2001:db8::1".to_owned(), 40)]);
    }

    #[test]
    fn a_cut_answer_still_gives_what_came_before_the_cut() {
        let first = record("a.example", A, 60, &[192, 0, 2, 1]);
        let whole = answer("a.example", A, &[first.clone(), record("a.example", A, 60, &[192, 0, 2, 2])]);
        let question = answer("a.example", A, &[]).len();
        for cut in 0..whole.len() {
            let hints = read(Protocol::Udp, 53, [(Side::Responder, &whole[..cut])]);
            let addresses = answered(&hints).iter().map(|answer| answer.addresses.len()).sum::<usize>();
            assert_eq!(addresses, usize::from(cut >= question + first.len()), "cut at {cut}");
        }
    }

    #[test]
    fn a_long_lived_resolver_flow_never_goes_deaf() {
        let queries: Vec<_> = (0..3_000).map(|n| query(&format!("h{n}.example"), A)).collect();
        let hints = read(Protocol::Udp, 53, queries.iter().map(|q| (Side::Initiator, &q[..])));
        assert_eq!(lookups(&hints).len(), 3_000);
        let framed: Vec<u8> =
            queries.iter().flat_map(|q| [&u16::try_from(q.len()).unwrap().to_be_bytes()[..], q].concat()).collect();
        for size in [1, 700, 1460] {
            let hints = read(Protocol::Tcp, 53, framed.chunks(size).map(|piece| (Side::Initiator, piece)));
            assert_eq!(lookups(&hints).len(), 3_000, "over TCP in pieces of {size}");
        }
    }

    #[test]
    fn on_another_port_only_what_is_dns_in_every_field_is_dns() {
        let plain = query("api.example.org", A);
        assert_eq!(lookups(&read(Protocol::Udp, 5353 + 1, [(Side::Initiator, &plain[..])])), ["api.example.org"]);
        let longer = [&plain[..], &[0]].concat();
        let no_host = query("exa mple.org", A);
        let odd_kind = query("api.example.org", 4711);
        for other in [longer, no_host, odd_kind] {
            assert_eq!(read(Protocol::Udp, 5354, [(Side::Initiator, &other[..])]), []);
        }
    }

    #[test]
    fn multicast_chatter_is_no_lookup() {
        for port in [5353, 5355] {
            let hints = read(Protocol::Udp, port, [(Side::Initiator, &query("printer.local", A)[..])]);
            assert_eq!(hints, [Hint::Protocol(Recognised::Mdns)]);
        }
    }

    #[test]
    fn a_label_that_holds_a_dot_is_no_other_name() {
        let mut disguised = query("x.example", A);
        disguised[13] = b'.';
        assert!(lookups(&read(Protocol::Udp, 53, [(Side::Initiator, &disguised[..])])).is_empty());
    }

    #[test]
    fn aliases_in_a_ring_end() {
        let ring = answer(
            "a.example",
            A,
            &[record("a.example", CNAME, 9, &name("b.example")), record("b.example", CNAME, 9, &name("a.example"))],
        );
        assert!(answered(&read(Protocol::Udp, 53, [(Side::Responder, &ring[..])])).is_empty());
    }

    proptest! {
        #[test]
        fn bent_messages_never_break_anything(at in any::<prop::sample::Index>(), value: u8, port in prop::sample::select(vec![53, 999])) {
            let mut bytes = answer("a.example", A, &[record("a.example", CNAME, 9, &name("b.example")), record("b.example", HTTPS, 9, &[0, 1, 0, 0, 4, 0, 4, 1, 2, 3, 4])]);
            let at = at.index(bytes.len());
            bytes[at] = value;
            read(Protocol::Udp, port, [(Side::Responder, &bytes[..])]);
            read(Protocol::Tcp, port, [(Side::Responder, &bytes[..])]);
        }
    }
}

mod http {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let whole = told(&[text.as_bytes()]);
        for at in 1..text.len() {
            let (front, back) = text.as_bytes().split_at(at);
            assert_eq!(told(&[front, back]), whole, "split at {at}");
        }
        whole
    }

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let hints = read(Protocol::Tcp, 8080, pieces.iter().map(|piece| (Side::Initiator, *piece)));
        let names = hints.into_iter().filter_map(|hint| match hint {
            Hint::ServerName { name, source: NameSource::Http, outer: false } => Some(name),
            _ => None,
        });
        names.collect()
    }

    #[test]
    fn a_request_names_its_host_wherever_it_is_split() {
        assert_eq!(hosts("GET / HTTP/1.1\r\nUser-Agent: x\r\nHOST:  Media.Example:8080 \r\n\r\n"), ["media.example"]);
        assert_eq!(hosts("GET /ws HTTP/1.1\nUpgrade: websocket\nHost: ws.example\n\n"), ["ws.example"]);
        assert_eq!(hosts("GET http://abs.example/x HTTP/1.0\r\n\r\n"), ["abs.example"]);
        assert_eq!(hosts("CONNECT proxy.example:443 HTTP/1.1\r\n\r\n"), ["proxy.example"]);
    }

    #[test]
    fn an_address_is_no_name() {
        for host in ["203.0.113.5", "203.0.113.5:80", "[2001:db8::1]:80", ""] {
            assert_eq!(hosts(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")), [""; 0], "{host}");
        }
    }

    #[test]
    fn what_only_begins_like_a_request_is_none() {
        for other in ["GET lost\r\nHost: x.example\r\n\r\n", "POSTER", "GET / SIP/2.0\r\nHost: x.example\r\n\r\n"] {
            assert_eq!(hosts(other), [""; 0], "{other}");
        }
    }
}
