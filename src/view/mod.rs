//! SQL on FHIR: compiles a ViewDefinition to a plan, and turns a resource into rows.
//!
//! This is the product's core. It is pure: no I/O, no clock, no async, no shared state. It uses no crate
//! except serde, serde_json and thiserror, and of payersync only `reference` and `r4`. In this module, a
//! plan is a compiled definition and not a health plan.
//!
//! ```text
//! definition (JSON) ─► compile ─► View { columns, plan }
//!                        │ path: text → tree · lower: tree → plan
//! resource (bytes) ─► json::parse ─► Node ─► View::run ─► rows, borrowing from the bytes
//!                                              │ rows: which rows · eval, walk: which values
//! ```
//!
//! Promises:
//! - An expression that is not supported is a compile error and never a wrong value.
//! - A column that declares a type holds values of that type or none.
//! - No recursion is deeper than a fixed bound, and no resource makes more than [`ROW_LIMIT`] rows.
//! - No error and no `Debug` output has data of a resource.

mod boundary;
mod column_kind;
mod compile;
mod compiled;
mod constant;
mod decimal;
mod definition;
mod direct;
mod elements;
mod error;
mod eval;
mod item;
pub mod json;
pub mod lint;
mod lower;
mod one_of;
mod operators;
mod outline;
mod path;
mod plan;
mod reference_key;
mod rows;
mod sum;
mod temporal;
mod type_name;
mod types;
mod use_of_views;
mod value;
mod walk;

#[cfg(test)]
mod tests;

pub use compiled::{Column, ROW_LIMIT, View};
pub use definition::{
    ColumnDefinition, ConstantDefinition, SelectDefinition, ViewDefinition, WhereDefinition,
};
pub use error::{CompileError, ViewError, ViewErrorReason};
pub use value::{ColumnKind, Value};
