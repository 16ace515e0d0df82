//! Commands, their pages, and what is written about them.

mod asking;
mod bad_input;
mod bad_plans;
pub(crate) mod codes;
pub(crate) mod command_examples;
mod configuring;
mod default_home;
mod deploy;
pub(crate) mod docs;
mod doctor;
mod embedded_payer;
mod explain;
mod finding_the_way;
mod front_page;
mod logs;
mod many_connections;
mod metrics;
mod notify;
mod packaging;
mod production_access;
mod recipes;
mod report;
mod report_browser;
mod schedule_run;
mod sharded;
mod shipped;
mod told_once;
