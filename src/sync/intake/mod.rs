//! Turns the bytes of a page into what the writer stores, for plans and files alike.

pub(super) mod page;
pub(super) mod unpack;
pub(super) mod whose;
pub(super) mod workers;
