//! A daemon that reads what strangers send gives up every right that it does not need (Linux).
//!
//! Capabilities but `CAP_NET_RAW` go, for this program and for whatever it runs; `no_new_privs` is set; Landlock lets it
//! write to its own folders alone. All three act on the calling thread and on what it starts later: this is done before
//! any other thread is there.

use std::path::PathBuf;

/// What a confined program may still do.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Needs {
    /// Folders it writes to; those that are missing are left out.
    pub write: Vec<PathBuf>,
    /// Files and folders that it reads, beside the system's own.
    pub read: Vec<PathBuf>,
    /// Which TCP ports it connects to; `None` where that cannot be told beforehand.
    pub ports: Option<Vec<u16>>,
    /// Capabilities kept beside `CAP_NET_RAW`, by name.
    pub capabilities: Vec<&'static str>,
}

/// What the system granted, a line each for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Confined {
    /// What was given up.
    pub given_up: Vec<String>,
    /// What could not be given up, and why.
    pub kept: Vec<String>,
}

/// Gives up what `needs` does not name. Never fails: what the kernel cannot do is said.
///
/// `start` is called when all is given up but what Landlock takes: a thread that it starts may still look at other
/// processes, which Landlock hides whatever it is asked for (landlock(7), "Ptrace restrictions").
#[cfg(target_os = "linux")]
pub fn confine(needs: &Needs, start: impl FnOnce()) -> Confined {
    let mut confined = Confined { given_up: Vec::new(), kept: Vec::new() };
    let mut note = |what: &str, done: Result<String, String>| match done {
        Ok(done) => confined.given_up.push(done),
        Err(why) => confined.kept.push(format!("{what}: {why}")),
    };
    note("capabilities", drop_capabilities(&needs.capabilities).map_err(|error| error.to_string()));
    note("no_new_privs", no_new_privs());
    start();
    note("Landlock", landlock(needs));
    confined
}

/// Other systems have other means, which are not used yet.
#[cfg(not(target_os = "linux"))]
pub fn confine(_: &Needs, start: impl FnOnce()) -> Confined {
    start();
    Confined { given_up: Vec::new(), kept: vec!["confinement: only Linux's is known".into()] }
}

/// Keeps `CAP_NET_RAW`, with which an interface that comes back is captured on again, and nothing for children.
#[cfg(target_os = "linux")]
fn drop_capabilities(more: &[&str]) -> Result<String, caps::errors::CapsError> {
    use caps::{CapSet, Capability, CapsHashSet};

    let held = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = held
        .iter()
        .copied()
        .filter(|one| *one == Capability::CAP_NET_RAW || more.contains(&one.to_string().as_str()))
        .collect();
    // A program run as root gets what is in the bounding set; taking from it needs a capability that goes next.
    let mut bounded = held.contains(&Capability::CAP_SETPCAP);
    if bounded {
        for capability in caps::read(None, CapSet::Bounding)? {
            bounded &= caps::drop(None, CapSet::Bounding, capability).is_ok();
        }
    }
    // An ambient set is unknown to old kernels.
    let _ = caps::clear(None, CapSet::Ambient);
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())?;
    let mut names: Vec<_> = kept.iter().map(ToString::to_string).collect();
    names.sort();
    let but = if names.is_empty() { String::new() } else { format!(" but {}", names.join(", ")) };
    let children = if bounded { ", for programs that it runs as well" } else { "" };
    Ok(format!("all capabilities{but}{children}"))
}

#[cfg(target_os = "linux")]
fn no_new_privs() -> Result<String, String> {
    rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
    Ok("new privileges (no_new_privs)".into())
}

