//! A JSON tree that borrows from the text; the view engine reads it.
//!
//! The syntax is strict RFC 8259. Strings without escapes and all numbers are slices of the input. So the
//! tree costs one allocation per array or object, and money keeps the digits that were received. No I/O
//! is done, and a value that can be borrowed is never copied.

mod node;
mod parse;
mod write;

pub use node::{Member, Node};
pub(crate) use node::{Name, find};
pub use parse::{JsonError, JsonErrorKind, Limits, parse};
pub(crate) use write::write_json_string;
