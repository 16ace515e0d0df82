//! Marts and the Tuva input layer.

mod accumulators;
mod claim_diagnosis;
pub(crate) mod claim_families;
mod claims_cases;
mod code_names;
mod contact_of_the_past;
mod covered_months;
mod extreme_numbers;
mod lab_units;
mod line_numbers;
mod mart_consents;
mod mart_persons;
mod mart_references;
pub(crate) mod mart_spellings;
mod mart_stays;
mod mart_values;
mod marts_kept;
mod marts_rounds;
pub(crate) mod marts_together;
pub(crate) mod medicare_claims;
mod medicare_number;
pub(crate) mod more_marts;
pub(crate) mod own_claims;
mod reconciled;
mod tuva;
mod tuva_codes;
mod tuva_known;
