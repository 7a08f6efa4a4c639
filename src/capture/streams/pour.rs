//! Bytes of one connection become frames, until it ends.

use std::{io::Read, path::Path};

use super::{News, Until, outlet::Unwanted, tap::Line};
use crate::capture::{Problem, input::Input};

/// Frames between two looks at what the sending program says it lost.
const FRAMES_A_LOOK: u64 = 4_096;

/// How a connection ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// Why, in words that follow the name of the source.
    pub(super) why: String,
    pub(super) until: Until,
    /// It never was a capture.
    pub(super) refused: bool,
}

impl Ending {
    /// Of a connection that gave no capture.
    pub(super) fn refused(why: String) -> Self {
        Self { why, until: Until::LastPacket, refused: true }
    }
}

/// Hands over the frames in `raw` until it ends or the line is told to stop.
pub(super) fn pour(raw: Box<dyn Read + Send>, line: &Line, peer: Option<&str>) -> Result<Ending, Unwanted> {
    let mut input = match Input::of_stream(raw) {
        Ok(input) => input,
        Err(Problem::Empty) => return Ok(Ending::refused("it ended before a capture began".into())),
        Err(problem) => return Ok(Ending::refused(problem.to_string())),
    };
    line.outlet.tell(News::Open { peer: peer.map(str::to_owned) })?;
    let (mut frames, mut lost) = (0_u64, 0);
    while input.advance() {
        let frame = input.frame();
        line.outlet.push(&frame)?;
        frames += 1;
        if frames.is_multiple_of(FRAMES_A_LOOK) {
            tell_lost(input.lost(), &mut lost, line)?;
        }
    }
    let report = input.close(Path::new(""));
    tell_lost(report.lost, &mut lost, line)?;
    if report.broken > 0 {
        line.outlet
            .tell(News::Remark(format!("{} blocks contradict themselves and were passed over", report.broken)))?;
    }
    let broken_off = report.error.map(|error| error.problem.to_string()).or(report.cut.map(|cut| cut.to_string()));
    Ok(match broken_off {
        None => Ending { why: "the stream ended".into(), until: Until::Now, refused: false },
        Some(why) => Ending { why, until: Until::LastPacket, refused: false },
    })
}

/// Tells what the sending program lost since `told`, if anything.
fn tell_lost(lost: u64, told: &mut u64, line: &Line) -> Result<(), Unwanted> {
    match lost.saturating_sub(std::mem::replace(told, lost)) {
        0 => Ok(()),
        more => line.outlet.tell(News::Alive { lost: more, link: None }),
    }
}
