//! Capture files as bytes: what is read of them, whole, cut, damaged, packed, and of several at once.

#![expect(clippy::unwrap_used, reason = "helpers of tests: failing is their way to report")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use nightaudit::{
    base::Stamp,
    capture::{AppTag, Captures, CutReason, FileReport, Frame, Heading, LinkType, PcapWriter, PcapngWriter, Precision},
};
use proptest::prelude::*;
use tempfile::TempDir;

/// A frame that owns its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Owned {
    input: usize,
    stamp: Stamp,
    link: LinkType,
    data: Vec<u8>,
    original_len: u32,
    heading: Option<Heading>,
    app: Option<String>,
}

fn owned(input: usize, frame: &Frame<'_>) -> Owned {
    Owned {
        input,
        stamp: frame.stamp,
        link: frame.link,
        data: frame.data.to_vec(),
        original_len: frame.original_len,
        heading: frame.heading,
        app: frame.app.map(|app| match app {
            AppTag::Uid { uid, name } => format!("{uid} {}", name.unwrap_or("?")),
            AppTag::Process { pid, name } => format!("pid {pid} {name}"),
        }),
    }
}

/// Reads inputs to their ends.
fn read_all<P: AsRef<Path>>(paths: &[P]) -> (Vec<Owned>, Vec<FileReport>, Vec<String>) {
    let mut opened = Captures::open(paths);
    let mut frames = Vec::new();
    while let Some(input) = opened.captures.advance() {
        frames.push(owned(input, &opened.captures.frame()));
    }
    let failed = opened.failed.iter().map(ToString::to_string).collect();
    (frames, opened.captures.into_reports(), failed)
}

/// Reads `bytes` as a file named `capture`.
fn read_bytes(bytes: &[u8]) -> (Vec<Owned>, Vec<FileReport>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    read_all(&[file(&folder, "capture", bytes)])
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32s(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|&number| self.u32(number)).collect()
    }
}

/// A classic pcap file by hand; packets are seconds, fraction and data.
fn pcap(order: Order, magic: u32, link: u32, packets: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = order.u32(magic).to_vec();
    bytes.extend(order.u16(2));
    bytes.extend(order.u16(4));
    bytes.extend(order.u32s(&[0, 0, 65_535, link]));
    for (seconds, fraction, data) in packets {
        let len = u32::try_from(data.len()).unwrap();
        bytes.extend(order.u32s(&[*seconds, *fraction, len, len + 7]));
        if magic == KUZNETZOV {
            bytes.extend([0; 8]);
        }
        bytes.extend(*data);
    }
    bytes
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = u32::try_from(padded + 12).unwrap();
    let mut bytes = order.u32s(&[kind, length]);
    bytes.extend(body);
    bytes.resize(8 + padded, 0);
    bytes.extend(order.u32(length));
    bytes
}

fn section(order: Order) -> Vec<u8> {
    let mut body = order.u32(0x1a2b_3c4d).to_vec();
    body.extend(order.u16(1));
    body.extend(order.u16(0));
    body.extend([0xff; 8]);
    block(order, 0x0a0d_0d0a, &body)
}

fn interface(order: Order, link: u16, options: &[u8]) -> Vec<u8> {
    let mut body = order.u16(link).to_vec();
    body.extend([0, 0]);
    body.extend(order.u32(0));
    body.extend(options);
    block(order, 1, &body)
}

fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = order.u16(code).to_vec();
    bytes.extend(order.u16(u16::try_from(value.len()).unwrap()));
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn enhanced(order: Order, interface: u32, ticks: u64, data: &[u8], options: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let [high, low] = [ticks >> 32, ticks % (1 << 32)].map(|half| u32::try_from(half).unwrap());
    let mut body = order.u32s(&[interface, high, low, len, len]);
    body.extend(data);
    body.resize(body.len().next_multiple_of(4), 0);
    body.extend(options);
    block(order, 6, &body)
}

const MICROS: u32 = 0xa1b2_c3d4;
const NANOS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;
const PACKETS: &[(u32, u32, &[u8])] = &[(10, 999_999, b"first packet"), (11, 0, b""), (12, 1, b"third")];

