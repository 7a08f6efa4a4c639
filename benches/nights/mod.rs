//! Phones with known truth: named scenarios and a blind draw, judged by this project and by others' methods.

pub(crate) mod draw;
pub(crate) mod lengths;
pub(crate) mod metrics;
pub(crate) mod play;
pub(crate) mod rivals;
pub(crate) mod table;
