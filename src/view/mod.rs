//! SQL on FHIR: a ViewDefinition becomes a compiled plan, a resource becomes rows.

pub mod json;