#[test]
fn classic_pcap_reads_alike_in_both_orders_and_all_variants() {
    for order in [Order::Little, Order::Big] {
        for (magic, nanos) in [(MICROS, 1_000), (NANOS, 1), (KUZNETZOV, 1_000)] {
            let (frames, reports, failed) = read_bytes(&pcap(order, magic, 1, PACKETS));
            assert!(failed.is_empty(), "{failed:?}");
            let found: Vec<_> = frames.iter().map(|it| (it.stamp, it.data.as_slice(), it.original_len)).collect();
            let expected = PACKETS.iter().map(|&(s, f, data)| {
                (Stamp::new(s.into(), u64::from(f) * nanos), data, u32::try_from(data.len()).unwrap() + 7)
            });
            assert_eq!(found, expected.collect::<Vec<_>>(), "{order:?} {magic:#x}");
            assert_eq!(reports[0].links, [LinkType::ETHERNET]);
            assert_eq!((reports[0].first, reports[0].last), (Some(frames[0].stamp), Some(frames[2].stamp)));
        }
    }
}

#[test]
fn frame_check_bits_are_no_part_of_the_link_type() {
    let (frames, ..) = read_bytes(&pcap(Order::Big, MICROS, 0x4400_0001, PACKETS));
    assert!(frames.iter().all(|it| it.link == LinkType::ETHERNET));
}

#[test]
fn sections_may_change_byte_order_and_interfaces_their_clock_and_link_type() {
    let little = Order::Little;
    let big = Order::Big;
    let resolution = option(little, 9, &[9]);
    let offset = [option(big, 9, &[0x8a]), option(big, 14, &1_000_i64.to_be_bytes())].concat();
    let bytes = [
        section(little),
        interface(little, 1, &[]),
        interface(little, 101, &resolution),
        enhanced(little, 0, 5_000_000, b"ethernet", &[]),
        block(little, 0x0000_0bad, &[1, 2, 3, 4, 5]),
        enhanced(little, 1, 6_000_000_007, b"raw", &[]),
        block(little, 0x7777_7777, &[9; 3000]),
        section(big),
        interface(big, 276, &offset),
        enhanced(big, 0, 7 << 10, b"cooked", &[]),
        block(big, 3, &[0, 0, 0, 6, b's', b'i', b'm', b'p', b'l', b'e', 0, 0]),
        block(big, 2, &[&[0, 0, 0, 9][..], &big.u32s(&[0, 9 << 10, 3, 300]), b"old\0"].concat()),
    ];
    let (frames, reports, _) = read_bytes(&bytes.concat());
    let found: Vec<_> =
        frames.iter().map(|it| (it.stamp, it.link.0, String::from_utf8(it.data.clone()).unwrap())).collect();
    let expected = [
        (Stamp::new(5, 0), 1, "ethernet"),
        (Stamp::new(6, 7), 101, "raw"),
        (Stamp::new(1_007, 0), 276, "cooked"),
        (Stamp::new(1_007, 0), 276, "simple"),
        (Stamp::new(1_009, 0), 276, "old"),
    ];
    assert_eq!(found, expected.map(|(stamp, link, text)| (stamp, link, text.to_owned())));
    assert_eq!(reports[0].links, [LinkType(1), LinkType(101), LinkType(276)]);
    assert_eq!((reports[0].cut, reports[0].broken), (None, 0));
}

