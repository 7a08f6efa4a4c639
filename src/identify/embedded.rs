//! The rule files that the program carries.

/// Each file's id with its text, from `rules/` of this project.
macro_rules! rule_files {
    ($($id:literal)*) => {
        &[$(($id, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $id, ".toml")))),*]
    };
}

/// Every file of `rules/`, by id.
pub(super) const EMBEDDED: &[(&str, &str)] = rule_files! {
    "apple"
    "google"
    "meta"
    "signal"
    "telegram"
    "whatsapp"
};
