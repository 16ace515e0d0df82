//! Helpers of every test here: a home of its own, the real binary, the embedded payer and other servers,
//! and the programs and data that a machine may have.

mod articles;
mod canaries;
mod consenting;
mod dictated;
mod faulty;
mod home;
mod payer;
mod purgeable;
mod real_claims;
mod recorder;
mod screen;
mod scripted;
mod served;
mod shell;
mod sql_text;
mod surroundings;
mod tables;
mod tampered;
mod watched;

pub(crate) use articles::article;
pub(crate) use canaries::{CANARY_BYTES, canaries, sightings};
pub(crate) use consenting::Consenting;
pub(crate) use dictated::Dictated;
pub(crate) use faulty::{Disturbed, Faulty};
pub(crate) use home::{Home, Outcome};
pub(crate) use payer::{Payer, SHORT_SYNC};
pub(crate) use purgeable::{Purgeable, stayers_rows};
pub(crate) use real_claims::real_claims;
pub(crate) use recorder::Recorder;
pub(crate) use screen::{Screen, at_terminal, on_screen};
pub(crate) use scripted::{Asked, Reply, Scripted, bundle};
pub(crate) use served::Served;
pub(crate) use shell::{bash, bash_command, scripts};
pub(crate) use sql_text::{copy_rows, dump, rows};
#[cfg(feature = "lake")]
pub(crate) use surroundings::{azurite, python_with_delta, python_with_spark};
pub(crate) use surroundings::{
    chromium_and_axe, fhirpath_js, oidc_module, python_with_duckdb, server, shared, tools,
};
pub(crate) use tables::{VIEWS_DIR, definition, state};
pub(crate) use tampered::{Answer, Asked as AskedThrough, Tampered};
pub(crate) use watched::{Ended, Watched};
