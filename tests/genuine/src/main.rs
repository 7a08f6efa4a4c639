//! Records the captures under `captures/genuine`: real TLS, QUIC, HTTP and DNS between two network namespaces.
//!
//! Needs root, `ip`, `tcpdump` and `tshark`. Nothing leaves the machine.

mod capture;
mod dns;
mod expect;
mod hosts;
mod lab;
mod quic;
mod scenes;
mod talk;
mod tls;
mod trust;
mod truth;
mod tshark;

fn main() -> anyhow::Result<()> {
    scenes::record_all()?;
    eprintln!("checked with {}", tshark::version()?);
    Ok(())
}