#[test]
fn packets_say_which_way_they_went_and_whose_they_are() {
    for order in [Order::Little, Order::Big] {
        let user_map =
            [&order.u32(62_652)[..], &order.u16(1), &[1, 0], &order.u32(10_123), &[12, 2], b"com.whatsappWA"].concat();
        let process =
            |pid, name: &[u8]| block(order, 0x8000_0001, &[&order.u32(pid)[..], &option(order, 2, name)].concat());
        let inbound = option(order, 2, &order.u32(0x11));
        let outbound = option(order, 2, &order.u32(2));
        let with = |options: &[Vec<u8>]| enhanced(order, 0, 0, b"data", &options.concat());
        let bytes = [
            section(order),
            interface(order, 101, &[]),
            block(order, 0x0000_0bad, &user_map),
            process(2_116, b"com.apple.WebKit"),
            process(2_107, b"Safari"),
            with(&[option(order, 1, b"u-10123"), inbound]),
            with(&[outbound, option(order, 1, b"u--1")]),
            with(&[option(order, 0x8001, &order.u32(0))]),
            with(&[option(order, 0x8001, &order.u32(0)), option(order, 0x8003, &order.u32(1))]),
            with(&[option(order, 8, &order.u32s(&[2_107, 5]))]),
            with(&[option(order, 8, &order.u32s(&[77, 5]))]),
            with(&[option(order, 0x8001, &order.u32(9)), option(order, 1, b"u-turn")]),
            with(&[option(order, 1, b"PID: 7, ProcName: nsurlsessiond, EPID: 9, EProcName: WhatsApp, SVC: 0")]),
            with(&[option(order, 1, b"PID: 7, ProcName: apsd, EPID: 4294967295, EProcName: , SVC: 0")]),
            with(&[option(order, 1, b"PID: 7, ProcName: apsd")]),
        ];
        let (frames, ..) = read_bytes(&bytes.concat());
        let apps: Vec<_> = frames.iter().map(|it| it.app.as_deref().unwrap_or("nobody")).collect();
        assert_eq!(
            apps,
            [
                "10123 com.whatsapp",
                "-1 ?",
                "pid 2116 com.apple.WebKit",
                "pid 2107 Safari",
                "pid 2107 Safari",
                "pid 77 ",
                "nobody",
                "pid 9 WhatsApp",
                "pid 7 apsd",
                "nobody"
            ]
        );
        assert_eq!(frames[0].heading, Some(Heading::Inbound));
        assert_eq!(frames[1].heading, Some(Heading::Outbound));
        assert_eq!(frames[2].heading, None);
    }
}

#[test]
fn a_packet_of_no_interface_is_counted_and_passed_over() {
    let order = Order::Big;
    let bytes = [
        section(order),
        interface(order, 1, &[]),
        enhanced(order, 4, 0, b"whose?", &[]),
        block(order, 6, &order.u32s(&[0, 0, 1, 4_000_000_000, 4])),
        block(order, 6, b"short"),
        enhanced(order, 0, 0, b"good", &[]),
    ];
    let (frames, reports, _) = read_bytes(&bytes.concat());
    assert_eq!(frames.len(), 1);
    assert_eq!((reports[0].frames, reports[0].broken, reports[0].cut), (1, 3, None));
}

#[test]
fn what_the_capturing_program_lost_is_summed_over_interfaces_and_sections() {
    let order = Order::Little;
    let statistics = |interface: u32, interface_lost: u64, system_lost: u64| {
        let lost = [option(order, 5, &interface_lost.to_le_bytes()), option(order, 7, &system_lost.to_le_bytes())];
        block(order, 5, &[order.u32s(&[interface, 0, 0]), lost.concat()].concat())
    };
    let bytes = [
        section(order),
        interface(order, 1, &[]),
        interface(order, 1, &[]),
        statistics(0, 5, 5),
        statistics(0, 20, 7),
        statistics(1, 0, 100),
        statistics(9, 1_000, 0),
        section(order),
        interface(order, 1, &[]),
        enhanced(order, 0, 0, b"good", &[]),
        statistics(0, 3_000, 0),
    ];
    let (frames, reports, _) = read_bytes(&bytes.concat());
    assert_eq!((frames.len(), reports[0].lost, reports[0].cut), (1, 3_127, None));
}

#[test]
fn a_pipe_is_read_as_it_comes_and_hashed() {
    let folder = TempDir::new().unwrap();
    let bytes = large();
    for (name, content) in [("plain", bytes.clone()), ("gz", packed("gz", &bytes)), ("zst", packed("zst", &bytes))] {
        let pipe = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (path, sent) = (pipe.clone(), content.clone());
        let writer = std::thread::spawn(move || fs::write(path, sent).unwrap());
        let mut captures = Captures::open(&[&pipe]).captures;
        assert_eq!(captures.progress().total, None);
        let mut frames = 0;
        while captures.advance().is_some() {
            frames += 1;
        }
        writer.join().unwrap();
        assert_eq!(frames, 4_000);
        assert_eq!(captures.into_reports()[0].sha256, sha256(&content), "{name}");
    }
}

