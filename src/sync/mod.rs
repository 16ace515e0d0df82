//! The core: what to ask a plan for, walking it page by page, and what came of it.
//!
//! `plan` decides (pure), `walk` goes from page to page, `unpack` turns a page into what the
//! writer stores (pure but for look-ups), `connection` runs the walks of one consent, `report`
//! sums up. Nothing here prints, reads a file or knows a command line.

mod absence;
mod allowance;
mod asked;
mod between_parts;
mod by_reference;
mod clocks;
mod closing_window;
mod connection;
mod context;
mod ending;
mod import;
mod import_pages;
mod in_order;
mod intake;
mod judge;
mod not_walked;
mod page_request;
mod part;
mod pass;
mod plan;
mod probe;
mod proved_for;
mod reference_reads;
mod report;
mod run;
mod stop;
mod survey;
mod unpack;
mod walk;
mod walk_by_date;
mod walk_by_query;
mod walk_clock;
mod whose;
mod window;
mod workers;

pub use import::{Import, ImportContext};
pub use plan::{Increment, PlanInput, Step, WalkFrom, WalkOrder, plan};
pub use report::{ConnectionReport, Report, WalkReport};
pub use run::{SyncContext, SyncOptions, Target, sync};
pub use stop::{Stop, StopHandle};
pub use survey::preview;
pub use window::Backfill;
