//! Tests of the engine as a whole: the standard's cases, our own, and properties.

mod compile_errors;
mod conformance;
mod json_agreement;
mod limits;
mod own_cases;
mod properties;
