//! What every test here stands on: a home of its own, the real binary, the embedded payer.

mod home;
mod payer;

pub(crate) use home::Home;
pub(crate) use payer::Payer;
