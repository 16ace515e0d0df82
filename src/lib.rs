//! payersync copies what US health plans know about a member into SQLite tables.
//!
//! It connects to Patient Access APIs (1upHealth first), keeps the OAuth tokens alive, walks every
//! page of every FHIR R4 resource type that a plan serves, and keeps one warehouse in step, night
//! after night, unattended.
//!
//! # The house
//!
//! In reading order; the data travels one way, and a test keeps the arrows as drawn:
//!
//! ```text
//! main → commands → sync → { fhir → auth → http, view, warehouse }
//! ```
//!
//! - [`cli`] – the command line, clap types only
//! - [`config`] – `payersync.toml` → [`config::Settings`]: parsed, bounded, without a secret in it
//! - [`outcome`] – how a walk ended and why: the words of the ledger as types
//! - [`exit_code`] – the documented exit codes
//! - [`monitor`] – events out of the core, which never prints
//! - [`clock`] – the present time; the only place that asks the operating system for it
//! - [`own_file`] – files that this account alone can change, and that replace nobody else's
//! - [`commands`] – one file or folder per command; builds everything, shows everything
//! - [`notify`] – who is told when a nightly run fails: a command, a webhook, a mailbox, a ping
//! - [`schedule`] – when the next run is due; pure
//! - [`sync`] – what to ask (pure), the walk from page to page, the report
//! - `alike` – the known name that a misspelt name may mean; pure
//! - [`fingerprint`] – what identifies a resource and its content; pure
//! - [`instant`](mod@instant) – the dates of resources, as they come; pure
//! - [`shard`] – which connections a process looks after, of several that share the work; pure
//! - [`r4`] – the names of FHIR R4's resource types
//! - [`reference`](mod@reference) – where a reference leads: here, elsewhere, into the Bundle; pure
//! - [`fhir`] – Bundles, pages, capabilities, outcomes
//! - [`auth`] – consent, tokens, and the vault that keeps them
//! - [`http`] – requests with retries, budgets and bounds; the only place that names reqwest,
//!   backoff and governor
//! - [`view`] – SQL on FHIR ViewDefinitions → rows; pure
//! - [`warehouse`] – the SQLite file: pages, rows, ledger; the only place that names rusqlite and
//!   refinery, with the exception of the vault, which is a file of its own
//! - [`sandbox`] – the embedded payer; it knows no other module, and only `commands` and tests know it

mod alike;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod exit_code;
pub mod fhir;
pub mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
pub mod instant;
pub mod monitor;
pub mod notify;
pub mod outcome;
pub mod own_file;
mod plural;
pub mod r4;
pub mod reference;
pub mod sandbox;
pub mod schedule;
pub mod shard;
pub mod sync;
pub mod view;
pub mod warehouse;
