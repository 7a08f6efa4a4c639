//! Names that a pcapng section gives to users and processes.

use std::{collections::HashMap, str};

use super::{AppTag, options::Options, pcap::Order, record::Tag};

/// PCAPdroid's map of user ids, Apple's process blocks, and processes named in comments.
#[derive(Debug, Default)]
pub(super) struct Tags {
    users: HashMap<i32, Box<str>>,
    processes: Vec<Process>,
    /// Place in `processes` of the newest process of an id.
    by_pid: HashMap<u32, usize>,
    commented: Vec<Process>,
    /// Place in `commented` of the newest process of an id.
    commented_by_pid: HashMap<u32, usize>,
}

#[derive(Debug)]
struct Process {
    pid: u32,
    name: Box<str>,
}

impl Process {
    fn tag(&self) -> AppTag<'_> {
        AppTag::Process { pid: self.pid, name: &self.name }
    }
}

impl Tags {
    /// Takes in a process information block: a process id, then options. `None` where it ends early.
    pub(super) fn note_process(&mut self, body: &[u8], order: Order) -> Option<()> {
        let (&pid, options) = body.split_first_chunk()?;
        let pid = order.u32(pid);
        let name = Options::new(options, order).find(|&(code, _)| code == PROCESS_NAME).map_or(&[][..], |(_, it)| it);
        if self.processes.len() < MOST_NAMES {
            self.by_pid.insert(pid, self.processes.len());
            self.processes.push(Process { pid, name: bounded_text(name) });
        }
        Some(())
    }

    /// Takes in a custom block, where it is PCAPdroid's user id map; `None` where it is not.
    pub(super) fn note_custom(&mut self, body: &[u8], order: Order) -> Option<()> {
        let (&enterprise, body) = body.split_first_chunk()?;
        let (&[v0, v1, kind, _], body) = body.split_first_chunk()?;
        let of_interest = (order.u32(enterprise), order.u16([v0, v1]), kind) == (PCAPDROID, 1, USER_MAP);
        let (&uid, body) = body.split_first_chunk().filter(|_| of_interest)?;
        let (&[package_len, app_len], names) = body.split_first_chunk()?;
        let (package, app) = names.split_at_checked(package_len.into())?;
        let name = if package.is_empty() { app.get(..app_len.into())? } else { package };
        let uid = order.u32(uid).cast_signed();
        if self.users.len() < MOST_NAMES || self.users.contains_key(&uid) {
            self.users.insert(uid, bounded_text(name));
        }
        Some(())
    }

    /// Keeps a process that a comment names, once. [`Tag::None`] where there are too many.
    pub(super) fn note_comment(&mut self, pid: u32, name: &str) -> Tag {
        let known = self.commented_by_pid.get(&pid).copied();
        let same = |at: &usize| self.commented.get(*at).is_some_and(|it| *it.name == *clipped(name));
        let place = match known.filter(same) {
            Some(place) => place,
            None if self.commented.len() < MOST_NAMES => {
                self.commented_by_pid.insert(pid, self.commented.len());
                self.commented.push(Process { pid, name: clipped(name).into() });
                self.commented.len() - 1
            }
            None => return Tag::None,
        };
        u32::try_from(place).map_or(Tag::None, Tag::Commented)
    }

    /// What `tag` says, with the name that goes with it.
    pub(super) fn resolve(&self, tag: Tag) -> Option<AppTag<'_>> {
        match tag {
            Tag::None => None,
            Tag::Uid(uid) => Some(AppTag::Uid { uid, name: self.users.get(&uid).map(|name| &**name) }),
            Tag::Pid(pid) => {
                let process = self.by_pid.get(&pid).and_then(|&at| self.processes.get(at));
                Some(AppTag::Process { pid, name: process.map_or("", |it| &it.name) })
            }
            Tag::Process(place) => self.processes.get(usize::try_from(place).ok()?).map(Process::tag),
            Tag::Commented(place) => self.commented.get(usize::try_from(place).ok()?).map(Process::tag),
        }
    }
}

/// The user id in PCAPdroid's packet comment `u-10123`.
pub(super) fn uid_in_comment(comment: &[u8]) -> Option<i32> {
    let text = str::from_utf8(comment).ok()?.trim_end_matches('\0');
    text.strip_prefix("u-")?.parse().ok()
}

/// The process in the packet comment that pymobiledevice3 writes for an iPhone:
/// `PID: 7, ProcName: nsurlsessiond, EPID: 9, EProcName: WhatsApp, SVC: 0`. The second is the one that the first
/// works for, where there is one.
pub(super) fn process_in_comment(comment: &[u8]) -> Option<(u32, &str)> {
    let text = str::from_utf8(comment).ok()?.strip_prefix("PID: ")?;
    let (pid, rest) = text.split_once(", ProcName: ")?;
    let (name, rest) = rest.split_once(", EPID: ")?;
    let (effective_pid, rest) = rest.split_once(", EProcName: ")?;
    let (effective, _) = rest.split_once(", SVC: ")?;
    let (pid, name) = if effective.is_empty() { (pid, name) } else { (effective_pid, effective) };
    Some((pid.parse().ok()?, name)).filter(|(_, name)| !name.is_empty())
}

/// As much of a name as is kept.
fn clipped(name: &str) -> &str {
    let mut most = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(most) {
        most -= 1;
    }
    name.get(..most).unwrap_or_default()
}

/// As much of a name from the file as is kept, with what is not UTF-8 replaced.
fn bounded_text(bytes: &[u8]) -> Box<str> {
    let kept = bytes.get(..bytes.len().min(LONGEST_NAME)).unwrap_or_default();
    String::from_utf8_lossy(kept).trim_end_matches('\0').into()
}

/// PCAPdroid's author in the registry of private enterprise numbers.
pub(super) const PCAPDROID: u32 = 62_652;
pub(super) const USER_MAP: u8 = 1;
const PROCESS_NAME: u16 = 2;
const MOST_NAMES: usize = 4_096;
const LONGEST_NAME: usize = 255;
