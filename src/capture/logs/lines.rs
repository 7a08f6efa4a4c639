//! Lines of text, each no longer than is worth reading.

use std::{io, ops::Range};

use crate::capture::window::Window;

/// A longer line is no row of any log: it is passed over without being held in memory.
const LONGEST: usize = 256 * 1024;

/// A text, line by line.
pub(super) struct Lines {
    window: Window,
    number: u64,
}

/// What stands between two line ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// A line, where [`Lines::text`] finds it until the next one is asked for.
    Whole(Range<usize>),
    /// One longer than any row.
    TooLong,
}

impl Lines {
    pub(super) fn new(window: Window) -> Self {
        Self { window, number: 0 }
    }

    /// The number of the line that came last, counted from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the text.
    pub(super) fn advance(&mut self) -> io::Result<Option<Line>> {
        let mut looked = 0;
        loop {
            let unseen = self.window.front().get(looked..).unwrap_or_default();
            if let Some(at) = unseen.iter().position(|&byte| byte == b'\n') {
                let line = self.window.take(looked + at);
                self.window.take(1);
                return Ok(Some(self.whole(line)));
            }
            looked = self.window.left();
            if looked > LONGEST {
                self.skip_line()?;
                self.number += 1;
                return Ok(Some(Line::TooLong));
            }
            if !self.window.has(looked + 1)? {
                let line = self.window.take(looked);
                return Ok((looked > 0).then(|| self.whole(line)));
            }
        }
    }

    /// The bytes of a line.
    pub(super) fn text(&self, line: Range<usize>) -> &[u8] {
        self.window.slice(line)
    }

    /// How many bytes were passed over.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Ends the reading and returns the input's hash.
    pub(super) fn finish(self) -> [u8; 32] {
        self.window.finish()
    }

    fn whole(&mut self, line: Range<usize>) -> Line {
        self.number += 1;
        let ends_in_return = self.window.slice(line.clone()).last() == Some(&b'\r');
        let end = line.end - usize::from(ends_in_return);
        if line.len() > LONGEST { Line::TooLong } else { Line::Whole(line.start..end) }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let front = self.window.front();
            if let Some(at) = front.iter().position(|&byte| byte == b'\n') {
                self.window.take(at + 1);
                return Ok(());
            }
            self.window.take(front.len());
            if !self.window.has(1)? {
                return Ok(());
            }
        }
    }
}
