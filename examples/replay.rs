//! Makes a large capture for speed comparisons: `cargo run --release --example replay -- OUT [MEGABYTES] [CAPTURE…]`.
//!
//! Without captures it replays the bundled ones.

use std::{env, error::Error, path::PathBuf};

#[path = "../benches/replay/mod.rs"]
mod replay;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let out = PathBuf::from(args.next().ok_or("name the capture to write")?);
    let megabytes = match args.next() {
        Some(text) => text.to_string_lossy().parse()?,
        None => 1_100,
    };
    let named: Vec<PathBuf> = args.map(PathBuf::from).collect();
    let sources = if named.is_empty() { replay::bundled() } else { named };
    replay::replay(&sources, &out, megabytes * 1_000_000)?;
    Ok(())
}
