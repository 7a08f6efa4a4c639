//! TLS over TCP between rustls and rustls, and HTTP in clear.

use std::{
    io::{Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

use crate::{
    lab::Lab,
    talk::{Counted, Plain, Round, answer, ask},
    trust::first_key_exchange,
    truth::{Session, Truth},
};

/// One TCP connection from the phone.
#[derive(Clone)]
pub struct Visit<'a> {
    /// The server's name, for SNI and `Host`.
    pub name: &'a str,
    /// The name that the ClientHello shows in clear, where that is another.
    pub shown_name: &'a str,
    /// Where the server is.
    pub server: SocketAddr,
    /// What is exchanged; empty where the handshake is expected to be given up.
    pub rounds: &'a [Round],
}

/// A visit in clear.
pub fn plain_visit(lab: &Lab, visit: &Visit<'_>) -> Result<Truth> {
    let (client, server) =
        both_sides(lab, visit, |stream| answer(stream, visit.rounds), |stream| ask(stream, visit.name, visit.rounds))?;
    let session =
        Session { server_name: Some(visit.name.into()), version: "HTTP/1.1".into(), ..said_nothing(client.said?) };
    truth(visit, &client.ends, client.address, &server, session)
}

/// A visit over TLS.
pub fn tls_visit(lab: &Lab, visit: &Visit<'_>, theirs: &Arc<ServerConfig>, ours: &Arc<ClientConfig>) -> Result<Truth> {
    let serve = |stream: &mut Counted<TcpStream>| {
        let mut connection = ServerConnection::new(theirs.clone())?;
        connection.complete_io(stream)?;
        let mut tls = rustls::StreamOwned::new(connection, stream);
        answer(&mut tls, visit.rounds)?;
        tls.conn.send_close_notify();
        Ok(tls.flush()?)
    };
    let mut connection = ClientConnection::new(ours.clone(), visit.name.to_owned().try_into()?)?;
    let (client, server) = both_sides(lab, visit, serve, |stream| {
        connection.complete_io(stream)?;
        let mut tls = rustls::Stream::new(&mut connection, stream);
        let plain = ask(&mut tls, visit.name, visit.rounds)?;
        tls.conn.send_close_notify();
        tls.flush()?;
        // The server's close_notify, and its session tickets if they are still to come.
        tls.read(&mut [0]).context("the server did not close properly")?;
        Ok(plain)
    })?;
    let plain = match client.said {
        Err(_) if visit.rounds.is_empty() => Plain::default(),
        said => said?,
    };
    if let Some(agreed) = connection.negotiated_key_exchange_group() {
        let agreed = format!("{:?}", agreed.name());
        ensure!(agreed == first_key_exchange(ours), "{agreed} was agreed on");
    }
    let session = Session {
        server_name: Some(visit.shown_name.into()),
        alpn: ours.alpn_protocols.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        ech: connection.ech_status() != rustls::client::EchStatus::NotOffered,
        certificate_in_clear: connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2),
        version: connection.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default(),
        key_exchange: first_key_exchange(ours),
        resumed: connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        ..said_nothing(plain)
    };
    truth(visit, &client.ends, client.address, &server, session)
}

/// A session in which nothing but `plain` was said, in clear.
fn said_nothing(plain: Plain) -> Session {
    Session {
        server_name: None,
        alpn: Vec::new(),
        ech: false,
        certificate_in_clear: false,
        version: String::new(),
        key_exchange: String::new(),
        resumed: false,
        first_flight: 0,
        first_flight_packets: 0,
        plaintext_ab: plain.sent,
        plaintext_ba: plain.received,
    }
}

/// What one end counted on its socket.
struct Ends {
    read: u64,
    written: u64,
    first_flight: u64,
}

struct Client {
    address: SocketAddr,
    ends: Ends,
    said: Result<Plain>,
}

/// Runs both ends of one connection to their end, and until each has seen the other's FIN.
fn both_sides(
    lab: &Lab,
    visit: &Visit<'_>,
    serve: impl FnOnce(&mut Counted<TcpStream>) -> Result<()> + Send,
    call: impl FnOnce(&mut Counted<TcpStream>) -> Result<Plain>,
) -> Result<(Client, Ends)> {
    let listener = lab.internet.listen(visit.server)?;
    thread::scope(|scope| {
        let server = scope.spawn(|| accept(&listener, serve, visit.rounds.is_empty()));
        let stream = lab.phone.connect(visit.server)?;
        stream.set_nodelay(true)?;
        let address = stream.local_addr()?;
        let mut stream = Counted::new(stream);
        let said = call(&mut stream);
        let client = Client { address, ends: hang_up(stream)?, said };
        let server = server.join().unwrap_or_else(|_| bail!("the server panicked"))?;
        Ok((client, server))
    })
}

fn accept(
    listener: &TcpListener,
    serve: impl FnOnce(&mut Counted<TcpStream>) -> Result<()>,
    may_fail: bool,
) -> Result<Ends> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut stream = Counted::new(stream);
    let served = serve(&mut stream);
    if !may_fail {
        served.context("the server's side")?;
    }
    hang_up(stream)
}

/// Sends FIN and waits for the peer's, counting what still comes.
fn hang_up(mut stream: Counted<TcpStream>) -> Result<Ends> {
    stream.inner().shutdown(Shutdown::Write).ok();
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(Ends { read: stream.read, written: stream.written, first_flight: stream.first_flight })
}

fn truth(visit: &Visit<'_>, client: &Ends, address: SocketAddr, server: &Ends, session: Session) -> Result<Truth> {
    ensure!(client.written == server.read, "the client sent {}, the server got {}", client.written, server.read);
    ensure!(server.written == client.read, "the server sent {}, the client got {}", server.written, client.read);
    Ok(Truth {
        proto: "tcp",
        client: plain_address(address),
        server: visit.server,
        payload_ab: client.written,
        payload_ba: server.written,
        session: Session { first_flight: client.first_flight, ..session },
    })
}

/// `address` without scope and flow label.
fn plain_address(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = address.ip();
    SocketAddr::new(ip, address.port())
}
