//! The captures: what is said in each, and what each is for.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result};
use rustls::{ClientConfig, ServerConfig};

use crate::{
    capture::{Folder, Pcap, Recording},
    dns,
    expect::{Change, write},
    hosts::{PHONE_V4, PHONE_V6, ROUTER_V6, host},
    lab::{Lab, Offload},
    quic::{Reception, quic_visit},
    talk::Round,
    tls::{Visit, plain_visit, tls_visit},
    trust::{Hello, OUTER_NAME, Trust},
    truth::Truth,
    tshark,
};

/// Records every capture.
pub fn record_all() -> Result<()> {
    let trust = Trust::new()?;
    let stage = Stage::new(&trust, Offload::Off)?;
    stage.tls13()?;
    stage.tls12()?;
    stage.post_quantum()?;
    stage.split_records()?;
    stage.ech()?;
    stage.http()?;
    stage.quic()?;
    drop(stage);
    Stage::new(&trust, Offload::On)?.offload()
}

struct Stage<'a> {
    lab: Lab,
    offload: Offload,
    trust: &'a Trust,
    /// Settings of every TLS server: the tickets it hands out are good at the next visit.
    servers: Arc<ServerConfig>,
}

/// A photograph, cut down to the size of a repository.
const UPLOAD: &[Round] = &[Round { up: 6_000, down: 310 }];
/// A few messages and their acknowledgements.
const CHAT: &[Round] = &[Round { up: 180, down: 40 }, Round { up: 233, down: 40 }, Round { up: 97, down: 512 }];
/// More comes than goes.
const DOWNLOAD: &[Round] = &[Round { up: 0, down: 5_000 }];
const TLS_PORT: u16 = 443;
const ALPN: &[&str] = &["h2", "http/1.1"];
const WHOLE: u32 = 262_144;

impl<'a> Stage<'a> {
    fn new(trust: &'a Trust, offload: Offload) -> Result<Self> {
        let lab = Lab::new(offload)?;
        lab.phone.await_address(PHONE_V6.into())?;
        lab.internet.await_address(ROUTER_V6.into())?;
        dns::serve(&lab)?;
        Ok(Self { lab, offload, trust, servers: Arc::new(trust.server(ALPN_SPOKEN)?) })
    }

    fn tls13(&self) -> Result<()> {
        let client = Arc::new(self.trust.client(Hello::Tls13, ALPN)?);
        let truths = self.record("tls13", WHOLE, || {
            Ok(vec![
                self.tls(v4("mmg.whatsapp.net")?, UPLOAD, &client)?,
                self.tls(v4("mmg.whatsapp.net")?, UPLOAD, &client)?,
                self.tls(v6("chat.signal.org")?, CHAT, &client)?,
                self.tls(v4("cdn2.signal.org")?, DOWNLOAD, &client)?,
            ])
        })?;
        write(
            &Folder::new("tls13")?,
            "TLS 1.3 with elliptic curves: an upload, the same again on a resumed session, a chat over IPv6 and a \
             download; each hello in one segment.",
            &truths,
            Change::None,
        )?;
        derive("tls13", "snap-600", &truths, Change::None, |pcap| {
            pcap.cut(600);
            Ok(
                "The capture `tls13` cut to 600 bytes a frame: hellos and DNS answers are whole, bulk data is not. Every \
                byte still counts, by the length fields.",
            )
        })?;
        derive("tls13", "snap-96", &truths, Change::Blinded, |pcap| {
            pcap.cut(96);
            Ok("The capture `tls13` cut to 96 bytes a frame: no server name is left in a hello, questions to the \
                resolver are. Every byte still counts, by the length fields.")
        })
    }

    fn tls12(&self) -> Result<()> {
        let client = Arc::new(self.trust.client(Hello::Tls12, &["http/1.1"])?);
        let truths = self.record("tls12", WHOLE, || {
            Ok(vec![
                self.tls(v4("g.whatsapp.net")?, CHAT, &client)?,
                self.tls(v6("mmg.whatsapp.net")?, UPLOAD, &client)?,
            ])
        })?;
        let about = "TLS 1.2: the server's certificate is in clear.";
        write(&Folder::new("tls12")?, about, &truths, Change::None)
    }

