//! Sends the packets of a capture out of an interface at a steady rate, again and again:
//! `blast INTERFACE CAPTURE PACKETS_A_SECOND SECONDS`. For measuring, in a network namespace that leads nowhere.
#![expect(clippy::print_stdout, reason = "a tool's answer")]

use std::{
    env,
    error::Error,
    thread,
    time::{Duration, Instant},
};

use nightaudit::capture::Captures;

/// Packets that do not fit an ordinary link were made by offload, and cannot be sent as they are.
const MOST: usize = 1_514;
const TICK: Duration = Duration::from_millis(1);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [interface, capture, rate, seconds] = &args[..] else {
        return Err("usage: blast INTERFACE CAPTURE PACKETS_A_SECOND SECONDS".into());
    };
    let (rate, length): (u64, u64) = (rate.parse()?, seconds.parse()?);
    let packets = packets(capture)?;
    let mut wire = pcap::Capture::from_device(interface.as_str())?.open()?;
    let (began, mut sent, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    let end = Duration::from_secs(length);
    let mut next = packets.iter().cycle();
    while began.elapsed() < end {
        let due = rate * u64::try_from(began.elapsed().as_micros())? / 1_000_000;
        while sent < due {
            let Some(packet) = next.next() else { break };
            wire.sendpacket(packet.as_slice())?;
            sent += 1;
            bytes += packet.len() as u64;
        }
        thread::sleep(TICK);
    }
    let took = began.elapsed().as_secs_f64();
    println!("sent {sent} packets, {bytes} bytes in {took:.1} s: {:.0} packets a second", sent as f64 / took);
    Ok(())
}

fn packets(capture: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut captures = Captures::open(&[capture]).captures;
    let mut packets = Vec::new();
    while captures.advance().is_some() {
        let data = captures.frame().data;
        if (14..=MOST).contains(&data.len()) {
            packets.push(data.to_vec());
        }
    }
    if packets.is_empty() { Err("the capture holds nothing that can be sent".into()) } else { Ok(packets) }
}
