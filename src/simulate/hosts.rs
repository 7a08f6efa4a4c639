//! Whom a phone talks to: the app's own servers by their real names and blocks, its cloud, its system, the web.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::scenario::{App, Destination};
use crate::{
    identify::{Kind, Role},
    ledger::Subject,
};

/// A host's place in [`Hosts`]; also the number of its name in the ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Ord, PartialOrd)]
pub(super) struct HostId(pub(super) u32);

/// What a host is to the phone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub(super) enum Party {
    /// The app's routing of messages.
    Chat,
    /// The app's media servers.
    Media,
    /// The app's measurements and crash reports.
    Telemetry,
    /// The app's call relays.
    Call,
    /// The consumer cloud.
    Cloud,
    /// The vendor of the operating system.
    Os,
    /// The push service.
    Push,
    /// The DNS resolver.
    Resolver,
    /// The resolver that is asked over TLS.
    EncryptedResolver,
    /// The name that stands outside an Encrypted `ClientHello`.
    Front,
    /// A VPN's server.
    Tunnel,
    /// No name, no rule.
    Unknown,
    /// Any other web site or app.
    Web,
}

impl Party {
    /// Which of [`subjects`] its bytes are posted to.
    pub(super) const fn subject(self) -> usize {
        match self {
            Self::Chat | Self::Media | Self::Telemetry | Self::Call => 0,
            Self::Cloud => 1,
            Self::Os => 2,
            Self::Push => 3,
            Self::Web | Self::EncryptedResolver | Self::Front => 4,
            Self::Tunnel | Self::Unknown => 5,
            Self::Resolver => 6,
        }
    }

    /// What for.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Chat => Role::Chat,
            Self::Media => Role::Media,
            Self::Telemetry => Role::Telemetry,
            Self::Call => Role::Call,
            Self::Cloud => Role::Backup,
            Self::Os => Role::Update,
            Self::Push => Role::Push,
            Self::Web => Role::Web,
            Self::Resolver | Self::EncryptedResolver | Self::Front | Self::Tunnel | Self::Unknown => Role::Unknown,
        }
    }

    /// Its names are no sign of a person.
    pub(super) const fn is_background(self) -> bool {
        matches!(self, Self::Os | Self::Push)
    }
}

/// One server.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// Its name; `None` where the phone has its address from elsewhere.
    pub(super) name: Option<String>,
    pub(super) party: Party,
    pub(super) addr: IpAddr,
    pub(super) port: u16,
}

/// All servers of one life.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Vec<Host>);

impl Hosts {
    pub(super) fn of(app: App) -> Self {
        let own = match app {
            App::Whatsapp => WHATSAPP,
            App::Signal => SIGNAL,
        };
        let named = own.iter().chain(SHARED).map(|(name, party, addr, port)| Host {
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            party: *party,
            addr: IpAddr::V4(Ipv4Addr::from(*addr)),
            port: *port,
        });
        Self(named.chain((0..WEB_SITES).map(web_site)).collect())
    }

    pub(super) fn get(&self, id: HostId) -> &Host {
        // Ids are made below only, so the last host is never wrongly met.
        self.0.get(id.0 as usize).unwrap_or(&self.0[self.0.len() - 1])
    }

    /// The host that is `party` to the phone (the first web site for [`Party::Web`]).
    pub(super) fn party(&self, party: Party) -> HostId {
        self.0.iter().position(|host| host.party == party).map_or(HostId(0), HostId::from)
    }

    /// Where an upload to `destination` goes.
    pub(super) fn destination(&self, destination: Destination) -> HostId {
        self.party(match destination {
            Destination::OperatorChat => Party::Chat,
            Destination::OperatorMedia => Party::Media,
            Destination::OperatorTelemetry => Party::Telemetry,
            Destination::Cloud => Party::Cloud,
            Destination::Unknown => Party::Unknown,
        })
    }

