//! The core: decides what to ask a plan for, walks it page by page, and reports the outcome.
//!
//! The rooms, in the order in which the data travels: `decide` says which walks a run takes, `walk`
//! goes from page to page, `intake` turns a page into what the writer stores, `reference` reads
//! resources by id. `import` takes files in the same way. `run` goes through the connections,
//! `connection` through the walks of one consent, and `report` sums up. Nothing here prints, reads
//! a file or knows a command line.

mod allowance;
mod along;
mod answered;
mod attachments;
mod clocks;
mod connection;
mod context;
mod decide;
mod everything;
mod import;
mod in_order;
mod intake;
mod options;
mod reference;
mod report;
mod run;
mod stop;
mod walk;

pub use decide::input::PlanInput;
pub use decide::order::{Increment, Step, WalkFrom, WalkOrder};
pub use decide::plan::plan;
pub use decide::survey::{Declared, Preview, preview};
pub use import::files::{Import, ImportContext};
pub(crate) use options::key_of;
pub use options::{AttachmentLimits, Backfill, NotAsked, SyncContext, SyncOptions, Target};
pub use report::{ConnectionReport, Report, WalkReport};
pub use run::sync;
pub use stop::{Stop, StopHandle};
