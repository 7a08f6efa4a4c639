//! nightaudit reads network traffic and says, with evidence and bounds, what messaging apps upload while nobody
//! uses the phone.
//!
//! The modules are the path of a packet to a verdict, in alphabetical order: a module imports itself and the ones
//! above it, never below.
//!
//! | stage | comes in | goes out |
//! |---|---|---|
//! | [`capture`] | files, standard input, interfaces | [`capture::Frame`] |
//! | [`decode`] | frames | [`decode::Packet`] |
//! | [`flow`] | packets | [`flow::FlowEvent`] |
//! | [`hint`] | first bytes of flows | [`hint::Hint`] |
//! | [`identify`] | hints and endpoints | `identify::Attribution` |
//! | [`ledger`] | attributed byte counts | rows by minute |
//! | [`night`] | one device's minutes | `night::Finding` |
//! | [`pipeline`] | captures | `pipeline::Audit` |
//! | [`report`] | an audit | text, JSON |
//! | [`schedule`] | plans, the moment, an audit | report files, notices |
//! | [`simulate`] | a scenario file | a capture with known truth |

pub mod base;
pub mod capture;
pub mod decode;
pub mod flow;
pub mod hint;
pub mod identify;
pub mod ledger;
pub mod night;
pub mod pipeline;
pub mod report;
pub mod schedule;
pub mod simulate;
pub mod tui;
pub mod verbs;
