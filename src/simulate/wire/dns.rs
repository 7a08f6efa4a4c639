//! DNS questions and answers (RFC 1035, section 4).

use std::net::IpAddr;

use super::Put;
use crate::simulate::hosts::Host;

/// How long a question about `host` is: header, name with its length octets, type and class.
pub(in crate::simulate) fn question_length(host: &Host) -> u64 {
    12 + host.name.as_ref().map_or(0, String::len) as u64 + 2 + 4
}

/// How much longer the answer is: a compressed name, type, class, lifetime, length and an address.
pub(in crate::simulate) const fn answer_length(host: &Host) -> u64 {
    match host.addr {
        IpAddr::V4(_) => 12 + 4,
        IpAddr::V6(_) => 12 + 16,
    }
}

/// Asks for the address of `host`.
pub(in crate::simulate) fn question(host: &Host, id: u16) -> Vec<u8> {
    message(host, id, RECURSION_DESIRED, 0)
}

/// Answers with its one address.
pub(in crate::simulate) fn answer(host: &Host, id: u16) -> Vec<u8> {
    let mut out = message(host, id, RESPONSE | RECURSION_DESIRED | RECURSION_AVAILABLE, 1);
    out.put16(0xc00c); // the name asked for (section 4.1.4)
    out.put16(kind(host));
    out.put16(INTERNET);
    out.put32(LIFETIME_SECONDS);
    out.with_len16(|out| match host.addr {
        IpAddr::V4(v4) => out.extend(v4.octets()),
        IpAddr::V6(v6) => out.extend(v6.octets()),
    });
    out
}

fn message(host: &Host, id: u16, flags: u16, answers: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    for n in [id, flags, 1, answers, 0, 0] {
        out.put16(n);
    }
    for label in host.name.iter().flat_map(|name| name.split('.')) {
        out.put8(u8::try_from(label.len()).unwrap_or_default());
        out.extend(label.as_bytes());
    }
    out.put8(0);
    out.put16(kind(host));
    out.put16(INTERNET);
    out
}

const fn kind(host: &Host) -> u16 {
    match host.addr {
        IpAddr::V4(_) => 1,
        IpAddr::V6(_) => 28,
    }
}

const RESPONSE: u16 = 0x8000;
const RECURSION_DESIRED: u16 = 0x0100;
const RECURSION_AVAILABLE: u16 = 0x0080;
const INTERNET: u16 = 1;
const LIFETIME_SECONDS: u32 = 300;

#[cfg(test)]
mod tests {
    use domain::{base::Message, rdata::AllRecordData};

    use super::*;
    use crate::simulate::{App, hosts::Hosts};

    #[test]
    fn an_independent_parser_reads_name_and_address() {
        let hosts = Hosts::of(App::Signal);
        for host in hosts.ids().map(|id| hosts.get(id)).filter(|host| host.name.is_some()) {
            let asked = question(host, 77);
            let answered = answer(host, 77);
            assert_eq!(asked.len() as u64, question_length(host));
            assert_eq!(answered.len() as u64, question_length(host) + answer_length(host));
            let message = Message::from_octets(answered.as_slice()).unwrap();
            let question = message.first_question().unwrap();
            assert_eq!(Some(question.qname().to_string()), host.name);
            let record = message.answer().unwrap().limit_to::<AllRecordData<_, _>>().next().unwrap().unwrap();
            let addr = match record.data() {
                AllRecordData::A(a) => IpAddr::V4(a.addr()),
                AllRecordData::Aaaa(a) => IpAddr::V6(a.addr()),
                other => panic!("{other:?}"),
            };
            assert_eq!(addr, host.addr);
        }
    }
}
