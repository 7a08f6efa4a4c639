//! In `src/` the alphabet is the pipeline: a stage names itself and earlier stages only.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Every `.rs` file below `dir`.
fn rust_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The stages that `source` names: `crate::x`, and the heads of `use crate::{x, y::…}` groups.
fn named_stages(source: &str) -> Vec<String> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut stages = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => stages.extend(group_heads(group)),
            None => stages.push(word(rest)),
        }
    }
    stages
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn group_heads(group: &str) -> Vec<String> {
    let (mut depth, mut heads, mut start) = (0_u32, Vec::new(), 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(&group[start..]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(&group[start..]));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

#[test]
fn no_stage_reaches_ahead() -> io::Result<()> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut ahead = Vec::new();
    let mut seen = 0;
    for file in rust_files(&src)? {
        let inside = file.strip_prefix(&src).unwrap_or(&file);
        let Some(stage) = inside.parent().and_then(|p| p.iter().next()).and_then(|s| s.to_str()) else { continue };
        let named = named_stages(&fs::read_to_string(&file)?);
        seen += named.len();
        let reaches = named.into_iter().filter(|other| other.as_str() > stage && src.join(other).is_dir());
        ahead.extend(reaches.map(|other| format!("{} names crate::{other}, a later stage", inside.display())));
    }
    assert!(seen > 8, "the walk saw only {seen} names: it no longer reads the sources");
    assert!(ahead.is_empty(), "{}", ahead.join("\n"));
    Ok(())
}

#[test]
fn a_group_of_imports_is_read_head_by_head() {
    let source = "use crate::{\n    base::{Bytes, Minute},\n    night, // crate::verbs\n};\ncrate::flow::x();";
    assert_eq!(named_stages(source), ["base", "night", "flow"]);
}
