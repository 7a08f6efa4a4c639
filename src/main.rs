//! The command line: `nightaudit VERB …`.

fn main() {}