/// Read and run what the system brings, read what is named, write to what is named.
#[cfg(target_os = "linux")]
fn landlock(needs: &Needs) -> Result<String, String> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
    };

    let abi = ABI::V6;
    let all = AccessFs::from_all(abi);
    let read = AccessFs::from_read(abi);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let there = |paths: &[PathBuf]| paths.iter().filter(|path| path.exists()).cloned().collect::<Vec<_>>();
    let mut connect: BitFlags<AccessNet> = AccessNet::BindTcp.into();
    if needs.ports.is_some() {
        connect |= AccessNet::ConnectTcp;
    }
    let restrict = || {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)?
            .handle_access(connect)?
            .scope(Scope::Signal)?;
        let ports = needs
            .ports
            .iter()
            .flatten()
            .map(|port| Ok::<_, landlock::RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
        ruleset
            .create()?
            .add_rules(path_beneath_rules(SYSTEM, read))?
            .add_rules(path_beneath_rules(DEVICES, device))?
            .add_rules(path_beneath_rules(there(&needs.read), read))?
            .add_rules(path_beneath_rules(there(&needs.write), all))?
            .add_rules(ports)?
            .restrict_self()
    };
    let status = restrict().map_err(|error: landlock::RulesetError| error.to_string())?;
    let enforced = match status.ruleset {
        RulesetStatus::FullyEnforced => "in full",
        RulesetStatus::PartiallyEnforced => "as far as this kernel can",
        RulesetStatus::NotEnforced => return Err("this kernel has none, or it is not enabled at boot".into()),
    };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("ABI {}", effective_abi as i32),
        _ => "ABI unknown".into(),
    };
    let folders: Vec<_> = there(&needs.write).iter().map(|path| path.display().to_string()).collect();
    let net = match &needs.ports {
        None => "no further port is listened on",
        Some(ports) if ports.is_empty() => "no further port is listened on or connected to",
        Some(_) => "no further port is listened on, and only the ports of its streams and webhook are connected to",
    };
    Ok(format!("writing outside {} (Landlock {abi}, {enforced}; over TCP {net}; UDP is free)", folders.join(", ")))
}

/// What every program needs to run, to look up names and to know the time; `/sys` tells whether a link is up.
#[cfg(target_os = "linux")]
const SYSTEM: [&str; 9] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/sys", "/proc", "/run"];
#[cfg(target_os = "linux")]
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The version of Landlock that this kernel has; `None` where it has none.
#[cfg(target_os = "linux")]
pub fn landlock_version() -> Option<i32> {
    use landlock::{
        ABI, Access, AccessFs, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, path_beneath_rules,
    };

    // Only a thread that is restricted learns it; this one ends with it.
    let restricted = std::thread::spawn(|| {
        let all = AccessFs::from_all(ABI::V1);
        let rules = path_beneath_rules(["/"], all);
        Ruleset::default().handle_access(all)?.create()?.add_rules(rules)?.restrict_self()
    });
    match restricted.join().ok()?.ok()?.landlock {
        LandlockStatus::Available { effective_abi, .. } => Some(effective_abi as i32),
        _ => None,
    }
}

/// Other systems have no Landlock.
#[cfg(not(target_os = "linux"))]
pub fn landlock_version() -> Option<i32> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// Landlock and capabilities act per thread, so that a thread can be confined and the test goes on.
    #[test]
    fn a_confined_thread_writes_to_its_folders_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, others) = (folder.path().join("mine"), folder.path().join("others"));
        fs::create_dir_all(&mine).unwrap();
        fs::create_dir_all(&others).unwrap();
        if landlock_version().is_none() {
            println!("SKIPPED: this kernel has no Landlock");
            return;
        }
        let needs = Needs { write: vec![mine.clone()], ports: Some(Vec::new()), ..Needs::default() };
        let inside = thread::spawn(move || {
            let confined = confine(&needs, || ());
            let here = fs::write(mine.join("ledger.db"), b"x").is_ok();
            let there = fs::write(others.join("x"), b"x").is_ok();
            let listened = std::net::TcpListener::bind("127.0.0.1:0").is_ok();
            let runs = std::process::Command::new("true").status().is_ok_and(|status| status.success());
            let caps = caps::read(None, caps::CapSet::Permitted).unwrap();
            (confined, here, there, listened, runs, caps)
        });
        let (confined, here, there, listened, runs, caps) = inside.join().unwrap();
        assert!(here && runs, "{confined:?}");
        assert!(!there, "{confined:?}");
        assert!(!listened || landlock_version() < Some(4), "{confined:?}");
        assert!(caps.iter().all(|one| *one == caps::Capability::CAP_NET_RAW), "{caps:?}");
        assert!(confined.kept.is_empty(), "{confined:?}");
        assert!(fs::write(folder.path().join("others/y"), b"y").is_ok(), "other threads are free");
    }
}