    fn post_quantum(&self) -> Result<()> {
        const BASE: &str = "tls13-post-quantum";
        let client = Arc::new(self.trust.client(Hello::PostQuantum, ALPN)?);
        let truths = self.record(BASE, WHOLE, || {
            Ok(vec![
                self.tls(v4("mmg.whatsapp.net")?, UPLOAD, &client)?,
                self.tls(v6("chat.signal.org")?, CHAT, &client)?,
            ])
        })?;
        let about = "TLS 1.3 with a post-quantum key share (X25519MLKEM768): the hello is longer than a segment \
                     of 1,400 bytes and takes two.";
        write(&Folder::new(BASE)?, about, &truths, Change::None)?;

        let seen = tshark::read(&Folder::new(BASE)?.capture())?;
        let hellos: Vec<(usize, usize, u64)> = seen
            .flows
            .iter()
            .filter(|flow| flow.proto == "tcp")
            .map(|flow| Some((flow.sent.first()?.0, flow.sent.get(1)?.0, flow.sent.first()?.1)))
            .collect::<Option<_>>()
            .context("a hello in one segment")?;
        derive(BASE, "tls13-post-quantum-swapped", &truths, Change::None, |pcap| {
            hellos.iter().try_for_each(|(first, second, _)| pcap.swap(*first, *second))?;
            Ok("The capture `tls13-post-quantum` with the two segments of each hello in the wrong order.")
        })?;
        let repeated = hellos.iter().map(|(_, _, length)| length).sum();
        derive(BASE, "tls13-post-quantum-repeated", &truths, Change::Repeated(repeated), |pcap| {
            // From the back, so that the numbers in front stay what they are.
            hellos.iter().rev().try_for_each(|(first, second, _)| pcap.repeat(*first, *second))?;
            Ok("The capture `tls13-post-quantum` with the first segment of each hello sent once more: a packet of its \
                own, but no new payload.")
        })
    }

    fn split_records(&self) -> Result<()> {
        let mut client = self.trust.client(Hello::PostQuantum, ALPN)?;
        client.max_fragment_size = Some(256);
        let client = Arc::new(client);
        let truths = self.record("tls-split-records", WHOLE, || {
            Ok(vec![
                self.tls(v4("web.telegram.org")?, CHAT, &client)?,
                self.tls(v4("photosdata-pa.googleapis.com")?, CHAT, &client)?,
            ])
        })?;
        let about = "A post-quantum hello in TLS records of at most 256 bytes, over two segments: neither a record nor \
                     a segment holds it whole.";
        write(&Folder::new("tls-split-records")?, about, &truths, Change::None)
    }

    fn ech(&self) -> Result<()> {
        let grease = Arc::new(self.trust.client(Hello::EchGrease, ALPN)?);
        let genuine = Arc::new(self.trust.client(Hello::Ech, ALPN)?);
        let truths = self.record("tls13-ech", WHOLE, || {
            let hidden = Visit { shown_name: OUTER_NAME, ..visit("web.telegram.org", v4(OUTER_NAME)?.1, &[]) };
            dns::look_up(&self.lab, OUTER_NAME)?;
            Ok(vec![
                self.tls(v4("chat.signal.org")?, CHAT, &grease)?,
                tls_visit(&self.lab, &hidden, &self.servers, &genuine)?,
            ])
        })?;
        let about = "Encrypted ClientHello: one flow whose extension is GREASE, so the name in clear is the true one, \
                     and one whose name in clear is a front. On the wire the two cannot be told apart. The server of \
                     the second knows no ECH, and its client gives up after the handshake.";
        write(&Folder::new("tls13-ech")?, about, &truths, Change::None)
    }

    fn http(&self) -> Result<()> {
        let truths = self.record("http1-plain", WHOLE, || {
            let probe: &[Round] = &[Round { up: 0, down: 0 }];
            Ok(vec![
                self.plain("connectivitycheck.gstatic.com", probe)?,
                self.plain("mmg.whatsapp.net", &[Round { up: 5_000, down: 20 }, Round { up: 0, down: 3_000 }])?,
            ])
        })?;
        let about = "HTTP/1.1 in clear: a connectivity check, and an upload and a download on one connection.";
        write(&Folder::new("http1-plain")?, about, &truths, Change::None)
    }

    fn quic(&self) -> Result<()> {
        let truths = self.record("quic-v1", WHOLE, || {
            Ok(vec![
                self.udp(v4("mmg.whatsapp.net")?, UPLOAD, Hello::Tls13, Reception::Direct)?,
                self.udp(v6("chat.signal.org")?, CHAT, Hello::Tls13, Reception::Direct)?,
            ])
        })?;
        let about = "QUIC version 1 with elliptic curves: each hello in one Initial packet.";
        write(&Folder::new("quic-v1")?, about, &truths, Change::None)?;

        let truths = self.record("quic-post-quantum", WHOLE, || {
            Ok(vec![
                self.udp(v4("mmg.whatsapp.net")?, UPLOAD, Hello::PostQuantum, Reception::Direct)?,
                self.udp(v6("chat.signal.org")?, CHAT, Hello::PostQuantum, Reception::Direct)?,
            ])
        })?;
        let about =
            "QUIC version 1 with a post-quantum key share: the hello takes two Initial packets, a datagram each.";
        write(&Folder::new("quic-post-quantum")?, about, &truths, Change::None)?;

        let truths = self.record("quic-retry", WHOLE, || {
            Ok(vec![self.udp(v4("cdn2.signal.org")?, DOWNLOAD, Hello::PostQuantum, Reception::Retry)?])
        })?;
        let about = "QUIC version 1 whose server first asks for a token (Retry): the keys of the second hello are \
                     derived from another connection id than those of the first.";
        write(&Folder::new("quic-retry")?, about, &truths, Change::Retried)
    }

