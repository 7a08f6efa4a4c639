//! Recording with tcpdump, and what can happen to a recording afterwards.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{Lab, PHONE_INTERFACE};

/// A running tcpdump.
pub struct Recording {
    tcpdump: Child,
    says: BufReader<ChildStderr>,
}

impl Recording {
    /// Starts to record what passes the phone's interface into `file`, `snap_length` bytes of each frame.
    pub fn start(lab: &Lab, file: &Path, snap_length: u32) -> Result<Self> {
        let mut tcpdump = lab
            .phone
            .command("tcpdump")
            .args(["-i", PHONE_INTERFACE, "-s", &snap_length.to_string(), "-B", RING_KIB])
            .args(["--immediate-mode", "-U", "-Z", "root", "-w"])
            .arg(file)
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run `ip netns exec … tcpdump`")?;
        let mut says = BufReader::new(tcpdump.stderr.take().context("no standard error")?);
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            ensure!(says.read_line(&mut line)? > 0, "tcpdump ended before it listened");
        }
        Ok(Self { tcpdump, says })
    }

    /// Ends the recording once the last packets are in.
    pub fn stop(mut self) -> Result<()> {
        thread::sleep(Duration::from_millis(300));
        let pid = Pid::from_raw(i32::try_from(self.tcpdump.id())?).context("no process id")?;
        kill_process(pid, Signal::INT)?;
        let mut rest = String::new();
        self.says.read_to_string(&mut rest)?;
        ensure!(self.tcpdump.wait()?.success(), "tcpdump failed: {rest}");
        ensure!(rest.contains("0 packets dropped by kernel"), "tcpdump lost packets: {rest}");
        Ok(())
    }
}

/// Room for frames that tcpdump has not read yet. Each takes as much of it as the snap length allows.
const RING_KIB: &str = "65536";

/// A classic capture file, little-endian as tcpdump writes it here, cut into its records.
pub struct Pcap {
    header: Vec<u8>,
    /// Stamp (8 bytes) and the rest of each record: two lengths and the frame.
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Pcap {
    /// Reads `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]), "{} is no little-endian pcap", path.display());
        let (header, mut rest) = bytes.split_at(24);
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = rest.get(8..12).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
            let whole = 16 + length.context("a cut record")? as usize;
            let (record, after) = rest.split_at_checked(whole).context("a cut record")?;
            let (stamp, body) = record.split_at(8);
            records.push((stamp.to_vec(), body.to_vec()));
            rest = after;
        }
        Ok(Self { header: header.to_vec(), records })
    }

    /// Writes it to `path`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let records = self.records.iter().flat_map(|(stamp, body)| [stamp.as_slice(), body]);
        let bytes: Vec<u8> = std::iter::once(self.header.as_slice()).chain(records).flatten().copied().collect();
        fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Exchanges the frames `one` and `other` (from 1, as tshark counts), as if they had overtaken each other: the
    /// stamps stay in order.
    pub fn swap(&mut self, one: usize, other: usize) -> Result<()> {
        let (one, other) = (one.wrapping_sub(1), other.wrapping_sub(1));
        ensure!(one < other && other < self.records.len(), "no frames {one} and {other}");
        let (front, back) = self.records.split_at_mut(other);
        std::mem::swap(&mut front[one].1, &mut back[0].1);
        Ok(())
    }

    /// Repeats frame `number` right after frame `after`, as a sender does that heard no acknowledgement.
    pub fn repeat(&mut self, number: usize, after: usize) -> Result<()> {
        let Some((_, body)) = self.records.get(number.wrapping_sub(1)).cloned() else { bail!("no frame {number}") };
        let Some((stamp, _)) = self.records.get(after.wrapping_sub(1)).cloned() else { bail!("no frame {after}") };
        self.records.insert(after, (stamp, body));
        Ok(())
    }

    /// Keeps `snap_length` bytes of each frame, as `tcpdump -s` does.
    pub fn cut(&mut self, snap_length: u32) {
        self.header[16..20].copy_from_slice(&snap_length.to_le_bytes());
        let whole = 8 + snap_length as usize;
        for (_, body) in self.records.iter_mut().filter(|(_, body)| body.len() > whole) {
            body.truncate(whole);
            body[..4].copy_from_slice(&snap_length.to_le_bytes());
        }
    }
}

/// Where a capture and what belongs to it are kept.
pub struct Folder(PathBuf);

impl Folder {
    /// `captures/genuine/<name>`, made if need be.
    pub fn new(name: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/genuine").join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// The capture itself.
    pub fn capture(&self) -> PathBuf {
        self.0.join("traffic.pcap")
    }

    /// Writes `text` beside it.
    pub fn keep(&self, name: &str, text: &str) -> Result<()> {
        let path = self.0.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
