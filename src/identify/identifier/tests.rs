use super::*;
use crate::{
    capture::AppTag,
    hint::{Hint, NameSource},
    identify::{Hides, Occasion},
};

const PHONE: DeviceId = DeviceId(0);
const TABLET: DeviceId = DeviceId(1);
const META: &str = "157.240.1.35";
const TELEGRAM: &str = "149.154.167.51";
const NOBODY: &str = "198.51.100.7";

fn identifier() -> Identifier {
    Identifier::new(Arc::new(Rules::embedded().unwrap()))
}

fn remote(addr: &str) -> Endpoint {
    Endpoint::new(addr.parse().unwrap(), 443)
}

fn at(seconds: u64) -> Stamp {
    Stamp::new(1_700_000_000 + seconds, 0)
}

fn named(name: &str, source: NameSource, outer: bool) -> Clues {
    let mut clues = Clues::default();
    clues.add(&Hint::ServerName { name: name.to_owned(), source, outer });
    clues
}

fn sni(name: &str) -> Clues {
    named(name, NameSource::Tls, false)
}

fn from_app(mut clues: Clues, package: &str) -> Clues {
    clues.tag(&AppTag::Uid { uid: 10_123, name: Some(package) });
    clues
}

fn answer(name: &str, addr: &str) -> Answer {
    Answer { name: name.to_owned(), addresses: vec![(addr.parse().unwrap(), 60)] }
}

/// `app by evidence (confidence)`, as the tables below write it.
fn said(identifier: &Identifier, what: &Attribution) -> String {
    let app = what.owner.map_or("-", |owner| &identifier.rules.owner(owner).id);
    format!("{app} by {:?} ({:?})", what.evidence, what.confidence)
}

#[test]
fn a_server_name_decides_and_says_what_for() {
    let identifier = identifier();
    let what = identifier.attribute(PHONE, remote(META), at(0), &sni("media-fra3-1.cdn.whatsapp.net"));
    assert_eq!(said(&identifier, &what), "whatsapp by Sni (High)");
    assert_eq!((what.role, what.kind), (Role::Media, Kind::Messenger));
    assert_eq!(&*what.destination, "cdn.whatsapp.net");
    assert_eq!(what.host.as_deref(), Some("media-fra3-1.cdn.whatsapp.net"));
    assert_eq!(what.host_source.map(HostSource::word), Some("sni"));
    let features: Vec<_> = what.features.iter().map(|feature| (feature.name.as_str(), feature.occasion)).collect();
    assert_eq!(features, [("history sync to a newly linked device", Occasion::Once)]);
    assert_eq!(what.conflicts, [""; 0], "Meta's shared block does not contradict Meta's app");
}

#[test]
fn a_name_without_rule_is_the_web_and_goes_by_its_registered_domain() {
    let identifier = identifier();
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &sni("a.b.shop.co.uk"));
    assert_eq!(said(&identifier, &what), "- by Sni (High)");
    assert_eq!((what.kind, what.role, &*what.destination), (Kind::Web, Role::Web, "shop.co.uk"));
    let literal = identifier.attribute(PHONE, remote(NOBODY), at(0), &named(NOBODY, NameSource::Http, false));
    assert_eq!(&*literal.destination, NOBODY, "an address has no registered domain");
}

#[test]
fn nothing_known_is_said_to_be_nothing_known() {
    let identifier = identifier();
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &Clues::default());
    assert_eq!((what.kind, what.evidence), (Kind::Unattributed, Evidence::None));
    assert_eq!(&*what.destination, "198.51.100.0/24");
    let v6 = identifier.attribute(PHONE, remote("2001:db8:1:2::3"), at(0), &Clues::default());
    assert_eq!(&*v6.destination, "2001:db8:1::/48");
}

#[test]
fn telegram_is_known_by_its_blocks_whatever_name_a_flow_claims() {
    let identifier = identifier();
    let bare = identifier.attribute(PHONE, remote(TELEGRAM), at(0), &Clues::default());
    assert_eq!(said(&identifier, &bare), "telegram by Prefix (High)");
    assert_eq!(&*bare.destination, "149.154.160.0/20");
    let disguised = identifier.attribute(PHONE, remote(TELEGRAM), at(0), &sni("shop.example.com"));
    assert_eq!(said(&identifier, &disguised), "telegram by Prefix (High)");
    assert_eq!(disguised.host.as_deref(), Some("shop.example.com"));
    assert_eq!(disguised.conflicts, ["it also names shop.example.com (no rule's)"]);
}

