//! What the decoder makes of real captures agrees with tshark's reading of them, flow by flow.
//!
//! The captures are not part of the project: they are looked for in `$NIGHTAUDIT_CORPUS`, else in `../shared/corpus`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a helper of a test fails or says that it is skipped")]

mod decode_support;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read},
    net::IpAddr,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use nightaudit::{
    base::Endpoint,
    decode::{Counts, Decoded, Decoder, Packet, Transport},
};
use serde_json::Value;

#[test]
fn captures_of_apps_agree_with_tshark_flow_by_flow() -> io::Result<()> {
    let Some(root) = corpus() else { return Ok(()) };
    let comparison = compare(&root.join("expected"), &root.join("apps"))?;
    assert!(comparison.flows > 2_000, "only {} flows", comparison.flows);
    let wrong: Vec<_> = comparison.differences.iter().filter(|found| !found.is_only_fragment_bytes()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn broken_and_odd_captures_agree_with_tshark_or_differ_for_a_known_reason() -> io::Result<()> {
    let Some(root) = corpus() else { return Ok(()) };
    let comparison = compare(&root.join("expected/malformed"), &root.join("malformed"))?;
    assert!(comparison.flows > 2_500, "only {} flows", comparison.flows);
    let differing: Vec<_> = comparison
        .differences
        .iter()
        .filter(|found| !found.is_only_fragment_bytes() && !found.is_only_payload())
        .collect();
    let unknown: Vec<_> = differing.iter().filter(|found| reason(&found.file).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let files: BTreeSet<&str> = differing.iter().map(|found| found.file.as_str()).collect();
    let settled: Vec<_> = KNOWN_REASONS.iter().filter(|(file, _)| !files.contains(file)).collect();
    assert!(settled.is_empty(), "these agree now: {settled:#?}");
    Ok(())
}

/// Where the two read a capture differently, and why that is right.
const KNOWN_REASONS: [(&str, &str); 23] = [
    ("gopacket_pcapgo__tests__be__test901.pcapng", "tshark stops at a section of version 2.0"),
    ("gopacket_pcapgo__tests__le__test901.pcapng", "tshark stops at a section of version 2.0"),
    ("libpcap_filter__arcnet-rfc1201-arp-icmp-http.pcap", "ARCNET is not read"),
    ("libpcap_filter__ipv6_ext_headers.pcap", "a hundred extension headers: more than are followed"),
    ("ndpi_capwap.pcap", "CAPWAP is not opened"),
    ("ndpi_capwap_data.pcapng", "CAPWAP is not opened"),
    ("ndpi_fuzz-2006-06-26-2594.pcap", "a fragment's ports count though its datagram never becomes whole"),
    ("ndpi_ipv6_in_gtp.pcap", "ESP inside GTP counts as ESP, not as GTP"),
    ("pcapanalyzer_frag_tcp_80_ipv4_sp_frag0.pcap", "a lone first fragment counts with its ports"),
    ("tcpdump_LINKTYPE_IPV6_invalid.pcap", "the version in the header is believed, not the link type"),
    ("tcpdump_arcnet-rfc1051-arp-icmp-http.pcap", "ARCNET is not read"),
    ("tcpdump_arcnet-rfc1201-arp-icmp-http.pcap", "ARCNET is not read"),
    ("tcpdump_bgp-aigp.pcap", "Juniper's Ethernet is not read"),
    ("tcpdump_bigtcp-ipv4-geneve-ipv6.pcap", "a total length of zero behind a tunnel is offload there, too"),
    ("tcpdump_bigtcp-ipv4-vxlan-ipv6.pcap", "a total length of zero behind a tunnel is offload there, too"),
    ("tcpdump_bigtcp-ipv6-geneve-ipv4.pcap", "a total length of zero behind a tunnel is offload there, too"),
    ("tcpdump_of13_ericsson.pcapng", "packets quoted in OpenFlow messages are not traffic"),
    ("tcpdump_sflow_expanded.pcap", "packets sampled in sFlow messages are not traffic"),
    ("tcpdump_wccp_redirect_gre.pcap", "WCCP inside GRE is not opened"),
    ("zeek_pbb-recursive-frames.pcapng", "45 backbone tags: more than are followed"),
    ("zeek_tunnels__ayiya3.pcap", "AYIYA is not opened"),
    ("zeek_tunnels__gtp__gtp1_gn_normal_incl_fragmentation.pcap", "first fragments count with their ports"),
    ("zeek_tunnels__gtp__gtp_control_prime.pcap", "GTP' is charging data about traffic, and not opened"),
];

fn reason(file: &str) -> Option<&'static str> {
    KNOWN_REASONS.iter().find(|(known, _)| *known == file).map(|(_, why)| *why)
}

type Key = (&'static str, Endpoint, Endpoint);

/// What one end of a flow sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sent {
    packets: u64,
    wire: u64,
    payload: u64,
}

/// By flow, from the lesser endpoint and back.
type Flows = BTreeMap<Key, [Sent; 2]>;

#[derive(Debug)]
struct Difference {
    file: String,
    #[expect(dead_code, reason = "shown where the test fails")]
    flow: Key,
    ours: Option<[Sent; 2]>,
    theirs: Option<[Sent; 2]>,
    has_fragments: bool,
}

impl Difference {
    /// tshark counts a datagram in fragments by the IP length of the last of them alone.
    fn is_only_fragment_bytes(&self) -> bool {
        let (Some(ours), Some(theirs)) = (self.ours, self.theirs) else { return false };
        self.has_fragments
            && ours.iter().zip(theirs).all(|(ours, theirs)| {
                (ours.packets, ours.payload) == (theirs.packets, theirs.payload) && ours.wire >= theirs.wire
            })
    }

    /// Where headers contradict each other, tshark takes UDP at its word and TCP at the frame's length; here neither
    /// has more payload than its IP datagram has room for.
    fn is_only_payload(&self) -> bool {
        let (Some(ours), Some(theirs)) = (self.ours, self.theirs) else { return false };
        ours.iter().zip(theirs).all(|(ours, theirs)| (ours.packets, ours.wire) == (theirs.packets, theirs.wire))
    }
}

struct Comparison {
    flows: usize,
    differences: Vec<Difference>,
}

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("NIGHTAUDIT_CORPUS").map(PathBuf::from);
    let root = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"));
    if root.is_dir() {
        return Some(root);
    }
    println!("skipped: no captures at {}; set NIGHTAUDIT_CORPUS", root.display());
    None
}

fn compare(expected: &Path, captures: &Path) -> io::Result<Comparison> {
    let mut all = Comparison { flows: 0, differences: Vec::new() };
    for entry in fs::read_dir(expected)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let expectation: Value = serde_json::from_slice(&fs::read(&path)?)?;
        let tshark = &expectation["tshark"];
        let (Some(file), Some(flows)) = (expectation["file"].as_str(), tshark["flows"].as_array()) else { continue };
        let capture = captures.join(file);
        if !capture.is_file() {
            continue;
        }
        let Some((ours, counts)) = ours(&capture)? else { continue };
        let theirs = theirs(flows);
        all.flows += theirs.len();
        let keys: BTreeSet<&Key> = ours.keys().chain(theirs.keys()).collect();
        all.differences.extend(keys.into_iter().filter(|key| ours.get(key) != theirs.get(key)).map(|key| Difference {
            file: file.to_owned(),
            flow: *key,
            ours: ours.get(key).copied(),
            theirs: theirs.get(key).copied(),
            has_fragments: counts.reassembled > 0,
        }));
    }
    Ok(all)
}

