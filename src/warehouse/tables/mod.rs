//! Normalised tables and marts: their definitions, how they are filled and kept up to date.

pub mod code_systems;
pub(super) mod codes;
pub(super) mod in_order;
pub(super) mod marts;
pub(super) mod mistyped;
mod path_tree;
pub(super) mod projection;
mod rebuild;
mod rebuild_job;
mod rebuild_swap;
pub(super) mod row_batch;
pub(super) mod rows;
pub(super) mod table;
mod table_sql;
mod taken;
pub(super) mod unmapped;
pub(super) mod unmapped_table;
pub(super) mod upkeep;
