//! Frames copied out of their source, many at a time: what goes from a capturing thread to the one that books.

use std::ops::Range;

use crate::{
    base::Stamp,
    capture::{AppTag, Frame, Heading, LinkType},
};

/// Frames in the order in which their source gave them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Kept>,
}

/// A frame by reference into the batch's bytes.
#[derive(Clone, Debug)]
struct Kept {
    stamp: Stamp,
    link: LinkType,
    data: Range<usize>,
    original_len: u32,
    heading: Option<Heading>,
    app: Option<KeptTag>,
}

#[derive(Clone, Debug)]
enum KeptTag {
    Uid(i32, Option<Range<usize>>),
    Process(u32, Range<usize>),
}

impl Batch {
    /// Copies a frame to the end.
    pub fn push(&mut self, frame: &Frame<'_>) {
        let data = self.keep(frame.data);
        let app = frame.app.map(|tag| match tag {
            AppTag::Uid { uid, name } => KeptTag::Uid(uid, name.map(|name| self.keep(name.as_bytes()))),
            AppTag::Process { pid, name } => KeptTag::Process(pid, self.keep(name.as_bytes())),
        });
        let Frame { stamp, link, original_len, heading, .. } = *frame;
        self.frames.push(Kept { stamp, link, data, original_len, heading, app });
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether it is time to hand it over.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES || self.frames.len() >= FULL_FRAMES
    }

    /// Stamp of the frame number `index`.
    pub fn stamp(&self, index: usize) -> Option<Stamp> {
        self.frames.get(index).map(|frame| frame.stamp)
    }

    /// The frame number `index`.
    pub fn frame(&self, index: usize) -> Option<Frame<'_>> {
        self.frames.get(index).map(|kept| self.seen(kept))
    }

    /// Its frames in order.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(|kept| self.seen(kept))
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    fn seen(&self, kept: &Kept) -> Frame<'_> {
        let text = |range: &Range<usize>| {
            std::str::from_utf8(self.bytes.get(range.clone()).unwrap_or_default()).unwrap_or_default()
        };
        Frame {
            stamp: kept.stamp,
            link: kept.link,
            data: self.bytes.get(kept.data.clone()).unwrap_or_default(),
            original_len: kept.original_len,
            heading: kept.heading,
            app: kept.app.as_ref().map(|tag| match tag {
                KeptTag::Uid(uid, name) => AppTag::Uid { uid: *uid, name: name.as_ref().map(text) },
                KeptTag::Process(pid, name) => AppTag::Process { pid: *pid, name: text(name) },
            }),
        }
    }
}

/// With one frame more, of at most 262,144 bytes, a batch holds half a MiB.
const FULL_BYTES: usize = 256 * 1024;
const FULL_FRAMES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let tag = AppTag::Uid { uid: 10_123, name: Some("com.whatsapp") };
        let frames = [(b"abc".as_slice(), Some(tag)), (b"", None), (b"z", Some(AppTag::Process { pid: 7, name: "x" }))];
        let mut batch = Batch::default();
        for (data, app) in frames {
            let frame = Frame { data, app, original_len: 9, heading: Some(Heading::Inbound), ..Frame::NONE };
            batch.push(&frame);
        }
        let out: Vec<_> = batch.iter().map(|frame| (frame.data, frame.app)).collect();
        assert_eq!(out, frames);
        assert!(batch.iter().all(|frame| frame.original_len == 9 && frame.heading == Some(Heading::Inbound)));
        assert!(!batch.is_full());
    }

    #[test]
    fn a_batch_is_full_by_bytes_or_by_frames() {
        let mut batch = Batch::default();
        batch.push(&Frame { data: &vec![0; FULL_BYTES], ..Frame::NONE });
        assert!(batch.is_full());
        let mut batch = Batch::default();
        while !batch.is_full() {
            batch.push(&Frame::NONE);
        }
        assert_eq!(batch.len(), FULL_FRAMES);
    }
}
