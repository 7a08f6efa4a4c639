//! pcapng options: a code, a length, a value, padded to four bytes.

use super::{
    Heading,
    pcap::Order,
    pcapng::padding,
    record::Tag,
    tags::{process_in_comment, uid_in_comment},
};

/// The options of a block, in order. Ends at `opt_endofopt`, or where one does not fit in what is left.
pub(super) struct Options<'a> {
    left: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    pub(super) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { left: bytes, order }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[c0, c1, l0, l1], rest) = self.left.split_first_chunk()?;
        let code = self.order.u16([c0, c1]);
        let len = usize::from(self.order.u16([l0, l1]));
        let value = rest.get(..len).filter(|_| code != END)?;
        self.left = rest.get(len + padding(len)..).unwrap_or_default();
        Some((code, value))
    }
}

/// What a packet's options say of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Said<'a> {
    pub(super) heading: Option<Heading>,
    pub(super) tag: Tag,
    /// A process that a comment names, by id and name.
    pub(super) process: Option<(u32, &'a str)>,
}

/// Reads the options of a packet block. A user id says more than a process, and the process that the traffic is for
/// (Apple's "effective" one) more than the process that sends it.
pub(super) fn said_of_packet(options: Options<'_>) -> Said<'_> {
    let mut said = Said { heading: None, tag: Tag::None, process: None };
    let mut rank = 0;
    let order = options.order;
    for (code, value) in options {
        let number = || value.first_chunk().map(|&bytes| order.u32(bytes));
        let (tag, strength) = match code {
            COMMENT => {
                said.process = process_in_comment(value).or(said.process);
                (uid_in_comment(value).map(Tag::Uid), 4)
            }
            EFFECTIVE_PROCESS => (number().map(Tag::Process), 3),
            PROCESS => (number().map(Tag::Process), 2),
            // Zero: not known.
            PROCESS_ID => (number().filter(|&pid| pid != 0).map(Tag::Pid), 1),
            FLAGS => {
                said.heading = number().and_then(heading).or(said.heading);
                continue;
            }
            _ => continue,
        };
        if let Some(tag) = tag.filter(|_| strength > rank) {
            (said.tag, rank) = (tag, strength);
        }
    }
    said
}

/// The direction bits of `epb_flags`.
fn heading(flags: u32) -> Option<Heading> {
    match flags & 3 {
        1 => Some(Heading::Inbound),
        2 => Some(Heading::Outbound),
        _ => None,
    }
}

const END: u16 = 0;
pub(super) const COMMENT: u16 = 1;
pub(super) const FLAGS: u16 = 2;
/// `epb_processid_threadid`: two numbers, the second for the thread.
const PROCESS_ID: u16 = 8;
/// Apple: the place of the process among the section's process blocks, from zero.
const PROCESS: u16 = 0x8001;
/// Apple: the same, of the process that the traffic is for.
const EFFECTIVE_PROCESS: u16 = 0x8003;
