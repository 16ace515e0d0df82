//! The platforms, one file each.

mod aetna;
mod athena;
mod bluebutton;
mod carin_minimum;
mod cerner;
mod cigna;
mod epic;
mod flexpa;
mod hapi;
mod kaiser;
mod medicaid_ut;
mod one_up;
mod safhir;
mod smart_launcher;

pub(super) use one_up::ONE_UP;

use super::rule::Ruleset;

/// All platforms; the default one comes first.
pub(super) static ALL: [&Ruleset; 14] = [
    &ONE_UP,
    &aetna::AETNA,
    &athena::ATHENA,
    &bluebutton::BLUEBUTTON,
    &carin_minimum::CARIN_MINIMUM,
    &cerner::CERNER,
    &cigna::CIGNA,
    &epic::EPIC,
    &flexpa::FLEXPA,
    &hapi::HAPI,
    &kaiser::KAISER,
    &medicaid_ut::MEDICAID_UT,
    &safhir::SAFHIR,
    &smart_launcher::SMART_LAUNCHER,
];