#[test]
fn a_block_that_others_may_share_does_not_outweigh_a_name() {
    let identifier = identifier();
    let what = identifier.attribute(PHONE, remote("76.223.92.165"), at(0), &sni("shop.example.com"));
    assert_eq!(said(&identifier, &what), "- by Sni (High)");
    assert_eq!(what.conflicts, ["the address lies in a block of Signal"]);
}

#[test]
fn a_looked_up_name_explains_a_flow_until_it_expires() {
    let mut identifier = identifier();
    identifier.learn(PHONE, at(0), &answer("chat.signal.org", NOBODY));
    let of = |device, seconds| {
        said(&identifier, &identifier.attribute(device, remote(NOBODY), at(seconds), &Clues::default()))
    };
    assert_eq!(of(PHONE, 1), "signal by Dns (High)");
    assert_eq!(of(PHONE, 659), "signal by Dns (High)");
    assert_eq!(of(PHONE, 661), "- by None (Low)");
    assert_eq!(of(TABLET, 1), "- by None (Low)", "another device looked nothing up");
}

#[test]
fn two_names_on_one_address_are_a_stated_conflict() {
    let mut identifier = identifier();
    identifier.learn(PHONE, at(0), &answer("chat.signal.org", NOBODY));
    identifier.learn(PHONE, at(5), &answer("gateway.discord.gg", NOBODY));
    let what = identifier.attribute(PHONE, remote(NOBODY), at(6), &Clues::default());
    assert_eq!(said(&identifier, &what), "discord by Dns (Low)", "the newest answer, and it does not weigh much");
    assert_eq!(what.conflicts, ["the address was also answered for chat.signal.org (Signal)"]);
    let hello = identifier.attribute(PHONE, remote(NOBODY), at(6), &sni("chat.signal.org"));
    assert_eq!(said(&identifier, &hello), "signal by Sni (High)", "a name in the flow itself settles it");
}

#[test]
fn a_flow_without_name_inherits_what_the_same_device_established_there() {
    let mut identifier = identifier();
    let hello = identifier.attribute(PHONE, remote(NOBODY), at(0), &sni("mmg.whatsapp.net"));
    identifier.settle(PHONE, remote(NOBODY), at(0), &hello);
    let later = identifier.attribute(PHONE, remote(NOBODY), at(3_600), &Clues::default());
    assert_eq!(said(&identifier, &later), "whatsapp by Inherited (Medium)");
    assert_eq!((later.role, &*later.destination), (Role::Media, "mmg.whatsapp.net"));
    let other_port = Endpoint::new(NOBODY.parse().unwrap(), 5222);
    for (device, remote, seconds) in
        [(TABLET, remote(NOBODY), 1), (PHONE, other_port, 1), (PHONE, remote(NOBODY), 21_601)]
    {
        let what = identifier.attribute(device, remote, at(seconds), &Clues::default());
        assert_eq!(what.evidence, Evidence::None, "{device:?} {remote} {seconds}");
    }
}

#[test]
fn what_was_inherited_is_not_handed_on() {
    let mut identifier = identifier();
    let hello = identifier.attribute(PHONE, remote(NOBODY), at(0), &sni("mmg.whatsapp.net"));
    identifier.settle(PHONE, remote(NOBODY), at(0), &hello);
    let heir = identifier.attribute(PHONE, remote(NOBODY), at(20_000), &Clues::default());
    identifier.settle(PHONE, remote(NOBODY), at(20_000), &heir);
    let late = identifier.attribute(PHONE, remote(NOBODY), at(22_000), &Clues::default());
    assert_eq!(late.evidence, Evidence::None);
}

#[test]
fn a_shared_block_stays_with_the_operator_unless_one_app_alone_was_active() {
    let mut identifier = identifier();
    let bare = |identifier: &Identifier, seconds| {
        let what = identifier.attribute(PHONE, remote(META), at(seconds), &Clues::default());
        (said(identifier, &what), what.conflicts)
    };
    assert_eq!(bare(&identifier, 0).0, "meta by Prefix (High)");
    let hello = identifier.attribute(PHONE, remote(NOBODY), at(0), &sni("g.whatsapp.net"));
    identifier.settle(PHONE, remote(NOBODY), at(0), &hello);
    let (alone, conflicts) = bare(&identifier, 60);
    assert_eq!(alone, "whatsapp by Inherited (Low)");
    assert_eq!(conflicts, ["Meta (shared): only WhatsApp was active on this device then"]);
    assert_eq!(bare(&identifier, 400).0, "meta by Prefix (High)", "five minutes later nobody was");
    let hello = identifier.attribute(PHONE, remote(NOBODY), at(60), &sni("i.instagram.com"));
    identifier.settle(PHONE, remote(NOBODY), at(60), &hello);
    assert_eq!(bare(&identifier, 90).0, "meta by Prefix (High)", "two apps were active");
}

