//! Normalised tables and the view language.

mod amounts_in_tables;
mod bundle_references;
mod contained;
pub(crate) mod coverage;
mod every_table;
mod first_entry;
mod mistyped;
mod own_views;
mod references;
mod shapes;
mod unmapped;
mod unmapped_reasons;
mod views;
mod views_check;
mod views_fhirpath;
