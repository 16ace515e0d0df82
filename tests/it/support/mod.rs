//! What every test here stands on: a home of its own, the real binary, the embedded payer.

mod home;
mod payer;

pub use home::{Home, Outcome};
pub use payer::{Payer, consent};