#[test]
fn the_sender_decides_for_its_own_operator_and_unknown_hosts_but_not_for_clouds() {
    let identifier = identifier();
    let cases = [
        ("com.whatsapp", sni("mmg.whatsapp.net"), "whatsapp by Uid (High)"),
        ("com.whatsapp", Clues::default(), "whatsapp by Uid (High)"),
        ("com.whatsapp", sni("upload.example.com"), "whatsapp by Uid (High)"),
        ("com.whatsapp", sni("backup.googleapis.com"), "google_backup by Sni (High)"),
        ("com.facebook.orca", sni("rupload.facebook.com"), "messenger by Uid (High)"),
        ("com.viber.voip", sni("graph.facebook.com"), "facebook by Sni (High)"),
        ("com.example.unheard", sni("mmg.whatsapp.net"), "whatsapp by Sni (High)"),
    ];
    for (package, clues, expected) in cases {
        let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &from_app(clues, package));
        assert_eq!(said(&identifier, &what), expected, "{package} to {:?}", what.host);
        let is_owner = what.evidence == Evidence::Uid;
        assert_eq!(what.sender.as_deref(), (!is_owner).then_some(package));
    }
}

#[test]
fn the_api_of_meta_is_telemetry_when_another_makers_app_calls_it() {
    let identifier = identifier();
    let role =
        |package| identifier.attribute(PHONE, remote(META), at(0), &from_app(sni("graph.facebook.com"), package)).role;
    assert_eq!(role("com.viber.voip"), Role::Telemetry);
    assert_eq!(role("com.example.unheard"), Role::Telemetry);
    assert_eq!(role("com.facebook.katana"), Role::Unknown);
}

#[test]
fn an_outer_name_weighs_less_and_a_front_names_nobody() {
    let mut identifier = identifier();
    let grease = named("mmg.whatsapp.net", NameSource::Quic, true);
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &grease);
    assert_eq!(said(&identifier, &what), "whatsapp by QuicSni (Medium)");
    let front = named("cloudflare-ech.com", NameSource::Tls, true);
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &front);
    assert_eq!((what.owner, what.kind), (None, Kind::Web));
    identifier.learn(PHONE, at(0), &answer("gateway.discord.gg", NOBODY));
    let what = identifier.attribute(PHONE, remote(NOBODY), at(1), &front);
    assert_eq!(said(&identifier, &what), "discord by Dns (High)", "the name looked up says more than the front");
    assert_eq!(what.conflicts, [""; 0]);
}

#[test]
fn a_signature_names_the_app_and_a_call_is_a_call() {
    let identifier = identifier();
    let mut clues = Clues::default();
    clues.add(&Hint::Signature { app: "whatsapp", pattern: "stun" });
    clues.add(&Hint::Protocol(Recognised::Stun));
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &clues);
    assert_eq!(said(&identifier, &what), "whatsapp by Signature (High)");
    assert_eq!(what.role, Role::Call);
}

fn signed(app: &'static str) -> Clues {
    let mut clues = Clues::default();
    clues.add(&Hint::Signature { app, pattern: "test" });
    clues
}

#[test]
fn a_signature_keeps_its_app_on_the_local_network() {
    let identifier = identifier();
    for (app, addr) in [("dropbox", "192.168.7.255"), ("xmpp", "10.0.0.5"), ("skype", "172.16.1.7"), ("sip", "fe80::1")]
    {
        let what = identifier.attribute(PHONE, remote(addr), at(0), &signed(app));
        assert_eq!(said(&identifier, &what), format!("{app} by Signature (High)"));
    }
}

#[test]
fn of_a_protocol_that_anyone_speaks_a_name_says_more_and_an_address_less() {
    let mut identifier = identifier();
    identifier.learn(PHONE, at(0), &answer("xmpp.example.org", NOBODY));
    let what = identifier.attribute(PHONE, remote(NOBODY), at(1), &signed("xmpp"));
    assert_eq!(said(&identifier, &what), "xmpp by Signature (High)", "a name that no rule knows");
    assert_eq!(what.host.as_deref(), Some("xmpp.example.org"));
    let what = identifier.attribute(PHONE, remote(META), at(1), &signed("sip"));
    assert_eq!(said(&identifier, &what), "sip by Signature (High)", "a block is many apps'");
    identifier.learn(TABLET, at(0), &answer("sip.zoom.us", NOBODY));
    let what = identifier.attribute(TABLET, remote(NOBODY), at(1), &signed("sip"));
    assert_eq!(said(&identifier, &what), "zoom by Dns (High)", "an app's own name");
}

