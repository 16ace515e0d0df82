//! A borrowed JSON tree: what the view engine reads.
//!
//! Strict RFC 8259. Strings without escapes and all numbers are slices of the input, so the tree
//! costs one allocation per array or object and money keeps the digits it came with. It never
//! does I/O and never copies a value that it can point to.

mod node;
mod parse;
mod write;

pub use node::{Member, Node};
pub(crate) use node::{Name, find};
pub use parse::{JsonError, JsonErrorKind, Limits, parse};
pub(crate) use write::write_json_string;
