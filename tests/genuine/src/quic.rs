//! QUIC version 1 between quinn and quinn (RFC 9000).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use quinn::{
    ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};

use crate::{
    lab::{Lab, Offload},
    talk::Round,
    tls::Visit,
    trust::first_key_exchange,
    truth::{Session, Truth},
};

/// How a server receives a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reception {
    /// At once.
    Direct,
    /// After a Retry packet: the keys of the Initial packets change with the connection id that it names.
    Retry,
}

/// A visit over QUIC. Each round is a stream of its own.
pub fn quic_visit(
    lab: &Lab,
    visit: &Visit<'_>,
    client_address: SocketAddr,
    theirs: rustls::ServerConfig,
    ours: &rustls::ClientConfig,
    (reception, offload): (Reception, Offload),
) -> Result<Truth> {
    let server_socket = lab.internet.datagrams(visit.server)?;
    let client_socket = lab.phone.datagrams(client_address)?;
    let client_address = client_socket.local_addr()?;
    let alpn = ours.alpn_protocols.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let work = async {
        let server = endpoint(server_socket, Some(server_config(theirs, offload)?))?;
        let mut client = endpoint(client_socket, None)?;
        client.set_default_client_config(client_config(ours, offload)?);
        let (answered, visited) =
            tokio::join!(serve(&server, visit.rounds, reception), call(&client, visit, visit.rounds));
        let (theirs, ours) = (answered.context("the server's side")?, visited.context("the client's side")?);
        client.wait_idle().await;
        server.wait_idle().await;
        let (up, down) = (ours.stats(), theirs.stats());
        ensure!(up.path.lost_packets == 0 && down.path.lost_packets == 0, "packets were lost");
        Ok((up.udp_tx.bytes, down.udp_tx.bytes))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (payload_ab, payload_ba) = runtime.block_on(work)?;
    Ok(Truth {
        proto: "udp",
        client: client_address,
        server: visit.server,
        payload_ab,
        payload_ba,
        session: Session {
            server_name: Some(visit.name.into()),
            alpn,
            ech: false,
            certificate_in_clear: false,
            version: "QUICv1".into(),
            key_exchange: first_key_exchange(ours),
            resumed: false,
            first_flight: 0,
            first_flight_packets: 0,
            plaintext_ab: visit.rounds.iter().map(|round| round.up as u64).sum(),
            plaintext_ba: visit.rounds.iter().map(|round| round.down as u64).sum(),
        },
    })
}

fn endpoint(socket: std::net::UdpSocket, config: Option<ServerConfig>) -> Result<Endpoint> {
    Ok(Endpoint::new(EndpointConfig::default(), config, socket, Arc::new(TokioRuntime))?)
}

fn server_config(tls: rustls::ServerConfig, offload: Offload) -> Result<ServerConfig> {
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config.transport_config(transport(offload));
    Ok(config)
}

fn client_config(tls: &rustls::ClientConfig, offload: Offload) -> Result<ClientConfig> {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls.clone())?));
    config.transport_config(transport(offload));
    Ok(config)
}

fn transport(offload: Offload) -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.enable_segmentation_offload(offload == Offload::On);
    // Probes for a longer path would only make the capture longer.
    transport.mtu_discovery_config(None);
    transport.max_idle_timeout(Some(VarInt::from_u32(5_000).into()));
    Arc::new(transport)
}

async fn call(endpoint: &Endpoint, visit: &Visit<'_>, rounds: &[Round]) -> Result<Connection> {
    let connection = endpoint.connect(visit.server, visit.name)?.await?;
    for round in rounds {
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&vec![b'u'; round.up]).await?;
        send.finish()?;
        let answer = receive.read_to_end(round.down).await?;
        ensure!(answer.len() == round.down, "{} bytes came, {} were agreed", answer.len(), round.down);
    }
    // Acknowledgements on their way would otherwise meet a connection that is gone.
    tokio::time::sleep(Duration::from_millis(60)).await;
    connection.close(VarInt::from_u32(0), b"");
    Ok(connection)
}

async fn serve(endpoint: &Endpoint, rounds: &[Round], reception: Reception) -> Result<Connection> {
    let mut incoming = endpoint.accept().await.context("closed")?;
    if reception == Reception::Retry {
        incoming.retry()?;
        incoming = endpoint.accept().await.context("closed after Retry")?;
    }
    let connection = incoming.await?;
    for round in rounds {
        let (mut send, mut receive) = connection.accept_bi().await?;
        let got = receive.read_to_end(round.up).await?;
        ensure!(got.len() == round.up, "{} bytes came, {} were agreed", got.len(), round.up);
        send.write_all(&vec![b'd'; round.down]).await?;
        send.finish()?;
    }
    connection.closed().await;
    Ok(connection)
}
