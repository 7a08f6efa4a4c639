//! The stages joined, packet by packet.

use std::sync::Arc;

use super::{
    audit::{Audit, FlowRow, Loss},
    booking,
    booking::Books,
    case::Case,
    conclude::{self, Booked},
    offline::Judging,
    unwritten::Unwritten,
};
use crate::{
    base::{Bytes, Stamp},
    capture::{Frame, Heading},
    decode::{self, Decoded, Decoder, Packet},
    flow::{self, Budget, Events, FlowEvent, FlowId, FlowKey, FlowTable, Side},
    hint::{Appetite, Detail, Hint, Recognised},
    identify::{
        AsnTable, Attribution, DeviceOptions, Devices, Evidence, Hides, HostSource, Identifier, Owner, Place, Rules,
    },
    ledger::{Batch, Coverage, FileRecord, Flushed, Places, Store, StoreError, Watched},
};

/// What decides how packets are attributed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which rules attribute.
    pub rules: Arc<Rules>,
    /// Who announces which addresses, for destinations that no rule knows.
    pub asn: Option<Arc<AsnTable>>,
    /// How devices are told apart.
    pub devices: DeviceOptions,
    /// Flow table limits.
    pub flows: flow::Limits,
}

/// What became of one frame, for the report on the input it came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It is in the ledger, or will be with the rest of its fragments.
    Taken,
    /// It carries no IP, or nothing that can be opened.
    Unsupported,
    /// Its link type is one that is not read.
    UnknownLink,
    /// Its headers contradict themselves or end early.
    Malformed,
}

/// Bytes of incomplete handshakes kept over all flows: several for each flow that a busy gateway opens in a second.
const MOST_HANDSHAKE_BYTES: usize = 64 << 20;

/// Folds frames into a ledger.
pub struct Auditor<'s> {
    rules: Arc<Rules>,
    decoder: Decoder,
    pub(super) track: Track<'s>,
    pub(super) unwritten: Unwritten,
    /// Names in logs that no connection could be found for.
    pub(super) lost_names: u64,
    /// Minute rows that no store took while there was memory for them.
    forgotten: u64,
}

/// Everything behind decoding.
pub(super) struct Track<'s> {
    table: FlowTable,
    /// By place in the flow table.
    cases: Vec<Option<(FlowId, Case)>>,
    pub(super) identifier: Identifier,
    pub(super) devices: Devices,
    pub(super) books: Books,
    /// What the flows' inspectors keep of handshakes that are not complete.
    handshakes: Budget,
    /// Where the packets come from that are folded in now.
    source: Places,
    events: Events,
    hints: Vec<Hint>,
    list: Option<Box<dyn FnMut(FlowRow) + 's>>,
    /// Flows of this machine whose process is not known yet.
    #[cfg(feature = "live")]
    ownerless: Option<super::live::Ownerless>,
}

impl<'s> Auditor<'s> {
    /// An auditor that has seen nothing.
    pub fn new(options: &Options) -> Self {
        let identifier = Identifier::new(Arc::clone(&options.rules));
        let identifier = match &options.asn {
            Some(table) => identifier.with_asn(Arc::clone(table)),
            None => identifier,
        };
        Self {
            rules: Arc::clone(&options.rules),
            decoder: Decoder::new(decode::Limits::default()),
            track: Track {
                table: FlowTable::new(options.flows),
                cases: Vec::new(),
                identifier,
                devices: Devices::new(options.devices.clone()),
                books: Books::default(),
                handshakes: Budget::new(MOST_HANDSHAKE_BYTES),
                source: Places::at(0),
                events: Events::default(),
                hints: Vec::new(),
                list: None,
                #[cfg(feature = "live")]
                ownerless: None,
            },
            unwritten: Unwritten::default(),
            lost_names: 0,
            forgotten: 0,
        }
    }

    /// Hands every flow to `list` as it ends.
    pub fn list_flows(&mut self, list: impl FnMut(FlowRow) + 's) {
        self.track.list = Some(Box::new(list));
    }

    /// Folds in one frame of the source at `place` among several.
    pub fn take_from(&mut self, place: usize, frame: &Frame<'_>) -> Fate {
        self.unwritten.turn_to_source(place);
        self.track.source = Places::at(place);
        self.take(frame)
    }

