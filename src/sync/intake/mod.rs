//! From the bytes of a page to what the writer stores, for plans and files alike.

pub(super) mod page;
pub(super) mod unpack;
pub(super) mod whose;
pub(super) mod workers;
