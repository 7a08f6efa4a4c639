//! Which rule entries hold an address: the longest prefix wins.
//!
//! Address blocks never overlap by halves, so sorted by base and length each knows the block around it: one binary
//! search finds the last block that starts at or before the address, and every block that holds it is on the way out.

use std::net::IpAddr;

use super::rules::EntryId;
use crate::base::Cidr;

/// Address blocks, found by address.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    v4: Table,
    v6: Table,
}

#[derive(Debug, Default)]
struct Table {
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    block: Cidr,
    entry: EntryId,
    /// The row of the smallest block around this one.
    around: Option<usize>,
}

impl Blocks {
    /// Sorts `blocks` for finding.
    pub(super) fn new(blocks: impl IntoIterator<Item = (Cidr, EntryId)>) -> Self {
        let (v4, v6) = blocks.into_iter().partition(|(block, _)| block.base().is_ipv4());
        Self { v4: Table::new(v4), v6: Table::new(v6) }
    }

    /// Every block that holds `addr`, the longest prefix first.
    pub(super) fn find(&self, addr: IpAddr) -> impl Iterator<Item = (Cidr, EntryId)> {
        let table = if addr.is_ipv4() { &self.v4 } else { &self.v6 };
        table.find(addr)
    }
}

impl Table {
    fn new(mut blocks: Vec<(Cidr, EntryId)>) -> Self {
        blocks.sort_unstable_by_key(|&(block, entry)| (block.base(), block.length(), entry));
        let mut rows: Vec<Row> = Vec::with_capacity(blocks.len());
        for (block, entry) in blocks {
            let mut around = rows.len().checked_sub(1);
            while let Some(at) = around.filter(|&at| !rows[at].block.contains(block.base())) {
                around = rows[at].around;
            }
            rows.push(Row { block, entry, around });
        }
        Self { rows }
    }

    fn find(&self, addr: IpAddr) -> impl Iterator<Item = (Cidr, EntryId)> {
        let last = self.rows.partition_point(|row| row.block.base() <= addr).checked_sub(1);
        let outwards = std::iter::successors(last.map(|at| self.rows[at]), |row| row.around.map(|at| self.rows[at]));
        outwards.filter(move |row| row.block.contains(addr)).map(|row| (row.block, row.entry))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(bits: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 | bits & 0xff).into())
    }

    proptest! {
        #[test]
        fn the_table_finds_what_asking_every_block_finds(
            blocks in proptest::collection::vec((any::<u32>(), 20..=32_u8), 0..40),
            addr in any::<u32>(),
        ) {
            let blocks: Vec<_> =
                (0..).zip(blocks).filter_map(|(n, (bits, len))| Some((Cidr::new(near(bits), len)?, EntryId(n)))).collect();
            let table = Blocks::new(blocks.iter().copied());
            let mut asked: Vec<_> = blocks.into_iter().filter(|(block, _)| block.contains(near(addr))).collect();
            asked.sort_unstable_by_key(|&(block, entry)| std::cmp::Reverse((block.length(), entry)));
            prop_assert_eq!(table.find(near(addr)).collect::<Vec<_>>(), asked);
        }
    }

    #[test]
    fn the_two_families_are_apart() {
        let blocks = ["0.0.0.0/0", "::/0"].map(|text| text.parse().unwrap());
        let table = Blocks::new(blocks.into_iter().zip([EntryId(4), EntryId(6)]));
        let of = |addr: &str| table.find(addr.parse().unwrap()).map(|(_, entry)| entry).collect::<Vec<_>>();
        assert_eq!(of("1.2.3.4"), [EntryId(4)]);
        assert_eq!(of("2001:db8::1"), [EntryId(6)]);
    }
}