    /// Folds one frame in.
    pub fn take(&mut self, frame: &Frame<'_>) -> Fate {
        self.unwritten.frame(frame.stamp);
        let fate = match self.decoder.decode(frame) {
            Decoded::Packet(packet) => {
                self.unwritten.decoded(Bytes(packet.wire_len.into()));
                self.track.take(&packet);
                Fate::Taken
            }
            Decoded::Held => Fate::Taken,
            Decoded::NotIp | Decoded::Closed => Fate::Unsupported,
            Decoded::UnknownLink(_) => Fate::UnknownLink,
            Decoded::Malformed(_) => Fate::Malformed,
        };
        self.take_abandoned();
        fate
    }

    /// Goes on to `now` while no packet comes: on a link that is idle, or with a flow that is, minutes are over all the
    /// same, and are booked as far as is known whose they are.
    pub fn pass(&mut self, now: Stamp) {
        self.track.table.pass(now, &mut self.track.events);
        self.track.fold_events();
        self.track.book_what_waited(now);
    }

    /// Asks again whose the flows are that nobody was known for when they opened: about once a second.
    #[cfg(feature = "live")]
    pub(super) fn ask_again(&mut self) {
        self.track.ask_again();
    }

    /// Asks `owners` whose a flow is where the capture does not say.
    #[cfg(feature = "live")]
    pub fn ask(&mut self, owners: super::Processes) {
        self.track.ownerless = Some(super::live::Ownerless::new(owners));
    }

    /// Ends every flow and judges every device. `coverage` says when each source was capturing.
    pub fn audit(self, coverage: &Coverage, judging: &Judging) -> Audit {
        let rules = Arc::clone(&self.rules);
        conclude::audit(self.finish().booked(), coverage, &rules, judging)
    }

    /// Judges what has been booked up to now, and goes on: for a screen that fills while packets come in.
    ///
    /// The last minutes of flows that still wait for a name are not in it, nor what was flushed to a store before.
    pub fn audit_so_far(&self, coverage: &Coverage, judging: &Judging) -> Audit {
        conclude::audit(self.so_far(), coverage, &self.rules, judging)
    }

    /// The flows that have not ended, as far as their complete minutes say; at most `most`, those with the most payload.
    pub fn open_flows(&self, most: usize) -> Vec<FlowRow> {
        let track = &self.track;
        let open = track.cases.iter().flatten().filter_map(|(_, case)| Some((case, case.attribution.as_ref()?)));
        let mut open: Vec<_> = open.collect();
        if open.len() > most {
            let weight = |(case, _): &(&Case, &Attribution)| std::cmp::Reverse(case.payload[0] + case.payload[1]);
            open.select_nth_unstable_by_key(most, weight);
            open.truncate(most);
        }
        let rules = track.identifier.rules();
        let last = |case: &Case| case.first.max(case.last.start());
        open.into_iter().map(|(case, known)| row(case, known, last(case), &track.devices, rules)).collect()
    }