    /// Web site number `n`, of [`WEB_SITES`].
    pub(super) fn web(&self, n: usize) -> HostId {
        HostId::from(self.0.len() - WEB_SITES + n.min(WEB_SITES - 1))
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = HostId> {
        (0..self.0.len()).map(HostId::from)
    }
}

impl From<usize> for HostId {
    fn from(at: usize) -> Self {
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }
}

/// How many subjects a simulated ledger has.
pub(super) const SUBJECTS: usize = 7;

/// The subjects of a simulated ledger, in the order of [`Party::subject`].
pub(super) fn subjects(app: App) -> [Subject; SUBJECTS] {
    let (id, name, operator) = match app {
        App::Whatsapp => ("whatsapp", "WhatsApp", "Meta"),
        App::Signal => ("signal", "Signal", "Signal Technology Foundation"),
    };
    [
        (id, name, operator, Kind::Messenger),
        ("google_backup", "Google backup", "Google", Kind::Cloud),
        ("google", "Google", "Google", Kind::Os),
        ("google_push", "Google push (FCM)", "Google", Kind::Push),
        ("web", "web", "", Kind::Web),
        ("unattributed", "unattributed", "", Kind::Unattributed),
        ("dns", "Name lookups (DNS)", "various", Kind::Os),
    ]
    .map(|(id, name, operator, kind)| Subject {
        id: id.into(),
        name: name.into(),
        operator: operator.into(),
        kind,
    })
}

/// How many other sites and apps a phone knows.
pub(super) const WEB_SITES: usize = 1_500;

type Row = (&'static str, Party, [u8; 4], u16);

/// Addresses lie in the blocks that the operators announce.
const WHATSAPP: &[Row] = &[
    ("g.whatsapp.net", Party::Chat, [157, 240, 27, 54], 443),
    ("mmg.whatsapp.net", Party::Media, [157, 240, 27, 60], 443),
    ("crashlogs.whatsapp.net", Party::Telemetry, [157, 240, 27, 53], 443),
    ("", Party::Call, [157, 240, 27, 62], 3478),
];

const SIGNAL: &[Row] = &[
    ("chat.signal.org", Party::Chat, [76, 223, 92, 165], 443),
    ("cdn2.signal.org", Party::Media, [104, 18, 10, 47], 443),
    ("storage.signal.org", Party::Telemetry, [142, 251, 40, 115], 443),
    ("turn3.voip.signal.org", Party::Call, [35, 190, 77, 26], 3478),
];

/// 198.18.0.0/15 is set apart for tests (RFC 2544): no rule and no name can know it.
const SHARED: &[Row] = &[
    ("backup.googleapis.com", Party::Cloud, [142, 250, 74, 202], 443),
    ("dl.google.com", Party::Os, [142, 250, 74, 206], 443),
    ("mtalk.google.com", Party::Push, [142, 250, 27, 188], 5228),
    ("", Party::Resolver, [192, 168, 7, 1], 53),
    ("dns.google", Party::EncryptedResolver, [8, 8, 8, 8], 443),
    ("cloudflare-ech.com", Party::Front, [104, 18, 10, 118], 443),
    ("", Party::Tunnel, [198, 18, 51, 20], 51820),
    ("", Party::Unknown, [198, 18, 77, 41], 443),
];

/// A site under a name reserved for examples (RFC 2606), so that it can be nobody's.
///
/// Every fifth is reached over IPv6 (RFC 3849 sets its block apart for documentation).
fn web_site(n: usize) -> Host {
    const KINDS: [&str; 8] = ["www", "api", "img", "cdn", "news", "m", "static", "shop"];
    const BLOCK: u32 = 0xc612_8000; // 198.18.128.0
    let number = u16::try_from(n).unwrap_or_default();
    let addr = if n % 5 == 4 {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x8000, 0, 0, 0, 0, number))
    } else {
        IpAddr::V4(Ipv4Addr::from(BLOCK + u32::from(number)))
    };
    Host { name: Some(format!("{}.site-{n:04}.example", KINDS[n % KINDS.len()])), party: Party::Web, addr, port: 443 }
}
