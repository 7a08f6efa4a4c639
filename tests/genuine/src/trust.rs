//! Keys, certificates and the settings of both ends of TLS.

use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    client::{EchConfig, EchGreaseConfig, EchMode},
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, hpke, kx_group},
        hpke::Hpke,
    },
    pki_types::EchConfigListBytes,
    server::ResolvesServerCertUsingSni,
    sign::CertifiedKey,
};

use crate::hosts::HOSTS;

/// What a client's first message looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hello {
    /// TLS 1.2, elliptic curves.
    Tls12,
    /// TLS 1.3, elliptic curves.
    Tls13,
    /// TLS 1.3 with a post-quantum key share: too long for one segment.
    PostQuantum,
    /// The same with random bytes where an encrypted ClientHello would be.
    EchGrease,
    /// The true server name inside an encrypted ClientHello, `cloudflare-ech.com` outside. The servers here know of no
    /// such thing, so the client gives up after the handshake.
    Ech,
}

/// A certificate authority of our own, and a certificate of each host.
pub struct Trust {
    roots: Arc<RootCertStore>,
    certificates: Vec<(&'static str, CertifiedKey)>,
}

impl Trust {
    /// Fresh keys.
    pub fn new() -> Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let certify = |name: &'static str| -> Result<(&'static str, CertifiedKey)> {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new([name.to_owned()])?;
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            let certificate = params.signed_by(&key, &authority)?;
            let signer = aws_lc_rs::default_provider().key_provider.load_private_key(key.into())?;
            Ok((name, CertifiedKey::new(vec![certificate.der().clone()], signer)))
        };
        let certificates = HOSTS.iter().map(|host| certify(host.name)).collect::<Result<_>>()?;
        Ok(Self { roots: Arc::new(roots), certificates })
    }

    /// Settings of every server: it picks the certificate by SNI.
    pub fn server(&self, alpn: &[&str]) -> Result<ServerConfig> {
        let mut resolver = ResolvesServerCertUsingSni::new();
        for (name, key) in &self.certificates {
            resolver.add(name, key.clone())?;
        }
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = protocols(alpn);
        Ok(config)
    }

    /// Settings of a client whose first message is `hello`.
    pub fn client(&self, hello: Hello, alpn: &[&str]) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider(hello));
        let builder = match hello {
            Hello::Tls12 => builder.with_protocol_versions(TLS12)?,
            Hello::Tls13 | Hello::PostQuantum => builder.with_protocol_versions(TLS13)?,
            Hello::EchGrease => builder.with_ech(EchMode::Grease(grease()?))?,
            Hello::Ech => builder.with_ech(EchMode::Enable(ech()?))?,
        };
        let mut config = builder.with_root_certificates(self.roots.clone()).with_no_client_auth();
        config.alpn_protocols = protocols(alpn);
        Ok(config)
    }
}

/// The key exchange that `config` offers a share for first.
pub fn first_key_exchange(config: &ClientConfig) -> String {
    config.crypto_provider().kx_groups.first().map(|group| format!("{:?}", group.name())).unwrap_or_default()
}

const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn provider(hello: Hello) -> Arc<CryptoProvider> {
    const CURVES: &[&dyn SupportedKxGroup] = &[kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    let mut kx_groups = CURVES.to_vec();
    if !matches!(hello, Hello::Tls12 | Hello::Tls13) {
        kx_groups.insert(0, kx_group::X25519MLKEM768);
    }
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

const SUITE: &dyn Hpke = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;

fn grease() -> Result<EchGreaseConfig> {
    let (key, _) = SUITE.generate_key_pair()?;
    Ok(EchGreaseConfig::new(SUITE, key))
}

/// An `ECHConfigList` with one configuration (RFC 9849, section 4), as a client would have found it in DNS.
fn ech() -> Result<EchConfig> {
    let (key, _) = SUITE.generate_key_pair()?;
    let mut contents = vec![7]; // configuration id
    contents.extend([0x00, 0x20]); // DHKEM(X25519, HKDF-SHA256)
    contents.extend(prefixed(&key.0)?);
    contents.extend(prefixed(&[0, 1, 0, 1])?); // HKDF-SHA256, AES-128-GCM
    contents.push(64); // longest name, for padding
    contents.push(u8::try_from(OUTER_NAME.len())?);
    contents.extend(OUTER_NAME.bytes());
    contents.extend([0, 0]); // no extensions
    let mut config = vec![0xfe, 0x0d];
    config.extend(prefixed(&contents)?);
    EchConfig::new(EchConfigListBytes::from(prefixed(&config)?), &[SUITE]).context("our own ECH configuration")
}

/// The name in clear before an encrypted ClientHello.
pub const OUTER_NAME: &str = "cloudflare-ech.com";

/// `bytes` after their length in two.
fn prefixed(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok([&u16::try_from(bytes.len())?.to_be_bytes(), bytes].concat())
}