    /// Which rules attribute.
    pub(super) const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// What has been booked up to now.
    pub(super) fn so_far(&self) -> Booked<'_> {
        Booked {
            books: &self.track.books,
            devices: &self.track.devices,
            losses: self.losses(),
            wire: self.unwritten.wire(),
            frames: self.unwritten.frames(),
        }
    }

    /// Writes everything that was booked since the last flush to `store`, in one transaction, and forgets it here: a
    /// daemon's memory does not grow with the months. On an error nothing is forgotten, and the next flush writes it.
    ///
    /// The sources that the store was told of were capturing in the minutes `watched`, by their places; runs may be
    /// repeated, and grow.
    pub fn flush(&mut self, store: &mut Store, watched: &[Vec<Watched>]) -> Result<Flushed, StoreError> {
        self.write(store, watched, &[])
    }

    /// As [`Auditor::flush`], for what was read from `files`: nothing of it is written where one of them is in the
    /// ledger already.
    pub fn flush_files(&mut self, store: &mut Store, files: &[FileRecord]) -> Result<Flushed, StoreError> {
        self.write(store, &[], files)
    }

    /// Minute rows that a flush would write: what waiting for a disk costs in memory.
    pub fn unflushed(&self) -> usize {
        self.track.books.account.ledger.len()
    }

    /// Forgets what was booked since the last flush, because no store takes it and memory has an end: a hole, in which
    /// the caller must not claim to have watched. Returns how many minute rows that were.
    pub fn forget_unflushed(&mut self) -> usize {
        let rows = self.unflushed();
        self.track.books.turn_page();
        self.unwritten.forget();
        self.forgotten += rows as u64;
        rows
    }

    /// Ends every flow and books what is left: the captures are over, and a flush after this writes all of it.
    pub fn end(&mut self) {
        self.decoder.flush();
        self.take_abandoned();
        self.track.table.finish(&mut self.track.events);
        self.track.fold_events();
    }

    fn write(
        &mut self,
        store: &mut Store,
        watched: &[Vec<Watched>],
        files: &[FileRecord],
    ) -> Result<Flushed, StoreError> {
        let lost = self.losses();
        let account = &self.track.books.account;
        let devices: Vec<_> =
            account.ledger.mentioned().into_iter().map(|id| (id, self.track.devices.device(id).clone())).collect();
        let flushed = store.write(&Batch {
            account,
            devices: &devices,
            heard: &self.unwritten.heard(self.track.books.nobodys),
            losses: &self.unwritten.new_losses(&lost),
            watched,
            files,
        })?;
        self.track.books.turn_page();
        self.unwritten.turn_page(lost);
        Ok(flushed)
    }

    /// Ends every flow and books what is left.
    pub(super) fn finish(mut self) -> Finished {
        self.end();
        Finished {
            losses: self.losses(),
            wire: self.unwritten.wire(),
            frames: self.unwritten.frames(),
            books: self.track.books,
            devices: self.track.devices,
        }
    }

    fn take_abandoned(&mut self) {
        while let Some(packet) = self.decoder.abandoned() {
            self.unwritten.decoded(Bytes(packet.wire_len.into()));
            self.track.take(&packet);
        }
    }

    /// What caps made the stages drop or lump together, without the zeros.
    fn losses(&self) -> Vec<Loss> {
        let track = &self.track;
        let mut losses = vec![
            Loss { what: "flows closed early because the flow table was full".into(), count: track.table.evicted() },
            Loss {
                what: "destinations or subjects booked under a collective heading".into(),
                count: track.books.lumped(),
            },
        ];
        losses.push(Loss {
            what: "flows whose first messages were read in part because too many were incomplete at once".into(),
            count: track.handshakes.given_up() + track.table.early_given_up(),
        });
        losses.push(Loss {
            what: "flows of devices beyond the most that are told apart".into(),
            count: track.devices.refused(),
        });
        losses.push(Loss {
            what: "minute rows that the disk did not take and memory could not keep".into(),
            count: self.forgotten,
        });
        losses.push(Loss { what: "names in logs without a row about their connection".into(), count: self.lost_names });
        losses.extend(track.identifier.losses().into_iter().map(|(what, count)| Loss { what: what.into(), count }));
        losses.retain(|loss| loss.count > 0);
        losses.sort_by(|a, b| a.what.cmp(&b.what));
        losses
    }
}

/// What is left when every frame has been folded in.
pub(super) struct Finished {
    pub(super) books: Books,
    pub(super) devices: Devices,
    pub(super) losses: Vec<Loss>,
    pub(super) wire: Bytes,
    pub(super) frames: u64,
}

impl Finished {
    pub(super) fn booked(&self) -> Booked<'_> {
        let Self { books, devices, losses, wire, frames } = self;
        Booked { books, devices, losses: losses.clone(), wire: *wire, frames: *frames }
    }
}

