//! Weighs what speaks for whose a flow is: the strongest evidence wins, what contradicts it is kept in words.

use std::{cmp::Reverse, net::IpAddr, sync::Arc};

use super::{
    Confidence, DeclaredFeature, Evidence, Kind, Role,
    asn::AsnTable,
    attribution::{Attribution, HostSource},
    clues::{Clues, Named, Tag},
    devices::DeviceId,
    heard::Heard,
    rules::{Entry, OwnerId, Rules, Target},
    settled::{Established, Settled},
    sockets::Sockets,
};
use crate::{
    base::{Cidr, Endpoint, Stamp, endpoint::is_group, text::shown},
    hint::{Answer, Recognised},
};

/// Contradictions kept for one flow.
const MOST_CONFLICTS: usize = 4;
/// Characters kept of an autonomous system's name.
const LONGEST_AS_NAME: usize = 48;
/// The rule file that flows of DNS itself belong to.
const DNS: &str = "dns";

/// Attributes flows, and learns from what it sees: names answered, endpoints established, apps active.
#[derive(Debug)]
pub struct Identifier {
    rules: Arc<Rules>,
    asn: Option<Arc<AsnTable>>,
    heard: Heard,
    settled: Settled,
    sockets: Sockets,
}

/// One thing that speaks for whose a flow is.
#[derive(Clone, Debug)]
struct Claim {
    evidence: Evidence,
    owner: Option<OwnerId>,
    role: Role,
    confidence: Confidence,
    host: Option<(Arc<str>, HostSource)>,
    destination: Option<Arc<str>>,
    /// An outer name that no rule knows: it may be anyone's front.
    weak: bool,
    /// A pattern of a protocol that anyone's servers speak: any name says more, an address less.
    open: bool,
}

impl Claim {
    /// How strong it is among the others.
    fn rank(&self) -> (Evidence, Evidence) {
        let standing = if self.open { Evidence::Inherited } else { self.evidence };
        (standing, self.evidence)
    }
}