#[test]
fn flows_from_a_calls_socket_inherit_its_app() {
    let mut identifier = identifier();
    let socket = Clues::of_socket(Endpoint::new([192, 168, 7, 23].into(), 39_518));
    let mut call = socket.clone();
    call.add(&Hint::Signature { app: "signal", pattern: "stun-realm" });
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &call);
    identifier.occupy(PHONE, at(0), &call, &what);
    let heir = |identifier: &Identifier, addr: &str, seconds| {
        said(identifier, &identifier.attribute(PHONE, remote(addr), at(seconds), &socket))
    };
    assert_eq!(heir(&identifier, "203.0.113.77", 20), "signal by Inherited (Low)", "a peer");
    assert_eq!(heir(&identifier, "192.168.7.40", 20), "signal by Inherited (Low)", "a peer on the local network");
    assert_eq!(heir(&identifier, "224.0.0.251", 20), "lan by Prefix (High)", "a group");
    assert_eq!(heir(&identifier, "203.0.113.77", 400), "- by None (Low)", "too late");
    let inherited = identifier.attribute(PHONE, remote("203.0.113.77"), at(250), &socket);
    identifier.occupy(PHONE, at(250), &socket, &inherited);
    assert_eq!(heir(&identifier, "203.0.113.77", 400), "- by None (Low)", "what is inherited holds nothing");
}

#[test]
fn a_browsers_socket_lends_no_app() {
    let mut identifier = identifier();
    let socket = Clues::of_socket(Endpoint::new([192, 168, 7, 23].into(), 39_518));
    let mut quic = socket.clone();
    quic.add(&Hint::Protocol(Recognised::Quic));
    quic.add(&Hint::ServerName { name: "web.whatsapp.com".to_owned(), source: NameSource::Quic, outer: false });
    let what = identifier.attribute(PHONE, remote(META), at(0), &quic);
    assert_eq!(said(&identifier, &what), "whatsapp by QuicSni (High)");
    identifier.occupy(PHONE, at(0), &quic, &what);
    let other = identifier.attribute(PHONE, remote(NOBODY), at(1), &socket);
    assert_eq!(said(&identifier, &other), "- by None (Low)");
}

#[test]
fn lookups_themselves_are_no_unexplained_traffic() {
    let identifier = identifier();
    let mut clues = Clues::default();
    clues.add(&Hint::Protocol(Recognised::Dns));
    let what = identifier.attribute(PHONE, remote("192.168.7.1"), at(0), &clues);
    assert_eq!(said(&identifier, &what), "dns by Signature (High)");
}

#[test]
fn resolvers_and_relays_say_what_they_hide() {
    let identifier = identifier();
    assert_eq!(identifier.rules().hidden_by("dns.google"), Some(Hides::Names));
    assert_eq!(identifier.rules().hidden_by("mozilla.cloudflare-dns.com"), Some(Hides::Names));
    assert_eq!(identifier.rules().hidden_by("mask.icloud.com"), Some(Hides::Traffic));
    assert_eq!(identifier.rules().hidden_by("mmg.whatsapp.net"), None);
}

#[test]
fn who_announces_the_address_is_the_last_resort() {
    let table = AsnTable::read("t.tsv", "198.51.100.0\t198.51.100.255\t32934\tUS\tFACEBOOK\n".as_bytes()).unwrap();
    let identifier = identifier().with_asn(Arc::new(table));
    let what = identifier.attribute(PHONE, remote(NOBODY), at(0), &Clues::default());
    assert_eq!(said(&identifier, &what), "meta by Asn (Low)");
    let named = identifier.attribute(PHONE, remote(NOBODY), at(0), &sni("shop.example.com"));
    assert_eq!(said(&identifier, &named), "- by Sni (High)");
}

#[test]
fn where_no_rule_knows_an_address_its_announcer_stands_for_the_destination() {
    let lines = "198.51.100.0\t198.51.100.255\t64500\tZZ\tSOME\u{1b}[31m NET\n";
    let table = AsnTable::read("t.tsv", lines.as_bytes()).unwrap();
    let destination = |identifier: &Identifier, addr: &str| {
        let what = identifier.attribute(PHONE, remote(addr), at(0), &Clues::default());
        assert_eq!(said(identifier, &what), "- by None (Low)", "an announcer is nobody to accuse");
        what.destination.to_string()
    };
    assert_eq!(destination(&identifier(), NOBODY), "198.51.100.0/24");
    let identifier = identifier().with_asn(Arc::new(table));
    assert_eq!(destination(&identifier, NOBODY), "AS64500 SOME\\u{1b}[31m NET");
    assert_eq!(destination(&identifier, "203.0.113.9"), "203.0.113.0/24", "the table does not know it");
}