impl Track<'_> {
    /// Hands a flow that is over to whoever lists them.
    pub(super) fn list_row(&mut self, case: &Case, attribution: &Attribution, last: Stamp) {
        if let Some(list) = &mut self.list {
            list(row(case, attribution, last, &self.devices, self.identifier.rules()));
        }
    }

    fn take(&mut self, packet: &Packet<'_>) {
        self.table.ingest(packet, &mut self.events);
        if !self.events.is_empty() {
            self.fold_events();
        }
    }

    fn fold_events(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        events.drain(|event, bytes| match event {
            FlowEvent::Opened { flow, key, heading, at } => self.open(flow, key, heading, at),
            FlowEvent::Data { flow, side, at, .. } => self.read(flow, side, at, bytes),
            FlowEvent::Owned { flow, owner } => {
                if let Some(case) = case(&mut self.cases, flow) {
                    case.clues.tag(&owner.as_tag());
                }
            }
            FlowEvent::Moved { flow, minute, initiator, responder } => {
                if let Some(case) = case(&mut self.cases, flow) {
                    case.moved(minute, initiator, responder);
                    if case.is_ripe() {
                        if case.kept > 0 && case.protocol != Some(Recognised::Dns) {
                            // A hello that is not whole by now lost a part on the way here.
                            self.give_up(flow, minute.start());
                        }
                        self.book(flow, minute.start());
                    }
                }
            }
            FlowEvent::Closed { flow, at } => self.close(flow, at),
        });
        self.events = events;
    }

    fn open(&mut self, flow: FlowId, key: FlowKey, heading: Option<Heading>, at: Stamp) {
        let place_of_device = self.devices.place(&key, heading);
        let place = flow.slot() as usize;
        if place >= self.cases.len() {
            self.cases.resize_with(place + 1, || None);
        }
        let detail = if self.list.is_some() { Detail::Full } else { Detail::Brief };
        let mut case = Case::new(key, place_of_device, at, detail);
        case.seen_by = self.source;
        #[cfg(feature = "live")]
        let case = self.ownerless.iter_mut().fold(case, |mut case, ownerless| {
            ownerless.tag(flow, &key, &mut case.clues);
            case
        });
        self.cases[place] = Some((flow, case));
    }

    /// Asks again for the processes of flows that had none when they opened.
    #[cfg(feature = "live")]
    fn ask_again(&mut self) {
        if let Some(ownerless) = &mut self.ownerless {
            let cases = &mut self.cases;
            ownerless.ask_again(|flow, owner| {
                if let Some(case) = case(cases, flow) {
                    case.clues.tag(&owner.as_tag());
                }
            });
        }
    }

    /// Books the minutes of flows that have waited long enough for a name.
    fn book_what_waited(&mut self, now: Stamp) {
        let waited = |(flow, case): &(FlowId, Case)| case.has_waited(now.minute()).then_some(*flow);
        let waited: Vec<FlowId> = self.cases.iter().flatten().filter_map(waited).collect();
        for flow in waited {
            self.book(flow, now);
        }
    }

    fn read(&mut self, flow: FlowId, side: Side, at: Stamp, bytes: &[u8]) {
        let Some(case) = case(&mut self.cases, flow) else { return };
        let Some(inspector) = &mut case.inspector else { return };
        let appetite = inspector.feed(side, at, bytes, &mut self.hints);
        if case.place.is_some_and(|place| place.side == side) {
            // What a device answers itself says nothing of whom it speaks to.
            self.hints.retain(|hint| !matches!(hint, Hint::Answered(_)));
        }
        let kept = if appetite == Appetite::Sated { 0 } else { inspector.held() };
        let before = std::mem::replace(&mut case.kept, kept);
        if appetite == Appetite::Sated {
            case.inspector = None;
            self.table.sate(flow);
        }
        self.fold_hints(flow, at);
        if before != kept {
            self.keep(flow, at, before, kept);
        }
    }

    /// Notes how much of its handshake `flow` keeps; where all flows keep too much, those that waited longest give up.
    fn keep(&mut self, flow: FlowId, at: Stamp, before: usize, now: usize) {
        let Self { handshakes, cases, .. } = self;
        handshakes.changed(flow, before, now, |flow| kept(cases, flow) > 0);
        while let Some(oldest) = self.handshakes.next_to_give_up() {
            let bytes = kept(&self.cases, oldest);
            if bytes > 0 {
                self.handshakes.gave_up(bytes);
                self.give_up(oldest, at);
            }
        }
    }

    /// Takes what an incomplete handshake shows, and reads no more of it.
    fn give_up(&mut self, flow: FlowId, at: Stamp) {
        let Some(case) = case(&mut self.cases, flow) else { return };
        case.kept = 0;
        if let Some(mut inspector) = case.inspector.take() {
            inspector.finish(&mut self.hints);
            self.table.sate(flow);
            self.fold_hints(flow, at);
        }
    }

    fn fold_hints(&mut self, flow: FlowId, at: Stamp) {
        if self.hints.is_empty() {
            return;
        }
        let Some(case) = case(&mut self.cases, flow) else { return };
        let tells_app = self.hints.iter().any(|hint| matches!(hint, Hint::Signature { .. }));
        for hint in self.hints.drain(..) {
            case.clues.add(&hint);
            match hint {
                Hint::Lookup(name) | Hint::ServerName { name, .. } => {
                    if let Some(Place { device, .. }) = case.place {
                        self.books.name(self.identifier.rules(), device, at.minute(), &name);
                    }
                }
                Hint::Answered(answer) => self.identifier.learn(case.device(), at, &answer),
                Hint::Hello(hello) => case.said_hello(hello),
                Hint::Protocol(protocol) => case.protocol = Some(protocol),
                Hint::Signature { .. } | Hint::Shape { .. } => {}
            }
        }
        if tells_app {
            let (device, remote) = (case.device(), case.remote());
            let attribution = self.identifier.attribute(device, remote, at, &case.clues);
            self.identifier.occupy(device, at, &case.clues, &attribution);
        }
    }

    /// Attributes a flow by what is known of it at `at`, and books its minutes.
    fn book(&mut self, flow: FlowId, at: Stamp) {
        let Some(case) = case(&mut self.cases, flow) else { return };
        let (device, remote) = (case.device(), case.remote());
        // The minute that is booked may have begun before the flow, and before its name was looked up.
        let at = at.max(case.first);
        let attribution = match case.attribution.take() {
            Some(known) if case.inspector.is_none() && known.evidence > Evidence::None => known,
            _ => self.identifier.attribute(device, remote, at, &case.clues),
        };
        self.identifier.settle(device, remote, at, &attribution);
        self.identifier.occupy(device, at, &case.clues, &attribution);
        self.books.book(self.identifier.rules(), case, &attribution);
        case.attribution = Some(attribution);
    }

    fn close(&mut self, flow: FlowId, at: Stamp) {
        let kept = case(&mut self.cases, flow).map_or(0, |case| std::mem::take(&mut case.kept));
        if kept > 0 {
            self.keep(flow, at, kept, 0);
        }
        if let Some(inspector) = case(&mut self.cases, flow).and_then(|case| case.inspector.as_mut()) {
            inspector.finish(&mut self.hints);
            self.fold_hints(flow, at);
        }
        self.book(flow, at);
        let Some(place) = self.cases.get_mut(flow.slot() as usize) else { return };
        let Some((_, case)) = place.take_if(|(known, _)| *known == flow) else { return };
        if let Some(attribution) = &case.attribution {
            self.list_row(&case, attribution, at);
        }
    }
}

