//! What every test here stands on: a home of its own, the real binary, the embedded payer, and
//! what may be around it.

mod consenting;
mod home;
mod payer;
mod recorder;
mod surroundings;
mod tables;
mod watched;

pub(crate) use consenting::Consenting;
pub(crate) use home::{Home, Outcome};
pub(crate) use payer::Payer;
pub(crate) use recorder::Recorder;
pub(crate) use surroundings::{server, shared};
pub(crate) use tables::{VIEWS_DIR, definition};
pub(crate) use watched::{Ended, Watched};