/// `None` where the file is no pcap or pcapng.
fn ours(file: &Path) -> io::Result<Option<(Flows, Counts)>> {
    let bytes = fs::read(file)?;
    let bytes = match bytes.first_chunk() {
        Some([0x28, 0xb5, 0x2f, 0xfd]) => zstd::decode_all(&bytes[..])?,
        Some([0x1f, 0x8b, _, _]) => {
            let mut plain = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut plain)?;
            plain
        }
        _ => bytes,
    };
    let Some(frames) = decode_support::frames(&bytes) else { return Ok(None) };
    let mut decoder = Decoder::default();
    let mut flows = Flows::new();
    for frame in &frames {
        if let Decoded::Packet(packet) = decoder.decode(&frame.frame()) {
            count(&packet, &mut flows);
        }
        while let Some(packet) = decoder.abandoned() {
            count(&packet, &mut flows);
        }
    }
    decoder.flush();
    while let Some(packet) = decoder.abandoned() {
        count(&packet, &mut flows);
    }
    Ok(Some((flows, decoder.counts().clone())))
}

fn count(packet: &Packet<'_>, flows: &mut Flows) {
    let protocol = match packet.transport {
        Transport::Tcp { .. } => "tcp",
        Transport::Udp => "udp",
        Transport::Other(_) => return,
    };
    let sent = Sent { packets: 1, wire: packet.wire_len.into(), payload: packet.payload_len.into() };
    add(flows, protocol, packet.src, packet.dst, sent);
}

fn theirs(flows: &[Value]) -> Flows {
    let mut sums = Flows::new();
    for flow in flows {
        let number = |name: &str| flow[name].as_u64().unwrap();
        let end = |side: &str| {
            let addr: IpAddr = flow[side].as_str().unwrap().parse().unwrap();
            Endpoint::new(addr.to_canonical(), u16::try_from(number(&format!("{side}_port"))).unwrap())
        };
        let sent = |way: &str| Sent {
            packets: number(&format!("packets_{way}")),
            wire: number(&format!("ip_{way}")),
            payload: number(&format!("payload_{way}")),
        };
        let protocol = if flow["proto"] == "tcp" { "tcp" } else { "udp" };
        add(&mut sums, protocol, end("a"), end("b"), sent("ab"));
        add(&mut sums, protocol, end("b"), end("a"), sent("ba"));
    }
    sums
}

fn add(flows: &mut Flows, protocol: &'static str, src: Endpoint, dst: Endpoint, sent: Sent) {
    let forward = src <= dst;
    let key = if forward { (protocol, src, dst) } else { (protocol, dst, src) };
    let side = &mut flows.entry(key).or_default()[usize::from(!forward)];
    side.packets += sent.packets;
    side.wire += sent.wire;
    side.payload += sent.payload;
}
