//! Tests of the whole engine: the standard's cases, our own cases, and properties.

mod compile_errors;
mod conformance;
mod json_agreement;
mod limits;
mod own_cases;
mod properties;