fn case(cases: &mut [Option<(FlowId, Case)>], flow: FlowId) -> Option<&mut Case> {
    let (known, case) = cases.get_mut(flow.slot() as usize)?.as_mut()?;
    (*known == flow).then_some(case)
}

fn kept(cases: &[Option<(FlowId, Case)>], flow: FlowId) -> usize {
    let Some(Some((known, case))) = cases.get(flow.slot() as usize) else { return 0 };
    if *known == flow { case.kept } else { 0 }
}

/// What a flow speaks. A resolver's name over TLS or QUIC is what tells DNS over HTTPS from the web.
fn spoken(case: &Case, owner: Option<&Owner>) -> Option<Recognised> {
    match case.protocol? {
        Recognised::Tls | Recognised::Quic if owner.is_some_and(|owner| owner.hides == Some(Hides::Names)) => {
            Some(Recognised::Doh)
        }
        other => Some(other),
    }
}

fn row(case: &Case, attribution: &Attribution, last: Stamp, devices: &Devices, rules: &Rules) -> FlowRow {
    let owner = attribution.owner.map(|owner| rules.owner(owner));
    let hello = case.hello.as_ref();
    FlowRow {
        protocol: case.key.protocol,
        a: case.key.initiator,
        b: case.key.responder,
        packets: case.packets,
        wire: case.wire,
        payload: case.payload,
        first: case.first,
        last,
        device: case.place.map(|place| devices.device(place.device).id.clone()),
        app: owner.map(|owner| owner.id.to_string()),
        operator: owner.map(|owner| owner.operator.to_string()),
        subject: booking::whose(rules, case, attribution).id,
        kind: attribution.kind,
        role: attribution.role,
        host: attribution.host.as_deref().map(str::to_owned),
        host_source: attribution.host_source.map(HostSource::word),
        evidence: attribution.evidence,
        confidence: attribution.confidence,
        conflicts: attribution.conflicts.clone(),
        alpn: hello.map(|hello| hello.alpn.clone()).unwrap_or_default(),
        ja4: hello.and_then(|hello| hello.ja4.clone()),
        second_ja4: case.second_ja4.clone(),
        speaks: spoken(case, owner).map(Recognised::word),
        ech: hello.is_some_and(|hello| hello.ech),
    }
}