#[test]
fn a_pipe_that_breaks_off_ends_within_a_record() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (path, bytes) = (pipe.clone(), large());
    let writer = std::thread::spawn(move || fs::write(path, &bytes[..bytes.len() - 5]).unwrap());
    let (frames, reports, _) = read_all(&[&pipe]);
    writer.join().unwrap();
    assert_eq!((frames.len(), reports[0].cut.map(|cut| cut.why)), (3_999, Some(CutReason::EndsWithin)));
}

#[test]
fn an_absurd_length_ends_a_capture_where_it_stands() {
    let mut bytes = pcap(Order::Little, MICROS, 1, PACKETS);
    let offset = bytes.len() as u64;
    bytes.extend(Order::Little.u32s(&[13, 0, 0xffff_fff0, 60]));
    bytes.extend([0; 100]);
    let (frames, reports, _) = read_bytes(&bytes);
    assert_eq!(frames.len(), 3);
    let cut = reports[0].cut.unwrap();
    assert_eq!((cut.offset, cut.why), (offset, CutReason::AbsurdLength(0xffff_fff0)));

    let order = Order::Little;
    for (kind, length, why) in [
        (6, 600_000, CutReason::AbsurdLength(600_000)),
        (6, 8, CutReason::AbsurdLength(8)),
        (99, 4_000_000_000, CutReason::EndsWithin),
    ] {
        let mut bytes = [section(order), interface(order, 1, &[]), enhanced(order, 0, 0, b"good", &[])].concat();
        let offset = bytes.len() as u64;
        bytes.extend(order.u32s(&[kind, length]));
        bytes.extend([0; 64]);
        let (frames, reports, _) = read_bytes(&bytes);
        assert_eq!(frames.len(), 1);
        assert_eq!(reports[0].cut.map(|cut| (cut.offset, cut.why)), Some((offset, why)));
    }
}

#[test]
fn a_section_of_another_version_is_not_guessed_at() {
    let order = Order::Little;
    let mut newer = section(order);
    newer[12] = 2;
    let bytes = [section(order), interface(order, 1, &[]), enhanced(order, 0, 0, b"good", &[]), newer];
    let (frames, reports, _) = read_bytes(&bytes.concat());
    assert_eq!(frames.len(), 1);
    assert!(reports[0].cut.unwrap().to_string().contains("version 2"));
}

#[test]
fn what_is_no_capture_is_named_with_what_would_mend_it() {
    let folder = TempDir::new().unwrap();
    let gzip = |bytes: &[u8]| packed("gz", bytes);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty", vec![], "is empty (0 bytes)"),
        ("text", b"12:00:01 IP 192.168.7.23 > 8.8.8.8: UDP\n".to_vec(), "looks like text"),
        ("page", b"<!doctype html><html>".to_vec(), "a web page"),
        ("letter", b"x".to_vec(), "looks like text"),
        ("lines", b"\n\r\r\n and so forth".to_vec(), "looks like text"),
        ("zeros", vec![0; 900], "zeros"),
        ("shell", b"\xff\xfe\xd4\0\xc3\0".to_vec(), "PowerShell"),
        ("noise", vec![0x9c, 1, 0xff, 0xfe, 3], "unknown format that starts with 9c 01 ff fe"),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec(), "unpack it first with xz -d"),
        ("snoop", b"snoop\0\0\0\0\0\0\x02".to_vec(), "editcap -F pcapng"),
        ("packed", gzip(b"just text"), "is a gzip of text"),
        ("nothing", gzip(b""), "is a gzip of nothing"),
        ("twice", gzip(&gzip(b"text")), "packed twice"),
        ("stump", pcap(Order::Little, MICROS, 1, &[])[..20].to_vec(), "ends within its pcap header, after 20 bytes"),
        ("stub", section(Order::Big)[..25].to_vec(), "ends within its pcapng header"),
        ("half", gzip(&pcap(Order::Big, MICROS, 1, PACKETS))[..9].to_vec(), "gzip"),
    ];
    for (name, bytes, said) in cases {
        let path = file(&folder, name, bytes);
        let (frames, reports, failed) = read_all(&[&path]);
        assert!(frames.is_empty() && reports.is_empty());
        let [line] = failed.as_slice() else { panic!("{name}: {failed:?}") };
        assert!(line.starts_with(&*path.to_string_lossy()) && line.contains(said), "{name}: {line}");
        assert!(!line.contains('\n'));
    }
    let (.., failed) = read_all(&[folder.path(), &folder.path().join("missing.pcap")]);
    assert!(failed[0].contains("is a folder") && failed[1].contains("no such file"), "{failed:?}");
}

