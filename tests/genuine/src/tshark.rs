//! A capture as tshark reads it: packets and bytes of each flow, and the names it finds. It shares no code with the
//! endpoints, nor with nightaudit.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// A capture in tshark's eyes.
#[derive(Debug, Default)]
pub struct Reading {
    /// Frames, those of no flow included.
    pub frames: u64,
    /// TCP and UDP flows, in the order in which they were opened.
    pub flows: Vec<SeenFlow>,
}

/// A flow in tshark's eyes; `ab` is from the side whose packet came first.
#[derive(Debug, Default)]
pub struct SeenFlow {
    /// `tcp` or `udp`.
    pub proto: &'static str,
    /// Addresses and ports: who sent first, and to whom.
    pub key: (String, u16, String, u16),
    /// Packets each way.
    pub packets: [u64; 2],
    /// IP total lengths each way.
    pub bytes: [u64; 2],
    /// Payload lengths each way, a repeated byte counted again.
    pub payload: [u64; 2],
    /// Server names in TLS hellos, and `Host` of HTTP.
    pub names: Vec<String>,
    /// Names looked up.
    pub lookups: Vec<String>,
    /// Number and payload length of each packet that carries payload from the opening side.
    pub sent: Vec<(usize, u64)>,
    /// How many of `sent` came before the other side's first payload.
    pub first_flight_packets: u64,
}

/// Reads `capture`.
pub fn read(capture: &Path) -> Result<Reading> {
    let mut tshark = Command::new("tshark");
    // Segments in the wrong order, and addresses by number.
    tshark.args(["-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-r"]).arg(capture);
    tshark.args(["-T", "fields", "-E", "separator=;", "-E", "aggregator=,"]);
    for field in FIELDS {
        tshark.args(["-e", field]);
    }
    let output = tshark.output().context("cannot run `tshark`")?;
    ensure!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let mut reading = Reading::default();
    for line in String::from_utf8(output.stdout)?.lines() {
        reading.frames += 1;
        reading.add(&line.split(';').collect::<Vec<_>>()).with_context(|| format!("tshark's line `{line}`"))?;
    }
    Ok(reading)
}

const FIELDS: [&str; 16] = [
    "frame.number",
    "ip.src",
    "ip.dst",
    "ip.len",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.len",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "tls.handshake.extensions_server_name",
    "http.host",
    "dns.qry.name",
];

const IPV6_HEADER: u64 = 40;
const UDP_HEADER: u64 = 8;

impl Reading {
    fn add(&mut self, fields: &[&str]) -> Result<()> {
        let [frame, src4, dst4, len4, src6, dst6, len6, tsrc, tdst, tlen, usrc, udst, ulen, sni, host, lookup] = fields
        else {
            anyhow::bail!("{} fields", fields.len())
        };
        let bytes = if len4.is_empty() { len6.parse().unwrap_or(0) + IPV6_HEADER } else { len4.parse()? };
        let (src, dst) = if src4.is_empty() { (src6, dst6) } else { (src4, dst4) };
        let (proto, sport, dport, payload) = match (tlen.is_empty(), ulen.is_empty()) {
            (false, _) => ("tcp", tsrc, tdst, tlen.parse()?),
            (_, false) => ("udp", usrc, udst, ulen.parse::<u64>()? - UDP_HEADER),
            _ => return Ok(()),
        };
        let key = ((*src).to_owned(), sport.parse()?, (*dst).to_owned(), dport.parse()?);
        let (flow, side) = self.flow(proto, &key);
        flow.packets[side] += 1;
        flow.bytes[side] += bytes;
        flow.payload[side] += payload;
        flow.names.extend(
            [sni, host].into_iter().flat_map(|names| names.split(',')).filter(|n| !n.is_empty()).map(str::to_owned),
        );
        if side == 0 && payload > 0 {
            flow.sent.push((frame.parse()?, payload));
            flow.first_flight_packets += u64::from(flow.payload[1] == 0);
            flow.lookups.extend((!lookup.is_empty()).then(|| (*lookup).to_owned()));
        }
        Ok(())
    }

    /// The flow that `key` belongs to, and which of its sides sent.
    fn flow(&mut self, proto: &'static str, key: &(String, u16, String, u16)) -> (&mut SeenFlow, usize) {
        let back = (key.2.clone(), key.3, key.0.clone(), key.1);
        let known = self.flows.iter().rposition(|flow| flow.proto == proto && (flow.key == *key || flow.key == back));
        let at = known.unwrap_or_else(|| {
            self.flows.push(SeenFlow { proto, key: key.clone(), ..SeenFlow::default() });
            self.flows.len() - 1
        });
        let side = usize::from(self.flows[at].key != *key);
        (&mut self.flows[at], side)
    }
}

/// `TShark (Wireshark) 4.0.17 …`
pub fn version() -> Result<String> {
    let output = Command::new("tshark").arg("--version").output().context("cannot run `tshark`")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
