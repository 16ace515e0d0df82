//! Files that come in and go out: import and export.

pub(crate) mod export;
mod export_code_shaped;
mod export_deidentified;
pub(crate) mod export_identifiers;
mod export_kill;
mod export_parquet;
mod export_planted;
mod export_since;
pub(crate) mod import;
mod import_attachments;
mod import_beside_a_plan;
mod import_data;
mod import_odd;
mod lake;
mod lake_away;
mod lake_azure;
mod lake_engines;
mod lake_moving;
mod lake_s3;
mod lake_store;
mod lake_told;

#[cfg(feature = "lake")]
pub(crate) use lake::assert_same_at;