#[test]
fn a_bad_input_leaves_the_good_ones() {
    let folder = TempDir::new().unwrap();
    let good = file(&folder, "good", &pcap(Order::Little, MICROS, 1, PACKETS));
    let bad = file(&folder, "bad", b"text");
    let empty = file(&folder, "no-packets", &pcap(Order::Little, MICROS, 1, &[]));
    let (frames, reports, failed) = read_all(&[&bad, &empty, &good]);
    assert_eq!((frames.len(), reports.len(), failed.len()), (3, 2, 1));
    assert_eq!((reports[0].frames, reports[0].cut, reports[0].sha256.len()), (0, None, 64));
    assert_eq!(reports[1].frames, 3);
    assert!(frames.iter().all(|frame| frame.input == 1));
}

#[test]
fn the_same_bytes_count_once() {
    let folder = TempDir::new().unwrap();
    let bytes = pcap(Order::Little, MICROS, 1, PACKETS);
    let first = file(&folder, "first", &bytes);
    let copy = file(&folder, "copy", &bytes);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&first, &link).unwrap();
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    let other = file(&folder, "other", &other);
    let opened = Captures::open(&[&first, &copy, &link, &other, &first]);
    assert_eq!(opened.captures.len(), 2);
    let repeated: Vec<_> = opened.repeated.iter().map(|it| (it.path.clone(), it.same_as.clone())).collect();
    assert_eq!(repeated, [(copy, first.clone()), (link, first.clone()), (first.clone(), first)]);
}

#[test]
fn rotated_files_in_any_order_are_one_capture() {
    let folder = TempDir::new().unwrap();
    let name_of = |n: u32| format!("{:04}", (n * 7_919) % 1_300);
    let mut paths: Vec<_> = (0..1_300_u32)
        .map(|n| {
            let data = n.to_be_bytes();
            file(&folder, &name_of(n), &pcap(Order::Big, MICROS, 1, &[(n, 0, &data[..]), (n, 500_000, b"more")]))
        })
        .collect();
    paths.sort();
    let (frames, reports, failed) = read_all(&paths);
    assert_eq!((frames.len(), reports.len(), failed.len()), (2_600, 1_300, 0));
    assert!(frames.is_sorted_by_key(|frame| frame.stamp));
    assert!(reports.iter().all(|report| report.frames == 2 && report.error.is_none()));
}

#[test]
fn overlapping_captures_are_merged_frame_by_frame() {
    let folder = TempDir::new().unwrap();
    let packets =
        |from: u32, step: usize| (from..from + 300).step_by(step).map(|s| (s, 0, &b"x"[..])).collect::<Vec<_>>();
    let paths: Vec<_> = [(100, 1), (0, 3), (50, 2), (250, 5), (900, 1)]
        .iter()
        .enumerate()
        .map(|(n, &(from, step))| file(&folder, &n.to_string(), &pcap(Order::Big, NANOS, 1, &packets(from, step))))
        .collect();
    let (frames, reports, _) = read_all(&paths);
    assert_eq!(frames.len() as u64, reports.iter().map(|report| report.frames).sum::<u64>());
    assert_eq!(frames.len(), 300 + 100 + 150 + 60 + 300);
    assert!(frames.is_sorted_by_key(|frame| frame.stamp));
    for (n, report) in reports.iter().enumerate() {
        assert_eq!(frames.iter().filter(|frame| frame.input == n).count() as u64, report.frames);
    }
}

