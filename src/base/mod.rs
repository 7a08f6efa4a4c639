//! The words every stage shares: moments and minutes, endpoints, byte counts, bounded reading, safe text.
//!
//! Nothing here knows of packets. Numbers wear their unit, and a header that lies is a value ([`Malformed`]).

pub mod bytes;
pub mod endpoint;
pub mod file;
pub mod list;
pub mod reader;
pub mod text;
pub mod time;

pub use bytes::Bytes;
pub use endpoint::{Cidr, Endpoint, Mac};
pub use list::one_or_several;
pub use reader::{Malformed, Reader};
pub use time::{Minute, Span, Stamp};
