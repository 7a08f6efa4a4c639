//! Names in a certificate that passes in clear: subject and alternative names (RFC 5280).
//!
//! Only the few fields needed are walked, tag by tag, within the bytes that are there. Nothing is verified: a
//! certificate on the wire is a claim, and the weakest of the names a flow may have.

use std::net::IpAddr;

use crate::{
    base::{Malformed, Reader, text::host_name},
    hint::{NameSource, apps, notes::Notes},
};

/// Who a certificate says it is for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::hint) struct Names {
    /// Subject common name.
    pub(in crate::hint) common: Option<String>,
    /// Subject organisation.
    pub(in crate::hint) organisation: Option<String>,
    /// DNS alternative names, the first few.
    pub(in crate::hint) alternatives: Vec<String>,
}

/// Alternative names read of one certificate.
const ALTERNATIVES: usize = 16;
/// Names told of one certificate.
const TOLD: usize = 4;

/// Reads a Certificate message (RFC 5246, section 7.4.2), as far as it has come, and notes the host names of its
/// first certificate, the subject first. False where that certificate is not complete.
pub(in crate::hint) fn note(body: &[u8], notes: &mut Notes<'_>) -> bool {
    let Ok(certificate) = first(body) else { return false };
    let Ok(names) = Names::read(certificate) else { return true };
    apps::certificate(&names, notes);
    for host in names.hosts().into_iter().take(TOLD) {
        notes.name(host, NameSource::Certificate, false);
    }
    true
}

fn first(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut r = Reader::new("Certificate", body);
    r.u24()?; // length of the list
    let length = r.u24()?;
    r.take(length as usize)
}

impl Names {
    /// Reads one DER certificate. Fields that are missing or malformed are left empty.
    pub(in crate::hint) fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut names = Self::default();
        let mut tbs = expect(&mut expect(&mut Reader::new("X.509", der), SEQUENCE)?, SEQUENCE)?;
        let mut subject_next = 0;
        while let Ok((tag, value)) = element(&mut tbs) {
            match tag {
                // Sequences in order: signature algorithm, issuer, validity, subject, public key.
                SEQUENCE => {
                    subject_next += 1;
                    if subject_next == 4 {
                        names.read_subject(value);
                    }
                }
                EXTENSIONS => names.read_extensions(value),
                _ => {}
            }
        }
        Ok(names)
    }

    /// Its names that can be host names, the common name first, each once.
    pub(in crate::hint) fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for name in self.common.iter().chain(&self.alternatives) {
            let Some(host) = host_name(name.as_bytes()) else { continue };
            if host.contains('.') && host.parse::<IpAddr>().is_err() && !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    fn read_subject(&mut self, mut sets: Reader<'_>) {
        while let Ok((SET, mut set)) = element(&mut sets) {
            let Ok(mut pair) = expect(&mut set, SEQUENCE) else { continue };
            let (Ok(oid), Ok((_, value))) = (expect(&mut pair, OBJECT_ID), element(&mut pair)) else { continue };
            let text = || Some(String::from_utf8_lossy(value.rest()).into_owned());
            match oid.rest() {
                COMMON_NAME => self.common = text(),
                ORGANISATION => self.organisation = text(),
                _ => {}
            }
        }
    }

    fn read_extensions(&mut self, mut wrapped: Reader<'_>) {
        let Ok(mut list) = expect(&mut wrapped, SEQUENCE) else { return };
        while let Ok(mut extension) = expect(&mut list, SEQUENCE) {
            let Ok(oid) = expect(&mut extension, OBJECT_ID) else { continue };
            if oid.rest() != ALTERNATIVE_NAMES {
                continue;
            }
            while let Ok((tag, value)) = element(&mut extension) {
                if tag == OCTET_STRING {
                    self.read_alternatives(value);
                }
            }
        }
    }

    fn read_alternatives(&mut self, mut octets: Reader<'_>) {
        let Ok(mut list) = expect(&mut octets, SEQUENCE) else { return };
        while let Ok((tag, value)) = element(&mut list) {
            if tag == DNS_NAME && self.alternatives.len() < ALTERNATIVES {
                self.alternatives.push(String::from_utf8_lossy(value.rest()).into_owned());
            }
        }
    }
}

const OBJECT_ID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const DNS_NAME: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// The next element: its tag and its content (X.690, section 8.1; definite lengths only).
fn element<'a>(r: &mut Reader<'a>) -> Result<(u8, Reader<'a>), Malformed> {
    let tag = r.u8()?;
    let length = match r.u8()? {
        short @ 0..=0x7f => u32::from(short),
        0x81 => r.u8()?.into(),
        0x82 => r.u16()?.into(),
        0x83 => r.u24()?,
        _ => u32::MAX,
    };
    Ok((tag, r.within(length as usize)?))
}

fn expect<'a>(r: &mut Reader<'a>, wanted: u8) -> Result<Reader<'a>, Malformed> {
    let offset = r.offset();
    match element(r)? {
        (tag, content) if tag == wanted => Ok(content),
        (_, content) => Err(Malformed { layer: "X.509", offset, needed: 0, left: content.left() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn certificate(names: &[&str]) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params =
            rcgen::CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "CN.example");
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Kakao Corp.");
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_names_its_subject_first_and_then_its_alternatives() {
        let names = Names::read(&certificate(&["a.example", "*.b.example", "cn.example"])).unwrap();
        assert_eq!(names.hosts(), ["cn.example", "a.example", "*.b.example"]);
        assert_eq!(names.organisation.as_deref(), Some("Kakao Corp."));
    }

    #[test]
    fn a_cut_certificate_says_what_is_left_or_nothing() {
        let whole = certificate(&["a.example"]);
        for cut in 0..whole.len() {
            assert!(Names::read(&whole[..cut]).is_err(), "the outer length binds");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_can_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..300, value: u8) {
            let _ = Names::read(&bytes);
            let mut bent = certificate(&["a.example", "b.example"]);
            let at = at % bent.len();
            bent[at] = value;
            let _ = Names::read(&bent).map(|names| names.hosts());
        }
    }
}
