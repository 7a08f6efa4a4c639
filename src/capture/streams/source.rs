//! How a user names where packets come from while they happen.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use crate::base::Cidr;

/// Where packets come from while they happen.
///
/// ```
/// use nightaudit::capture::Source;
///
/// assert_eq!("br-lan".parse(), Ok(Source::Interface("br-lan".into())));
/// assert_eq!("-".parse(), Ok(Source::StandardInput));
/// assert!(matches!("tcp-listen://0.0.0.0:5123?from=192.168.7.0/24".parse(), Ok(Source::Listen(_))));
/// assert!("ftp://phone/dump".parse::<Source>().is_err());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// An interface of this machine, by name.
    Interface(String),
    /// A capture on standard input.
    StandardInput,
    /// A named pipe, or a file that is read once to its end.
    Path(PathBuf),
    /// A capture that a program elsewhere serves over TCP: host and port to connect to.
    Connect(String),
    /// A port to which exporters connect (PCAPdroid's TCP exporter).
    Listen(Door),
    /// A port to which exporters send a datagram for each packet (PCAPdroid's UDP exporter).
    Datagrams(Door),
    /// A capture to fetch (PCAPdroid's HTTP server).
    Fetch {
        /// Host and port.
        authority: String,
        /// What to ask for, from the first slash on.
        path: String,
    },
}

/// Where exporters may come in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Door {
    /// The address and port of this machine.
    pub at: SocketAddr,
    /// Whose exporters are let in; everybody's where this is `None`.
    pub from: Option<Cidr>,
}

/// Text that names no source.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotASource {
    /// Nothing was named.
    #[error("no interface or stream is named")]
    Empty,
    /// A form of address that is not read.
    #[error(
        "{0}: no such kind of stream; there are tcp://HOST:PORT, tcp-listen://ADDRESS:PORT, udp-listen://ADDRESS:PORT and http://HOST:PORT/PATH"
    )]
    Scheme(String),
    /// Encryption was asked for.
    #[error("{0}: encrypted streams are not read; fetch it with curl and pipe it in: curl -sN {0} | nightaudit live -")]
    Encrypted(String),
    /// An address to listen on that is none.
    #[error("{0}: want an address and a port of this machine, such as 0.0.0.0:5123 or [::]:5123")]
    Address(String),
    /// An address to connect to that is none.
    #[error("{0}: want a host and a port, such as 192.168.7.23:5123")]
    Authority(String),
    /// The addresses to let in are none.
    #[error("{0}: want from=NETWORK after the question mark, such as from=192.168.7.0/24")]
    From(String),
}

impl FromStr for Source {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text {
                "" => Err(NotASource::Empty),
                "-" => Ok(Self::StandardInput),
                path if path.contains('/') => Ok(Self::Path(path.into())),
                name => Ok(Self::Interface(name.into())),
            };
        };
        match scheme {
            "tcp" => Ok(Self::Connect(authority(rest, None)?)),
            "tcp-listen" => door(rest).map(Self::Listen),
            "udp" | "udp-listen" => door(rest).map(Self::Datagrams),
            "http" => {
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let plain = path.chars().all(|c| c.is_ascii_graphic());
                let path = plain.then(|| format!("/{path}")).ok_or_else(|| NotASource::Authority(rest.into()))?;
                Ok(Self::Fetch { authority: authority(host, Some(80))?, path })
            }
            "https" => Err(NotASource::Encrypted(text.into())),
            _ => Err(NotASource::Scheme(text.into())),
        }
    }
}

/// Reads `HOST:PORT`, in which a port may be left out where there is a usual one.
fn authority(text: &str, usual_port: Option<u16>) -> Result<String, NotASource> {
    let wrong = || NotASource::Authority(text.into());
    let is_host = |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic());
    let in_brackets = text.ends_with(']');
    match text.rsplit_once(':').filter(|_| !in_brackets) {
        Some((host, port)) if is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(text.into()),
        None if is_host(text) => usual_port.map(|port| format!("{text}:{port}")).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn door(text: &str) -> Result<Door, NotASource> {
    let (at, query) = text.split_once('?').map_or((text, None), |(at, query)| (at, Some(query)));
    let at = at.trim_end_matches('/').parse().map_err(|_| NotASource::Address(at.into()))?;
    let network = |query: &str| query.strip_prefix("from=").and_then(|network| network.parse().ok());
    let from = query.map(|query| network(query).ok_or_else(|| NotASource::From(query.into()))).transpose()?;
    Ok(Door { at, from })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(name) => f.write_str(name),
            Self::StandardInput => f.write_str("-"),
            Self::Path(path) => path.display().fmt(f),
            Self::Connect(authority) => write!(f, "tcp://{authority}"),
            Self::Listen(door) => write!(f, "tcp-listen://{}", door.at),
            Self::Datagrams(door) => write!(f, "udp-listen://{}", door.at),
            Self::Fetch { authority, path } => write!(f, "http://{authority}{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Result<Source, NotASource> {
        text.parse()
    }

    #[test]
    fn sources_are_told_apart_by_their_form() {
        assert_eq!(named("./fifo"), Ok(Source::Path("./fifo".into())));
        assert_eq!(named("tcp://router:5123"), Ok(Source::Connect("router:5123".into())));
        let door = Door { at: ([0, 0, 0, 0], 5123).into(), from: "192.168.7.0/24".parse().ok() };
        assert_eq!(named("udp://0.0.0.0:5123?from=192.168.7.0/24"), Ok(Source::Datagrams(door)));
        assert_eq!(
            named("tcp-listen://[::1]:9"),
            Ok(Source::Listen(Door { at: "[::1]:9".parse().unwrap(), from: None }))
        );
        let fetch = |authority: &str, path: &str| Source::Fetch { authority: authority.into(), path: path.into() };
        assert_eq!(named("http://192.168.7.23:8080"), Ok(fetch("192.168.7.23:8080", "/")));
        assert_eq!(named("http://phone/a?b=c"), Ok(fetch("phone:80", "/a?b=c")));
        assert_eq!(named("http://[fe80::1]/"), Ok(fetch("[fe80::1]:80", "/")));
    }

    #[test]
    fn what_is_wrong_with_a_source_is_said() {
        for (text, part) in [
            ("", "no interface"),
            ("gopher://x", "tcp-listen://"),
            ("https://phone/", "curl -sN https://phone/"),
            ("tcp://router", "host and a port"),
            ("tcp://router:0", "host and a port"),
            ("tcp-listen://5123", "0.0.0.0:5123"),
            ("udp://0.0.0.0:1?to=me", "from=NETWORK"),
            ("http://a b/", "host and a port"),
            ("http://a/b\r\nX: y", "host and a port"),
        ] {
            let said = named(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.contains(part), "{text}: {said}");
        }
    }

    #[test]
    fn a_source_is_shown_as_it_is_named() {
        for text in ["br-lan", "-", "./fifo", "tcp://h:1", "tcp-listen://0.0.0.0:1", "http://h:80/x"] {
            assert_eq!(named(text).map(|source| source.to_string()), Ok(text.to_owned()));
        }
    }
}
