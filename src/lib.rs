//! payersync
pub mod auth;
pub mod fhir;
pub mod http;
pub mod monitor;
pub mod sandbox;
pub mod sync;
pub mod view;
pub mod warehouse;
