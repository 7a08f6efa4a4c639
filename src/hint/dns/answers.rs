//! The addresses an answer gives to the name that was asked for, aliases followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::{
    base::{Message, ParsedName, iana::Rtype, rdata::UnknownRecordData, record::ParsedRecord},
    rdata::{A, Aaaa, Cname},
};

use super::{RECORDS, written};
use crate::{
    base::{Malformed, Reader},
    hint::Answer,
};

/// Addresses kept of one answer.
const ADDRESSES: usize = 64;
/// Aliases followed, as far as resolvers go.
const ALIASES: usize = 16;

/// What the answer section says of `name`; `None` where it gives no address.
pub(super) fn answer(message: &Message<[u8]>, name: String) -> Option<Answer> {
    let mut records = Records::default();
    for record in message.answer().ok()?.take(RECORDS) {
        let Ok(record) = record else { break }; // cut: what came before still counts
        records.add(&record);
    }
    let addresses = records.addresses_of(&name);
    (!addresses.is_empty()).then_some(Answer { name, addresses })
}

#[derive(Debug, Default)]
struct Records {
    aliases: Vec<(String, String, u32)>,
    addresses: Vec<(String, IpAddr, u32)>,
}

impl Records {
    fn add(&mut self, record: &ParsedRecord<'_, [u8]>) {
        let Some(owner) = written(&record.owner()) else { return };
        let lifetime = lifetime(record.ttl().as_secs());
        match record.rtype() {
            Rtype::A => {
                if let Ok(Some(a)) = record.to_record::<A>() {
                    self.address(owner, a.data().addr().into(), lifetime);
                }
            }
            Rtype::AAAA => {
                if let Ok(Some(aaaa)) = record.to_record::<Aaaa>() {
                    self.address(owner, aaaa.data().addr().into(), lifetime);
                }
            }
            Rtype::CNAME => {
                if let Ok(Some(alias)) = record.to_record::<Cname<ParsedName<&[u8]>>>()
                    && let Some(target) = written(alias.data().cname())
                {
                    self.aliases.push((owner, target, lifetime));
                }
            }
            Rtype::HTTPS | Rtype::SVCB => {
                if let Ok(Some(raw)) = record.to_record::<UnknownRecordData<&[u8]>>() {
                    for address in address_hints(raw.data().data()) {
                        self.address(owner.clone(), address, lifetime);
                    }
                }
            }
            _ => {}
        }
    }

    fn address(&mut self, owner: String, address: IpAddr, lifetime: u32) {
        if self.addresses.len() < ADDRESSES {
            self.addresses.push((owner, address, lifetime));
        }
    }

    /// The addresses at the end of the aliases from `name`, each with the smallest lifetime on the way.
    fn addresses_of(&self, name: &str) -> Vec<(IpAddr, u32)> {
        let mut found: Vec<(IpAddr, u32)> = Vec::new();
        let (mut owner, mut shortest) = (name, u32::MAX);
        for _ in 0..=ALIASES {
            for (_, address, lifetime) in self.addresses.iter().filter(|(o, ..)| o == owner) {
                if !found.iter().any(|(known, _)| known == address) {
                    found.push((*address, shortest.min(*lifetime)));
                }
            }
            match self.aliases.iter().find(|(from, ..)| from == owner) {
                Some((_, target, lifetime)) => (owner, shortest) = (target, shortest.min(*lifetime)),
                None => break,
            }
        }
        found
    }
}

/// A lifetime with its top bit set means zero (RFC 2181, section 8).
fn lifetime(seconds: u32) -> u32 {
    if seconds > i32::MAX as u32 { 0 } else { seconds }
}

/// The addresses in the `ipv4hint` and `ipv6hint` of a service binding (RFC 9460, section 7.3), up to the first
/// parameter that is malformed.
fn address_hints(rdata: &[u8]) -> Vec<IpAddr> {
    let mut hints = Vec::new();
    let mut r = Reader::new("SVCB", rdata);
    if skip_to_parameters(&mut r).is_ok() {
        while let Ok((key, value)) = parameter(&mut r) {
            match key {
                4 => hints.extend(value.as_chunks::<4>().0.iter().map(|a| IpAddr::from(Ipv4Addr::from(*a)))),
                6 => hints.extend(value.as_chunks::<16>().0.iter().map(|a| IpAddr::from(Ipv6Addr::from(*a)))),
                _ => {}
            }
        }
    }
    hints.truncate(ADDRESSES);
    hints
}

fn skip_to_parameters(r: &mut Reader<'_>) -> Result<(), Malformed> {
    r.u16()?; // priority
    loop {
        match r.u8()? {
            0 => return Ok(()), // the target's root label: this name is never compressed
            label => r.skip(label.into())?,
        }
    }
}

fn parameter<'a>(r: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Malformed> {
    let key = r.u16()?;
    let length = r.u16()?;
    Ok((key, r.take(length.into())?))
}