    fn offload(&self) -> Result<()> {
        let client = Arc::new(self.trust.client(Hello::Tls13, ALPN)?);
        let truths = self.record("offload", 700, || {
            Ok(vec![self.tls(v4("mmg.whatsapp.net")?, &[Round { up: 150_000, down: 60_000 }], &client)?])
        })?;
        let about = "Segmentation offload: packets far larger than the link carries, cut to 700 bytes a frame.";
        write(&Folder::new("offload")?, about, &truths, Change::None)?;

        let truths = self.record("quic-offload", WHOLE, || {
            let rounds = &[Round { up: 16_000, down: 300 }];
            Ok(vec![self.udp(v4("cdn2.signal.org")?, rounds, Hello::PostQuantum, Reception::Direct)?])
        })?;
        let about = "Segmentation offload of QUIC: several datagrams in one packet, among them the two Initial packets \
                     of a post-quantum hello.";
        write(&Folder::new("quic-offload")?, about, &truths, Change::None)
    }

    /// Captures what happens during `act`.
    fn record(&self, name: &str, snap_length: u32, act: impl FnOnce() -> Result<Vec<Truth>>) -> Result<Vec<Truth>> {
        eprintln!("recording {name}");
        let recording = Recording::start(&self.lab, &Folder::new(name)?.capture(), snap_length)?;
        let truths = act().with_context(|| name.to_owned())?;
        recording.stop()?;
        Ok(truths)
    }

    fn tls(&self, (name, server): (&str, SocketAddr), rounds: &[Round], client: &Arc<ClientConfig>) -> Result<Truth> {
        dns::look_up(&self.lab, name)?;
        tls_visit(&self.lab, &visit(name, server, rounds), &self.servers, client)
    }

    fn plain(&self, name: &str, rounds: &[Round]) -> Result<Truth> {
        dns::look_up(&self.lab, name)?;
        let server = SocketAddr::new(v4(name)?.1.ip(), 80);
        plain_visit(&self.lab, &visit(name, server, rounds))
    }

    fn udp(
        &self,
        (name, server): (&str, SocketAddr),
        rounds: &[Round],
        hello: Hello,
        reception: Reception,
    ) -> Result<Truth> {
        dns::look_up(&self.lab, name)?;
        let client: IpAddr = if server.is_ipv4() { PHONE_V4.into() } else { PHONE_V6.into() };
        quic_visit(
            &self.lab,
            &visit(name, server, rounds),
            SocketAddr::new(client, 0),
            self.trust.server(&["h3"])?,
            &self.trust.client(hello, &["h3"])?,
            (reception, self.offload),
        )
    }
}

/// Makes capture `name` of capture `base`; `edit` says what it shows.
fn derive(
    base: &str,
    name: &str,
    truths: &[Truth],
    change: Change,
    edit: impl FnOnce(&mut Pcap) -> Result<&'static str>,
) -> Result<()> {
    let mut pcap = Pcap::read(&Folder::new(base)?.capture())?;
    let about = edit(&mut pcap)?;
    let folder = Folder::new(name)?;
    pcap.write(&folder.capture())?;
    write(&folder, about, truths, change)
}

/// What the servers speak over TLS.
const ALPN_SPOKEN: &[&str] = &["http/1.1"];

fn visit<'a>(name: &'a str, server: SocketAddr, rounds: &'a [Round]) -> Visit<'a> {
    Visit { name, shown_name: name, server, rounds }
}

fn v4(name: &str) -> Result<(&str, SocketAddr)> {
    let host = host(name).with_context(|| format!("no host {name}"))?;
    Ok((name, SocketAddr::new(host.v4.into(), TLS_PORT)))
}

fn v6(name: &str) -> Result<(&str, SocketAddr)> {
    let host = host(name).with_context(|| format!("no host {name}"))?;
    let address = host.v6.with_context(|| format!("{name} has no IPv6 address"))?;
    Ok((name, SocketAddr::new(address.into(), TLS_PORT)))
}
