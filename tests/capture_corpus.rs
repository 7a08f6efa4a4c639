//! Every capture of the corpus opens or says in one line why not, and frame counts equal an independent reader's.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests: failing is their way to report")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use nightaudit::capture::{Captures, FileReport};

/// The corpus, or `None` (said aloud) where it is not here.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("NIGHTAUDIT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    if folder.join("apps").is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no corpus at {}; set NIGHTAUDIT_CORPUS", folder.display());
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect();
    files.sort();
    files
}

/// Reads one file to its end: its report, or the line that says why not.
fn read(path: &Path) -> Result<FileReport, String> {
    let mut opened = Captures::open(&[path]);
    if let Some(error) = opened.failed.pop() {
        return Err(error.to_string());
    }
    if !opened.logs.is_empty() {
        return Err(format!("{}: a log of connections", path.display()));
    }
    let mut frames = 0;
    while opened.captures.advance().is_some() {
        let frame = opened.captures.frame();
        assert!(frame.data.len() <= frame.original_len as usize, "{}", path.display());
        frames += 1;
    }
    let report = opened.captures.into_reports().remove(0);
    assert_eq!(report.frames, frames);
    assert_eq!(report.sha256.len(), 64);
    Ok(report)
}

/// What `section.packets` the expectation file of `name` says.
fn expected(folder: &Path, name: &str, section: &str) -> Option<u64> {
    let text = fs::read_to_string(folder.join(format!("{name}.json"))).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json[section]["packets"].as_u64()
}

/// Where tshark's count is not the number of packets, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("advanced__test102.pcapng", "tshark counts custom blocks as packets"),
    ("basic__test018.pcapng", "tshark counts custom blocks as packets"),
    ("difficult__test202.pcapng", "tshark counts custom blocks as packets"),
    ("pcpp_solaris.snoop", "snoop is not read, and the error says how to convert it"),
    ("brcm-tag", "a link type that this tshark does not read"),
    ("_dsa", "a link type that this tshark does not read"),
    ("_edsa", "a link type that this tshark does not read"),
    ("juniper_es_oobr", "a link type that this tshark does not read"),
    ("juniper_monitor_invalid", "a link type that this tshark does not read"),
    ("_kday6", "a link type that this tshark does not read"),
    ("_vtp_asan", "a link type that this tshark does not read"),
];

#[test]
fn frame_counts_of_app_captures_equal_tsharks() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for path in files(&corpus.join("apps")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(packets) = expected(&corpus.join("expected"), &name, "tshark") else { continue };
        let report = read(&path).unwrap();
        assert_eq!((report.frames, report.cut, report.broken), (packets, None, 0), "{name}");
        compared += 1;
    }
    assert!(compared > 150, "only {compared} captures were compared");
}

#[test]
fn malformed_captures_open_or_say_why_not() {
    let Some(corpus) = corpus() else { return };
    let mut differing = Vec::new();
    let mut compared = 0;
    for path in files(&corpus.join("malformed")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let outcome = read(&path);
        if let Err(line) = &outcome {
            assert!(!line.contains('\n') && line.contains(&name), "{line}");
        }
        let Some(packets) = expected(&corpus.join("expected/malformed"), &name, "tshark") else { continue };
        compared += 1;
        let found = outcome.as_ref().map_or(0, |report| report.frames);
        let excused = EXCUSED.iter().any(|(part, ..)| name.contains(part));
        if (found != packets) != excused {
            differing.push(format!("{name}: tshark {packets}, we {outcome:?}"));
        }
    }
    assert!(compared > 600, "only {compared} captures were compared");
    assert!(differing.is_empty(), "{} differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn all_other_captures_open_or_say_why_not() {
    let Some(corpus) = corpus() else { return };
    let mut opened = 0;
    for path in files(&corpus.join("ja4/pcap")).into_iter().chain(files(&corpus.join("multi-day"))) {
        match read(&path) {
            Ok(_) => opened += 1,
            Err(line) => assert!(!line.contains('\n'), "{line}"),
        }
    }
    assert!(opened > 30, "only {opened} captures opened");
}