#[test]
fn progress_ends_at_the_total() {
    let folder = TempDir::new().unwrap();
    let bytes = pcap(Order::Little, MICROS, 1, PACKETS);
    let paths = [file(&folder, "a", &bytes), file(&folder, "b", &pcap(Order::Big, MICROS, 1, PACKETS))];
    let mut captures = Captures::open(&paths).captures;
    assert_eq!(captures.progress().read, 0);
    while captures.advance().is_some() {}
    let progress = captures.progress();
    assert_eq!(Some(progress.read), progress.total);
    assert_eq!(progress.read, 2 * bytes.len() as u64);
}

/// `bytes` as gzip or zstd.
fn packed(codec: &str, bytes: &[u8]) -> Vec<u8> {
    if codec == "gz" {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        return encoder.finish().unwrap();
    }
    zstd::stream::encode_all(bytes, 1).unwrap()
}

/// A capture of many packets, too large to be read without a thread.
fn large() -> Vec<u8> {
    let data: Vec<u8> = (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let packets: Vec<_> =
        (0..4_000_u32).map(|n| (n, n, &data[n as usize * 100..][..(n as usize * 37) % 1_500])).collect();
    pcap(Order::Big, MICROS, 1, &packets)
}

#[test]
fn packed_captures_read_like_plain_ones_and_are_hashed_as_they_lie() {
    let folder = TempDir::new().unwrap();
    let bytes = large();
    assert!(bytes.len() > 2 << 20);
    let (plain, reports, _) = read_all(&[file(&folder, "plain", &bytes)]);
    assert_eq!(plain.len(), 4_000);
    assert_eq!(reports[0].sha256, sha256(&bytes));
    let (front, back) = bytes.split_at(bytes.len() / 3);
    for codec in ["gz", "zst"] {
        // Several members or frames in a row are one stream.
        let members = [packed(codec, front), packed(codec, back)].concat();
        let (frames, reports, failed) = read_all(&[file(&folder, codec, &members)]);
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(frames, plain);
        assert_eq!(reports[0].sha256, sha256(&members));
    }
}

#[test]
fn the_largest_records_are_whole_wherever_blocks_end() {
    let folder = TempDir::new().unwrap();
    let data: Vec<u8> = (0..65_536_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let lengths = [262_144, 1, 262_143, 70_000, 262_144, 0, 131_071];
    let packets: Vec<_> = (0..40_u32).map(|n| (n, 0, &data[..lengths[n as usize % lengths.len()]])).collect();
    let mut bytes = pcap(Order::Little, NANOS, 1, &packets);
    let end = bytes.len() as u64;
    bytes.extend(Order::Little.u32s(&[40, 0, 262_145, 262_145]));
    assert!(end > 5 << 20);

    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (path, sent) = (pipe.clone(), bytes.clone());
    let writer = std::thread::spawn(move || fs::write(path, sent));
    for path in [file(&folder, "plain", &bytes), file(&folder, "zst", &packed("zst", &bytes)), pipe] {
        let (frames, reports, _) = read_all(&[&path]);
        assert!(frames.iter().map(|frame| frame.data.as_slice()).eq(packets.iter().map(|it| it.2)), "{path:?}");
        let cut = reports[0].cut.unwrap();
        assert_eq!((cut.offset, cut.why), (end, CutReason::AbsurdLength(262_145)), "{path:?}");
    }
    // The reader stops at the absurd record, which may be before the last byte is sent.
    let _ = writer.join().unwrap();
}

#[test]
fn a_file_that_is_gone_when_its_time_comes_ends_alone() {
    let folder = TempDir::new().unwrap();
    let first = file(&folder, "first", &pcap(Order::Little, MICROS, 1, PACKETS));
    let second = file(&folder, "second", &pcap(Order::Little, MICROS, 1, &[(99, 0, b"never")]));
    let third = file(&folder, "third", &pcap(Order::Little, MICROS, 1, &[(100, 0, b"last")]));
    let mut captures = Captures::open(&[&second, &first, &third]).captures;
    fs::remove_file(&second).unwrap();
    let mut order = Vec::new();
    while let Some(input) = captures.advance() {
        order.push(input);
    }
    assert_eq!(order, [1, 1, 1, 2]);
    let reports = captures.into_reports();
    assert!(reports[0].error.as_ref().unwrap().to_string().contains("no such file"));
    assert_eq!((reports[0].frames, reports[2].frames), (0, 1));
}

#[test]
fn a_damaged_packed_capture_says_where() {
    let folder = TempDir::new().unwrap();
    let bytes = large();
    for codec in ["gz", "zst"] {
        let mut damaged = packed(codec, &bytes);
        let middle = damaged.len() / 2;
        damaged[middle..middle + 64].fill(0x55);
        let (frames, reports, _) = read_all(&[file(&folder, codec, &damaged)]);
        let error = reports[0].error.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(error.contains("damaged after") || reports[0].cut.is_some(), "{codec}: {:?}", reports[0]);
        assert!(frames.len() < 4_000, "{codec}");
        assert_eq!(reports[0].sha256, sha256(&damaged));
    }
}

#[test]
fn a_cut_packed_capture_gives_what_came_before() {
    let folder = TempDir::new().unwrap();
    let bytes = large();
    for codec in ["gz", "zst"] {
        let mut half = packed(codec, &bytes);
        half.truncate(half.len() / 2);
        let (frames, reports, _) = read_all(&[file(&folder, codec, &half)]);
        assert!(frames.len() > 1_000, "{codec}: {}", frames.len());
        assert_eq!(reports[0].cut.map(|cut| cut.why), Some(CutReason::CompressionEnds), "{codec}");
        assert_eq!(reports[0].sha256, sha256(&half));
    }
}

#[test]
fn a_bomb_streams() {
    let folder = TempDir::new().unwrap();
    let mut bytes = pcap(Order::Little, MICROS, 1, PACKETS);
    bytes.extend(vec![0; 256 << 20]);
    let bomb = packed("zst", &bytes);
    assert!(bomb.len() < 1 << 16);
    let mut captures = Captures::open(&[file(&folder, "bomb", &bomb)]).captures;
    let mut frames = 0_u64;
    while captures.advance().is_some() {
        frames += 1;
    }
    assert_eq!(frames, 3 + (256 << 20) / 16);
}

#[test]
fn a_window_too_large_is_told_from_damage() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&pcap(Order::Little, MICROS, 1, PACKETS)).unwrap();
    let (.., failed) = read_bytes(&encoder.finish().unwrap());
    assert!(failed[0].contains("zstd -d --long=31"), "{failed:?}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    format!("{:x}", sha2::Sha256::digest(bytes))
}

fn any_frames() -> impl Strategy<Value = Vec<Owned>> {
    let frame = (
        0..u64::from(u32::MAX),
        0..1_000_000_000_u64,
        prop_oneof![Just(LinkType::ETHERNET), Just(LinkType::RAW)],
        prop::collection::vec(any::<u8>(), 0..200),
        0..2_000_u32,
        prop_oneof![Just(None), Just(Some(Heading::Inbound)), Just(Some(Heading::Outbound))],
    );
    let owned = frame.prop_map(|(seconds, nanos, link, data, longer, heading)| Owned {
        input: 0,
        stamp: Stamp::new(seconds, nanos),
        link,
        original_len: u32::try_from(data.len()).unwrap() + longer,
        data,
        heading,
        app: None,
    });
    prop::collection::vec(owned, 0..20)
}

fn borrowed(frame: &Owned) -> Frame<'_> {
    Frame {
        stamp: frame.stamp,
        link: frame.link,
        data: &frame.data,
        original_len: frame.original_len,
        heading: frame.heading,
        app: None,
    }
}