impl Identifier {
    /// An identifier that knows `rules` and has seen nothing.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self { rules, asn: None, heard: Heard::default(), settled: Settled::default(), sockets: Sockets::default() }
    }

    /// Falls back on who announces an address, at low confidence.
    #[must_use]
    pub fn with_asn(self, table: Arc<AsnTable>) -> Self {
        Self { asn: Some(table), ..self }
    }

    /// The rules in force.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Remembers that `device` was told at `at` which addresses a name stands for.
    pub fn learn(&mut self, device: DeviceId, at: Stamp, answer: &Answer) {
        self.heard.learn(device, at, answer);
    }

    /// Remembers what a flow of `device` established of `remote`, so that its later flows there without a name
    /// inherit it. What was itself inherited, or guessed from the address, establishes nothing.
    pub fn settle(&mut self, device: DeviceId, remote: Endpoint, at: Stamp, what: &Attribution) {
        if what.evidence <= Evidence::Inherited {
            return;
        }
        let destination = Arc::clone(&what.destination);
        let (owner, role, confidence) = (what.owner, what.role, what.confidence);
        self.settled.settle(device, remote, Established { owner, role, confidence, destination, at });
    }

    /// Remembers that a messenger's flow comes from this local UDP port, so that flows from there without evidence of
    /// their own inherit it: a call tries servers and peers from one socket. QUIC has sockets of its own.
    pub fn occupy(&mut self, device: DeviceId, at: Stamp, clues: &Clues, what: &Attribution) {
        let sure = what.evidence > Evidence::Inherited && what.kind == Kind::Messenger;
        let (Some(owner), Some(local)) = (what.owner, clues.socket) else { return };
        if sure && clues.protocol != Some(Recognised::Quic) {
            self.sockets.hold(device, local, owner, at);
        }
    }

    /// Whose `remote` is for a flow of `device` that has shown `clues` by `at`.
    pub fn attribute(&self, device: DeviceId, remote: Endpoint, at: Stamp, clues: &Clues) -> Attribution {
        let mut claims = self.claims(device, remote, at, clues);
        claims.sort_by_key(|claim| Reverse((!claim.weak, claim.rank())));
        let mut verdict = self.strongest(&claims, remote.addr);
        self.weigh_conflicts(&claims, &mut verdict);
        self.let_active_app_decide(device, at, &mut verdict);
        if let Some(tag) = &clues.tag {
            self.let_tag_decide(tag, &mut verdict);
        }
        if verdict.role == Role::Unknown && clues.is_call {
            verdict.role = Role::Call;
        }
        verdict.features = self.declared_features(&verdict);
        verdict
    }

    /// What full tables made it forget, in plural, with how many.
    pub fn losses(&self) -> [(&'static str, u64); 3] {
        [
            ("addresses of looked-up names forgotten by a full table", self.heard.forgotten()),
            ("endpoints forgotten by a full table", self.settled.forgotten()),
            ("local ports forgotten by a full table", self.sockets.forgotten()),
        ]
    }

    fn claims(&self, device: DeviceId, remote: Endpoint, at: Stamp, clues: &Clues) -> Vec<Claim> {
        let mut claims = Vec::new();
        claims.extend(clues.names.iter().map(|named| {
            // An outer name that was looked up at this very address is no cover: many clients only pretend to hide one.
            let looked_up = || self.heard.names(device, remote.addr, at).any(|told| told.name == named.name);
            self.by_name(named, named.outer && !looked_up())
        }));
        claims.extend(clues.signature.and_then(|(app, _)| self.by_signature(app, Confidence::High)));
        claims.extend(clues.shape.and_then(|app| self.by_signature(app, Confidence::Medium)));
        claims.extend(clues.protocol.and_then(|protocol| self.by_protocol(protocol)));
        claims.extend(self.heard.names(device, remote.addr, at).map(|told| {
            let host = (Arc::clone(&told.name), HostSource::Dns);
            self.by_host(host, Confidence::High, false)
        }));
        claims.extend(self.settled.known(device, remote, at).map(|what| Claim {
            evidence: Evidence::Inherited,
            owner: what.owner,
            role: what.role,
            confidence: what.confidence.min(Confidence::Medium),
            host: None,
            destination: Some(Arc::clone(&what.destination)),
            weak: false,
            open: false,
        }));
        claims.extend(self.by_socket(device, remote, at, clues));
        claims.extend(self.rules.address(remote.addr).map(by_block));
        claims.extend(self.by_asn(remote.addr));
        claims
    }

    fn by_name(&self, named: &Named, outer: bool) -> Claim {
        let host = (Arc::clone(&named.name), HostSource::Flow(named.source));
        let most = if named.outer { Confidence::Medium } else { Confidence::High };
        self.by_host(host, most, outer)
    }

    fn by_host(&self, host: (Arc<str>, HostSource), most: Confidence, outer: bool) -> Claim {
        let evidence = host.1.evidence();
        let entry = self.rules.host(&host.0).filter(|entry| !entry.terms.front);
        match entry {
            Some(entry) => Claim {
                evidence,
                owner: Some(entry.owner),
                role: entry.terms.role,
                confidence: entry.terms.confidence.min(most),
                destination: Some(destination(entry, &host.0)),
                host: Some(host),
                weak: false,
                open: false,
            },
            None => Claim {
                evidence,
                owner: None,
                role: Role::Web,
                confidence: most,
                destination: Some(registered_domain(&host.0)),
                host: Some(host),
                weak: outer,
                open: false,
            },
        }
    }

    fn by_signature(&self, app: &str, confidence: Confidence) -> Option<Claim> {
        let owner = self.rules.by_id(app)?;
        let open = self.rules.owner(owner).open;
        Some(Claim { open, ..bare(Evidence::Signature, owner, confidence) })
    }

    fn by_protocol(&self, protocol: Recognised) -> Option<Claim> {
        let is_dns = matches!(protocol, Recognised::Dns | Recognised::Mdns | Recognised::Dot | Recognised::Doq);
        let owner = self.rules.by_id(DNS).filter(|_| is_dns)?;
        Some(bare(Evidence::Signature, owner, Confidence::High))
    }

    /// The app that holds the local port. What goes to a group is read by anyone, and says nothing of a call.
    fn by_socket(&self, device: DeviceId, remote: Endpoint, at: Stamp, clues: &Clues) -> Option<Claim> {
        let local = clues.socket.filter(|_| !is_group(remote.addr))?;
        let owner = self.sockets.holder(device, local, at)?;
        Some(bare(Evidence::Inherited, owner, Confidence::Low))
    }

    fn by_asn(&self, addr: IpAddr) -> Option<Claim> {
        let number = self.asn.as_ref()?.find(addr)?.number;
        let owner = self.rules.autonomous_system(number)?;
        Some(bare(Evidence::Asn, owner, Confidence::Low))
    }

    /// What stands for an address without a name: who announces it, as far as the user's table says, or its block.
    fn place_of(&self, addr: IpAddr) -> Arc<str> {
        match self.asn.as_ref().and_then(|table| table.find(addr)) {
            Some(system) => format!("AS{} {}", system.number, shown(&system.name, LONGEST_AS_NAME)).trim_end().into(),
            None => block_around(addr),
        }
    }

    /// The strongest claim with an owner or a name. A name without rule gives way to a byte pattern, and to a block
    /// that is surely one operator's: proxies that imitate TLS carry names of strangers.
    fn strongest(&self, claims: &[Claim], addr: IpAddr) -> Attribution {
        let named = best_name(claims);
        let decides = |claim: &&Claim| claim.owner.is_some() || claim.host.is_some();
        let sure = |claim: &&Claim| {
            claim.evidence == Evidence::Signature
                || (claim.evidence == Evidence::Prefix && claim.confidence == Confidence::High)
        };
        let first = claims.iter().find(decides);
        let chosen = match first {
            Some(claim) if claim.owner.is_none() => claims.iter().find(sure).or(first),
            other => other,
        };
        let (host, host_source) = named.map_or((None, None), |(host, source)| (Some(host), Some(source)));
        let Some(chosen) = chosen else { return unattributed(host, host_source, self.place_of(addr)) };
        let same_owner = || claims.iter().filter(|claim| claim.owner == chosen.owner);
        let role = same_owner().map(|claim| claim.role).find(|role| *role != Role::Unknown);
        let destination = chosen.destination.clone().or_else(|| claims.iter().find_map(|c| c.destination.clone()));
        Attribution {
            owner: chosen.owner,
            sender: None,
            kind: chosen.owner.map_or(Kind::Web, |owner| self.rules.owner(owner).kind),
            role: role.unwrap_or_default(),
            evidence: chosen.evidence,
            confidence: chosen.confidence,
            host,
            host_source,
            destination: destination.unwrap_or_else(|| self.place_of(addr)),
            features: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    fn weigh_conflicts(&self, claims: &[Claim], verdict: &mut Attribution) {
        for claim in claims {
            let agrees = claim.owner == verdict.owner && (claim.owner.is_some() || claim.host.is_some());
            if agrees || !self.contradicts(claim, verdict) || verdict.conflicts.len() == MOST_CONFLICTS {
                continue;
            }
            if claim.evidence == verdict.evidence {
                verdict.confidence = Confidence::Low;
            }
            verdict.conflicts.push(self.in_words(claim));
        }
    }

    /// Whether `claim` names someone else than `verdict` does. An operator's shared block does not contradict its apps.
    fn contradicts(&self, claim: &Claim, verdict: &Attribution) -> bool {
        let operator = |owner: OwnerId| &self.rules.owner(owner).operator;
        match (claim.owner, verdict.owner) {
            (Some(claimed), Some(said)) if claim.evidence <= Evidence::Prefix => operator(claimed) != operator(said),
            (Some(claimed), said) => said != Some(claimed),
            (None, said) => claim.host.is_some() && said.is_some() && !claim.weak,
        }
    }

    fn in_words(&self, claim: &Claim) -> String {
        let whose = claim.owner.map_or("no rule's", |owner| &*self.rules.owner(owner).name);
        let host = claim.host.as_ref().map(|(host, _)| &**host);
        match (claim.evidence, host) {
            (Evidence::Dns, Some(host)) => format!("the address was also answered for {host} ({whose})"),
            (_, Some(host)) => format!("it also names {host} ({whose})"),
            (Evidence::Signature, None) => format!("its first bytes look like {whose}"),
            (Evidence::Inherited, None) => format!("other flows to this endpoint, or from the same port, were {whose}"),
            (_, None) => format!("the address lies in a block of {whose}"),
        }
    }

    /// What only the address tells stays with the operator, unless one of the apps that share it is the only one active.
    fn let_active_app_decide(&self, device: DeviceId, at: Stamp, verdict: &mut Attribution) {
        let Some(owner) = verdict.owner.filter(|_| verdict.evidence <= Evidence::Prefix) else { return };
        let shared = self.rules.owner(owner);
        if let Some(app) = self.settled.only_active(device, &shared.shared_by, at) {
            let (app_name, shared_name) = (&self.rules.owner(app).name, &shared.name);
            verdict.conflicts.push(format!("{shared_name}: only {app_name} was active on this device then"));
            verdict.owner = Some(app);
            verdict.kind = self.rules.owner(app).kind;
            verdict.evidence = Evidence::Inherited;
            verdict.confidence = Confidence::Low;
        }
    }

    /// The app that the capture names decides, save where a name says that the far end is another operator's: bytes
    /// that an app sends to a cloud, a tracker or another maker do not go to its own operator.
    fn let_tag_decide(&self, tag: &Tag, verdict: &mut Attribution) {
        let far = verdict.owner.map(|owner| self.rules.owner(owner));
        let sender = self.rules.tagged(&tag.name);
        let same = |app: OwnerId| far.is_none_or(|far| far.operator == self.rules.owner(app).operator);
        match sender {
            Some(app) if verdict.owner == Some(app) => {
                verdict.evidence = evidence_of(tag);
                verdict.confidence = Confidence::High;
            }
            Some(app) if verdict.evidence <= Evidence::Prefix => self.hand_over(app, tag, verdict),
            Some(app) if same(app) && far.is_none_or(|far| far.kind == Kind::Messenger) => {
                self.hand_over(app, tag, verdict);
            }
            _ => {
                let embedded =
                    verdict.host.as_ref().and_then(|host| self.rules.host(host)).is_some_and(|e| e.terms.sdk);
                if embedded && !sender.is_some_and(same) {
                    verdict.role = Role::Telemetry;
                }
                verdict.sender = Some(Arc::clone(&tag.name));
            }
        }
    }

    fn hand_over(&self, app: OwnerId, tag: &Tag, verdict: &mut Attribution) {
        let sender = self.rules.owner(app);
        let far = verdict.owner.map(|owner| self.rules.owner(owner));
        if let Some(far) = far.filter(|far| far.operator != sender.operator) {
            verdict.conflicts.push(format!("the far end looks like {}", far.name));
        }
        verdict.owner = Some(app);
        verdict.kind = sender.kind;
        verdict.evidence = evidence_of(tag);
        verdict.confidence = Confidence::High;
        if verdict.role == Role::Web && sender.kind == Kind::Messenger {
            verdict.role = Role::Unknown;
        }
    }

    fn declared_features(&self, verdict: &Attribution) -> Vec<Arc<DeclaredFeature>> {
        let (Some(owner), Some(host)) = (verdict.owner, verdict.host.as_ref()) else { return Vec::new() };
        self.rules.owner(owner).features_of(host).map(|feature| Arc::clone(&feature.declared)).collect()
    }
}

/// The host that the strongest claim with one names, as it was read where that says most.
fn best_name(claims: &[Claim]) -> Option<(Arc<str>, HostSource)> {
    let named = || claims.iter().filter_map(|claim| claim.host.as_ref());
    let (host, _) = named().next()?;
    named().filter(|(name, _)| name == host).max_by_key(|(_, source)| source.evidence()).cloned()
}

const fn evidence_of(tag: &Tag) -> Evidence {
    if tag.uid { Evidence::Uid } else { Evidence::Process }
}

fn bare(evidence: Evidence, owner: OwnerId, confidence: Confidence) -> Claim {
    let role = Role::Unknown;
    Claim { evidence, owner: Some(owner), role, confidence, host: None, destination: None, weak: false, open: false }
}

fn by_block(entry: &Entry) -> Claim {
    let destination = match &entry.target {
        Target::Block(block) => Some(block.to_string().into()),
        Target::Host(_) => None,
    };
    let mut claim = bare(Evidence::Prefix, entry.owner, entry.terms.confidence);
    claim.role = entry.terms.role;
    claim.destination = destination;
    claim
}

/// What the ledger posts to for a host that a rule knows: the rule's own pattern, so that numbered hosts are one.
fn destination(entry: &Entry, host: &Arc<str>) -> Arc<str> {
    match &entry.target {
        Target::Host(pattern) => pattern.text().into(),
        Target::Block(_) => Arc::clone(host),
    }
}

/// The registered domain of a name that no rule knows, by the public suffix list; the name itself where it has none,
/// as an address in an HTTP host header has not.
fn registered_domain(host: &Arc<str>) -> Arc<str> {
    if host.parse::<IpAddr>().is_ok() {
        return Arc::clone(host);
    }
    site(host).map_or_else(|| Arc::clone(host), Into::into)
}

/// The registered domain of a name, by the public suffix list: which web site it is of.
pub fn site(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

fn unattributed(host: Option<Arc<str>>, host_source: Option<HostSource>, destination: Arc<str>) -> Attribution {
    Attribution {
        owner: None,
        sender: None,
        kind: Kind::Unattributed,
        role: Role::Unknown,
        evidence: Evidence::None,
        confidence: Confidence::Low,
        host,
        host_source,
        destination,
        features: Vec::new(),
        conflicts: Vec::new(),
    }
}

/// The block that stands for an address without name or rule: what one site is usually given.
fn block_around(addr: IpAddr) -> Arc<str> {
    let length = if addr.is_ipv4() { 24 } else { 48 };
    Cidr::new(addr, length).map_or_else(|| addr.to_string(), |block| block.to_string()).into()
}

#[cfg(test)]
mod tests;
