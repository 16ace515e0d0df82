//! Walks one type from its first page to its end: pages, windows, parts, and whether the pages stood still.

mod ages;
mod between_parts;
mod by_date;
mod by_query;
mod came;
pub(super) mod closing_window;
pub(super) mod ending;
mod hint;
mod judge;
pub(super) mod not_walked;
pub(super) mod one_type;
mod page_request;
mod pass;
mod refused_changes;
mod settled;
mod walk_clock;
pub(super) mod whole_of_windows;
pub(super) mod window;