fn written(frames: &[Owned]) -> Vec<u8> {
    let mut writer = PcapngWriter::new(Vec::new(), 65_535).unwrap();
    for frame in frames {
        writer.write(&borrowed(frame), Some("seen at the gateway")).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_written_file_is_private_and_names_its_users() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("evidence.pcapng");
    let mut writer = PcapngWriter::create(&path, 8).unwrap();
    let app = Some(AppTag::Uid { uid: 10_123, name: Some("com.whatsapp") });
    let frame = Frame {
        stamp: Stamp::new(1, 2),
        link: LinkType::RAW,
        data: b"more than eight bytes",
        original_len: 99,
        heading: Some(Heading::Outbound),
        app,
    };
    writer.write(&frame, None).unwrap();
    writer.write(&Frame { stamp: Stamp::new(2, 0), ..frame }, Some("again")).unwrap();
    writer.finish().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let (frames, ..) = read_all(&[&path]);
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[0].data.as_slice(), frames[0].original_len), (&b"more tha"[..], 99));
    assert!(frames.iter().all(|it| it.app.as_deref() == Some("10123 com.whatsapp")));
}

#[test]
fn a_classic_writer_takes_one_link_type_and_no_stamp_beyond_its_reach() {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW, Precision::Micros, 65_535).unwrap();
    let frame =
        Frame { stamp: Stamp::new(1, 0), link: LinkType::RAW, data: b"x", original_len: 1, heading: None, app: None };
    assert!(writer.write(&frame).is_ok());
    assert!(writer.write(&Frame { link: LinkType::ETHERNET, ..frame }).is_err());
    assert!(writer.write(&Frame { stamp: Stamp::new(1 << 32, 0), ..frame }).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_behind_any_header_neither_panic_nor_hang(
        header in prop_oneof![
            Just(pcap(Order::Little, MICROS, 1, &[])),
            Just(pcap(Order::Big, KUZNETZOV, 1, PACKETS)),
            Just([section(Order::Big), interface(Order::Big, 1, &[])].concat()),
            Just(section(Order::Little)),
            Just(vec![0x1f, 0x8b, 8, 0]),
            Just(vec![0x28, 0xb5, 0x2f, 0xfd]),
            Just(vec![]),
        ],
        noise in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => 0..12_u8, 1 => any::<u8>()], 0..2_000),
    ) {
        let bytes = [header, noise].concat();
        let (frames, ..) = read_bytes(&bytes);
        prop_assert!(frames.len() <= bytes.len());
    }

    #[test]
    fn a_flipped_byte_never_panics(frames in any_frames(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = written(&frames);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_bytes(&bytes);
    }

    #[test]
    fn pcapng_is_read_as_it_was_written(frames in any_frames()) {
        let (found, reports, failed) = read_bytes(&written(&frames));
        prop_assert!(failed.is_empty());
        prop_assert_eq!(found, frames);
        prop_assert_eq!(reports[0].cut, None);
    }

    #[test]
    fn classic_pcap_is_read_as_it_was_written(frames in any_frames(), snap_len in 1..300_u32) {
        let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW, Precision::Nanos, snap_len).unwrap();
        let mut expected = Vec::new();
        for mut frame in frames {
            frame.link = LinkType::RAW;
            writer.write(&borrowed(&frame)).unwrap();
            frame.data.truncate(snap_len as usize);
            expected.push(Owned { heading: None, ..frame });
        }
        let (found, ..) = read_bytes(&writer.finish().unwrap());
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_file_cut_anywhere_gives_its_first_packets() {
    let order = Order::Little;
    let pcapng = [
        section(order),
        interface(order, 1, &option(order, 9, &[6])),
        enhanced(order, 0, 1, b"one", &option(order, 1, b"u-7")),
        block(order, 0x0000_0bad, &[0; 33]),
        section(Order::Big),
        interface(Order::Big, 1, &[]),
        enhanced(Order::Big, 0, 2, b"two", &[]),
    ];
    for bytes in [pcap(Order::Big, MICROS, 1, PACKETS), pcap(order, KUZNETZOV, 1, PACKETS), pcapng.concat()] {
        let (whole, ..) = read_bytes(&bytes);
        assert!(whole.len() > 1);
        for len in 0..bytes.len() {
            let (frames, reports, failed) = read_bytes(&bytes[..len]);
            assert!(whole.starts_with(&frames));
            assert!(reports.len() + failed.len() == 1);
            // Between two records a file ends without our being able to tell.
            let lost_within = reports.iter().all(|it| it.cut.is_some_and(|cut| cut.why == CutReason::EndsWithin));
            assert!(lost_within || reports[0].cut.is_none());
            assert!(frames.len() < whole.len() || len == bytes.len());
        }
    }
}
